"""What the administrators see first: the figures of their own job."""

from datetime import datetime, timedelta
from typing import Any

from flask import url_for
from sqlalchemy import func, select

from app.accounts.grants import in_office
from app.accounts.models import WAITING, Credential, Person, RoleGrant
from app.accounts.queries import is_live
from app.accounts.terms import ENDS_SOON
from app.admin import queries
from app.core.db import db
from app.core.panels import Line, Panel, register_panel
from app.core.permissions import ADMINISTRATORS, ROLES
from app.units.models import Unit

DAY = timedelta(days=1)
RENEW = (
    "由安全管理员在到期前提出续期或另授他人，系统管理员复核；"
    "已经到期、无人可办的，由运维人员在服务器上运行 flask setup 重新开通"
)


def _count(query: Any) -> int:
    return (
        db.session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    )


def _figure(text: str, count: int, url: str, tone: str = "secondary") -> Line:
    """A line with a number; it has its tone only when there is something."""
    return Line(text, url, status=str(count), tone=tone if count else "secondary")


@register_panel(10)
def system(_person: Any, roles: set[str], now: datetime) -> Panel | None:
    """Units, accounts and roles to confirm, for the system administrator."""
    if "system_admin" not in roles:
        return None
    accounts = url_for("admin.accounts")
    found = {
        state: _count(select(Credential.id).where(queries.in_state(state, now)))
        for state in ("ready", "waiting", "lapsed", "locked", "disabled")
    }
    open_units = select(Unit.id).where(Unit.closed_at.is_(None))
    asked = _count(queries.requests(WAITING))
    return Panel(
        "系统管理",
        [
            _figure("待复核的授权", asked, url_for("admin.grant_requests"), "warning"),
            _figure("单位", _count(open_units), url_for("admin.units"), "info"),
            _figure("正常使用的账号", found["ready"], f"{accounts}?state=ready", "success"),
            _figure("待激活的账号", found["waiting"], f"{accounts}?state=waiting", "info"),
            _figure("激活码已过期的账号", found["lapsed"], f"{accounts}?state=lapsed", "warning"),
            _figure("已锁定的账号", found["locked"], f"{accounts}?state=locked", "warning"),
            _figure("已停用的账号", found["disabled"], f"{accounts}?state=disabled"),
        ],
        action_label="登记单位",
        action_url=url_for("admin.new_unit"),
    )


@register_panel(5)
def offices(_person: Any, roles: set[str], now: datetime) -> Panel | None:
    """Warn the administrators of offices that nobody will hold in thirty days."""
    if not roles & ADMINISTRATORS:
        return None
    url = url_for("admin.grants", state="expiring")
    if "security_admin" not in roles:
        url = url_for("accounts.notifications")
    lines = [
        Line(f"{ROLES[role]}的任期即将全部到期", url, note=RENEW, status="请续期", tone="danger")
        for role in ROLES
        if role in ADMINISTRATORS and not in_office(role, now, ENDS_SOON)
    ]
    return Panel("管理员任期", lines) if lines else None


@register_panel(10)
def security(_person: Any, roles: set[str], now: datetime) -> Panel | None:
    """Roles held, asked for and about to end, for the security administrator."""
    if "security_admin" not in roles:
        return None
    grants = url_for("admin.grants")
    held = select(RoleGrant.id).where(is_live(now))
    soon = held.where(RoleGrant.valid_to <= now + ENDS_SOON)
    people = select(Person.id).where(
        Person.id.in_(select(RoleGrant.person_id).where(is_live(now)))
    )
    return Panel(
        "角色授权",
        [
            _figure("等待复核的授权", _count(queries.requests(WAITING)), grants, "warning"),
            _figure("30 天内到期的授权", _count(soon), f"{grants}?state=expiring", "warning"),
            _figure("生效中的授权", _count(held), grants, "info"),
            _figure("持有角色的人员", _count(people), grants, "info"),
        ],
        action_label="新增授权",
        action_url=url_for("admin.grant_people"),
    )


@register_panel(10)
def audits(_person: Any, roles: set[str], now: datetime) -> Panel | None:
    """Events of the day, and whether the seals were verified, for the audit administrator."""
    if "audit_admin" not in roles:
        return None
    log = url_for("admin.audit_log")
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    failed = queries.count_events("account:sign_in_failed", now - DAY)
    last = queries.latest("audit:verified")
    broken = int(last.data.get("broken", 0)) if last else 0
    verified = Line(
        "最近一次校验封印",
        log,
        note=f"{last.at:%Y-%m-%d %H:%M}" if last else "",
        status="未校验" if last is None else f"{broken} 处不符" if broken else "全部有效",
        tone="warning" if last is None else "danger" if broken else "success",
    )
    return Panel(
        "审计",
        [
            _figure("今日事件", queries.count_events("", midnight), log, "info"),
            _figure("24 小时内登录失败", failed, f"{log}?q=account:sign_in_failed", "warning"),
            _figure("等待封印的事件", queries.unsealed(), log),
            verified,
        ],
    )
