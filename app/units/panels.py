"""What the units' people see first: the figures of a unit's administrator, roles that ended."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy import ColumnElement, func, select

from app.accounts.models import Person
from app.accounts.queries import live_grants
from app.accounts.terms import last_day
from app.core.db import db
from app.core.panels import Line, Panel, register_panel
from app.core.permissions import ROLES
from app.engine.models import WorkItem
from app.units import queries, vacancies
from app.units.models import ACTIVE, PENDING, Employment, Unit
from app.units.operations import STAFF_ROLES
from app.units.request_process import CHANGE, REGISTRATION

GOES_ON = "以后的事项由该单位其他人员办理"


@register_panel(1)
def ended_roles(person: Person, roles: set[str], at: datetime) -> Panel | None:
    """Tell who holds no role any more which ones have ended, and where."""
    ended = [] if roles else queries.ended_roles_of(person.id, at)
    lines = [
        Line(
            f"{unit.name}　{ROLES.get(grant.role, grant.role)}",
            url_for("accounts.notifications"),
            f"{last_day(grant.valid_to)} 终止，{unit.gone or GOES_ON}",
            "已终止",
        )
        for grant, unit in ended
    ]
    return Panel("您的角色", lines) if lines else None


@register_panel(12)
def administered(person: Person, roles: set[str], at: datetime) -> Panel | None:
    """What waits at the units that somebody administers, and how many people they have."""
    if "unit_admin" not in roles:
        return None
    held = live_grants(person.id, at)
    units = {g.scope_id for g in held if g.role == "unit_admin" and g.scope_id}
    of_units = Employment.unit_id.in_(units)
    waiting = _count(Employment, of_units, Employment.status == PENDING)
    asked = [_tasks(kind, units) for kind in (REGISTRATION, CHANGE)]
    staff = {each.id for unit in units for each, _ in queries.staff_of(unit, at)}
    requests = url_for("units.requests")
    return Panel(
        "本单位",
        [
            *_vacancies(units, at),
            _figure("待审核的人员", waiting, f"{requests}?status={PENDING}", "warning"),
            _figure("待审核的单位注册", asked[0], url_for("units.registrations"), "warning"),
            _figure("待审核的单位变更", asked[1], url_for("inbox.tasks"), "warning"),
            _figure(
                "本单位人员",
                _count(Employment, of_units, Employment.status == ACTIVE),
                url_for("units.applicants"),
                "info",
            ),
            _figure("工作人员", len(staff), url_for("units.staff"), "info"),
        ],
    )


def _vacancies(unit_ids: set[int], at: datetime) -> Iterable[Line]:
    """What the units, and those below that nobody administers, lack, until somebody fills it."""
    own = db.session.scalars(select(Unit).where(Unit.id.in_(unit_ids)).order_by(Unit.id)).all()
    for vacancy in vacancies.vacancies_of(own, at):
        place = "本单位" if len(own) == 1 else vacancy.unit.name
        opens = vacancy.role in STAFF_ROLES
        note = "请在账号管理中新增工作人员" if opens else "请联系安全管理员授予角色"
        url = url_for("units.staff", unit=vacancy.unit.id)
        yield Line(vacancy.told(place), url, note, "请设置", "danger")
    for vacancy in vacancies.left_alone_below(unit_ids, at):
        note = "该单位没有单位管理员，请安排人员，由安全管理员授予角色"
        url = url_for("units.branch_list")
        yield Line(vacancy.told(), url, note, "请安排", "danger")


def _figure(text: str, count: int, url: str, tone: str) -> Line:
    return Line(text, url, status=str(count), tone=tone if count else "secondary")


def _count(table: Any, *conditions: ColumnElement[bool]) -> int:
    return db.session.scalar(select(func.count(table.id)).where(*conditions)) or 0


def _tasks(kind: str, units: Iterable[int]) -> int:
    """Count what waits for the administrators of units as the office of others."""
    return _count(
        WorkItem,
        WorkItem.status == "open",
        WorkItem.business_type == kind,
        WorkItem.role == "unit_admin",
        WorkItem.scope_kind == "org",
        WorkItem.scope_id.in_(units),
    )
