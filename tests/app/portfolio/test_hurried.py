"""Times that come within a second, as the app plays them: tasks go and come, nothing is lost."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from app.accounts.models import Person
from app.core.clock import now, set_clock
from app.core.db import db, transaction
from app.core.invariants import check_all
from app.engine import definitions
from app.engine.models import Incident, ProcessInstance, StepLog, Timer, WorkItem
from app.portfolio import operations
from app.portfolio.models import PortfolioItem
from app.units.models import Unit
from tests.bpmn.edits import Edited
from tests.builders import portfolio as build
from tests.builders.flow import drain

Sign = Callable[..., Any]
SECONDS = timedelta(seconds=2)


def sent_with(person: Person, school: Unit, time: str, target: str, **attributes: str) -> int:
    """An item that is vetted with a time at the border of the task."""
    edited = Edited("portfolio_audit").timed("late", "vet_item", time, target, **attributes)
    form = (definitions.ROOT / "forms/vet_item.yaml").read_text("utf-8")
    with transaction():
        definitions.publish_version(
            operations.PROCESS,
            school.jurisdiction,
            {edited.file: edited.bytes()},
            {"vet_item": form},
            actor_id=None,
            now=now(),
        )
        return build.a_submitted_item(db.session.merge(person), "work").id


def later(*, fired: bool = True) -> None:
    with transaction():
        set_clock(now() + SECONDS)
    if fired:
        drain()


def tasks(item_id: int) -> list[WorkItem]:
    with transaction(write=False):
        db.session.expire_all()
        ours = WorkItem.business_type == operations.BUSINESS, WorkItem.business_id == item_id
        return list(db.session.scalars(select(WorkItem).where(*ours).order_by(WorkItem.id)))


def states(item_id: int) -> list[str]:
    return [task.status for task in tasks(item_id)]


def rest(item_id: int) -> tuple[str, int, int, list[Any]]:
    """How an item stands, what still waits, what went wrong, which laws are broken."""
    with transaction(write=False):
        waiting, failed = (
            db.session.scalar(select(func.count()).select_from(each)) for each in (Timer, Incident)
        )
        status = db.session.get_one(PortfolioItem, item_id).status
        return status, waiting or 0, failed or 0, check_all()


def send_again(item_id: int) -> None:
    with transaction():
        item = db.session.get_one(PortfolioItem, item_id)
        operations.save_fields(item, {"post": "校长"}, actor=item.person, now=now())
        operations.submit_item(item, actor=item.person, now=now())


def test_a_task_that_each_second_takes_away_is_done_all_the_same(
    clerk: Person, teacher: Person, school: Unit, client_for: Sign
) -> None:
    item_id, browser, sizes = sent_with(teacher, school, "PT1S", "vet_item"), client_for(clerk), []
    for number in (1, 2, 3):
        former = f"/tasks/{tasks(item_id)[-1].id}"
        assert 'name="decision"' in browser.get(former).text
        later()
        assert states(item_id) == ["cancelled"] * number + ["open"]
        assert "该任务已被撤回或取消" in browser.get(former).text
        assert browser.post(former, {"decision": "pass"}).status_code == 409
        assert browser.get("/tasks").text.count(f'href="/tasks/{tasks(item_id)[-1].id}"') == 1
        with transaction(write=False):
            sizes.append(len(db.session.scalars(select(ProcessInstance.state)).one()))
    assert max(sizes) < 1.1 * min(sizes)
    for decision in ("return", "pass"):
        later(fired=False)
        task = f"/tasks/{tasks(item_id)[-1].id}"
        answer = browser.post(task, {"decision": decision, "opinion": "请补盖章页"})
        assert answer.status_code == 303, "who is quicker than the worker is heard"
        drain()
        if decision == "return":
            later()
            send_again(item_id)
    assert rest(item_id) == ("approved", 0, 0, [])


def test_what_comes_beside_a_task_comes_as_often_as_it_is_drawn(
    clerk: Person, teacher: Person, school: Unit, client_for: Sign
) -> None:
    for time, times in (("PT1S", 1), ("R2/PT1S", 2)):
        item_id = sent_with(teacher, school, time, "approved", cancelActivity="false")
        with transaction(write=False):
            begun = db.session.scalar(select(func.count(StepLog.id))) or 0
        for _ in range(3):
            later()
        with transaction(write=False):
            lines = db.session.scalars(select(StepLog.node).order_by(StepLog.id)).all()
        assert sorted(lines[begun:]) == ["approved"] * times + ["late"] * times
        assert states(item_id) == ["open"]
        task = f"/tasks/{tasks(item_id)[-1].id}"
        assert client_for(clerk).post(task, {"decision": "pass"}).status_code == 303
        drain()
        assert rest(item_id) == ("approved", 0, 0, [])
