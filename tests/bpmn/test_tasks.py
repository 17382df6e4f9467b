"""Tasks, calls and decision tables as docs/bpmn-support.md promises them.

The office stores the instance as bytes after each step and reads it back before the next.
"""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from app.core.db import db, transaction
from app.engine import handlers
from app.engine.incidents import StepFailed
from app.engine.models import WorkItem
from tests.engine.kit import (
    Office,
    call,
    decides,
    diagram,
    end,
    line,
    service,
    start,
    subprocess,
    table,
    user,
)


def straight(*nodes: str, names: str, key: str = "p", extra: str = "") -> dict[str, bytes]:
    """Start, these nodes one after the other, end."""
    return diagram(
        key, start(), *nodes, end(), line("begun", *names.split(), "ended"), extra=extra
    )


def test_a_user_task_waits_for_a_person_and_takes_the_answers(office: Office) -> None:
    office.publish(straight(user("fill"), user("vet"), names="fill vet"), key="p")
    instance = office.begin("p")
    office.do("fill", decision="pass")
    assert office.open() == ["vet"]
    assert office.data("vet")["decision"] == "pass"
    office.do("vet")
    assert office.status(instance) == "completed"


def test_a_manual_task_waits_for_a_person_like_a_user_task(office: Office) -> None:
    manual = user("carry_files").replace("userTask", "manualTask")
    office.publish(straight(manual, user("vet"), names="carry_files vet"), key="p")
    office.begin("p")
    assert office.open() == ["carry_files"]
    with transaction(write=False):
        item = db.session.scalars(sa.select(WorkItem)).one()
        assert (item.form, item.role) == ("carry_files", "unit_clerk")
    office.do("carry_files")
    assert office.open() == ["vet"]


def test_a_service_task_runs_its_handler_between_two_people(office: Office) -> None:
    @handlers.service("count")
    def count(step: handlers.Step) -> handlers.Outcomes:
        return {"rounds": 1 + int(str(step.data.get("rounds", 0)))}

    office.publish(
        straight(user("fill"), service("act", "count", "rounds"), user("vet"),
                 names="fill act vet"),
        key="p",
    )  # fmt: skip
    office.begin("p", rounds=4)
    office.do("fill")
    assert office.data("vet")["rounds"] == 5


def test_a_called_process_works_on_the_data_of_its_caller(office: Office) -> None:
    inner = straight(user("ask"), user("answer"), names="ask answer", key="inner")
    office.publish(
        inner, straight(user("fill"), call("sub", "inner"), user("vet"), names="fill sub vet"),
        key="p",
    )  # fmt: skip
    instance = office.begin("p", round=3)
    office.do("fill")
    assert office.data("ask")["round"] == 3
    office.do("ask", decision="return")
    office.do("answer", decision="told")
    assert office.data("vet")["decision"] == "told"
    office.do("vet")
    assert office.status(instance) == "completed"


def test_an_embedded_subprocess_works_on_the_data_around_it(office: Office) -> None:
    inside = subprocess(
        "sub", start("s"), user("ask"), user("answer"), end("e"), line("s", "ask", "answer", "e")
    )
    office.publish(straight(user("fill"), inside, user("vet"), names="fill sub vet"), key="p")
    instance = office.begin("p")
    for node in ("fill", "ask", "answer", "vet"):
        assert office.open() == [node]
        office.do(node, decision=f"after {node}")
    assert office.status(instance) == "completed"


def test_subprocesses_and_calls_go_several_levels_deep(office: Office) -> None:
    deepest = subprocess("in_2", start("s2"), user("ask"), end("e2"), line("s2", "ask", "e2"))
    inner = straight(
        subprocess("in_1", start("s1"), deepest, end("e1"), line("s1", "in_2", "e1")),
        names="in_1", key="inner",
    )  # fmt: skip
    office.publish(inner, straight(call("sub", "inner"), user("vet"), names="sub vet"), key="p")
    office.begin("p")
    office.do("ask", decision="deep")
    assert office.data("vet")["decision"] == "deep"


Grading = Callable[..., Office]


@pytest.fixture
def grading(office: Office) -> Grading:
    """Publish fill, a decision table over `points`, and vet; start and fill."""

    def play(policy: str, *rows: tuple[str, str], points: object) -> Office:
        rules = table("grade", policy, ["points"], ["level"], *rows)
        office.publish(
            rules, straight(user("fill"), decides("judge", "grade"), user("vet"),
                            names="fill judge vet"),
            key="p",
        )  # fmt: skip
        office.begin("p", points=points, level="of an earlier round")
        office.do("fill")
        return office

    return play


ROWS = ((">= 90", '"excellent"'), ("60 <= ? < 95", '"good"'), ("-", '"poor"'))


@pytest.mark.parametrize(("points", "level"), [(99, "excellent"), (92, "excellent"), (61, "good"),
                                               (10, "poor")])  # fmt: skip
def test_a_first_table_takes_the_first_row_that_fits(
    grading: Grading, points: int, level: str
) -> None:
    assert grading("FIRST", *ROWS, points=points).data("vet")["level"] == level


def test_a_first_table_looks_at_nothing_below_the_row_that_fits(grading: Grading) -> None:
    rows = (("None", '"not scored"'), ("> 5", '"good"'))
    assert grading("FIRST", *rows, points=None).data("vet")["level"] == "not scored"


def test_a_unique_table_takes_the_only_row_that_fits(grading: Grading) -> None:
    assert grading("UNIQUE", *ROWS[:2], points=96).data("vet")["level"] == "excellent"


def test_a_unique_table_with_two_rows_that_fit_stops_the_step_as_an_incident(
    grading: Grading, office: Office
) -> None:
    with pytest.raises(StepFailed) as failed:
        grading("UNIQUE", *ROWS[:2], points=92)
    assert "第 1、2 行都符合" in str(failed.value.cause)
    assert failed.value.node == "judge"
    assert office.open() == ["fill"]


def test_a_table_without_a_row_that_fits_leaves_no_answer_of_an_earlier_round(
    grading: Grading,
) -> None:
    assert grading("UNIQUE", *ROWS[:2], points=10).data("vet")["level"] is None


def test_a_collect_table_lists_the_answers_of_all_rows_that_fit(grading: Grading) -> None:
    office = grading("COLLECT", *ROWS, ("92", '"poor"'), points=92)
    assert office.data("vet")["level"] == ["excellent", "good", "poor", "poor"]


def test_a_collect_table_without_a_row_that_fits_lists_nothing(grading: Grading) -> None:
    assert grading("COLLECT", *ROWS[:2], points=10).data("vet")["level"] == []


@pytest.mark.parametrize(("cell", "fits"), [('"a"', True), ('"a", "b"', True), ('"b", "c"', False),
                                            ('!= "a"', False), ('? in ["a"]', True),
                                            ('"?"', False), ("", True)])  # fmt: skip
def test_a_cell_is_a_value_several_a_comparison_or_a_question(
    grading: Grading, cell: str, fits: bool
) -> None:
    office = grading("FIRST", (cell, "1 + 1"), points="a")
    assert office.data("vet")["level"] == (2 if fits else None)


def test_a_cell_that_python_would_run_is_refused_at_run_time(
    grading: Grading, office: Office
) -> None:
    with pytest.raises(StepFailed):
        grading("FIRST", ("-", '__import__("os").getpid()'), points=1)
    assert office.open() == ["fill"]
