"""运行状况: whether what should move by itself moves, and what lies waiting."""

from flask import render_template

from app.accounts import hands
from app.core.clock import now
from app.core.db import db
from app.core.menu import add_entry
from app.core.permissions import ROLES, requires
from app.engine import handlers
from app.engine import health as engine_health
from app.inbox.queries import places_of
from app.studio import queries, running, troubles
from app.studio.views import bp


@bp.get("/studio/health")
@requires("engine.health")
def health() -> str:
    """The worker, what is overdue, undelivered or failed, what nobody can do (运行状况)."""
    overdue = running.overdue_timers(now())
    rows = troubles.waiting_rows(now())
    idle = db.session.scalars(hands.idle_tasks(now()).limit(running.MOST_SHOWN)).all()
    records = {running.business_of(instance) for _, instance in overdue}
    records |= {(row.business_type, row.business_id) for row in rows if row.business_type}
    return render_template(
        "studio/health.html",
        health=engine_health.health(now()),
        overdue=overdue,
        rows=rows,
        records=running.titles_of(records),
        titles=queries.titles(),
        kinds=troubles.KINDS,
        message_word=handlers.message_word,
        node_name=running.node_name,
        failed_jobs=troubles.failed_count(),
        most=running.MOST_SHOWN,
        idle=idle,
        idle_count=hands.count_idle(now()),
        places=places_of(idle),
        roles=ROLES,
    )


add_entry("系统管理", "运行状况", "activity", "studio.health", "engine.health", order=53)
