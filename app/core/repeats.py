"""A form that is sent twice is answered once: the repeat gets the answer of the first."""

import hashlib
import json
import secrets
from datetime import datetime, timedelta
from typing import IO

from flask import Flask, Response, g, redirect, request
from flask_login import current_user
from sqlalchemy import ForeignKey, String, delete, func, insert, select
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.wrappers import Response as BaseResponse

from app.core.clock import now
from app.core.db import Id, Instant, Model, current_transaction, db, pk
from app.core.errors import Conflict
from app.core.http import action_of

KEPT_FOR = timedelta(days=7)
LONGEST_LOCATION = 500


class RequestKey(Model):
    """An unsafe request that was answered: its repeat gets the same answer."""

    __tablename__ = "request_key"

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    key: Mapped[str] = mapped_column(String(40), unique=True)
    endpoint: Mapped[str] = mapped_column(String(80))
    body_hash: Mapped[str] = mapped_column(String(64))
    location: Mapped[str] = mapped_column(String(LONGEST_LOCATION))
    created_at: Mapped[datetime] = mapped_column(Instant, index=True)


def request_key() -> str:
    """Return a fresh key for a rendered form."""
    return secrets.token_urlsafe(18)


def _body_hash() -> str:
    """Return what tells a repeat from another form: it is sent with the same fields and files.

    As it came: files are staged anew with every repeat, and the form then carries other ids.
    """
    if "body_hash" not in g:
        sent = request.form.items(multi=True)
        fields = [(k, v) for k, v in sent if k not in {"csrf_token", "request_key"}]
        files = [
            (name, file.filename, _digest(file.stream))
            for name, file in request.files.items(multi=True)
            if file.filename
        ]
        body = [request.path, fields, *files]
        g.body_hash = hashlib.sha256(json.dumps(body).encode()).hexdigest()
    return str(g.body_hash)


def _digest(stream: IO[bytes]) -> str:
    digest = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
    stream.seek(0)
    return digest


def answer_repeat() -> BaseResponse | None:
    """Answer a repeated request as the first time; Conflict when its body differs."""
    key = request.form.get("request_key") if request.method == "POST" else None
    if not key or not current_user.is_authenticated:
        return None
    if db.engine.dialect.name == "postgresql":
        # A repeat that comes while the first is under way waits for its answer.
        place = select(func.pg_advisory_xact_lock(func.hashtextextended(key[:40], 0)))
        db.session.execute(place)
    known = db.session.scalars(select(RequestKey).where(RequestKey.key == key[:40])).first()
    body_hash = _body_hash()
    if known is None:
        g.fresh_key = key[:40]
        return None
    if known.person_id != current_user.id or known.body_hash != body_hash:
        raise Conflict("此表单已提交过，请刷新页面后再操作")
    g.pop("fresh_key", None)
    # The first request was judged on its record; its answer is repeated without a look at it.
    judged = current_transaction().notes.setdefault("authorized", set())
    judged.add(action_of(request.endpoint or ""))
    return redirect(known.location, code=303)


def keep_answer(response: Response) -> Response:
    """Keep the answer of a successful write under its key, in the same transaction."""
    key = g.get("fresh_key")
    location = response.location or "/"
    is_kept = response.status_code == 303 and len(location) <= LONGEST_LOCATION
    if key and is_kept and current_user.is_authenticated:
        db.session.execute(
            insert(RequestKey).values(
                person_id=current_user.id,
                key=key,
                endpoint=request.endpoint or "",
                body_hash=_body_hash(),
                location=location,
                created_at=now(),
            )
        )
    return response


def sweep_request_keys(now: datetime) -> None:
    """Forget answers after a week."""
    db.session.execute(delete(RequestKey).where(RequestKey.created_at < now - KEPT_FOR))


def init_repeats(app: Flask) -> None:
    """Wire repeats, after permissions: who may not do it gets no answer of before either."""
    app.before_request(answer_repeat)
    app.after_request(keep_answer)
    app.jinja_env.globals["request_key"] = request_key
