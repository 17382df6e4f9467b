"""Committees and plans for tests."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from app.accounts.models import Person
from app.catalogue.models import Series, Title
from app.catalogue.operations import load_titles
from app.committees.models import Committee
from app.core.clock import ZONE, now
from app.core.db import db
from app.engine import runtime
from app.plans import operations, parts
from app.plans.models import Plan
from app.plans.process import times_of
from app.units.models import Unit
from tests.builders.golden_case import SLOTS, SPECIALTIES, STANDARD
from tests.builders.people import a_person, a_unit, staff

SERIES = "中小学教师"
TITLE = "高级教师"
TIMES: dict[str, str] = {
    "publish_at": "2026-10-26T08:00",
    "opens_at": "2026-11-03T08:00",
    "closes_at": "2026-12-01T17:30",
    "unit_due_on": "2026-12-09",
    "district_due_on": "2026-12-16",
    "city_due_on": "2026-12-23",
    "accept_due_on": "2026-12-30",
    "meeting_on": "2027-01-12",
    "seniority_cutoff": "2026-12-31",
    "merits_cutoff": "2026-11-02",
}


def an_organiser(name: str = "淮城市教育局") -> Unit:
    """A unit that organises committees, with its 经办人 and its 领导."""
    unit = a_unit(name, kind="机关", clerk=False, leader=False)
    a_person("组建经办", gender="男", roles=[("organiser", "org", unit.id)])
    a_person("组建领导", gender="男", roles=[("organiser_leader", "org", unit.id)])
    return unit


def a_series(name: str = SERIES) -> Series:
    """A series of the national catalogue."""
    load_titles()
    return db.session.scalars(select(Series).where(Series.name == name)).one()


def a_title(name: str = TITLE, series: str = SERIES) -> Title:
    """A title of a series."""
    of_series = Title.series_id == a_series(series).id
    return db.session.scalars(select(Title).where(of_series, Title.name == name)).one()


def a_committee(organiser: Unit | None = None, **values: Any) -> Committee:
    """A senior committee of 25 whose filing holds from 2025-09-29 to 2028-08-24."""
    organiser = organiser or an_organiser()
    given = {
        "name": "淮城市中小学教师系列高级职称评审委员会",
        "filing_no": f"演示备案〔2025〕{organiser.id}号",
        "filed_from": date(2025, 9, 29),
        "filed_until": date(2028, 8, 24),
        "level": "高级",
        "size": 25,
        "entered_by": a_person("备案录入").id,
        "confirmed_by": a_person("备案核对").id,
        **values,
    }
    committee = Committee(
        jurisdiction=organiser.jurisdiction,
        series_id=a_series().id,
        organiser_unit_id=organiser.id,
        **given,
    )
    db.session.add(committee)
    db.session.flush()
    return committee


def a_draft_plan(
    committee: Committee | None = None,
    *,
    name: str = "2026年度淮城市中小学教师系列高级职称评审",
    year: int = 2026,
    **values: Any,
) -> Plan:
    """A draft that lacks nothing: the golden plan's times, slots and standard."""
    committee = committee or a_committee()
    by, moment = staff(committee.organiser_unit, "organiser"), now()
    plan = operations.create_plan(committee, {"name": name, "year": year}, actor=by, now=moment)
    given = {"scope_text": "本市中小学校在职在岗教师", **TIMES, **values}
    operations.save_plan(plan, given, actor=by, now=moment)
    parts.add_specialties(plan, a_title(), SPECIALTIES, actor=by, now=moment)
    _add_slots(plan, by)
    _add_standard(plan, by)
    return plan


def _add_slots(plan: Plan, by: Person) -> None:
    for key, name, required, least, most, is_printed in SLOTS:
        values = {
            "key": key,
            "name": name,
            "required": required,
            "types": ["jpg", "png", "pdf"],
            "max_mb": 10,
            "min_count": least,
            "max_count": most,
            "printed_in_check": is_printed,
        }
        parts.save_slot(plan, values, actor=by, now=now())


def _add_standard(plan: Plan, by: Person) -> None:
    for name, minimum, items in STANDARD:
        given = {"name": name, "min_count": minimum, "count_by": "records"}
        category = parts.save_category(plan, given, actor=by, now=now())
        for item, required, most, accepts in items:
            values = {
                "name": item,
                "required": required,
                "min_count": int(required),
                "max_count": most,
                "accepts": list(accepts),
                "clause": f"{name}：{item}",
            }
            parts.save_item(category, values, actor=by, now=now())


def a_plan(committee: Committee | None = None, *, status: str = "open", **values: Any) -> Plan:
    """A plan in a later state, as its process leaves it; open from 11-03 to 12-01 17:30.

    No process runs for it: use `a_running_plan` where the timers matter.
    """
    plan = a_draft_plan(committee, **values)
    plan.checked_by = staff(plan.organiser_unit, "organiser_leader").id
    plan.checked_at = now()
    plan.status = status
    db.session.flush()
    return plan


def a_running_plan(committee: Committee | None = None, **values: Any) -> Plan:
    """A draft that lacks nothing, with its process at configure_plan."""
    plan = a_draft_plan(committee, **values)
    begin(plan)
    return plan


def begin(plan: Plan) -> None:
    """Start the process of a plan, as its page does."""
    runtime.start(
        "plan_window",
        business=("plan", plan.id),
        jurisdiction=plan.jurisdiction,
        actor_id=plan.configured_by,
        now=now(),
        data=times_of(plan),
    )


def an_instant(text: str) -> datetime:
    """A moment of our zone, from 2026-12-01 17:30:01."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)
