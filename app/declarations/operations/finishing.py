"""What the process itself does to a declaration: return, withdraw, terminate, finish."""

from collections.abc import Callable
from datetime import datetime

from app.accounts.models import Person
from app.accounts.operations import notify
from app.core.db import db
from app.core.errors import Conflict, Invalid
from app.declarations.models import Declaration, Status
from app.declarations.operations.common import record
from app.declarations.operations.submitting import (
    last_moment,
    least_mending,
    mended_by,
    mended_last,
)
from app.declarations.queries import open_defects

OUTCOMES = {"passed": Status.PASSED, "failed": Status.FAILED}
Obstacle = Callable[[Declaration], str | None]
_obstacles: list[Obstacle] = []


def register_obstacle(obstacle: Obstacle) -> Obstacle:
    """Ask before a declaration is cancelled: fn(declaration) -> what is in the way, in words."""
    if obstacle not in _obstacles:
        _obstacles.append(obstacle)
    return obstacle


def tell(declaration: Declaration, text: str, now: datetime) -> None:
    """Notify the applicant; the message leads to the declaration."""
    url = f"/declarations/{declaration.id}"
    notify(declaration.person_id, f"{declaration.plan.name}：{text}", url=url, now=now)


def _leave_chain(declaration: Declaration, status: Status, now: datetime) -> None:
    declaration.status = status
    declaration.current_unit, declaration.current_level = None, 0
    declaration.updated_at = now
    db.session.flush()


def return_declaration(declaration: Declaration, *, now: datetime) -> None:
    """Give it back to the applicant with every defect at once (退回, FJ-U-16)."""
    count = len(open_defects(declaration.id))
    declaration.mended_until = None
    _leave_chain(declaration, Status.RETURNED, now)
    record("returned", declaration, None, now, defects=count)
    text = f"您的申报被退回，共 {count} 处需要修改，请在 {last_moment(declaration):%Y-%m-%d %H:%M}"
    tell(declaration, f"{text} 前修改并重新提交，逾期视为放弃", now)


def why_mending_is_fixed(declaration: Declaration) -> str:
    """Return why nobody gets other days to send it up, nothing for one that is mended (补正)."""
    if declaration.status == Status.RETURNED and open_defects(declaration.id):
        return ""
    return "提交截止时间由评审计划决定，请由组建单位在计划管理中延长"


def prolong_mending(
    declaration: Declaration, until: datetime, *, actor_id: int | None, now: datetime
) -> datetime:
    """Let one person mend until another moment (改期); return when it counts as given up.

    The caller holds the lock of a declaration that is mended. Raises Invalid for less than the
    rules give.
    """
    least = least_mending(declaration, open_defects(declaration.id))
    if until < least:
        raise Invalid(f"补正期限不能早于规定的 {least:%Y-%m-%d %H:%M}", field="due")
    declaration.mended_until, declaration.updated_at = until, now
    db.session.flush()
    record("mending_prolonged", declaration, actor_id, now, due=until.isoformat())
    text = f"您的补正期限改为 {until:%Y-%m-%d %H:%M}，请在此之前修改并重新提交"
    tell(declaration, f"{text}，逾期视为放弃", now)
    return mended_by(declaration)


def give_up_declaration(declaration: Declaration, *, now: datetime) -> bool:
    """End one that was not sent up in its time (逾期视为放弃); tells whether it did.

    It lives on where the plan's deadline was put off meanwhile.
    """
    if mended_by(declaration) > now:
        return False
    last = last_moment(declaration)
    declaration.ended_reason = _lateness(declaration, f"{last:%Y-%m-%d %H:%M}")
    _leave_chain(declaration, Status.GIVEN_UP, now)
    record("given_up", declaration, None, now, mended_by=f"{last:%Y-%m-%d %H:%M}")
    tell(declaration, f"您的申报{declaration.ended_reason}", now)
    return True


def _lateness(declaration: Declaration, last: str) -> str:
    if declaration.submitted_at is None:
        return f"未在申报截止时间（{last}）前提交，不能再提交"
    limit = "补正期限" if declaration.status == Status.RETURNED else "撤回后的提交期限"
    return f"未在{limit}（{last}）内重新提交，视为放弃"


def withdraw_declaration(declaration: Declaration, *, now: datetime) -> None:
    """Make it what it was before it was sent up, taken back before anybody looked (撤回).

    A mended one is a returned one again with its defects, and keeps the days for mending (补正).
    """
    mended = mended_last(declaration)
    for defect in mended:
        defect.resolved_at = None
    _leave_chain(declaration, Status.RETURNED if mended else Status.DRAFT, now)
    record("withdrawn", declaration, declaration.person_id, now)


def terminate_declaration(declaration: Declaration, *, now: datetime) -> None:
    """End it for this year (终止, FJ-U-17); the reason was given and confirmed before."""
    _leave_chain(declaration, Status.TERMINATED, now)
    record("terminated", declaration, None, now, reason=declaration.ended_reason)
    text = f"您的申报已被终止，本年度不能再次申报。原因：{declaration.ended_reason}"
    tell(declaration, text, now)


def cancel_declaration(
    declaration: Declaration, reason: str, *, actor_id: int | None, now: datetime
) -> None:
    """End it since its process is cancelled (流程作废), which does not cost the year.

    One person may do that, while a termination takes two: the applicant may declare again.
    The caller holds the lock of the declaration. Raises Conflict for a draft, which its applicant
    deletes, once a meeting judges it, and where a higher room has something in the way.
    """
    if declaration.submitted_at is None:
        raise Conflict("申报还没有提交过，由申报人本人删除，流程不能作废")
    if declaration.status == Status.IN_MEETING:
        raise Conflict("申报已进入评审会议，须由会议办结，流程不能作废")
    if told := [said for ask in _obstacles if (said := ask(declaration))]:
        raise Conflict("；".join(told))
    declaration.ended_reason = f"流程已作废：{reason}"
    _leave_chain(declaration, Status.CANCELLED, now)
    record("cancelled", declaration, actor_id, now, reason=declaration.ended_reason)
    text = "您的申报已作废，不占用本年度的申报机会，申报截止前可以重新申报"
    tell(declaration, f"{text}。原因：{declaration.ended_reason}", now)


def mark_in_meeting(declaration: Declaration, *, actor: Person | None, now: datetime) -> None:
    """Note that its meeting has taken it up; Conflict unless it was accepted."""
    if declaration.status != Status.ACCEPTED:
        raise Conflict(f"申报 {declaration.number} 不在已受理状态")
    declaration.status, declaration.updated_at = Status.IN_MEETING, now
    db.session.flush()
    record("in_meeting", declaration, actor.id if actor else None, now)


def finish_declaration(declaration: Declaration, outcome: str, *, now: datetime) -> None:
    """Enter the confirmed result: passed or failed. Raises Invalid for any other word."""
    if outcome not in OUTCOMES:
        raise Invalid(f"未知的评审结果：{outcome}")
    if declaration.status not in {Status.ACCEPTED, Status.IN_MEETING}:
        raise Conflict(f"申报 {declaration.number} 不在评审中")
    _leave_chain(declaration, OUTCOMES[outcome], now)
    record("finished", declaration, None, now, outcome=outcome)
    word = "评审通过" if outcome == "passed" else "评审未通过"
    tell(declaration, f"评审已结束，结果为{word}", now)


def revoke_declaration(declaration: Declaration, reason: str, *, now: datetime) -> None:
    """Take back the result of one that had passed (撤销); it keeps the person's turn of the year.

    Raises Conflict unless it stands as passed.
    """
    db.session.refresh(declaration, with_for_update={"of": Declaration})
    if declaration.status != Status.PASSED:
        raise Conflict(f"申报 {declaration.number} 不在评审通过状态，不能撤销")
    declaration.ended_reason = reason
    _leave_chain(declaration, Status.REVOKED, now)
    record("revoked", declaration, None, now, reason=reason)
