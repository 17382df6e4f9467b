from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.accounts.models import Notification
from app.committees.models import Committee
from app.committees.operations import (
    Filing,
    authorise_committee,
    confirm_filing,
    last_day_of_filing,
    refuse_filing,
)
from app.committees.queries import committees_of
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.plans.operations import create_plan
from tests.builders.people import a_person, a_unit, staff
from tests.builders.plans import a_committee, a_series, an_organiser

pytestmark = pytest.mark.usefixtures("app")


def authorise(**values: Any) -> Any:
    organiser = an_organiser()
    given = {
        "name": "淮城市高级评委会",
        "filing_no": "演示备案〔2025〕7号",
        "filed_from": date(2025, 9, 29),
        "filed_until": date(2028, 8, 24),
        "level": "高级",
        "size": 25,
        **values,
    }
    return authorise_committee(
        Filing(**given),
        series=a_series(),
        organiser_unit=organiser,
        actor=staff(organiser, "organiser"),
        now=now(),
    )


def refused(**values: Any) -> dict[str, list[str]]:
    with transaction() as unit:
        unit.rollback_only = True
        with pytest.raises(Invalid) as refusal:
            authorise(**values)
        return refusal.value.errors


def test_a_senior_committee_of_11_by_series_needs_consent() -> None:
    assert "同意文号" in refused(size=11)["size"][0]
    with transaction():
        assert authorise(size=11, consent_no="演示函〔2025〕12号").size == 11


def test_a_senior_committee_of_11_by_specialty_needs_none() -> None:
    assert refused(size=9, specialty="小学语文")["size"]
    with transaction():
        assert authorise(size=11, specialty="小学语文").specialty


def test_sizes_below_senior_are_set_locally_but_stay_odd() -> None:
    assert refused(size=8, level="中级")["size"] == ["评委会人数须为单数"]
    with transaction():
        assert authorise(size=7, level="中级").size == 7


def test_a_filing_lasts_three_years_at_most() -> None:
    assert "最晚为 2028-09-29" in refused(filed_until=date(2028, 9, 30))["filed_until"][0]
    assert refused(filed_until=date(2025, 9, 29))["filed_until"]
    assert last_day_of_filing(date(2024, 2, 29)) == date(2027, 2, 28)


def test_all_faults_are_told_at_once() -> None:
    assert set(refused(size=10, filed_until=date(2030, 1, 1))) == {"size", "filed_until"}


def test_a_filing_number_is_used_once() -> None:
    with transaction():
        authorise()
    assert refused(name="另一个评委会")["filing_no"] == ["该备案号已使用"]


@pytest.mark.parametrize(
    "values",
    [
        {"size": 24},
        {"size": -1},
        {"filed_until": date(2028, 9, 30)},
        {"filed_until": date(2025, 9, 29)},
        {"level": "特级"},
    ],
)
def test_the_database_keeps_the_law_too(values: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction():
        a_committee(**values)


def test_a_filing_holds_on_its_first_and_last_day() -> None:
    with transaction():
        committee = a_committee()
        assert committee.is_valid_on(date(2025, 9, 29))
        assert committee.is_valid_on(date(2028, 8, 24))
        assert not committee.is_valid_on(date(2028, 8, 25))
        assert not committee.is_valid_on(date(2025, 9, 28))


def test_the_organiser_enters_a_committee_on_its_page(client_for: Any) -> None:
    with transaction():
        organiser, series = an_organiser(), a_series()
        person = staff(organiser, "organiser")
        db.session.expunge_all()
    browser = client_for(person)
    form = {
        "name": "淮城市评委会",
        "organiser_unit_id": organiser.id,
        "series_id": series.id,
        "level": "高级",
        "size": "11",
        "filing_no": "演示备案〔2026〕1号",
        "filed_from": "2026-01-01",
        "filed_until": "2028-12-31",
    }
    answer = browser.post("/committees/authorise", form)
    assert answer.status_code == 422
    assert "须填写同意文号" in answer.text
    answer = browser.post("/committees/authorise", {**form, "size": "25"})
    assert answer.status_code == 303
    page = browser.get(answer.location).text
    assert "演示备案〔2026〕1号" in page
    assert "备案待核对" in page
    assert "核对无误" not in page
    assert "淮城市评委会" in browser.get("/committees?q=2026〕1").text
    assert "没有符合条件" in browser.get("/committees?q=不存在").text


def test_nobody_enters_a_committee_for_another_unit(client_for: Any) -> None:
    with transaction():
        organiser, other, series = an_organiser(), an_organiser("江城市教育局"), a_series()
        person = staff(organiser, "organiser")
        db.session.expunge_all()
    form = {"name": "他人评委会", "organiser_unit_id": other.id, "series_id": series.id}
    form |= {"level": "中级", "size": "7", "filing_no": "x", "filed_from": "2026-01-01"}
    answer = client_for(person).post(
        "/committees/authorise", {**form, "filed_until": "2027-01-01"}
    )
    assert answer.status_code == 422
    assert "请选择列表中的选项" in answer.text


def test_applicants_do_not_see_committees(client_for: Any) -> None:
    with transaction():
        teacher = a_person(unit=a_unit())
        db.session.expunge_all()
    assert client_for(teacher).get("/committees").status_code == 403


def under_a_bureau() -> tuple[Any, Any, Any]:
    """A committee just entered, who entered it, and the clerk of the office above."""
    bureau = a_unit("淮城市人力资源和社会保障局", kind="机关", clerk=False, leader=False)
    clerk = a_person("职改办经办", roles=[("superior_clerk", "org", bureau.id)])
    committee = authorise()
    committee.organiser_unit.reports_to_id = bureau.id
    db.session.flush()
    return committee, staff(committee.organiser_unit, "organiser"), clerk


def test_no_plan_is_made_of_a_committee_that_one_person_entered() -> None:
    with transaction():
        committee, organiser, clerk = under_a_bureau()
        unit_id, on = committee.organiser_unit_id, date(2026, 1, 1)
        for person in (organiser, staff(committee.organiser_unit, "organiser_leader")):
            with pytest.raises(Forbidden, match="上级主管部门核对"):
                confirm_filing(committee, actor=person, now=now())
        assert committees_of([unit_id], on) == []
        with pytest.raises(Conflict, match="备案尚未核对"):
            create_plan(committee, {"name": "计划", "year": 2026}, actor=organiser, now=now())
        confirm_filing(committee, actor=clerk, now=now())
        assert committees_of([unit_id], on) == [committee]
        with pytest.raises(Conflict, match="已核对"):
            confirm_filing(committee, actor=clerk, now=now())


def test_a_refused_filing_frees_its_number_and_tells_why() -> None:
    with transaction():
        committee, organiser, clerk = under_a_bureau()
        with pytest.raises(Invalid, match="退回理由"):
            refuse_filing(committee, " ", actor=clerk, now=now())
        refuse_filing(committee, "备案号与文件不符", actor=clerk, now=now())
        told = select(Notification.text).where(Notification.person_id == organiser.id)
        assert "备案号与文件不符" in db.session.scalars(told).one()
        assert db.session.scalars(select(Committee)).all() == []
    with transaction():
        authorise()


def test_the_database_knows_no_committee_filed_by_one_person() -> None:
    with transaction():
        committee = a_committee()
        committee.confirmed_by = committee.entered_by
        with pytest.raises(IntegrityError, match="two_people_file_a_committee"):
            db.session.flush()
        db.session.rollback()


def test_the_office_above_confirms_on_the_page(client_for: Any) -> None:
    with transaction():
        committee, _, clerk = under_a_bureau()
        committee_id = committee.id
        db.session.expunge_all()
    browser, url = client_for(clerk), f"/committees/{committee_id}"
    assert "核对无误" in browser.get(url).text
    silent = browser.post(f"{url}/confirm", {"decision": "return"})
    assert (silent.status_code, "请填写退回理由" in silent.text) == (422, True)
    assert browser.post(f"{url}/confirm", {"decision": "confirm"}).location == url
    page = browser.get(url).text
    assert "备案待核对" not in page
    assert "职改办经办" in page
