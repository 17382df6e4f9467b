"""What a version changes, told in words: every attribute with what it was and is."""

from typing import Any
from urllib.parse import quote

import pytest

from app.core.clock import now
from app.core.db import transaction
from app.engine.definitions import publish_version
from app.engine.gate import Verdict
from app.engine.models import ProcessVersion
from app.studio import operations, queries
from app.studio.comparing import CHANGED, REMOVED, Difference, Edit, between
from app.studio.drawings import changed
from app.studio.reading import contents
from app.studio.sheets import LIMITS, TYPES
from forms import FieldSpec
from forms.fields import TYPES as FIELD_TYPES
from tests.engine.gate_builder import VET, Drawing, boundary, flow, service, timer, user
from tests.engine.test_gate_decisions import DECIDING
from tests.engine.test_gate_decisions import table as decision_table

FIRST = Drawing(process_id="sample")
FORM = """
title: 审核
sections:
  - {id: a, title: 意见, fields: [{name: opinion, type: textarea, label: 意见, max_length: 100}]}
actions: [{value: pass, label: 通过}, {value: return, label: 退回}]
"""


def difference(old: Drawing, new: Drawing) -> Difference:
    before, after = ({"sample.bpmn": each.bytes()} for each in (old, new))
    return between(contents(before, {}), contents(after, {}))


def edits(old: Drawing, new: Drawing) -> list[Edit]:
    [change] = difference(old, new).nodes
    assert change.word == CHANGED
    return list(change.edits)


def test_the_difference_names_added_and_removed_nodes() -> None:
    second = FIRST.with_(more=service("more"))
    assert difference(FIRST, second).ids("新增") == ["more"]
    assert difference(second, FIRST).ids("删除") == ["more"]
    assert not difference(second, second)


def test_all_that_came_with_a_node_is_told_and_all_that_went() -> None:
    late = boundary("late", "vet", timer("timeDuration", '"P30D"'))
    second = FIRST.with_(
        late=late, late_to_more=flow("late", "more"), more=user("more", {**VET, "due": "3"})
    )
    said = {
        change.piece.node.id: {edit.label: edit for edit in change.edits}
        for change in difference(FIRST, second).nodes
        if change.word == "新增"
    }
    assert said["late"]["时长"] == Edit("时长", "", '"P30D"')
    [goes_on] = (label for label in said["late"] if label.startswith("下一步"))
    assert said["late"][goes_on].after == "直接"
    assert said["more"]["办理角色"].after == "单位经办人"
    assert said["more"]["办理时限"].after == "3 个工作日"
    gone = [each for each in difference(second, FIRST).nodes if each.word == REMOVED]
    assert {edit.before for each in gone for edit in each.edits} >= {'"P30D"', "3 个工作日"}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("due", "3", Edit("办理时限", "5 个工作日", "3 个工作日")),
        ("form", "other", Edit("表单", "vet", "other")),
        ("save", "other", Edit("保存处理", "save_vet", "other")),
        ("role", "unit_leader", Edit("办理角色", "单位经办人", "单位领导")),
        ("scope", "other", Edit("办理范围", "own_unit", "other")),
        ("outcomes", "decison", Edit("结果", "decision", "decison")),
    ],
)
def test_every_property_is_told_with_what_it_was(name: str, value: str, told: Edit) -> None:
    second = FIRST.with_(vet=user("vet", {**VET, name: value}, name="单位审核"))
    assert edits(FIRST, second) == [told]


def test_names_handlers_and_calls_are_told_with_what_they_were() -> None:
    renamed = FIRST.replacing('name="单位审核"', 'name="单位初审"')
    assert edits(FIRST, renamed) == [Edit("名称", "单位审核", "单位初审")]
    other = FIRST.with_(publish=service("publish", "find_voters"))
    assert edits(FIRST, other) == [Edit("自动处理", "publish", "find_voters")]


def test_a_lane_is_told_of_whose_tasks_are_in_it() -> None:
    old = FIRST.but(lanes={**FIRST.lanes, "单位经办人": ["vet", "is_good", "publish", "end"]})
    new = FIRST.but(lanes={**FIRST.lanes, "单位领导": ["vet", "is_good", "publish", "end"]})
    new.lanes.pop("单位经办人")
    assert edits(old, new) == [Edit("泳道", "单位经办人", "单位领导")]


def test_conditions_are_told_with_where_they_lead() -> None:
    other = FIRST.with_(is_good_to_fill=flow("is_good", "fill", 'decision != "pass"'))
    label = "下一步“填写材料”"
    assert edits(FIRST, other) == [Edit(label, 'decision == "return"', 'decision != "pass"')]


def test_timers_are_told_with_what_they_were() -> None:
    def late(text: str, **more: str) -> Drawing:
        return FIRST.with_(late=boundary("late", "fill", timer("timeDuration", text), **more))

    assert edits(late('"P3D"'), late('"P5D"')) == [Edit("时长", '"P3D"', '"P5D"')]
    changed = late('"P3D"', cancelActivity="false")
    assert edits(late('"P3D"'), changed) == [Edit("触发时中断环节", "", "否")]


def test_an_emptied_name_of_the_process_is_told() -> None:
    other = FIRST.replacing('name="示例流程"', 'name=""')
    assert edits(FIRST, other) == [Edit("名称", "示例流程", "")]


def test_what_nobody_sees_is_told_as_such() -> None:
    """Layout and blanks say nothing; an id of a flow says that it is one."""
    spaced = FIRST.replacing("><bpmn:", ">\n  <bpmn:")
    assert not difference(FIRST, spaced)
    other = FIRST.with_(start_to_fill=flow("start", "fill", ident="way"))
    assert [each.label for each in edits(FIRST, other)] == ["连线或事件的编号"]


def test_the_cells_of_a_decision_table_are_told_row_by_row() -> None:
    old = {"sample.bpmn": DECIDING.bytes(), "find_grade.dmn": decision_table().encode()}
    new = {**old, "find_grade.dmn": decision_table(test="&gt; 5").encode()}
    found = between(contents(old, {}), contents(new, {}))
    [node] = found.nodes
    assert (node.piece.node.id, node.edits[0].label) == ("publish", "决策表的内容")
    [table] = found.tables
    [line] = table.lines
    assert (line.word, line.number) == (CHANGED, 1)
    assert [line.before[head.key] for head in table.heads] == ["> 3", '"senior"']
    assert [line.after[head.key] for head in table.heads] == ["> 5", '"senior"']
    asked = {
        **old,
        "find_grade.dmn": decision_table(policy="UNIQUE", header="amount + 1").encode(),
    }
    [table] = between(contents(old, {}), contents(asked, {})).tables
    assert [edit.label for edit in table.edits] == ["命中规则", "条件列“数量”"]


def test_rows_that_came_and_went_are_told() -> None:
    def rows(*texts: str) -> dict[str, bytes]:
        one = decision_table()
        start, end = one.index("<rule"), one.index("</rule>") + 7
        rule = one[start:end]
        written = [rule.replace("r1", f"r{text}").replace("&gt; 3", text) for text in texts]
        return {"find_grade.dmn": (one[:start] + "".join(written) + one[end:]).encode()}

    def lines(old: dict[str, bytes], new: dict[str, bytes]) -> list[tuple[str, int]]:
        [table] = between(contents(old, {}), contents(new, {})).tables
        return [(line.word, line.number) for line in table.lines]

    assert lines(rows("1", "2"), rows("1", "7", "2")) == [("", 1), ("新增", 2), ("", 3)]
    assert lines(rows("1", "2"), rows("2")) == [("删除", 0), ("", 1)]


def test_a_form_that_asks_otherwise_is_told() -> None:
    files = {"sample.bpmn": FIRST.bytes()}
    other = FORM.replace("100", "500").replace("label: 退回", "label: 不同意")
    [form] = between(contents(files, {"vet": FORM}), contents(files, {"vet": other})).forms
    assert form.form.title == "审核"
    assert form.edits == [
        Edit(
            "“意见：意见”",
            "多行文字，选填，最多 100 字（opinion）",
            "多行文字，选填，最多 500 字（opinion）",
        ),
        Edit("按钮“return”", "退回", "不同意"),
    ]


def test_every_type_and_limit_of_a_field_has_words() -> None:
    assert set(TYPES) == set(FIELD_TYPES)
    structure = {"name", "type", "label", "required", "choices", "fields"}
    of_the_page = {"col", "lines", "search", "phrases", "buttons", "asks"}
    told_by_min = {"of_age"}
    others = structure | of_the_page | told_by_min
    assert set(FieldSpec.__dataclass_fields__) - others == set(LIMITS)


def test_the_drawing_marks_what_came_and_what_changed() -> None:
    second = FIRST.with_(
        more=service("more"), vet=user("vet", {**VET, "due": "3"}, name="单位审核")
    )
    [drawn] = changed({"sample.bpmn": second.bytes()}, difference(FIRST, second))
    assert drawn.marks == {"added": ["more"], "changed": ["vet"]}


@pytest.fixture
def deciding(app: Any) -> ProcessVersion:
    """A version with a table and a form."""
    files = {"sample.bpmn": DECIDING.bytes(), "find_grade.dmn": decision_table().encode()}
    with transaction():
        return publish_version("sample", "", files, {"vet": FORM}, actor_id=None, now=now())


def test_tables_and_forms_of_a_version_are_shown_and_downloaded(
    browser: Any, deciding: ProcessVersion
) -> None:
    url = f"/studio/processes/{deciding.id}"
    page = browser.get(url).text
    for words in (
        "决策表",
        "取第一个符合的行",
        "&gt; 3",
        "&#34;senior&#34;",
        "最多 100 字",
        "退回",
    ):
        assert words in page
    kept = browser.get(f"{url}/tables/find_grade.dmn")
    assert f'href="{url}/tables/find_grade.dmn"' in page
    assert kept.text == decision_table()
    assert "find_grade-v1.dmn" in kept.headers["Content-Disposition"]
    form = browser.get(f"{url}/forms/vet.yaml")
    assert f'href="{url}/forms/vet.yaml"' in page
    assert form.text == FORM
    for missing in ("tables/nothing.dmn", "forms/nothing.yaml"):
        assert browser.get(f"{url}/{missing}").status_code == 404


def test_a_table_that_is_no_longer_asked_is_told_before_it_goes(deciding: ProcessVersion) -> None:
    verdict = Verdict((), (), (("x.bpmn", "sample.bpmn"),))
    with transaction(write=False):
        judged = operations.Judged(deciding.id, {"x.bpmn": FIRST.bytes()}, verdict, deciding.id)
        files = operations.merged(queries.version(deciding.id), judged)
        [table] = queries.difference_to(deciding, files, {}).tables
    assert (table.word, table.table.id) == (REMOVED, "find_grade")


def test_a_form_that_cannot_be_read_is_told(browser: Any, deciding: ProcessVersion) -> None:
    with transaction():
        files = {"sample.bpmn": DECIDING.bytes(), "find_grade.dmn": decision_table().encode()}
        torn = publish_version("sample", "", files, {"vet": "title: x"}, actor_id=None, now=now())
    page = browser.get(f"/studio/processes/{torn.id}")
    assert page.status_code == 200


def test_a_table_of_a_chinese_name_is_downloaded_under_it(browser: Any, app: Any) -> None:
    named = Drawing(process_id="sample").with_(**DECIDING.parts).replacing("find_grade", "评级")
    text = decision_table().replace("find_grade", "评级")
    with transaction():
        files = {"sample.bpmn": named.bytes(), "评级.dmn": text.encode()}
        made = publish_version("sample", "", files, {"vet": FORM}, actor_id=None, now=now())
    url = f"/studio/processes/{made.id}/tables/{quote('评级')}.dmn"
    assert f'href="{url}"' in browser.get(f"/studio/processes/{made.id}").text
    kept = browser.get(url)
    assert (kept.status_code, kept.text) == (200, text)
    said = kept.headers["Content-Disposition"]
    assert said == f"attachment; filename*=UTF-8''{quote('评级')}-v1.dmn"
