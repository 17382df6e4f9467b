"""What a form is: frozen descriptions read from YAML, shared by builder, pages and papers."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

Choice = tuple[str, str]
"""One option of a list: value and label."""

Conditions = tuple[tuple[str, tuple[str, ...]], ...]
"""Answers of other fields, any of each, on which something depends; `>=2002`, `<=5` are bounds."""

DEFAULT_TYPES = ("jpg", "png", "pdf")
DEFAULT_COUNT = 10

Default = str | int | bool | tuple[str, ...] | None


class FormSpecError(ValueError):
    """A form description that cannot be used; names the file and the key."""


class UnknownForm(FormSpecError, LookupError):
    """No form has this key."""


@dataclass(frozen=True, slots=True)
class FilePolicy:
    """What may be uploaded into a slot (上传要求)."""

    types: tuple[str, ...] = DEFAULT_TYPES
    max_mb: int = 10
    count: int = DEFAULT_COUNT
    required: bool = False
    least: int = 0

    @property
    def max_bytes(self) -> int:
        """The greatest size of one file."""
        return self.max_mb * 2**20

    @property
    def accept(self) -> str:
        """The endings for the browser's file dialogue."""
        return ",".join(f".{kind}" for kind in self.types)

    @property
    def help(self) -> str:
        """The policy as people read it."""
        many = f"{self.least} 至 {self.count} 个" if self.least > 1 else f"最多 {self.count} 个"
        return f"{'、'.join(self.types)}，每个不超过 {self.max_mb} MB，{many}"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field (字段). Which options a type accepts is stated by its class in forms.fields."""

    name: str
    type: str
    label: str
    required: bool = False
    required_when: Conditions = ()
    # Asked only where `required_when` holds: pages leave it out of sight elsewhere, while empty.
    only: bool = False
    help: str = ""
    unit: str = ""
    message: str = ""
    placeholder: str = ""
    col: str = ""
    default: Default = None
    max_length: int | None = None
    lines: int | None = None
    # What is often written here; a click puts it in (常用意见).
    phrases: tuple[str, ...] = ()
    # A number or a day, another field's name, `today`, `birth+16`: the day of that age, or
    # `today+90d`: so many days from now.
    min: str | None = None
    max: str | None = None
    # The age that `min` was the day of, once `FormSpec.at` knows that day.
    of_age: int = 0
    # A column of a table, `courses.hours`: this number is no less than its sum.
    sum_of: str = ""
    one_when: Conditions = ()
    # The box beside which, while it is ticked, no day may stand: 至今.
    unless: str = ""
    places: int = 2
    scaled: bool = False
    pattern: str = ""
    check: str = ""
    check_with: str = ""
    choices: tuple[Choice, ...] = ()
    choices_from: str = ""
    search: bool = False
    types: tuple[str, ...] = ()
    max_mb: int = 10
    count: int | None = None
    fields: tuple["FieldSpec", ...] = ()
    # The buttons of its form, where `required_when` asks which of them was pressed.
    buttons: tuple[Choice, ...] = ()
    # What the other fields are called on whose answers it is due.
    asks: tuple[Choice, ...] = ()

    @staticmethod
    def bound_words(wanted: str) -> str:
        """Return a bound among conditions as people read it; nothing for a plain answer."""
        sign, limit = bound_of(wanted)
        if not sign:
            return ""
        beyond, unit = ("及以后", "年") if len(limit) >= 4 else ("及以上", "")
        words = beyond if sign == ">=" else {"及以后": "及以前", "及以上": "及以下"}[beyond]
        return f"{limit} {unit if len(limit) == 4 else ''}{words}"

    @property
    def reads(self) -> frozenset[str]:
        """The names of the other fields that its check reads."""
        limits = {limit for limit in (self.min, self.max) if limit and is_name(limit)}
        column = self.sum_of.partition(".")[0]
        named = {self.check_with, self.unless, column, *(name for name, _ in self.one_when)}
        inner = {name for field in self.fields for name in field.reads}
        return frozenset((limits | named | inner) - {"", *(field.name for field in self.fields)})

    @property
    def policy(self) -> FilePolicy:
        """What may be uploaded into a file field."""
        count = 1 if self.type == "file" else self.count or DEFAULT_COUNT
        least = int(self.min or 0)
        return FilePolicy(self.types or DEFAULT_TYPES, self.max_mb, count, self.required, least)


@dataclass(frozen=True, slots=True)
class Section:
    """A titled group of fields (栏目)."""

    id: str
    title: str
    fields: tuple[FieldSpec, ...]
    intro: str = ""


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """A button that completes the form; its value is posted as `decision`."""

    value: str
    label: str
    tone: str = "primary"
    confirm: str = ""


@dataclass(frozen=True, slots=True)
class FormSpec:
    """A whole form (表单)."""

    key: str
    title: str
    sections: tuple[Section, ...]
    intro: str = ""
    actions: tuple[ActionSpec, ...] = ()
    batch: bool = True
    # The save handler that its answers are written for, where it is not called like the form.
    save: str = ""

    @property
    def fields(self) -> Iterator[FieldSpec]:
        """Every field in the order of the page."""
        return (field for section in self.sections for field in section.fields)

    @property
    def saved_by(self) -> str:
        """The name of the save handler that its answers are written for."""
        return self.save or self.key

    def field(self, name: str) -> FieldSpec:
        """Return the field of this name. Raises KeyError."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    @property
    def is_batchable(self) -> bool:
        """Whether several records may be answered at once (批量办理)."""
        shared = self.in_batch()
        lists = (field for field in self.fields if field.type == "rows")
        needs_list = any(field.required for field in lists)
        return self.batch and not needs_list and bool(shared.actions or not self.actions)

    def in_batch(self) -> "FormSpec":
        """Return what is asked once for several records: no lists, no decision that needs one.

        A list tells of one record; the decision that requires it is taken one by one.
        """
        sections = tuple(
            replace(section, fields=tuple(f for f in section.fields if f.type != "rows"))
            for section in self.sections
        )
        needing = {
            value
            for field in self.fields
            if field.type == "rows"
            for name, values in field.required_when
            if name == "decision"
            for value in values
        }
        actions = tuple(action for action in self.actions if action.value not in needing)
        return replace(
            self, sections=tuple(each for each in sections if each.fields), actions=actions
        )

    def optional(self) -> "FormSpec":
        """Return the same form with nothing required: what autosave holds a draft against."""
        return replace(self.each(_relaxed), actions=())

    def at(self, today: date, birth: date | None) -> "FormSpec":
        """Return the same form as it holds on a day for somebody born on another one."""
        days = {"today": today, "birth": birth}
        return self.each(lambda field: _dated(field, days))

    def each(self, change: Callable[[FieldSpec], FieldSpec]) -> "FormSpec":
        """Return the same form with every field changed."""
        sections = tuple(
            replace(section, fields=tuple(change(field) for field in section.fields))
            for section in self.sections
        )
        return replace(self, sections=sections)


_DAY = re.compile(r"(today|birth)(?:\+(\d{1,3})(d?))?")
_BOUND = re.compile(r"([<>]=)(-?\d[\d.-]*)", re.ASCII)


def bound_of(wanted: str) -> tuple[str, str]:
    """Return sign and limit of a condition that bounds an answer; nothing for a plain answer."""
    found = _BOUND.fullmatch(wanted)
    return (found[1], found[2]) if found else ("", "")


def is_day(limit: str) -> bool:
    """Tell whether a limit is a day that only `FormSpec.at` knows."""
    return _DAY.fullmatch(limit) is not None


def is_name(limit: str) -> bool:
    """Tell whether a limit is what another field holds."""
    return re.fullmatch(r"[a-z][a-z0-9_]*", limit) is not None and not is_day(limit)


def _dated(field: FieldSpec, days: dict[str, date | None]) -> FieldSpec:
    return replace(
        field,
        min=_limit_at(field, field.min, days),
        of_age=_age_in(field.min) or field.of_age,
        max=_limit_at(field, field.max, days),
        fields=tuple(_dated(inner, days) for inner in field.fields),
    )


def _age_in(limit: str | None) -> int:
    word = _DAY.fullmatch(limit or "")
    return int(word[2] or 0) if word and word[1] == "birth" else 0


def _limit_at(field: FieldSpec, limit: str | None, days: dict[str, date | None]) -> str | None:
    word = _DAY.fullmatch(limit or "")
    if word is None:
        return limit
    day = days[word[1]]
    if day is None:
        return None
    if word[3]:
        return (day + timedelta(days=int(word[2]))).isoformat()
    # Who was born on a 29 February comes of age on the next 1 March.
    year = day.year + int(word[2] or 0)
    later = date(year, 3, 1) if (day.month, day.day) == (2, 29) else day.replace(year=year)
    return str(year) if field.type == "integer" else later.isoformat()


def _relaxed(field: FieldSpec) -> FieldSpec:
    return replace(
        field,
        required=False,
        required_when=(),
        min=None if field.type in {"rows", "checkbox", "files"} else field.min,
        fields=tuple(_relaxed(inner) for inner in field.fields),
    )
