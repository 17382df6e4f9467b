"""What a step costs: no more on the thirtieth return, little for a service, nothing read twice."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from app.core.db import db, transaction
from app.engine import definitions, handlers, runtime, state
from app.engine.models import WorkItem
from tests.builders.statements import statements_sent
from tests.builders.threads import together
from tests.engine.kit import CLERK, Office, diagram, end, line, reviewed, service, start, user


def cost_of(step: Callable[[], None]) -> int:
    with statements_sent() as sent:
        step()
    return len(sent)


def test_a_step_costs_as_many_statements_however_often_it_came_back(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    office.begin()
    office.do("fill")
    costs = []
    for _ in range(30):
        back = cost_of(lambda: office.do("vet", decision="return"))
        costs.append((back, cost_of(lambda: office.do("fill"))))
    assert set(costs) == {costs[0]}


def with_services(count: int) -> dict[str, bytes]:
    names = [f"auto_{number}" for number in range(count)]
    parts = (service(name, "look", "found") for name in names)
    drawn = diagram(
        "case", start(), user("fill"), *parts, user("sign"), end(),
        line("begun", "fill", *names, "sign", "ended"),
    )  # fmt: skip
    return dict(drawn)


def test_a_service_task_costs_three_statements_at_most(office: Office) -> None:
    handlers.service("look")(lambda _step: {"found": "yes", "_outcome": "已查找"})
    costs = {}
    for count in (0, 1, 5):
        office.publish(with_services(count), key="case")
        office.begin("case", business=("case", count))
        costs[count] = cost_of(lambda: office.do("fill"))
        office.do("sign")
    assert costs[1] <= costs[0] + 3
    assert costs[5] <= costs[0] + 15


def test_a_bundle_is_parsed_once_for_all_that_run_on_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.publish(reviewed(), key="case_review")
    monkeypatch.setattr(definitions, "_bundles", {})
    parsed: list[str] = []
    parse = definitions.parse

    def noted(files: dict[str, bytes], process_id: str) -> definitions.Specs:
        parsed.append(process_id)
        return parse(files, process_id)

    monkeypatch.setattr(definitions, "parse", noted)
    for number in (1, 2, 3):
        office.begin(business=("case", number))
        office.do("fill")
    assert parsed == ["case_review"]


def test_every_thread_writes_with_a_serializer_of_its_own(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    for number in (1, 2):
        office.begin(business=("case", number))
    with transaction(write=False):
        ids = db.session.scalars(sa.select(WorkItem.id).order_by(WorkItem.id)).all()
    used: list[object] = []

    def fill(item_id: int) -> Callable[[], None]:
        def act() -> None:
            used.append(state._codec.serializer)
            with transaction():
                runtime.complete(
                    db.session.get_one(WorkItem, item_id), {}, actor_id=CLERK, now=office.now
                )

        return act

    assert together(office.app, *map(fill, ids)) == [None, None]
    assert used[0] is not used[1]
    assert office.open() == ["vet", "vet"]
