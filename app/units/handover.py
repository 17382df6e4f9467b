"""Hand-over (工作交接): who leaves a unit's post, and who does what waited for them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.accounts.apart import apart_from
from app.accounts.grants import KEEPS_AN_OFFICE, lock_roles_of
from app.accounts.models import Person, RoleGrant
from app.accounts.operations import grant_role, notify
from app.accounts.queries import holders, is_live, lasts
from app.accounts.renewing import end_held
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.permissions import ROLES
from app.engine import care
from app.engine.handlers import Scope
from app.engine.models import ItemStatus, WorkItem
from app.units.models import Unit
from app.units.operations import STAFF_ROLES
from app.units.queries import staff_of
from app.units.tree import take_turns

NOBODY_LEFT = "请选择接任人：本单位没有其他{roles}"


@dataclass(frozen=True)
class Leaving:
    """What somebody holds at a unit, and what waits for them there."""

    grants: list[RoleGrant]
    # The roles that nobody else of the unit holds.
    alone_in: list[str]
    # The tasks of those roles, and the tasks that were given to the person.
    shared: list[WorkItem]
    given: list[WorkItem]
    # The tasks that stay with the unit, where others hold their role too.
    staying: list[WorkItem]

    @property
    def roles(self) -> list[str]:
        """The roles that end."""
        return [grant.role for grant in self.grants]

    @property
    def role_names(self) -> str:
        """The roles that end, in words."""
        return "、".join(ROLES[role] for role in self.roles)

    def bars(self, held: Collection[str]) -> str:
        """Say why somebody with these roles can take nothing over; empty where they can.

        Who vets and who agrees are two people. Nobody gets a role that others hold already.
        """
        for role in self.alone_in:
            for other in apart_from(role, {*held, *self.alone_in}):
                return f"{ROLES[other]}不能接任{ROLES[role]}"
        if self.alone_in or set(self.roles) & set(held):
            return ""
        return f"不是{self.role_names}，不能接办"

    @property
    def needs_successor(self) -> bool:
        """Tell whether somebody must take over."""
        return bool(self.alone_in)


def leaving(unit: Unit, person: Person, now: datetime) -> Leaving:
    """Return what somebody would leave at a unit; NotFound for who is not of its staff."""
    mine = select(RoleGrant).where(
        RoleGrant.person_id == person.id,
        RoleGrant.scope_kind == "org",
        RoleGrant.scope_id == unit.id,
        RoleGrant.role.in_(STAFF_ROLES),
        lasts(now),
    )
    grants = list(db.session.scalars(mine))
    if not grants:
        raise NotFound
    roles = [grant.role for grant in grants]
    alone = [
        role
        for role in roles
        if not _others(role, unit, person, now) and (role != "unit_leader" or unit.has_leader)
    ]
    of_unit = _open_items(
        WorkItem.scope_kind == "org", WorkItem.scope_id == unit.id, WorkItem.role.in_(roles)
    )
    shared = [item for item in of_unit if item.role in alone]
    staying = [item for item in of_unit if item.role not in alone]
    elsewhere = _roles_elsewhere(person, unit, now)
    given = _open_items(
        WorkItem.assignee_id == person.id,
        WorkItem.is_personal.is_(False),
        WorkItem.role.in_(set(roles) - elsewhere),
    )
    return Leaving(grants, alone, shared, given, staying)


def _others(role: str, unit: Unit, person: Person, now: datetime) -> set[int]:
    """Return who else keeps a role filled: not who left while this transaction waited for them."""
    held = select(RoleGrant.person_id).where(
        RoleGrant.role == role,
        RoleGrant.scope_kind == "org",
        RoleGrant.scope_id == unit.id,
        RoleGrant.person_id != person.id,
        is_live(now),
        lasts(now + KEEPS_AN_OFFICE),
    )
    return set(db.session.scalars(held))


def _roles_elsewhere(person: Person, unit: Unit, now: datetime) -> set[str]:
    held = select(RoleGrant.role).where(
        RoleGrant.person_id == person.id,
        RoleGrant.scope_kind == "org",
        RoleGrant.scope_id != unit.id,
        lasts(now),
    )
    return set(db.session.scalars(held))


def _open_items(*conditions: object) -> list[WorkItem]:
    waiting = select(WorkItem).where(WorkItem.status == ItemStatus.OPEN, *conditions)  # type: ignore[arg-type]
    # In one order for all, as every batch takes the locks of instances.
    return list(db.session.scalars(waiting.order_by(WorkItem.instance_id, WorkItem.id)))


def successors(unit: Unit, person: Person, now: datetime) -> dict[Person, list[str]]:
    """Return the other staff of a unit with their roles, by name."""
    found: dict[Person, list[str]] = {}
    for each, role in staff_of(unit.id, now):
        if each.id != person.id and role in STAFF_ROLES:
            found.setdefault(each, []).append(role)
    return found


def end_staff(
    unit: Unit, person: Person, successor: Person | None, *, actor: Person, now: datetime
) -> int:
    """End what a person does for a unit (停用); what waited for them goes to the successor.

    All in one transaction: a role that nobody else holds is the successor's from now on, with its
    tasks; tasks given to the person are given on, or back to the unit where others hold the role.
    Returns how many were given on. Raises Conflict for oneself, NotFound for no staff, Invalid
    where nobody would be left, or the successor may not.
    """
    if person.id == actor.id:
        raise Conflict("不能停用本人的角色，请由其他单位管理员或安全管理员办理")
    # The staff of a unit leave one after another: two at once would each rely on the other.
    # Who holds a person and enters them there is not waited for.
    take_turns(unit)
    lock_roles_of(person.id, *([successor.id] if successor else []))
    left = leaving(unit, person, now)
    _check(unit, person, successor, left, now)
    held = RoleGrant.id.in_([grant.id for grant in left.grants])
    end_held(held, actor_id=actor.id, now=now, reason="离任交接" if successor else "")
    for role in left.alone_in if successor else ():
        _grant(unit, successor, role, actor, now)
    for item in left.given:
        _give_on(item, unit, person, successor, actor, now)
    _tell(unit, person, successor, left, actor, now)
    return len(left.shared) + len(left.given)


def _check(
    unit: Unit, person: Person, successor: Person | None, left: Leaving, now: datetime
) -> None:
    if successor is None:
        if left.needs_successor:
            names = "、".join(ROLES[role] for role in left.alone_in)
            raise Invalid(NOBODY_LEFT.format(roles=names), field="successor")
        return
    candidates = {each.id: roles for each, roles in successors(unit, person, now).items()}
    if successor.id not in candidates:
        raise Invalid("请选择本单位的其他工作人员", field="successor")
    why = left.bars(candidates[successor.id])
    if why:
        text = f"{successor.name}：{why}，请另选或先新增工作人员"
        raise Invalid(text, field="successor")
    own = [
        item
        for item in left.shared
        if successor.id in {item.about_id, item.excluded_id, item.apart_id}
    ]
    if own:
        text = f"{successor.name}是 {len(own)} 项待办任务的当事人，不能接办，请另选"
        raise Invalid(text, field="successor")


def _grant(unit: Unit, successor: Person | None, role: str, actor: Person, now: datetime) -> None:
    if successor is not None and successor.id not in holders(role, "org", unit.id, now):
        grant_role(successor, role, scope_kind="org", scope_id=unit.id, actor_id=actor.id, now=now)


def _may_take(item: WorkItem, unit: Unit, person: Person, now: datetime) -> bool:
    """Tell whether somebody holds the role of a task and is no party to it.

    Who vets must not agree to the same: a leader is not given what waits for a clerk.
    """
    is_party = person.id in {item.about_id, item.excluded_id, item.apart_id}
    return not is_party and person.id in holders(item.role or "", "org", unit.id, now)


def _give_on(
    item: WorkItem,
    unit: Unit,
    person: Person,
    successor: Person | None,
    actor: Person,
    now: datetime,
) -> None:
    """Give a task that was given to the person to the successor, who may; else to the unit."""
    instance = care.lock(item.instance_id)
    db.session.refresh(item)
    if not item.is_open or item.assignee_id != person.id:
        return
    taker = successor if successor and _may_take(item, unit, successor, now) else None
    care.give(item, Scope("person", taker.id) if taker else Scope("org", unit.id))
    whom = taker.name if taker else unit.name
    care.tell(
        instance,
        "工作交接",
        "转办",
        role="unit_admin",
        reason=f"{person.name}离任，“{item.name}”转由{whom}办理",
        actor_id=actor.id,
        now=now,
    )


def _tell(
    unit: Unit,
    person: Person,
    successor: Person | None,
    left: Leaving,
    actor: Person,
    now: datetime,
) -> None:
    audit.record(
        "unit:handed_over",
        subject=("unit", unit.id),
        actor_id=actor.id,
        now=now,
        roles=left.roles,
        person=person.id,
        successor=successor.id if successor else None,
        tasks=[item.id for item in (*left.shared, *left.given)],
    )
    told = f"您在{unit.name}的角色已终止：{left.role_names}"
    notify(person.id, told, url="/home", now=now)
    if successor is not None:
        count = len(left.shared) + sum(item.assignee_id == successor.id for item in left.given)
        taken = "、".join(ROLES[role] for role in left.alone_in)
        taken = f"由您接任{taken}" if taken else f"由您接续{left.role_names}的工作"
        more = f"；本单位共同的待办任务 {len(left.staying)} 项" if left.staying else ""
        text = f"{person.name}离任，{taken}；{count} 项待办任务转由您办理{more}"
        notify(successor.id, text, url="/tasks", now=now)
