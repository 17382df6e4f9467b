"""流程异常: what went wrong, why and where, and what is done about it."""

from flask import flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.queries import names_of
from app.core.clock import now
from app.core.db import db
from app.core.errors import DomainError
from app.core.http import page_of, see_other
from app.core.menu import add_entry
from app.core.permissions import requires
from app.engine import care
from app.engine.incidents import describe
from app.engine.models import IncidentStatus
from app.studio import acts, queries, running, troubles
from app.studio.views import bp, tell

BATCH_LIMIT = 200


@bp.get("/studio/incidents")
@requires("incident.manage")
def incidents() -> str:
    """Every incident, those that nobody has dealt with first (流程异常)."""
    args = request.args
    filters = troubles.Filters(
        args.get("state", IncidentStatus.OPEN), args.get("process", ""), args.get("q", "")
    )
    found = running.named(filters.text)
    page = page_of(troubles.search(filters, found))
    return render_template(
        "studio/incidents.html",
        page=page,
        rows=troubles.troubles(list(page.items)),
        titles=queries.titles(),
        states=troubles.STATES,
        node_name=running.node_name,
        failed_jobs=troubles.failed_count(),
        cap_note=found.note,
    )


@bp.get("/studio/incidents/<int:incident_id>")
@requires("incident.manage")
def incident(incident_id: int) -> str:
    """One incident: its cause, its place in the diagram, and what to do."""
    return _page(incident_id)


def _page(incident_id: int, fault: str = "") -> str:
    [found] = troubles.troubles([troubles.incident(incident_id)])
    of, event = found.instance, found.incident
    return render_template(
        "studio/incident.html",
        trouble=found,
        fault=fault,
        reruns=care.reruns(found.incident),
        was_rerun=troubles.was_rerun(event),
        states=troubles.STATES,
        titles=queries.titles(),
        newest=queries.newest_version(found.version) if found.version else None,
        standing=_standing(found),
        place_name=running.place_name,
        drawn=of.version if of else found.version,
        words=running.STATES,
        names=names_of([event.resolved_by, event.actor_id]),
    )


def _standing(found: troubles.Trouble) -> running.Standing | None:
    """Return where it stopped; None where no process is concerned."""
    if found.instance is not None:
        return running.standing(found.instance)
    return running.stopped_in(found.version, found.incident.node) if found.version else None


@bp.post("/studio/incidents/<int:incident_id>")
@requires("incident.manage")
def retry(incident_id: int) -> Response | tuple[str, int]:
    """Try again what the incident stopped, or mark it as dealt with; a refusal is said there."""
    found = troubles.incident(incident_id)
    try:
        again = care.retry(found, actor_id=current_user.id, now=now())
    except DomainError as error:
        said = describe(error)
        db.session.rollback()
        return _page(incident_id, said), error.status
    flash(f"异常 {incident_id} 已{'重试并关闭' if again else '标为已处理'}", "success")
    return see_other(url_for("studio.incident", incident_id=incident_id))


@bp.post("/studio/incidents")
@requires("incident.manage")
def retry_many() -> Response:
    """Try several again; each has its own result."""
    numbers = request.form.getlist("id", int)[:BATCH_LIMIT]
    batch = acts.retry_incidents(numbers, actor_id=current_user.id, now=now())
    tell(
        batch,
        done="已处理 {} 个异常：消息、时限和作业由后台再次运行，其他的请通知办理人重新提交",
        refused="异常 {}：没有处理，{}",
        nothing="请先勾选要处理的异常",
    )
    return see_other(url_for("studio.incidents"))


@bp.get("/studio/incidents/jobs")
@requires("incident.manage")
def jobs() -> str:
    """The jobs that were given up (后台作业)."""
    return render_template(
        "studio/jobs.html", page=page_of(troubles.failed_jobs()), names=troubles.JOBS
    )


@bp.post("/studio/incidents/jobs/<int:job_id>")
@requires("incident.manage")
def retry_job(job_id: int) -> Response:
    """Have a job tried afresh; the worker takes it up at once."""
    acts.retry_job(troubles.job(job_id), actor_id=current_user.id, now=now())
    flash("已重新排入，后台几秒内再次运行；仍然失败时会再次出现在这里", "success")
    return see_other(url_for("studio.jobs"))


add_entry(
    "系统管理", "流程异常", "exclamation-diamond", "studio.incidents", "incident.manage", order=52
)
