"""业绩审核: every path of the process, and what the reviewer is shown."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.operations import grant_role
from app.core import storage
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden, Invalid, StaleTask
from app.core.invariants import check_all
from app.engine import definitions, runtime
from app.engine.models import ProcessInstance
from app.portfolio import item_types, operations, queries, reading
from app.portfolio.models import ItemVersion, PortfolioItem
from app.units.flow import flow_log
from tests.bpmn.edits import Edited
from tests.builders import portfolio as build
from tests.builders.flow import do, open_items, person_for
from tests.builders.people import a_person, a_unit, employ, staff

Sign = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("app")


def submitted() -> tuple[str, int]:
    with transaction():
        item = build.a_submitted_item(a_person(unit=a_unit()), "work", data={"post": "教师"})
        return operations.BUSINESS, item.id


def item_of(business: tuple[str, int]) -> PortfolioItem:
    return queries.item_of(business[1])


def words(business: tuple[str, int]) -> list[tuple[str, str, str]]:
    return [(e.name, e.outcome, e.note) for e in flow_log(business) if not e.open]


def test_a_passed_item_is_in_the_portfolio() -> None:
    business = submitted()
    clerk = do(business, "vet_item", {"decision": "pass", "opinion": "情况属实"})
    with transaction(write=False):
        item = item_of(business)
        assert item.status == "approved"
        assert item.current_version is not None
        assert item.current_version.approved_by == clerk.id
        assert item.current_version.opinion == "情况属实"
        assert ("业绩审核", "通过", "情况属实") in words(business)
        ended = select(ProcessInstance.status).where(ProcessInstance.business_id == item.id)
        assert db.session.scalars(ended).all() == ["completed"]


def test_a_returned_item_is_mended_and_passes_the_second_time() -> None:
    business = submitted()
    do(business, "vet_item", {"decision": "return", "opinion": "岗位写全称"})
    with transaction():
        item = item_of(business)
        assert item.status == "returned"
        assert [task.node for task in open_items(business)] == ["mend_item"]
        assert open_items(business)[0].assignee_id == item.person_id
        operations.save_fields(item, {"post": "数学教师"}, actor=item.person, now=now())
        operations.submit_item(item, actor=item.person, now=now())
        assert item.status == "submitted"
    do(business, "vet_item", {"decision": "pass", "opinion": ""})
    with transaction(write=False):
        versions = db.session.scalars(select(ItemVersion)).all()
        assert [(v.no, v.data["post"]) for v in versions] == [(1, "数学教师")]
        said = [word for _, word, _ in words(business)]
        assert said == ["提交", "退回", "重新提交", "通过", "第 1 版入库"]


def test_a_return_without_an_opinion_leaves_the_task_open() -> None:
    business = submitted()
    with transaction() as unit_of_work:
        unit_of_work.rollback_only = True
        task = open_items(business)[0]
        clerk = staff_of(item_of(business))
        with pytest.raises(Invalid):
            runtime.complete(task, {"decision": "return"}, actor_id=clerk, now=now())
    with transaction(write=False):
        assert [task.node for task in open_items(business)] == ["vet_item"]


def staff_of(item: PortfolioItem) -> int:
    from app.units.models import Unit

    return staff(db.session.get_one(Unit, item.reviewing_unit_id), "unit_clerk").id


def test_a_mended_item_must_be_complete_again() -> None:
    business = submitted()
    do(business, "vet_item", {"decision": "return", "opinion": "岗位写全称"})
    with transaction() as unit_of_work:
        unit_of_work.rollback_only = True
        item = item_of(business)
        operations.save_fields(item, {"post": ""}, actor=item.person, now=now())
        with pytest.raises(Invalid) as refusal:
            operations.submit_item(item, actor=item.person, now=now())
        assert list(refusal.value.errors) == ["post"]


def test_a_decision_is_taken_once() -> None:
    business = submitted()
    with transaction():
        task = open_items(business)[0]
        clerk = staff_of(item_of(business))
        runtime.complete(task, {"decision": "pass"}, actor_id=clerk, now=now())
        with pytest.raises((StaleTask, Conflict)):
            runtime.complete(task, {"decision": "pass"}, actor_id=clerk, now=now())


def test_the_only_clerk_of_a_unit_is_reviewed_by_the_unit_above() -> None:
    with transaction():
        bureau = a_unit("云桥区教体局", kind="机关")
        school = a_unit("柳溪乡中心学校", reports_to=bureau)
        clerk = staff(school, "unit_clerk")
        grant_role(clerk, "applicant", scope_kind="all", scope_id=None, actor_id=None, now=now())
        employ(clerk, school)
        item = build.a_submitted_item(clerk)
        assert item.reviewing_unit_id == bureau.id
        assert build.review_task(item).scope_id == bureau.id


def test_a_second_clerk_cannot_vet_their_own() -> None:
    with transaction() as unit_of_work:
        unit_of_work.rollback_only = True
        school = a_unit()
        clerk = a_person("邬小棠", roles=[("unit_clerk", "org", school.id)], unit=school)
        item = build.a_submitted_item(clerk)
        assert item.reviewing_unit_id == school.id
        with pytest.raises(Forbidden):
            runtime.complete(
                build.review_task(item), {"decision": "pass"}, actor_id=clerk.id, now=now()
            )


def test_the_reviewer_sees_what_changed_since_the_return() -> None:
    business = submitted()
    do(business, "vet_item", {"decision": "return", "opinion": "补任职证明，岗位写全称"})
    with transaction():
        item = item_of(business)
        operations.save_fields(item, {"post": "数学教师"}, actor=item.person, now=now())
        build.attach(item, "proof", "任职证明.png")
        operations.submit_item(item, actor=item.person, now=now())
        evidence = reading.evidence_of(item)
        assert [(line.text, line.before) for line in evidence.lines if line.before] == [
            ("数学教师", "教师")
        ]
        assert [(f.name, f.is_new) for s in evidence.slots for f in s.files] == [
            ("任职证明.png", True)
        ]
        assert evidence.changes == 2
        assert [r.opinion for r in evidence.rounds] == ["补任职证明，岗位写全称"]


def test_what_another_answer_asks_for_is_read_only_where_it_was_said() -> None:
    kind, paid = item_types.get("assessment"), {"basis": "社保缴费记录", "paying_unit": "青禾小学"}
    by_form = {"basis": "年度考核表", "paying_unit": ""}

    def told(
        data: dict[str, str], before: dict[str, str] | None = None
    ) -> list[tuple[str, str | None]]:
        former = reading.Former(kind, before) if before else None
        found = reading.lines_of(kind, data, former)
        return [(line.text, line.before) for line in found if line.label == "社保缴费单位"]

    assert told(by_form) == []
    assert told(paid) == [("青禾小学", None)]
    assert told({**by_form, "paying_unit": "旧单位"}) == [("旧单位", None)], (
        "nothing said is hidden"
    )
    assert told(by_form, paid) == [("", "青禾小学")], "nor that it was taken back"


def test_attachments_are_open_to_the_units_clerk_and_to_nobody_else() -> None:
    with transaction():
        unit, other = a_unit(), a_unit("岭南小学")
        owner = a_person(unit=unit)
        draft = build.an_item(owner)
        file = db.session.get_one(storage.StoredFile, draft.files[0].file_id)
        clerk, stranger = staff(unit, "unit_clerk"), staff(other, "unit_clerk")
        assert storage.may_read(owner.id, file)
        assert not storage.may_read(clerk.id, file)
        operations.submit_item(draft, actor=owner, now=now())
        assert storage.may_read(clerk.id, file)
        assert not storage.may_read(stranger.id, file)


def send(business: tuple[str, int], **data: str) -> PortfolioItem:
    with transaction():
        item = item_of(business)
        operations.save_fields(item, data, actor=item.person, now=now())
        operations.submit_item(item, actor=item.person, now=now())
        return item


def test_what_nobody_has_opened_is_taken_back_and_sent_again(client_for: Sign) -> None:
    business = submitted()
    shown, url = f"/portfolio/{business[1]}", f"/portfolio/{business[1]}/take-back"
    with transaction():
        item, clerk = item_of(business), person_for(open_items(business)[0])
        stranger = a_person("林远", unit=a_unit("榕树小学"))
    mine = client_for(item.person)
    assert client_for(stranger).post(url).status_code == 404
    assert url in mine.get(shown).text
    assert mine.post(url).status_code == 303
    with transaction():
        item = item_of(business)
        assert (item.status, item.can_delete, open_items(business)) == ("draft", True, [])
        assert ("撤回提交", "本人撤回") in [(name, word) for name, word, _note in words(business)]
        assert check_all() == []
    assert [each.no for each in send(business, post="数学教师").submissions] == [1]
    assert client_for(clerk).get(shown).status_code == 200
    assert url not in mine.get(shown).text, "the clerk has read it"
    assert "审核人员已查看，不能撤回" in mine.post(url).text


def test_what_was_said_of_an_item_stays_when_it_is_taken_back(client_for: Sign) -> None:
    business = submitted()
    do(business, "vet_item", {"decision": "return", "opinion": "请写全称"})
    person = send(business, post="数学教师").person
    url = f"/portfolio/{business[1]}/take-back"
    assert client_for(person).post(url).status_code == 303
    with transaction():
        item = item_of(business)
        assert [each.opinion for each in item.submissions] == ["请写全称"]
        assert not item.can_delete
    send(business)
    do(business, "vet_item", {"decision": "pass"})
    with transaction(write=False):
        assert item_of(business).status == "approved"
        assert check_all() == []


def test_what_runs_under_the_diagram_of_before_goes_on_and_cannot_be_taken_back(
    client_for: Sign,
) -> None:
    former = Edited("portfolio_audit").drop("item_withdrawn", "take_back_item", "taken_back")
    form = (definitions.ROOT / "forms/vet_item.yaml").read_text("utf-8")
    files, forms = {former.file: former.bytes()}, {"vet_item": form}
    with transaction():
        unit = a_unit()
        place = operations.PROCESS, unit.jurisdiction
        definitions.publish_version(*place, files, forms, actor_id=None, now=now())
        item = build.a_submitted_item(a_person(unit=unit), "work")
        business = operations.BUSINESS, item.id
    mine, url = client_for(item.person), f"/portfolio/{item.id}"
    assert "take-back" not in mine.get(url).text
    assert mine.post(f"{url}/take-back").status_code == 409
    do(business, "vet_item", {"decision": "pass"})
    with transaction(write=False):
        assert item_of(business).status == "approved"
