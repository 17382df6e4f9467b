"""撤回申请: the requests of a unit's people to change approved items (FJ-U-11)."""

from flask import Blueprint, render_template, request
from flask_login import current_user
from sqlalchemy import Select, select

from app.accounts.queries import names_of
from app.core.clock import now
from app.core.http import grants, page_of
from app.core.permissions import requires
from app.portfolio import queries, vetting
from app.portfolio.models import PASS, RETURN, ItemWithdrawal, PortfolioItem
from app.portfolio.sight import seen_of

PAGE_SIZE = 20
WAITING = "waiting"
WORDS = {
    WAITING: ("待审核", "info"),
    PASS: ("已同意", "success"),
    RETURN: ("未同意", "warning"),
}


def add_pages(bp: Blueprint) -> None:
    """Add the page to the room's."""
    bp.get("/portfolio/withdrawals")(withdrawal_list)


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
