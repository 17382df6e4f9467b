"""Reads form descriptions strictly: a misspelt key is an error that names file and key."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from wtforms import Form

from forms import values
from forms.fields import TYPES
from forms.fields.base import require
from forms.spec import (
    ActionSpec,
    Choice,
    FieldSpec,
    FormSpec,
    FormSpecError,
    Section,
    UnknownForm,
    is_name,
)

ROOT = Path(__file__).parent
MAX_SOURCE = 200_000
TONES = ("primary", "danger", "secondary", "warning", "success")

_COMMON = frozenset(
    {"name", "type", "label", "required", "required_when", "only", "help"}
    | {"unit", "message", "placeholder", "col", "default"}
)
_RESERVED = frozenset(
    {*dir(Form), "answers", "problems", "spec", "csrf_token", "request_key"}
    | {"obj", "prefix", "formdata", "extra_filters"}
)
_FORM = frozenset({"key", "title", "intro", "sections", "fields", "actions", "batch", "save"})
_KEY = re.compile(r"[a-z][a-z0-9_]*(/[a-z][a-z0-9_]*)*")


class _StrictLoader(yaml.SafeLoader):
    """YAML without duplicate keys and without anchors."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise FormSpecError("不能使用锚点引用")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002
        seen = set()
        for key, _value in node.value:
            if key.value in seen:
                raise FormSpecError(f"第 {key.start_mark.line + 1} 行: 重复的键 “{key.value}”")
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def load(key: str, jurisdiction: str = "") -> FormSpec:
    """Return the form of this key, the jurisdiction's own where it has one.

    Raises UnknownForm, and FormSpecError when the file is faulty.
    """
    path = path_of(key, jurisdiction)
    return _read(path, key, path.stat().st_mtime_ns)


def source(key: str, jurisdiction: str = "") -> str:
    """Return the YAML text of a form, to be pinned with a process. Raises UnknownForm."""
    return path_of(key, jurisdiction).read_text("utf-8")


def path_of(key: str, jurisdiction: str = "") -> Path:
    """Return the file that describes a form. Raises UnknownForm."""
    if _KEY.fullmatch(key) and re.fullmatch(r"[a-z0-9_-]*", jurisdiction):
        for folder in filter(None, (jurisdiction, ".")):
            path = ROOT / folder / f"{key}.yaml"
            if path.is_file():
                return path
    raise UnknownForm(f"没有名为 {key} 的表单")


@lru_cache(maxsize=512)
def _read(path: Path, key: str, _modified: int) -> FormSpec:
    try:
        return parse(path.read_text("utf-8"), key)
    except FormSpecError as error:
        raise FormSpecError(f"{path.relative_to(ROOT)}: {error}") from error


def parse(text: str, key: str = "") -> FormSpec:
    """Return the form that a YAML text describes. Raises FormSpecError."""
    return form_from(mapping_from(text), key)


def mapping_from(text: str) -> dict[str, Any]:
    """Return a YAML text as a mapping. Raises FormSpecError."""
    if len(text) > MAX_SOURCE:
        raise FormSpecError("表单文件过大")
    try:
        data = yaml.load(text, _StrictLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError) as error:
        raise FormSpecError(f"不是有效的 YAML: {error}") from error
    return values.pairs(data, "文件")


def form_from(data: Mapping[str, Any], key: str = "") -> FormSpec:
    """Return the form described by a mapping. Raises FormSpecError."""
    values.keys(data, _FORM, "表单")
    own_key = values.text(data, "key", "表单") or key
    if key and own_key != key:
        raise FormSpecError(f"key 应为 {key}，现为 {own_key}")
    sections = tuple(_section(each) for each in values.items(data, "sections", "表单"))
    if "fields" in data:
        sections += (Section("main", "", _fields(data, "表单")),)
    actions = tuple(_action(each) for each in values.items(data, "actions", "表单"))
    form = FormSpec(
        own_key,
        values.needed(data, "title", "表单"),
        sections,
        values.text(data, "intro", "表单"),
        actions,
        values.flag(data, "batch", "表单") if "batch" in data else True,
        values.text(data, "save", "表单"),
    )
    _check_names(form)
    buttons = tuple((action.value, action.label) for action in actions)
    return form.each(lambda field: _with_names(field, buttons, _labels_of(form.fields)))


def _labels_of(fields: Iterable[FieldSpec]) -> dict[str, str]:
    return {field.name: field.label for field in fields}


def _with_names(
    field: FieldSpec, buttons: tuple[Choice, ...], labels: Mapping[str, str]
) -> FieldSpec:
    """Return a field that knows what the buttons and fields are called on which it is due."""
    names = [name for name, _values in field.required_when]
    beside = {**labels, **_labels_of(field.fields)}
    return replace(
        field,
        buttons=buttons if "decision" in names else (),
        asks=tuple((name, labels[name]) for name in names if name in labels),
        fields=tuple(_with_names(each, buttons, beside) for each in field.fields),
    )


def _check_names(form: FormSpec) -> None:
    names = [field.name for field in form.fields]
    if form.actions:
        names.append("decision")
    for given, what in (
        (names, "字段"),
        ([section.id for section in form.sections], "栏目"),
        ([action.value for action in form.actions], "按钮"),
    ):
        twice = {value for value in given if given.count(value) > 1}
        if twice:
            raise FormSpecError(f"{what}重名: {'、'.join(sorted(twice))}")
    columns = {f"{table.name}.{each.name}" for table in form.fields for each in table.fields}
    for field in form.fields:
        _check_mentions(field, set(names), set(names))
        require(field.sum_of in {"", *columns}, field, f"没有列 {field.sum_of}")
        row = {each.name for each in field.fields}
        for inner in field.fields:
            _check_mentions(inner, {*names, *row}, row)


def _check_mentions(field: FieldSpec, asked: set[str], beside: set[str]) -> None:
    """Conditions may ask the form around a row; a limit is a field that stands beside."""
    unknown = [name for name, _ in (*field.required_when, *field.one_when) if name not in asked]
    limits = [limit for limit in (field.min, field.max) if limit and is_name(limit)]
    unknown += [
        name for name in (*limits, field.check_with, field.unless) if name and name not in beside
    ]
    require(not unknown, field, f"提到未知的字段 {'、'.join(unknown)}")
    require(field.required_when or not field.only, field, "only 须与 required_when 同用")


def _section(data: Any) -> Section:
    data = values.pairs(data, "栏目")
    where = f"栏目 {data.get('id', '')}"
    values.keys(data, {"id", "title", "intro", "fields"}, where)
    return Section(
        values.needed(data, "id", where),
        values.text(data, "title", where),
        _fields(data, where),
        values.text(data, "intro", where),
    )


def _action(data: Any) -> ActionSpec:
    data = values.pairs(data, "按钮")
    where = f"按钮 {data.get('value', '')}"
    values.keys(data, {"value", "label", "tone", "confirm"}, where)
    tone = values.text(data, "tone", where) or "primary"
    if tone not in TONES:
        raise FormSpecError(f"{where}: tone 须为 {'、'.join(TONES)} 之一")
    value, label = values.needed(data, "value", where), values.needed(data, "label", where)
    return ActionSpec(value, label, tone, values.text(data, "confirm", where))


def _fields(data: Mapping[str, Any], where: str) -> tuple[FieldSpec, ...]:
    fields = tuple(_field(each) for each in values.items(data, "fields", where))
    names = [field.name for field in fields]
    if len(set(names)) < len(names):
        raise FormSpecError(f"{where}: 字段重名")
    return fields


def _field(data: Any) -> FieldSpec:
    data = values.pairs(data, "字段")
    name = str(data.get("name", ""))
    where = f"字段 {name}"
    kind = values.needed(data, "type", where)
    if kind not in TYPES:
        raise FormSpecError(f"{where}: 未知的类型 “{kind}”")
    values.keys(data, _COMMON | TYPES[kind].options, where)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in _RESERVED:
        raise FormSpecError(f"{where}: 字段名须为小写英文，且不能是保留字")
    if name.startswith(("validate_", "filter_")):
        raise FormSpecError(f"{where}: 字段名不能以 validate_ 或 filter_ 开头")
    values.needed(data, "label", where)
    field = FieldSpec(**{key: _READERS.get(key, values.text)(data, key, where) for key in data})
    TYPES[kind].check_spec(field)
    return field


def _rows(data: Mapping[str, Any], _key: str, where: str) -> tuple[FieldSpec, ...]:
    return _fields(data, where)


_READERS = {
    **dict.fromkeys(("required", "only", "scaled", "search"), values.flag),
    **dict.fromkeys(("max_length", "lines", "places", "max_mb", "count"), values.whole),
    **dict.fromkeys(("required_when", "one_when"), values.conditions),
    "default": values.default,
    "choices": values.choices,
    **dict.fromkeys(("types", "phrases"), values.texts),
    "fields": _rows,
}
