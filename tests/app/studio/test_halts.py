"""暂停: whoever would work on a halted record is told why, and is offered nothing."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts.models import Notification, Person
from app.accounts.queries import live_grants
from app.core.clock import now
from app.core.db import db, transaction
from app.declarations import access, queries, review_views
from app.declarations.models import Declaration
from app.engine import care
from app.engine.models import ProcessInstance, WorkItem
from app.inbox.queries import open_counts
from app.portfolio import operations as portfolio
from app.portfolio import queries as items
from app.portfolio import withdrawals as taking_back
from app.units.models import Employment
from tests.app.declarations.kit import staff_of
from tests.app.inbox.conftest import Desk
from tests.app.inbox.test_home_modules import figure, module
from tests.builders import portfolio as build
from tests.builders.declarations import a_declaration, start
from tests.builders.flow import do
from tests.builders.people import a_person, a_unit, staff
from tests.builders.statements import statements_sent

Enter = Callable[..., Any]
SAID = "恢复前不能办理。原因：核实举报"


def halt(business: tuple[str, int]) -> None:
    with transaction():
        found = sa.select(ProcessInstance).where(
            ProcessInstance.business_type == business[0],
            ProcessInstance.business_id == business[1],
            ProcessInstance.status == "running",
        )
        for instance in db.session.scalars(found):
            care.suspend(instance, reason="核实举报", actor_id=None, now=now())


def applicant(declaration: Any) -> Person:
    with transaction(write=False):
        return declaration.person  # type: ignore[no-any-return]


def test_an_applicant_reads_on_the_declaration_why_it_is_halted(
    app: Any, client_for: Enter
) -> None:
    declaration = a_declaration("vet_declaration")
    url, browser = f"/declarations/{declaration.id}", client_for(applicant(declaration))
    assert f"{url}/withdraw" in browser.get(url).text
    office = client_for(staff_of(declaration.unit))
    assert url in module(office.get("/home").text, "待审核申报")
    halt(("declaration", declaration.id))
    assert url not in module(office.get("/home").text, "待审核申报")
    assert url in office.get("/declarations/review").text
    for page in (browser.get(url).text, browser.get("/declarations").text):
        assert SAID in page
        assert f"{url}/withdraw" not in page
        assert "可以撤回" not in page
    assert "已暂停" in browser.get("/home").text
    answer = browser.post(f"{url}/withdraw")
    assert (answer.status_code, SAID in answer.text) == (409, True)
    with transaction():
        for instance in db.session.scalars(sa.select(ProcessInstance)):
            if instance.status == "suspended":
                care.resume(instance, reason="举报不实", actor_id=None, now=now())
    page = browser.get(url).text
    assert SAID not in page
    assert f"{url}/withdraw" in page


def another_at_the_unit(declaration: Declaration) -> Declaration:
    """A later declaration of which the clerk of the same unit has a task."""
    with transaction():
        person = a_person("后来者", unit=declaration.unit)
        later = start(person, queries.get_declaration(declaration.id).plan)
        later.submitted_at = now()
        business = WorkItem.business_type == "declaration", WorkItem.business_id == later.id
        task = db.session.scalars(sa.select(WorkItem).where(*business)).one()
        task.scope_kind, task.scope_id, task.role = "org", declaration.unit_id, "unit_clerk"
        task.assignee_id, task.is_personal = None, False
    return later


def test_an_office_sees_halted_declarations_last_and_counts_none(
    app: Any, client_for: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    declaration = a_declaration("vet_declaration")
    later, clerk = another_at_the_unit(declaration), staff_of(declaration.unit)
    clerk_id, office = clerk.id, client_for(clerk)
    own, other = (f'href="/declarations/{each.id}"' for each in (declaration, later))

    def listed() -> tuple[bool, int, str]:
        page = office.get("/declarations/review").text
        is_first = page.index(own) < page.index(other)
        count = page.partition('class="tab-count">')[2].partition("<")[0]
        return is_first, page.count('btn-sm" href="/tasks/'), count

    assert listed() == (True, 2, "2")
    halt(("declaration", declaration.id))
    assert listed() == (False, 1, "1")
    page = office.get("/declarations/review").text
    assert page.count(">已暂停<") == 1
    with statements_sent() as sent:
        assert office.get("/declarations/review.csv").text.count("（已暂停）") == 1
    assert not [each for each in sent if "work_item.title" in each]
    # The first page tells of it too: the pager counts more than are to be done.
    monkeypatch.setattr(review_views, "PAGE_SIZE", 1)
    page = office.get("/declarations/review").text
    assert own not in page
    assert "其中 1 项已暂停，排在最后，恢复前不能办理，不计入待审核" in page
    assert "项已暂停" not in office.get("/declarations/review?q=后来者").text
    with transaction(write=False):
        reviewer = access.reviewer(clerk_id, now())
        todo = queries.reviewed_by(reviewer, queries.Filters(), waiting=True, halted=False)
    # Where none is halted nothing is sorted by that.
    assert "process_instance" not in str(todo).partition("ORDER BY")[2]


def test_a_halted_declaration_is_filled_in_but_not_sent(app: Any, client_for: Enter) -> None:
    declaration = a_declaration("fill_declaration")
    url, browser = f"/declarations/{declaration.id}", client_for(applicant(declaration))
    check = f"{url}/fill/submit?checked=1"
    if browser.get(check).status_code != 200:
        check = f"{url}/submit?checked=1"
    ready = 'data-confirm="提交后不能修改'
    assert ready in browser.get(check).text
    halt(("declaration", declaration.id))
    page = browser.get(check).text
    assert SAID in page
    assert ready not in page
    assert browser.post(f"{url}/submit").status_code in {409, 422}


def test_a_clerk_reads_why_a_task_is_halted_and_gets_no_form(
    desk: Desk, client_for: Enter
) -> None:
    clerk, person_id = client_for(desk.clerk), desk.clerk.id
    clerk.get(desk.url)
    with transaction(write=False):
        number = db.session.scalars(sa.select(Employment.id)).one()
    halt(("employment", number))
    page = clerk.get(desk.url)
    assert page.status_code == 200
    assert SAID in page.text
    assert 'name="decision"' not in page.text
    listed = clerk.get("/tasks").text
    assert "已暂停" in listed
    assert "批量办理" not in listed
    assert "不计入待办" in listed
    with statements_sent() as sent:
        home = clerk.get("/home").text
    # Once for the menu, the list and what is halted, and thrice for the figures of the unit.
    assert len([each for each in sent if "count(work_item.id)" in each.partition("FROM")[0]]) == 4
    assert "另有 1 项" in home
    assert "已暂停" in home
    assert 'class="badge text-bg-danger"' not in home
    assert figure(home, "待办任务") == 0
    with transaction(write=False):
        mine = (person_id, live_grants(person_id, now()))
        assert open_counts(*mine) == (0, 1)
    answer = clerk.post(desk.url, {"decision": "pass", "opinion": "同意"})
    assert (answer.status_code, SAID in answer.text) == (409, True)
    answer = clerk.post("/tasks/batch", {"id": desk.items, "decision": "pass"})
    assert answer.status_code == 422


def test_who_asked_to_be_bound_reads_it_and_cannot_send_again(
    desk: Desk, client_for: Enter
) -> None:
    with transaction(write=False):
        binding = db.session.scalars(sa.select(Employment)).one()
        person = binding.person
    business = ("employment", binding.id)
    do(business, "vet_binding", {"decision": "return", "opinion": "请补充"})
    assert "提交申请" in client_for(person).get("/binding?q=青禾").text
    halt(business)
    page = client_for(person).get("/binding?q=青禾").text
    assert SAID in page
    assert "提交申请" not in page


def test_the_owner_of_an_item_and_its_unit_read_it(app: Any, client_for: Enter) -> None:
    with transaction():
        unit = a_unit()
        item = build.a_submitted_item(a_person(unit=unit))
        owner, url, clerk = item.person, f"/portfolio/{item.id}", staff(unit, "unit_clerk")
    halt((portfolio.BUSINESS, item.id))
    assert SAID in client_for(owner).get(url).text
    page = client_for(clerk).get(url).text
    assert SAID in page
    assert "去审核" not in page


def test_the_archive_marks_halted_items_and_offers_them_to_nobody(
    app: Any, client_for: Enter
) -> None:
    with transaction():
        unit = a_unit()
        person = a_person(unit=unit)
        asked = items.item_of(build.an_approved_item(person).item_id)
        taking_back.request_withdrawal(asked, "盖章有误", actor=person, now=now())
        first, second = (build.a_submitted_item(person) for _ in range(2))
        tasks = [build.review_task(each).id for each in (first, second)]
        person = staff(unit, "unit_clerk")
    clerk = client_for(person)
    archive, withdrawals = "/portfolio/archive", "/portfolio/withdrawals"
    page = clerk.get(archive).text
    assert all(f"/tasks/{task}" in page for task in tasks)
    assert "逐项审核（2）" in page
    assert "有 1 项撤回申请等待审核" in page
    assert ">审核<span" in clerk.get(withdrawals).text
    for each in (first, asked):
        halt((portfolio.BUSINESS, each.id))
    page = clerk.get(archive).text
    assert [f"/tasks/{task}" in page for task in tasks] == [False, True]
    assert [f'name="id" value="{task}"' in page for task in tasks] == [False, True]
    assert page.count(">已暂停<") == 1
    assert "逐项审核（1）" in page
    assert "项撤回申请等待审核" not in page
    page = clerk.get(withdrawals).text
    assert ">已暂停<" in page
    assert ">审核<span" not in page
    assert f"/tasks/{tasks[1]}" in clerk.get(f"{archive}/next").location
    assert clerk.get(f"{archive}/next?after={tasks[1]}").location == archive
    # Whoever ticked it before is told why it was not done.
    answer = clerk.post(archive, {"id": tasks[:1], "decision": "pass"}, follow_redirects=True)
    assert SAID in answer.text


def test_a_returned_item_is_typed_but_not_sent(app: Any, client_for: Enter) -> None:
    with transaction():
        item = build.a_submitted_item(a_person(unit=a_unit()))
        build.vet(item, "return", "缺少盖章")
        owner, url = item.person, f"/portfolio/{item.id}"
    send = 'value="submit" class="btn btn-primary">'
    assert send in client_for(owner).get(url).text
    halt((portfolio.BUSINESS, item.id))
    page = client_for(owner).get(url).text
    assert SAID in page
    assert send not in page


def test_who_started_it_is_told_of_the_halt_and_of_its_end(
    app: Any, client_for: Enter, admin: Person
) -> None:
    declaration = a_declaration("vet_declaration")
    person = applicant(declaration)
    with transaction(write=False):
        found = sa.select(ProcessInstance.id).where(
            ProcessInstance.business_id == declaration.id,
            ProcessInstance.status == "running",
            ProcessInstance.business_type == "declaration",
        )
        url = f"/studio/instances/{db.session.scalars(found).one()}"
    for act in ("suspend", "resume"):
        sent = client_for(admin).post(url, {"act": act, "reason": "核实举报"})
        assert sent.status_code == 303
    with transaction(write=False):
        of_person = sa.select(Notification).where(Notification.person_id == person.id)
        told = [each.text for each in db.session.scalars(of_person.order_by(Notification.id))]
        addresses = {each.url for each in db.session.scalars(of_person)}
    assert "流程已暂停，恢复前不能办理。原因：核实举报" in told[-2]
    assert "流程已恢复，可以继续办理" in told[-1]
    assert f"/declarations/{declaration.id}" in addresses
