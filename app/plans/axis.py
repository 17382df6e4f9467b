"""The time axis of a plan (时间安排): what has to come after what, and who says so."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.catalogue import jurisdictions
from app.catalogue.queries import calendar_covers, workdays_after, workdays_between
from app.plans.models import Plan

MOMENTS = {"publish_at": "计划发布", "opens_at": "申报开放", "closes_at": "个人提交截止"}
DAYS = {
    "unit_due_on": "单位审核、公示、推荐截止",
    "district_due_on": "区级审核截止",
    "city_due_on": "市级审核截止",
    "accept_due_on": "组建单位受理截止",
    "meeting_on": "评审会议",
}
LABELS = {**MOMENTS, **DAYS}
WITH_MEETING = ("评审", "委托评审")

Problem = tuple[str, str]


@dataclass(frozen=True)
class Point:
    """A point of the axis as people see it; `state` is done, now or next."""

    field: str
    label: str
    text: str
    state: str


def problems(plan: Plan) -> dict[str, list[str]]:
    """Return what is wrong with the times of a plan, by field."""
    found: dict[str, list[str]] = {}
    for check in (_missing, _disorder, _publicity, _filing):
        for field, message in check(plan):
            found.setdefault(field, []).append(message)
    return found


def _missing(plan: Plan) -> Iterator[Problem]:
    wanted = [*MOMENTS, "unit_due_on", "accept_due_on"]
    if plan.kind in WITH_MEETING:
        wanted.append("meeting_on")
    for field in wanted:
        if getattr(plan, field) is None:
            yield field, f"请填写{LABELS[field]}时间"


def _disorder(plan: Plan) -> Iterator[Problem]:
    """Each given point follows the given one before it; the window needs length."""
    before: tuple[str, datetime | date] | None = None
    for field, label in LABELS.items():
        moment = getattr(plan, field)
        if moment is None:
            continue
        if before is not None and not _follows(before[1], moment, field):
            yield field, f"{label}须晚于{LABELS[before[0]]}"
        before = (field, moment)


def _follows(earlier: datetime | date, later: datetime | date, field: str) -> bool:
    if isinstance(earlier, datetime) and isinstance(later, datetime):
        return earlier < later if field == "closes_at" else earlier <= later
    first = earlier.date() if isinstance(earlier, datetime) else earlier
    return first <= later


def earliest_unit_due(closes_on: date, workdays: int) -> date:
    """Return the first day by which units can have publicised what came in on the last day."""
    return workdays_after(closes_on, workdays)


def _publicity(plan: Plan) -> Iterator[Problem]:
    """The unit publishes internally for five working days before it sends up (单位公示)."""
    if plan.closes_at is None or plan.unit_due_on is None:
        return
    closes_on = plan.closes_at.date()
    workdays = jurisdictions.get(plan.jurisdiction).unit_publicity_workdays
    if workdays_between(closes_on + timedelta(days=1), plan.unit_due_on) < workdays:
        earliest = earliest_unit_due(closes_on, workdays).isoformat()
        yield (
            "unit_due_on",
            (f"个人提交截止后须为单位公示留足 {workdays} 个工作日，最早可填 {earliest}"),
        )


def _filing(plan: Plan) -> Iterator[Problem]:
    """No plan and no meeting outside the committee's filing (备案有效期)."""
    committee = plan.committee
    until = f"{committee.filed_from.isoformat()} 至 {committee.filed_until.isoformat()}"
    days = {
        "opens_at": plan.opens_at.date() if plan.opens_at else None,
        "meeting_on": plan.meeting_on,
    }
    for field, day in days.items():
        if day is not None and not committee.is_valid_on(day):
            yield field, f"{LABELS[field]}不在评委会备案有效期内（{until}）"


def uncovered_years(plan: Plan) -> list[int]:
    """Return years of the axis whose official calendar is not known: Monday to Friday count."""
    days = [getattr(plan, field) for field in LABELS]
    years = sorted({day.year for day in days if day is not None})
    return [year for year in years if not calendar_covers(year)]


def points(plan: Plan, now: datetime) -> list[Point]:
    """Return the axis for people: what is past, what runs now, what is to come."""
    given = [(field, getattr(plan, field)) for field in LABELS]
    known = [(field, moment) for field, moment in given if moment is not None]
    past = [field for field, moment in known if _is_past(moment, now)]
    current = next((field for field, _ in known if field not in past), "")
    return [
        Point(field, LABELS[field], _text(moment), _state(field, past, current))
        for field, moment in known
    ]


def _is_past(moment: datetime | date, now: datetime) -> bool:
    return moment < now if isinstance(moment, datetime) else moment < now.date()


def _text(moment: datetime | date) -> str:
    is_instant = isinstance(moment, datetime)
    return moment.strftime("%Y-%m-%d %H:%M" if is_instant else "%Y-%m-%d")


def _state(field: str, past: list[str], current: str) -> str:
    if field in past:
        return "done"
    return "now" if field == current else "next"
