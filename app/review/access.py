"""Who may do what in a meeting, and what its experts see of declarations and on their home."""

from collections.abc import Set
from datetime import datetime

from app.accounts.models import Person
from app.accounts.queries import works_at
from app.accounts.tasks import holds_task
from app.core.errors import HandedOver
from app.core.panels import Line, Panel, register_panel
from app.core.permissions import register_predicate
from app.core.records import register_sight, register_successor
from app.declarations.access import register_viewer
from app.declarations.models import Declaration
from app.review import interests, queries
from app.review.models import Meeting, MeetingCase
from app.review.operations.replacing import SEATS


@register_predicate("runs_meeting")
def runs_meeting(person: Person, meeting: Meeting, now: datetime) -> bool:
    """Tell whether a person runs the meeting for its organiser, and does not sit in it."""
    if queries.member(meeting.id, person.id) is not None:
        return False
    return _works_for_organiser(person, meeting, now, {"meeting_clerk", "organiser"})


@register_predicate("may_export_meeting")
def may_export_meeting(person: Person, meeting: Meeting, now: datetime) -> bool:
    """Tell whether a person may take the lists of the meeting away: its staff, no expert."""
    roles = queries.RUNNERS - {"supervisor"}
    is_staff = _works_for_organiser(person, meeting, now, roles)
    return is_staff and queries.member(meeting.id, person.id) is None


@register_predicate("may_see_meeting")
def may_see_meeting(person: Person, meeting: Meeting, now: datetime) -> bool:
    """Tell whether a person runs, supervises or sits in the meeting, and is not judged by it.

    So may whose task it is, and is not judged by it either.
    """
    is_seated = queries.member(meeting.id, person.id) is not None
    if is_seated or _works_for_organiser(person, meeting, now, queries.RUNNERS):
        return True
    is_to_act = holds_task(person.id, "meeting", [meeting.id], now)
    return is_to_act and not queries.has_case_in(meeting.id, person.id)


def _works_for_organiser(person: Person, meeting: Meeting, now: datetime, roles: Set[str]) -> bool:
    holds = works_at(person.id, meeting.organiser_unit_id, roles, now)
    return holds and not queries.has_case_in(meeting.id, person.id)


@register_predicate("directs_meeting")
def directs_meeting(person: Person, meeting: Meeting, now: datetime) -> bool:
    """Tell whether a person is the director."""
    del now
    return queries.director_id(meeting.id) == person.id


@register_predicate("leads_a_group")
def leads_a_group(person: Person, meeting: Meeting, now: datetime) -> bool:
    """Tell whether a person leads a group of the meeting."""
    del now
    return queries.led_group(meeting.id, person.id) is not None


@register_predicate("holds_a_key")
def holds_a_key(person: Person, meeting: Meeting, now: datetime) -> bool:
    """Tell whether a person holds a key of the current ballot."""
    del now
    return any(share.holder_id == person.id for share in queries.key_shares(meeting))


@register_predicate("is_on_the_roll")
def is_on_the_roll(person: Person, meeting: Meeting, now: datetime) -> bool:
    """Tell whether a person is on the roll as present."""
    del now
    entry = queries.roll_entry(meeting, person.id)
    return entry is not None and entry.present


@register_predicate("may_see_case")
def may_see_case(person: Person, case: MeetingCase, now: datetime) -> bool:
    """Tell whether a person may read a case: not when recused from it.

    Experts lose sight of it when the result is confirmed; its staff keep the record.
    """
    if person.id in interests.recusals_of(case.meeting_id).get(case.id, {}):
        return False
    if case.meeting.state in queries.DECIDED:
        return _works_for_organiser(person, case.meeting, now, queries.RUNNERS)
    return may_see_meeting(person, case.meeting, now)


@register_sight("case")
def sees_case(case_id: int, person: Person, now: datetime) -> bool:
    """Lead nobody from the tasks they have done to a case that they may not read any more."""
    return may_see_case(person, queries.case(case_id), now)


@register_successor("case")
def replaced_reviewer(case_id: int, person: Person) -> HandedOver | None:
    """Tell a reviewer whom another has replaced, on a page that was opened before."""
    case = queries.case(case_id)
    seat = queries.seat_lost(case, person.id)
    if seat is None:
        return None
    text = f"您已被更换，这份材料的{SEATS[seat]}由其他专家接替，本页的内容没有保存，无需再办理"
    return HandedOver(text, url=f"/meetings/{case.meeting_id}", label="返回评审会议")


@register_viewer
def reviews_declaration(person: Person, declaration: Declaration, now: datetime) -> bool:
    """Let who may read a case of it open what its page links to, files as well."""
    return any(
        may_see_case(person, case, now) for case in queries.cases_of_declaration(declaration.id)
    )


@register_panel(20)
def ballots_panel(person: Person, roles: set[str], now: datetime) -> Panel | None:
    """Show open ballots first (待投票)."""
    del now
    if "expert" not in roles:
        return None
    lines = [
        Line(meeting.name, f"/meetings/{meeting.id}/ballot", status="待投票", tone="warning")
        for meeting in queries.ballots_to_cast(person.id)
    ]
    return Panel("待投票", lines, empty="当前没有需要您投票的会议", more_url="/meetings")


@register_panel(21)
def keys_panel(person: Person, roles: set[str], now: datetime) -> Panel | None:
    """Ask holders for their key first: no ballot opens before all three have one (领取密钥码)."""
    del roles, now
    lines = [
        Line(meeting.name, f"/meetings/{meeting.id}/key", status="待领取密钥码", tone="warning")
        for meeting in queries.keys_to_collect(person.id)
    ]
    return Panel("投票密钥", lines) if lines else None
