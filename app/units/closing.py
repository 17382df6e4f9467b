"""Ends of units (撤销、合并): what stands against them, and how a unit is closed for good."""

from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import func, or_, select

from app.accounts.grants import lock_roles_of
from app.accounts.models import RoleGrant
from app.accounts.operations import notify, notify_each
from app.accounts.queries import lasts
from app.accounts.renewing import end_held
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Invalid
from app.core.permissions import ROLES
from app.units import history, tree
from app.units.models import (
    ACTIVE,
    ENDED,
    PENDING,
    RETURNED,
    Employment,
    Unit,
    UnitChange,
    UnitRegistration,
)

LONGEST_BASIS = 300

Obstacle = Callable[[int, datetime], tuple[int, str]]
_obstacles: list[Obstacle] = []


def register_obstacle(count: Obstacle) -> Obstacle:
    """Ask before a unit is closed: fn(unit_id, now) -> how many of what are in the way."""
    _obstacles.append(count)
    return count


def obstacles(unit: Unit, now: datetime) -> list[str]:
    """Return in words what must be settled before a unit can be closed."""
    found = (
        (tree.count(Unit.parent_id == unit.id), "个下级单位尚未关闭或划转"),
        (tree.count(Unit.reports_to_id == unit.id), "个单位仍向本单位上报"),
    )
    return [*_told(found), *unsettled(unit, now)]


def unsettled(unit: Unit, now: datetime) -> list[str]:
    """Return in words what is under way at a unit, be it closed or merged with another."""
    return _told(
        (
            (tree.open_tasks(unit), "项待办任务尚未办结"),
            *(count_of(unit.id, now) for count_of in _obstacles),
        )
    )


def _told(found: Iterable[tuple[int, str]]) -> list[str]:
    return [f"{count} {words}" for count, words in found if count]


def told_basis(basis: str) -> str:
    """Return on what basis a unit ends, as the log keeps it; Invalid where none is told."""
    told = basis.strip()
    if not told or len(told) > LONGEST_BASIS:
        raise Invalid(f"请填写批准文件名称、文号或原因，不超过 {LONGEST_BASIS} 字", field="basis")
    return told


def close_unit(unit: Unit, basis: str, *, actor_id: int, now: datetime) -> None:
    """Close a unit (撤销): its roles end, its people are told to bind elsewhere.

    Raises Invalid without a basis, Conflict for what must be settled before.
    """
    told = told_basis(basis)
    tree.hold_tree(unit)
    if unit.closed_at is not None:
        raise Conflict("单位已关闭")
    left = obstacles(unit, now)
    if left:
        raise Conflict("还不能关闭：" + "；".join(left))
    bound = db.session.scalars(
        select(Employment).where(Employment.unit_id == unit.id, Employment.status == ACTIVE)
    )
    for employment in bound.all():
        end_employment(employment, actor_id=actor_id, now=now)
        text = f"{unit.name}已关闭，请重新绑定现在的单位"
        notify(employment.person_id, text, url="/binding", now=now)
    unit.closed_basis = told
    shut(unit, reason="单位关闭", actor_id=actor_id, now=now)
    audit.record("unit:closed", subject=("unit", unit.id), actor_id=actor_id, now=now, basis=told)


def end_employment(employment: Employment, *, actor_id: int, now: datetime) -> None:
    """End that a unit employs somebody."""
    employment.status, employment.decided_at, employment.decided_by = ENDED, now, actor_id
    db.session.flush()


def shut(unit: Unit, *, reason: str, actor_id: int, now: datetime) -> None:
    """Close a unit for good: its past ends, and every role held at it, as its holder is told."""
    unit.closed_at = now
    history.end_last_period(unit, now=now)
    held = (RoleGrant.scope_kind == "org", RoleGrant.scope_id == unit.id, lasts(now))
    grants = db.session.scalars(select(RoleGrant).where(*held).order_by(RoleGrant.id)).all()
    staff: dict[int, list[str]] = {}
    for grant in grants:
        staff.setdefault(grant.person_id, []).append(ROLES[grant.role])
    # Nobody comes by a new role there meanwhile, but what renews one may be decided.
    lock_roles_of(*staff)
    end_held(*held, actor_id=actor_id, now=now, reason=reason)
    told = (
        (person_id, f"您在{unit.name}的角色已终止：{'、'.join(roles)}。{unit.gone}")
        for person_id, roles in staff.items()
    )
    notify_each(told, url="/home", now=now)


@register_obstacle
def _requests_under_way(unit_id: int, _now: datetime) -> tuple[int, str]:
    """Registrations below a unit and changes of it, sent or to be mended."""
    waiting = (PENDING, RETURNED)
    registrations = select(func.count(UnitRegistration.id)).where(
        UnitRegistration.status.in_(waiting),
        or_(UnitRegistration.office_id == unit_id, UnitRegistration.superior_id == unit_id),
    )
    changes = select(func.count(UnitChange.id)).where(
        UnitChange.status.in_(waiting),
        or_(
            UnitChange.unit_id == unit_id,
            UnitChange.office_id == unit_id,
            UnitChange.parent_id == unit_id,
        ),
    )
    count = (db.session.scalar(registrations) or 0) + (db.session.scalar(changes) or 0)
    return count, "份单位注册或变更申请尚未办结"


@register_obstacle
def _bindings_under_way(unit_id: int, _now: datetime) -> tuple[int, str]:
    """Requests to belong to a unit, wherever they are vetted."""
    waiting = select(func.count(Employment.id)).where(
        Employment.unit_id == unit_id, Employment.status == PENDING
    )
    return db.session.scalar(waiting) or 0, "份人员绑定申请尚未审核"
