"""Writes about the unit tree (单位登记): entering and changing units."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute

from app.accounts.opening import chunks
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Invalid
from app.core.numbers import checked_credit_code, folded_credit_code
from app.engine.models import WorkItem
from app.units import areas, history, queries
from app.units.code_lists import AREA_OFFICES, KINDS, PARTS, TYPES
from app.units.models import (
    ACTIVE,
    PENDING,
    RETURNED,
    Employment,
    Unit,
)
from app.units.registered import Committed, Registered

COMMITTED = Committed()
LONGEST_NAME = 100
LEADER_AT_WORK = "本单位领导还有待办任务，办结后才能取消单位领导审定"
ENTERED = (
    "name",
    "type",
    "kind",
    "area_code",
    "jurisdiction",
    "parent_id",
    "reports_to_id",
    "credit_code",
    "has_leader",
)
Above = InstrumentedAttribute[int | None]
Faults = dict[str, list[str]]


@dataclass(frozen=True)
class UnitFacts:
    """What is entered of a unit."""

    name: str
    type: str
    kind: str
    area_code: str
    jurisdiction: str
    parent: Unit | None = None
    reports_to: Unit | None = None
    credit_code: str = ""
    has_leader: bool = True

    @property
    def code(self) -> str | None:
        """The unified social credit code as it is kept and compared; None where there is none."""
        return folded_credit_code(self.credit_code) or None


def hold_tree(*units: Unit | None) -> None:
    """Let one change of the tree follow another, and read these units as the last one left them.

    Two changes that are each right alone can close a circle together; writers on SQLite queue.
    Who joins one of these units meanwhile (`hold_open`) comes wholly before the change or after.
    """
    if db.engine.dialect.name == "postgresql":
        place = func.pg_advisory_xact_lock(func.hashtextextended("unit tree", 0))
        db.session.execute(select(place))
    for unit in units:
        if unit is not None:
            take_turns(unit)


def take_turns(unit: Unit) -> None:
    """Let those who change a unit, or what is counted there, follow one another.

    What only refers to the unit passes: who is entered there is not waited for.
    """
    db.session.refresh(unit, with_for_update={"of": Unit, "key_share": True})


def hold_open(unit: Unit) -> None:
    """Keep a unit as it is until this is committed; Invalid for one that was closed meanwhile."""
    db.session.refresh(unit, with_for_update={"read": True})
    if unit.closed_at is not None:
        raise Invalid("该单位已关闭，请重新查询并选择单位", field="unit_id")


def hold_as_they_are(unit_ids: Iterable[int]) -> None:
    """Let none of these units be closed, merged or changed until this is committed.

    Others of the tree may change, and everybody may join these: `hold_tree` would stop them all.
    """
    for some in chunks(sorted(unit_ids)):
        place = select(Unit.id).where(Unit.id.in_(some)).order_by(Unit.id)
        db.session.execute(place.with_for_update(read=True))


def create_unit(
    facts: UnitFacts, *, actor_id: int | None, now: datetime, cause: str = "登记"
) -> Unit:
    """Enter a unit; Invalid says at which fields it does not hold."""
    unit = Unit()
    hold_tree(facts.parent, facts.reports_to)
    _apply(unit, facts)
    db.session.add(unit)
    db.session.flush()
    history.begin_period(unit, cause, now=now)
    audit.record(
        "unit:created", subject=("unit", unit.id), actor_id=actor_id, now=now, name=unit.name
    )
    return unit


def change_unit(
    unit: Unit,
    facts: UnitFacts,
    *,
    actor_id: int,
    now: datetime,
    cause: str = "修改",
    reason: str = "",
) -> None:
    """Change a unit for a reason; Invalid for a superior below itself, which closes a circle."""
    hold_tree(unit, facts.parent, facts.reports_to)
    if unit.closed_at is not None:
        raise Conflict("单位已关闭，不能修改")
    before = _standing(unit)
    _apply(unit, facts)
    db.session.flush()
    history.begin_period(unit, cause, now=now, reason=reason)
    after = _standing(unit)
    changed = [name for name in after if after[name] != before[name]]
    audit.record(
        "unit:changed",
        subject=("unit", unit.id),
        actor_id=actor_id,
        now=now,
        before={name: before[name] for name in changed},
        after={name: after[name] for name in changed},
        **({"reason": reason} if reason else {}),
    )


def _standing(unit: Unit) -> dict[str, Any]:
    """Return all that is entered of a unit, as the log keeps it."""
    return {name: getattr(unit, name) for name in ENTERED}


def leaders_tasks(unit: Unit) -> int:
    """Count the tasks that wait for a unit's leader."""
    return open_tasks(unit, WorkItem.role.in_(("unit_leader", "superior_leader")))


def open_tasks(unit: Unit, *conditions: ColumnElement[bool]) -> int:
    """Count the tasks that wait for somebody of a unit."""
    waiting = queries.open_tasks_at(unit).where(*conditions)
    return db.session.scalar(select(func.count()).select_from(waiting.subquery())) or 0


def _apply(unit: Unit, facts: UnitFacts) -> None:
    faults = faults_of(unit, facts)
    if faults:
        raise Invalid(errors=faults)
    unit.name, unit.type, unit.kind = facts.name.strip(), facts.type, facts.kind
    unit.area_code, unit.jurisdiction = facts.area_code, facts.jurisdiction
    unit.parent_id = facts.parent.id if facts.parent else None
    unit.reports_to_id = facts.reports_to.id if facts.reports_to else None
    unit.credit_code = facts.code
    unit.has_leader = facts.has_leader


def faults_of(unit: Unit | None, facts: UnitFacts, among: Registered = COMMITTED) -> Faults:
    """Return by field everything that keeps a unit from being entered or changed like this.

    It is judged `among` the units of the database, or with those of a file that is imported.
    """
    known = unit if unit is not None and unit.id else None
    found: Faults = {}
    name = facts.name.strip()
    if not name or len(name) > LONGEST_NAME:
        found["name"] = ["请填写单位名称，不超过 100 个字"]
    elif among.has_name(known, name, facts.parent):
        found["name"] = ["同一上级下已有同名单位"]
    found |= _faults_of_choice(known, facts, among)
    if facts.parent is not None and facts.parent.jurisdiction != facts.jurisdiction:
        found["jurisdiction"] = ["与上级单位的所属地区不一致"]
    fault = _fault_of_code(known, facts.code, among)
    if fault:
        found["credit_code"] = [fault]
    changed = _faults_of_change(known, facts) if known else {}
    return {**found, **_faults_of_superiors(known, facts), **changed}


def _faults_of_choice(unit: Unit | None, facts: UnitFacts, among: Registered) -> Faults:
    found: Faults = {}
    if facts.kind not in KINDS:
        found["kind"] = ["请选择单位性质"]
    if fault := areas.fault_of(facts.area_code, unit.area_code if unit else ""):
        found["area_code"] = [fault]
    if facts.type not in TYPES:
        found["type"] = ["请选择单位类型"]
    elif facts.type in PARTS and facts.parent is None:
        found["parent"] = [f"{facts.type}须填写所属的上级单位"]
    elif facts.type in AREA_OFFICES and among.has_office(unit, facts.area_code):
        found["area_code"] = [f"该属地已有{facts.type}"]
    return found


def _faults_of_superiors(unit: Unit | None, facts: UnitFacts) -> Faults:
    superiors = (
        ("parent", facts.parent, Unit.parent_id, "上级单位不能是本单位或其下级"),
        ("reports_to", facts.reports_to, Unit.reports_to_id, "上报不能绕回本单位"),
    )
    found: Faults = {}
    for field, superior, above, circle in superiors:
        if superior is not None and superior.closed_at is not None:
            found[field] = ["该单位已关闭"]
        elif unit and leads_to(unit, superior, above):
            found[field] = [circle]
    return found


def _faults_of_change(unit: Unit, facts: UnitFacts) -> Faults:
    found: Faults = {}
    if facts.jurisdiction != unit.jurisdiction and count(Unit.parent_id == unit.id):
        found["jurisdiction"] = ["该单位有下级单位，不能改变所属地区"]
    if unit.has_leader and not facts.has_leader and leaders_tasks(unit):
        found["has_leader"] = [LEADER_AT_WORK]
    count_of = 0 if facts.type in AREA_OFFICES else freelancers(unit)
    if count_of:
        found["type"] = [f"{count_of} 名自由职业者绑定在本单位，须为{'、'.join(AREA_OFFICES)}"]
    return found


def _fault_of_code(unit: Unit | None, code: str | None, among: Registered) -> str:
    if code is None:
        return ""
    try:
        checked_credit_code(code)
    except Invalid as fault:
        return fault.message
    return "该统一社会信用代码已登记" if among.has_code(unit, code) else ""


def leads_to(unit: Unit, start: Unit | None, upwards: Above) -> bool:
    """Tell whether the way up from a unit leads to another, as the tree is committed.

    What this session read before may be old.
    """
    above, passed = start.id if start else None, set[int]()
    while above is not None and above not in passed:
        if above == unit.id:
            return True
        passed.add(above)
        above = db.session.scalar(select(upwards).where(Unit.id == above))
    return False


def count(*conditions: object) -> int:
    """Count the open units of these conditions."""
    wanted = select(func.count(Unit.id)).where(Unit.closed_at.is_(None), *conditions)  # type: ignore[arg-type]
    return db.session.scalar(wanted) or 0


def members(unit: Unit) -> int:
    """Count the people whom a unit has taken as its own (本单位人员)."""
    return _bound(unit, Employment.status == ACTIVE)


def freelancers(unit: Unit) -> int:
    """Count the freelancers who are bound to a unit or ask to be: only area offices have some."""
    asked = Employment.status.in_((ACTIVE, PENDING, RETURNED))
    return _bound(unit, asked, Employment.is_freelancer.is_(True))


def _bound(unit: Unit, *conditions: ColumnElement[bool]) -> int:
    bound = select(func.count(Employment.id)).where(Employment.unit_id == unit.id, *conditions)
    return db.session.scalar(bound) or 0
