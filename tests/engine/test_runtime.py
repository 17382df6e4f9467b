"""How processes run: work items, returns, calls, loops, refusals."""

from collections.abc import Mapping

import pytest
import sqlalchemy as sa

from app.core.db import db, transaction
from app.core.errors import Conflict, Invalid, NotFound, StaleTask
from app.core.permissions import Grant
from app.engine import definitions, handlers, incidents, runtime, state
from app.engine.environment import StatementRefused
from app.engine.incidents import StepFailed
from app.engine.models import Incident, ProcessInstance, StepAnswers, Timer, WorkItem
from app.engine.taking import may_take, taken_by
from app.engine.walk import StepBudgetExceeded, UndeclaredOutcome
from tests.builders.statements import statements_sent
from tests.engine.kit import (
    CASE,
    CLERK,
    LEADER,
    NOON,
    Office,
    call,
    choice,
    diagram,
    end,
    flow,
    line,
    many,
    reviewed,
    service,
    start,
    user,
)


def test_a_started_process_opens_the_first_task_with_all_that_an_inbox_shows(
    office: Office,
) -> None:
    task = user("vet", scope="clerks_unit", due="5")
    lanes = {"单位经办人": ["vet"]}
    office.publish(
        diagram("one", start(), task, line("begun", "vet", "ended"), end(), lanes=lanes), key="one"
    )

    instance_id = office.begin("one")

    with transaction(write=False):
        item = db.session.scalars(sa.select(WorkItem)).one()
        assert (item.instance_id, item.node, item.name) == (instance_id, "vet", "办理vet")
        assert (item.form, item.save, item.role) == ("vet", "decide", "unit_clerk")
        assert (item.scope_kind, item.scope_id, item.assignee_id) == ("org", 3, None)
        assert (item.title, item.words) == ("第7号申报", "申报 7")
        assert (item.business_type, item.business_id, item.jurisdiction) == (*CASE, "anhui")
        assert item.opened_at == NOON
        assert item.due_at is not None
        assert item.due_at.isoformat() == "2026-11-30T23:59:59+08:00"


def test_a_task_of_one_person_is_assigned_to_that_person(office: Office) -> None:
    @handlers.scope("the_applicant")
    def the_applicant(step: handlers.Step) -> handlers.Scope:
        return handlers.Scope("person", 42)

    task = user("fill", scope="the_applicant")
    office.publish(diagram("one", start(), task, line("begun", "fill", "ended"), end()), key="one")
    office.begin("one")

    with transaction(write=False):
        assert db.session.scalars(sa.select(WorkItem)).one().assignee_id == 42


def test_completing_a_task_opens_the_next_and_writes_the_log(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    instance_id = office.begin()

    office.do("fill")
    assert office.open() == ["vet"]
    office.do("vet", decision="return", opinion="缺少证书")
    assert office.open() == ["fill"]
    office.do("fill")
    office.do("vet", decision="pass")

    assert office.open() == []
    instance = office.instance(instance_id)
    assert (instance.status, instance.ended_at) == ("completed", NOON)
    words = [("fill", "通过"), ("vet", "退回"), ("fill", "通过"), ("vet", "通过")]
    assert office.log() == words


def test_a_hundred_returns_leave_the_state_small_and_flat(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    instance_id = office.begin()
    sizes = []
    for _ in range(100):
        office.do("fill")
        office.do("vet", decision="return")
        sizes.append(len(office.instance(instance_id).state))

    assert max(sizes) <= 10_000
    assert max(sizes[10:]) - min(sizes[10:]) < 200
    office.do("fill")
    office.do("vet")
    assert office.instance(instance_id).status == "completed"


def test_answers_never_enter_the_state(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    instance_id = office.begin()

    office.do("fill", name="苏晓禾的秘密", decision="pass")

    instance = office.instance(instance_id)
    specs = definitions.bundle_of(instance).specs
    tree = state.loads(instance.state, specs)
    kept = [task.data for task in state.live_tasks(tree)]
    assert kept == [{"decision": "pass"}]
    assert office.answers[0]["name"] == "苏晓禾的秘密"


def test_called_processes_show_their_own_tasks_lanes_and_outcomes(office: Office) -> None:
    inner = diagram(
        "inner", start("asked"), user("check", role="superior_clerk"), end("told"),
        line("asked", "check", "told"), lanes={"上级经办人": ["asked", "check", "told"]},
    )  # fmt: skip
    middle = diagram(
        "middle", start("m1"), call("ask_inner", "inner"), end("m2"), line("m1", "ask_inner", "m2")
    )
    outer = diagram(
        "outer", start(), call("ask_middle", "middle"), choice("is_good", "good"), user("archive"),
        line("begun", "ask_middle", "is_good"), flow("is_good", "archive", 'decision == "pass"'),
        flow("is_good", "ended", flow_id="good"), line("archive", "ended"), end(),
    )  # fmt: skip
    office.publish(inner, middle, outer, key="outer")
    office.begin("outer")

    with transaction(write=False):
        item = db.session.scalars(sa.select(WorkItem)).one()
        assert (item.process, item.node, item.role) == ("inner", "check", "superior_clerk")
        drawn = definitions.bundle_of(item.instance).node("inner", "check")
        assert drawn is not None
        assert drawn.lane == "上级经办人"
    office.do("check", decision="pass")
    assert office.open() == ["archive"]


@pytest.mark.parametrize("one_by_one", [True, False])
def test_a_task_for_each_group_sees_its_own_group(office: Office, one_by_one: bool) -> None:
    @handlers.scope("group")
    def group(step: handlers.Step) -> handlers.Scope:
        assert isinstance(step.data["group_id"], int)
        return handlers.Scope("meeting", step.data["group_id"])

    task = user("assign", many("group_ids", "group_id", one_by_one=one_by_one), scope="group")
    office.publish(
        diagram("meeting", start(), task, line("begun", "assign", "ended"), end()), key="meeting"
    )
    instance_id = office.begin("meeting", group_ids=[4, 5, 6])

    assert len(office.open()) == (1 if one_by_one else 3)
    definitions._bundles.clear()  # as if another process took over
    for _ in range(3):
        office.do("assign")
    with transaction(write=False):
        scopes = db.session.scalars(sa.select(WorkItem.scope_id).order_by(WorkItem.id)).all()
    assert scopes == [4, 5, 6]
    assert office.instance(instance_id).status == "completed"


def test_a_service_task_returns_declared_outcomes_and_is_logged(office: Office) -> None:
    @handlers.service("find_level")
    def find_level(step: handlers.Step) -> handlers.Outcomes:
        assert step.actor_id is None
        return {"level": 2, "_outcome": "上报市级"}

    office.publish(
        diagram(
            "one", start(), service("find", "find_level", "level"), choice("which", "other"),
            user("city"), end(), line("begun", "find", "which"), line("city", "ended"),
            flow("which", "city", "level == 2"), flow("which", "ended", flow_id="other"),
        ),
        key="one",
    )  # fmt: skip
    office.begin("one")

    assert office.open() == ["city"]
    assert office.log() == [("find", "上报市级")]


def test_a_task_is_completed_once(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    office.begin()
    with transaction():
        item = db.session.scalars(sa.select(WorkItem)).one()
        runtime.complete(item, {}, actor_id=CLERK, now=NOON)
    with pytest.raises(StaleTask), transaction():
        runtime.complete(item, {}, actor_id=CLERK, now=NOON)
    assert office.open() == ["vet"]


def test_a_record_has_one_living_instance_of_a_process(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    office.begin()
    with pytest.raises(Conflict):
        office.begin()
    office.do("fill")
    office.do("vet")
    office.begin()


def test_an_unpublished_process_cannot_start(office: Office) -> None:
    with pytest.raises(NotFound):
        office.begin("unknown")


def test_a_refusal_of_the_save_handler_passes_and_leaves_everything(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    office.begin()

    @handlers.save("refuse")
    def refuse(step: handlers.Step, answers: Mapping[str, object]) -> handlers.Outcomes:
        raise Invalid("请填写意见", field="opinion")

    with transaction():
        db.session.execute(sa.update(WorkItem).values(save="refuse"))
    with pytest.raises(Invalid, match="请填写意见"):
        office.do("fill")
    assert office.open() == ["fill"]


@pytest.mark.parametrize(
    "outcomes",
    [{"verdict": "pass"}, {"decision": {"nested": 1}}, {"decision": 1.5}, {"decision": [[1]]}],
)
def test_an_undeclared_or_nested_outcome_is_refused(
    office: Office, outcomes: handlers.Outcomes
) -> None:
    office.publish(reviewed(), key="case_review")
    instance_id = office.begin()

    @handlers.save("leak")
    def leak(step: handlers.Step, answers: Mapping[str, object]) -> handlers.Outcomes:
        return outcomes

    with transaction():
        db.session.execute(sa.update(WorkItem).values(save="leak"))
    with pytest.raises(incidents.StepFailed) as failed, incidents.reported(NOON):
        office.do("fill")

    assert isinstance(failed.value.cause, UndeclaredOutcome)
    assert office.open() == ["fill"]
    with transaction(write=False):
        incident = db.session.scalars(sa.select(Incident)).one()
        assert (incident.instance_id, incident.node) == (instance_id, "fill")
        assert incident.status == "open"


def test_data_cannot_take_the_name_of_something_an_expression_means(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    with pytest.raises(UndeclaredOutcome):
        office.begin(today="2020-01-01")
    with pytest.raises(UndeclaredOutcome):
        office.begin(typename="datetime")


def test_a_failing_service_rolls_the_human_step_back(office: Office) -> None:
    @handlers.service("break")
    def break_down(step: handlers.Step) -> None:
        raise Conflict("编号已用完")

    office.publish(
        diagram(
            "one", start(), user("fill"), service("number", "break"), end(),
            line("begun", "fill", "number", "ended"),
        ),
        key="one",
    )  # fmt: skip
    office.begin("one")

    with pytest.raises(incidents.StepFailed) as failed, incidents.reported(NOON):
        office.do("fill")

    assert failed.value.node == "number"
    assert incidents.describe(failed.value) == "编号已用完"
    assert (office.open(), office.log()) == (["fill"], [])


def test_script_tasks_are_refused(office: Office) -> None:
    script = '<bpmn:scriptTask id="hack"><bpmn:script>x = 1</bpmn:script></bpmn:scriptTask>'
    office.publish(
        diagram("one", start(), script, end(), line("begun", "hack", "ended")), key="one"
    )
    with pytest.raises(incidents.StepFailed) as failed:
        office.begin("one")
    error: BaseException | None = failed.value.cause
    assert isinstance(error, StatementRefused)


def test_automatic_tasks_that_run_in_circles_are_stopped(office: Office) -> None:
    office.publish(
        diagram(
            "one", start(), service("turn", "nothing"), choice("again", "yes"), end(),
            line("begun", "turn", "again"), flow("again", "turn", flow_id="yes"),
            flow("again", "ended", "1 == 2"),
        ),
        key="one",
    )  # fmt: skip

    @handlers.service("nothing")
    def nothing(step: handlers.Step) -> None:
        return None

    with pytest.raises(incidents.StepFailed) as failed:
        office.begin("one")
    assert isinstance(failed.value.cause, StepBudgetExceeded)


def test_a_task_that_asks_for_another_person_keeps_off_who_did_the_first(office: Office) -> None:
    office.publish(
        diagram(
            "one", start(), user("issue"), user("check", apart="issue"), end(),
            line("begun", "issue", "check", "ended"),
        ),
        key="one",
    )  # fmt: skip
    office.begin("one")
    office.do("issue")
    with transaction(write=False):
        item = db.session.scalars(sa.select(WorkItem).where(WorkItem.node == "check")).one()
        held = [Grant("unit_clerk", "all", None)]
        takers = [who for who in (CLERK, LEADER) if may_take(item, who, held)]
        mine = sa.select(WorkItem.id).where(WorkItem.id == item.id)
        listed = [w for w in (CLERK, LEADER) if db.session.scalar(mine.where(taken_by(w, held)))]
    assert takers == listed == [LEADER]


CHECKED = """
key: check
title: 核查
save: record_answers
sections: []
actions:
  - {value: done, label: 已核查}
"""


def test_a_node_without_save_keeps_its_answers_as_they_came(office: Office) -> None:
    office.publish(
        diagram(
            "one", start(), user("ask", save=""), user("check", save="record_answers"), end(),
            line("begun", "ask", "check", "ended"),
        ),
        key="one",
        check=CHECKED,
    )  # fmt: skip
    office.begin("one")
    office.do("ask", decision="return", opinion="请补正")
    office.do("check", decision="done")
    assert office.log() == [("ask", "退回"), ("check", "已核查")]
    with transaction(write=False):
        row = db.session.scalars(sa.select(StepAnswers).order_by(StepAnswers.work_item_id)).first()
        assert row is not None
        assert row.answers == {"decision": "return", "opinion": "请补正"}


def test_a_step_costs_few_statements(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    office.begin()
    with transaction():
        item = db.session.scalars(sa.select(WorkItem)).one()
        with statements_sent() as sent:
            runtime.complete(item, {}, actor_id=CLERK, now=NOON)
            db.session.flush()
    assert len(sent) <= 8, sent


def test_tasks_that_a_terminate_end_leaves_behind_are_cancelled(office: Office) -> None:
    stop = "<bpmn:terminateEventDefinition/>"
    fork = '<bpmn:parallelGateway id="fork"/>'
    office.publish(
        diagram(
            "one", start(), fork, user("a"), user("b"), end("stopped", stop),
            line("begun", "fork", "a", "stopped"), line("fork", "b", "stopped"),
        ),
        key="one",
    )  # fmt: skip
    instance_id = office.begin("one")
    office.do("a")
    assert office.open() == []
    assert office.instance(instance_id).status == "completed"
    with transaction(write=False):
        statuses = dict(db.session.execute(sa.select(WorkItem.node, WorkItem.status)).all())
        assert statuses == {"a": "done", "b": "cancelled"}
        assert db.session.scalars(sa.select(Timer)).all() == []


DECISION = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="tables" name="tables"
 namespace="http://camunda.org/schema/1.0/dmn">
<decision id="grade" name="定级"><decisionTable id="table" hitPolicy="FIRST">
<input id="in" label="score"><inputExpression id="e" typeRef="number"><text>score</text>
</inputExpression></input><output id="out" name="level" typeRef="string"/>
<rule id="r1"><inputEntry id="i1"><text>&gt;= 60</text></inputEntry>
<outputEntry id="o1"><text>"pass"</text></outputEntry></rule>
<rule id="r2"><inputEntry id="i2"><text></text></inputEntry>
<outputEntry id="o2"><text>{fallback}</text></outputEntry></rule>
</decisionTable></decision></definitions>"""


def graded(fallback: str) -> dict[str, bytes]:
    rule = (
        '<bpmn:businessRuleTask id="grade_it"><bpmn:extensionElements>'
        "<spiffworkflow:calledDecisionId>grade</spiffworkflow:calledDecisionId>"
        "</bpmn:extensionElements></bpmn:businessRuleTask>"
    )
    files = diagram(
        "graded", start(), rule, choice("is_good", "bad"), user("award"), end(),
        line("begun", "grade_it", "is_good"), flow("is_good", "award", 'level == "pass"'),
        flow("is_good", "ended", flow_id="bad"), line("award", "ended"),
    )  # fmt: skip
    return {**files, "grade.dmn": DECISION.replace("{fallback}", fallback).encode()}


@pytest.mark.parametrize(("score", "opened"), [(60, ["award"]), (59, [])])
def test_a_decision_table_is_read_in_the_same_language(
    office: Office, score: int, opened: list[str]
) -> None:
    office.publish(graded('"fail"'), key="graded")
    office.begin("graded", score=score)
    assert office.open() == opened


def test_a_decision_table_cannot_run_code(office: Office) -> None:
    office.publish(graded("__import__('os').getcwd()"), key="graded")
    with pytest.raises(incidents.StepFailed) as failed:
        office.begin("graded", score=1)
    assert "只能调用规定的函数" in incidents.describe(failed.value)


def test_a_condition_over_a_missing_value_is_an_incident_that_says_so(office: Office) -> None:
    office.publish(
        diagram(
            "one", start(), user("fill", outcomes="decision"), choice("which", "no"), end(),
            line("begun", "fill", "which"), flow("which", "fill", 'verdict == "pass"'),
            flow("which", "ended", flow_id="no"),
        ),
        key="one",
    )  # fmt: skip
    instance_id = office.begin("one")
    with pytest.raises(incidents.StepFailed) as failed:
        office.do("fill")
    with transaction():
        incidents.note_failed_step(Conflict("无关"), NOON)
        incidents.note_failed_step(failed.value, NOON)
    with transaction(write=False):
        incident = db.session.scalars(sa.select(Incident)).one()
        assert (incident.instance_id, incident.node) == (instance_id, "which")
        assert incident.message.startswith('表达式“verdict == "pass"”：变量“verdict”还没有值')


def test_tasks_inside_a_subprocess_are_found_where_they_are_drawn(office: Office) -> None:
    inner = start("asked") + user("vet") + end("told") + line("asked", "vet", "told")
    part = f'<bpmn:subProcess id="part" name="阶段">{inner}</bpmn:subProcess>'
    lanes = {"单位经办人": ["part"]}
    office.publish(
        diagram("one", start(), part, end(), line("begun", "part", "ended"), lanes=lanes),
        key="one",
    )
    instance_id = office.begin("one")
    drawn = definitions.bundle_of(office.instance(instance_id)).node("part", "vet")
    assert drawn is not None
    assert (drawn.process, drawn.lane) == ("one", "单位经办人")
    office.do("vet")
    assert office.instance(instance_id).status == "completed"


def test_a_state_that_cannot_be_read_stops_the_step_with_its_instance(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    instance_id = office.begin()
    with transaction():
        db.session.get_one(ProcessInstance, instance_id).state = b"no state at all"
    with pytest.raises(StepFailed) as failed:
        office.do("fill")
    assert failed.value.place.instance_id == instance_id
    assert "流程状态无法读取" in incidents.describe(failed.value)


def test_a_lost_bundle_stops_the_step_with_its_instance(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.publish(reviewed(), key="case_review")
    instance_id = office.begin()
    monkeypatch.setattr(definitions, "_bundles", {})
    monkeypatch.setattr(definitions.db.session, "get", lambda *_: None)
    with transaction(write=False):
        instance = db.session.get_one(ProcessInstance, instance_id)
        with pytest.raises(StepFailed) as failed:
            runtime.Walk(instance, NOON)
    assert "流程定义" in incidents.describe(failed.value)
