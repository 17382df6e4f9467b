"""Forms (表单) of a version, as people read them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from forms import ActionSpec, FieldSpec, FormSpec, FormSpecError, parse

TYPES = {
    "text": "文字",
    "textarea": "多行文字",
    "date": "日期",
    "month": "月份",
    "number": "数",
    "integer": "整数",
    "select": "下拉单选",
    "radio": "单选",
    "checkbox": "多选",
    "bool": "是否",
    "file": "附件",
    "files": "多个附件",
    "rows": "多行表格",
}
LIMITS = {
    "required_when": "必填的条件 {}",
    "only": "不适用时不显示",
    "max_length": "最多 {} 字",
    "min": "最小 {}",
    "max": "最大 {}",
    "places": "小数 {} 位",
    "scaled": "按最小单位存为整数",
    "unit": "单位 {}",
    "choices_from": "选项来自 {}",
    "types": "格式 {}",
    "max_mb": "每个最大 {} MB",
    "count": "最多 {} 个",
    "default": "预先填 {}",
    "pattern": "格式 {}",
    "check": "检查 {}",
    "check_with": "检查时参照 {}",
    "one_when": "只填一行的条件 {}",
    "unless": "勾选 {} 时不填",
    "sum_of": "不小于 {} 之和",
    "help": "提示“{}”",
    "message": "有误时说“{}”",
    "placeholder": "示例“{}”",
}
"""The limits of a field as people read them."""


@dataclass(frozen=True)
class Form:
    """A form (表单) of a version; without a spec it cannot be read, and `fault` says why."""

    key: str
    spec: FormSpec | None
    fault: str = ""

    @property
    def title(self) -> str:
        """What people call it."""
        return self.spec.title if self.spec else self.key

    @cached_property
    def said(self) -> dict[str, str]:
        """All that it asks, by what people see: its fields, then its buttons."""
        if self.spec is None:
            return {"内容": self.fault}
        heads = {"标题": self.spec.title, "说明": self.spec.intro}
        heads |= {f"栏目“{each.title}”的说明": each.intro for each in self.spec.sections}
        asked = {f"“{label}”": field_in_words(field) for label, field in _all_fields(self.spec)}
        buttons = {f"按钮“{each.value}”": _button(each) for each in self.spec.actions}
        return {key: text for key, text in (heads | asked | buttons).items() if text}


def read_form(key: str, text: str) -> Form:
    """Return a form from its text, as it was published."""
    try:
        return Form(key, parse(text, key))
    except FormSpecError as error:
        return Form(key, None, str(error))


def _all_fields(spec: FormSpec) -> Iterator[tuple[str, FieldSpec]]:
    for section in spec.sections:
        for field in section.fields:
            yield f"{section.title}：{field.label}", field
            for inner in field.fields:
                yield f"{section.title}：{field.label}：{inner.label}", inner


def _button(action: ActionSpec) -> str:
    return f"{action.label}；按下时问：{action.confirm}" if action.confirm else action.label


def field_in_words(field: FieldSpec) -> str:
    """Return in a line what a field takes: its type, whether it must be filled, its limits."""
    needs = "必填" if field.required else "有条件必填" if field.required_when else "选填"
    told = [TYPES.get(field.type, field.type), needs]
    if field.choices:
        told.append("选项：" + "、".join(label for _, label in field.choices))
    plain = FieldSpec(field.name, field.type, field.label)
    told += [
        _limit(name, getattr(field, name))
        for name in LIMITS
        if getattr(field, name) != getattr(plain, name)
    ]
    return "，".join(told) + f"（{field.name}）"


def _limit(name: str, value: object) -> str:
    if name in {"required_when", "one_when"} and isinstance(value, tuple):
        value = "；".join(f"{other}={'/'.join(given)}" for other, given in value)
    if isinstance(value, tuple):
        value = "、".join(str(each) for each in value)
    return LIMITS[name].format(value)
