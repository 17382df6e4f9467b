"""The applicant's pages: choosing, pledging, and who is kept from starting."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import Person
from app.accounts.operations import bar_person
from app.catalogue.models import Title
from app.core.clock import now
from app.core.db import db, transaction
from app.declarations.models import Declaration, Status
from app.plans.models import Plan, PlanSpecialty
from tests.app.declarations.kit import text
from tests.builders.declarations import (
    a_chain,
    golden_applicant,
    golden_declaration,
    golden_plan,
)
from tests.builders.flow import open_items
from tests.builders.golden_case import CLOSES
from tests.builders.people import a_person, a_unit

Clients = Callable[..., Any]
Clock = Callable[[datetime], None]


def test_a_person_starts_a_declaration_by_choosing_and_pledging(
    app: Flask, client_for: Clients
) -> None:
    with transaction():
        city, _district, school = a_chain()
        plan, person = golden_plan(city), golden_applicant(school)
        specialty = next(s for s in plan.specialties if s.name == "小学数学")
    client = client_for(person)
    assert "马上申报" in text(client.get(f"/plans/{plan.id}"))
    page = text(client.get(f"/plans/{plan.id}/declare?specialty_id={specialty.id}"))
    assert "中小学教师-小学数学-高级教师" in page
    refused = client.post(f"/plans/{plan.id}/declare", {"kind": "常规申报"})
    assert refused.status_code == 422
    assert "请核对后勾选确认无误" in refused.text
    choice = {"kind": "常规申报", "specialty_id": specialty.id}
    pledge = client.post(f"/plans/{plan.id}/declare", {**choice, "sure": "1"})
    assert pledge.status_code == 303
    assert "我已阅读并承诺" in text(client.get(pledge.location))
    unpledged = client.post(f"/plans/{plan.id}/pledge", choice)
    assert unpledged.status_code == 422
    begun = client.post(f"/plans/{plan.id}/pledge", {**choice, "pledged": "1"})
    assert begun.status_code == 303
    with transaction(write=False):
        made = db.session.query(Declaration).one()
        assert (made.status, made.kind, made.plan_year) == (Status.DRAFT, "常规申报", 2026)
        assert made.pledged_at is not None
        assert [i.node for i in open_items(("declaration", made.id))] == ["fill_declaration"]
    again = client.post(f"/plans/{plan.id}/pledge", {**choice, "pledged": "1"})
    assert again.status_code == 409
    assert "每人每年度限申报一次" in again.text


@pytest.mark.parametrize(
    ("situation", "reason"),
    [
        ("unbound", "尚未绑定单位"),
        ("barred", "2027-09-19"),
        ("early", "尚未到申报时间"),
        ("late", "截止"),
    ],
)
def test_starting_is_refused_with_the_reason(
    app: Flask, client_for: Clients, at: Clock, situation: str, reason: str
) -> None:
    with transaction():
        city, _district, school = a_chain()
        plan = golden_plan(city)
        if situation == "unbound":
            person = a_person("于谨言", roles=[("applicant", "all", None)])
        else:
            person = golden_applicant(school)
        if situation == "barred":
            since, until = date(2024, 9, 19), date(2027, 9, 19)
            bar_person(
                person, since=since, until=until, reason="提供虚假材料", actor_id=None, now=now()
            )
        if situation == "early":
            plan.opens_at = CLOSES - timedelta(days=1)
    if situation == "late":
        at(CLOSES + timedelta(seconds=1))
    answer = client_for(person).get(f"/plans/{plan.id}/declare")
    assert answer.status_code == 409
    assert reason in answer.text


def test_without_a_declaration_the_list_says_the_next_step(
    app: Flask, client_for: Clients, at: Clock
) -> None:
    with transaction():
        city, _district, school = a_chain()
        plan, person = golden_plan(city), golden_applicant(school)
        opens_at, closes_at = plan.opens_at, plan.closes_at
    client = client_for(person)
    assert "请在评审计划中选择计划，点击“马上申报”" in text(client.get("/declarations"))
    assert opens_at is not None
    assert closes_at is not None
    with transaction():
        db.session.get_one(Plan, plan.id).opens_at = now() + timedelta(days=1)
        opens_at = now() + timedelta(days=1)
    page = text(client.get("/declarations"))
    assert f"{plan.name}”将于 {opens_at:%Y-%m-%d %H:%M} 开放申报" in page
    at(closes_at + timedelta(minutes=1))
    page = text(client_for(person).get("/declarations"))
    assert "也没有开放申报的计划" in page
    assert 'href="/portfolio">去个人业绩库' in page
    assert "点击“马上申报”" not in page


def passed_last_year(person: Person, plan: Plan) -> Declaration:
    """A declaration of the year before by which the person holds 高级教师."""
    specialty = next(s for s in plan.specialties if s.name == "小学数学")
    moment = now() - timedelta(days=360)
    last = Declaration(person_id=person.id, plan_id=plan.id, plan_year=plan.year - 1)
    last.unit_id, last.kind = a_unit("去年所在学校").id, "常规申报"
    last.specialty_id, last.title_id = specialty.id, specialty.title_id
    last.status = Status.PASSED
    last.pledged_at = last.submitted_at = last.created_at = last.updated_at = moment
    db.session.add(last)
    db.session.flush()
    return last


HELD = "已取得 中小学教师 高级教师(副高级), 不能重复申报同级或更低的职称"


def a_higher_title(plan: Plan) -> PlanSpecialty:
    """A specialty of the plan that leads further than what is held."""
    known = plan.specialties[0]
    higher = select(Title).filter_by(series_id=known.title.series_id, level="正高级")
    title = db.session.scalars(higher).one()
    found = PlanSpecialty(
        position=99, series_id=known.series_id, name="教学研究", title_id=title.id
    )
    plan.specialties.append(found)
    db.session.flush()
    return found


def test_who_holds_all_that_a_plan_offers_is_told_on_its_page(
    app: Flask, client_for: Clients
) -> None:
    with transaction():
        city, _district, school = a_chain()
        plan, person = golden_plan(city), golden_applicant(school)
        passed_last_year(person, plan)
    client = client_for(person)
    page = client.get(f"/plans/{plan.id}").text
    assert HELD in page
    assert page.count(HELD) == 1
    assert 'disabled aria-describedby="apply-reason">马上申报' in page
    refused = client.get(f"/plans/{plan.id}/declare")
    assert (refused.status_code, HELD in refused.text) == (409, True)


def test_a_title_that_is_held_is_said_when_it_is_chosen(app: Flask, client_for: Clients) -> None:
    with transaction():
        city, _district, school = a_chain()
        plan, person = golden_plan(city), golden_applicant(school)
        last = passed_last_year(person, plan)
        further = a_higher_title(plan).id
    client = client_for(person)
    address = f"/plans/{plan.id}"
    assert HELD not in client.get(address).text
    chosen = client.get(f"{address}/declare?specialty_id={last.specialty_id}").text
    assert f"{HELD}，请选择其他专业" in chosen
    assert HELD not in client.get(f"{address}/declare?specialty_id={further}").text


def test_a_title_that_is_held_is_not_declared_again(app: Flask, client_for: Clients) -> None:
    with transaction():
        city, _district, school = a_chain()
        plan, person = golden_plan(city), golden_applicant(school)
        last = passed_last_year(person, plan)
        a_higher_title(plan)
    client = client_for(person)
    choice = {"kind": "常规申报", "specialty_id": last.specialty_id}
    said = HELD
    for step in ({"path": "declare", "sure": "1"}, {"path": "pledge", "pledged": "1"}):
        refused = client.post(f"/plans/{plan.id}/{step.pop('path')}", {**choice, **step})
        assert refused.status_code == 422
        assert said in refused.text
    with transaction():
        db.session.get_one(Declaration, last.id).status = Status.REVOKED
    begun = client.post(f"/plans/{plan.id}/pledge", {**choice, "pledged": "1"})
    assert begun.status_code == 303


def test_a_title_that_came_while_the_draft_was_typed_is_not_sent_up_again(
    app: Flask, client_for: Clients
) -> None:
    with transaction():
        case = golden_declaration(complete=True)
        passed_last_year(case.person, case.plan)
    client = client_for(case.person)
    page = f"/declarations/{case.id}"
    said = "不能重复申报同级或更低的职称"
    assert said in text(client.get(f"{page}/fill/submit?checked=1"))
    refused = client.post(f"{page}/submit")
    assert refused.status_code == 409
    assert said in refused.text
