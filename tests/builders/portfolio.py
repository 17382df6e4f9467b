"""Portfolio items for tests, reached the way people reach them."""

import io
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

from PIL import Image
from sqlalchemy import func, select

from app.accounts.models import Person
from app.accounts.queries import people_with_role
from app.core import storage
from app.core.clock import now
from app.core.db import db
from app.core.uploads import Policy
from app.engine import runtime
from app.engine.models import WorkItem
from app.portfolio import attachments, item_types, operations
from app.portfolio.models import ItemVersion, PortfolioItem
from forms import FieldSpec, build, options_of
from forms.fields.simple import EXAMPLES

_shades = count()
CHECKED = {**EXAMPLES, "pattern": "123456789012"}
SPECIAL: dict[str, Any] = {"today+90d": "2199-12-31", "year": 2025}
BY_TYPE: dict[str, Any] = {
    "text": "示例",
    "textarea": "示例内容",
    "date": "2024-03-15",
    "month": "2024-03",
    "integer": 1,
    "number": "1",
}


def a_picture(colour: tuple[int, int, int] = (200, 30, 30), kind: str = "PNG") -> bytes:
    """A small picture."""
    target = io.BytesIO()
    Image.new("RGB", (60, 40), colour).save(target, kind)
    return target.getvalue()


def a_portrait() -> bytes:
    """A certificate photo of 5:7."""
    target = io.BytesIO()
    Image.new("RGB", (413, 579), (90, 120, 200)).save(target, "JPEG")
    return target.getvalue()


def an_upload(person: Person, name: str = "证明.png") -> storage.StoredFile:
    """A staged upload of a person: a picture, or a paper where the name says so."""
    if name.endswith(".pdf"):
        return storage.keep(
            b"%PDF-1.4 " + name.encode(), name, "application/pdf", owner_id=person.id, now=now()
        )
    colour = (len(name) % 250, next(_shades) % 250, person.id % 250)
    picture = a_picture(colour, "JPEG" if name.endswith(".jpg") else "PNG")
    return storage.stage(io.BytesIO(picture), name, Policy(), owner_id=person.id, now=now())


def _answer(field: FieldSpec) -> Any:
    if field.type in {"select", "radio"}:
        return options_of(field)[0][0]
    if field.type == "rows":
        return [{inner.name: _answer(inner) for inner in field.fields if inner.required}]
    if field.check or field.pattern:
        return CHECKED[field.check or "pattern"]
    return SPECIAL.get(field.min or "") or SPECIAL.get(field.name) or BY_TYPE[field.type]


def answers_for(type_key: str, **given: Any) -> dict[str, Any]:
    """Complete answers for a type: those given, and every field that is due beside them."""
    kind = item_types.get(type_key)
    answers = {**kind.defaults, **given}
    while True:
        form: Any = build(kind.form)(data=answers)
        due = [
            field
            for field in item_types.fields_of(kind)
            if field.name not in answers and form[field.name].is_required(form)
        ]
        if not due:
            return answers
        answers |= {field.name: _answer(field) for field in due}


def slots_due(type_key: str, answers: Mapping[str, Any]) -> list[FieldSpec]:
    """The slots that want a file beside these answers, as often as each wants one."""
    kind = item_types.get(type_key)
    form: Any = build(kind.form)(data=answers)
    due = [slot for slot in kind.slots if form[slot.name].is_required(form)]
    return [slot for slot in due for _ in range(max(slot.policy.least, 1))]


def an_item(
    person: Person,
    type_key: str = "honor",
    *,
    files: bool = True,
    data: Mapping[str, Any] | None = None,
) -> PortfolioItem:
    """A draft that could be submitted, with its required attachments."""
    item = operations.create_item(type_key, actor=person, now=now())
    answers = answers_for(type_key, **(data or {}))
    faults = operations.save_fields(item, answers, actor=person, now=now())
    assert not faults, faults
    for slot in slots_due(type_key, item.data) if files else ():
        attach(item, slot.name, "证明.png" if "png" in slot.policy.types else "证明.pdf")
    return item


def attach(item: PortfolioItem, slot: str, name: str = "证明.png") -> int:
    """Attach a fresh upload of the owner; the file's id."""
    upload = an_upload(item.person, name)
    attachments.attach_file(item, slot, upload.id, actor=item.person, now=now())
    return upload.id


def a_submitted_item(
    person: Person, type_key: str = "honor", *, data: Mapping[str, Any] | None = None
) -> PortfolioItem:
    """An item in the inbox of the unit's clerk."""
    item = an_item(person, type_key, data=data)
    operations.submit_item(item, actor=person, now=now())
    return item


def review_task(item: PortfolioItem) -> WorkItem:
    """The open task of the unit's clerk."""
    query = select(WorkItem).where(
        WorkItem.business_type == operations.BUSINESS,
        WorkItem.business_id == item.id,
        WorkItem.node == "vet_item",
        WorkItem.status == "open",
    )
    return db.session.scalars(query).one()


def last_tasks(item_ids: Iterable[int]) -> list[int]:
    """The last task of each item for the unit's clerk, open or done."""
    last = select(func.max(WorkItem.id)).where(
        WorkItem.business_type == operations.BUSINESS,
        WorkItem.business_id.in_(list(item_ids)),
        WorkItem.node == "vet_item",
    )
    return sorted(db.session.scalars(last.group_by(WorkItem.business_id)))


def vet(item: PortfolioItem, decision: str, opinion: str = "") -> None:
    """Decide as the clerk of the reviewing unit does."""
    task = review_task(item)
    clerk = people_with_role("unit_clerk", "org", item.reviewing_unit_id, now())[0]
    answers = {"decision": decision, "opinion": opinion}
    runtime.complete(task, answers, actor_id=clerk.id, now=now())


def an_approved_item(
    person: Person, type_key: str = "honor", *, data: Mapping[str, Any] | None = None
) -> ItemVersion:
    """An approved item; its current version, as declarations refer to it."""
    item = a_submitted_item(person, type_key, data=data)
    vet(item, "pass", "情况属实")
    assert item.current_version is not None
    return item.current_version
