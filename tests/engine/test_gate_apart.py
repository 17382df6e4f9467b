"""Who judges what one of the same role has judged may be the same person: it is asked about."""

from dataclasses import replace

import pytest

from app.engine.contracts import Contract
from app.engine.gate.inspection import inspect
from tests.engine.gate_builder import (
    KNOWN,
    LANES,
    Drawing,
    element,
    event,
    flow,
    gateway,
    service,
    user,
)
from tests.engine.gate_business_faults import ASKED_BETWEEN, KEPT_ONLY
from tests.engine.gate_state_faults import SEEN

HINT = "要由另一个人办理的，请把 apart 填为 first；可以是同一个人的不必改"
WARNED = [("warning", "task.apart", "vet")]


def judged_again(**changes: str) -> Drawing:
    """What one has passed is judged by a second one; who returns it lets the first judge anew."""
    values = {name: value for name, value in {**KEPT_ONLY, **changes}.items() if value}
    return ASKED_BETWEEN.with_(
        vet=user("vet", values, name="单位复核"),
        is_good_to_fill=flow("is_good", "first", 'decision == "return"'),
    )


CASES = {
    "the same role": (judged_again(apart=""), WARNED),
    "another person": (judged_again(apart="first"), []),
    "another place": (judged_again(apart="", scope="own_desk"), []),
    "who decides nothing": (
        judged_again(apart="", form="look_only", outcomes="").with_(
            vet_to_is_good=flow("vet", "publish"),
            **dict.fromkeys(("is_good", "is_good_to_fill", "is_good_to_publish"), ""),
        ),
        [],
    ),
    "somebody between": (
        judged_again(apart="")
        .with_(
            is_fit_to_vet=flow("is_fit", "seen", ident="is_fit_to_vet"),
            seen=user("seen", {**SEEN, "role": "applicant"}, name="说明"),
            seen_to_vet=flow("seen", "vet"),
        )
        .but(lanes={**LANES, "申报人": ["fill", "seen"], "单位经办人": ["first", "vet"]}),
        [],
    ),
}


@pytest.mark.parametrize(("drawing", "found"), CASES.values(), ids=CASES)
def test_a_second_look_by_the_same_role_is_asked_about(
    drawing: Drawing, found: list[tuple[str, str, str]]
) -> None:
    told = inspect({"sample.bpmn": drawing.bytes()}, known=KNOWN).findings
    assert [(each.severity, each.rule, each.element) for each in told] == found
    assert [each.hint for each in told] == [HINT] * len(found)


def test_nobody_else_is_asked_for_where_one_person_alone_can_do_it() -> None:
    scopes = {**KNOWN.scopes, "own_unit": Contract(one_person=True)}

    def told(apart: str) -> list[tuple[str, str]]:
        files = {"sample.bpmn": judged_again(apart=apart).bytes()}
        found = inspect(files, known=replace(KNOWN, scopes=scopes)).findings
        return [(each.severity, each.rule) for each in found]

    assert told("") == []
    assert told("first") == [("error", "user.apart")]


def test_who_acts_in_a_part_or_a_called_process_acts_between_as_well() -> None:
    def between(part: str, lane: tuple[str, ...] = (), **more: Drawing) -> list[str]:
        drawing = (
            judged_again(apart="")
            .with_(
                is_fit_to_vet=flow("is_fit", "part", ident="is_fit_to_vet"),
                part=part,
                part_to_vet=flow("part", "vet"),
            )
            .but(lanes={**LANES, "申报人": ["fill", *lane], "单位经办人": ["first", "vet"]})
        )
        files = {"sample.bpmn": drawing.bytes()}
        files |= {f"{name}.bpmn": each.bytes() for name, each in more.items()}
        return [each.rule for each in inspect(files, known=KNOWN).findings]

    def inner(middle: str) -> str:
        nodes = event("startEvent", "in_start") + middle + event("endEvent", "in_end")
        return nodes + flow("in_start", "seen") + flow("seen", "in_end")

    seen = user("seen", {**SEEN, "role": "applicant"}, name="说明")
    called = element("callActivity", "part", calledElement="called", name="说明")
    process = Drawing("called", {"x": inner(seen)}, lanes={"申报人": ["seen"]})
    assert between(element("subProcess", "part", inner(seen), name="说明"), ("seen",)) == []
    assert between(called, called=process) == []
    nobody = inner(service("seen"))
    assert between(element("subProcess", "part", nobody, name="说明")) == ["task.apart"]


def test_a_task_behind_several_of_its_role_is_asked_about_once() -> None:
    second = user("second", {**KEPT_ONLY}, name="复查")
    drawing = (
        judged_again(apart="")
        .with_(
            is_fit_to_second=flow("is_fit", "second", 'decision == "refuse"'),
            second=second,
            second_to=flow("second", "is_fine"),
            is_fine=gateway("is_fine", "is_fine_to_vet"),
            is_fine_to_vet=flow("is_fine", "vet", ident="is_fine_to_vet"),
            is_fine_to_first=flow("is_fine", "first", 'decision == "return"'),
        )
        .but(lanes={**LANES, "单位经办人": ["first", "second", "vet"]})
    )
    found = inspect({"sample.bpmn": drawing.bytes()}, known=KNOWN).findings
    asked = [each for each in found if (each.rule, each.element) == ("task.apart", "vet")]
    assert ["first 或 second" in each.hint for each in asked] == [True]
