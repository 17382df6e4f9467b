"""What contradicts itself, or another item of the person, is said where it is typed and read."""

from collections.abc import Callable
from typing import Any

import pytest

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.portfolio import carrying, operations, reading
from app.portfolio.models import PortfolioItem
from tests.builders import portfolio as build

Sign = Callable[..., Any]
PAID = {"basis": "社保缴费记录", "paying_unit": "青禾小学"}


def typed(item: PortfolioItem, **values: Any) -> dict[str, list[str]]:
    return operations.save_fields(item, values, actor=item.person, now=now())


def test_a_year_is_assessed_once_and_who_types_it_again_is_told_where(teacher: Person) -> None:
    with transaction():
        person = db.session.merge(teacher)
        build.an_approved_item(person, "assessment", data={"year": 2025})
        second = build.an_item(person, "assessment", data={"year": 2024})
        fault = typed(second, year=2025)["year"][0]
        assert "“2025”已用于“2025 年度考核”（已通过），请先申请撤回那一项再修改" in fault
        assert second.data["year"] == 2024
        [source] = carrying.sources_for(person.id, 2025)
        assert source.taken, "nor is it carried over to a year that has one"
        data = {**second.data, "year": 2025}
        twin = operations.create_item("assessment", actor=person, now=now(), data=data)
        with pytest.raises(Invalid) as refused:
            operations.submit_item(twin, actor=person, now=now())
        assert "已用于" in refused.value.errors["year"][0]


def test_what_the_chosen_proof_does_not_ask_for_is_not_sent_beside_it(teacher: Person) -> None:
    with transaction():
        item = build.an_item(db.session.merge(teacher), "assessment", data={"year": 2025, **PAID})
        assert [file.slot for file in item.files] == ["social"]
        typed(item, basis="年度考核表")
        faults = operations.faults_of(item, now())
        assert set(faults) == {"paying_unit", "social", "form"}
        assert faults["social"] == ["按现在的选择不需要社保缴费记录，请移除附件，或更改选择"]
        typed(item, basis=PAID["basis"])
        assert operations.faults_of(item, now()) == {}


def test_a_second_item_of_a_year_is_pointed_to_and_a_total_compared(
    teacher: Person, clerk: Person, client_for: Sign
) -> None:
    hours = {"year": 2025, "hours_public": 30, "hours_professional": 60}
    courses = [
        {"course": "数学", "audience": "本科生", "hours": n, "students": 1} for n in (64, 32)
    ]
    taught = {"year": 2024, "courses": courses, "total_hours": 500}
    with transaction():
        person = db.session.merge(teacher)
        first = build.a_submitted_item(person, "training", data=hours)
        draft = build.an_item(person, "training", data=hours)
        lesson = build.a_submitted_item(person, "teaching_university", data=taught)
        lines = {line.label: line.remark for line in reading.evidence_of(lesson).lines}
        assert lines["本学年课时合计"] == "所列之和为 96"
    mine, theirs = client_for(teacher), client_for(clerk)
    for item in (first, draft):
        assert "同一年度另有 1 项同类业绩" in mine.get(f"/portfolio/{item.id}").text
    assert "同一年度另有" not in theirs.get(f"/portfolio/{first.id}").text, "a draft is nobody's"
    with transaction():
        operations.submit_item(
            db.session.get_one(PortfolioItem, draft.id), actor=teacher, now=now()
        )
    assert "同一年度另有 1 项同类业绩" in theirs.get(f"/portfolio/{first.id}").text
    assert "（所列之和为 96）" in theirs.get(f"/portfolio/{lesson.id}").text
