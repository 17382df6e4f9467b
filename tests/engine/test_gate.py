"""The publish gate: a sound diagram passes, and each spoiled detail is named in Chinese."""

import re
from dataclasses import replace
from functools import partial
from html import escape
from pathlib import Path

import pytest

from app.engine.contracts import Matter
from app.engine.gate import Finding, Known, Published, Verdict, check, published_in
from app.engine.gate.inspection import inspect
from app.engine.gate.lint import lint_files
from tests.engine.gate_builder import (
    KNOWN,
    LANES,
    LOOP_OVER_VOTERS,
    PARTS,
    Drawing,
    boundary,
    element,
    event,
    flow,
    gateway,
    loop,
    message,
    properties,
    service,
    timer,
)
from tests.engine.gate_business_faults import BUSINESS_FAULTS, deciding
from tests.engine.gate_faults import (
    SOUND,
    SPOILED,
    SUB,
    Spoiled,
    between,
    calling,
    condition,
    event_with,
    vet,
    voting,
)
from tests.engine.gate_load_faults import LOAD_FAULTS
from tests.engine.gate_property_faults import EVENT_FAULTS, PROPERTY_FAULTS, ROUND
from tests.engine.gate_silent_faults import SILENT_FAULTS
from tests.engine.test_gate_decisions import DECIDING, table

FAULTS = {
    **SPOILED,
    **PROPERTY_FAULTS,
    **EVENT_FAULTS,
    **LOAD_FAULTS,
    **SILENT_FAULTS,
    **BUSINESS_FAULTS,
}
CASES = Path(__file__).parent / "gate_cases"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
REVIEWED = frozenset({"verdict"})
KNOWN_CALLS = replace(
    KNOWN, processes={"unit_review": Published(outcomes=REVIEWED, sets=REVIEWED)}
)


def judged(drawing: Drawing, known: Known = KNOWN, **files: bytes) -> Verdict:
    more = {name.replace("__", "."): content for name, content in files.items()}
    return inspect({"sample.bpmn": drawing.bytes(), **more}, known=known)


def rules_of(verdict: Verdict) -> set[str]:
    return {finding.rule for finding in verdict.findings}


def the(verdict: Verdict, rule: str) -> Finding:
    found = [finding for finding in verdict.findings if finding.rule == rule]
    assert found, [(f.rule, f.element, f.message) for f in verdict.findings]
    return found[0]


def test_a_sound_diagram_passes() -> None:
    verdict = judged(SOUND)
    assert verdict.ok
    assert verdict.findings == ()
    assert verdict.process_ids == ("sample",)


RICH = {
    "a message boundary event": SOUND.with_(
        withdrawn=boundary("withdrawn_event", "vet", message()),
        withdrawn_to_fill=flow("withdrawn_event", "fill"),
    ),
    "a timer on working days": SOUND.with_(
        late=boundary("late", "vet", timer("timeDate", "workdays_after(today, 5)")),
        late_to_end=flow("late", "end"),
    ),
    "a reminder every day": SOUND.with_(
        remind=boundary("remind", "vet", timer("timeCycle", '"R3/P1D"'), cancelActivity="false"),
        remind_to_end=flow("remind", "end"),
    ),
    "a label of no size": SOUND.replacing(
        '<di:waypoint x="9" y="9"/>',
        '<di:waypoint x="9" y="9"/><bpmndi:BPMNLabel><dc:Bounds x="5" y="5" width="0"'
        ' height="13"/></bpmndi:BPMNLabel>',
    ),
    "a catch event with data": between(
        SOUND,
        "finished",
        element(
            "intermediateCatchEvent", "finished", properties(outcomes="sum") + message("paid")
        ),
    ).but(outside='<bpmn:message id="paid" name="paid"/>'),
    "an event-based gateway": SOUND.with_(
        publish_to_end=flow("publish", "first"),
        first=element("eventBasedGateway", "first"),
        due=event("intermediateCatchEvent", "due", timer("timeDuration", '"P5D"')),
        objected=event("intermediateCatchEvent", "objected", message()),
        first_to_due=flow("first", "due"),
        first_to_objected=flow("first", "objected"),
        due_to_end=flow("due", "end"),
        objected_to_end=flow("objected", "end"),
    ),
    "a subprocess with an error end": between(
        SOUND,
        "sub",
        element("subProcess", "sub", SUB, name="复核"),
        boundary("sub_bad", "sub", '<bpmn:errorEventDefinition errorRef="bad"/>'),
        event("endEvent", "stop", "<bpmn:terminateEventDefinition/>"),
        flow("sub_bad", "stop"),
    ).but(
        outside='<bpmn:error id="bad" name="不合格" errorCode="bad"/>',
        lanes={**LANES, "单位经办人": ["vet", "sub"]},
    ),
    "parallel work": SOUND.with_(
        publish_to_end=flow("publish", "fork"),
        fork=element("parallelGateway", "fork"),
        join=element("parallelGateway", "join"),
        one=service("one"),
        two=service("two"),
        fork_to_one=flow("fork", "one"),
        fork_to_two=flow("fork", "two"),
        one_to_join=flow("one", "join"),
        two_to_join=flow("two", "join"),
        join_to_end=flow("join", "end"),
    ),
    "an inclusive gateway": SOUND.with_(
        publish_to_end=flow("publish", "which"),
        which=gateway("which", "which_to_one", "inclusiveGateway"),
        join=element("inclusiveGateway", "join"),
        one=service("one"),
        two=service("two"),
        which_to_one=flow("which", "one"),
        which_to_two=flow("which", "two", "amount > 3"),
        one_to_join=flow("one", "join"),
        two_to_join=flow("two", "join"),
        join_to_end=flow("join", "end"),
    ),
    "a task for each voter": voting(LOOP_OVER_VOTERS),
    "a task for each of three": voting(loop("<bpmn:loopCardinality>3</bpmn:loopCardinality>")),
    "a service task with an operator": SOUND.with_(
        publish=element(
            "serviceTask",
            "publish",
            "<bpmn:extensionElements>"
            '<spiffworkflow:properties><spiffworkflow:property name="handler"'
            ' value="find_voters"/></spiffworkflow:properties>'
            '<spiffworkflow:serviceTaskOperator id="find_voters" resultVariable=""/>'
            "</bpmn:extensionElements>",
            name="公布",
        )
    ),
    "start data": SOUND.with_(is_good_to_fill=flow("is_good", "fill", "year > 2020")).but(
        process_properties=properties(inputs="year")
    ),
    "colours of the designer": SOUND.replacing(
        'bpmnElement="fill"',
        'bpmnElement="fill" xmlns:c="http://bpmn.io/schema/bpmn/biocolor/1.0" c:fill="#eee"',
    ),
}


@pytest.mark.parametrize("drawing", RICH.values(), ids=RICH.keys())
def test_what_the_contract_allows_passes(drawing: Drawing) -> None:
    verdict = judged(drawing)
    assert [(f.rule, f.element, f.message) for f in verdict.findings] == []


def test_a_call_to_a_published_process_passes_and_lends_its_outcomes() -> None:
    drawing = calling("unit_review").with_(
        extra_to_end=flow("call", "which"),
        which=gateway("which", "which_to_end"),
        which_to_end=flow("which", "end"),
        which_to_fill=flow("which", "fill", 'verdict == "return"'),
    )
    assert judged(drawing, KNOWN_CALLS).findings == ()


@pytest.mark.parametrize("case", FAULTS.values(), ids=FAULTS.keys())
def test_each_fault_is_named_with_its_element_in_chinese(case: Spoiled) -> None:
    verdict = judged(case.drawing)
    finding = the(verdict, case.rule)
    about = {f.element for f in verdict.findings if f.rule == case.rule}
    assert case.element in about
    assert finding.severity == case.severity
    assert verdict.ok is (case.severity == "warning")
    assert finding.file == "sample.bpmn"
    for found in verdict.findings:
        assert CHINESE.search(found.message), found
        assert CHINESE.search(found.hint), found
        assert "None" not in found.message + found.hint
        assert found.name


def test_a_finding_carries_the_chinese_name_of_its_element() -> None:
    assert the(judged(vet(save="")), "user.save").name == "单位审核"


def test_processes_that_call_each_other_are_refused() -> None:
    other = Drawing(process_id="other", parts=dict(PARTS))
    call = element("callActivity", "call", name="调用", calledElement="sample")
    verdict = judged(calling("other"), other__bpmn=between(other, "call", call).bytes())
    assert rules_of(verdict) == {"call.cycle"}
    assert {finding.file for finding in verdict.findings} == {"sample.bpmn", "other.bpmn"}


def test_a_cycle_through_a_published_process_is_refused() -> None:
    known = replace(KNOWN, processes={"unit_review": Published(calls=frozenset({"sample"}))})
    assert rules_of(judged(calling("unit_review"), known)) == {"call.cycle"}


def test_a_loop_over_a_call_that_never_waits_is_endless() -> None:
    known = replace(KNOWN, processes={"quick": Published(waits=False)})
    drawing = calling("quick").with_(
        extra_to_end=flow("call", "again"),
        again=gateway("again", "again_to_end"),
        again_to_call=flow("again", "call", "amount > 1"),
        again_to_end=flow("again", "end"),
    )
    assert "graph.automatic_loop" in rules_of(judged(drawing, known))
    assert judged(drawing.replacing('"quick"', '"unit_review"'), KNOWN_CALLS).ok


def test_a_loop_may_hear_itself_where_somebody_works_in_it() -> None:
    by_a_person = ROUND.with_(again_to_publish=flow("again", "fill", "amount > 1"))
    assert "event.self_fed" not in rules_of(judged(by_a_person))
    assert "event.self_fed" in rules_of(judged(ROUND))


def test_two_files_with_one_process_are_refused() -> None:
    assert "id.duplicate" in rules_of(judged(SOUND, copy__bpmn=SOUND.bytes()))


def test_an_upload_must_hold_the_process_it_replaces() -> None:
    files = {"download (1).bpmn": SOUND.bytes()}
    assert inspect(files, known=KNOWN, key="sample").ok
    assert rules_of(inspect(files, known=KNOWN, key="declaration")) == {"process.id"}


def test_a_bundle_of_several_files_is_judged_together() -> None:
    called = Drawing(process_id="called", parts=dict(PARTS))
    verdict = judged(calling("called"), called__bpmn=called.bytes())
    assert verdict.ok
    assert verdict.process_ids == ("sample", "called")


def test_what_one_process_throws_another_may_await() -> None:
    throwing = event_with("intermediateThrowEvent", message("late"))
    late = element("message", "late", name="late")
    awaiting = event_with("intermediateCatchEvent", message("late")).but(
        outside=late, process_id="other"
    )
    files = {"other__bpmn": awaiting.bytes()}
    assert judged(throwing.but(outside=late), **files).findings == ()
    assert rules_of(judged(throwing.but(outside=late))) == {"event.unheard"}
    assert rules_of(judged(SOUND, **files)) == {"event.unsent"}


sandboxed = partial(check, known=KNOWN)


def test_an_export_of_another_product_says_all_that_must_change() -> None:
    rows = lint_files([CASES / "camunda_export.bpmn"], judge=sandboxed)
    assert [row["ok"] for row in rows] == [False]
    findings = rows[0]["findings"]
    assert isinstance(findings, list)
    assert {(found["rule"], found["element"]) for found in findings} == {
        ("element.vendor", "camunda_export"),
        ("process.name", "camunda_export"),
        ("element.vendor", "Activity_vet"),
        ("gateway.default", "Gateway_1"),
        ("expression.invalid", "Flow_3"),
        ("expression.invalid", "Flow_4"),
        *(("user." + key, "Activity_vet") for key in ("form", "save", "scope", "lane", "role")),
    }


def test_files_of_the_command_line_are_judged_together_and_told_apart(tmp_path: Path) -> None:
    good, bad = tmp_path / "sample.bpmn", tmp_path / "bad.bpmn"
    good.write_bytes(SOUND.bytes())
    bad.write_bytes(b"hello")
    rows = lint_files([good, bad], judge=sandboxed)
    assert [(row["file"], row["ok"]) for row in rows] == [(str(good), True), (str(bad), False)]


def test_files_that_cannot_be_opened_get_their_row(tmp_path: Path) -> None:
    good, gone = tmp_path / "sample.bpmn", tmp_path / "gone.bpmn"
    good.write_bytes(SOUND.bytes())
    rows = lint_files([good, gone, tmp_path], judge=sandboxed)
    assert [row["ok"] for row in rows] == [True, False, False]
    for row in rows[1:]:
        assert isinstance(row["findings"], list)
        assert [found["rule"] for found in row["findings"]] == ["file.unreadable"]
    said = [row["findings"][0]["message"] for row in rows[1:]]
    assert said == ["文件打不开：没有这个文件", "文件打不开：这是文件夹，不是文件"]


def test_published_diagrams_tell_what_callers_need() -> None:
    published = published_in({"sample.bpmn": calling("unit_review").bytes()})
    sample = published["sample"]
    assert sample.calls == {"unit_review"}
    assert sample.outcomes == {"amount", "decision"}
    assert sample.waits


ADVICE = {
    "Chinese quotes": ("decision == “pass”", "引号要用英文的"),
    "Chinese brackets": ('decision in （"pass"）', "括号、逗号和比较符号要用英文的"),
    "one equals sign": ('decision = "pass"', "判断相等要写两个等号"),
    "a function of one's own": ("lambda: decision", "不能自己定义函数"),
    "nothing to divide by": ("1 / (2 - 2) == 1", "请改正除数"),
    "another product": ('${decision == "pass"}', "不要用 ${…}"),
    "true in small letters": ("decision == true", "是、否要写作 True、False"),
    "an undeclared name": ('mood == "“好”=（）"', "变量要由前面节点的 outcomes"),
}


@pytest.mark.parametrize(("text", "told"), ADVICE.values(), ids=ADVICE)
def test_each_common_mistake_in_an_expression_has_its_own_advice(text: str, told: str) -> None:
    assert [f.hint for f in judged(condition(text)).findings if told in f.hint]
    in_a_table = judged(DECIDING, grade__dmn=table(test=escape(text)).encode())
    assert [f.hint for f in in_a_table.findings if told in f.hint] or "/" in text


REPLACED = ("a script task", "a plain task", "a complex gateway", "a transaction")


@pytest.mark.parametrize("name", REPLACED)
def test_the_flows_of_what_is_refused_are_not_blamed(name: str) -> None:
    spoiled = FAULTS[name]
    assert rules_of(judged(spoiled.drawing)) == {spoiled.rule}


def test_any_form_may_be_kept_by_the_general_handler() -> None:
    keeping = deciding(form="look_first", save="record")
    assert judged(keeping).findings == ()
    without = judged(deciding(save="record", form="look_only"))
    assert the(without, "task.outcomes").message == "outcomes 里的“decision”，这里的处理不会给出"


def test_what_nobody_knows_the_business_of_is_not_judged_by_it() -> None:
    elsewhere = replace(KNOWN, matters={})
    drawing = deciding(form="elsewhere", save="elsewhere")
    assert judged(drawing, elsewhere).ok
    part = {"sample": Matter("示例", parts=("sample",))}
    assert rules_of(judged(drawing, replace(KNOWN, matters=part))) == {"task.business"}


def test_what_a_called_process_gives_is_known_to_its_caller() -> None:
    called = deciding().but(process_id="called")
    calls = calling("called")
    asks = calls.with_(
        extra_to_end=flow("call", "is_done"),
        is_done=gateway("is_done", "is_done_to_end"),
        is_done_to_end=flow("is_done", "end"),
        is_done_to_fill=flow("is_done", "fill", 'decision == "passed"'),
        is_good_to_fill=flow("is_good", "fill", 'decision == "again"'),
    )
    known = replace(KNOWN, matters={})
    verdict = judged(asks, known, called__bpmn=called.bytes())
    assert [found.element for found in verdict.findings] == ["is_done_to_fill"]
    given = asks.with_(vet=deciding().parts["vet"])
    verdict = judged(given, known, called__bpmn=called.bytes())
    assert {found.element for found in verdict.findings} == {"is_done_to_fill", "is_good_to_fill"}


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('decision == "passed"', '请改成 "pass"'),
        ('decision != "退回"', '请改成 "pass"、"return" 之一'),
        ("decision == 1", '请改成 "pass"、"return" 之一'),
    ],
)
def test_a_value_that_cannot_come_is_told_with_those_that_can(text: str, hint: str) -> None:
    found = the(judged(deciding(text)), "condition.value")
    assert 'decision 只会是"pass"、"return"' in found.message
    assert found.hint == hint


MEANT = {
    "a form": (vet(form="vett"), "user.form", "最接近的是“vet”"),
    "a form like no other": (vet(form="zzz"), "user.form", "decide、decide_more"),
    "a page": (vet(form="", page="fil"), "user.page", "最接近的是“fill”"),
    "a save": (vet(save="savevet"), "user.save", "最接近的是“save_vet”"),
    "a scope": (vet(scope="ownunit"), "user.scope", "最接近的是“own_unit”"),
    "a role in its lane": (vet(role="clerk"), "user.role", "请把 role 改成 unit_clerk"),
    "a role": (
        vet(role="unit_clerks").but(lanes={"申报人": ["fill"], "经办": ["vet"]}),
        "user.role",
        "最接近的是“unit_clerk”",
    ),
    "the lane of a role": (
        SOUND.but(lanes={"申报人": ["fill"], "经办": ["vet"]}),
        "user.lane",
        "请把泳道改名为“单位经办人”",
    ),
    "a handler": (
        SOUND.with_(publish=service("publish", "publsh")),
        "service.handler",
        "最接近的是“publish”",
    ),
    "a property": (vet(outcome="decision"), "property.unknown", "最接近的是“outcomes”"),
    "a process": (calling("sampel"), "call.target", "最接近的是“sample”"),
    "a variable": (condition("decison == 1"), "expression.invalid", "最接近的变量是“decision”"),
}


@pytest.mark.parametrize(("drawing", "rule", "told"), MEANT.values(), ids=MEANT)
def test_an_unknown_word_is_told_with_the_one_that_was_meant(
    drawing: Drawing, rule: str, told: str
) -> None:
    assert told in the(judged(drawing), rule).hint


ERRORS = {
    "a great number": ("amount > 10000000000000000", "请写小一些的数字"),
    "a call of no name": ("(amount)(1) == 1", "可以用的函数：date、len、max、min、workdays_after"),
    "an unknown function": ("abs(amount) == 1", "可以用的函数：date、len"),
    "a long text": ("amount > 1 or " * 200 + "amount > 2", "请拆成几个较短的判断"),
    "nothing": ("  ", "请填写判断或算式"),
    "half a comparison": ("amount ==", "请检查括号、引号是否成对"),
}


@pytest.mark.parametrize(("text", "told"), ERRORS.values(), ids=ERRORS)
def test_the_hint_follows_what_is_wrong_with_an_expression(text: str, told: str) -> None:
    found = the(judged(condition(escape(text))), "expression.invalid")
    assert told in found.hint
    assert "outcomes" not in found.hint
