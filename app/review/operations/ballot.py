"""The secret ballot (无记名投票): roll, keys, opening, casting and the close.

Nothing here stores when somebody voted. A ballot form carries no request key, because a kept
hash of its body would betray the choices.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from random import Random

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import delete, insert, select, update

from app.accounts.models import Person
from app.accounts.operations import notify
from app.accounts.queries import people_with_role
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.review import interests, queries, sealing
from app.review.ballots import (
    CHOICES,
    HOLDER_POSTS,
    KEYS_NEEDED,
    RECUSED,
    BallotBox,
    BallotRoll,
    KeyShare,
)
from app.review.models import Meeting, MeetingMember, MeetingStatus
from app.review.operations.recusals import recuse_colleagues
from app.review.operations.reviewers import require_director
from app.review.operations.status import require_status
from app.review.operations.tallying import count_ballots
from app.review.operations.timing import require_meeting_day, require_started
from rules import voting

POST_ORDER = tuple(HOLDER_POSTS)


def check_in(
    meeting: Meeting, seat: MeetingMember, *, present: bool, actor_id: int, now: datetime
) -> None:
    """Note presence (签到); Conflict before the meeting's day and once the roll is made."""
    require_status(meeting, MeetingStatus.SCORING)
    require_meeting_day(meeting, now)
    if queries.roll_of(meeting):
        raise Conflict("票源已生成，不能再修改签到")
    if seat.meeting_id != meeting.id:
        raise NotFound
    if seat.present != present:
        seat.present = present
        db.session.flush()
        audit.record(
            "ballot:checked_in" if present else "ballot:checked_out",
            subject=("meeting", meeting.id),
            actor_id=actor_id,
            now=now,
            member=seat.person_id,
        )


def prepare_roll(
    meeting: Meeting, *, clerk_id: int, supervisor_id: int, now: datetime
) -> Collection[KeyShare]:
    """Make the roll of those present and name the three key holders (票源生成, HB-E-15).

    Conflict below the quorum of two thirds, or while a case is not confirmed. Invalid unless
    director, clerk and supervisor are three people, and the third is the organiser's supervisor.
    """
    require_status(meeting, MeetingStatus.SCORING)
    if queries.open_cases(meeting.id):
        raise Conflict("还有参评材料未经主任确认")
    _drop_roll(meeting)
    recuse_colleagues(meeting, actor_id=clerk_id, now=now)
    count = _quorate(meeting)
    director = queries.director_id(meeting.id)
    holders = dict(zip(POST_ORDER, (director, clerk_id, supervisor_id), strict=True))
    if None in holders.values() or len(set(holders.values())) < sealing.HOLDERS:
        raise Invalid("主任、会议经办人和监督员须为三个人", field="supervisor_id")
    if supervisor_id not in {person.id for person in supervisors_for(meeting, now)}:
        raise Invalid("请从组建单位的监督员中指定", field="supervisor_id")
    for seat in meeting.members:
        db.session.add(
            BallotRoll(
                meeting_id=meeting.id,
                round=meeting.round,
                person_id=seat.person_id,
                present=seat.present,
            )
        )
    _name_holders(meeting, {post: int(person or 0) for post, person in holders.items()}, now)
    audit.record(
        "ballot:roll_prepared",
        subject=("meeting", meeting.id),
        actor_id=clerk_id,
        now=now,
        present=count.present,
        members=count.members,
    )
    return queries.key_shares(meeting)


def _quorate(meeting: Meeting) -> queries.Turnout:
    # Who was checked in while this waited for the lock is present.
    for seat in meeting.members:
        db.session.refresh(seat)
    count = queries.turnout(meeting)
    needed = voting.quorum(count.members)
    if count.present < needed:
        raise Conflict(
            f"签到 {count.present} 人，未达到三分之二（至少 {needed} 人），不能生成票源"
        )
    return count


def supervisors_for(meeting: Meeting, now: datetime) -> list[Person]:
    """Return who may hold the third key: the organiser's supervisors who take no part."""
    people = people_with_role("supervisor", "org", meeting.organiser_unit_id, now)
    return [person for person in people if not interests.takes_part(meeting.id, person.id)]


def recall_roll(meeting: Meeting, *, actor_id: int, now: datetime) -> None:
    """Take the roll back before the ballot opens, so that the check-in can be mended."""
    require_status(meeting, MeetingStatus.SCORING)
    _drop_roll(meeting)
    audit.record(
        "ballot:roll_recalled", subject=("meeting", meeting.id), actor_id=actor_id, now=now
    )


def _drop_roll(meeting: Meeting) -> None:
    db.session.execute(
        delete(BallotRoll).where(
            BallotRoll.meeting_id == meeting.id, BallotRoll.round == meeting.round
        ),
        execution_options={"synchronize_session": "fetch"},
    )
    db.session.flush()


def _name_holders(meeting: Meeting, holders: Mapping[str, int], now: datetime) -> None:
    known = {share.post: share for share in queries.key_shares(meeting)}
    for post, share in known.items():
        if share.holder_id != holders[post]:
            db.session.delete(share)
    db.session.flush()
    for post, person_id in holders.items():
        if post in known and known[post].holder_id == person_id:
            continue
        share = KeyShare(
            meeting_id=meeting.id, round=meeting.round, holder_id=person_id, post=post
        )
        db.session.add(share)
        notify(
            person_id,
            f"您是“{meeting.name}”票箱的密钥持有人，请领取并妥善保管密钥码",
            url=f"/meetings/{meeting.id}/key",
            now=now,
        )
    db.session.flush()


def _share_context(share: KeyShare) -> bytes:
    return f"zhiping key share {share.meeting_id}/{share.round}/{share.holder_id}".encode()


def _ballot_context(meeting: Meeting) -> bytes:
    return f"zhiping ballot {meeting.id}/{meeting.round}".encode()


def collect_key(meeting: Meeting, *, actor_id: int, random: Random, now: datetime) -> str:
    """Give a holder their one-time code (领取密钥码); it is returned once and kept nowhere.

    Until the ballot opens a lost code can be replaced. NotFound for others than the holders,
    Conflict once the box is locked with the code.
    """
    # The opening seals the shares to the codes: a code is taken before it or not at all.
    db.session.refresh(meeting, with_for_update=True)
    share = next((s for s in queries.key_shares(meeting) if s.holder_id == actor_id), None)
    if share is None:
        raise NotFound
    if share.sealed is not None or meeting.state != MeetingStatus.SCORING:
        raise Conflict("投票已经开始，密钥码不能再领取或更换")
    code = sealing.new_code(random)
    share.public_key = sealing.public_hex(sealing.key_of_code(code, _share_context(share)))
    db.session.flush()
    audit.record(
        "ballot:key_collected", subject=("meeting", meeting.id), actor_id=actor_id, now=now
    )
    return code


def open_ballot(meeting: Meeting, *, actor_id: int, random: Random, now: datetime) -> None:
    """The director opens the ballot (发起投票, HB-E-11): the box is locked for everybody.

    Conflict before the meeting has begun, and while there is no roll, no candidate, or a holder
    without a code.
    """
    require_status(meeting, MeetingStatus.SCORING)
    require_director(meeting, actor_id)
    require_started(meeting, now)
    if not queries.roll_of(meeting):
        raise Conflict("尚未生成票源")
    if not queries.candidates(meeting):
        raise Conflict("没有可表决的参评材料")
    shares = sorted(queries.key_shares(meeting), key=lambda share: POST_ORDER.index(share.post))
    waiting = [HOLDER_POSTS[share.post] for share in shares if share.public_key is None]
    if waiting:
        raise Conflict(f"{'、'.join(waiting)}尚未领取密钥码，不能发起投票")
    recuse_colleagues(meeting, actor_id=actor_id, now=now)
    key = sealing.new_key(random)
    for share, part in zip(shares, sealing.split(key.private_bytes_raw(), random), strict=True):
        sealed = sealing.seal(part, share.public_key or "", _share_context(share), random)
        share.sealed = sealed.hex()
    meeting.public_key = sealing.public_hex(key)
    meeting.status = MeetingStatus.VOTING
    db.session.flush()
    audit.record("ballot:opened", subject=("meeting", meeting.id), actor_id=actor_id, now=now)
    for person, present, _ in queries.roll_of(meeting):
        if present:
            notify(
                person.id,
                f"“{meeting.name}”已发起投票，请投票",
                url=f"/meetings/{meeting.id}/ballot",
                now=now,
            )


def ballot_text(meeting: Meeting, choices: Mapping[int, str], recused: Collection[int]) -> bytes:
    """Return a ballot as one byte a case; Invalid unless every case is answered.

    A case from which the voter is recused reads so, whatever was sent.
    """
    order = [case.id for case in queries.candidates(meeting)]
    open_to_vote = [case_id for case_id in order if case_id not in recused]
    if not set(choices) <= set(order) or not set(choices.values()) <= set(CHOICES):
        raise Invalid("选票内容无效，请刷新页面后重新投票")
    missing = [case_id for case_id in open_to_vote if case_id not in choices]
    if missing:
        raise Invalid(f"还有 {len(missing)} 份材料未表决，请全部表决后再提交")
    letters = (RECUSED if case_id in recused else choices[case_id] for case_id in order)
    return "".join(letters).encode()


def cast(
    meeting: Meeting,
    choices: Mapping[int, str],
    *,
    actor_id: int,
    random: Random,
    now: datetime,
) -> None:
    """Put a sealed ballot over all candidates into the box (评委投票, HB-E-12).

    Forbidden for people who are not on the roll as present; Conflict for a second ballot and
    outside the voting. The audit log learns that a ballot was cast, not whose.
    """
    # Shared: voters do not wait for each other, and the close waits for them.
    status, public_key = db.session.execute(
        select(Meeting.status, Meeting.public_key)
        .where(Meeting.id == meeting.id)
        .with_for_update(read=True)
    ).one()
    if status != MeetingStatus.VOTING:
        raise Conflict("当前不在投票时间")
    entry = queries.roll_entry(meeting, actor_id)
    if entry is None or not entry.present:
        raise Forbidden("您不在本次投票的票源名单中")
    text = ballot_text(meeting, choices, interests.recused_cases(meeting.id, actor_id))
    _mark_as_voted(meeting, actor_id)
    db.session.execute(
        insert(BallotBox).values(
            id=random_id(random),
            meeting_id=meeting.id,
            round=meeting.round,
            sealed=sealing.seal(text, public_key, _ballot_context(meeting), random),
        )
    )
    db.session.expire(entry)
    audit.record("ballot:cast", subject=("meeting", meeting.id), actor_id=None, now=now)


def _mark_as_voted(meeting: Meeting, actor_id: int) -> None:
    """Note on the roll that a voter has voted; Conflict for the second time."""
    marked = db.session.execute(
        update(BallotRoll)
        .where(
            BallotRoll.meeting_id == meeting.id,
            BallotRoll.round == meeting.round,
            BallotRoll.person_id == actor_id,
            BallotRoll.present,
            ~BallotRoll.voted,
        )
        .values(voted=True),
        execution_options={"synchronize_session": False},
    )
    if marked.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("您已投票，选票不能修改")


def random_id(random: Random) -> str:
    """Return an id that tells nothing about order."""
    return f"{random.getrandbits(128):032x}"


def close_ballot(
    meeting: Meeting,
    codes: Mapping[int, str],
    *,
    actor_id: int,
    random: Random,
    now: datetime,
) -> None:
    """Open the box with the codes of two holders and count (投票关闭), in one transaction.

    `codes` maps holders to their codes. Conflict when it is closed already or the box does not
    hold one ballot for every voter, Invalid for a wrong code.
    """
    require_status(meeting, MeetingStatus.VOTING)
    key = _open_lock(meeting, codes)
    box = db.session.scalars(
        select(BallotBox.sealed)
        .where(BallotBox.meeting_id == meeting.id, BallotBox.round == meeting.round)
        .order_by(BallotBox.id)
    ).all()
    voted = queries.turnout(meeting).voted
    if len(box) != voted:
        raise Conflict(f"票箱内 {len(box)} 票与已投票 {voted} 人不符，不能计票，请通知监督员")
    context = _ballot_context(meeting)
    texts = [sealing.unseal(sealed, key, context).decode() for sealed in box]
    root = count_ballots(meeting, texts, random=random, now=now)
    _empty_box(meeting)
    meeting.status = MeetingStatus.COUNTED
    db.session.flush()
    audit.record(
        "ballot:closed",
        subject=("meeting", meeting.id),
        actor_id=actor_id,
        now=now,
        root=root,
        voted=voted,
    )


def _open_lock(meeting: Meeting, codes: Mapping[int, str]) -> X25519PrivateKey:
    shares = sorted(queries.key_shares(meeting), key=lambda share: POST_ORDER.index(share.post))
    given = [
        (place, share, codes[share.holder_id].strip())
        for place, share in enumerate(shares)
        if codes.get(share.holder_id, "").strip()
    ]
    if len(given) < KEYS_NEEDED:
        raise Invalid(f"需要 {KEYS_NEEDED} 位持有人的密钥码", field="codes")
    opened = [(place, _open_share(share, code)) for place, share, code in given]
    key = X25519PrivateKey.from_private_bytes(sealing.join(opened[0], opened[1]))
    if sealing.public_hex(key) != meeting.public_key:
        raise Invalid("密钥与票箱不符", field="codes")
    return key


def _open_share(share: KeyShare, code: str) -> bytes:
    context = _share_context(share)
    try:
        return sealing.unseal(
            bytes.fromhex(share.sealed or ""), sealing.key_of_code(code, context), context
        )
    except sealing.WrongCode as error:
        raise Invalid(
            f"{HOLDER_POSTS[share.post]}的密钥码不正确", field=f"code-{share.holder_id}"
        ) from error


def _empty_box(meeting: Meeting) -> None:
    """Empty the box, destroy the shares and write the roll anew, in order of persons.

    PostgreSQL keeps in hidden columns which transaction wrote a row: after this, every row of
    the ballot was written by the same one.
    """
    fresh = {"synchronize_session": False}
    here = (BallotBox.meeting_id == meeting.id, BallotBox.round == meeting.round)
    db.session.execute(delete(BallotBox).where(*here), execution_options=fresh)
    for share in queries.key_shares(meeting):
        share.sealed = None
    this_roll = (BallotRoll.meeting_id == meeting.id, BallotRoll.round == meeting.round)
    lines = db.session.execute(
        select(BallotRoll.person_id, BallotRoll.present, BallotRoll.voted)
        .where(*this_roll)
        .order_by(BallotRoll.person_id)
    ).all()
    db.session.execute(delete(BallotRoll).where(*this_roll), execution_options=fresh)
    rows = [
        {"meeting_id": meeting.id, "round": meeting.round, **line._mapping}  # noqa: SLF001
        for line in lines
    ]
    db.session.expire_all()
    db.session.execute(insert(BallotRoll), rows)
