"""A task finds its record in a state that it takes, and an end leaves it finished."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.engine.contracts import Contract, moves
from app.engine.gate import Known, course, published_in
from app.engine.gate.bundle import read_bundle
from app.engine.gate.findings import Verdict
from app.engine.gate.inspection import inspect
from app.engine.gate.publishing import courses_of, with_bundle
from app.engine.gate.states import states_as_needed
from app.engine.gate.variables import words_of
from app.engine.gate.ways import Ways
from tests.engine.gate_builder import (
    KEPT,
    KNOWN,
    Drawing,
    boundary,
    element,
    event,
    flow,
    gateway,
    message,
    properties,
    service,
    user,
)
from tests.engine.gate_state_faults import (
    BESIDE,
    DROPPED,
    FIVE_DAYS,
    JUDGE,
    MEND,
    SEEN,
    STATE_FAULTS,
    StateFault,
    each_seen,
    kept,
    timed,
)
from tests.engine.gate_witnesses import WITNESSES
from tests.engine.test_gate_decisions import table


def judged(drawing: Drawing, known: Known = KNOWN, **more: Drawing) -> Verdict:
    files = {f"{name}.bpmn": each.bytes() for name, each in {"kept": drawing, **more}.items()}
    return inspect(files, known=known)


def said(verdict: Verdict) -> list[tuple[str, str, str]]:
    return [(found.severity, found.rule, found.element) for found in verdict.findings]


@pytest.mark.parametrize("fault", STATE_FAULTS.values(), ids=STATE_FAULTS)
def test_what_is_sure_to_fail_is_refused_and_its_sound_twin_passes(fault: StateFault) -> None:
    rule, element_id, faulty, sound = fault
    assert said(judged(sound)) == []
    found = {(rule, name) for _severity, rule, name in said(judged(faulty))}
    assert (rule, element_id) in found


def test_the_finding_tells_the_state_in_words() -> None:
    (found,) = judged(STATE_FAULTS["mending what nobody returned"][2]).findings
    assert "“待审核”" in found.message
    assert "“已退回”" in found.message


UNKNOWN = 'decision == "pass" and amount > 3'


@pytest.mark.parametrize("severity", ["error", "warning"])
def test_a_way_that_may_be_taken_is_refused_unless_the_same_was_asked_before(
    severity: str,
) -> None:
    """What the amount is nobody knows; but both gateways hear the same of it."""
    ask = {**SEEN, "page": "fill", "form": "", "save": "save_fill", "outcomes": "amount"}
    values = {name: value for name, value in ask.items() if value}
    drawing = kept(
        seen=user("seen", values, name="填写"),
        judge_to_is_good=flow("judge", "seen"),
        seen_to_is_good=flow("seen", "is_good"),
        is_good_to_store=flow("is_good", "store", UNKNOWN),
    )
    if severity == "warning":
        drawing = drawing.with_(
            seen_to_is_good=flow("seen", "is_much"),
            is_much=gateway("is_much", "is_much_to_is_good"),
            is_much_to_is_good=flow("is_much", "is_good"),
            is_much_much=flow("is_much", "is_good", UNKNOWN, "is_much_much"),
        )
    assert said(judged(drawing)) == [(severity, "task.state", "mend")]
    # What another process asks of its own amount says nothing of this one.
    alike = drawing.but(process_id="other")
    found = [each for each in judged(drawing, other=alike).findings if each.file == "kept.bpmn"]
    assert [(each.severity, each.element) for each in found] == [(severity, "mend")]


@pytest.mark.parametrize(("asked", "severity"), [(UNKNOWN, "warning"), ("", "error")])
def test_what_calls_a_part_asks_of_the_same_amount(asked: str, severity: str) -> None:
    """The data of a call are those of its caller: where that is open, both gateways hear one."""
    fill = {**SEEN, "page": "fill", "save": "save_fill", "outcomes": "amount"}
    del fill["form"]
    part = kept(
        seen=user("seen", fill, name="填写"),
        judge_to_is_good=flow("judge", "seen"),
        seen_to_is_good=flow("seen", "is_good"),
        is_good_to_store=flow("is_good", "store", UNKNOWN),
    ).but(process_id="part")
    calling = Drawing(
        process_id="outer",
        parts={
            "start": event("startEvent", "start"),
            "call": element("callActivity", "call", calledElement="part", name="审核"),
            "is_much": gateway("is_much", "is_much_to_end" if asked else ""),
            "end": event("endEvent", "end"),
            "start_to_call": flow("start", "call"),
            "call_to_is_much": flow("call", "is_much"),
            "is_much_to_end": flow("is_much", "end"),
            **({"much": flow("is_much", "end", asked, "much")} if asked else {}),
        },
        lanes={},
    )
    matter = replace(KNOWN.matters["kept"], parts=("part",))
    known = replace(KNOWN, matters={**KNOWN.matters, "kept": matter})
    files = {"outer.bpmn": calling.bytes(), "part.bpmn": part.bytes()}
    found = inspect(files, known=known).findings
    assert [each.severity for each in found if each.element == "mend"] == [severity]


@pytest.mark.parametrize("kind", ["exclusiveGateway", "inclusiveGateway"])
def test_a_way_that_other_conditions_rule_out_is_only_warned_of(kind: str) -> None:
    """Nobody knows the amount; but it is much or little, never neither and never both."""
    ask = {**SEEN, "page": "fill", "form": "", "save": "save_fill", "outcomes": "amount"}
    drawing = kept(
        seen=user("seen", {name: value for name, value in ask.items() if value}, name="填写"),
        start_to_judge=flow("start", "seen"),
        seen_to_is_much=flow("seen", "is_much"),
        is_much=gateway("is_much", "is_neither", kind),
        much=flow("is_much", "join", "amount &gt; 100", "much"),
        little=flow("is_much", "join", "amount &lt;= 100", "little"),
        is_neither=flow("is_much", "again", ident="is_neither"),
        again=user("again", MEND, name="修改"),
        again_to_join=flow("again", "join"),
        join=gateway("join", kind=kind),
        join_to_judge=flow("join", "judge"),
    )
    drawing = drawing.but(lanes={"申报人": ["mend", "again"], "单位经办人": ["judge", "seen"]})
    assert said(judged(drawing)) == [("warning", "task.state", "again")]


def in_turn(judge: str) -> Drawing:
    """The record is mended while it is judged, and comes to an end behind both."""
    return kept(
        judge=judge,
        start_to_judge=flow("start", "fork"),
        fork=element("parallelGateway", "fork", name="同时"),
        fork_to_judge=flow("fork", "judge"),
        fork_to_mend=flow("fork", "mend"),
        judge_to_is_good=flow("judge", "join"),
        mend_to_judge=flow("mend", "join"),
        join=element("parallelGateway", "join", name="汇合"),
        join_to_drop=flow("join", "drop"),
        **dict.fromkeys(("is_good", "is_good_to_store", "is_good_to_mend"), ""),
        **dict.fromkeys(("store", "store_to_end"), ""),
        **DROPPED,
    )


def test_a_branch_that_another_one_may_leave_behind_for_ever_is_refused() -> None:
    assert said(judged(in_turn(user("judge", JUDGE, name="审核")))) == [
        ("error", "task.state", "mend"),
    ]


def test_a_branch_that_waits_until_another_one_opens_its_way_is_only_warned_of() -> None:
    """Its task is there too early, but whoever has the other one lets it be done."""
    back = Contract(KEPT, moves=moves(("sent",), "returned"))
    known = replace(KNOWN, saves={**KNOWN.saves, "give_back": back})
    task = {**SEEN, "save": "give_back", "form": "vet"}
    verdict = judged(in_turn(user("judge", task, name="退回")), known=known)
    assert said(verdict) == [("warning", "task.state", "mend")]


def part(**parts: str) -> Drawing:
    """A process that judges the record for who calls it."""
    return Drawing(
        process_id="part",
        parts={
            "start": element("startEvent", "start", name="开始"),
            "judge": user("judge", JUDGE, name="审核"),
            "end": element("endEvent", "end", name="结束"),
            "start_to_judge": flow("start", "judge"),
            "judge_to_end": flow("judge", "end"),
            **parts,
        },
        lanes={"单位经办人": ["judge", *(["again"] if "again" in parts else [])]},
    )


CALLING = kept(
    judge=element("callActivity", "judge", calledElement="part", name="审核"),
)


def test_a_called_process_is_followed_into_and_out_of() -> None:
    calling = CALLING.but(lanes={"申报人": ["mend"]})
    assert said(judged(calling, part=part())) == []
    twice = part(
        again=user("again", {**JUDGE, "apart": "judge"}, name="复核"),
        judge_to_end=flow("judge", "again"),
        again_to_end=flow("again", "end"),
    )
    assert said(judged(calling, part=twice)) == [("error", "task.state", "again")]


def test_a_called_process_tells_nothing_of_a_state_in_which_it_fails() -> None:
    storing = part(judge=service("judge", "store")).but(lanes={})
    files = {"kept.bpmn": CALLING.bytes(), "part.bpmn": storing.bytes()}
    (move,) = published_in(files, KNOWN)["part"].moves["kept"]
    assert (move.before, move.after) == (("passed",), "stored")


def test_an_event_at_the_border_of_a_call_takes_what_was_under_way_there() -> None:
    calling = CALLING.but(lanes={"申报人": ["mend"]})
    assert said(judged(calling.with_(**DROPPED, **timed("drop")), part=part())) == []
    ended = judged(calling.with_(**timed("end")), part=part())
    assert said(ended) == [("error", "end.state", "end")]


def test_a_part_of_a_process_is_followed_like_a_task() -> None:
    inner = (
        element("startEvent", "in_start")
        + user("judge", JUDGE, name="审核")
        + element("endEvent", "in_end")
        + flow("in_start", "judge")
        + flow("judge", "in_end")
    )
    drawing = kept(
        judge=element("subProcess", "inside", inner, name="审核"),
        start_to_judge=flow("start", "inside"),
        judge_to_is_good=flow("inside", "is_good"),
        mend_to_judge=flow("mend", "inside"),
    ).but(lanes={"申报人": ["mend"], "单位经办人": ["inside"]})
    assert said(judged(drawing)) == []
    ending = drawing.with_(
        is_good_to_mend=flow("is_good", "end", ident="is_good_to_mend"), mend="", mend_to_judge=""
    ).but(lanes={"单位经办人": ["inside"]})
    assert said(judged(ending)) == [("error", "end.state", "end")]


@pytest.mark.parametrize("count", [5, 40])
def test_branches_that_leave_the_record_alone_change_nothing(count: int) -> None:
    assert said(judged(each_seen(count))) == []


def beside_movers() -> Iterator[Drawing]:
    """People who only read, beside those who move the record, in time and late, in a loop."""
    yield each_seen(3)
    yield in_turn(user("judge", JUDGE, name="审核"))
    for name, fault in STATE_FAULTS.items():
        yield from fault[2:] if name != "too many at once to follow" else ()
    for target in ("join", "store", "drop", "mend"):
        late = {"late": boundary("late", "seen_0", FIVE_DAYS), "late_to": flow("late", target)}
        yield each_seen(3).with_(
            **DROPPED,
            **late,
            to_judge=flow("fork", "judge", ident="to_judge"),
            join_to_judge=flow("join", "store"),
            is_good_to_store=flow("is_good", "join", 'decision == "pass"'),
        )


def test_who_only_reads_may_be_followed_before_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is faster, and finds what every order of them would find."""
    found: dict[bool, list[object]] = {True: [], False: []}
    for is_first, told in found.items():
        if not is_first:
            monkeypatch.setattr(Ways, "_is_aside", lambda *_given: False)
        for drawing in beside_movers():
            bundle = read_bundle({"kept.bpmn": drawing.bytes()})
            known = with_bundle(KNOWN, bundle.diagrams)
            courses = courses_of(bundle, known)
            courses.steps = 10**6
            told.append({(f.rule, f.element) for f in states_as_needed("kept", courses, known)})
    assert found[True] == found[False]
    assert sum(map(bool, found[True])) > 10  # type: ignore[arg-type]


def test_every_branch_of_an_inclusive_gateway_is_waited_for() -> None:
    drawing = kept(
        seen=user("seen", SEEN, name="阅知"),
        judge_to_is_good=flow("judge", "some"),
        some=gateway("some", "some_to_join", kind="inclusiveGateway"),
        some_to_seen=flow("some", "seen", 'decision == "pass"'),
        some_to_join=flow("some", "join"),
        seen_to_join=flow("seen", "join"),
        join=gateway("join", kind="inclusiveGateway"),
        join_to_is_good=flow("join", "is_good"),
    )
    assert said(judged(drawing)) == []
    assert said(judged(drawing.with_(start_to_judge=flow("start", "mend")))) == [
        ("error", "task.state", "mend")
    ]


def test_the_end_that_ends_everything_ends_the_other_branches_too() -> None:
    ends = {"cancelActivity": "false"}
    stopped = element("endEvent", "stop", "<bpmn:terminateEventDefinition/>", name="终止")
    drawing = kept(stop=stopped, **timed("stop", **ends))
    assert said(judged(drawing)) == [("error", "end.state", "stop")]


def test_a_fault_that_another_rule_tells_is_not_told_twice() -> None:
    drawing = kept(
        store_to_end=flow("store", "twice"),
        twice=service("twice", "store"),
        twice_to_end=flow("twice", "end"),
    )
    assert said(judged(drawing)) == [("error", "task.twice", "twice")]


def test_an_inclusive_join_waits_for_nobody_who_may_come_where_another_has_come() -> None:
    def met_at(place: str) -> list[tuple[str, str, str]]:
        begun = "".join(flow("fork", each) for each in ("seen", "met", "join"))
        drawing = kept(
            is_good_to_store=flow("is_good", "fork", 'decision == "pass"'),
            fork=element("parallelGateway", "fork", name="分开"),
            seen=user("seen", SEEN, name="阅知"),
            met=gateway("met"),
            join=gateway("join", kind="inclusiveGateway"),
            ways=begun + flow("seen", place) + flow("met", "join") + flow("join", "store"),
        )
        return [each for each in said(judged(drawing)) if each[0] == "error"]

    assert met_at("met") == [("error", "task.state", "store")]
    assert met_at("join") == []


def test_the_work_of_following_is_bounded_for_the_whole_bundle() -> None:
    """A file for each process could ask for a second each."""
    bundle = read_bundle({"kept.bpmn": kept().bytes()})
    known = with_bundle(KNOWN, bundle.diagrams)
    courses = courses_of(bundle, known)
    assert [f.rule for f in states_as_needed("kept", courses, known)] == []
    courses.steps = 10
    assert [f.rule for f in states_as_needed("kept", courses, known)] == ["state.unfollowed"]


def test_what_is_too_much_to_follow_costs_the_conditions_of_the_bundle_nothing() -> None:
    bundle = read_bundle({"kept.bpmn": kept().bytes()})
    known = with_bundle(KNOWN, bundle.diagrams)
    courses, left = courses_of(bundle, known), bundle.effort.left
    courses.followed.left = 0
    assert [f.rule for f in states_as_needed("kept", courses, known)] == ["state.unfollowed"]
    assert bundle.effort.left == left


def test_flows_are_read_once_and_counted_whenever_they_are_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    never = {f"no_{no}": flow("is_good", "mend", 'decision == "x"', f"no_{no}") for no in range(9)}
    read: list[str] = []
    monkeypatch.setattr(course, "words_of", lambda text: read.append(text) or words_of(text))

    def steps(drawing: Drawing) -> int:
        bundle = read_bundle({"kept.bpmn": drawing.bytes()})
        known = with_bundle(KNOWN, bundle.diagrams)
        courses = courses_of(bundle, known)
        assert list(states_as_needed("kept", courses, known)) == []
        return course.MAX_STEPS - courses.steps

    fewer = steps(kept())
    read.clear()
    assert steps(kept(**never)) >= fewer + 9
    assert len(read) == len(set(read)) > 1


SEND_BACK = Contract(KEPT, moves=moves(("sent",), "returned"))


def test_a_task_that_a_time_beside_it_opens_is_only_warned_of() -> None:
    """Nobody can mend what was sent, until the time at the task's border gives it back."""
    known = replace(KNOWN, services={**KNOWN.services, "give_back": SEND_BACK})
    early = {"start_to_judge": flow("start", "mend")}
    opened = {
        "late": boundary("late", "mend", FIVE_DAYS, **BESIDE),
        "late_to": flow("late", "back"),
        "back": service("back", "give_back"),
        "back_to_end": flow("back", "over"),
        "over": element("endEvent", "over", name="已退回"),
    }
    assert ("error", "task.state", "mend") in said(judged(kept(**early), known=known))
    found = said(judged(kept(**early, **opened), known=known))
    assert [each for each in found if each[2] == "mend"] == [("warning", "task.state", "mend")]


def test_a_message_that_never_comes_behind_a_gateway_leaves_no_branch_behind() -> None:
    """Withdrawn is what was not judged yet; afterwards it is the time that comes."""
    late = Contract(KEPT, moves=moves(("stored",), "stored"))
    known = replace(KNOWN, saves={**KNOWN.saves, "look_late": late})
    drawing = kept(
        is_good_to_store=flow("is_good", "fork", 'decision == "pass"', "is_good_to_store"),
        fork=element("parallelGateway", "fork", name="同时"),
        fork_to_seen=flow("fork", "seen"),
        seen=user("seen", {**SEEN, "save": "look_late"}, name="查看"),
        seen_to_join=flow("seen", "join"),
        fork_to_which=flow("fork", "which"),
        which=element("eventBasedGateway", "which", name="等待"),
        which_to_wait=flow("which", "wait"),
        wait=event("intermediateCatchEvent", "wait", FIVE_DAYS),
        wait_to_store=flow("wait", "store"),
        which_to_gone=flow("which", "gone"),
        gone=event("intermediateCatchEvent", "gone", message()),
        gone_to_either=flow("gone", "either"),
        store_to_end=flow("store", "either"),
        either=gateway("either"),
        either_to_join=flow("either", "join"),
        join=element("parallelGateway", "join", name="汇合"),
        join_to_end=flow("join", "end"),
    )
    found = [each for each in said(judged(drawing, known=known)) if each[1] == "task.state"]
    assert found == [("warning", "task.state", "seen")]


@pytest.mark.parametrize(("count", "rules"), [(8, set()), (9, {"state.unfollowed"})])
def test_more_unsure_branches_than_are_combined_are_told(count: int, rules: set[str]) -> None:
    """How a missing value turns out nobody knows."""
    fork = {
        f"to_seen_{no}": flow("fork", f"seen_{no}", f"amount > {no}", f"to_seen_{no}")
        for no in range(count)
    }
    ways = {
        "fork": gateway("fork", "aside", kind="inclusiveGateway"),
        "aside": flow("fork", "join", ident="aside"),
        "join": gateway("join", kind="inclusiveGateway"),
    }
    drawing = each_seen(count).but(process_properties=properties(inputs="amount"))
    found = judged(drawing.with_(**fork, **ways)).findings
    assert {each.rule for each in found if each.rule == "state.unfollowed"} == rules


def test_who_leads_back_to_what_was_decided_is_told_so_and_what_works() -> None:
    """What is at fault is the task that was drawn behind the decision, not the old one."""
    drawing = kept(
        seen=user("seen", SEEN, name="复核"),
        is_good_to_store=flow("is_good", "seen", 'decision == "pass"', "is_good_to_store"),
        seen_to_ok=flow("seen", "ok"),
        ok=gateway("ok", "ok_to_judge"),
        ok_to_store=flow("ok", "store", "later > 3"),
        ok_to_judge=flow("ok", "judge"),
    ).but(process_properties=properties(inputs="later"))
    found = [each for each in judged(drawing).findings if each.rule == "task.state"]
    assert [each.element for each in found] == ["seen"]
    assert found[0].message.startswith("从这里会回到“审核”，那时业务已是“审核通过”")
    assert "“审核”已经作出决定，不能回来再作第二次：请把复核画在它之前" in found[0].hint


ASKED = "<spiffworkflow:calledDecisionId>find_grade</spiffworkflow:calledDecisionId>"
BY_TABLE = kept(
    judge_to_is_good=flow("judge", "grade_it"),
    grade_it=element(
        "businessRuleTask",
        "grade_it",
        f"<bpmn:extensionElements>{ASKED}</bpmn:extensionElements>",
        name="评级",
    ),
    grade_it_to_is_good=flow("grade_it", "is_good"),
    is_good_to_store=flow("is_good", "store", 'grade == "senior"'),
)


def test_nothing_is_said_of_what_lies_behind_another_fault() -> None:
    """A slip of the pen in a condition is one finding, not three."""
    slip = kept(is_good_to_store=flow("is_good", "store", 'decision = "pass"'))
    assert said(judged(slip)) == [("error", "expression.invalid", "is_good_to_store")]
    sound = table(header="decision", test='"pass"')
    for text, elements in ((sound, set()), (sound.replace('"pass"', "“pass”"), {"c1"})):
        files = {"kept.bpmn": BY_TABLE.bytes(), "find_grade.dmn": text.encode()}
        assert {found.element for found in inspect(files, known=KNOWN).findings} == elements


@pytest.mark.parametrize("name", WITNESSES)
def test_whatever_is_drawn_can_be_followed(name: str) -> None:
    """No fault of a drawing that another rule tells breaks the walk off."""
    rules = {found.rule for found in inspect(WITNESSES[name].faulty, known=KNOWN).findings}
    assert WITNESSES[name].rule in rules
    assert "gate.unfinished" not in rules
