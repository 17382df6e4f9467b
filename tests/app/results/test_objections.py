"""异议: taken in from anybody, looked into by one person, decided by another."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts.models import Notification
from app.accounts.operations import grant_role
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.engine import care, runtime
from app.engine.handlers import Scope
from app.engine.models import StepLog
from app.results import operations
from app.results.models import Objection
from app.results.process import OBJECTION, PUBLICITY, RESULT
from tests.builders import results as build
from tests.builders.flow import do, drain, open_items
from tests.builders.people import a_person, a_unit, staff
from tests.builders.threads import together

Enter = Callable[..., Any]
Move = Callable[[datetime], None]


def sent(published: build.Published, **changed: str) -> dict[str, str]:
    return {"result_id": str(published.result_ids[0]), **build.COMPLAINT, **changed}


def received() -> int:
    with transaction(write=False):
        return db.session.scalar(select(func.count(Objection.id))) or 0


def test_anybody_objects_under_their_real_name(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity()
    answer = client_for().post(f"/publicity/{published.id}/objections", sent(published))
    with transaction(write=False):
        made = db.session.scalars(select(Objection)).one()
        state = f"/objections/state?number={made.receipt}"
        assert (answer.status_code, answer.location) == (303, state)
        assert (made.name, made.contact, made.text) == tuple(build.COMPLAINT.values())
        assert made.result_id == published.result_ids[0]
        (item,) = open_items((OBJECTION, made.id))
        assert (item.node, item.role) == ("investigate_objection", "organiser")
        assert item.scope_id == published.unit_id


def test_who_objected_is_not_public(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity()
    client_for().post(f"/publicity/{published.id}/objections", sent(published))
    page = client_for().get(f"/publicity/{published.id}").text
    for private in build.COMPLAINT.values():
        assert private not in page


@pytest.mark.parametrize("field", ["result_id", "name", "contact", "text"])
def test_a_missing_fact_stands_at_its_field_and_nothing_typed_is_lost(
    app: Flask, client_for: Enter, field: str
) -> None:
    published = build.a_publicity()
    answer = client_for().post(
        f"/publicity/{published.id}/objections", sent(published, **{field: "  "})
    )
    assert answer.status_code == 422
    assert "有 1 项需要修改" in answer.text
    assert f'is-invalid" id="{field}"' in answer.text
    for name, typed in build.COMPLAINT.items():
        assert (typed in answer.text) == (name != field), name
    if field != "result_id":
        assert f'value="{published.result_ids[0]}" selected' in answer.text
    assert received() == 0


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("contact", "x", "请填写能联系到您的"),
        ("contact", "12345", "请填写能联系到您的"),
        ("contact", "abcdefgh", "请填写能联系到您的"),
        ("contact", "本市", "请填写能联系到您的"),
        ("text", "短", "不少于 10 个字"),
        ("text", "一二三四五六七八九 ", "不少于 10 个字"),
    ],
)
def test_an_objection_that_nobody_could_look_into_is_not_taken_in(
    app: Flask, client_for: Enter, field: str, value: str, word: str
) -> None:
    published = build.a_publicity()
    address = f"/publicity/{published.id}/objections"
    answer = client_for().post(address, sent(published, **{field: value}))
    assert answer.status_code == 422
    assert word in answer.text
    assert received() == 0


@pytest.mark.parametrize(
    "contact", ["13900001234", "0550-123 4567", "+86 13900001234", "a@b.cn", "淮城市演示路1号"]
)
def test_a_telephone_a_mail_or_a_postal_address_reaches_the_sender(
    app: Flask, contact: str
) -> None:
    assert not operations._faults({**build.COMPLAINT, "contact": contact})


def test_the_sender_asks_for_the_state_with_the_number(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity()
    with transaction():
        published.publicity.plan.contact = "电话 0550-1234567"
    visitor = client_for()
    answer = visitor.post(f"/publicity/{published.id}/objections", sent(published))
    page = visitor.get(answer.location).text
    number = answer.location.rsplit("=", 1)[1]
    for shown in (number, "请记下受理号", "核查中", "电话 0550-1234567"):
        assert shown in page
    for private in (*build.COMPLAINT.values(), "申报人01"):
        assert private not in page
    with transaction(write=False):
        objection_id = db.session.scalars(select(Objection.id)).one()
    build.investigate(objection_id)
    build.decide(objection_id, "dismiss")
    later = client_for().get(f"/objections/state?number= {number.lower()} ").text
    for shown in ("不成立", "经核查作出结论", "办结时间"):
        assert shown in later
    assert "已调阅原件" not in later, "what was found stays with the office"
    unknown = client_for().get("/objections/state?number=YY20261201-00000000")
    assert (unknown.status_code, "没有这个受理号" in unknown.text) == (404, True)
    assert client_for().get("/objections/state").status_code == 200
    assert "电话 0550-1234567" in client_for().get(f"/publicity/{published.id}").text


def test_two_objections_to_one_person_are_told_apart_in_the_list(
    app: Flask, client_for: Enter
) -> None:
    published = build.a_publicity()
    words = ("第一件异议反映的是论文署名问题", "第二件异议反映的是课时证明问题")
    for text in words:
        client_for().post(f"/publicity/{published.id}/objections", sent(published, text=text))
    page = client_for(build.person(published.organiser_id)).get("/objections").text
    with transaction(write=False):
        receipts = list(db.session.scalars(select(Objection.receipt)))
    assert len(set(receipts)) == 2
    for shown in (*words, *receipts):
        assert shown in page


def test_everything_missing_is_said_at_once(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity()
    answer = client_for().post(f"/publicity/{published.id}/objections", {})
    assert answer.status_code == 422
    assert "有 4 项需要修改" in answer.text


def test_too_long_a_text_is_refused_not_cut(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity()
    answer = client_for().post(
        f"/publicity/{published.id}/objections", sent(published, text="长" * 2001)
    )
    assert answer.status_code == 422
    assert "最多 2000 个字" in answer.text
    assert "长" * 2001 in answer.text
    assert received() == 0


def test_a_result_of_another_publicity_is_not_in_the_list(app: Flask, client_for: Enter) -> None:
    published, other = build.a_publicity(), build.a_publicity()
    foreign = sent(published, result_id=str(other.result_ids[0]))
    answer = client_for().post(f"/publicity/{published.id}/objections", foreign)
    assert answer.status_code == 422
    assert "请选择公示名单中的人员" in answer.text
    assert received() == 0


def test_an_objection_after_the_period_is_refused(app: Flask, client_for: Enter, at: Move) -> None:
    published = build.a_publicity()
    with transaction(write=False):
        ends = published.publicity.ends_at
    visitor = client_for()
    at(ends - timedelta(seconds=20))
    assert "提出异议" in visitor.get(f"/publicity/{published.id}").text
    address = f"/publicity/{published.id}/objections"
    assert visitor.post(address, sent(published)).status_code == 303
    # The timer has not fired yet: time judges, not the scheduler.
    at(ends + timedelta(seconds=2))
    answer = visitor.post(address, sent(published, text="另一件事：论文署名问题"))
    assert answer.status_code == 409
    assert "公示期已结束" in answer.text
    assert visitor.post(address, {}).status_code == 409
    page = visitor.get(f"/publicity/{published.id}").text
    assert "公示期已结束，不再受理异议" in page
    assert "提交异议" not in page
    assert received() == 1


def test_a_flood_of_objections_to_one_person_stops(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity()
    for _ in range(operations.MAX_OPEN_OBJECTIONS):
        build.object_to(published)
    answer = client_for().post(
        f"/publicity/{published.id}/objections", sent(published, text="又一件事：论文署名问题")
    )
    assert answer.status_code == 409
    assert received() == operations.MAX_OPEN_OBJECTIONS


def test_one_person_investigates_and_another_decides(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity()
    objection_id = build.object_to(published)
    organiser = client_for(build.person(published.organiser_id))
    leader = client_for(build.person(published.leader_id))
    with transaction(write=False):
        task = open_items((OBJECTION, objection_id))[0].id
    assert leader.get(f"/tasks/{task}").status_code in {403, 404}
    page = organiser.get(f"/tasks/{task}")
    assert build.COMPLAINT["text"] in page.text
    assert build.COMPLAINT["contact"] in page.text
    assert organiser.post(f"/tasks/{task}", {"finding": " "}).status_code == 422
    answer = organiser.post(f"/tasks/{task}", {"finding": "原件与材料一致", "decision": "submit"})
    assert answer.status_code == 303
    with transaction(write=False):
        (item,) = open_items((OBJECTION, objection_id))
        assert (item.node, item.role) == ("decide_objection", "organiser_leader")
        task = item.id
    assert organiser.post(f"/tasks/{task}", {"decision": "dismiss"}).status_code in {403, 404}
    assert "原件与材料一致" in leader.get(f"/tasks/{task}").text
    empty = leader.post(f"/tasks/{task}", {"decision": "dismiss", "conclusion": ""})
    assert empty.status_code == 422
    answer = leader.post(f"/tasks/{task}", {"decision": "dismiss", "conclusion": "不成立"})
    assert answer.status_code == 303
    with transaction(write=False):
        made = build.objection(objection_id)
        assert (made.status, made.decided_by) == ("dismissed", published.leader_id)
        log = select(StepLog.outcome).where(
            StepLog.node.in_(("investigate_objection", "decide_objection"))
        )
        assert list(db.session.scalars(log.order_by(StepLog.id))) == ["已核查", "异议不成立"]


def test_an_upheld_objection_revokes_the_result_for_good(app: Flask) -> None:
    published = build.a_publicity(cases=2)
    objection_id, second = build.object_to(published), build.object_to(published)
    build.investigate(objection_id)
    build.decide(objection_id, "uphold")
    with transaction(write=False):
        assert published.result().status == "revoked"
        assert published.result().decided_at is not None
    build.confirm(published)
    build.investigate(second)
    build.decide(second, "dismiss")
    with transaction(write=False):
        assert published.result(0).status == "revoked"
        assert published.result(1).status == "confirmed"
        assert open_items((RESULT, published.result_ids[0])) == []


def test_a_dismissed_one_leaves_the_result_to_the_confirmation(app: Flask) -> None:
    published = build.a_publicity()
    objection_id = build.object_to(published)
    build.investigate(objection_id)
    build.decide(objection_id, "dismiss")
    with transaction(write=False):
        assert published.result().status == "publicised"
    build.approve(published)
    with transaction(write=False):
        assert published.result().status == "confirmed"
        assert len(open_items((RESULT, published.result_ids[0]))) == 1


def test_a_result_freed_after_the_confirmation_goes_on_to_its_certificate(app: Flask) -> None:
    published = build.a_publicity()
    first, last = build.object_to(published), build.object_to(published)
    build.approve(published)
    build.investigate(first)
    build.decide(first, "dismiss")
    with transaction(write=False):
        assert published.result().status == "publicised", "the second one is still open"
    build.investigate(last)
    build.decide(last, "dismiss")
    with transaction(write=False):
        assert published.result().status == "confirmed"
        assert [i.node for i in open_items((RESULT, published.result_ids[0]))] == [
            "issue_certificate"
        ]


def told(person_id: int) -> list[str]:
    with transaction(write=False):
        texts = select(Notification.text).where(Notification.person_id == person_id)
        return [t for t in db.session.scalars(texts.order_by(Notification.id)) if "异议" in t]


def test_the_declarant_is_told_what_became_of_objections_and_not_who_made_them(
    app: Flask,
) -> None:
    published = build.a_publicity(cases=3)
    with transaction(write=False):
        owners = [published.applicant(place).id for place in range(3)]
    first, second, third = (build.object_to(published, place) for place in (0, 0, 1))
    for objection_id, decision in ((first, "dismiss"), (second, "dismiss"), (third, "uphold")):
        build.investigate(objection_id)
        build.decide(objection_id, decision)
    build.confirm(published)
    plan = "公示期对您评审结果的一件异议经核查不成立"
    said = [[text.split("：", 1)[1] for text in told(owner)] for owner in owners]
    assert said == [
        [f"{plan}；仍有异议正在核查", plan, "公示期收到的异议经核查不成立，评审结果已确认"],
        ["公示期异议成立，评审结果已撤销"],
        ["公示期未收到异议，评审结果已确认"],
    ]
    assert "方明远" not in str(said)


def test_an_objection_is_decided_once_and_with_reasons(app: Flask) -> None:
    published = build.a_publicity()
    objection_id = build.object_to(published)

    def decide(conclusion: str) -> None:
        with transaction():
            operations.decide_objection(
                build.objection(objection_id),
                uphold=True,
                conclusion=conclusion,
                actor_id=published.leader_id,
                now=now(),
            )

    with pytest.raises(Invalid, match="处理结论"):
        decide(" ")
    decide("成立")
    with pytest.raises(Conflict, match="已有结论"):
        decide("成立")


def test_nobody_deals_with_an_objection_to_themselves(app: Flask) -> None:
    published = build.a_publicity()
    objection_id = build.object_to(published)
    with transaction(write=False):
        own = published.applicant()
    finding = {"finding": "属实"}
    with pytest.raises(Forbidden):
        do((OBJECTION, objection_id), "investigate_objection", finding, person=own)
    build.investigate(objection_id)
    decision = {"decision": "dismiss", "conclusion": "不成立"}
    with pytest.raises(Forbidden):
        do((OBJECTION, objection_id), "decide_objection", decision, person=own)
    with transaction(write=False):
        assert build.objection(objection_id).status == "open"


def test_objections_are_listed_to_the_organiser_of_the_results_alone(
    app: Flask, client_for: Enter
) -> None:
    published = build.a_publicity()
    objection_id = build.object_to(published)
    with transaction():
        foreign = a_person(
            "外单位经办", roles=[("organiser", "org", a_unit("别市教育局", kind="机关").id)]
        )
        clerk = staff(published.result().declaration.unit, "unit_clerk")
        teacher = published.applicant()
    address = f"/objections/{objection_id}"
    for own in (published.organiser_id, published.leader_id, published.held.supervisor_id):
        browser = client_for(build.person(own))
        assert address in browser.get("/objections").text
        assert build.COMPLAINT["text"] in browser.get(address).text
    stranger = client_for(foreign)
    assert address not in stranger.get("/objections").text
    assert stranger.get(address).status_code == 403
    for person in (clerk, teacher):
        assert client_for(person).get("/objections").status_code == 403
        assert client_for(person).get(address).status_code == 403
    assert client_for().get(address).status_code == 302
    assert client_for(foreign).get("/objections/999").status_code == 404


def test_who_is_objected_to_reads_nothing_of_it_whatever_their_posts(
    app: Flask, client_for: Enter
) -> None:
    published = build.a_publicity(cases=2)
    own, others = build.object_to(published), build.object_to(published, place=1)
    with transaction():
        teacher = published.applicant()
        grant_role(
            teacher,
            "organiser",
            scope_kind="org",
            scope_id=published.unit_id,
            actor_id=None,
            now=now(),
        )
    browser = client_for(teacher)
    listed = browser.get("/objections").text
    assert f"/objections/{others}" in listed
    assert f"/objections/{own}" not in listed
    assert browser.get("/objections.csv").text.count(build.COMPLAINT["contact"]) == 1
    assert browser.get(f"/objections/{own}").status_code == 403
    assert browser.get(f"/objections/{others}").status_code == 200
    found = ("investigate_objection", {"finding": "属实"}, published.organiser_id)
    decided = {"decision": "dismiss", "conclusion": "不成立"}
    for node, answers, colleague in (found, ("decide_objection", decided, published.leader_id)):
        with transaction(write=False):
            (item,) = open_items((OBJECTION, own))
        page = browser.get(f"/tasks/{item.id}")
        assert page.status_code == 403
        assert build.COMPLAINT["contact"] not in page.text
        do((OBJECTION, own), node, answers, person=build.person(colleague))
        closed = browser.get(f"/tasks/{item.id}")
        assert f"/objections/{own}" not in closed.text


def complete(business: tuple[str, int], answers: dict[str, str], actor_id: int) -> None:
    with transaction():
        (item,) = open_items(business)
        runtime.complete(item, answers, actor_id=actor_id, now=now())


DISMISSED = {"decision": "dismiss", "conclusion": "不成立"}


def test_a_confirmation_and_the_last_dismissal_do_not_miss_one_another(app: Flask) -> None:
    published = build.a_publicity()
    objection_id = build.object_to(published)
    build.investigate(objection_id)
    build.end_period(published)
    leader = published.leader_id
    failures = together(
        app,
        lambda: complete((PUBLICITY, published.id), {"decision": "confirm"}, leader),
        lambda: complete((OBJECTION, objection_id), DISMISSED, leader),
    )
    assert failures == [None, None]
    drain()
    with transaction(write=False):
        assert published.result().status == "confirmed"


def test_an_approval_and_the_last_dismissal_do_not_miss_one_another(app: Flask) -> None:
    published = build.a_publicity()
    objection_id = build.object_to(published)
    build.investigate(objection_id)
    build.confirm(published)
    drain()
    meeting = published.held.business
    with transaction(write=False):
        clerk = published.held.person(published.held.clerk_id)
    do(meeting, "report_meeting", {"decision": "pass"}, person=clerk)
    failures = together(
        app,
        lambda: complete(meeting, build.APPROVAL, published.issuer_id),
        lambda: complete((OBJECTION, objection_id), DISMISSED, published.leader_id),
    )
    assert failures == [None, None]
    drain()
    with transaction(write=False):
        assert len(open_items((RESULT, published.result_ids[0]))) == 1


def test_a_revoked_result_shows_in_the_public_list(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity(cases=2)
    objection_id = build.object_to(published)
    assert "结果已撤销" not in client_for().get(f"/publicity/{published.id}").text
    build.investigate(objection_id)
    build.decide(objection_id, "uphold")
    assert client_for().get(f"/publicity/{published.id}").text.count("结果已撤销") == 1


def test_an_objection_leads_to_the_task_of_who_is_next(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity()
    address = f"/objections/{build.object_to(published)}"
    assert "去办理：异议核查" in client_for(build.person(published.organiser_id)).get(address).text
    assert "去办理" not in client_for(build.person(published.leader_id)).get(address).text


def test_an_objection_leads_to_the_task_that_was_given_to_a_person(
    app: Flask, client_for: Enter
) -> None:
    published = build.a_publicity()
    objection_id = build.object_to(published)
    with transaction():
        (item,) = open_items((OBJECTION, objection_id))
        to = Scope("person", published.leader_id)
        care.reassign(item, to, reason="经办人出差", actor_id=None, now=now())
    address = f"/objections/{objection_id}"
    assert "去办理：异议核查" in client_for(build.person(published.leader_id)).get(address).text
    assert "去办理" not in client_for(build.person(published.organiser_id)).get(address).text
