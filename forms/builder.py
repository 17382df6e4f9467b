"""Makes a WTForms class of a description."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from wtforms import Form

from forms.fields import DECISION_TYPE, TYPES
from forms.fields.base import Material
from forms.lists import named_lists
from forms.spec import Choice, FieldSpec, FormSpec, FormSpecError

Choices = Mapping[str, Iterable[tuple[Any, str]]]
"""Options by the name of their source, given by the caller."""


class AnswersForm(Form):
    """A form that was built from a description."""

    class Meta:
        """Messages are our own; what is left comes from the Chinese catalogue."""

        locales: ClassVar[list[str]] = ["zh_CN", "zh"]

    spec: ClassVar[FormSpec | None] = None

    def answers(self) -> dict[str, Any]:
        """Return the answers as JSON values; `build(spec)(data=answers)` shows them again."""
        return {name: field.to_json() for name, field in self._fields.items()}  # type: ignore[attr-defined]

    def problems(self) -> list[tuple[str, str, str]]:
        """Return every fault as (element id, label, message), in the order of the page."""
        return list(_problems(self, ""))


def _problems(form: Form, before: str) -> Iterator[tuple[str, str, str]]:
    for field in form:
        label = f"{before}{field.label.text}"
        for number, entry in enumerate(getattr(field, "entries", ()), 1):
            yield from _problems(entry.form, f"{label} 第 {number} 行 ")
        for message in field.errors:
            if isinstance(message, str):
                yield field.id, label, message


def build(spec: FormSpec, choices: Choices | None = None) -> type[AnswersForm]:
    """Return the form class of a description, with the options of this moment.

    Raises FormSpecError when a field names a source of options nobody gave.
    """
    fields = {field.name: _unbound(field, choices or {}) for field in spec.fields}
    if spec.actions:
        buttons = tuple((action.value, action.label) for action in spec.actions)
        decision = FieldSpec("decision", "decision", "办理结果", required=True, choices=buttons)
        fields["decision"] = DECISION_TYPE(decision, Material(lambda: buttons))
    return type("BuiltForm", (AnswersForm,), {**fields, "spec": spec})


def _unbound(field: FieldSpec, choices: Choices) -> Any:
    inner = {each.name: _unbound(each, choices) for each in field.fields}
    row_form = type("BuiltRow", (AnswersForm,), inner) if inner else None
    return TYPES[field.type](field, Material(_reader(field, choices), row_form))


def _reader(field: FieldSpec, choices: Choices) -> Callable[[], tuple[Choice, ...]]:
    """Return what reads the options; those of a record may cost, and are often not asked for."""
    if field.choices_from in choices:
        return partial(options_of, field, choices)
    fixed = options_of(field)
    return lambda: fixed


def options_of(field: FieldSpec, choices: Choices | None = None) -> tuple[Choice, ...]:
    """Return the options of a field. Raises FormSpecError for an unknown source."""
    name = field.choices_from
    if not name:
        return field.choices
    if choices and name in choices:
        return tuple((str(value), label) for value, label in choices[name])
    try:
        return named_lists()[name]
    except KeyError:
        raise FormSpecError(f"字段 {field.name}: 没有名为 {name} 的选项来源") from None


def missing_labels(
    spec: FormSpec, answers: Mapping[str, Any], choices: Choices | None = None
) -> list[str]:
    """Return the labels of what is due and still unanswered; zero is an answer."""
    form = build(replace(spec, actions=()), choices)(data=answers)
    fields = (form[field.name] for field in spec.fields)
    return [each.label.text for each in fields if each.is_required(form) and each.is_empty()]  # type: ignore[attr-defined]


def display(field: FieldSpec, value: Any, choices: Choices | None = None) -> str:
    """Return a stored answer as people read it, the same on every page and paper."""
    if value is None or value in ("", []):
        return ""
    labels = dict(options_of(field, choices)) if field.choices or field.choices_from else {}
    return str(TYPES[field.type].display(field, value, labels))


def period(start: object, end: object) -> str:
    """Return the time from one day or month to another, or up to now: 2008-08 至今."""
    return f"{start} 至 {end}" if end else f"{start} 至今"


def display_all(
    spec: FormSpec, answers: Mapping[str, Any], choices: Choices | None = None
) -> list[tuple[str, str]]:
    """Return (label, text) for every field of a form but tables, in order.

    A box that nobody touched is not ticked.
    """
    told = {each.name: bool(answers.get(each.name)) for each in spec.fields if each.type == "bool"}
    return [
        (field.label, display(field, {**answers, **told}.get(field.name), choices))
        for field in spec.fields
        if field.type != "rows"
    ]
