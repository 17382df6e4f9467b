"""How a request brings a file: within a form, or in parts by the open tus protocol.

A page's script announces a file where it belongs, sends the parts to the address it is told
(`app/site/resuming.py`), and then names the upload in the form in the place of a file. The place
judges who, what kind and how large at both ends. tus because browsers have a well-kept client for
it, with retries and a memory of what was under way.
"""

import base64
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Response, request, url_for
from flask_login import current_user
from werkzeug.datastructures import FileStorage

from app.core import parts, storage
from app.core.clock import now
from app.core.db import begin_writing
from app.core.errors import Invalid, NotFound, TooLarge
from app.core.storage import Kept, StoredFile
from app.core.uploads import Policy

VERSION = "1.0.0"
V = TypeVar("V", bound=Callable[..., Any])


def takes_bytes(most: int) -> Callable[[V], V]:
    """Declare that this view is sent bytes in the place of a form, and how many at most."""

    def mark(view: V) -> V:
        view.takes_bytes = most  # type: ignore[attr-defined]
        return view

    return mark


def announces() -> bool:
    """Tell whether this request only announces a file that comes in parts."""
    return "Upload-Length" in request.headers


def number_in(header: str) -> int:
    """Return the number in a header of the protocol; Invalid without one."""
    text = request.headers.get(header, "")
    if not text.isascii() or not text.isdecimal() or len(text) > 12:
        raise Invalid("上传请求有误，请刷新页面后重试", field="file")
    return int(text)


def _announced_name() -> str:
    """Return the file's name as the protocol wraps it; Invalid for what cannot be read."""
    pairs = [part.split() for part in request.headers.get("Upload-Metadata", "").split(",")]
    known = {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    try:
        return base64.b64decode(known.get("filename", ""), validate=True).decode()
    except ValueError as error:
        raise Invalid("文件名无法识别，请改名后重试", field="file") from error


def announce(policy: Policy) -> Response:
    """Begin an upload in parts and say where they go; the view is one that writes late."""
    length, name = number_in("Upload-Length"), _announced_name()
    begin_writing()
    key = secrets.token_urlsafe(24)
    parts.begin(key, name, length, policy, owner_id=current_user.id, now=now())
    place = url_for("site.take_part", key=key)
    return Response(status=201, headers={"Location": place, "Tus-Resumable": VERSION})


def take(policy: Policy) -> StoredFile:
    """Keep the file that the form brings or names, in a view that writes late.

    Invalid, TooLarge, StoreUnavailable and Busy as cleaning says; NotFound for a foreign upload,
    Conflict for one that is not whole. Naming one again gives the same file again.
    """
    key, owner_id = request.form.get("upload"), current_user.id
    if key is None:
        sent = request.files.get("file")
        if sent is None or not sent.filename:
            raise Invalid("请选择要上传的文件", field="file")
        return storage.stage(sent.stream, sent.filename, policy, owner_id=owner_id, now=now())
    upload, kept = parts.own(key, owner_id), None
    if upload.status == parts.OPEN:
        with parts.assembled(upload) as whole:
            kept = storage.prepare(whole, upload.name, policy)
    begin_writing()
    upload = parts.own(key, owner_id, for_update=True)
    if upload.status == parts.KEPT:
        return storage.owned_file(upload.file_id or 0, owner_id)
    if kept is None:
        raise NotFound(parts.GONE)
    file = storage.lay(kept, owner_id=owner_id, now=now())
    parts.close(upload, file, now=now())
    return file


def sent_as(name: str) -> list[FileStorage]:
    """Return the files that were chosen in the control of this name."""
    return [each for each in request.files.getlist(name) if each.filename]


def prepared(sent: FileStorage, policy: Policy) -> Kept:
    """Clean one of several files and keep its bytes; a refusal names the file."""
    name = sent.filename or "附件"
    try:
        return storage.prepare(sent.stream, name, policy)
    except (Invalid, TooLarge) as error:
        raise type(error)(f"{name}：{error.message}", field="file") from error


def taken_before() -> StoredFile | None:
    """Return the file of the upload that the form names, where it was kept before."""
    key = request.form.get("upload")
    upload = parts.own(key, current_user.id) if key else None
    if upload is None or upload.status != parts.KEPT:
        return None
    return storage.owned_file(upload.file_id or 0, current_user.id)
