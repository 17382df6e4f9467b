"""Counting the ballot by the law, and what follows (计票、结果确认、上报、关闭)."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from random import Random

from sqlalchemy import insert

from app.catalogue import jurisdictions
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Forbidden
from app.review import interests, queries
from app.review.ballots import CHOICES, RECUSED, Ballot, BallotClose, Tally
from app.review.models import CaseStatus, Meeting, MeetingCase, MeetingStatus
from app.review.operations.carding import take_cards
from app.review.operations.reviewers import require_director
from app.review.operations.seats import end_seats
from app.review.operations.status import require_status
from rules import voting

Slip = tuple[str, int, str]
"""Random id, case, choice."""


def count_ballots(meeting: Meeting, texts: Sequence[str], *, random: Random, now: datetime) -> str:
    """Cut the ballots into slips, shuffle and keep them, and count each case; returns the root.

    Conflict for a ballot of another length than there are candidates.
    """
    cases = [case.id for case in queries.candidates(meeting)]
    slips = shuffled_slips(cases, texts, random)
    turnout = queries.turnout(meeting)
    root = root_hash(slips)
    _keep(meeting, slips)
    in_denominator = jurisdictions.get(meeting.jurisdiction).recused_in_denominator
    counts = Counter((case_id, choice) for _, case_id, choice in slips)
    for case_id in cases:
        db.session.add(
            tally_of(
                case_id,
                {choice: counts[case_id, choice] for choice in (*CHOICES, RECUSED)},
                present=turnout.present,
                round_no=meeting.round,
                recused_in_denominator=in_denominator,
            )
        )
    db.session.add(
        BallotClose(
            meeting_id=meeting.id,
            round=meeting.round,
            root_hash=root,
            threshold=voting.threshold(turnout.present),
            present=turnout.present,
            closed_at=now,
        )
    )
    db.session.flush()
    return root


def _keep(meeting: Meeting, slips: Sequence[Slip]) -> None:
    where = {"meeting_id": meeting.id, "round": meeting.round}
    rows = [
        {"id": slip_id, "case_id": case_id, "choice": choice, **where}
        for slip_id, case_id, choice in slips
    ]
    if rows:
        db.session.execute(insert(Ballot), rows)


def shuffled_slips(cases: Sequence[int], texts: Iterable[str], random: Random) -> list[Slip]:
    """Cut ballots into slips with new random ids, in random order.

    A whole ballot could be told by the cases its owner is recused from, or by an agreed pattern
    of choices; a slip cannot.
    """
    slips: list[Slip] = []
    for text in texts:
        if len(text) != len(cases):
            raise Conflict("票箱内有无效选票，不能计票，请通知监督员")
        slips += [
            (f"{random.getrandbits(128):032x}", case_id, choice)
            for case_id, choice in zip(cases, text, strict=True)
        ]
    random.shuffle(slips)
    return slips


def root_hash(slips: Iterable[Slip]) -> str:
    """Return the proof of the count: a hash over the sorted hashes of the slips.

    The random id of a slip is its salt.
    """
    leaves = sorted(
        hashlib.sha256(f"{slip_id}:{case_id}:{choice}".encode()).hexdigest()
        for slip_id, case_id, choice in slips
    )
    return hashlib.sha256("".join(leaves).encode()).hexdigest()


def tally_of(
    case_id: int,
    counts: dict[str, int],
    *,
    present: int,
    round_no: int,
    recused_in_denominator: bool,
) -> Tally:
    """Count a case by the law: two thirds of those present, in integers (rules.voting).

    Whoever was present and cast nothing counts against, like an abstention.
    """
    yes, no, abstain = (counts.get(choice, 0) for choice in CHOICES)
    recused = counts.get(RECUSED, 0)
    blank = present - yes - no - abstain - recused
    voting.check_tally(yes, no, abstain + blank, recused, present)
    voters = present if recused_in_denominator else present - recused
    return Tally(
        case_id=case_id,
        round=round_no,
        present=present,
        yes=yes,
        no=no,
        abstain=abstain,
        recused=recused,
        blank=blank,
        needed=voting.threshold(voters),
        passed=voting.verdict(
            yes, present, recused, recused_in_denominator=recused_in_denominator
        ),
    )


def confirm_result(
    meeting: Meeting, opinion: str, *, actor_id: int, now: datetime
) -> Sequence[MeetingCase]:
    """The director announces and signs the result (投票结果确认, HB-E-13); returns the cases.

    A vetoed case has failed without a vote.
    """
    require_status(meeting, MeetingStatus.COUNTED)
    require_director(meeting, actor_id)
    counts = queries.tallies(meeting)
    for case in meeting.cases:
        has_passed = not case.is_vetoed and counts[case.id].passed
        case.status = CaseStatus.PASSED if has_passed else CaseStatus.FAILED
    meeting.status = MeetingStatus.CONFIRMED
    db.session.flush()
    audit.record(
        "meeting:result_confirmed",
        subject=("meeting", meeting.id),
        actor_id=actor_id,
        now=now,
        opinion=opinion,
        passed=sum(case.state == CaseStatus.PASSED for case in meeting.cases),
        cases=len(meeting.cases),
    )
    return meeting.cases


def report_meeting(meeting: Meeting, opinion: str, *, actor_id: int, now: datetime) -> None:
    """Send the result up (评审结果上报, HB-C-18); Forbidden for its experts and applicants."""
    _end(meeting, MeetingStatus.CONFIRMED, MeetingStatus.REPORTED, opinion, actor_id, now)


def return_report(meeting: Meeting, opinion: str, *, actor_id: int, now: datetime) -> None:
    """Give a report back to be sent up again (退回); Forbidden as above."""
    _end(meeting, MeetingStatus.REPORTED, MeetingStatus.CONFIRMED, opinion, actor_id, now)


def close_meeting(meeting: Meeting, opinion: str, *, actor_id: int, now: datetime) -> None:
    """Close the meeting (评审会议关闭, HB-C-19): it joins the past ones.

    Its cards are void, and the roles that its seats gave end. Forbidden as above.
    """
    _end(meeting, MeetingStatus.REPORTED, MeetingStatus.CLOSED, opinion, actor_id, now)
    take_cards(meeting, actor_id=actor_id, now=now)
    end_seats(meeting, actor_id=actor_id, now=now)


def _end(
    meeting: Meeting,
    before: MeetingStatus,
    after: MeetingStatus,
    opinion: str,
    actor_id: int,
    now: datetime,
) -> None:
    require_status(meeting, before)
    if interests.takes_part(meeting.id, actor_id):
        raise Forbidden("本次会议的评委和申报人不能办理会议事务")
    meeting.status = after
    db.session.flush()
    # Confirmed again is what a returned report is.
    verb = "report_returned" if after is MeetingStatus.CONFIRMED else after.value
    audit.record(
        f"meeting:{verb}",
        subject=("meeting", meeting.id),
        actor_id=actor_id,
        now=now,
        opinion=opinion,
    )
