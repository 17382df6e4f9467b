"""更正身份信息: asked with evidence, vetted by the unit, decided by the system administrator."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Notification, Person
from app.core.audit import AuditEvent
from app.core.clock import ZONE, now
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden
from app.core.storage import StoredFile
from app.engine import care
from app.people import corrections
from app.people.known import everything_of
from app.people.models import IdentityCorrection
from app.people.process import CORRECTION
from app.people.queries import corrections_of
from app.units.models import Unit
from app.units.queries import employment_of
from tests.builders.flow import open_items
from tests.builders.people import a_person, a_unit, an_id_number, staff
from tests.builders.portfolio import an_upload
from tests.builders.refusals import is_told_in_place

OLD, RIGHT = "340000198503129020", an_id_number(date(1985, 3, 21))


@dataclass
class Case:
    """Who asks, who vets, who decides, and somebody else."""

    person: Person
    clerk: Person
    system: Person
    stranger: Person
    proof: int


@pytest.fixture
def case(app: Flask) -> Case:
    with transaction():
        unit, other = a_unit("云桥区青禾小学"), a_unit("云桥区第二小学")
        person = a_person("苏晓禾", id_number=OLD, unit=unit)
        return Case(
            person,
            staff(unit, "unit_clerk"),
            a_person("庾一鸣", roles=[("system_admin", "all", None)]),
            staff(other, "unit_clerk"),
            an_upload(person, "户口簿.png").id,
        )


def a_form(case: Case, **change: Any) -> dict[str, Any]:
    given = {"name": "苏小禾", "id_number": "", "reason": "录入时写错", "is_true": "yes"}
    return {**given, "evidence": [case.proof], **change}


def ask(client_for: Any, case: Case, **change: Any) -> Any:
    return client_for(case.person).post("/account/correction", a_form(case, **change))


def waiting_at(case: Case) -> tuple[str, int]:
    """Node and id of the open task."""
    with transaction(write=False):
        (item,) = open_items((CORRECTION, corrections_of(case.person.id)[0].id))
        return item.node, item.id


def decide(client_for: Any, by: Person, case: Case, decision: str, opinion: str = "") -> Any:
    form = {"decision": decision, "opinion": opinion}
    return client_for(by).post(f"/tasks/{waiting_at(case)[1]}", form)


def kept(case: Case) -> Person:
    return db.session.get_one(Person, case.person.id)


def made(case: Case) -> IdentityCorrection:
    return corrections_of(case.person.id)[0]


def told_of() -> list[str]:
    """What the audit log keeps of requests, in order."""
    tags = db.session.scalars(sa.select(AuditEvent.tag).order_by(AuditEvent.id))
    return [tag for tag in tags if tag.startswith("person:correct")]


def test_a_name_is_corrected_when_unit_and_administrator_agree(
    client_for: Any, case: Case
) -> None:
    assert ask(client_for, case).status_code == 303
    assert waiting_at(case)[0] == "vet_correction"
    assert "户口簿.png" in client_for(case.clerk).get(f"/tasks/{waiting_at(case)[1]}").text
    assert decide(client_for, case.clerk, case, "pass", "与档案一致").status_code == 303
    assert waiting_at(case)[0] == "decide_correction"
    assert decide(client_for, case.system, case, "pass").status_code == 303
    with transaction(write=False):
        assert kept(case).name == "苏小禾"
        assert kept(case).id_number == OLD
        wanted = ["requested", "vetted"]
        assert told_of() == [*(f"person:correction_{word}" for word in wanted), "person:corrected"]
        texts = db.session.scalars(
            sa.select(Notification.text).where(Notification.person_id == case.person.id)
        )
        assert any("身份信息已更正" in text for text in texts)
    assert "已更正" in client_for(case.person).get("/account/correction").text


def test_a_number_brings_gender_and_birth_with_it_and_is_never_shown(
    client_for: Any, case: Case
) -> None:
    assert ask(client_for, case, name="苏晓禾", id_number=RIGHT.lower()).status_code == 303
    page = client_for(case.clerk).get(f"/tasks/{waiting_at(case)[1]}").text
    assert RIGHT not in page
    assert RIGHT[-4:] in page
    rows = [re.sub(r"<[^>]+>|\s+", " ", row).split() for row in re.findall(r"<tr>.*?</tr>", page)]
    assert ["出生日期", "1985-03-12", "1985-03-21", "更正"] in rows
    assert ["性别", "女", "女", "不变"] in rows
    decide(client_for, case.clerk, case, "pass")
    assert decide(client_for, case.system, case, "pass").status_code == 303
    with transaction(write=False):
        assert kept(case).id_number == RIGHT
        assert kept(case).birth_date == date(1985, 3, 21)
        rows = db.session.execute(sa.text("SELECT * FROM identity_correction")).all()
        events = db.session.scalars(sa.select(AuditEvent.data)).all()
        assert RIGHT not in f"{rows}{events}"
        assert OLD not in f"{rows}{events}"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": " "}, "请填写正确的姓名"),
        ({"name": "长" * 61}, "姓名不能超过 60 个字"),
        ({"name": "苏晓<b>9"}, "姓名只能填写文字"),
        ({"name": "禾"}, "至少两个字"),
        ({"name": "苏晓禾"}, "与现有信息相同"),
        ({"name": "苏晓禾", "id_number": OLD}, "与现有信息相同"),
        ({"id_number": "340000198503129021"}, "证件号码有误"),
        ({"id_number": "12345"}, "证件号码有误"),
        ({"reason": ""}, "请填写更正理由"),
        ({"evidence": []}, "请上传户口簿"),
        ({"is_true": ""}, "请勾选真实性声明"),
    ],
)
def test_a_faulty_request_is_told_at_its_field(
    client_for: Any, case: Case, change: dict[str, Any], fault: str
) -> None:
    answer = ask(client_for, case, **change)
    typed = "录入时写错" if "reason" not in change else "苏小禾"
    assert is_told_in_place(answer, fault, typed)
    with transaction(write=False):
        assert corrections_of(case.person.id) == []


def test_all_that_lacks_is_told_in_one_round_and_the_tick_stays(
    client_for: Any, case: Case
) -> None:
    empty = client_for(case.person).post(corrections.PAGE, {"name": "苏晓禾"}).text
    for words in ("没有需要更正的", "请填写更正理由", "佐证材料", "请勾选真实性声明"):
        assert words in empty
    ticked = ask(client_for, case, reason="")
    assert is_told_in_place(ticked, "请填写更正理由")
    assert 'value="yes" checked' in ticked.text


def test_a_number_of_somebody_else_is_refused_and_that_is_kept(
    client_for: Any, case: Case
) -> None:
    with transaction():
        a_person("卜文", id_number=RIGHT)
    assert is_told_in_place(ask(client_for, case, id_number=RIGHT), "已属于其他人员")
    with transaction(write=False):
        assert told_of() == ["person:correction_taken"]


def test_whose_a_number_is_shows_only_when_all_else_is_right(client_for: Any, case: Case) -> None:
    with transaction():
        a_person("卜文", id_number=RIGHT)
    wrong: list[dict[str, Any]] = [
        {"reason": ""},
        {"evidence": []},
        {"name": "9"},
        {"is_true": ""},
    ]
    for change in [*wrong, {"evidence": [987654]}]:
        answer = ask(client_for, case, id_number=RIGHT, **change)
        assert answer.status_code in {404, 422}
        assert "已属于其他人员" not in answer.text


def test_who_tries_number_after_number_has_to_wait(
    client_for: Any, case: Case, at: Callable[[datetime], None]
) -> None:
    with transaction():
        a_person("卜文", id_number=RIGHT)
    mine = client_for(case.person)
    for _ in range(corrections.FREE_NUMBERS):
        assert mine.post(corrections.PAGE, a_form(case, id_number=RIGHT)).status_code == 422
    free = a_form(case, id_number=an_id_number())
    refused = mine.post(corrections.PAGE, free)
    assert refused.status_code == 429
    assert "尝试次数过多" in refused.text
    assert "录入时写错" in refused.text, "nothing typed is lost"
    at(datetime(2026, 11, 23, 9, 6, tzinfo=ZONE))
    assert mine.post(corrections.PAGE, free).status_code == 303


def test_evidence_of_somebody_else_is_not_ones_own(client_for: Any, case: Case) -> None:
    with transaction():
        foreign = an_upload(case.clerk, "别人.png").id
    assert ask(client_for, case, evidence=[foreign]).status_code == 404


def test_a_file_that_came_for_something_else_is_no_evidence(client_for: Any, case: Case) -> None:
    with transaction():
        mine = an_upload(case.person, "我的信息.png")
        mine.media_type = "application/zip"
    assert ask(client_for, case, evidence=[mine.id]).status_code == 404


def test_a_returned_request_comes_again_mended(client_for: Any, case: Case) -> None:
    ask(client_for, case)
    assert decide(client_for, case.clerk, case, "return").status_code == 422
    assert decide(client_for, case.clerk, case, "return", "户口簿看不清").status_code == 303
    assert waiting_at(case)[0] == "mend_correction"
    page = client_for(case.person).get("/account/correction").text
    assert "户口簿看不清" in page
    assert 'value="苏小禾"' in page
    with transaction():
        clearer = an_upload(case.person).id
    assert ask(client_for, case, name="苏筱禾", evidence=[clearer]).status_code == 303
    with transaction(write=False):
        assert db.session.get(StoredFile, case.proof) is None, "what was replaced goes"
    assert waiting_at(case)[0] == "vet_correction"
    decide(client_for, case.clerk, case, "pass")
    assert decide(client_for, case.system, case, "return", "请补户籍证明").status_code == 303
    assert waiting_at(case)[0] == "mend_correction"
    with transaction(write=False):
        assert made(case).name == "苏筱禾"


def test_a_returned_request_can_be_given_up(client_for: Any, case: Case) -> None:
    mine = client_for(case.person)
    ask(client_for, case)
    assert mine.post("/account/correction", {"give_up": "1"}).status_code == 409
    decide(client_for, case.clerk, case, "return", "不属实")
    assert mine.post("/account/correction", {"give_up": "1"}).status_code == 303
    with transaction(write=False):
        assert made(case).status == "ended"
        assert open_items((CORRECTION, made(case).id)) == []
        asked = f"/corrections/{made(case).id}"
    sees = {case.clerk: 200, case.system: 403}
    for person, status in sees.items():
        told = "who returned it sees it, whom it never reached does not"
        assert client_for(person).get(asked).status_code == status, told
    assert ask(client_for, case).status_code == 303


def test_a_request_that_nobody_has_seen_is_taken_back(client_for: Any, case: Case) -> None:
    mine, url = client_for(case.person), "/account/correction/withdraw"
    assert mine.post(url).status_code == 409, "nothing waits"
    ask(client_for, case)
    task = waiting_at(case)[1]
    assert url in mine.get("/account/correction").text
    assert mine.post(url).status_code == 303
    page = mine.get("/account/correction").text
    assert "更正申请已撤回，身份信息保持不变" in page
    assert "本人撤回" in page
    assert url not in page
    closed = client_for(case.clerk).get(f"/tasks/{task}").text
    assert "<h1" in closed
    assert 'name="decision"' not in closed, "the clerk's task is closed"
    assert "材料不再向您开放" in closed
    with transaction(write=False):
        asked = f"/corrections/{made(case).id}"
    assert asked not in closed
    for person, status in {case.person: 200, case.clerk: 403, case.system: 403}.items():
        browser = client_for(person)
        assert browser.get(asked).status_code == status
        assert (browser.get(f"/files/{case.proof}").status_code == 200) is (status == 200)
    told = [client_for(each).get(asked).text for each in (case.clerk, case.stranger)]
    assert ["该更正申请已撤回或作废" in page for page in told] == [True, False]
    with transaction(write=False):
        assert kept(case).name == "苏晓禾"
        assert (made(case).status, made(case).decided_by) == ("ended", case.person.id)
        assert open_items((CORRECTION, made(case).id)) == []
        assert told_of() == ["person:correction_requested", "person:correction_withdrawn"]
    assert ask(client_for, case, name="苏筱禾").status_code == 303, "and asked anew"


def test_a_request_that_was_opened_stays(client_for: Any, case: Case) -> None:
    ask(client_for, case)
    offered = "/account/correction/withdraw"
    assert offered in client_for(case.person).get("/account/correction").text
    client_for(case.clerk).get(f"/tasks/{waiting_at(case)[1]}")
    assert offered not in client_for(case.person).get("/account/correction").text
    refused = client_for(case.person).post("/account/correction/withdraw")
    assert refused.status_code == 409
    assert "已查看，不能撤回" in refused.text
    decide(client_for, case.clerk, case, "return", "户口簿看不清")
    again = client_for(case.person).post("/account/correction/withdraw")
    assert again.status_code == 409, "what was returned is given up, on its form"
    assert waiting_at(case)[0] == "mend_correction"


def test_what_the_unit_vetted_is_not_offered_to_be_taken_back(client_for: Any, case: Case) -> None:
    ask(client_for, case)
    decide(client_for, case.clerk, case, "pass")
    page = client_for(case.person).get("/account/correction").text
    assert "/account/correction/withdraw" not in page


def test_a_refused_request_changes_nothing(client_for: Any, case: Case) -> None:
    ask(client_for, case)
    decide(client_for, case.clerk, case, "pass")
    assert decide(client_for, case.system, case, "refuse").status_code == 422
    assert decide(client_for, case.system, case, "refuse", "材料不符").status_code == 303
    with transaction(write=False):
        assert kept(case).name == "苏晓禾"
        assert made(case).status == "refused"


def test_one_request_at_a_time(client_for: Any, case: Case) -> None:
    ask(client_for, case)
    assert ask(client_for, case).status_code == 409


def test_without_a_unit_it_goes_to_the_administrator_at_once(client_for: Any, app: Flask) -> None:
    with transaction():
        loner = a_person("卜文", id_number=OLD, roles=[("applicant", "all", None)])
        system = a_person("庾一鸣", roles=[("system_admin", "all", None)])
        case = Case(loner, system, system, system, an_upload(loner, "身份证.png").id)
    assert ask(client_for, case, name="卜闻").status_code == 303
    assert waiting_at(case)[0] == "decide_correction"
    assert decide(client_for, system, case, "pass").status_code == 303
    with transaction(write=False):
        assert kept(case).name == "卜闻"


def test_only_who_handles_it_sees_a_request_and_its_evidence(client_for: Any, case: Case) -> None:
    ask(client_for, case)
    with transaction(write=False):
        url = f"/corrections/{made(case).id}"
    sees = {case.person: 200, case.clerk: 200, case.system: 200, case.stranger: 403}
    for person, status in sees.items():
        browser = client_for(person)
        assert browser.get(url).status_code == status
        assert (browser.get(f"/files/{case.proof}").status_code == 200) is (status == 200)
    assert client_for(None).get(url).status_code == 302
    assert client_for(case.system).get("/corrections/4711").status_code == 404
    assert decide(client_for, case.stranger, case, "pass").status_code == 403


def test_nobody_decides_on_themselves(app: Flask, case: Case) -> None:
    with transaction():
        request = corrections.request_correction(
            kept(case),
            corrections.Entry("苏小禾", "", "写错", [case.proof], is_true=True),
            now=now(),
        )
        with pytest.raises(Forbidden):
            corrections.grant_correction(request, "", actor_id=case.person.id, now=now())


def test_a_number_taken_meanwhile_is_not_given_twice(client_for: Any, case: Case) -> None:
    ask(client_for, case, id_number=RIGHT)
    decide(client_for, case.clerk, case, "pass")
    with transaction():
        a_person("卜文", id_number=RIGHT)
    answer = decide(client_for, case.system, case, "pass")
    assert is_told_in_place(answer, "已属于其他人员")


def test_a_cancelled_process_ends_the_request(client_for: Any, case: Case) -> None:
    ask(client_for, case)
    with transaction():
        process_admin = a_person("管流程", roles=[("process_admin", "all", None)])
        instance = open_items((CORRECTION, made(case).id))[0].instance
        care.cancel(instance, reason="重复提交", actor_id=process_admin.id, now=now())
    with transaction(write=False):
        assert made(case).status == "ended"
        with pytest.raises(Conflict):
            corrections.end_correction(made(case), "", actor_id=None, now=now())


def test_ones_own_data_tell_states_in_words(client_for: Any, case: Case) -> None:
    ask(client_for, case)
    with transaction(write=False):
        told = everything_of(kept(case))
        states = [told[kind][0]["状态"] for kind in ("单位绑定", "身份信息更正申请")]
        assert states == ["已通过", "办理中"]


def test_a_later_unit_does_not_see_what_an_earlier_one_vetted(client_for: Any, case: Case) -> None:
    ask(client_for, case)
    decide(client_for, case.clerk, case, "pass")
    with transaction():
        bound = employment_of(case.person.id)
        bound.unit_id = db.session.query(Unit).filter_by(name="云桥区第二小学").one().id
    url = f"/files/{case.proof}"
    assert client_for(case.stranger).get(url).status_code in {403, 404}
    assert client_for(case.clerk).get(url).status_code == 200


def test_who_handles_a_request_sees_its_number_once_for_a_reason(
    client_for: Any, case: Case
) -> None:
    ask(client_for, case, id_number=RIGHT)
    with transaction(write=False):
        request = made(case).id
    url = f"/corrections/{request}/number"
    for who, status in ((case.person, 403), (case.stranger, 403), (case.system, 200)):
        assert client_for(who).get(url).status_code == status
    browser = client_for(case.clerk)
    assert url in browser.get(f"/tasks/{waiting_at(case)[1]}").text
    assert is_told_in_place(browser.post(url, {"reason": " "}), "请填写查看理由")
    assert RIGHT not in browser.get(url).text
    shown = browser.get(browser.post(url, {"reason": "与户口簿核对"}).location).text
    assert (RIGHT in shown, OLD in shown) == (True, False)
    assert RIGHT not in browser.get(url).text
    with transaction(write=False):
        event = db.session.query(AuditEvent).filter_by(tag="person:unmasked").one()
        assert (event.actor_id, event.subject_id) == (case.clerk.id, case.person.id)
        assert event.data == {"reason": "与户口簿核对", "request": request}
    assert "与户口簿核对" in client_for(case.person).get("/account/log").text


def test_a_request_of_another_name_or_that_is_over_has_no_number_to_show(
    client_for: Any, case: Case
) -> None:
    ask(client_for, case)
    with transaction(write=False):
        request = made(case).id
    url = f"/corrections/{request}/number"
    assert client_for(case.clerk).get(url).status_code == 403
    assert url not in client_for(case.clerk).get(f"/corrections/{request}").text
    decide(client_for, case.clerk, case, "return", "号码也请更正")
    ask(client_for, case, id_number=RIGHT)
    assert client_for(case.clerk).get(url).status_code == 200
    decide(client_for, case.clerk, case, "pass")
    decide(client_for, case.system, case, "pass")
    assert client_for(case.clerk).get(url).status_code == 403
    assert client_for(case.system).post(url, {"reason": "再看"}).status_code == 403
    assert client_for(case.system).get("/corrections/99999/number").status_code == 404
