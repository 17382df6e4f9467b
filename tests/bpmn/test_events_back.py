"""Events at the border of a task that lead straight back to it: each round is like the first."""

import pytest

from tests.bpmn.test_events import CALLED, DEFINED, FIVE_DAYS, INSIDE, happen, waits
from tests.engine.kit import (
    Office,
    boundary,
    call,
    diagram,
    end,
    flow,
    line,
    receives,
    start,
    times,
    user,
)


@pytest.mark.parametrize(
    ("inner", "host", "inside"),
    [
        (FIVE_DAYS, user("vet"), "vet"),
        (receives("told"), user("vet"), "vet"),
        (receives("told"), call("vet", "inner"), "ask"),
        (FIVE_DAYS, INSIDE, "ask"),
        (receives("told"), user("vet", times("1")), "vet"),
    ],
    ids=["timer", "message", "call", "subprocess", "multi-instance"],
)
def test_an_event_that_leads_straight_back_to_its_task_takes_it_away_every_time(
    office: Office, inner: str, host: str, inside: str
) -> None:
    drawn = diagram(
        "p", start(), host, boundary("happened", "vet", inner), user("last"), end(),
        line("begun", "vet", "last", "ended"), flow("happened", "vet"), extra=DEFINED,
    )  # fmt: skip
    office.publish(CALLED, drawn, key="p")
    instance = office.begin("p")
    sizes = []
    for _ in range(10):
        happen(office, inner)
        assert (office.open(), waits()) == ([inside], 1)
        sizes.append(len(office.instance(instance).state))
    assert max(sizes[1:]) < 1.1 * min(sizes[1:])
    office.do(inside)
    if inside == "ask":
        office.do("answer")
    assert (office.open(), waits()) == (["last"], 0)
    office.do("last")
    assert office.status(instance) == "completed"
