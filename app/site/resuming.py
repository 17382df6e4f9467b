"""Where the parts of uploads go: the tus protocol 1.0.0, for the owner alone (断点续传)."""

from flask import Blueprint, Response, request
from flask_login import current_user

from app.accounts.models import Person
from app.core import parts
from app.core.clock import now
from app.core.db import begin_writing
from app.core.http import writes_late
from app.core.parts import PART, PartialUpload
from app.core.permissions import authorize, register_predicate, requires
from app.core.receiving import VERSION, number_in, takes_bytes

ACTION = "upload.continue"


@register_predicate("owns_upload")
def owns_upload(person: Person, upload: PartialUpload, _now: object) -> bool:
    """Tell whether somebody began this upload themselves."""
    return upload.owner_id == person.id


def _own(key: str, *, for_update: bool = False) -> PartialUpload:
    upload = parts.own(key, current_user.id, for_update=for_update)
    authorize(ACTION, current_user, upload, now())
    return upload


def _told(status: int, upload: PartialUpload) -> Response:
    headers = {
        "Tus-Resumable": VERSION,
        "Upload-Offset": str(upload.received),
        "Upload-Length": str(upload.length),
    }
    return Response(status=status, headers=headers)


def add_pages(bp: Blueprint) -> None:
    """Add the addresses of uploads to the room's pages."""
    bp.add_url_rule("/uploads/<key>", view_func=ask_progress, methods=["HEAD"])
    bp.add_url_rule("/uploads/<key>", view_func=take_part, methods=["PATCH"])
    bp.add_url_rule("/uploads/<key>", view_func=give_up, methods=["DELETE"])


@requires(ACTION)
def ask_progress(key: str) -> Response:
    """Say how much of an upload has come."""
    return _told(200, _own(key))


@takes_bytes(PART)
@writes_late
@requires(ACTION)
def take_part(key: str) -> Response:
    """Take the next part; it is in the store before others have to wait for its row."""
    upload = _own(key)
    content, offset = request.get_data(), number_in("Upload-Offset")
    parts.put_part(upload, offset, content)
    begin_writing()
    upload = _own(key, for_update=True)
    parts.note_part(upload, offset, len(content), now=now())
    return _told(204, upload)


@requires(ACTION)
def give_up(key: str) -> Response:
    """Forget an upload (取消)."""
    upload = _own(key, for_update=True)
    if upload.status == parts.OPEN:
        parts.close(upload, None, now=now())
    return _told(204, upload)
