"""Cells of a spreadsheet as answers of a form: one text each, read by the field's own rules."""

import re
from collections.abc import Mapping
from typing import Any

from forms.builder import build, display, options_of
from forms.fields.base import is_literal
from forms.fields.simple import EXAMPLES as CHECKED
from forms.spec import FieldSpec, FormSpec

YES, NO = "是", "否"
SEVERAL = re.compile(r"[、,，;；]")
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
# A month after a full stop has two digits: 2024.1 may be what a spreadsheet left of 2024.10.
_MONTH = re.compile(r"(\d{4})(?:[-/年](\d{1,2})月?|\.(\d{2}))")
_KEPT_APART = frozenset({"file", "files", "rows"})
EXAMPLES = {"month": "2025-06", "date": "2025-06-15", "bool": NO}


def fits_cell(field: FieldSpec) -> bool:
    """Tell whether the answer is one text: files and tables are not."""
    return field.type not in _KEPT_APART


def answer_in(field: FieldSpec, text: str) -> Any:
    """Return what a cell says in the shape the form reads; what is no answer stays as typed.

    The form then says what is wrong with it, in the words of the page. Raises ValueError for a
    box that is neither ticked nor not.
    """
    if field.type == "bool":
        return _ticked(field, text)
    if field.type == "checkbox":
        return [_value(field, each) for each in map(str.strip, SEVERAL.split(text)) if each]
    if field.choices or field.choices_from:
        return _value(field, text)
    return _dated(field, text)


def _ticked(field: FieldSpec, text: str) -> str:
    if text not in {"", YES, NO}:
        raise ValueError(f"{field.label}请填写“{YES}”或“{NO}”")
    return "true" if text == YES else ""


def _value(field: FieldSpec, label: str) -> str:
    return {name: value for value, name in options_of(field)}.get(label, label)


def _dated(field: FieldSpec, text: str) -> str:
    day = _DAY.fullmatch(text) if field.type in {"date", "month"} else None
    if day:
        return "-".join(day.groups()[: 3 if field.type == "date" else 2])
    month = _MONTH.fullmatch(text) if field.type == "month" else None
    return f"{month[1]}-{month[2] or month[3]}" if month else text


def labels_of(field: FieldSpec) -> tuple[str, ...]:
    """Return what may stand in the cell of a field; nothing where anything may."""
    if field.type == "bool":
        return YES, NO
    return tuple(label for _, label in options_of(field))


def example_of(field: FieldSpec) -> str:
    """Return what the example line of a template says for a field; nothing if nobody can tell."""
    if (field.min or "").startswith("today"):
        return ""
    if field.type in EXAMPLES:
        return EXAMPLES[field.type]
    if labels_of(field):
        return labels_of(field)[0]
    return _a_number(field) if field.type in {"integer", "number"} else _a_text(field)


def examples_of(form: FormSpec) -> dict[str, str]:
    """Return the example line of a template: what its other answers leave no room for is empty."""
    examples = {field.name: example_of(field) for field in form.fields if fits_cell(field)}
    answers = {name: answer_in(form.field(name), text) for name, text in examples.items()}
    filled: Any = build(form)(data=answers)
    return {
        name: "" if form.field(name).only and not filled[name].is_required(filled) else text
        for name, text in examples.items()
    }


def _a_text(field: FieldSpec) -> str:
    if field.check or field.pattern:
        return CHECKED.get(field.check, "")
    text = field.placeholder.removeprefix("如").strip() or f"{field.label}示例"
    return text[: field.max_length or len(text)]


def _a_number(field: FieldSpec) -> str:
    if field.max == "today" or field.name == "year":
        return EXAMPLES["month"][:4]
    return str(field.min) if is_literal(field.min) and field.min != "0" else "1"


def advice_on(field: FieldSpec, labels: Mapping[str, str]) -> str:
    """Return what the template says of a field; `labels` names the others by which it is due."""
    several = "可填多个，用顿号隔开" if field.type == "checkbox" else ""
    form = {"month": "如 2025-06", "date": "如 2025-06-15"}.get(field.type, "")
    unit = f"单位：{field.unit}" if field.unit else ""
    most = f"不超过 {field.max_length} 个字" if field.max_length else ""
    given = f"留空为“{display(field, field.default)}”" if field.default not in {None, ()} else ""
    due = _due(field, labels)
    said = (field.help, form, unit, _range(field, labels), several, most, given, due)
    return "；".join(filter(None, said))


def _due(field: FieldSpec, labels: Mapping[str, str]) -> str:
    met = [
        f"{labels.get(name, name)}{_met(field, wanted)}" for name, wanted in field.required_when
    ]
    return f"{'且'.join(met)}时必填" if met else ""


def _met(field: FieldSpec, wanted: tuple[str, ...]) -> str:
    words = {"true": YES, "false": NO}
    bounds = [field.bound_words(each) for each in wanted]
    said = [bound or words.get(each, each) for bound, each in zip(bounds, wanted, strict=True)]
    return ("为 " if any(bounds) else "为") + "、".join(said)


def _range(field: FieldSpec, labels: Mapping[str, str]) -> str:
    """Say between what an answer lies: numbers, other fields, today."""
    is_day = field.type in {"date", "month"} or field.max == "today"
    if field.type not in {"integer", "number", "date", "month"}:
        return ""
    least, most = (_limit(limit, labels) for limit in (field.min, field.max))
    after, before = ("不早于", "不晚于") if is_day else ("不小于", "不大于")
    said = (f"{after}{least}" if least else "", f"{before}{most}" if most else "")
    return "，".join(filter(None, said))


def _limit(limit: str | None, labels: Mapping[str, str]) -> str:
    if limit == "today":
        return "今天"
    if is_literal(limit):
        return f" {limit}"
    return f"“{labels[limit]}”" if limit and limit in labels else ""
