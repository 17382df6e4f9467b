"""The past of units (单位沿革): what they were called and where they stood, and when."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import or_, select

from app.core.db import db
from app.units.models import Unit, UnitChange, UnitPeriod
from app.units.queries import unit_names

TOLD = ("name", "type", "kind", "area_code", "credit_code", "parent_id")


def told_periods(unit_id: int) -> list[tuple[UnitPeriod, list[list[str]]]]:
    """Return the periods of a unit, the latest first, each with what it changed (沿革)."""
    periods = periods_of(unit_id)
    before = [*periods[1:], None]
    return [
        (each, compared(former, each, each.parent) if former else [])
        for each, former in zip(periods, before, strict=True)
    ]


def compared(
    before: Unit | UnitPeriod, after: UnitChange | UnitPeriod, parent: Unit | None
) -> list[list[str]]:
    """Return label, text before and text after of everything that a change changes."""
    lines = [
        ["单位名称", before.name, after.name],
        ["单位类型", before.type, after.type],
        ["单位性质", before.kind, after.kind],
        ["属地", before.area_name, after.area_name],
        ["统一社会信用代码", before.credit_code or "", after.credit_code or ""],
        ["上级单位", _name(before.parent), _name(parent)],
    ]
    return [line for line in lines if line[1] != line[2]]


def _name(unit: Unit | None) -> str:
    return unit.name if unit else ""


def periods_of(unit_id: int) -> list[UnitPeriod]:
    """Return the periods of a unit, the latest first."""
    mine = select(UnitPeriod).where(UnitPeriod.unit_id == unit_id)
    return list(db.session.scalars(mine.order_by(UnitPeriod.valid_from.desc())))


def endings_of(unit: Unit) -> list[Unit]:
    """Return the units whose end belongs to the past of one: what it took over, and itself."""
    ended = select(Unit).where(
        Unit.closed_at.is_not(None), or_(Unit.merged_into_id == unit.id, Unit.id == unit.id)
    )
    return list(db.session.scalars(ended.order_by(Unit.closed_at.desc(), Unit.id.desc())))


def names_ever(unit: Unit) -> list[str]:
    """Return what a unit is and was called, and what it took over: papers name any of them."""
    names = [unit.name, *(period.name for period in periods_of(unit.id))]
    for past in endings_of(unit):
        if past.id != unit.id:
            names += names_ever(past)
    return list(dict.fromkeys(names))


def as_of(unit: Unit, moment: datetime | None) -> Unit | UnitPeriod:
    """Return what a unit was at a moment, or the unit itself: now, and before its first period."""
    if moment is None or unit.standing_since is None or moment >= unit.standing_since:
        return unit
    then = select(UnitPeriod).where(
        UnitPeriod.unit_id == unit.id,
        UnitPeriod.valid_from <= moment,
        or_(UnitPeriod.valid_to.is_(None), UnitPeriod.valid_to > moment),
    )
    return db.session.scalars(then).first() or unit


def names_then(moments: Iterable[tuple[int, datetime]]) -> dict[tuple[int, datetime], str]:
    """Return what several units were called, each at a moment; today's name before the first."""
    wanted = set(moments)
    ids = {unit_id for unit_id, _ in wanted}
    today = unit_names(ids)
    periods = select(UnitPeriod).where(UnitPeriod.unit_id.in_(ids))
    found = {(unit_id, moment): today.get(unit_id, "") for unit_id, moment in wanted}
    for period in db.session.scalars(periods) if ids else ():
        for unit_id, moment in wanted:
            is_then = period.valid_from <= moment
            is_then &= period.valid_to is None or moment < period.valid_to
            if unit_id == period.unit_id and is_then:
                found[unit_id, moment] = period.name
    return found


def begin_period(unit: Unit, cause: str, *, now: datetime, reason: str = "") -> None:
    """Keep what a unit is from now on, and why, if that differs from what was kept last."""
    told = {name: getattr(unit, name) for name in TOLD}
    last = _open_period(unit.id)
    if last is not None and told == {name: getattr(last, name) for name in TOLD}:
        return
    if last is None or last.valid_from < now:
        _end(last, now)
        last = UnitPeriod(unit_id=unit.id, valid_from=now)
        unit.standing_since = now
        db.session.add(last)
    for name, value in told.items():
        setattr(last, name, value)
    last.cause, last.reason = cause, reason
    db.session.flush()


def end_last_period(unit: Unit, *, now: datetime) -> None:
    """Keep until when a unit was, as it closes."""
    last = _open_period(unit.id)
    if last is not None and last.valid_from < now:
        _end(last, now)


def _end(period: UnitPeriod | None, now: datetime) -> None:
    if period is not None:
        period.valid_to = now
        db.session.flush()


def _open_period(unit_id: int) -> UnitPeriod | None:
    lasting = select(UnitPeriod).where(
        UnitPeriod.unit_id == unit_id, UnitPeriod.valid_to.is_(None)
    )
    return db.session.scalars(lasting).first()
