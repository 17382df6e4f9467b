"""Pages of the ballot: check-in and roll, keys, the ballot itself, the close, who has voted.

The ballot form carries no request key: a kept hash of the body would betray the choices.
"""

import secrets

from flask import render_template, request, url_for
from flask_login import current_user

from app.core.clock import now
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.http import see_other
from app.core.permissions import requires
from app.review import interests, operations, queries
from app.review.ballots import CHOICES, HOLDER_POSTS, KEYS_NEEDED
from app.review.models import Meeting, MeetingMember, MeetingStatus
from app.review.operations.timing import is_meeting_day
from app.review.web import Answer, attempt, bp, finish, meeting_for, number, page
from rules import voting as law

_random = secrets.SystemRandom()


def _roll_page(meeting: Meeting, faults: list[str] | None = None) -> str:
    turnout = queries.turnout(meeting)
    return page(
        "roll",
        meeting,
        faults=faults or [],
        turnout=turnout,
        quorum=law.quorum(turnout.members),
        roll=queries.roll_of(meeting),
        supervisors=operations.supervisors_for(meeting, now()),
        shares=queries.key_shares(meeting),
        posts=HOLDER_POSTS,
        candidates=queries.candidates(meeting),
        open_cases=queries.open_cases(meeting.id),
        is_day=is_meeting_day(meeting, now()),
    )


@bp.get("/meetings/<int:meeting_id>/roll")
@requires("meeting.set_up")
def roll(meeting_id: int) -> str:
    """签到与票源生成 (HB-E-15): the count against the quorum, live."""
    return _roll_page(meeting_for("meeting.set_up", meeting_id))


@bp.post("/meetings/<int:meeting_id>/check-in")
@requires("meeting.set_up")
def check_in(meeting_id: int) -> Answer:
    """Note one member, or all of them, as present or absent."""
    meeting = meeting_for("meeting.set_up", meeting_id)
    is_present = request.form.get("present") == "1"
    if request.form.get("do") == "all":
        seats = list(meeting.members)
    else:
        seat = db.session.get(MeetingMember, number("seat_id", "专家"))
        if seat is None or seat.meeting_id != meeting.id:
            raise NotFound
        seats = [seat]
    for each in seats:
        operations.check_in(meeting, each, present=is_present, actor_id=current_user.id, now=now())
    return see_other(url_for("review.roll", meeting_id=meeting_id))


@bp.post("/meetings/<int:meeting_id>/roll")
@requires("meeting.set_up")
def prepare_roll(meeting_id: int) -> Answer:
    """Make the roll and name the key holders: the page's final button."""
    meeting = meeting_for("meeting.set_up", meeting_id)

    def work() -> None:
        if not request.form.get("supervisor_id"):
            raise Invalid("请指定监督员")
        finish(meeting, "prepare_roll", {"supervisor_id": number("supervisor_id", "监督员")})

    return attempt(
        work,
        done="票源已生成，请三位密钥持有人领取密钥码，由主任发起投票",
        to=url_for("review.roll", meeting_id=meeting_id),
        again=lambda faults: _roll_page(meeting, faults),
    )


def _key_page(meeting: Meeting, code: str = "") -> str:
    own = next(s for s in queries.key_shares(meeting) if s.holder_id == current_user.id)
    may_collect = meeting.state == MeetingStatus.SCORING and own.sealed is None
    return page("key", meeting, share=own, posts=HOLDER_POSTS, code=code, may_collect=may_collect)


@bp.get("/meetings/<int:meeting_id>/key")
@requires("meeting.key")
def key(meeting_id: int) -> str:
    """A holder's own page: whether their code has been collected."""
    return _key_page(meeting_for("meeting.key", meeting_id))


@bp.post("/meetings/<int:meeting_id>/key")
@requires("meeting.key")
def collect_key(meeting_id: int) -> Answer:
    """Show the holder their one-time code, this once; it is answered, never redirected to."""
    meeting = meeting_for("meeting.key", meeting_id)
    code = operations.collect_key(meeting, actor_id=current_user.id, random=_random, now=now())
    return _key_page(meeting, code)


def _ballot_page(meeting: Meeting, faults: list[str] | None = None) -> str:
    queries.load_cases(meeting)
    return page(
        "ballot",
        meeting,
        faults=faults or [],
        cases=queries.candidates(meeting),
        recused=interests.recused_cases(meeting.id, current_user.id),
        choices=CHOICES,
        values=request.form,
    )


@bp.get("/meetings/<int:meeting_id>/ballot")
@requires("meeting.cast")
def ballot(meeting_id: int) -> str:
    """The ballot over all cases (评委投票, HB-E-12); choices stay in the browser until cast."""
    meeting = _open_ballot(meeting_id)
    entry = queries.roll_entry(meeting, current_user.id)
    if entry is not None and entry.voted:
        return render_template("review/voted_already.html", meeting=meeting)
    return _ballot_page(meeting)


def _open_ballot(meeting_id: int) -> Meeting:
    seen = meeting_for("meeting.view", meeting_id)
    if queries.lacks_roll(seen):
        raise Conflict("尚未生成票源，请等待会议经办人完成签到并生成票源，再由主任发起投票")
    try:
        meeting = meeting_for("meeting.cast", meeting_id)
    except Forbidden as error:
        raise Forbidden("您不在本次投票的票源名单中") from error
    if meeting.state == MeetingStatus.VOTING:
        return meeting
    is_over = queries.ballot_close(meeting) is not None
    raise Conflict("投票已经关闭" if is_over else "投票尚未发起，请等待主任发起投票")


@bp.post("/meetings/<int:meeting_id>/ballot")
@requires("meeting.cast")
def cast(meeting_id: int) -> Answer:
    """Cast the ballot; the receipt says accepted, never what."""
    meeting = _open_ballot(meeting_id)
    if "request_key" in request.form:
        # Its answer would be kept with a hash of the choices: a receipt for whoever asks for one.
        raise Invalid("选票不能带有请求标识，请刷新页面后重新投票")
    choices = {
        int(name.removeprefix("case-")): value
        for name, value in request.form.items()
        if name.startswith("case-") and name.removeprefix("case-").isdecimal()
    }
    return attempt(
        lambda: operations.cast(
            meeting, choices, actor_id=current_user.id, random=_random, now=now()
        ),
        done="选票已投入票箱，感谢您的评审",
        to=url_for("review.show", meeting_id=meeting_id),
        again=lambda faults: _ballot_page(meeting, faults),
        # Who has voted, or comes too late, is shown no ballot.
        shown=(Invalid,),
    )


def _close_page(meeting: Meeting, faults: list[str] | None = None) -> str:
    return page(
        "close",
        meeting,
        faults=faults or [],
        turnout=queries.turnout(meeting),
        shares=queries.key_shares(meeting),
        posts=HOLDER_POSTS,
        needed=KEYS_NEEDED,
    )


@bp.get("/meetings/<int:meeting_id>/close")
@requires("meeting.set_up")
def close(meeting_id: int) -> str:
    """投票关闭与计票: two of the three holders type their codes."""
    return _close_page(meeting_for("meeting.set_up", meeting_id))


@bp.post("/meetings/<int:meeting_id>/close")
@requires("meeting.set_up")
def close_ballot(meeting_id: int) -> Answer:
    """Open the box with two codes and count."""
    meeting = meeting_for("meeting.set_up", meeting_id)
    codes = {
        str(share.holder_id): request.form.get(f"code-{share.holder_id}", "")
        for share in queries.key_shares(meeting)
    }
    return attempt(
        lambda: finish(meeting, "close_ballot", {"codes": codes}),
        done="投票已关闭，计票完成",
        to=url_for("review.results", meeting_id=meeting_id),
        again=lambda faults: _close_page(meeting, faults),
    )


@bp.get("/meetings/<int:meeting_id>/voted")
@requires("meeting.view")
def voted(meeting_id: int) -> str:
    """已投票情况: who has voted, in order of names; never when or what."""
    meeting = meeting_for("meeting.view", meeting_id)
    if not queries.roll_of(meeting):
        raise Conflict("票源尚未生成")
    return page(
        "voted",
        meeting,
        roll=queries.roll_of(meeting),
        turnout=queries.turnout(meeting),
        close=queries.ballot_close(meeting),
        tab="voted",
    )
