"""A page that another one has overtaken: nothing is overwritten unseen, nothing typed is lost.

The form carries the version it was filled on. Where another page has saved other answers since,
the form is shown again with what was typed, and beside each field that differs stands what is
kept; saving once more is a decision then. Where it has sent the record on, nothing can be saved:
what was typed is listed, to be copied (overtaken.html).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from forms import AnswersForm, FieldSpec, FormSpec, display

EMPTIED = "另一页面已保存，此项为空"


def overtaken(what: str) -> str:
    """Return what stands above a form that was overtaken; `what` names the record."""
    return (
        f"您或他人在另一个页面修改过{what}，本页尚未保存。"
        "请核对下列不一致的内容；再次保存将以本页为准。"
    )


def _said(field: FieldSpec, answers: Mapping[str, Any], choices: Any) -> str:
    """Return an answer as people read it; a box that nobody touched is not ticked."""
    value = answers.get(field.name)
    return display(field, bool(value) if field.type == "bool" else value, choices)


def differing(
    spec: FormSpec, kept: Mapping[str, Any], typed: Mapping[str, Any], choices: Any = None
) -> dict[str, list[str]]:
    """Return the fields typed otherwise than they are kept, and what to say beside each."""
    found = {}
    for field in spec.fields:
        now_kept = _said(field, kept, choices)
        if _said(field, typed, choices) != now_kept:
            found[field.name] = [f"另一页面已保存为“{now_kept}”" if now_kept else EMPTIED]
    return found


def unsaved(
    fields: Iterable[FieldSpec],
    kept: Mapping[str, Any],
    form: AnswersForm,
    posted: MultiDict[str, str],
) -> list[tuple[str, str]]:
    """Return (label, text) of the fields typed otherwise than they are kept."""
    typed, found = form.answers(), []
    for field in fields:
        text = _said(field, typed, None)
        if form[field.name].process_errors:
            text = "、".join(posted.getlist(field.name))
        if text != _said(field, kept, None):
            found.append((field.label, text))
    return found
