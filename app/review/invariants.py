"""Laws of a meeting: nobody judges themselves, what was cast is what was counted."""

from sqlalchemy import func, select

from app.core.db import db
from app.core.invariants import invariant
from app.declarations.models import Declaration
from app.review.ballots import Ballot, BallotBox, BallotClose, BallotRoll, Tally
from app.review.models import MeetingCase, MeetingMember

Round = tuple[int, int]


def _voted() -> dict[Round, int]:
    rows = db.session.execute(
        select(BallotRoll.meeting_id, BallotRoll.round, func.count())
        .where(BallotRoll.voted)
        .group_by(BallotRoll.meeting_id, BallotRoll.round)
    )
    return {(meeting, number): count for meeting, number, count in rows}


def _sealed() -> dict[Round, int]:
    rows = db.session.execute(
        select(BallotBox.meeting_id, BallotBox.round, func.count()).group_by(
            BallotBox.meeting_id, BallotBox.round
        )
    )
    return {(meeting, number): count for meeting, number, count in rows}


def _closed() -> set[Round]:
    rows = db.session.execute(select(BallotClose.meeting_id, BallotClose.round))
    return {(meeting, number) for meeting, number in rows}


@invariant("关闭投票前票箱选票数等于已投票人数，关闭后票箱为空")
def the_box_holds_what_was_cast() -> list[str]:
    """Open rounds: one sealed ballot a voter; closed rounds: none."""
    voted, sealed, closed = _voted(), _sealed(), _closed()
    broken = []
    for place in sorted(voted.keys() | sealed.keys()):
        expected = 0 if place in closed else voted.get(place, 0)
        found = sealed.get(place, 0)
        if found != expected:
            meeting, number = place
            broken.append(f"会议 {meeting} 第 {number} 轮票箱有 {found} 张，应为 {expected} 张")
    return broken


@invariant("选票数、已投票人数与计票结果一致")
def slips_voters_and_tallies_agree() -> list[str]:
    """Each case of a closed round has one slip a voter, and its tally counts just these."""
    voted = _voted()
    slips: dict[tuple[int, int], dict[str, int]] = {}
    choices = select(Ballot.case_id, Ballot.round, Ballot.choice, func.count())
    for case, number, choice, count in db.session.execute(
        choices.group_by(Ballot.case_id, Ballot.round, Ballot.choice)
    ):
        slips.setdefault((case, number), {})[choice] = count
    rows = db.session.execute(
        select(Tally, MeetingCase.meeting_id).join(MeetingCase, MeetingCase.id == Tally.case_id)
    )
    broken = []
    for tally, meeting in rows:
        found = slips.get((tally.case_id, tally.round), {})
        counted = {"y": tally.yes, "n": tally.no, "a": tally.abstain, "r": tally.recused}
        cast = sum(counted.values())
        agrees = {k: v for k, v in counted.items() if v} == found
        if not agrees or cast != voted.get((meeting, tally.round), 0):
            broken.append(f"材料 {tally.case_id} 第 {tally.round} 轮选票与计票不符")
    return broken


@invariant("同一次会议中评委不是申报人")
def nobody_judges_and_is_judged() -> list[str]:
    """No member of a meeting has a declaration before it."""
    rows = db.session.execute(
        select(MeetingMember.meeting_id, MeetingMember.person_id)
        .join(MeetingCase, MeetingCase.meeting_id == MeetingMember.meeting_id)
        .join(Declaration, Declaration.id == MeetingCase.declaration_id)
        .where(Declaration.person_id == MeetingMember.person_id)
    )
    return [f"会议 {meeting} 的评委 {person} 本人参评" for meeting, person in rows]
