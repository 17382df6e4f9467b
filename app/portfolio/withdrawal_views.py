"""撤回: of what nobody has opened yet, and the requests to change approved items (FJ-U-11)."""

from contextlib import suppress

from flask import Blueprint, flash, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import Select, select
from werkzeug.wrappers import Response

from app.accounts.queries import names_of
from app.core.clock import now
from app.core.db import begin_writing
from app.core.errors import Conflict
from app.core.http import grants, is_looked_at, page_of, see_other
from app.core.permissions import requires
from app.engine import runtime
from app.engine.models import WorkItem
from app.portfolio import queries, vetting
from app.portfolio.asked import item_for
from app.portfolio.models import PASS, RETURN, ItemWithdrawal, PortfolioItem
from app.portfolio.operations import BUSINESS
from app.portfolio.sight import seen_of

PAGE_SIZE = 20
WAITING = "waiting"
WORDS = {
    WAITING: ("待审核", "info"),
    PASS: ("已同意", "success"),
    RETURN: ("不同意", "warning"),
}


def add_pages(bp: Blueprint) -> None:
    """Add the page to the room's."""
    bp.get("/portfolio/withdrawals")(withdrawal_list)
    bp.post("/portfolio/<int:item_id>/take-back")(take_back)


@requires("portfolio.edit")
def take_back(item_id: int) -> Response:
    """撤回提交: take back what nobody has opened since it was sent."""
    item_for(item_id, "portfolio.edit")
    runtime.withdraw((BUSINESS, item_id), actor_id=current_user.id, now=now())
    flash("已撤回提交，可以修改后重新提交审核", "success")
    return see_other(url_for("portfolio.show", item_id=item_id))


def note_opened(task: WorkItem | None) -> None:
    """Note that a reviewer read the item of their task beside it: it is not taken back any more.

    Last, for that writes: others would wait for the page to be drawn.
    """
    if task is not None and task.viewed_at is None and is_looked_at():
        begin_writing()
        # Decided by somebody else meanwhile, or halted: the page is read all the same.
        with suppress(Conflict):
            runtime.open_item(task, person_id=current_user.id, now=now())


def _requests(state: str) -> Select[tuple[ItemWithdrawal]]:
    """Select what was asked of the reader's units, what waits first and then the latest."""
    found = (
        select(ItemWithdrawal)
        .join(PortfolioItem, PortfolioItem.id == ItemWithdrawal.item_id)
        .where(PortfolioItem.reviewing_unit_id.in_(queries.units_where(grants())))
        .order_by(ItemWithdrawal.decision.is_not(None), ItemWithdrawal.id.desc())
    )
    if state == WAITING:
        return found.where(ItemWithdrawal.decision.is_(None))
    return found.where(ItemWithdrawal.decision == state) if state in WORDS else found


@requires("portfolio.archive")
def withdrawal_list() -> str:
    """What was asked, why, and what became of it."""
    state = request.args.get("state", "")
    page = page_of(_requests(state), size=PAGE_SIZE)
    ids = {asked.item_id for asked in page.items}
    waiting = vetting.waiting_for(current_user.id, now(), "vet_withdrawal")
    return render_template(
        "portfolio/withdrawals.html",
        page=page,
        state=state,
        words=WORDS,
        tasks=vetting.tasks_of(waiting, ids),
        items={item.id: item for item in vetting.loaded(ids)},
        seen_of=seen_of,
        names=names_of(asked.decided_by for asked in page.items),
    )
