"""Setting a meeting up (会议新增、分组、评审方案、评分标准)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.committees.models import Committee
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid
from app.plans.models import Plan
from app.review import interests
from app.review.models import (
    Indicator,
    Meeting,
    MeetingCommittee,
    MeetingGroup,
    MeetingStatus,
)
from app.review.operations.status import require_status, require_unsettled
from app.review.operations.timing import check_time, committees_of

LEAST_IN_GROUP = 3
WHOLE_WEIGHT = 100
HIGHEST_SCORE = 100
LONGEST_SCHEME = 4000


@dataclass(frozen=True)
class MeetingFacts:
    """What is said about a meeting when it is called (HB-C-07)."""

    name: str
    place: str
    starts_at: datetime
    ends_at: datetime
    staff: str = ""
    brief: str = ""


def create_meeting(
    plan: Plan,
    committees: Sequence[Committee],
    facts: MeetingFacts,
    *,
    actor_id: int,
    now: datetime,
) -> Meeting:
    """Call a meeting of one or more committees for a plan.

    Invalid when it is held outside the filing of a committee (备案有效期), before the plan's
    deadline or in the past, or has no length.
    """
    if not committees:
        raise Invalid("请选择评委会", field="committees")
    check_time(plan, committees, facts.starts_at, facts.ends_at, now)
    meeting = Meeting(
        plan_id=plan.id,
        committee_id=committees[0].id,
        organiser_unit_id=plan.organiser_unit_id,
        jurisdiction=plan.jurisdiction,
        name=facts.name.strip(),
        place=facts.place.strip(),
        starts_at=facts.starts_at,
        ends_at=facts.ends_at,
        staff=facts.staff.strip(),
        brief=facts.brief.strip(),
    )
    db.session.add(meeting)
    db.session.flush()
    for committee in committees[1:]:
        db.session.add(MeetingCommittee(meeting_id=meeting.id, committee_id=committee.id))
    audit.record("meeting:created", subject=("meeting", meeting.id), actor_id=actor_id, now=now)
    return meeting


def add_group(
    meeting: Meeting, name: str, size: int, *, actor_id: int, now: datetime
) -> MeetingGroup:
    """Add a group (会议分组, HB-C-10).

    Invalid for a name taken, under three experts, and for more than its committees have.
    """
    require_unsettled(meeting)
    if size < LEAST_IN_GROUP:
        raise Invalid(f"每组不少于 {LEAST_IN_GROUP} 名专家", field="size")
    seats = sum(committee.size for committee in committees_of(meeting))
    if size > seats:
        raise Invalid(f"评委会备案共 {seats} 人，一组不能超过 {seats} 人", field="size")
    if not name.strip() or name.strip() in {group.name for group in meeting.groups}:
        raise Invalid("请填写组名，且不能与已有分组重名", field="name")
    group = MeetingGroup(meeting_id=meeting.id, name=name.strip(), size=size)
    meeting.groups.append(group)
    db.session.flush()
    audit.record(
        "meeting:group_added",
        subject=("meeting", meeting.id),
        actor_id=actor_id,
        now=now,
        group=group.name,
    )
    return group


def remove_group(meeting: Meeting, group: MeetingGroup, *, actor_id: int, now: datetime) -> None:
    """Remove an empty group; Conflict while it has experts or cases."""
    require_unsettled(meeting)
    if group.members or group.cases:
        raise Conflict("该组还有专家或参评材料，请先移出")
    meeting.groups.remove(group)
    db.session.delete(group)
    db.session.flush()
    audit.record(
        "meeting:group_removed",
        subject=("meeting", meeting.id),
        actor_id=actor_id,
        now=now,
        group=group.name,
    )


def add_indicator(
    meeting: Meeting,
    name: str,
    *,
    weight: int,
    max_score: int,
    min_score: int = 0,
    rule: str = "",
    actor_id: int,
    now: datetime,
) -> Indicator:
    """Add a line of the score sheet (设置评分标准, HB-C-16); weight 0 makes it a veto."""
    require_unsettled(meeting)
    if not name.strip() or name.strip() in {line.name for line in meeting.indicators}:
        raise Invalid("请填写指标名称，且不能与已有指标重名", field="name")
    if not 0 <= weight <= WHOLE_WEIGHT:
        raise Invalid("权重为 0 至 100 的整数，0 表示一票否决", field="weight")
    is_veto = weight == 0
    low, high = (0, 1) if is_veto else (min_score, max_score)
    _check_range(low, high)
    line = Indicator(
        meeting_id=meeting.id,
        position=max((each.position for each in meeting.indicators), default=0) + 1,
        name=name.strip(),
        weight=weight,
        min_score=low,
        max_score=high,
        is_veto=is_veto,
        rule=rule.strip(),
    )
    meeting.indicators.append(line)
    db.session.flush()
    _note_indicator("meeting:indicator_added", meeting, line, actor_id, now)
    return line


def _check_range(low: int, high: int) -> None:
    if low < 0 or high <= low:
        raise Invalid("最高分须大于最低分，且不能为负", field="max_score")
    if high > HIGHEST_SCORE:
        raise Invalid(f"最高分不能超过 {HIGHEST_SCORE} 分", field="max_score")


def remove_indicator(meeting: Meeting, line: Indicator, *, actor_id: int, now: datetime) -> None:
    """Remove a line of the score sheet while the meeting is being prepared."""
    require_unsettled(meeting)
    meeting.indicators.remove(line)
    db.session.delete(line)
    db.session.flush()
    _note_indicator("meeting:indicator_removed", meeting, line, actor_id, now)


def _note_indicator(
    tag: str, meeting: Meeting, line: Indicator, actor_id: int, now: datetime
) -> None:
    subject = ("meeting", meeting.id)
    audit.record(tag, subject=subject, actor_id=actor_id, now=now, indicator=line.name)


def set_up_gaps(meeting: Meeting) -> list[str]:
    """Return everything that is still missing before the scheme can be sent up, at once."""
    weights = sum(line.weight for line in meeting.indicators)
    checks = [
        (not meeting.groups, "尚未设置会议分组"),
        (not meeting.cases, "尚未添加参评材料"),
        (any(seat.group_id is None for seat in meeting.members), "有专家尚未编入小组"),
        (any(case.group_id is None for case in meeting.cases), "有参评材料尚未分组"),
        (weights != WHOLE_WEIGHT, f"评分指标权重合计应为 100，现为 {weights}"),
    ]
    small = [
        (
            len(group.members) < LEAST_IN_GROUP,
            f"{group.name}现有 {len(group.members)} 名专家，不少于 {LEAST_IN_GROUP} 名",
        )
        for group in meeting.groups
    ]
    return [text for is_missing, text in [*checks, *small] if is_missing]


def scheme_mark(scheme: str) -> str:
    """Return what tells one text of a scheme from another."""
    return hashlib.sha256(scheme.encode()).hexdigest()[:16]


def keep_scheme(meeting: Meeting, scheme: str, *, known: str) -> None:
    """Keep a scheme that is being typed (自动保存).

    `known` is the mark of the text that the page was filled on: Conflict when another page has
    saved since, Invalid when the scheme is too long.
    """
    require_unsettled(meeting)
    if known != scheme_mark(meeting.scheme):
        raise Conflict("评审方案已在别处修改，请刷新页面")
    if told := _length_fault(scheme):
        raise Invalid(told, field="scheme")
    meeting.scheme = scheme
    db.session.flush()


def _length_fault(scheme: str) -> str:
    count = len(scheme)
    too_long = f"评审方案不能超过 {LONGEST_SCHEME} 个字，现有 {count} 个字"
    return too_long if count > LONGEST_SCHEME else ""


def finish_set_up(meeting: Meeting, scheme: str, *, actor_id: int, now: datetime) -> None:
    """Send the scheme up for approval (评审方案); Invalid lists every gap."""
    require_unsettled(meeting)
    gaps = set_up_gaps(meeting)
    if not scheme.strip():
        gaps.append("请填写评审方案")
    if told := _length_fault(scheme.strip()):
        gaps.append(told)
    if gaps:
        raise Invalid("；".join(gaps), errors={"scheme": gaps})
    meeting.scheme = scheme.strip()
    meeting.set_up_by = actor_id
    meeting.is_settled = True
    db.session.flush()
    audit.record(
        "meeting:scheme_submitted", subject=("meeting", meeting.id), actor_id=actor_id, now=now
    )


def approve_scheme(
    meeting: Meeting, decision: str, opinion: str, *, actor_id: int, now: datetime
) -> None:
    """Decide on the scheme (方案审核); Forbidden for who set it up, judges or is judged."""
    require_status(meeting, MeetingStatus.PREPARING)
    if interests.takes_part(meeting.id, actor_id):
        raise Forbidden("本次会议的评委和参评的申报人不能审核评审方案")
    if meeting.set_up_by == actor_id:
        raise Forbidden("评审方案由另一人审核，不能审核自己提交的方案")
    meeting.is_settled = decision == "pass"
    audit.record(
        "meeting:scheme_approved" if decision == "pass" else "meeting:scheme_returned",
        subject=("meeting", meeting.id),
        actor_id=actor_id,
        now=now,
        opinion=opinion,
    )
