"""The committee and its plans, configured and checked by two people, opened by their timers."""

from collections.abc import Mapping
from datetime import time
from typing import Any

from sqlalchemy import select

from app.accounts.models import Person
from app.catalogue.models import Title
from app.catalogue.queries import series_by_name
from app.committees.models import Committee
from app.committees.operations import Filing, authorise_committee, confirm_filing
from app.core.clock import now
from app.core.db import db, transaction
from app.demo.paperwork import upload
from app.demo.stage import Stage, read_data
from app.engine import runtime
from app.plans import operations, parts
from app.plans.models import Plan
from app.plans.process import BUSINESS, times_of
from app.units.models import Unit

MOMENTS = ("publish_at", "opens_at", "closes_at")
DAYS = (
    "unit_due_on",
    "district_due_on",
    "city_due_on",
    "accept_due_on",
    "meeting_on",
    "seniority_cutoff",
    "merits_cutoff",
)
SCHOOLS = "plan"
"""The data of the schools' plans; another file may hold another series' plan."""

Book = Mapping[str, Any]


def enter_committee(stage: Stage, book: str = SCHOOLS) -> int:
    """Enter the committee with its filing; fewer members than the law stand by a consent."""
    data = read_data(book)
    with transaction():
        series = series_by_name(data["series"])
        if series is None:
            msg = "the title series are not loaded"
            raise LookupError(msg)
        committee = authorise_committee(
            Filing(**data["committee"]),
            series=series,
            organiser_unit=db.session.get_one(Unit, stage.units[data["organiser"]]),
            actor=stage.person(data["clerk"]),
            now=now(),
        )
        confirm_filing(committee, actor=stage.person(data["authority"]), now=now())
        return committee.id


def run_plan(stage: Stage, committee_id: int, key: str, book: str = SCHOOLS) -> int:
    """Configure, check, publish and open a plan at its own moments; returns its id."""
    data = read_data(book)
    row = data[key]
    day = row["configured_on"] if "configured_on" in row else stage.day(row["configured"])
    stage.at(day)
    plan_id = _configure(stage, committee_id, data, row)
    business = (BUSINESS, plan_id)
    stage.act(business, "configure_plan", person_id=stage.people[data["clerk"]])
    stage.at(day, time(15))
    decision = {"decision": "pass", "opinion": "时间安排、标准和附件要求核对无误"}
    stage.act(business, "check_plan", decision, person_id=stage.people[data["leader"]])
    for name, word in (("publish_at", "计划已发布"), ("opens_at", "申报已开放")):
        moment = stage.moment(row[name])
        stage.at(moment.date(), moment.time())
        stage.note(f"{moment:%Y-%m-%d %H:%M} {word}（到期自动办理）")
    return plan_id


def close_plan(stage: Stage, key: str) -> None:
    """Let the deadline of a plan pass."""
    moment = stage.moment(read_data(SCHOOLS)[key]["closes_at"])
    stage.at(moment.date(), time(moment.hour, moment.minute + 1))
    stage.note(f"{moment:%Y-%m-%d %H:%M} 申报已截止（到期自动办理）")


def _values(stage: Stage, data: Book, row: Book) -> dict[str, str]:
    moments = {name: stage.moment(row[name]).strftime("%Y-%m-%dT%H:%M") for name in MOMENTS}
    days = {name: stage.moment(row[name]).date().isoformat() for name in DAYS}
    texts = {name: data[name] for name in ("scope_text", "content", "contact")}
    return {**texts, **moments, **days}


def _configure(stage: Stage, committee_id: int, data: Book, row: Book) -> int:
    with transaction():
        by = stage.person(data["clerk"])
        committee = db.session.get_one(Committee, committee_id)
        names = {"name": row["name"], "year": row["year"]}
        plan = operations.create_plan(committee, names, actor=by, now=now())
        operations.save_plan(plan, _values(stage, data, row), actor=by, now=now())
        title = db.session.scalars(
            select(Title).where(
                Title.series_id == committee.series_id, Title.name == data["title"]
            )
        ).first()
        if title is None:
            msg = f"no title {data['title']}"
            raise LookupError(msg)
        parts.add_specialties(plan, title, data["specialties"], actor=by, now=now())
        _add_slots(plan, data, by)
        _add_standard(plan, data, by)
        runtime.start(
            "plan_window",
            business=(BUSINESS, plan.id),
            jurisdiction=plan.jurisdiction,
            actor_id=by.id,
            now=now(),
            data=times_of(plan),
        )
        return plan.id


def _add_slots(plan: Plan, data: Book, by: Person) -> None:
    for row in data["slot"]:
        values = {
            "name": row["name"],
            "required": row["required"],
            "types": ["jpg", "png", "pdf"],
            "max_mb": 10,
            "min_count": int(row["required"]),
            "max_count": row["max_count"],
            "printed_in_check": row["printed_in_check"],
            "help": row.get("help", ""),
        }
        if "template" in row:
            values["template"] = upload(by, row["template"], types=("pdf",))
        parts.save_slot(plan, values, actor=by, now=now())


def _add_standard(plan: Plan, data: Book, by: Person) -> None:
    for row in data["category"]:
        given = {"name": row["name"], "min_count": row["min_count"], "count_by": "records"}
        category = parts.save_category(plan, given, actor=by, now=now())
        for item in row["items"]:
            required = item.get("required", False)
            values = {
                "name": item["name"],
                "required": required,
                "min_count": int(required),
                "max_count": item.get("max_count"),
                "accepts": [item["accepts"]],
                "clause": item["clause"],
            }
            parts.save_item(category, values, actor=by, now=now())
