"""人员注册审核: what the unit compares, what goes with a request, and how it is taken back."""

import re
from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts.models import Person, RoleGrant
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import StaleTask
from app.core.invariants import check_all
from app.core.storage import StoredFile
from app.engine import definitions
from app.units import joining_views
from app.units.evidence_models import RequestFile
from app.units.models import Employment
from app.units.process import BINDING
from tests.app.units.conftest import Case, ask, ask_by_two, status, task_of, vet
from tests.builders.flow import open_items
from tests.builders.people import an_id_number
from tests.builders.portfolio import an_upload
from tests.builders.refusals import is_told_in_place

NUMBER = an_id_number()


def self_registered(case: Case) -> None:
    with transaction():
        person = db.session.get_one(Person, case.person.id)
        person.set_id_number(NUMBER)
        person.self_registered_at = now()


def works_where(person: Person) -> int:
    grants = db.session.query(RoleGrant).filter_by(person_id=person.id, scope_kind="org")
    return int(grants.one().scope_id or 0)


def test_who_nobody_has_verified_is_left_out_of_a_batch_and_it_says_so(
    client_for: Any, case: Case
) -> None:
    self_registered(case)
    ask_by_two(client_for, case)
    clerk = client_for(case.clerk)
    page = clerk.get("/binding/requests").text
    assert "未核验" in page
    numbers = re.findall(r'name="id" value="(\d+)"', page)
    chosen = {"id": numbers, "back": "/binding/requests"}
    asked = clerk.get("/tasks/batch", query_string=chosen).text
    assert "1 项须逐个办理" in asked
    assert f'name="id" value="{task_of(case)}"' not in asked
    answer = clerk.post("/tasks/batch", {**chosen, "decision": "pass"})
    assert (answer.status_code, answer.location) == (303, "/binding/requests")
    assert status(case) == "pending"
    alone = clerk.get("/tasks/batch", query_string={**chosen, "id": task_of(case)})
    assert alone.location == "/binding/requests"
    assert "须逐个与身份证件核对" in clerk.get(alone.location).text
    assert clerk.post("/tasks/batch", {**chosen, "decision": "pass"}).status_code == 422
    assert vet(client_for, case, "pass").status_code == 303
    assert status(case) == "active"


def test_how_a_request_stands_is_told_beside_the_name(client_for: Any, case: Case) -> None:
    """The last columns of a wide table lie below its actions on a small screen."""
    ask(client_for, case)
    page = client_for(case.clerk).get("/binding/requests").text
    heads = re.findall(r'<th scope="col">(\w+)</th>', page)
    assert heads[heads.index("姓名") + 1] == "审核状态"
    assert re.search(r"苏晓禾</td><td>\s*<span[^>]*>待审核", page)


def test_a_task_that_is_closed_while_its_page_opens_is_offered_no_more(
    client_for: Any, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(client_for, case)
    with transaction(write=False):
        url = f"/binding/requests/{db.session.query(Employment).one().id}"
    clerk = client_for(case.clerk)
    assert f"/tasks/{task_of(case)}" in clerk.get(url).text

    def gone(*_: Any, **__: Any) -> None:
        raise StaleTask

    monkeypatch.setattr(joining_views.runtime, "open_item", gone)
    page = clerk.get(url)
    assert page.status_code == 200
    assert f"/tasks/{task_of(case)}" not in page.text


def test_who_vets_sees_the_number_for_a_reason_while_the_task_is_open(
    client_for: Any, case: Case
) -> None:
    self_registered(case)
    ask(client_for, case)
    with transaction(write=False):
        url = f"/binding/requests/{db.session.query(Employment).one().id}"
    clerk = client_for(case.clerk)
    page = clerk.get(f"/tasks/{task_of(case)}").text
    assert (f"{url}/number" in page, NUMBER in page) == (True, False)
    assert clerk.post(f"{url}/number", {"reason": " "}).status_code == 422
    answer = clerk.post(f"{url}/number", {"reason": "与身份证原件核对"})
    assert NUMBER in clerk.get(answer.location).text
    assert "与身份证原件核对" in client_for(case.person).get("/account/log").text
    for other in (case.stranger, case.person):
        browser = client_for(other)
        assert browser.get(url).status_code == 403
        assert browser.post(f"{url}/number", {"reason": "看看"}).status_code == 403
    assert clerk.get("/binding/requests/999999").status_code == 404
    vet(client_for, case, "pass", "材料属实")
    assert clerk.get(f"{url}/number").status_code == 403
    assert f'href="{url}"' in clerk.get("/binding/requests").text
    told = clerk.get(url).text
    assert ("材料属实" in told, case.clerk.name in told) == (True, True)


def test_a_request_carries_evidence_that_its_clerk_reads(client_for: Any, case: Case) -> None:
    with transaction():
        proof, foreign = an_upload(case.person).id, an_upload(case.stranger).id
    refused = ask(client_for, case, evidence=[foreign])
    assert is_told_in_place(refused, "附件不存在")
    ask(client_for, case, evidence=[proof])
    clerk = client_for(case.clerk)
    assert f"/files/{proof}" in clerk.get(f"/tasks/{task_of(case)}").text
    assert clerk.get(f"/files/{proof}").status_code == 200
    assert client_for(case.stranger).get(f"/files/{proof}").status_code == 404
    vet(client_for, case, "return", "请补充入职证明")
    with transaction():
        more = an_upload(case.person).id
    assert f'value="{proof}"' in client_for(case.person).get("/binding").text
    assert ask(client_for, case, evidence=[proof, more]).status_code == 303
    assert clerk.get(f"/files/{more}").status_code == 200


def test_a_request_is_taken_back_until_somebody_has_opened_it(client_for: Any, case: Case) -> None:
    browser = client_for(case.person)
    assert browser.post("/binding/withdraw").status_code == 409
    ask(client_for, case)
    assert "撤回申请" in browser.get("/binding").text
    task = task_of(case)
    assert browser.post("/binding/withdraw").status_code == 303
    assert status(case) == "withdrawn"
    assert "已撤回" in client_for(case.clerk).get("/binding/requests?status=withdrawn").text
    assert "该任务已被撤回" in client_for(case.clerk).get(f"/tasks/{task}").text
    with transaction(write=False):
        assert check_all() == []
        assert "binding:withdrawn" in db.session.scalars(sa.select(AuditEvent.tag)).all()
    assert ask(client_for, case).status_code == 303
    with transaction(write=False):
        (waiting,) = db.session.query(Employment).filter_by(status="pending")
        (item,) = open_items((BINDING, waiting.id))
    button = "撤回申请</button>"
    assert button in browser.get("/binding").text
    assert client_for(case.clerk).get(f"/tasks/{item.id}").status_code == 200
    page = browser.get("/binding").text
    assert (button in page, "审核人已经查看，不能撤回" in page) == (False, True)
    refused = browser.post("/binding/withdraw")
    assert (refused.status_code, "查看" in refused.text) == (409, True)


def test_the_unit_that_returned_a_request_reads_it_no_more_once_it_went_to_another(
    client_for: Any, case: Case
) -> None:
    with transaction():
        proof, more = an_upload(case.person).id, an_upload(case.person).id
        elsewhere = works_where(case.stranger)
    ask(client_for, case, evidence=[proof])
    former = task_of(case)
    vet(client_for, case, "return", "请补充入职证明")
    with transaction(write=False):
        url = f"/binding/requests/{db.session.query(Employment).one().id}"
    clerk, other = client_for(case.clerk), client_for(case.stranger)
    assert [clerk.get(each).status_code for each in (url, f"/files/{proof}")] == [200, 200]
    again = {"unit_id": elsewhere, "evidence": [proof, more]}
    assert client_for(case.person).post("/binding", again).status_code == 303
    kept = (url, f"/files/{proof}", f"/files/{more}")
    assert [clerk.get(each).status_code for each in kept] == [403, 404, 404]
    assert url not in clerk.get(f"/tasks/{former}").text
    assert [other.get(each).status_code for each in kept] == [200, 200, 200]


def test_who_reads_the_materials_has_seen_the_request(client_for: Any, case: Case) -> None:
    ask(client_for, case)
    with transaction(write=False):
        url = f"/binding/requests/{db.session.query(Employment).one().id}"
    assert client_for(case.clerk).get(url).status_code == 200
    refused = client_for(case.person).post("/binding/withdraw")
    assert (refused.status_code, "查看" in refused.text) == (409, True)
    assert status(case) == "pending"


def test_a_returned_request_is_taken_back_by_its_person(client_for: Any, case: Case) -> None:
    ask(client_for, case)
    vet(client_for, case, "return", "请补充入职证明")
    browser = client_for(case.person)
    assert "撤回申请" in browser.get("/binding").text
    assert browser.post("/binding/withdraw").status_code == 303
    assert status(case) == "withdrawn"
    assert browser.post("/binding/withdraw").status_code == 409
    with transaction(write=False):
        assert check_all() == []
        assert "binding:withdrawn" in db.session.scalars(sa.select(AuditEvent.tag)).all()
        bound = db.session.query(Employment).one().id
        assert open_items((BINDING, bound)) == []
    assert "选择单位" in browser.get("/binding").text
    assert ask(client_for, case).status_code == 303


def test_evidence_that_a_request_has_no_more_goes_unless_it_is_used_elsewhere(
    client_for: Any, case: Case
) -> None:
    with transaction():
        dropped, shared, kept = (an_upload(case.person).id for _ in range(3))
        db.session.add(RequestFile(business_type="x", business_id=1, position=1, file_id=shared))
    ask(client_for, case, evidence=[dropped, shared, kept])
    vet(client_for, case, "return", "请补充入职证明")
    assert ask(client_for, case, evidence=[kept]).status_code == 303
    with transaction(write=False):
        left = [db.session.get(StoredFile, each) is not None for each in (dropped, shared, kept)]
        assert left == [False, True, True]


@pytest.mark.parametrize(
    ("path", "found"), [("/binding", "pending"), ("/binding/withdraw", "cancelled")]
)
def test_a_request_of_an_earlier_diagram_goes_on_and_ends(
    client_for: Any, case: Case, path: str, found: str
) -> None:
    """Once it knew no outcome where a returned request is mended."""
    with transaction():
        old = definitions.current_version("unit_binding", "anhui")
        bundle = definitions.bundle_of(old)
        files = {name: without_a_parting(text) for name, text in bundle.files.items()}
        definitions.publish_version(
            "unit_binding", "", files, bundle.forms, actor_id=None, now=now()
        )
    ask(client_for, case)
    vet(client_for, case, "return", "请补充")
    browser = client_for(case.person)
    assert browser.post(path, {"unit_id": case.unit.id, "note": "已补充"}).status_code == 303
    assert status(case) == found
    with transaction(write=False):
        assert check_all() == []


def without_a_parting(text: str) -> bytes:
    before, mark, after = text.partition('<bpmn:userTask id="mend_binding"')
    declared = '<spiffworkflow:property name="outcomes" value="decision" />'
    return (before + mark + after.replace(declared, "", 1)).encode()
