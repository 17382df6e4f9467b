"""The main job by forms alone, from the portfolio to a replaced certificate (安徽 中小学教师)."""

import pytest
from sqlalchemy import select

from app import worker
from app.core.db import db, transaction
from app.core.invariants import check_all
from app.declarations.models import Declaration
from app.engine.models import Incident
from tests.builders.golden_case import TERMINATE, VET_PASS
from tests.journeys import steps
from tests.journeys.kit import Company


@pytest.fixture(autouse=True)
def no_law_is_broken(company: Company) -> object:
    """After every journey: the laws between tables hold, the audit chain is whole."""
    yield company
    worker.seal()
    with transaction(write=False):
        assert check_all() == []
        assert db.session.scalars(select(Incident.message)).all() == []


def status() -> str:
    with transaction(write=False):
        return str(db.session.scalars(select(Declaration.status)).one())


def enter_and_submit(company: Company) -> str:
    """Enter all, be refused for what is missing, complete it and send it up; its address."""
    items = steps.enter_portfolio(company)
    address = steps.begin(company)
    steps.fill(company, address, items)
    assert steps.check(company, address) == [5, 9]
    refused = company["teacher"].send(f"{address}/submit", status=422)
    assert "申报信息不完善" in refused.text
    steps.complete(company, address, items)
    assert steps.check(company, address) == []
    steps.submit(company, address)
    return address


def test_from_the_first_achievement_to_a_replaced_certificate(company: Company) -> None:
    address = enter_and_submit(company)
    company["teacher"].read(address, "尚未查看，可以撤回")

    steps.recommend(company)
    steps.forward(company)
    steps.accept(company, address)
    steps.pass_the_deadline(company)
    assert status() == "accepted"

    meeting = steps.call_meeting(company)
    steps.prepare_review(company, meeting)
    steps.score(company)
    steps.convene(company, meeting)
    steps.vote(company, meeting)
    assert status() == "passed"

    steps.publicise(company)
    steps.send_up(company)
    certificate = steps.issue(company)
    (number,) = steps.numbers()
    steps.verify(company, number, "有效")
    steps.replace(company, certificate)
    old, new = steps.numbers()
    assert int(new) == int(old) + 1
    steps.verify(company, old, "已换发")
    steps.verify(company, new, "有效")


def test_a_returned_declaration_shows_every_defect_at_once_and_comes_again(
    company: Company,
) -> None:
    address = steps.a_submitted_one(company)
    teacher, clerk = company["teacher"], company["unit_clerk"]
    task = clerk.task("审核申报材料")
    silent = clerk.send(f"/tasks/{task}", {"decision": "return"}, status=422)
    assert "问题清单" in silent.text
    clerk.send(f"/tasks/{task}", steps.DEFECTS)
    assert status() == "returned"
    for page in (address, f"{address}/fill/basics"):
        teacher.read(page, "身体状况与体检不符", "身份证背面不清晰", "重新扫描上传")
    steps.autosave(teacher, address, "health", "良好")
    steps.submit(company, address)
    clerk.task("审核申报材料", "良好")
    clerk.do("审核申报材料", VET_PASS)
    assert company["unit_leader"].waits("单位领导审定")


def test_a_superior_returns_to_the_applicant_and_all_begins_with_the_unit_again(
    company: Company,
) -> None:
    address = steps.a_submitted_one(company)
    steps.recommend(company)
    company["district_clerk"].do("复核上报材料", steps.DEFECTS)
    company["teacher"].read(f"{address}/fill/basics", "身份证背面不清晰")
    steps.submit(company, address)
    assert company["unit_clerk"].waits("审核申报材料")
    assert not company["district_clerk"].waits("复核上报材料")


def test_a_declaration_is_taken_back_until_somebody_opens_it(company: Company) -> None:
    address = steps.a_submitted_one(company)
    teacher, clerk = company["teacher"], company["unit_clerk"]
    teacher.send(f"{address}/withdraw")
    assert status() == "draft"
    assert not clerk.waits("审核申报材料")
    teacher.read(f"{address}/fill/basics", 'value="专技八级"')
    steps.submit(company, address)
    task = clerk.task("审核申报材料")
    teacher.send(f"{address}/withdraw", status=409)
    assert "尚未查看，可以撤回" not in teacher.read(address)
    assert status() == "in_review"
    clerk.send(f"/tasks/{task}", VET_PASS)


def test_a_termination_takes_a_second_person_and_costs_the_year(company: Company) -> None:
    address = steps.a_submitted_one(company)
    teacher = company["teacher"]
    company["unit_clerk"].do("审核申报材料", TERMINATE)
    assert status() == "in_review"
    company["unit_leader"].do(
        "确认终止", {"decision": "confirm", "opinion": "属实"}, "任职年限不足"
    )
    assert status() == "terminated"
    teacher.read(address, "任职年限不足")
    plans = teacher.read("/plans")
    assert plans
    assert teacher.browser.get("/plans/1/declare").status_code == 409


def test_who_does_not_pass_is_not_published_and_gets_nothing(company: Company) -> None:
    address = steps.a_submitted_one(company)
    steps.recommend(company)
    steps.forward(company)
    steps.accept(company, address)
    steps.pass_the_deadline(company)
    meeting = steps.call_meeting(company)
    steps.prepare_review(company, meeting)
    steps.score(company)
    steps.convene(company, meeting)
    # Three of five are less than two thirds.
    steps.vote(company, meeting, "yyyna")
    assert status() == "failed"
    page = company.visitor().read("/publicity", "暂无公示")
    assert "苏晓禾" not in page
    company["teacher"].read("/certificates", "还没有职称证书")
