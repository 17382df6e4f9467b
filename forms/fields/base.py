"""What every field type shares: reading, emptiness, requiredness, one way out as JSON."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, ClassVar

from wtforms import Field
from wtforms.form import BaseForm
from wtforms.validators import StopValidation, ValidationError

from forms.spec import Choice, Conditions, FieldSpec, FormSpecError, bound_of, is_day, is_name


@dataclass(frozen=True)
class Material:
    """What a field needs beyond its description: its options and, for rows, their form."""

    read_choices: Callable[[], tuple[Choice, ...]] = tuple
    row_form: Any = None

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """The options, read when a field first shows or judges them."""
        return self.read_choices()


NOTHING = Material()


class TypedField(Field):
    """A field of a described type. Subclasses say how a value is read, checked and shown."""

    options: ClassVar[frozenset[str]] = frozenset()
    asks: ClassVar[str] = "请填写"
    empty: ClassVar[Any] = None
    widget: Any

    def __init__(self, spec: FieldSpec, material: Material = NOTHING, **kwargs: Any) -> None:
        attributes = {k: v for k, v in self.attributes(spec).items() if v not in {None, ""}}
        super().__init__(
            spec.label,
            description=spec.help,
            default=spec.default,
            render_kw=attributes,
            **kwargs,
        )
        self.spec = spec
        self.material = material

    @classmethod
    def check_spec(cls, spec: FieldSpec) -> None:
        """Raise FormSpecError when the options of a description contradict each other."""

    @classmethod
    def attributes(cls, spec: FieldSpec) -> dict[str, Any]:
        """Return the HTML attributes of the input."""
        return {"placeholder": spec.placeholder}

    def read(self, text: str) -> Any:
        """Return the value of a typed, non-empty text. Raises ValueError with the message."""
        return text

    def written(self, value: Any) -> Any:
        """Return a non-empty value as JSON."""
        return value

    def check(self, form: BaseForm) -> None:
        """Raise ValidationError when a value was read but breaks a limit."""

    @classmethod
    def display(cls, spec: FieldSpec, value: Any, choices: Mapping[str, str]) -> str:
        """Return a stored JSON value as people read it."""
        return f"{value}{spec.unit}"

    def to_json(self) -> Any:
        """Return the answer as JSON; the type's empty value where nothing valid was given."""
        return self.empty_value() if self.is_empty() else self.written(self.data)

    def empty_value(self) -> Any:
        """Return the JSON value of an unanswered field."""
        return self.empty

    def is_empty(self) -> bool:
        """Tell whether nothing was answered. Zero is an answer."""
        return self.data is None or self.data is False or self.data in ("", [])

    def process_data(self, value: Any) -> None:
        """Take a stored answer; one that does not fit stays visible as it was typed."""
        self._kept = "" if value is None else str(value)
        self._take(self._kept)

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take what was posted; it replaces the stored answer and its faults."""
        self.process_errors = []
        self._kept = str(valuelist[0]) if valuelist else ""
        self._take(self._kept)

    def _take(self, typed: str) -> None:
        text = typed.strip()
        self.data = self.empty_value()
        if text:
            self.data = self.read(text)

    def _value(self) -> str:
        return self._kept

    def texts(self) -> list[str]:
        """Return the answer as a browser would send it, a text for every value."""
        return [self._value()]

    def pre_validate(self, form: BaseForm) -> None:
        """Stop at the first fault: unreadable, missing, or beyond a limit."""
        if self.process_errors:
            raise StopValidation
        if self.is_empty():
            raise StopValidation(self.missing() if self.is_required(form) else "")
        self.check(form)

    def missing(self) -> str:
        """Return the message for a required field that was left empty."""
        spec = self.spec
        about_value = spec.pattern or spec.check or spec.min or spec.max
        return (not about_value and spec.message) or f"{self.asks}{spec.label}"

    def is_required(self, form: BaseForm) -> bool:
        """Tell whether an answer is due, given the other answers and the pressed button."""
        return self.spec.required or holds(form, self.spec.required_when)

    def bound(self, form: BaseForm, given: str | None) -> tuple[Any, str]:
        """Return a limit and how it is said; None where the other field is still empty."""
        if given is None or is_day(given):
            return None, ""
        if not is_name(given):
            age = self.spec.of_age if given == self.spec.min else 0
            return given, f" {given}" + (f"（年满 {age} 周岁）" if age else "")
        other: Any = form[given]
        if other.is_empty():
            return None, ""
        return other.data, f"{other.label.text}（{other.data}）"

    def own_message(self, otherwise: str) -> str:
        """Return the form's own wording where it has one."""
        return self.spec.message or otherwise


def holds(form: BaseForm, conditions: Conditions) -> bool:
    """Tell whether there are conditions and the other answers meet all of them."""
    return bool(conditions) and all(
        any(_meets(answer, values) for answer in _answers_of(form, name))
        for name, values in conditions
    )


def _meets(answer: str, wanted: tuple[str, ...]) -> bool:
    """Tell whether an answer is one of those wanted, or within one of the bounds among them."""
    return answer in wanted or any(_within(answer, *bound_of(each)) for each in wanted)


def _within(answer: str, sign: str, limit: str) -> bool:
    """Compare numbers as numbers; months and days as far as the limit is written: 2002."""
    if not sign or not re.fullmatch(r"-?\d[\d.-]*", answer, re.ASCII):
        return False
    try:
        here, there = Decimal(answer), Decimal(limit)
    except InvalidOperation:
        return _ordered(answer[: len(limit)], sign, limit[: len(answer)])
    return _ordered(here, sign, there)


def _ordered(here: Any, sign: str, there: Any) -> bool:
    return bool(here >= there if sign == ">=" else here <= there)


def _answers_of(form: BaseForm | None, name: str) -> Iterator[str]:
    """Yield the answers to a question of this form or, for a row, of the form around it."""
    while form is not None and name not in form:
        form = getattr(form, "_parent_form", None)
    field = None if form is None else form[name]
    answer = field.to_json() if isinstance(field, TypedField) else None
    for value in answer if isinstance(answer, list) else [answer]:
        yield str(value).lower() if isinstance(value, bool) else str(value)


def require(condition: object, spec: FieldSpec, message: str) -> None:
    """Raise FormSpecError about a field unless the condition holds."""
    if not condition:
        raise FormSpecError(f"字段 {spec.name}: {message}")


def is_literal(limit: str | None) -> bool:
    """Tell whether a limit is written out, not a day or a field to be looked up."""
    return limit is not None and not is_day(limit) and not is_name(limit)


def too_far(message: str) -> ValidationError:
    """Return the error for a value beyond a limit."""
    return ValidationError(message)


def plain_digits(text: str) -> str:
    """Return the text with full-width digits and signs as ASCII (全角转半角)."""
    return unicodedata.normalize("NFKC", text)


def has_control_characters(text: str) -> bool:
    """Tell whether the text holds characters that no person types (NUL breaks databases)."""
    return re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]", text) is not None
