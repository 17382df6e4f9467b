"""流程实例: finding a running process, seeing where it stands, and taking care of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.hands import without_hands
from app.accounts.queries import names_of
from app.core.clock import ZONE, now
from app.core.db import db
from app.core.errors import DomainError, Invalid, NotFound, gathered
from app.core.faults import shown_on
from app.core.http import page_of, see_other
from app.core.menu import add_entry
from app.core.permissions import ROLES, requires
from app.engine import care, deadlines, handlers, migration
from app.engine.incidents import StepFailed
from app.engine.models import ProcessInstance, WorkItem
from app.inbox.queries import places_of
from app.studio import acts, queries, receivers, running
from app.studio.views import bp
from app.units.flow import flow_log

ACTS = {
    "suspend": (acts.suspend, "已暂停"),
    "resume": (acts.resume, "已恢复"),
    "cancel": (care.cancel, "已作废"),
    "undo": (migration.undo, "已撤销迁移"),
}


@bp.get("/studio/instances")
@requires("instance.manage")
def instances() -> str:
    """Every instance, by the title or number of its record, process, version and state."""
    args = request.args
    filters = running.Filters(
        args.get("q", ""),
        args.get("process", ""),
        args.get("version", None, int),
        args.get("state", ""),
    )
    found = running.named(filters.text)
    page = page_of(running.search(filters, found))
    shown = {running.business_of(each) for each in page.items}
    return render_template(
        "studio/instances.html",
        page=page,
        titles=queries.titles(),
        states=running.STATES,
        records=running.titles_of(shown),
        numbers=running.numbers_of(shown),
        waiting=running.waiting_at(each.id for each in page.items),
        version=queries.version(filters.version) if filters.version else None,
        cap_note=found.note,
    )


@bp.get("/studio/instances/<int:instance_id>")
@requires("instance.manage")
def instance(instance_id: int) -> str:
    """One instance: where it stands, what it waits for, what has happened."""
    return _page(running.instance(instance_id))


def _page(found: ProcessInstance, fault: str = "", reason: str = "") -> str:
    standing = running.standing(found)
    business = running.business_of(found)
    return render_template(
        "studio/instance.html",
        instance=found,
        drawn=found.version,
        fault=fault,
        reason=reason,
        title=running.title_of(business),
        titles=queries.titles(),
        states=running.STATES,
        standing=standing,
        ending=running.ending_of(found),
        place_name=running.place_name,
        places=places_of(standing.items),
        without_hands=without_hands(standing.items, now()),
        roles=ROLES,
        message_word=handlers.message_word,
        log=flow_log(business, instance_id=found.id),
        is_living=found.status in care.LIVING,
        dates=running.dates_of_record(found, standing),
        can_cancel=business[0] in handlers.ending,
        can_undo=migration.is_undoable(migration.last_of(found.id), found),
        starter=names_of([found.started_by]).get(found.started_by or 0, "系统"),
    )


def _refused(instance_id: int, error: DomainError, reason: str = "") -> tuple[str, int]:
    """Show a refusal on the page of the instance, as it stands now."""
    db.session.rollback()
    return _page(running.instance(instance_id), error.message, reason), error.status


@bp.post("/studio/instances/<int:instance_id>")
@requires("instance.manage")
@shown_on(instance)
def act(instance_id: int) -> Response | tuple[str, int]:
    """Halt it, let it go on, end it, or undo its migration."""
    found = running.instance(instance_id)
    operation, word = ACTS.get(request.form.get("act", ""), (None, ""))
    if operation is None:
        raise NotFound
    try:
        operation(
            found, reason=request.form.get("reason", ""), actor_id=current_user.id, now=now()
        )
    except (StepFailed, Invalid):
        raise
    except DomainError as error:
        return _refused(instance_id, error, request.form.get("reason", ""))
    flash(f"流程实例 {instance_id} {word}", "success")
    return see_other(url_for("studio.instance", instance_id=instance_id))


@bp.post("/studio/instances/<int:instance_id>/timers/<int:timer_id>")
@requires("instance.manage")
@shown_on(lambda instance_id, **_: instance(instance_id))
def move_timer(instance_id: int, timer_id: int) -> Response | tuple[str, int]:
    """Move a deadline that the instance waits for (改期)."""
    running.instance(instance_id)
    try:
        due, reason = _deadline(request.form)
        deadlines.move_timer(timer_id, due, reason=reason, actor_id=current_user.id, now=now())
    except (StepFailed, Invalid):
        raise
    except DomainError as error:
        return _refused(instance_id, error)
    flash(f"时限已改为 {due:%Y-%m-%d %H:%M}", "success")
    return see_other(url_for("studio.instance", instance_id=instance_id))


def _deadline(form: Mapping[str, str]) -> tuple[datetime, str]:
    """Return the new moment and why. Raises Invalid with the faults of both."""
    reason = form.get("reason", "")
    faults = gathered(lambda: care.required(reason))
    try:
        due = datetime.strptime(form.get("due", ""), "%Y-%m-%dT%H:%M").replace(tzinfo=ZONE)
    except ValueError:
        raise Invalid(errors={"due": ["请填写新的时限"], **faults}) from None
    if faults:
        raise Invalid(errors=faults)
    return due, reason


def _item(item_id: int) -> WorkItem:
    found = db.session.get(WorkItem, item_id)
    if found is None:
        raise NotFound("没有这个任务")
    return found


@bp.get("/studio/tasks/<int:item_id>")
@requires("instance.manage")
def reassign(item_id: int) -> str:
    """Choose who is to do a task instead (转办)."""
    return _choice(_item(item_id))


def _choice(item: WorkItem, fault: str = "") -> str:
    text, kind = request.args.get("q", ""), request.args.get("kind", "person")
    found: Any = receivers.units if kind == "org" else receivers.people
    page = page_of(found(item, text, now()), size=10)
    return render_template(
        "studio/reassign.html",
        item=item,
        kind=kind,
        fault=fault,
        page=page,
        offers=receivers.offers(kind, item, page.items, now()),
        places=places_of([item]),
        personal=care.PERSONAL,
        seen=care.place(item),
        holds_role=not text.strip(),
        roles=ROLES,
        reason=request.form.get("reason", ""),
    )


@bp.post("/studio/tasks/<int:item_id>")
@requires("instance.manage")
@shown_on(reassign)
def hand_over(item_id: int) -> Response | tuple[str, int]:
    """Give a task to the chosen person or unit."""
    item, form = _item(item_id), request.form
    try:
        acts.hand_over(
            item,
            receivers.chosen(form.get("to", "")),
            reason=form.get("reason", ""),
            actor_id=current_user.id,
            now=now(),
            elsewhere="elsewhere" in form,
            seen=form.get("seen", ""),
        )
    except (StepFailed, Invalid):
        raise
    except DomainError as error:
        db.session.rollback()
        return _choice(_item(item_id), error.message), error.status
    flash(f"“{item.name}”已转办", "success")
    return see_other(url_for("studio.instance", instance_id=item.instance_id))


add_entry("系统管理", "流程实例", "play-circle", "studio.instances", "instance.manage", order=51)
