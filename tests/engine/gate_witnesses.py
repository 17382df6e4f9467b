"""For each rule of the gate a bundle with the fault, and the same bundle without it."""

import re
from dataclasses import dataclass

from app.engine.gate.bundle import MAX_FILES
from tests.engine.gate_builder import (
    LOOP_OVER_VOTERS,
    PARTS,
    Drawing,
    boundary,
    flow,
    loop,
    message,
    service,
    timer,
)
from tests.engine.gate_business_faults import BUSINESS_FAULTS, BUSINESS_SOUND, filed
from tests.engine.gate_costs import HOSTILE, many_conditions
from tests.engine.gate_faults import SOUND, SPOILED, Spoiled, event_with, voting
from tests.engine.gate_load_faults import LOAD_BUNDLES, LOAD_FAULTS, LOAD_SOUND
from tests.engine.gate_property_faults import (
    DAY,
    EVENT_FAULTS,
    GATHERING_SOUND,
    PROPERTY_FAULTS,
    TIME_SOUND,
    awaiting,
    gathering,
)
from tests.engine.gate_silent_faults import SILENT_FAULTS, SILENT_SOUND
from tests.engine.gate_state_faults import STATE_FAULTS
from tests.engine.test_gate_decisions import DECIDING, table

Files = dict[str, bytes]


@dataclass(frozen=True)
class Witness:
    """A faulty bundle that the rule refuses, and the sound one that passes."""

    rule: str
    faulty: Files
    sound: Files


def drawn(drawing: Drawing, **more: str) -> Files:
    others = {f"{name}.dmn": text.encode() for name, text in more.items()}
    return {"sample.bpmn": drawing.bytes(), **others}


CATCHING = event_with("intermediateCatchEvent", message())
FOR_THREE = voting(loop("<bpmn:loopCardinality>3</bpmn:loopCardinality>"))
FOR_VOTERS = voting(LOOP_OVER_VOTERS)
AFTER_DAYS = event_with("intermediateCatchEvent", timer("timeDuration", '"P5D"'))
AT_NINE = event_with("intermediateCatchEvent", timer("timeDate", '"2026-11-20T09:00:00+08:00"'))
WITHOUT_FAULT: dict[str, Drawing] = {
    "several tasks without a gateway before": FOR_VOTERS,
    "an undeclared list": FOR_VOTERS,
    "too many instances": FOR_THREE,
    "neither count nor list": FOR_THREE,
    "a bad completion condition": FOR_THREE,
    "a catch event that catches nothing": CATCHING,
    "a message without a reference": CATCHING,
    "a message a letter away from what is sent": CATCHING,
    "a message that carries something": CATCHING,
    "a timer without a time": AFTER_DAYS,
    "an interrupting cycle": AFTER_DAYS,
    "an unquoted duration": AFTER_DAYS,
    "a duration that is none": AFTER_DAYS,
    "a time without a zone": AT_NINE,
    "two timers behind one gateway": awaiting(DAY, message()),
    "answers gathered that nobody gives": gathering("choice"),
    **LOAD_SOUND,
    **TIME_SOUND,
    **SILENT_SOUND,
    **GATHERING_SOUND,
    **BUSINESS_SOUND,
}
"""The drawing before it was spoiled, where that is another one than the sound sample."""


def spoiled(name: str, case: Spoiled) -> Witness:
    return Witness(case.rule, drawn(case.drawing), drawn(WITHOUT_FAULT.get(name, SOUND)))


def of_table(rule: str, drawing: Drawing = DECIDING, **fault: str) -> Witness:
    return Witness(rule, drawn(drawing, grade=table(**fault)), drawn(DECIDING, grade=table()))


def of_file(rule: str, content: bytes) -> Witness:
    return Witness(rule, {"sample.bpmn": content}, drawn(SOUND))


def of_states(rule: str, _element: str, faulty: Drawing, sound: Drawing) -> Witness:
    return Witness(rule, {"kept.bpmn": faulty.bytes()}, {"kept.bpmn": sound.bytes()})


def waiting_by_amount(host: str) -> Drawing:
    """The sample with a time that reads what the first task gives, at the border of a task."""
    late = boundary("late", host, timer("timeDuration", "amount"))
    return SOUND.with_(late=late, late_to_end=flow("late", "end"))


def crowd(processes: int) -> Files:
    """Processes of 180 automatic steps beside what the sample has, that nothing leads to."""
    steps = "".join(service(f"s{n}") for n in range(180))
    return {
        f"p{n}.bpmn": Drawing(process_id=f"p{n}", parts=dict(PARTS)).with_(steps=steps).bytes()
        for n in range(processes)
    }


REF = "</spiffworkflow:calledDecisionId>"
MORE = "<spiffworkflow:calledDecisionId>other</spiffworkflow:calledDecisionId>"
ASKING = DECIDING.replacing('grade == "senior"', "grade != None")
BUNDLES: dict[str, Witness] = {
    "no file": Witness("bundle.empty", {}, drawn(SOUND)),
    "too many files": Witness(
        "bundle.size", {f"{n}.bpmn": b"<" for n in range(MAX_FILES + 1)}, drawn(SOUND)
    ),
    "too many nodes together": Witness("bundle.size", crowd(9), drawn(SOUND)),
    "another language": of_file("xml.root", b"<html/>"),
    "half a file": of_file("xml.malformed", SOUND.bytes()[:900]),
    "another encoding": of_file("file.encoding", "<a>职称</a>".encode("gbk")),
    "a huge attribute": of_file("xml.attributes", b'<a b="' + b"x" * 5000 + b'"/>'),
    "two processes in a file": of_file(
        "process.count",
        SOUND.replacing("</bpmn:process>", '</bpmn:process><bpmn:process id="more"/>').bytes(),
    ),
    "two decisions in a file": of_table("dmn.table", namespace="http://www.omg.org/spec/DMN/no"),
    "another hit policy": of_table("dmn.policy", policy="RULE ORDER"),
    "a row with too many cells": of_table(
        "dmn.columns", extra_cell="<inputEntry id='c9'><text>1</text></inputEntry>"
    ),
    "a note in a table": of_table("dmn.unknown", more="<annotation id='a' name='x'/>"),
    "a table without rows": Witness(
        "dmn.empty",
        drawn(ASKING, grade=re.sub("<rule.*</rule>", "", table(), flags=re.DOTALL)),
        drawn(ASKING, grade=table()),
    ),
    "a negation in a cell": of_table("dmn.cell", test="not(3)"),
    "a process with a long id": Witness(
        "text.length",
        {f"{'p' * 61}.bpmn": Drawing(process_id="p" * 61).bytes()},
        {f"{'p' * 60}.bpmn": Drawing(process_id="p" * 60).bytes()},
    ),
    "a process with a dot in its id": Witness(
        "id.invalid", {"a.b.bpmn": Drawing(process_id="a.b").bytes()}, drawn(SOUND)
    ),
    "a process and a table of one id": Witness(
        "id.duplicate",
        {
            "sample.bpmn": DECIDING.replacing("find_grade", "sample").bytes(),
            "grade.dmn": table().replace("find_grade", "sample").encode(),
        },
        drawn(DECIDING, grade=table()),
    ),
    "a process that files nothing": Witness(
        "process.needs",
        {"filed.bpmn": filed("publish").bytes()},
        {"filed.bpmn": filed("file").bytes()},
    ),
    "a time that only a second round knows": Witness(
        "variable.unset", drawn(waiting_by_amount("fill")), drawn(waiting_by_amount("vet"))
    ),
    "an answer that no row gives": of_table("condition.value", output="'junior'"),
    "conditions without number": Witness(
        "condition.effort", many_conditions(200, 100), many_conditions(1, 2)
    ),
    "a task with two tables": of_table("engine.parse", DECIDING.replacing(REF, REF + MORE)),
}
WITNESSES: dict[str, Witness] = {
    **{name: spoiled(name, case) for name, case in SPOILED.items()},
    **{name: spoiled(name, case) for name, case in PROPERTY_FAULTS.items()},
    **{name: spoiled(name, case) for name, case in EVENT_FAULTS.items()},
    **{name: spoiled(name, case) for name, case in LOAD_FAULTS.items()},
    **{name: spoiled(name, case) for name, case in SILENT_FAULTS.items()},
    **{name: spoiled(name, case) for name, case in BUSINESS_FAULTS.items()},
    **{name: Witness(*of) for name, of in LOAD_BUNDLES.items()},
    **{name: of_states(*fault) for name, fault in STATE_FAULTS.items()},
    **{name: of_file(rule, content()) for name, (rule, content) in HOSTILE.items()},
    **BUNDLES,
}
