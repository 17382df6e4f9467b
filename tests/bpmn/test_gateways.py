"""Gateways and loops as docs/bpmn-support.md promises them, stored and read between all steps."""

import pytest

from app.engine import handlers
from tests.engine.kit import (
    Office,
    call,
    catch,
    choice,
    diagram,
    end,
    flow,
    gate,
    gathers,
    line,
    many,
    message,
    receives,
    service,
    start,
    subprocess,
    timer,
    times,
    user,
)

RETURN, AGAIN = 'decision == "return"', 'decision == "again"'


def asked_again(*parts: str) -> dict[str, bytes]:
    """`fill`, then what is given up to `vet`, which may send everything back to `fill`."""
    return diagram(
        "p", start(), user("fill"), *parts, user("vet"), choice("is_good", "good"), end(),
        flow("begun", "fill"), line("vet", "is_good"), flow("is_good", "ended", flow_id="good"),
        flow("is_good", "fill", RETURN),
    )  # fmt: skip


def branches(kind: str, first: str = "", second: str = "") -> list[str]:
    """A split into `b` and `c` and their join, of one kind, between `fill` and `vet`."""
    default = "neither" if kind == "inclusive" else ""
    direct = [flow("split", "join", flow_id="neither")] if default else []
    return [
        gate(kind, "split", default), gate(kind, "join"), user("b"), user("c"), *direct,
        flow("fill", "split"), flow("split", "b", first), flow("split", "c", second),
        line("b", "join"), line("c", "join", "vet"),
    ]  # fmt: skip


def test_an_exclusive_gateway_takes_the_first_branch_that_holds(office: Office) -> None:
    drawn = diagram(
        "p", start(), user("fill"), choice("which", "other"), user("a"), user("b"), user("c"),
        end(), line("begun", "fill", "which"), flow("which", "a", "points >= 90"),
        flow("which", "b", "points >= 60"), flow("which", "c", flow_id="other"),
        line("a", "ended"), line("b", "ended"), line("c", "ended"),
    )  # fmt: skip
    office.publish(drawn, key="p")
    for number, points, branch in ((1, 95, "a"), (2, 70, "b"), (3, 10, "c")):
        instance = office.begin("p", business=("case", number), points=points)
        office.do("fill")
        assert office.open() == [branch]
        office.do(branch)
        assert office.status(instance) == "completed"


def test_a_parallel_join_waits_for_all_branches(office: Office) -> None:
    office.publish(asked_again(*branches("parallel")), key="p")
    instance = office.begin("p")
    office.do("fill")
    assert office.open() == ["b", "c"]
    office.do("c")
    assert office.open() == ["b"]
    office.do("b")
    assert office.open() == ["vet"]
    office.do("vet", decision="pass")
    assert office.status(instance) == "completed"


def test_a_parallel_join_waits_for_all_branches_in_every_round(office: Office) -> None:
    office.publish(asked_again(*branches("parallel")), key="p")
    office.begin("p")
    for first, second in (("b", "c"), ("c", "b"), ("b", "c")):
        office.do("fill")
        office.do(first, decision="pass")
        assert office.open() == [second]
        office.do(second, decision="pass")
        assert office.open() == ["vet"]
        office.do("vet", decision="return")


def test_a_join_keeps_what_each_branch_has_changed(office: Office) -> None:
    parts = branches("parallel")
    parts[2] = user("b", outcomes="decision,b_said")
    office.publish(asked_again(*parts), key="p")
    office.begin("p", decision="old")
    office.do("fill", decision="filled")
    office.do("b", decision="by b")
    office.do("c", decision="filled")  # c has changed nothing
    assert office.data("vet")["decision"] == "by b"


def nested(outer: str = "parallel") -> dict[str, bytes]:
    """Beside `slow`, a return loop with a fork of its own."""
    return diagram(
        "p", start(), gate(outer, "fork"), user("slow"), user("fill"), *branches("parallel"),
        user("vet"), choice("is_good", "good"), gate(outer, "meet"), user("last"), end(),
        line("begun", "fork", "slow", "meet", "last", "ended"), flow("fork", "fill"),
        line("vet", "is_good"), flow("is_good", "meet", flow_id="good"),
        flow("is_good", "fill", RETURN),
    )  # fmt: skip


def test_a_join_in_a_loop_beside_an_open_branch_waits_in_every_round(office: Office) -> None:
    office.publish(nested(), key="p")
    office.begin("p")
    for _ in range(3):
        office.do("fill")
        office.do("c")
        assert sorted(office.open()) == ["b", "slow"]
        office.do("b")
        assert sorted(office.open()) == ["slow", "vet"]
        office.do("vet", decision="return")
    office.do("slow")
    assert office.open() == ["fill"]


def test_a_token_at_a_join_outlives_a_fork_inside_another_branch(office: Office) -> None:
    drawn = diagram(
        "p", start(), gate("parallel", "fork"), user("b"), user("fill"),
        gate("parallel", "fork_2"), user("c"), user("d"), gate("parallel", "join"), user("vet"),
        end(), line("begun", "fork", "b", "join", "vet", "ended"),
        line("fork", "fill", "fork_2", "c", "join"), line("fork_2", "d", "join"),
    )  # fmt: skip
    office.publish(drawn, key="p")
    office.begin("p")
    for node in ("b", "fill", "c"):
        office.do(node)
    assert office.open() == ["d"]
    office.do("d")
    assert office.open() == ["vet"]


@pytest.mark.parametrize(("points", "opened"), [(0, ["vet"]), (1, ["b"]), (2, ["b", "c"])])
def test_an_inclusive_gateway_opens_and_awaits_the_branches_that_hold(
    office: Office, points: int, opened: list[str]
) -> None:
    office.publish(asked_again(*branches("inclusive", "points >= 1", "points >= 2")), key="p")
    office.begin("p", points=points)
    office.do("fill")
    assert office.open() == opened
    while office.open() != ["vet"]:
        office.do(office.open()[0])


def test_an_inclusive_join_in_a_loop_waits_in_every_round_for_the_branches_of_that_round(
    office: Office,
) -> None:
    parts = branches("inclusive", 'decision != "only c"', 'decision != "only b"')
    office.publish(asked_again(*parts), key="p")
    office.begin("p")
    for said, opened in (("both", ["b", "c"]), ("only c", ["c"]), ("both", ["b", "c"]),
                         ("only b", ["b"])):  # fmt: skip
        office.do("fill", decision=said)
        assert office.open() == opened
        for left in range(len(opened), 0, -1):
            assert len(office.open()) == left
            office.do(opened[left - 1])
        assert office.open() == ["vet"]
        office.do("vet", decision="return")


def test_an_inclusive_join_waits_for_a_loop_before_it(office: Office) -> None:
    """A token that goes round in a loop upstream still comes, however often it goes round."""
    drawn = diagram(
        "p", start(), gate("inclusive", "split", "d"), user("b"), user("c"),
        choice("enough", "yes"), gate("inclusive", "join"), user("vet"), end(),
        line("begun", "split"), flow("split", "b", "1 == 1"), flow("split", "c", "1 == 1"),
        flow("split", "join", flow_id="d"), line("b", "enough"), flow("enough", "b", AGAIN),
        flow("enough", "join", flow_id="yes"), line("c", "join", "vet", "ended"),
    )  # fmt: skip
    office.publish(drawn, key="p")
    office.begin("p")
    office.do("c")
    for _ in range(3):
        office.do("b", decision="again")
        assert office.open() == ["b"]
    office.do("b")
    assert office.open() == ["vet"]


def test_an_inclusive_join_no_longer_waits_for_a_branch_that_went_elsewhere(
    office: Office,
) -> None:
    drawn = diagram(
        "p", start(), gate("inclusive", "split", "d"), user("b"), user("c"),
        choice("enough", "yes"), gate("inclusive", "join"), user("vet"), end(), end("given_up"),
        line("begun", "split"), flow("split", "b", "1 == 1"), flow("split", "c", "1 == 1"),
        flow("split", "join", flow_id="d"), line("b", "enough"),
        flow("enough", "given_up", RETURN),
        flow("enough", "join", flow_id="yes"), line("c", "join", "vet", "ended"),
    )  # fmt: skip
    office.publish(drawn, key="p")
    instance = office.begin("p")
    office.do("c")
    assert office.open() == ["b"]
    office.do("b", decision="return")
    assert office.open() == ["vet"]
    office.do("vet")
    assert office.status(instance) == "completed"


def test_an_event_gateway_goes_with_the_first_event_in_every_round(office: Office) -> None:
    drawn = diagram(
        "p", start(), user("fill"), gate("eventBased", "either"),
        catch("over", timer('"P5D"', "timeDuration")), catch("objected", receives("objection")),
        user("hear"), user("confirm"), end(), line("begun", "fill", "either", "over", "confirm"),
        line("either", "objected", "hear", "fill"), line("confirm", "ended"),
        extra=message("objection"),
    )  # fmt: skip
    office.publish(drawn, key="p")
    office.begin("p")
    for _ in range(2):
        office.do("fill")
        assert office.open() == []
        office.tell("objection")
        assert office.open() == ["hear"]
        assert office.later(days=9) == 0
        office.do("hear")
    office.do("fill")
    assert office.later(days=4) == 0
    assert office.later(days=1) == 1
    assert office.open() == ["confirm"]


def each(marker: str, **values: str) -> dict[str, bytes]:
    """A multi-instance `each` between `fill` and `vet`, within a return loop."""
    return asked_again(user("each", marker, **values), line("fill", "each", "vet"))


def test_a_parallel_multi_instance_opens_one_task_for_each_id(office: Office) -> None:
    office.publish(each(many("ids", "one")), key="p")
    office.begin("p", ids=[7, 8, 9])
    office.do("fill")
    assert office.open() == ["each"] * 3
    assert office.data("each")["one"] == 7
    for left in (2, 1, 0):
        office.do("each")
        assert office.open() == (["each"] * left or ["vet"])


def test_a_sequential_multi_instance_opens_one_task_after_the_other(office: Office) -> None:
    office.publish(each(many("ids", "one", one_by_one=True)), key="p")
    office.begin("p", ids=[7, 8, 9])
    office.do("fill")
    for one in (7, 8, 9):
        assert office.open() == ["each"]
        assert office.data("each")["one"] == one
        office.do("each")
    assert office.open() == ["vet"]


@pytest.mark.parametrize("one_by_one", [False, True])
def test_a_multi_instance_may_count_by_an_expression(office: Office, one_by_one: bool) -> None:
    office.publish(each(times("len(ids) - 1", one_by_one=one_by_one)), key="p")
    office.begin("p", ids=[7, 8, 9])
    office.do("fill")
    assert office.open() == ["each"] * (1 if one_by_one else 2)
    office.do("each")
    office.do("each")
    assert office.open() == ["vet"]


@pytest.mark.parametrize("one_by_one", [False, True])
def test_a_multi_instance_over_nothing_goes_on_at_once(office: Office, one_by_one: bool) -> None:
    office.publish(each(many("ids", "one", one_by_one=one_by_one)), key="p")
    office.begin("p", ids=[])
    office.do("fill")
    assert office.open() == ["vet"]


@pytest.mark.parametrize("one_by_one", [False, True])
def test_a_completion_condition_ends_a_multi_instance_early(
    office: Office, one_by_one: bool
) -> None:
    until = "<bpmn:completionCondition>decision == 'no'</bpmn:completionCondition>"
    office.publish(each(many("ids", "one", one_by_one=one_by_one, more=until)), key="p")
    office.begin("p", ids=[7, 8, 9])
    office.do("fill")
    office.do("each", decision="yes")
    office.do("each", decision="no")
    assert office.open() == ["vet"]


@pytest.mark.parametrize("one_by_one", [False, True])
def test_an_output_collection_is_gathered_anew_in_every_round(
    office: Office, one_by_one: bool
) -> None:
    reference, item = gathers("said", "decision")
    marker = many("ids", "one", one_by_one=one_by_one).replace(
        '<bpmn:inputDataItem id="one" name="one"/>',
        f'{reference}<bpmn:inputDataItem id="one" name="one"/>{item}',
    )
    office.publish(each(marker), key="p")
    office.begin("p", ids=[7, 8, 9])
    for answers in (["yes", "no", "yes"], ["no", "no", "no"]):
        office.do("fill")
        for answer in answers:
            office.do("each", decision=answer)
        assert office.data("vet")["said"] == answers
        office.do("vet", decision="return")


def of_two_groups(marker: str) -> dict[str, bytes]:
    """For each of several a service that may change what is known, and then a person."""
    inner = subprocess(
        "each", marker, start("in"), service("note", "note", "seen,mark"), user("ask"), end("out"),
        line("in", "note", "ask", "out"),
    )  # fmt: skip
    return diagram("p", start(), inner, user("vet"), end(), line("begun", "each", "vet", "ended"))


@pytest.mark.parametrize("one_by_one", [False, True])
def test_several_tasks_keep_what_each_has_changed(office: Office, one_by_one: bool) -> None:
    @handlers.service("note")
    def note(step: handlers.Step) -> handlers.Outcomes:
        return {"seen": str(step.data["one"])} if step.data["one"] == 7 else {"mark": "late"}

    office.publish(of_two_groups(many("ids", "one", one_by_one=one_by_one)), key="p")
    office.begin("p", ids=[7, 8], seen="nobody", mark="early")
    office.do("ask")
    office.do("ask")
    assert {**office.data("vet"), "decision": ""} == {
        "ids": [7, 8],
        "seen": "7",
        "mark": "late",
        "decision": "",
    }


def test_a_task_of_several_that_ends_late_undoes_nothing(office: Office) -> None:
    @handlers.service("note")
    def note(step: handlers.Step) -> handlers.Outcomes:
        return {"seen": "by the first", "mark": "x"} if step.data["one"] == 7 else {}

    office.publish(of_two_groups(many("ids", "one")), key="p")
    office.begin("p", ids=[7, 8, 9], seen="nobody", mark="y")
    for _ in range(3):
        office.do("ask")
    assert (office.data("vet")["seen"], office.data("vet")["mark"]) == ("by the first", "x")


@pytest.mark.parametrize("one_by_one", [False, True])
def test_a_multi_instance_opens_again_in_every_round(office: Office, one_by_one: bool) -> None:
    office.publish(each(many("ids", "one", one_by_one=one_by_one)), key="p")
    office.begin("p", ids=[7, 8])
    for _ in range(3):
        office.do("fill")
        office.do("each", decision="pass")
        office.do("each", decision="pass")
        office.do("vet", decision="return")


@pytest.mark.parametrize("one_by_one", [False, True])
def test_a_process_is_called_for_each_id(office: Office, one_by_one: bool) -> None:
    inner = diagram("inner", start(), user("ask"), end(), line("begun", "ask", "ended"))
    drawn = asked_again(
        call("each", "inner", many("ids", "one", one_by_one=one_by_one)),
        line("fill", "each", "vet"),
    )
    office.publish(inner, drawn, key="p")
    office.begin("p", ids=[7, 8])
    for _ in range(2):
        office.do("fill")
        assert office.data("ask")["one"] == 7
        office.do("ask")
        assert office.data("ask")["one"] == 8
        office.do("ask")
        office.do("vet", decision="return")


@pytest.mark.parametrize("one_by_one", [False, True])
def test_a_subprocess_runs_for_each_id(office: Office, one_by_one: bool) -> None:
    marker = many("ids", "one", one_by_one=one_by_one)
    inside = (start("s"), user("ask"), user("answer"), end("e"), line("s", "ask", "answer", "e"))
    drawn = asked_again(subprocess("each", *inside, marker), line("fill", "each", "vet"))
    office.publish(drawn, key="p")
    office.begin("p", ids=[7, 8])
    office.do("fill")
    for _ in range(2):
        office.do("ask")
        office.do("answer")
    assert office.open() == ["vet"]


def test_two_hundred_tasks_open_at_once_and_are_done_in_any_order(office: Office) -> None:
    office.publish(each(times("200")), key="p")
    office.begin("p")
    office.do("fill")
    assert len(office.open()) == 200
    office.do("each")
    assert len(office.open()) == 199
