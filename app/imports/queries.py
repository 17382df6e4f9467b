"""Reads of imports."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, or_, select

from app.accounts.models import Person
from app.accounts.queries import live_grants
from app.core import jobs
from app.core.crypto import seal, unseal
from app.core.db import db
from app.core.permissions import ACTIONS, Grant
from app.imports.kinds import Kind, Row, kind_called, kinds
from app.imports.models import BatchStatus, ImportBatch, ImportRow, RowState

CHECK, RUN = "check_import", "run_import"


def holds(kind: Kind, unit_id: int | None, grants: Iterable[Grant]) -> bool:
    """Tell whether somebody with these roles may import a kind at a unit, or everywhere."""
    roles = ACTIONS[kind.action].roles
    return any(
        grant.role in roles
        and ((grant.scope_kind, grant.scope_id) == ("org", unit_id) if kind.at_unit else True)
        for grant in grants
    ) and kind.at_unit == (unit_id is not None)


def units_for(kind: Kind, grants: Iterable[Grant]) -> list[int]:
    """Return the units at which somebody with these roles may import a kind."""
    roles = ACTIONS[kind.action].roles
    held = [g.scope_id for g in grants if g.role in roles and g.scope_kind == "org" and g.scope_id]
    return list(dict.fromkeys(held))


def offered(grants: Iterable[Grant]) -> list[Kind]:
    """Return what somebody with these roles may import somewhere."""
    held = list(grants)
    return [
        kind
        for kind in kinds()
        if (units_for(kind, held) if kind.at_unit else holds(kind, None, held))
    ]


def batches_for(grants: Iterable[Grant]) -> Select[tuple[ImportBatch]]:
    """Select the imports of the offices that somebody with these roles is of, newest first."""
    held = list(grants)
    seen: list[ColumnElement[bool]] = [
        and_(ImportBatch.kind == kind.name, ImportBatch.unit_id.in_(units_for(kind, held)))
        if kind.at_unit
        else ImportBatch.kind == kind.name
        for kind in offered(held)
    ]
    return select(ImportBatch).where(or_(false(), *seen)).order_by(ImportBatch.id.desc())


def own_batches(person_id: int, family: str) -> Select[tuple[ImportBatch]]:
    """Select what somebody imported for themselves of a family of kinds, newest first."""
    mine = select(ImportBatch).where(
        ImportBatch.person_id == person_id,
        ImportBatch.kind.startswith(f"{family}-", autoescape=True),
    )
    return mine.order_by(ImportBatch.id.desc())


def may_import(person: Person, kind: str, unit_id: int | None, now: object) -> bool:
    """Tell whether a person may import a kind at a unit now."""
    found = kind_called(kind)
    return found is not None and holds(found, unit_id, live_grants(person.id, now))  # type: ignore[arg-type]


def rows_of(batch: ImportBatch, state: str = "") -> Select[tuple[ImportRow]]:
    """Select the rows of an import in their order, of one state when it is named."""
    mine = select(ImportRow).where(ImportRow.batch_id == batch.id)
    if state in set(RowState):
        mine = mine.where(ImportRow.state == state)
    return mine.order_by(ImportRow.no)


def cells_of(row: ImportRow) -> dict[str, str]:
    """Return what stands in a row."""
    cells = opened(row.cells_sealed)
    cells.pop(LOST, None)
    return cells


def sealed(cells: dict[str, str]) -> str:
    """Return the cells of a row as they are kept."""
    return seal(json.dumps(cells, ensure_ascii=False))


def opened(kept: str) -> dict[str, str]:
    """Return the cells of a row that were kept; none once they were forgotten."""
    return dict(json.loads(unseal(kept)))


def loaded(batch: ImportBatch) -> list[Row]:
    """Return every row of an import as it was judged last, without its faults."""
    judged = ImportRow.state, ImportRow.note, ImportRow.place, ImportRow.subject_id
    wanted = select(ImportRow.cells_sealed, ImportRow.id, ImportRow.no, *judged)
    mine = wanted.where(ImportRow.batch_id == batch.id).order_by(ImportRow.no)
    return [_row(*values) for values in db.session.execute(mine).tuples()]


def _row(kept: str, key: int, no: int, *judged: Any) -> Row:
    cells = opened(kept)
    lost = tuple((name, text) for name, text in json.loads(cells.pop(LOST, "[]")))
    state, note, place, subject_id = judged
    told = {"state": state, "note": note, "place": place, "subject_id": subject_id}
    return Row(no, cells, id=key, lost=lost, **told)


LOST = "?"
"""Under this name stands with the cells what could not be read of them."""


def job_of(batch: ImportBatch) -> str:
    """Return the key of the job that works on an import now."""
    name = CHECK if batch.status == BatchStatus.CHECKING else RUN
    return f"{name}:{batch.id}:{batch.round}"


def has_failed(batch: ImportBatch) -> bool:
    """Tell whether the worker gave an import up."""
    return batch.is_under_way and job_of(batch) in jobs.failed_of([job_of(batch)])
