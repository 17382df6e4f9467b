"""Processes that call each other thirty deep: they run, and each step costs what one step may."""

from app.engine.gate.bundle import MAX_FILES
from app.engine.gate.inspection import inspect
from tests.engine.gate_builder import KNOWN
from tests.engine.gate_costs import call_chain
from tests.engine.kit import Office, call, diagram, end, line, start, user

DEPTH = MAX_FILES


def thirty_deep() -> dict[str, bytes]:
    """Each process asks a person before it calls the next and after."""
    files = {}
    for number in range(DEPTH):
        last = number == DEPTH - 1
        inner = user("called") if last else call("called", f"p{number + 1}")
        files |= diagram(
            f"p{number}", start(), user(f"before{number}"), inner, user(f"after{number}"), end(),
            line("begun", f"before{number}", "called", f"after{number}", "ended"),
        )  # fmt: skip
    return files


def test_a_chain_of_calls_runs_down_and_up_again(office: Office) -> None:
    office.publish(thirty_deep(), key="p0")
    instance_id = office.begin("p0")
    for number in range(DEPTH):
        assert office.open() == [f"before{number}"]
        office.do(f"before{number}")
    office.do("called")
    sizes = []
    for number in reversed(range(DEPTH)):
        assert office.open() == [f"after{number}"]
        sizes.append(len(office.instance(instance_id).state))
        office.do(f"after{number}")
    assert office.status(instance_id) == "completed"
    # What has ended is forgotten: the state shrinks on the way up.
    assert sizes == sorted(sizes, reverse=True)


def test_a_chain_of_calls_passes_the_gate() -> None:
    verdict = inspect(call_chain(DEPTH), known=KNOWN)
    assert verdict.findings == ()
    assert len(verdict.process_ids) == DEPTH
