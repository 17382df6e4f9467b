"""The words of the gate: what was meant, in the words that people know from forms and lists."""

from dataclasses import replace

import pytest

from app.engine.gate import Finding, Known, Verdict
from app.engine.gate.inspection import inspect
from app.engine.gate.known import Asking
from app.engine.gate.words import is_slip
from tests.engine.gate_builder import (
    KNOWN,
    Drawing,
    boundary,
    element,
    flow,
    message,
)
from tests.engine.gate_business_faults import deciding
from tests.engine.gate_faults import SOUND, event_with, vet
from tests.engine.test_gate_decisions import table, with_table

WORDS = {"pass": "通过", "return": "退回修改"}
WORDED = replace(KNOWN, forms={**KNOWN.forms, "decide": Asking("decide", tuple(WORDS), WORDS)})


def judged(drawing: Drawing, known: Known = KNOWN) -> Verdict:
    return inspect({"sample.bpmn": drawing.bytes()}, known=known)


def the(verdict: Verdict, rule: str) -> Finding:
    [found] = [finding for finding in verdict.findings if finding.rule == rule]
    return found


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('decision == "退回修改"', '请改成 "return"'),
        ('decision == "passed"', '请改成 "pass"'),
        ('decision == "x"', '请改成 "pass"（通过）、"return"（退回修改） 之一'),
    ],
)
def test_values_are_listed_by_what_stands_on_the_buttons(text: str, hint: str) -> None:
    found = the(judged(deciding(text), WORDED), "condition.value")
    assert found.message.endswith('decision 只会是"pass"（通过）、"return"（退回修改）')
    assert found.hint == hint


def test_values_that_a_handler_gives_have_the_words_of_its_contract() -> None:
    save = replace(KNOWN.saves["decide"], gives={"decision": {"pass": "同意", "return": "退件"}})
    known = replace(KNOWN, saves={**KNOWN.saves, "decide": save})
    found = the(judged(deciding('decision == "同意"'), known), "condition.value")
    assert '"pass"（同意）、"return"（退件）' in found.message
    assert found.hint == '请改成 "pass"'


def test_what_fits_no_row_is_no_word_of_a_programming_language() -> None:
    found = the(with_table(table(), 'grade == "seniors"'), "condition.value")
    assert found.message.endswith('grade 只会是空值、"senior"')
    assert found.hint == '请改成 "senior"'


def awaiting(name: str) -> Drawing:
    return event_with("intermediateCatchEvent", message("late")).but(
        outside=element("message", "late", name=name)
        + element("message", "withdrawn", name="withdrawn")
    )


def test_a_slip_in_a_name_is_asked_about_as_what_was_meant() -> None:
    found = the(judged(awaiting("withdrawm")), "event.misnamed")
    assert found.severity == "error"
    assert found.hint.startswith("您是否想写 withdrawn？")


def test_a_name_like_one_that_somebody_hears_may_be_meant() -> None:
    heard = boundary("taken_back", "vet", message())
    drawing = awaiting("withdrawm").with_(
        taken_back=heard, taken_back_to_end=flow("taken_back", "end")
    )
    found = the(judged(drawing), "event.unsent")
    assert found.severity == "warning"
    assert "最接近的是“withdrawn”" in found.hint


SLIPS = {
    ("withdrawm", "withdrawn"): True,
    ("withdrwan", "withdrawn"): True,
    ("withdrawns", "withdrawn"): True,
    ("withdraw", "withdrawn"): True,
    ("review-finished", "review_finished"): True,
    ("withdrawn", "withdrawn"): False,
    ("round_1", "round_2"): False,
    ("paid", "said"): False,
    ("reopened", "opened"): False,
}


@pytest.mark.parametrize(("both", "outcome"), SLIPS.items(), ids=str)
def test_a_slip_is_one_letter(both: tuple[str, str], outcome: bool) -> None:
    assert is_slip(*both) is outcome
    assert is_slip(*reversed(both)) is outcome


OFFERED = {
    "a role of another lane": (
        vet(role="applicant"),
        "user.role",
        "请把 role 改成 unit_clerk，或把任务移到泳道“申报人”里",
    ),
    "a lane of nobody's": (
        vet(role="king", save="decide", form="decide").but(
            lanes={"申报人": ["fill"], "经手的人": ["vet"]}
        ),
        "user.lane",
        "请把泳道改名为可以办理这项任务的角色：单位经办人",
    ),
    "no lane": (
        vet(role="").but(lanes={"申报人": ["fill"]}),
        "user.lane",
        "请放进办理角色的泳道：申报人、单位经办人",
    ),
    "no lane for a role": (
        SOUND.but(lanes={"申报人": ["fill"]}),
        "user.lane",
        "请放进办理角色的泳道：“单位经办人”",
    ),
    "no role": (
        vet(role="", save="decide", form="decide").but(
            lanes={"申报人": ["fill"], "经手的人": ["vet"]}
        ),
        "user.role",
        "请填写可以办理这项任务的角色：unit_clerk（单位经办人）",
    ),
    "no scope": (
        vet(scope=""),
        "user.scope",
        "请在属性里填写 scope，本流程可用：own_desk、own_office、own_person",
    ),
    "a scope like no other": (
        vet(scope="zzz"),
        "user.scope",
        "请改成平台已有的范围：own_desk、own_office、own_person",
    ),
}


@pytest.mark.parametrize(("drawing", "rule", "told"), OFFERED.values(), ids=OFFERED)
def test_what_there_is_to_choose_from_is_told(drawing: Drawing, rule: str, told: str) -> None:
    assert told in the(judged(drawing), rule).hint
