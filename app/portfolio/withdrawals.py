"""Taking an approved item back in order to change it (业绩撤回, FJ-U-11)."""

from datetime import datetime

from app.accounts.models import Person
from app.accounts.operations import notify
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.engine import handlers, runtime
from app.portfolio import queries
from app.portfolio.models import APPROVED, DRAFT, PASS, RETURN, ItemWithdrawal, PortfolioItem
from app.portfolio.operations import BUSINESS, UNBOUND, record_event
from app.units import queries as units

PROCESS = "portfolio_withdrawal"


def request_withdrawal(
    item: PortfolioItem, reason: str, *, actor: Person, now: datetime
) -> ItemWithdrawal:
    """Ask the unit to open an approved item for change (撤回申请).

    Raises Conflict for an item that is not approved, that is being asked for already, or whose
    owner no unit has approved; Invalid without a reason; NotFound for a foreign item.
    """
    if item.person_id != actor.id:
        raise NotFound
    if queries.open_withdrawal(item.id) is not None:
        raise Conflict("该业绩已有待审核的撤回申请，请等待单位审核，不要重复提交")
    if item.status != APPROVED:
        raise Conflict("只有单位已审核通过的业绩才能申请撤回")
    if not reason.strip():
        raise Invalid("请填写撤回原因", field="reason")
    unit = units.unit_of(item.person_id)
    if unit is None:
        raise Conflict(UNBOUND)
    item.reviewing_unit_id = units.reviewing_unit(unit, item.person_id, now).id
    asked = ItemWithdrawal(
        item_id=item.id, reason=reason.strip()[:500], requested_by=actor.id, requested_at=now
    )
    db.session.add(asked)
    db.session.flush()
    record_event(item, "withdrawal_requested", actor, now, reason=asked.reason)
    runtime.start(
        PROCESS,
        business=(BUSINESS, item.id),
        jurisdiction=unit.jurisdiction,
        actor_id=actor.id,
        now=now,
        said={handlers.OUTCOME_WORD: "申请撤回", handlers.OPINION: asked.reason},
    )
    return asked


def vet_withdrawal(
    item: PortfolioItem, decision: str, opinion: str, *, actor: Person, now: datetime
) -> ItemWithdrawal:
    """Decide on a request; a refusal leaves the item as it is and tells its owner why.

    Raises Conflict when nothing waits, Forbidden for the owner, Invalid for a silent refusal.
    """
    asked = queries.open_withdrawal(item.id)
    if asked is None:
        raise Conflict("没有待审核的撤回申请，请刷新页面")
    if actor.id == item.person_id:
        raise Forbidden("不能审核本人的撤回申请")
    if decision == RETURN and not opinion.strip():
        raise Invalid("不同意时请说明理由", field="opinion")
    asked.decision, asked.opinion = decision, opinion.strip()
    asked.decided_by, asked.decided_at = actor.id, now
    db.session.flush()
    record_event(item, "withdrawal_decided", actor, now, decision=decision)
    if decision == RETURN:
        _tell(item, f"的撤回申请未获同意，理由：{asked.opinion}", now)
    return asked


def release_item(item: PortfolioItem, *, now: datetime) -> None:
    """Open an approved item for change; its versions stay for those that use them.

    Raises Conflict when no request of it was granted.
    """
    last = queries.last_withdrawal(item.id)
    if item.status != APPROVED or last is None or last.decision != PASS:
        raise Conflict("撤回申请尚未同意，不能修改")
    item.status = DRAFT
    item.row_version += 1
    item.updated_at = now
    db.session.flush()
    reviewer = db.session.get_one(Person, last.decided_by)
    record_event(item, "released", reviewer, now)
    _tell(item, "已同意撤回，请修改后重新提交审核", now)


def _tell(item: PortfolioItem, what: str, now: datetime) -> None:
    words = f"您的业绩“{item.summary[:60]}”{what}"
    notify(item.person_id, words, url=f"/portfolio/{item.id}", now=now)
