"""Merging units (单位合并): one takes over the people and the lower units of another."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select

from app.accounts.operations import notify, notify_each
from app.accounts.queries import holders
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Invalid
from app.core.permissions import ROLES
from app.units import closing, history, tree
from app.units.code_lists import AREA_OFFICES
from app.units.models import ACTIVE, Employment, Unit
from app.units.queries import staff_of


def merge_unit(unit: Unit, into: Unit, basis: str, *, actor_id: int, now: datetime) -> None:
    """Close a unit whose people and lower units go to another (并入); its past names both.

    Raises Invalid without a basis and for one that cannot take it over (`check_target`);
    Conflict for what must be settled before, such as lower units of one name.
    """
    told = closing.told_basis(basis)
    tree.hold_tree(unit, into)
    if unit.closed_at is not None:
        raise Conflict("单位已关闭")
    check_target(unit, into)
    left = [*closing.unsettled(unit, now), *_of_one_name(unit, into)]
    if left:
        raise Conflict("还不能合并：" + "；".join(left))
    _move_lower_units(unit, into, now)
    moved = _move_people(unit, into, actor_id, now)
    _tell_who_takes_over(unit, into, moved, now)
    unit.merged_into, unit.closed_basis = into, told
    closing.shut(unit, reason="单位合并", actor_id=actor_id, now=now)
    audit.record(
        "unit:merged",
        subject=("unit", unit.id),
        actor_id=actor_id,
        now=now,
        unit=into.id,
        basis=told,
    )


def check_target(unit: Unit, into: Unit) -> None:
    """Raise Invalid for a unit that cannot take another over.

    Itself, one below it, a closed one, one of another jurisdiction, one without freelancers.
    """
    if into.closed_at is not None:
        raise Invalid("该单位已关闭", field="into")
    if tree.leads_to(unit, into, Unit.parent_id) or tree.leads_to(unit, into, Unit.reports_to_id):
        raise Invalid("不能并入本单位或其下级单位", field="into")
    if into.jurisdiction != unit.jurisdiction:
        raise Invalid("只能并入同一地区的单位", field="into")
    freelancers = tree.freelancers(unit)
    if freelancers and into.type not in AREA_OFFICES:
        text = f"{freelancers} 名自由职业者绑定在本单位，只能并入{'、'.join(AREA_OFFICES)}"
        raise Invalid(text, field="into")


def _of_one_name(unit: Unit, into: Unit) -> list[str]:
    """Say which lower units would stand side by side under one name."""
    there = {below.name for below in _open_units(Unit.parent_id == into.id) if below.id != unit.id}
    both = [below.name for below in _open_units(Unit.parent_id == unit.id) if below.name in there]
    return [f"两个单位都有下级单位{'、'.join(both)}，请先更名"] if both else []


def _move_lower_units(unit: Unit, into: Unit, now: datetime) -> None:
    for below in _open_units(Unit.parent_id == unit.id):
        below.parent_id = into.id
        history.begin_period(below, f"上级单位并入{into.name}", now=now)
    for sender in _open_units(Unit.reports_to_id == unit.id):
        sender.reports_to_id = into.id
    db.session.flush()


def _open_units(condition: object) -> Iterable[Unit]:
    wanted = select(Unit).where(condition, Unit.closed_at.is_(None))  # type: ignore[arg-type]
    return db.session.scalars(wanted.order_by(Unit.id)).all()


def _move_people(unit: Unit, into: Unit, actor_id: int, now: datetime) -> int:
    """Bind the people of one unit to the other; returns how many they are."""
    bound = select(Employment).where(Employment.unit_id == unit.id, Employment.status == ACTIVE)
    people = db.session.scalars(bound.order_by(Employment.id)).all()
    for former in people:
        closing.end_employment(former, actor_id=actor_id, now=now)
        db.session.add(
            Employment(
                person_id=former.person_id,
                unit_id=into.id,
                status=ACTIVE,
                is_freelancer=former.is_freelancer,
                note=f"{unit.name}并入本单位",
                requested_at=now,
                decided_at=now,
                decided_by=actor_id,
            )
        )
        text = f"{unit.name}已并入{into.name}，您现在属于{into.name}"
        notify(former.person_id, text, url="/binding", now=now)
    db.session.flush()
    return len(people)


def _tell_who_takes_over(unit: Unit, into: Unit, moved: int, now: datetime) -> None:
    """Tell the administrators of a unit who came to it, and whose roles they may have to give."""
    staff = _staff_words(unit, now)
    text = f"{unit.name}已并入{into.name}，{moved} 名人员转入"
    if staff:
        text += f"；其工作人员的角色已终止，需继续任职的请新增：{staff}"
    keepers = sorted(holders("unit_admin", "org", into.id, now))
    notify_each(((each, text) for each in keepers), url=f"/staff?unit={into.id}", now=now)


def _staff_words(unit: Unit, now: datetime) -> str:
    """Return who works for a unit and as what, in a line."""
    held: dict[str, list[str]] = {}
    for person, role in staff_of(unit.id, now):
        held.setdefault(person.name, []).append(ROLES[role])
    return "、".join(f"{name}（{'、'.join(roles)}）" for name, roles in held.items())
