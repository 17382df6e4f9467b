"""What becomes of an item when its process ends undecided: its owner may begin again.

So where the process is cancelled (流程作废), and where its owner took back what nobody had
opened (撤回提交).
"""

from datetime import datetime

from app.accounts.operations import notify
from app.core.db import db
from app.core.errors import Conflict
from app.portfolio import queries
from app.portfolio.models import DRAFT, RETURN, RETURNED, SUBMITTED, PortfolioItem
from app.portfolio.operations import record_event


def cancel_review(
    item: PortfolioItem, reason: str, *, actor_id: int | None, now: datetime
) -> None:
    """Make what is being vetted or mended a draft again. Raises Conflict once it was decided."""
    if item.status not in {SUBMITTED, RETURNED}:
        raise Conflict("业绩已审核，流程不能作废")
    sent = item.last_submission
    if sent is not None and sent.decision is None:
        sent.decision, sent.opinion, sent.decided_at = RETURN, _said(reason), now
    item.status = DRAFT
    item.row_version += 1
    item.updated_at = now
    _tell(item, "review_cancelled", f"审核流程已作废：{reason}。请修改后重新提交", actor_id, now)


def take_back(item: PortfolioItem, *, now: datetime) -> None:
    """Make what waits a draft again, as if it had not been sent: nobody has read it.

    What the unit said to earlier ones stays. Raises Conflict once it was decided.
    """
    sent = item.last_submission
    if item.status != SUBMITTED or sent is None or sent.decision is not None:
        raise Conflict("业绩已审核，不能撤回提交")
    item.submissions.remove(sent)
    item.sent_files, item.marks = [], []
    item.status = DRAFT
    item.row_version += 1
    item.updated_at = now
    db.session.flush()
    record_event(item, "taken_back", item.person_id, now, no=sent.no)


def cancel_withdrawal(
    item: PortfolioItem, reason: str, *, actor_id: int | None, now: datetime
) -> None:
    """Refuse what was asked for; the item stays approved. Raises Conflict when nothing waits."""
    asked = queries.open_withdrawal(item.id)
    if asked is None:
        raise Conflict("撤回申请已审核，流程不能作废")
    asked.decision, asked.opinion, asked.decided_at = RETURN, _said(reason), now
    _tell(item, "withdrawal_cancelled", f"的撤回申请已作废：{reason}。可以重新申请", actor_id, now)


def _said(reason: str) -> str:
    return f"流程已作废：{reason}"[:500]


def _tell(item: PortfolioItem, verb: str, what: str, actor_id: int | None, now: datetime) -> None:
    db.session.flush()
    record_event(item, verb, actor_id, now)
    words = f"您的业绩“{item.summary[:60]}”{what}"
    notify(item.person_id, words, url=f"/portfolio/{item.id}", now=now)
