"""运行状况: whether what should move by itself moves, and what lies waiting."""

from flask import render_template

from app.core.clock import now
from app.core.menu import add_entry
from app.core.permissions import requires
from app.engine import handlers
from app.engine import health as engine_health
from app.studio import queries, running, troubles
from app.studio.views import bp


@bp.get("/studio/health")
@requires("engine.health")
def health() -> str:
    """The worker, what is overdue, what waits to be delivered, what failed (运行状况)."""
    overdue = running.overdue_timers(now())
    rows = troubles.waiting_rows(now())
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
    )


add_entry("系统管理", "运行状况", "activity", "studio.health", "engine.health", order=53)
