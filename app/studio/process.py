"""What process admins are told without looking: incidents, and an engine that stands still."""

from datetime import datetime
from typing import Any

from app.accounts.hands import count_idle
from app.accounts.operations import notify
from app.accounts.queries import holders
from app.core.db import db
from app.core.panels import Line, Panel, register_panel
from app.engine import incidents
from app.engine.health import health
from app.engine.models import Incident, ProcessVersion
from app.studio.running import node_name

HEALTH, INCIDENTS, INSTANCES = "/studio/health", "/studio/incidents", "/studio/instances"


@incidents.tells
def tell_process_admins(incident: Incident, now: datetime) -> None:
    """Tell every process admin (流程管理员) what stopped, and where."""
    text = f"流程异常 {incident.id}{_place(incident)}：{incident.message}"
    for admin_id in sorted(holders("process_admin", "all", None, now)):
        notify(admin_id, text, url=f"{INCIDENTS}/{incident.id}", now=now)


def _place(incident: Incident) -> str:
    if incident.version_id is None:
        return ""
    version = db.session.get_one(ProcessVersion, incident.version_id)
    name = node_name(version, incident.node)
    at = f"，环节“{name}”" if name else ""
    return f"（{version.title}，{f'实例 {of}' if (of := incident.instance_id) else '启动时'}{at}）"


@register_panel(10)
def engine_panel(_person: Any, roles: set[str], now: datetime) -> Panel | None:
    """Whether processes move by themselves, for the process administrator."""
    if "process_admin" not in roles:
        return None
    found = health(now)
    worker = "danger" if found.is_dead else "success"
    figures = (
        ("未处理的流程异常", found.open_incidents, "danger", INCIDENTS),
        ("已到期、尚未触发的时限", found.due_timers, "info", HEALTH),
        ("尚未送达的消息", found.due_messages, "info", HEALTH),
        ("多次送达失败的消息", found.failed_messages, "danger", HEALTH),
        ("无人可办理的任务", count_idle(now), "danger", f"{HEALTH}#idle"),
        ("暂停中的流程", found.suspended, "warning", f"{INSTANCES}?state=suspended"),
    )
    said = "已停止" if found.is_dead else "正常"
    return Panel(
        "流程运行",
        [
            Line("后台任务", HEALTH, note=found.said, status=said, tone=worker),
            *(
                Line(text, url, status=str(count), tone=tone if count else "secondary")
                for text, count, tone, url in figures
            ),
        ],
        more_url=HEALTH,
    )
