"""Decision tables: what the engine would misread is refused, cell by cell."""

import ast
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.decisions import VALUE, cell_test
from app.engine.gate import Verdict, decisions
from app.engine.gate.inspection import inspect, inspect_over
from app.engine.gate.known import Published
from rules.expression import MAX_TEXT, compile_expression
from tests.engine.gate_builder import KNOWN, VET, Drawing, element, flow, gateway, user
from tests.engine.gate_business_faults import ENTERING
from tests.engine.gate_costs import asked_by_many

DMN = "https://www.omg.org/spec/DMN/20191111/MODEL/"


def table(
    *,
    header: str = "amount",
    test: str = "&gt; 3",
    output: str = '"senior"',
    policy: str = "FIRST",
    name: str = "grade",
    namespace: str = DMN,
    more: str = "",
    extra_cell: str = "",
) -> str:
    return f"""<definitions xmlns="{namespace}" id="d" name="d" namespace="d">
    <decision id="find_grade" name="评级"><decisionTable id="t" hitPolicy="{policy}">
    <input id="i" label="数量"><inputExpression id="ie"><text>{header}</text></inputExpression>
    </input>
    <output id="o" name="{name}"/>{more}
    <rule id="r1"><inputEntry id="c1"><text>{test}</text></inputEntry>{extra_cell}
    <outputEntry id="c2"><text>{output}</text></outputEntry></rule>
    </decisionTable></decision></definitions>"""


REF = "<spiffworkflow:calledDecisionId>find_grade</spiffworkflow:calledDecisionId>"
EXTENSION = f"<bpmn:extensionElements>{REF}</bpmn:extensionElements>"
DECIDING = Drawing().with_(
    publish=element("businessRuleTask", "publish", EXTENSION, name="评级"),
    publish_to_end=flow("publish", "which"),
    which=gateway("which", "which_to_fill"),
    which_to_fill=flow("which", "fill"),
    which_to_end=flow("which", "end", 'grade == "senior"'),
)
"""The sound diagram with a business rule task, and a gateway that goes by its answer."""


def with_table(text: str, condition: str = 'grade == "senior"') -> Verdict:
    drawing = DECIDING.with_(which_to_end=flow("which", "end", condition))
    files = {"sample.bpmn": drawing.bytes(), "find_grade.dmn": text.encode()}
    return inspect(files, known=KNOWN)


@pytest.mark.parametrize("policy", ["FIRST", "UNIQUE", "COLLECT"])
def test_a_sound_table_passes_and_lends_its_outputs(policy: str) -> None:
    condition = '"senior" in grade' if policy == "COLLECT" else 'grade == "senior"'
    assert [f.message for f in with_table(table(policy=policy), condition).findings] == []


TESTS = [
    "-",
    "",
    " - ",
    "3",
    "-3",
    "1, 2",
    "len([1])",
    "&lt;= 3",
    "!= 3",
    "in [1, 2]",
    "not in [1, 2]",
]
ASKING = [
    "3 &lt; ? &lt; 6",
    "? == 1 or ? == 2",
    "not (? &gt; 3)",
    "? in [1, 2]",
    "&gt;= 3 and amount != 4",
]


@pytest.mark.parametrize("test", TESTS + ASKING)
def test_every_way_to_write_a_test_passes(test: str) -> None:
    assert [f.message for f in with_table(table(test=test)).findings] == []


MISREAD = {
    "the negation of another product": 'not("a")',
    "a negation among several": '"a", not "b"',
    "an alternative": '"a" or "b"',
    "a comparison of its own": "amount &gt; 3",
    "a membership of its own": "amount in [1, 2]",
    "a comparison among several": "&lt; 3, 5",
    "arithmetic on the column": "* 3",
    "a sentence that is always true": "or True",
    "a question that is no comparison": "?, 3",
    "a choice": "1 if ? else 2",
    "a range of another product": "[1..5]",
}


@pytest.mark.parametrize("test", MISREAD.values(), ids=MISREAD.keys())
def test_a_cell_that_would_be_misread_is_refused(test: str) -> None:
    verdict = with_table(table(test=test))
    assert not verdict.ok
    assert {f.element for f in verdict.findings} == {"c1"}
    assert {f.rule for f in verdict.findings} <= {"dmn.cell", "expression.invalid"}


@pytest.mark.parametrize("test", ["not(2)", "amount in [1, 2]", "1 or 2"])
def test_such_a_cell_does_not_mean_what_it_says_at_run_time(test: str) -> None:
    """The reason for the rule: 2 is in [1, 2] and is one of 1 or 2, yet no row would fit."""
    condition = compile_expression(cell_test("amount", test))
    assert not condition.evaluate({"amount": 3 if test == "not(2)" else 2})


@pytest.mark.parametrize(
    ("rule", "element_id", "text"),
    [
        ("dmn.policy", "t", table(policy="RULE ORDER")),
        ("dmn.columns", "r1", table(extra_cell="<inputEntry id='c9'><text>1</text></inputEntry>")),
        ("dmn.unknown", "a", table(more="<annotation id='a' name='x'/>")),
        ("dmn.table", "definitions", table(namespace="http://www.omg.org/spec/DMN/nothing")),
        (
            "dmn.table",
            "definitions",
            table().replace("</decision>", "</decision><decision id='b'/>"),
        ),
        ("variable.name", "o", table(name="len")),
        ("variable.name", "o", table(name="")),
        ("expression.invalid", "i", table(header="mood")),
        ("expression.invalid", "i", table(header="")),
        ("expression.invalid", "c1", table(test="mood")),
        ("expression.invalid", "c2", table(output="senior")),
    ],
)
def test_faults_of_a_table_are_named(rule: str, element_id: str, text: str) -> None:
    verdict = with_table(text)
    found = {(f.rule, f.element) for f in verdict.findings}
    assert (rule, element_id) in found
    assert not verdict.ok


def test_a_condition_on_no_output_of_the_table_is_refused() -> None:
    verdict = with_table(table(), 'rank == "senior"')
    assert {f.element for f in verdict.findings} == {"which_to_end"}


def test_two_tables_with_one_id_are_refused() -> None:
    files = {"a.dmn": table().encode(), "b.dmn": table().encode(), "sample.bpmn": b"<"}
    assert "id.duplicate" in {f.rule for f in inspect(files, known=KNOWN).findings}


def test_a_table_takes_the_place_of_the_one_that_decides_the_same() -> None:
    in_force = {"sample.bpmn": DECIDING.bytes(), "grades.dmn": table().encode()}
    again = {"评级 (1).dmn": table(test="&gt; 5").encode()}
    verdict = inspect_over(again, in_force, known=KNOWN, key="sample")
    assert (verdict.ok, verdict.names) == (True, (("评级 (1).dmn", "grades.dmn"),))
    other = {"other.dmn": table().replace("find_grade", "find_rank").encode()}
    assert inspect_over(other, in_force, known=KNOWN).names == (("other.dmn", "other.dmn"),)


LONG = {
    "questions": "?" * 20_000,
    "questions and an odd quote": "?" * 20_000 + "'",
    "quotes": "\"'" * 10_000,
    "brackets": "(" * 20_000,
    "signs": "-" * 20_000 + "1",
}


@pytest.mark.parametrize("test", LONG.values(), ids=LONG.keys())
@pytest.mark.parametrize("place", ["test", "header", "output"])
def test_a_long_text_is_refused_unread(
    place: str, test: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    parse = ast.parse

    def counted(source: str, **options: object) -> object:
        read.append(len(source))
        return parse(source, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(ast, "parse", counted)
    verdict = with_table(table(**{place: test}))
    assert {f.rule for f in verdict.findings} == {"expression.invalid"}
    assert {f.message for f in verdict.findings if "2000" in f.message}
    assert max(read) <= MAX_TEXT


@pytest.mark.parametrize(
    ("cell", "test"),
    [
        ("? > 1", f"{VALUE} > 1"),
        ('"why?" == ?', f'"why?" == {VALUE}'),
        ("? in ['?', \"'?\"]", f"{VALUE} in ['?', \"'?\"]"),
        ('"?"', '(amount) == ("?")'),
    ],
)
def test_a_question_mark_in_quotes_is_a_letter(cell: str, test: str) -> None:
    assert cell_test("amount", cell) == test


@given(st.text(st.sampled_from("?'\" a1"), max_size=40))
def test_a_cell_asks_where_its_marks_stand_outside_of_quotes(cell: str) -> None:
    outside, quote = [], ""
    for letter in cell:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        else:
            outside.append(letter)
    if not quote:
        assert (VALUE in cell_test("amount", cell)) == ("?" in outside)


PLACES = {
    "a cell": ('"a" b', "第 1 行“数量”列", '（第 1 个字符，“"a" b”处）'),
    "a bad comparison": ("&gt; amuont", "第 1 行“数量”列", "（第 3 个字符，“amuont”处）"),
    "a bad question": (
        "? &gt; 1 and ? &lt; amuont",
        "第 1 行“数量”列",
        "（第 15 个字符，“amuont”处）",
    ),
    "a bad value": ("amuont", "第 1 行“数量”列", "（第 1 个字符，“amuont”处）"),
}


@pytest.mark.parametrize(("cell", "place", "told"), PLACES.values(), ids=PLACES)
def test_what_is_wrong_in_a_cell_is_told_with_row_column_and_letter(
    cell: str, place: str, told: str
) -> None:
    found = [f for f in with_table(table(test=cell)).findings if f.rule == "expression.invalid"]
    assert found
    assert {f.name for f in found} == {place}
    assert {f.element for f in found} == {"c1"}
    assert all(told in f.message for f in found), [f.message for f in found]
    assert not [f.hint for f in found if "decision ==" in f.hint]


def test_headers_answers_and_rows_are_named_as_people_see_them() -> None:
    of_header = with_table(table(header="amuont")).findings
    assert {(f.element, f.name) for f in of_header} == {("i", "“数量”列")}
    assert {f.name for f in with_table(table(output="senior")).findings} == {"第 1 行“grade”列"}
    extra = "<inputEntry id='c9'><text>1</text></inputEntry>"
    assert {f.name for f in with_table(table(extra_cell=extra)).findings} == {"第 1 行"}


def test_a_mistake_in_a_cell_is_told_how_to_write_cells() -> None:
    hints = {f.hint for f in with_table(table(test="3 = 3")).findings}
    assert hints == {'判断相等要写两个等号，如 "pass"、!= "pass" 或 >= 60'}


def test_a_cell_is_held_against_what_its_column_can_be() -> None:
    drawing = DECIDING.with_(vet=user("vet", {**VET, "form": "decide", "save": "decide"}))
    for cell, answer in (('"passed"', False), ('"pass", "return"', True), ('!= "通过"', False)):
        text = table(header="decision", test=cell)
        files = {"sample.bpmn": drawing.bytes(), "find_grade.dmn": text.encode()}
        verdict = inspect(files, known=KNOWN)
        assert verdict.ok is answer, verdict.findings
        told = [(f.rule, f.name) for f in verdict.findings if f.severity == "error"]
        assert told == ([] if answer else [("condition.value", "第 1 行“数量”列")])


AGAIN = ENTERING.with_(
    is_good_to_fill=flow("is_good", "weigh", 'decision == "return"'),
    weigh=element("businessRuleTask", "weigh", EXTENSION, name="复评"),
    weigh_to_publish=flow("weigh", "publish"),
)
"""What was returned is weighed by a table, and goes on whatever it says."""


@pytest.mark.parametrize(
    ("name", "rules"),
    [("decision", {"rule.overwrites", "task.state"}), ("grade", {"task.state"})],
)
def test_a_table_may_not_write_what_people_decided(name: str, rules: set[str]) -> None:
    files = {"sample.bpmn": AGAIN.bytes(), "grade.dmn": table(name=name, output='"pass"').encode()}
    assert {finding.rule for finding in inspect(files, known=KNOWN).findings} == rules


SORTED = ENTERING.with_(
    vet_to_is_good=flow("vet", "sort"),
    sort=element("businessRuleTask", "sort", EXTENSION, name="去向"),
    sort_to_is_good=flow("sort", "is_good"),
)
"""What was decided is translated by a table, and the gateway goes by the word of the table."""


def sorting(rows: list[tuple[str, str]], condition: str, policy: str = "UNIQUE") -> Verdict:
    (first, *others) = rows
    more = "".join(
        f"<rule id='m{at}'><inputEntry id='mi{at}'><text>{test}</text></inputEntry>"
        f"<outputEntry id='mo{at}'><text>{answer}</text></outputEntry></rule>"
        for at, (test, answer) in enumerate(others)
    )
    whole = table(header="decision", test=first[0], output=first[1], policy=policy, name="way")
    text = whole.replace("</decisionTable>", f"{more}</decisionTable>")
    drawing = SORTED.with_(
        vet=user("vet", {**VET, "form": "decide", "save": "decide"}, name="单位审核"),
        is_good_to_fill=flow("is_good", "fill", condition),
    )
    files = {"sample.bpmn": drawing.bytes(), "way.dmn": text.encode()}
    return inspect(files, known=KNOWN)


STRAIGHT = [('"pass"', '"in"'), ('"return"', '"out"')]
SWAPPED = [('"pass"', '"out"'), ('"return"', '"in"')]


@pytest.mark.parametrize("policy", ["FIRST", "UNIQUE"])
@pytest.mark.parametrize("condition", ['way == "out"', 'way == "out" and decision == "return"'])
def test_a_decision_is_followed_through_a_table(condition: str, policy: str) -> None:
    assert sorting(STRAIGHT, condition, policy).findings == ()
    swapped = sorting(SWAPPED, condition, policy)
    assert {finding.rule for finding in swapped.findings} == {"task.state"}


def test_the_first_row_that_fits_answers() -> None:
    anything = [("-", '"in"'), *STRAIGHT]
    found = sorting(anything, 'way == "out"', "FIRST")
    assert {finding.rule for finding in found.findings} == {"task.state"}
    rest = sorting([('"pass"', '"in"'), ("-", '"out"')], 'way == "out"', "FIRST")
    assert rest.findings == ()


def test_a_return_that_no_row_answers_goes_the_default_way() -> None:
    found = sorting([('"pass"', '"in"'), ('"return"', "")], 'way != "in"')
    assert found.findings == ()
    found = sorting([('"pass"', '"in"')], 'way == "in"')
    assert {finding.rule for finding in found.findings} == {"task.state"}


@pytest.mark.parametrize("outcomes", [{"decision"}, {"x"}])
def test_a_called_process_that_does_nothing_to_the_record_leaves_it_as_it_was(
    outcomes: set[str],
) -> None:
    called = element("callActivity", "weigh", name="复评", calledElement="weighing")
    known = replace(KNOWN, processes={"weighing": Published(outcomes=frozenset(outcomes))})
    verdict = inspect({"sample.bpmn": AGAIN.with_(weigh=called).bytes()}, known=known)
    assert {finding.rule for finding in verdict.findings} == {"task.state"}


def test_what_a_table_answers_is_worked_out_once_for_all_tasks_that_know_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []
    fits = decisions._fits
    monkeypatch.setattr(decisions, "_fits", lambda *given: asked.append(given) or fits(*given))
    assert inspect(asked_by_many(20, 30), known=KNOWN).ok
    assert 0 < len(asked) <= 3 * 20
