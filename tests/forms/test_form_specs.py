"""Form descriptions are read strictly."""

from pathlib import Path

import pytest

import forms.loader
from forms import FormSpecError, UnknownForm, build, decisions_of, load, named_lists, parse, source

ROOT = Path(forms.loader.__file__).parent
FORM = """
title: 审核申报材料
intro: 一次告知全部问题
sections:
  - id: opinion
    title: 审核意见
    fields:
      - {name: opinion, type: text, label: 意见, required_when: {decision: [return, stop]}}
actions:
  - {value: pass, label: 通过}
  - {value: return, label: 退回, tone: danger, confirm: 确认退回？}
"""


def test_a_form_is_read_into_sections_fields_and_actions():
    form = parse(FORM, "vet_declaration")
    assert (form.key, form.title, form.intro) == (
        "vet_declaration",
        "审核申报材料",
        "一次告知全部问题",
    )
    assert [section.title for section in form.sections] == ["审核意见"]
    assert form.field("opinion").required_when == (("decision", ("return", "stop")),)
    assert [(a.value, a.tone) for a in form.actions] == [("pass", "primary"), ("return", "danger")]
    with pytest.raises(KeyError):
        form.field("nothing")


def field(text: str) -> str:
    return f"title: 表\nfields:\n  - {{{text}}}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("titel: 表", "表单: 未知的键 “titel”"),
        ("intro: 表", "表单: 缺少 title"),
        ("- 1", "文件: 应为键值对"),
        ("title: [", "不是有效的 YAML"),
        ("title: 表\ntitle: 二", "第 2 行: 重复的键 “title”"),
        ("title: &a 表\nintro: *a", "不能使用锚点引用"),
        ("title: true", "title 应为文字"),
        ("title: 表\nsections: 1", "sections 应为列表"),
        ("title: 表\nsections: [{id: a, titel: x}]", "栏目 a: 未知的键 “titel”"),
        ("title: 表\nsections: [{title: x}]", "缺少 id"),
        ("title: 表\nsections: [{id: a}, {id: a}]", "栏目重名: a"),
        ("title: 表\nactions: [{value: a, label: x}, {value: a, label: y}]", "按钮重名: a"),
        ("title: 表\nactions: [{value: a, label: x, tone: pink}]", "按钮 a: tone 须为"),
        ("title: 表\nkey: other", "key 应为 form，现为 other"),
        (field("name: a, type: text, lable: 甲"), "字段 a: 未知的键 “lable”"),
        (field("name: a, type: text, label: 甲, places: 1"), "字段 a: 未知的键 “places”"),
        (field("name: a, type: txt, label: 甲"), "字段 a: 未知的类型 “txt”"),
        (field("name: a, label: 甲"), "字段 a: 缺少 type"),
        (field("name: a, type: text"), "字段 a: 缺少 label"),
        (field("name: 甲, type: text, label: 甲"), "字段名须为小写英文"),
        (field("name: data, type: text, label: 甲"), "不能是保留字"),
        (field("name: validate_a, type: text, label: 甲"), "不能以 validate_ 或 filter_ 开头"),
        (field("name: a, type: text, label: 甲, required: 1"), "required 应为 true 或 false"),
        (field("name: a, type: text, label: 甲, max_length: x"), "max_length 应为非负整数"),
        (field("name: a, type: text, label: 甲, check: x"), "未知的校验 “x”"),
        (field("name: a, type: text, label: 甲, pattern: '['"), "pattern 不是正则表达式"),
        (field("name: a, type: date, label: 甲, min: 9x"), "9x 不是日期"),
        (field("name: a, type: number, label: 甲, min: 9x"), "9x 不是数字"),
        (field("name: a, type: date, label: 甲, min: b"), "字段 a: 提到未知的字段 b"),
        (field("name: a, type: select, label: 甲"), "choices 与 choices_from"),
        (field("name: a, type: select, label: 甲, choices: [[a, b, c]]"), "选项应为文字或"),
        (field("name: a, type: select, label: 甲, choices: [yes]"), "请加引号"),
        (field("name: a, type: files, label: 甲, types: [.pdf]"), "不带点的扩展名"),
        (field("name: a, type: rows, label: 甲"), "rows 须有 fields"),
        (field("name: a, type: rows, label: 甲, min: x, "
               "fields: [{name: b, type: text, label: 乙}]"),
         "min 和 max 须为整数"),
        (field("name: a, type: rows, label: 甲, fields: [{name: b, type: rows, label: 乙, fields: "
               "[{name: c, type: text, label: 丙}]}]"), "不能再嵌套 rows"),
        (field("name: a, type: rows, label: 甲, fields: [{name: b, type: text, label: 乙}, "
               "{name: b, type: text, label: 乙}]"), "字段重名"),
        (field("name: a, type: text, label: 甲, required_when: {b: 1}"), "提到未知的字段"),
        (field("name: decision, type: text, label: 甲") + "actions: [{value: a, label: x}]",
         "字段重名: decision"),
    ],
)  # fmt: skip
def test_a_faulty_form_says_what_and_where(text: str, message: str):
    with pytest.raises(FormSpecError) as caught:
        parse(text, "form")
    assert message in str(caught.value)


def test_an_oversized_form_is_refused():
    with pytest.raises(FormSpecError, match="过大"):
        parse("title: " + "a" * 300_000)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(forms.loader, "ROOT", tmp_path)
    (tmp_path / "somewhere").mkdir()
    (tmp_path / "vet.yaml").write_text("title: 全国\n", "utf-8")
    (tmp_path / "somewhere" / "vet.yaml").write_text("title: 本省\n", "utf-8")
    return tmp_path


def test_a_jurisdiction_has_its_own_form_or_the_national_one(folder: Path):
    assert load("vet").title == "全国"
    assert load("vet", "somewhere").title == "本省"
    assert load("vet", "elsewhere").title == "全国"
    assert source("vet", "somewhere") == "title: 本省\n"


def test_a_faulty_file_is_named(folder: Path):
    (folder / "bad.yaml").write_text("titel: x", "utf-8")
    with pytest.raises(FormSpecError, match=r"^bad\.yaml: "):
        load("bad")


@pytest.mark.parametrize("key", ["nothing", "../vet", "/etc/passwd", "Vet", ""])
def test_an_unknown_form_is_refused(folder: Path, key: str):
    with pytest.raises(UnknownForm):
        load(key)


def keys() -> list[str]:
    files = [p.relative_to(ROOT) for p in ROOT.rglob("*.yaml")]
    return sorted(
        str(p.with_suffix(""))
        for p in files
        if p.name != "lists.yaml" and "portfolio" not in p.parts
    )


@pytest.mark.parametrize("key", keys())
def test_every_form_of_the_platform_is_sound(key: str):
    assert parse((ROOT / f"{key}.yaml").read_text("utf-8")).title


def test_the_declarations_own_forms_ask_for_the_required_fields():
    personal = load("declaration/personal")
    build(personal)
    assert [field.label for field in personal.fields if field.required] == [
        "民族", "出生地", "工作时间", "工资级别", "工作年限", "专业年限", "政治面貌",
    ]  # fmt: skip
    assert personal.field("party_post").default == "无"
    build(load("declaration/teaching"))
    build(load("declaration/prior_title"))


def test_code_lists_are_complete():
    lists = named_lists()
    assert len(lists["ethnicity"]) == 56
    assert len(lists["politics"]) == 13


def test_the_optional_form_requires_nothing():
    form = build(load("declaration/prior_title").optional())(data={})
    assert form.validate()


def test_a_form_says_itself_whether_it_goes_in_a_batch() -> None:
    assert not load("score_case").is_batchable
    vetted = load("vet_declaration")
    assert vetted.is_batchable
    shared = vetted.in_batch()
    assert [action.value for action in shared.actions] == ["pass", "terminate"]
    assert "defects" not in [field.name for field in shared.fields]
    with pytest.raises(FormSpecError, match="batch"):
        parse("title: 表\nbatch: sometimes")


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("type: radio, required: true, choices: [pass, stop]", {"pass": "pass", "stop": "stop"}),
        ("type: radio, required: true, choices: [[pass, 通过]]", {"pass": "通过"}),
        ("type: select, choices: [pass]", {"pass": "pass", "": "未选"}),
        ("type: select, required: true, choices_from: gender", {"男": "男", "女": "女"}),
        ("type: select, choices_from: plans", None),
        ("type: checkbox, choices: [pass, stop]", None),
        ("type: text", None),
    ],
)
def test_what_can_be_decided_is_told_as_far_as_the_description_says(
    description: str, expected: dict[str, str] | None
) -> None:
    form = parse(field(f"name: decision, label: 结论, {description}"), "form")
    assert decisions_of(form) == expected


def test_a_form_without_a_decision_has_none() -> None:
    assert decisions_of(parse(field("name: opinion, type: text, label: 意见"), "form")) == {}
    assert decisions_of(parse(FORM, "form")) == {"pass": "通过", "return": "退回"}
