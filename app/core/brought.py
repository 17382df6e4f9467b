"""Files that a form brings itself: a page without scripts sends them so (附件).

A script sends a file as soon as it is chosen, and the form carries its id. Without one the file
comes in a control beside those ids (the macro `uploader` draws both). Here it is cleaned under the
same policy and staged, and its id joins the others: views and operations know of ids alone.
"""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from flask import Flask, flash, g, request
from flask_login import current_user
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.exceptions import HTTPException

from app.core import receiving, storage
from app.core.children import TooSlow
from app.core.clock import now
from app.core.db import begin_writing, keep_written
from app.core.errors import Invalid, TooLarge
from app.core.faults import typed_on
from app.core.http import action_of, note_late_writing
from app.core.permissions import was_judged
from app.core.repeats import answer_repeat
from app.core.storage import Kept
from app.core.uploads import Policy, upload_policy

NEW, POLICY = "file-", "policy-"
"""What a form calls the new files of a field, and the name of the policy for them."""
ALONE, SINGLE, REMOVE = "files_alone", "single", "remove"
"""A button that brings files and nothing else, a field that takes one file, a file taken out."""
NOT_SENT = "附件已更新，本页尚未提交：填写完成后请提交，附件随之生效"
NONE_CAME = "请先选择文件"
MOST = 20
"""How many files one request may bring: each may take seconds to clean."""
TOO_MANY = f"一次最多上传 {MOST} 个文件，请分次上传"
NO_PLACE = "文件没有上传，请刷新页面后重新选择"
UNREAD = "其余文件没有处理，请重新选择"


def _names() -> Iterator[str]:
    """Yield the fields that the form brings new files for."""
    for control, sent in request.files.lists():
        if control.startswith(NEW) and any(each.filename for each in sent):
            yield control.removeprefix(NEW)


def are_there() -> bool:
    """Tell whether the form brings any file."""
    return any(_names())


def _concerns_files() -> bool:
    """Tell whether files come or go with the form; what cannot be read is refused elsewhere."""
    try:
        return request.method == "POST" and (
            ALONE in request.form or REMOVE in request.form or are_there()
        )
    except HTTPException:
        return False


def faults() -> dict[str, list[str]]:
    """Return why files that came are not taken, by field, as the page shows it."""
    told: dict[str, list[str]] = g.get("file_faults", {})
    return told


def brings_files(
    page: Callable[..., Any], *, of: Callable[..., object] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare that the form of a view may bring files, and the page on which it stands.

    The page is given what the view was given, and draws what was typed: where a file is not
    taken, and where the button pressed was one that sends files or takes one out. The files that
    are taken stay staged, whatever the view does; nothing else is written then. `of` is given the
    same and finds the record, as the view does: whoever may not is refused before a file is read.
    """

    def declare(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def answer(**values: Any) -> Any:
            if not _concerns_files():
                return view(**values)
            _judge(of, values)
            alone = ALONE in request.form or REMOVE in request.form
            has_changed = REMOVE in request.form or are_there()
            _stage()
            if any(g.file_faults.values()):
                return typed_on(page, **values), Invalid.status
            if alone:
                flash(*((NOT_SENT, "info") if has_changed else (NONE_CAME, "warning")))
                return typed_on(page, **values)
            return answer_repeat() or view(**values)

        return note_late_writing(answer, _concerns_files)

    return declare


def _judge(of: Callable[..., object] | None, values: dict[str, Any]) -> None:
    if of is not None:
        of(**values)
    if not was_judged(action := action_of(request.endpoint or "")):
        msg = f"{request.endpoint} takes files before it authorizes {action} on its record"
        raise RuntimeError(msg)


def _cleaned() -> dict[str, list[Kept]]:
    """Clean what came, by field; what is not taken is told at it. Before any writing."""
    came = {name: receiving.sent_as(NEW + name) for name in _names()}
    kept: dict[str, list[Kept]] = {name: [] for name in came}
    total = sum(map(len, came.values()))
    for name, sent in came.items():
        told = g.file_faults.setdefault(name, [])
        if said := TOO_MANY if total > MOST else _refusal(name, len(sent)):
            told.append(said)
            continue
        policy = _policy(name)
        for each in sent:
            try:
                kept[name].append(receiving.prepared(each, policy))
            except (Invalid, TooLarge) as error:
                told.append(error.message)
                if isinstance(error, TooSlow):
                    # The others may be as slow: nobody holds up a thread of the server for them.
                    told.extend([UNREAD] if total > 1 else [])
                    return kept
    return kept


def _policy(name: str) -> Policy:
    return upload_policy(request.form.get(POLICY + name, ""))


def _refusal(name: str, count: int) -> str:
    """Say why files are not even looked at: no page of ours has such a field, or too many came."""
    if POLICY + name not in request.form:
        return NO_PLACE
    policy = _policy(name)
    too_many = count > policy.max_count
    return f"一次选了 {count} 个文件，{policy.describe()}" if too_many else ""


def _stage() -> None:
    """Stage what came, and let the form carry its ids, without those that were taken out."""
    g.file_faults = {}
    kept = _cleaned()
    begin_writing()
    came = {
        name: [storage.lay(each, owner_id=current_user.id, now=now()).id for each in files]
        for name, files in kept.items()
    }
    keep_written()
    request.form = ImmutableMultiDict(_with_ids(request.form, came))


def _with_ids(sent: MultiDict[str, str], came: dict[str, list[int]]) -> MultiDict[str, str]:
    form, gone = MultiDict(sent), set(sent.getlist(REMOVE))
    fields = {name.removeprefix(POLICY) for name in sent if name.startswith(POLICY)}
    for name in fields | set(came):
        former = [] if name in sent.getlist(SINGLE) and came.get(name) else form.getlist(name)
        new = [str(each) for each in came.get(name, ())]
        form.setlist(name, [each for each in former if each not in gone] + new)
    return form


def init_brought(app: Flask) -> None:
    """Let the pages ask what was not taken."""
    app.jinja_env.globals["file_faults"] = faults
