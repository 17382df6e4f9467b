"""Portfolio items for tests, reached the way people reach them."""

import io
from collections.abc import Mapping
from itertools import count
from typing import Any

from PIL import Image
from sqlalchemy import select

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
from forms import FieldSpec, options_of

_shades = count()
CHECKED = {"isbn": "978-7-00-000000-1", "issn": "1000-0000"}
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
    if field.check:
        return CHECKED[field.check]
    if field.name == "year":
        return 2025
    return BY_TYPE[field.type]


def answers_for(type_key: str, **given: Any) -> dict[str, Any]:
    """Complete answers for a type: every required field, and those given."""
    fields = item_types.fields_of(item_types.get(type_key))
    needed = {field.name: _answer(field) for field in fields if field.required}
    return {**needed, **given}


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
    for slot in item_types.get(type_key).slots if files else ():
        if slot.required:
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
