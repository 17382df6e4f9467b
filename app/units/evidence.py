"""Evidence with requests (佐证材料): what a registration, a change or a binding rests on."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from app.accounts.queries import works_at
from app.accounts.tasks import holds_task
from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid, NotFound
from app.core.storage import StoredFile, link, owned_file, register_reader
from app.core.sweeping import forget_files
from app.core.uploads import Policy, register_policy
from app.engine.models import WorkItem
from app.units.evidence_models import RequestFile
from app.units.flow import last_vetting
from app.units.models import UnitChange

Business = tuple[str, int]
FIELD = "evidence"
POLICY = Policy(max_count=5)
register_policy({FIELD: POLICY}.get)


def files_of(business: Business) -> list[StoredFile]:
    """Return the evidence of a request in its order."""
    return [row.file for row in _rows(business)]


def _rows(business: Business) -> Sequence[RequestFile]:
    mine = select(RequestFile).where(
        RequestFile.business_type == business[0], RequestFile.business_id == business[1]
    )
    return db.session.scalars(mine.order_by(RequestFile.position)).all()


def numbers(typed: Iterable[str]) -> list[int]:
    """Return the ids of files as a form gives them, each once."""
    return list(dict.fromkeys(int(each) for each in typed if each.isdecimal()))


def check(ids: Sequence[int], owner_id: int, business: Business | None = None) -> None:
    """Raise Invalid for too many files, and for one that is neither the sender's nor there."""
    if len(ids) > POLICY.max_count:
        raise Invalid(f"佐证材料最多上传 {POLICY.max_count} 个", field=FIELD)
    there = {file.id for file in files_of(business)} if business else set()
    for file_id in ids:
        if file_id not in there:
            _own(file_id, owner_id)


def _own(file_id: int, owner_id: int) -> None:
    try:
        owned_file(file_id, owner_id, POLICY)
    except NotFound as error:
        raise Invalid(error.message, field=FIELD) from error


def attach(business: Business, ids: Sequence[int], owner_id: int) -> None:
    """Let these files, and no others, be the evidence of a request; Invalid as `check` says."""
    check(ids, owner_id, business)
    rows = _rows(business)
    for row in rows:
        db.session.delete(row)
    db.session.flush()
    forget_files(sorted({row.file_id for row in rows} - set(ids)))
    for position, file_id in enumerate(ids, start=1):
        link(db.session.get_one(StoredFile, file_id))
        kind, number = business
        row = RequestFile(business_type=kind, business_id=number, position=position)
        row.file_id = file_id
        db.session.add(row)
    db.session.flush()


@register_reader
def reads_evidence(person_id: int, file: StoredFile) -> bool:
    """Who handles a request or did so last, administrators of that office and of the unit."""
    requests = select(RequestFile).where(RequestFile.file_id == file.id)
    return any(_is_concerned(person_id, row) for row in db.session.scalars(requests))


def _is_concerned(person_id: int, row: RequestFile) -> bool:
    of_unit = select(UnitChange.unit_id).where(UnitChange.id == row.business_id)
    unit_id = db.session.scalar(of_unit) if row.business_type == "unit_change" else None
    if unit_id is not None and works_at(person_id, unit_id, {"unit_admin"}, now()):
        return True
    item = last_vetting((row.business_type, row.business_id))
    if item is not None and _handles(person_id, item):
        return True
    return holds_task(person_id, row.business_type, [row.business_id], now())


def _handles(person_id: int, item: WorkItem) -> bool:
    roles = {item.role or "", "unit_admin"}
    at_office = item.scope_kind == "org" and item.scope_id is not None
    works_there = at_office and works_at(person_id, item.scope_id or 0, roles, now())
    return works_there or item.assignee_id == person_id
