"""Somebody far from a record is given its task: the task, its record and the files must open.

A diagram may put a task with any role of its scope. This goes over every kind of record that the
platform has, so that a new one has to say that its sight follows its tasks.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.core.records import table_of
from app.engine import handlers
from app.engine.models import InstanceStatus, ItemStatus, WorkItem
from app.units.evidence_models import RequestFile
from app.units.models import Unit, UnitChange
from app.units.post_models import PostSheet
from tests.sweep import world

FAR = "other_unit_leader"
SEATED = {"case"}
"""Of what only those have tasks who sit in the meeting: each of its scopes places the task of one
seat, to a person, so that no diagram can give it to anybody else. Who loses the seat, or is
recused, loses sight of the case with it, whatever tasks they had."""
ATTACHED = {
    "unit_change": "SELECT max(file_id) FROM request_file WHERE business_type = 'unit_change'",
    "unit_registration": "SELECT max(file_id) FROM request_file WHERE business_type = "
    "'unit_registration'",
    "post_sheet": "SELECT file_id FROM post_sheet ORDER BY id DESC LIMIT 1",
}
"""The file of what has no page but a place in a list of the office."""


def faults(client_for: Callable[..., Any]) -> Iterator[str]:
    """Say what does not open to whom a task was given, of each kind of record."""
    with transaction():
        reader = world.person_called(world.CAST[FAR])
        _attach()
    browser = client_for(reader)
    yield from _unseated()
    for kind in sorted(handlers.presenter.names() - SEATED):
        with transaction():
            task = _given(kind, reader)
            own = db.session.scalar(sa.text(ATTACHED[kind])) if kind in ATTACHED else None
            card = handlers.presenter.get(kind)(task.business_id)
        wanted = [card.url if own is None else f"/files/{own}"]
        if task.form:
            opened = browser.get(f"/tasks/{task.id}")
            wanted += [f"/tasks/{task.id}", *sorted(set(re.findall(r"/files/\d+", opened.text)))]
        for url in wanted:
            got = browser.get(url).status_code
            if got != 200:
                yield f"{kind}: {url} {got}"


def _unseated() -> Iterator[str]:
    """Say which scope of a case is not for one seat alone."""
    for name, contract in handlers.scope.contracts().items():
        if "material_review" in contract.serves and len(contract.roles) != 1:
            yield f"case: scope {name}"


def _attach() -> None:
    """Put a file with a registration, a change of a unit and one of its posts."""
    file_id, unit_id, person_id = (
        db.session.scalar(sa.text(f"SELECT min(id) FROM {table}"))
        for table in ("stored_file", "unit", "person")
    )
    asked = db.session.scalar(sa.text(world.RECORDS["units.registration_id"]))
    unit = db.session.get_one(Unit, unit_id)
    facts = {name: getattr(unit, name) for name in ("name", "type", "kind", "area_code")}
    change = UnitChange(**facts, unit_id=unit_id, office_id=unit_id, lines=[], reason="变更")
    change.requested_by, change.requested_at = person_id, now()
    db.session.add(change)
    db.session.flush()
    for kind, number in (("unit_registration", asked), ("unit_change", change.id)):
        evidence = RequestFile(business_type=kind, business_id=number, position=1)
        evidence.file_id = file_id
        db.session.add(evidence)
    sheet = PostSheet(unit_id=unit_id, status="pending", file_id=file_id, office_id=unit_id)
    sheet.submitted_by, sheet.submitted_at = person_id, now()
    db.session.add(sheet)
    db.session.flush()


def _given(kind: str, reader: Person) -> WorkItem:
    """Give somebody a task like the last one of such a record that has a form.

    Where the world has none, the task is of a page, and of the last record that there is.
    """
    of_form = select(WorkItem).where(WorkItem.form.is_not(None)).order_by(WorkItem.id.desc())
    last = db.session.scalars(of_form.where(WorkItem.business_type == kind).limit(1)).first()
    like = last or db.session.scalars(of_form.limit(1)).one()
    copied = {name: getattr(like, name) for name in _COPIED}
    if last is None:
        table = table_of(kind)
        number = db.session.scalar(sa.text(f"SELECT max(id) FROM {table}"))
        copied |= {"form": None, "page": "given", "business_type": kind, "business_id": number}
    like.instance.status, like.instance.ended_at = InstanceStatus.RUNNING, None
    given = WorkItem(
        **copied, task_uuid=f"given-{kind}", status=ItemStatus.OPEN, assignee_id=reader.id,
        scope_kind="person", scope_id=reader.id,
    )  # fmt: skip
    db.session.add(given)
    db.session.flush()
    return given


_COPIED = (
    *("process", "node", "name", "form", "save", "role", "title", "words", "instance_id"),
    *("jurisdiction", "business_type", "business_id", "opened_at"),
)
