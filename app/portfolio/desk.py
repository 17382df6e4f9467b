"""审核台: deciding on many items at once, and on one after another."""

from urllib.parse import urlencode

from flask import Blueprint, flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.models import Person
from app.core import jobs
from app.core.clock import now
from app.core.db import db
from app.core.errors import Forbidden, Invalid, NotFound
from app.core.faults import shown_on
from app.core.http import page_of, safe_next, see_other
from app.core.numbers import ids_in
from app.core.permissions import authorize, register_predicate, requires
from app.engine.models import WorkItem
from app.portfolio import archive, bulk, item_types, queries, vetting
from app.portfolio.bulk_models import RowState, VetBatch
from app.portfolio.models import PASS

ROW_WORDS = {
    RowState.WAITING: ("等待办理", "secondary"),
    RowState.DONE: ("已办理", "success"),
    RowState.REFUSED: ("未办理", "warning"),
}
PAGE_SIZE = 20
STALE = "列表刚刚有变化，现在有 {} 项待审核。请核对后再办理"


def add_pages(bp: Blueprint) -> None:
    """Add the pages to the room's."""
    bp.post("/portfolio/archive")(vet_many)
    bp.get("/portfolio/archive/next")(next_item)
    bp.get("/portfolio/batches/<int:batch_id>")(batch)
    bp.post("/portfolio/batches/<int:batch_id>/retry")(retry)


@register_predicate("asked_for_batch")
def asked_for_batch(person: Person, asked: VetBatch, _now: object) -> bool:
    """Tell whether the batch is one's own."""
    return person.id == asked.person_id


def _chosen() -> list[int]:
    """Return the tasks that were ticked, or all that the list shows, on other pages too.

    Raises Invalid when the list is no longer the one that was ticked as a whole.
    """
    if not request.form.get("all"):
        return ids_in(request.form.getlist("id"))
    tasks = archive.shown_tasks()
    there = vetting.waiting_in(tasks)
    if request.form.get("listed") != there.mark:
        raise Invalid(STALE.format(there.count))
    return list(vetting.ids(tasks, bulk.LIMIT))


@requires("portfolio.vet")
@shown_on(archive.archive)
def vet_many() -> Response | str:
    """批量审核: back to the list when all is done, else to what is under way or was refused.

    What would pass in spite of a hint is named first, on whatever page of the list it stands.
    """
    decision, opinion = request.form.get("decision", ""), request.form.get("opinion", "")
    chosen = _chosen()
    passing = chosen if decision == PASS else []
    hinted = bulk.hinted_in(passing, actor=current_user, now=now())
    doubtful = {task.id for task in hinted}
    if request.form.get("leave"):
        chosen = [each for each in chosen if each not in doubtful]
    elif doubtful - set(ids_in(request.form.getlist("seen"))):
        back = safe_next(request.form.get("next"), url_for("portfolio.archive"))
        return render_template("portfolio/hinted.html", chosen=chosen, hinted=hinted, back=back)
    done = bulk.ask(chosen, decision, opinion, actor=current_user, now=now())
    counts = bulk.counts_of(done.id)
    if counts[RowState.DONE] < done.total:
        return see_other(url_for("portfolio.batch", batch_id=done.id))
    hints = bulk.hints_of(done.id)
    told = f"，其中 {hints} 项有重复申报提示" if hints else ""
    flash(bulk.summary_of(done) + told, "success")
    return see_other(safe_next(request.form.get("next"), url_for("portfolio.archive")))


def _batch(batch_id: int) -> VetBatch:
    found = db.session.get(VetBatch, batch_id)
    if found is None:
        raise NotFound
    try:
        authorize("portfolio.batch", current_user, found, now())
    except Forbidden as error:
        raise NotFound from error
    return found


def _name(item_id: int) -> str:
    """Return whose an item is and of which type, where no task says more of it."""
    item = queries.item_of(item_id)
    return f"{item.person.name} · {item_types.of(item).title}"


@requires("portfolio.batch")
def batch(batch_id: int) -> str:
    """How far a batch is, and item by item what was not done and why."""
    found = _batch(batch_id)
    state = request.args.get("state", "")
    return render_template(
        "portfolio/batch.html",
        batch=found,
        counts=bulk.counts_of(batch_id),
        page=page_of(bulk.rows_of(batch_id, state), size=PAGE_SIZE),
        hints=bulk.hints_of(batch_id),
        state=state,
        words=ROW_WORDS,
        name_of=_name,
        decision=bulk.WORDS[found.decision],
        failed=bulk.job_key(batch_id) in jobs.failed_of([bulk.job_key(batch_id)]),
    )


@requires("portfolio.batch")
def retry(batch_id: int) -> Response:
    """Have the worker try again what it gave up."""
    found = _batch(batch_id)
    if jobs.ask_again(bulk.job_key(found.id), now=now(), actor_id=current_user.id):
        flash("已重新开始办理", "success")
    return see_other(url_for("portfolio.batch", batch_id=batch_id))


@requires("portfolio.vet")
def next_item() -> Response:
    """Lead to the next item of the list that waits, so that one decision follows another.

    `after` is the task that was decided or skipped; what was skipped is in the list afterwards.
    """
    kept = {key: value for key, value in request.args.items() if key != "after"}
    later = WorkItem.id > (request.args.get("after", type=int) or 0)
    found = db.session.scalars(archive.shown_tasks().where(later).limit(1)).first()
    if found is None:
        flash("本列表已审核到最后一项", "success")
        return see_other(f"{url_for('portfolio.archive')}?{urlencode(kept)}")
    onward = f"{url_for('portfolio.next_item')}?{urlencode({**kept, 'after': found.id})}"
    return see_other(url_for("inbox.task", item_id=found.id, onward=onward))
