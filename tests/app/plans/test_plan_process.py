from collections.abc import Callable
from datetime import date

import pytest

from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden
from app.engine import deadlines, runtime
from app.engine.models import ProcessInstance, StepLog, Timer
from app.plans import operations, queries
from app.plans.models import Plan
from tests.builders.flow import do, drain, open_items
from tests.builders.people import staff
from tests.builders.plans import a_running_plan, an_instant

pytestmark = pytest.mark.usefixtures("app")
Move = Callable[..., None]


def a_plan_before_its_publication(at: Move) -> tuple[str, int]:
    at(an_instant("2026-10-18 09:00"))
    with transaction():
        plan = a_running_plan()
        return ("plan", plan.id)


def status(business: tuple[str, int]) -> str:
    with transaction(write=False):
        return queries.get_plan(business[1]).status


def reach(at: Move, text: str) -> None:
    at(an_instant(text))
    drain()


def checked(at: Move) -> tuple[str, int]:
    business = a_plan_before_its_publication(at)
    do(business, "configure_plan")
    do(business, "check_plan", {"decision": "pass", "opinion": "同意"})
    return business


def test_the_scheduler_publishes_opens_and_closes_a_checked_plan(at: Move) -> None:
    business = checked(at)
    assert status(business) == "checked"
    for moment, expected in (
        ("2026-10-26 07:59", "checked"),
        ("2026-10-26 08:00", "published"),
        ("2026-11-03 07:59", "published"),
        ("2026-11-03 08:00", "open"),
        ("2026-12-01 17:29", "open"),
        ("2026-12-01 17:30", "closed"),
    ):
        reach(at, moment)
        assert status(business) == expected
    with transaction(write=False):
        assert _instance(business).status == "completed"


def _instance(business: tuple[str, int]) -> ProcessInstance:
    return db.session.query(ProcessInstance).filter_by(business_id=business[1]).one()


def test_a_scheduler_that_slept_catches_up_in_one_go(at: Move) -> None:
    business = checked(at)
    reach(at, "2027-01-05 09:00")
    assert status(business) == "closed"


def test_a_returned_plan_comes_back_to_its_organiser(at: Move) -> None:
    business = a_plan_before_its_publication(at)
    do(business, "configure_plan")
    do(business, "check_plan", {"decision": "return", "opinion": "时间安排有误"})
    with transaction(write=False):
        assert [item.node for item in open_items(business)] == ["configure_plan"]
    with transaction():
        plan = queries.get_plan(business[1])
        by = staff(plan.organiser_unit, "organiser")
        values = {"publish_at": "2026-10-28T08:00"}
        operations.save_plan(plan, values, actor=by, now=now())
    do(business, "configure_plan")
    do(business, "check_plan", {"decision": "pass"})
    reach(at, "2026-10-26 08:00")
    assert status(business) == "checked"
    reach(at, "2026-10-28 08:00")
    assert status(business) == "published"


def test_an_extended_deadline_makes_the_process_wait_again(at: Move) -> None:
    business = checked(at)
    reach(at, "2026-11-20 09:00")
    with transaction():
        plan = queries.get_plan(business[1])
        _extend(plan, "2026-12-04 17:30", date(2026, 12, 11))
    reach(at, "2026-12-01 17:30")
    assert status(business) == "open"
    with transaction():
        _extend(queries.get_plan(business[1]), "2026-12-08 17:30", date(2026, 12, 15))
    reach(at, "2026-12-04 17:30")
    assert status(business) == "open"
    reach(at, "2026-12-08 17:30")
    assert status(business) == "closed"


def _extend(plan: Plan, closes_at: str, due: date) -> None:
    by = staff(plan.organiser_unit, "organiser")
    moment = an_instant(closes_at)
    operations.extend_deadline(plan, moment, due, reason="系统维护", actor=by, now=now())


def test_who_configured_cannot_check_through_the_inbox_either(at: Move) -> None:
    business = a_plan_before_its_publication(at)
    configurer = do(business, "configure_plan")
    with transaction() as unit:
        unit.rollback_only = True
        item = open_items(business, "check_plan")[0]
        with pytest.raises(Forbidden):
            runtime.complete(item, {"decision": "pass"}, actor_id=configurer.id, now=now())
    assert status(business) == "checking"


def test_the_flow_log_tells_what_happened(at: Move) -> None:
    checked(at)
    reach(at, "2027-01-05 09:00")
    with transaction(write=False):
        steps = db.session.query(StepLog).order_by(StepLog.id).all()
        words = [step.outcome for step in steps if step.outcome]
    assert words == ["提交核对", "核对通过", "已发布", "已开放", "已截止"]


def test_the_deadline_of_a_plan_is_not_moved_beside_the_plan(at: Move) -> None:
    business = checked(at)
    reach(at, "2026-11-03 08:00")
    with transaction(write=False):
        (timer,) = db.session.query(Timer).filter_by(instance_id=_instance(business).id)
    later = an_instant("2026-12-05 17:30")
    with pytest.raises(Conflict, match="在计划管理中延长"), transaction():
        deadlines.move_timer(timer.id, later, reason="延长", actor_id=None, now=now())
    reach(at, "2026-12-01 17:30")
    assert status(business) == "closed"
