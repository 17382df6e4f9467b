"""Typing: every field is saved on its own."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from app.core.db import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.overtaken import Dispute, differing, unsaved
from app.core.typed import Draft, Faults
from app.declarations.models import Declaration
from app.declarations.operations.common import refuse_unless_editable
from app.declarations.specs import filled_in, held_to, personal_form, teaching_form
from app.people.operations import change_photo
from forms import build

PHOTO = "photo"
STALE = "您在另一个页面修改过这份申报，本页内容不是最新的，请刷新页面后再填写"


@dataclass(frozen=True)
class Saved:
    """What autosave answers: other values that changed with the field, and a notice.

    `judged` says what is wrong now with the answers whose check reads the field.
    """

    values: dict[str, Any] = field(default_factory=dict)
    notice: str = ""
    judged: Faults = field(default_factory=dict)


def save_field(
    declaration: Declaration,
    name: str,
    values: Sequence[str],
    *,
    now: datetime,
    row_version: int | None = None,
    beside: str = "",
) -> Saved:
    """Save one field of 个人信息 or 专业信息 as it is typed; empty is fine in a draft.

    `beside` is what the page has typed and not saved, as it was sent. Raises Invalid for a value
    that cannot be kept, NotFound for an unknown field, Conflict once the declaration has been
    sent up or another page has changed it since `row_version`.
    """
    refuse_unless_editable(declaration)
    require_current(declaration, row_version)
    if name == PHOTO:
        return _save_photo(declaration, values, now=now)
    for column, draft in _drafts(declaration, now):
        if name in draft.fields:
            typed = draft.typed_beside(beside)
            answer = {name: draft.answer_to(name, values)}
            if faults := _keep(declaration, column, draft.read(answer, typed), now):
                raise Invalid(errors=faults)
            changed = Draft(draft.spec, getattr(declaration, column))
            saved = replace(
                _fit_years(declaration, {name}), judged=changed.judged_again(name, typed)
            )
            db.session.flush()
            return saved
    raise NotFound("没有这个填报项，请刷新页面")


def save_form(
    declaration: Declaration, posted: MultiDict[str, str], *, but: Collection[str], now: datetime
) -> tuple[str, Faults]:
    """Save every field of 个人信息 and 专业信息 that can be kept, but those that were given up.

    Returns a notice of what was adjusted, and the faults of the others.
    """
    faults: Faults = {}
    names: set[str] = set()
    for column, draft in _drafts(declaration, now):
        answers = {
            name: draft.answer_to(name, posted.getlist(name))
            for name in draft.fields.keys() - set(but)
        }
        faults |= _keep(declaration, column, draft.read(answers, {}), now)
        names |= answers.keys()
    notice = _fit_years(declaration, names - faults.keys()).notice
    db.session.flush()
    return notice, faults


def _drafts(declaration: Declaration, now: datetime) -> list[tuple[str, Draft]]:
    """Return what is being typed of a declaration, by the column that keeps it."""
    forms = (("personal", personal_form(declaration)), ("teaching", teaching_form(declaration)))
    return [
        (column, Draft(held_to(spec, declaration, now), getattr(declaration, column)))
        for column, spec in forms
        if spec is not None
    ]


def _keep(
    declaration: Declaration, column: str, read: tuple[dict[str, Any], Faults], now: datetime
) -> Faults:
    """Keep what a draft can hold, and return the faults of what it cannot."""
    taken, faults = read
    if taken:
        setattr(declaration, column, {**getattr(declaration, column), **taken})
        declaration.updated_at = now
    return faults


def require_current(declaration: Declaration, row_version: int | None) -> None:
    """Raise Conflict when another page has changed the declaration since `row_version`."""
    if row_version is not None and row_version != declaration.row_version:
        raise Conflict(STALE)


def differing_fields(declaration: Declaration, typed: MultiDict[str, str]) -> dict[str, Dispute]:
    """Return the fields typed otherwise than they are kept."""
    found: dict[str, Dispute] = {}
    for spec, kept in filled_in(declaration):
        found |= differing(spec, kept, build(spec.optional())(typed).answers())
    return found


def unsaved_fields(declaration: Declaration, typed: MultiDict[str, str]) -> list[tuple[str, str]]:
    """Return (label, text) of the fields typed otherwise than they are kept."""
    found: list[tuple[str, str]] = []
    for spec, kept in filled_in(declaration):
        found += unsaved(spec.fields, kept, build(spec.optional())(typed), typed)
    return found


def _fit_years(declaration: Declaration, names: Collection[str]) -> Saved:
    """Set 专业年限 to 工作年限 where it is larger, and say so (FJ-P-49)."""
    work = declaration.personal.get("work_years")
    specialty = declaration.personal.get("specialty_years")
    if not {"work_years", "specialty_years"} & set(names) or work is None or specialty is None:
        return Saved()
    if specialty <= work:
        return Saved()
    declaration.personal = {**declaration.personal, "specialty_years": work}
    notice = f"专业年限不能超过工作年限，已由 {specialty} 年调整为 {work} 年"
    return Saved({"specialty_years": str(work)}, notice)


def _save_photo(declaration: Declaration, values: Sequence[str], *, now: datetime) -> Saved:
    chosen = values[0] if values else ""
    if not chosen.isdecimal():
        raise Invalid("请上传个人免冠照片", field=PHOTO)
    change_photo(declaration.person, int(chosen), now=now)
    db.session.flush()
    return Saved()
