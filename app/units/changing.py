"""单位变更: a unit's locked data (name, nature, area, superior) change by a process only."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from app.accounts.models import Person
from app.accounts.operations import notify
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid
from app.units import tree
from app.units.history import compared
from app.units.models import APPROVED, DROPPED, PENDING, RETURNED, Unit, UnitChange
from app.units.offices import vetting_office
from app.units.placing import faults_of_place

NO_OFFICE = "上级单位和属地人社部门尚未设置管理员，暂不能申请变更，请联系系统管理员"


def open_change(unit_id: int) -> UnitChange | None:
    """Return the change of a unit that waits for its office or for mending."""
    waiting = select(UnitChange).where(
        UnitChange.unit_id == unit_id, UnitChange.status.in_((PENDING, RETURNED))
    )
    return db.session.scalars(waiting).first()


def changes_of(unit_id: int) -> Select[tuple[UnitChange]]:
    """Select the changes that a unit asked for, the latest first."""
    mine = select(UnitChange).where(UnitChange.unit_id == unit_id)
    return mine.order_by(UnitChange.id.desc())


def request_change(
    unit: Unit, facts: tree.UnitFacts, reason: str, *, actor: Person, now: datetime
) -> UnitChange:
    """Ask for a change of the unit's locked data; a returned one is asked for anew.

    Raises Conflict while one waits, Invalid with every fault at its field, such as a superior
    below the unit itself; a unit becomes a personnel department only below another.
    """
    asked = open_change(unit.id)
    if asked is not None and asked.status == PENDING:
        raise Conflict("已有变更申请正在审核，请等待审核结果")
    # Who takes the unit in decides; of one without a superior, the department of its area.
    office = vetting_office(facts.parent, facts.area_code, now, but=unit.id, asker=actor.id)
    faults, wanted = _faults_of(unit, facts), _wanted(facts)
    if not reason.strip():
        faults["reason"] = ["请填写变更理由"]
    elif office is None:
        faults["reason"] = [NO_OFFICE]
    if not faults and all(getattr(unit, name) == value for name, value in wanted.items()):
        faults["name"] = ["没有需要变更的内容"]
    if faults or office is None:
        raise Invalid(errors=faults)
    asked = asked or UnitChange(unit_id=unit.id, requested_at=now)
    for name, value in wanted.items():
        setattr(asked, name, value)
    asked.reason, asked.office_id = reason.strip(), office.id
    asked.status, asked.requested_by = PENDING, actor.id
    asked.lines = compared(unit, asked, facts.parent)
    db.session.add(asked)
    db.session.flush()
    _record("unit:change_requested", asked, actor.id, now)
    return asked


def _faults_of(unit: Unit, facts: tree.UnitFacts) -> tree.Faults:
    return {**tree.faults_of(unit, facts), **faults_of_place(facts, unit)}


def _wanted(facts: tree.UnitFacts) -> dict[str, Any]:
    return {
        "name": facts.name.strip(),
        "type": facts.type,
        "kind": facts.kind,
        "area_code": facts.area_code,
        "credit_code": facts.code,
        "parent_id": facts.parent.id if facts.parent else None,
    }


def lines_of(asked: UnitChange) -> list[list[str]]:
    """Return label, text before and text after of everything that a change changes.

    Of one that waits for its decision, against the unit as it is now.
    """
    if asked.status == PENDING:
        return compared(asked.unit, asked, asked.parent)
    return asked.lines


def facts_of(asked: UnitChange) -> tree.UnitFacts:
    """Return the unit as it would be; its review chain follows it to another superior."""
    unit, parent = asked.unit, asked.parent
    moves = asked.parent_id != unit.parent_id
    return tree.UnitFacts(
        name=asked.name,
        type=asked.type,
        kind=asked.kind,
        area_code=asked.area_code,
        jurisdiction=parent.jurisdiction if parent else unit.jurisdiction,
        parent=parent,
        reports_to=parent if moves else unit.reports_to,
        credit_code=asked.credit_code or "",
        has_leader=unit.has_leader,
    )


def decide(
    asked: UnitChange, *, approve: bool, opinion: str, actor_id: int, now: datetime
) -> None:
    """Approve a change, which is made at once and kept in the unit's past, or return it.

    Raises Forbidden for who asked, Conflict for a decided one, Invalid for a silent return and
    for what does not hold any more.
    """
    if actor_id == asked.requested_by:
        raise Forbidden("不能审核本人提出的变更")
    if asked.status != PENDING:
        raise Conflict("该变更申请已处理")
    if approve:
        facts = facts_of(asked)
        faults = _faults_of(asked.unit, facts)
        if faults:
            raise Invalid(errors=faults)
        asked.lines = lines_of(asked)
        told = {"cause": "变更", "reason": asked.reason}
        tree.change_unit(asked.unit, facts, actor_id=actor_id, now=now, **told)
    elif not opinion.strip():
        raise Invalid("退回时请填写意见", field="opinion")
    asked.status = APPROVED if approve else RETURNED
    asked.opinion, asked.decided_by, asked.decided_at = opinion.strip(), actor_id, now
    db.session.flush()
    _record("unit:change_approved" if approve else "unit:change_returned", asked, actor_id, now)
    word = "已通过" if approve else f"被退回：{asked.opinion}"
    text = f"{asked.unit.name}的变更申请{word}"
    notify(asked.requested_by, text, url=f"/unit/change?unit={asked.unit_id}", now=now)


def drop(asked: UnitChange, reason: str, *, actor_id: int | None, now: datetime) -> None:
    """End a change that is not asked for any more (放弃), or whose process was cancelled."""
    if asked.status not in {PENDING, RETURNED}:
        raise Conflict("该变更申请已处理，流程不能作废")
    asked.status, asked.opinion = DROPPED, reason
    asked.decided_by, asked.decided_at = actor_id, now
    db.session.flush()
    _record("unit:change_dropped", asked, actor_id, now)


def _record(tag: str, asked: UnitChange, actor_id: int | None, now: datetime) -> None:
    audit.record(
        tag,
        subject=("unit", asked.unit_id),
        actor_id=actor_id,
        now=now,
        request=asked.id,
    )
