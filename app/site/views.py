"""The public home page, and files going in and out."""

from typing import IO, Any
from urllib.parse import quote

from flask import Blueprint, Response, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import select
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import wrap_file

from app.accounts.models import Person
from app.core import receiving
from app.core.clock import now
from app.core.db import db
from app.core.errors import NotFound
from app.core.http import writes_late
from app.core.numbers import ids_in
from app.core.permissions import authorize, register_predicate, requires
from app.core.storage import StoredFile, may_read, open_file
from app.core.uploads import MEDIA_TYPES, upload_policy
from app.site import resuming
from app.site.blocks import public_blocks
from app.site.reading import note_reading

bp = Blueprint("site", __name__)
resuming.add_pages(bp)
SHOWN_INLINE = {"image/jpeg", "image/png"}


def describe_policy(name: str) -> dict[str, Any]:
    """Return a policy as the uploader shows it."""
    policy = upload_policy(name)
    return {
        "types": policy.types,
        "max_bytes": policy.max_bytes,
        "help": policy.describe(),
    }


def stored_files(ids: list[Any]) -> list[StoredFile]:
    """Return stored files by ids as a form gives them, in their order.

    Ids come from what people send: files that they may not read are left out, names and all.
    """
    numbers = ids_in(map(str, ids))
    known = db.session.scalars(select(StoredFile).where(StoredFile.id.in_(numbers)))
    found = {file.id: file for file in known if may_read(current_user.id, file)}
    return [found[i] for i in numbers if i in found]


@bp.record_once
def _teach_templates(state: Any) -> None:
    state.app.jinja_env.globals.update(upload_policy=describe_policy, stored_files=stored_files)


@bp.get("/")
@requires("site.home")
def home() -> str:
    """The public home page (首页)."""
    return render_template("site/home.html", blocks=public_blocks(now()))


@bp.get("/healthz")
@requires("site.health")
def health() -> dict[str, str]:
    """Tell a supervisor that the database answers."""
    return {"status": "ok", "time": now().isoformat()}


@register_predicate("may_read_file")
def may_read_file(person: Person, file: StoredFile, _now: object) -> bool:
    """Its owner may read a file, and whom a room vouches for."""
    return may_read(person.id, file)


@bp.post("/files")
@writes_late
@requires("file.upload")
def upload() -> dict[str, Any] | Response:
    """Take one file in: cleaned and staged until a record links it."""
    policy = upload_policy(request.args.get("policy", ""))
    if receiving.announces():
        return receiving.announce(policy)
    return file_facts(receiving.take(policy))


def file_facts(file: StoredFile, name: str = "") -> dict[str, Any]:
    """Return what a page shows of a file that has come."""
    return {
        "id": file.id,
        "name": name or file.name,
        "size": file.size,
        "media_type": file.media_type,
        "url": url_for("site.file", file_id=file.id),
    }


def file_answer(stored: StoredFile) -> Response:
    """Return a file to somebody who may read it; only pictures and PDFs open in the browser.

    It goes out as it is read. A browser that has it, or part of it, is sent the rest.
    """
    content = open_file(stored)
    try:
        return _streamed(stored, content)
    except HTTPException:
        content.close()
        raise


def _streamed(stored: StoredFile, content: IO[bytes]) -> Response:
    is_pdf = stored.media_type == MEDIA_TYPES["pdf"]
    is_shown = (stored.media_type in SHOWN_INLINE or is_pdf) and "download" not in request.args
    answer = Response(
        wrap_file(request.environ, content, 2**16),
        mimetype=stored.media_type,
        direct_passthrough=True,
    )
    kind = "inline" if is_shown else "attachment"
    answer.headers["Content-Disposition"] = f"{kind}; filename*=UTF-8''{quote(stored.name)}"
    # Chromium's PDF viewer does not run in a sandboxed document; the PDF was scanned.
    policy = "default-src 'self'; object-src 'self'" if is_pdf else "default-src 'none'; sandbox"
    answer.headers["Content-Security-Policy"] = f"{policy}; frame-ancestors 'self'"
    answer.headers["Cache-Control"] = "private, max-age=300"
    answer.content_length = stored.size
    answer.set_etag(stored.sha256)
    answer.make_conditional(request, accept_ranges=True, complete_length=stored.size)
    return answer


@bp.get("/files/<int:file_id>")
@requires("file.read")
def file(file_id: int) -> Response:
    """Give a file out to who may read it."""
    stored = db.session.get(StoredFile, file_id)
    if stored is None or not may_read(current_user.id, stored):
        raise NotFound
    authorize("file.read", current_user, stored, now())
    note_reading(stored, current_user.id, now())
    return file_answer(stored)
