"""Fields that hold one value: text, dates, numbers, yes or no."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from wtforms import widgets
from wtforms.form import BaseForm

from forms.fields.base import (
    TypedField,
    has_control_characters,
    holds,
    is_literal,
    plain_digits,
    require,
    too_far,
)
from forms.spec import FieldSpec
from rules.checks import identifiers

CHECKS: Mapping[str, Callable[[str, str], str | None]] = {
    "doi": identifiers.doi,
    "isbn": identifiers.isbn,
    "issn": identifiers.issn,
    "patent": identifiers.patent,
    "serial": identifiers.serial,
    "standard": identifiers.standard,
    "url": identifiers.url,
}
"""Named checks of a text, given the answer of the field `check_with`: what is wrong, or None."""

EXAMPLES: Mapping[str, str] = {
    "doi": "10.1000/xyz123",
    "isbn": "978-7-00-000000-1",
    "issn": "1000-0011",
    "patent": "ZL 2021 1 0000001.6",
    "serial": identifiers.SERIAL_EXAMPLE,
    "standard": "GB/T 10000-2020",
    "url": identifiers.URL_EXAMPLE,
}
"""What each named check accepts, to show people; nobody owns these numbers."""

MAX_INTEGER = 2_000_000_000
EARLIEST, LATEST = "1900-01-01", "2200-12-31"


class TextField(TypedField):
    """单行文字. Whitespace around is dropped; whitespace alone is no answer."""

    options: ClassVar[frozenset[str]] = frozenset({"max_length", "pattern", "check", "check_with"})
    empty: ClassVar[Any] = ""
    longest: ClassVar[int] = 200
    widget: Any = widgets.TextInput()

    @classmethod
    def check_spec(cls, spec: FieldSpec) -> None:
        """Refuse patterns that do not compile and checks that do not exist."""
        require(not spec.check or spec.check in CHECKS, spec, f"未知的校验 “{spec.check}”")
        try:
            re.compile(spec.pattern)
        except re.error as error:
            require(False, spec, f"pattern 不是正则表达式: {error}")  # noqa: FBT003

    @classmethod
    def limit(cls, spec: FieldSpec) -> int:
        """Return the greatest number of characters."""
        return spec.max_length or cls.longest

    @classmethod
    def attributes(cls, spec: FieldSpec) -> dict[str, Any]:
        """Let the browser stop at the limit too."""
        return {**super().attributes(spec), "maxlength": cls.limit(spec)}

    def read(self, text: str) -> Any:
        """Refuse characters no person types."""
        text = text.replace("\r\n", "\n")
        if self.spec.check or self.spec.pattern:
            # Codes are typed by any keyboard: full-width letters and digits are the plain ones.
            text = unicodedata.normalize("NFKC", text)
        if has_control_characters(text):
            raise ValueError("含有不能使用的字符")
        return text

    def check(self, form: BaseForm) -> None:
        """Hold the text against length, pattern and named check."""
        text, spec = str(self.data), self.spec
        if len(text) > self.limit(spec):
            raise too_far(f"不能超过 {self.limit(spec)} 个字，现有 {len(text)} 个字")
        if spec.pattern and not re.fullmatch(spec.pattern, text, re.ASCII):
            raise too_far(self.own_message(f"{spec.label}格式不正确"))
        problem = self._problem(text, form) if spec.check else None
        if problem:
            raise too_far(self.own_message(problem))

    def _problem(self, text: str, form: BaseForm) -> str | None:
        """Return what the named check says, beside the answer that says what is numbered.

        Nothing while that is not chosen: as what a number is to be read is not known yet.
        """
        other: Any = form[self.spec.check_with] if self.spec.check_with else None
        if other is not None and other.is_empty():
            return None
        return CHECKS[self.spec.check](text, str(other.to_json()) if other is not None else "")


class TextAreaField(TextField):
    """多行文字."""

    options: ClassVar[frozenset[str]] = TextField.options | {"lines", "phrases"}
    longest: ClassVar[int] = 2000
    widget: Any = widgets.TextArea()

    @classmethod
    def attributes(cls, spec: FieldSpec) -> dict[str, Any]:
        """Give the box its height."""
        return {**super().attributes(spec), "rows": spec.lines or 4}


class DateField(TypedField):
    """日期, an ISO date in JSON."""

    options: ClassVar[frozenset[str]] = frozenset({"min", "max", "unless"})
    asks: ClassVar[str] = "请选择"
    widget: Any = widgets.DateInput()
    form_of_text: ClassVar[str] = r"\d{4}-\d{1,2}-\d{1,2}"
    complaint: ClassVar[str] = "不是有效的日期，应如 2026-11-20"

    @classmethod
    def check_spec(cls, spec: FieldSpec) -> None:
        """Refuse limits that are no dates."""
        for limit in filter(is_literal, (spec.min, spec.max)):
            require(cls.parse(str(limit)), spec, f"{limit} 不是日期")

    @classmethod
    def attributes(cls, spec: FieldSpec) -> dict[str, Any]:
        """Hand the limits to the date picker."""
        earliest = spec.min if is_literal(spec.min) else EARLIEST
        latest = spec.max if is_literal(spec.max) else None
        return {**super().attributes(spec), **cls.within(str(earliest), latest)}

    @classmethod
    def within(cls, earliest: str, latest: str | None) -> dict[str, Any]:
        """Return the limits as the picker reads them."""
        return {"min": earliest, "max": latest}

    @classmethod
    def parse(cls, text: str) -> str | None:
        """Return the text in its stored form, or None when it is no such day."""
        text = plain_digits(text).replace("/", "-")
        if not re.fullmatch(cls.form_of_text, text, re.ASCII):
            return None
        try:
            day = date(*map(int, cls.parts(text)))
        except ValueError:
            return None
        return cls.stored(day)

    @classmethod
    def parts(cls, text: str) -> tuple[str, str, str]:
        """Return year, month and day."""
        year, month, day = text.split("-")
        return year, month, day

    @classmethod
    def stored(cls, day: date) -> str:
        """Return the day as JSON."""
        return day.isoformat()

    def read(self, text: str) -> Any:
        """Return the ISO text of the day."""
        value = self.parse(text)
        if value is None:
            raise ValueError(self.complaint)
        return value

    def check(self, form: BaseForm) -> None:
        """Hold the day against its limits; ISO texts sort like days."""
        box: Any = form[self.spec.unless] if self.spec.unless else None
        if box is not None and box.data:
            raise too_far(f"已勾选“{box.label.text}”，请清空此项，或取消勾选")
        day = str(self.data)
        for limit in (self.spec.min, EARLIEST):
            earliest, said = self.bound(form, limit)
            if earliest and day[: len(earliest)] < earliest[: len(day)]:
                raise too_far(self.own_message(f"不能早于{said}"))
        for limit in (self.spec.max, LATEST):
            latest, said = self.bound(form, limit)
            if latest and day[: len(latest)] > latest[: len(day)]:
                raise too_far(self.own_message(f"不能晚于{said}"))


class MonthField(DateField):
    """年月, "2003-09" in JSON."""

    widget: Any = widgets.MonthInput()
    form_of_text: ClassVar[str] = r"\d{4}-\d{1,2}"
    complaint: ClassVar[str] = "不是有效的年月，应如 2026-11"

    @classmethod
    def within(cls, earliest: str, latest: str | None) -> dict[str, Any]:
        """Return the limits as months."""
        return {"min": earliest[:7], "max": latest[:7] if latest else None}

    @classmethod
    def parts(cls, text: str) -> tuple[str, str, str]:
        """Return year, month and the first day."""
        year, month = text.split("-")
        return year, month, "1"

    @classmethod
    def stored(cls, day: date) -> str:
        """Return year and month."""
        return f"{day.year:04d}-{day.month:02d}"


def unscaled(spec: FieldSpec, value: Any) -> Any:
    """Return a stored number as people write it; what was only typed has no steps yet."""
    if not spec.scaled or isinstance(value, bool) or not isinstance(value, int):
        return value
    whole, rest = divmod(abs(value), 10**spec.places)
    digits = f"{whole}.{rest:0{spec.places}d}".rstrip("0").rstrip(".")
    return f"-{digits}" if value < 0 else digits


class NumberField(TypedField):
    """数字, an exact decimal kept as a string in JSON.

    With `scaled` it is kept as a whole number of its smallest steps: 12.5 千字 are 125.
    """

    options: ClassVar[frozenset[str]] = frozenset({"min", "max", "places", "scaled"})
    widget: Any = widgets.TextInput()
    mode: ClassVar[str] = "decimal"

    @classmethod
    def check_spec(cls, spec: FieldSpec) -> None:
        """Refuse limits that are no numbers."""
        for limit in filter(is_literal, (spec.min, spec.max)):
            fits = re.fullmatch(r"-?\d+(\.\d+)?", str(limit))
            require(fits, spec, f"{limit} 不是数字")

    @classmethod
    def attributes(cls, spec: FieldSpec) -> dict[str, Any]:
        """Ask phones for the number keyboard; the limits are said in the messages."""
        return {**super().attributes(spec), "inputmode": cls.mode}

    def read(self, text: str) -> Any:
        """Return the exact number. Raises ValueError when it is none or too fine."""
        text = plain_digits(text).replace(",", "")
        if not re.fullmatch(r"-?\d{1,12}(\.\d{1,12})?", text, re.ASCII):
            raise ValueError("不是有效的数字")
        if len(text.partition(".")[2]) > self.spec.places:
            raise ValueError(f"最多 {self.spec.places} 位小数")
        return Decimal(text)

    def process_data(self, value: Any) -> None:
        """Take a stored answer: steps where they are counted, else the number itself."""
        super().process_data(unscaled(self.spec, value))

    def written(self, value: Any) -> Any:
        """Return the number as it was typed, without exponent, or its steps."""
        return int(value.scaleb(self.spec.places)) if self.spec.scaled else format(value, "f")

    @classmethod
    def display(cls, spec: FieldSpec, value: Any, choices: Mapping[str, str]) -> str:
        """Return the number with its unit."""
        return super().display(spec, unscaled(spec, value), choices)

    def check(self, form: BaseForm) -> None:
        """Hold the number against its limits."""
        least, said = self.bound(form, self.spec.min)
        if least is not None and self.data < Decimal(least):
            raise too_far(self.own_message(f"不能小于{said}"))
        most, said = self.bound(form, self.spec.max)
        if most is not None and self.data > Decimal(most):
            raise too_far(self.own_message(f"不能大于{said}"))


class IntegerField(NumberField):
    """整数. Where `one_when` is met only 1 will do; no less than the sum of `sum_of`."""

    options: ClassVar[frozenset[str]] = frozenset({"min", "max", "one_when", "sum_of"})
    mode: ClassVar[str] = "numeric"

    def read(self, text: str) -> Any:
        """Return the whole number. Raises ValueError when it is none."""
        text = plain_digits(text).replace(",", "")
        if not re.fullmatch(r"-?\d{1,12}", text, re.ASCII):
            raise ValueError("请填写整数")
        if abs(int(text)) > MAX_INTEGER:
            raise ValueError("数字过大")
        return int(text)

    def check(self, form: BaseForm) -> None:
        """Hold the number against its limits, and against being the only one."""
        conditions = self.spec.one_when
        if self.data != 1 and holds(form, conditions):
            met = "、".join(value for _name, values in conditions for value in values)
            raise too_far(f"{met}应为 1")
        super().check(form)
        least, said = self._sum(form) if self.spec.sum_of else (0, "")
        if said and self.data < least:
            raise too_far(self.own_message(f"不能小于{said}"))

    def _sum(self, form: BaseForm) -> tuple[int, str]:
        """Return the sum of a column of a table, and how it is said; several ask no tables."""
        table, _, column = self.spec.sum_of.partition(".")
        if table not in form:
            return 0, ""
        rows: Any = form[table]
        cells = [entry.form[column] for entry in rows.filled]
        total = sum(cell.data or 0 for cell in cells)
        return total, f"{rows.label.text}中的{cells[0].label.text}之和（{total}）" if cells else ""

    def written(self, value: Any) -> Any:
        """Return the number itself."""
        return value


class BoolField(TypedField):
    """是否. Required means it must be ticked."""

    asks: ClassVar[str] = "请勾选"
    empty: ClassVar[Any] = False
    widget: Any = widgets.CheckboxInput()
    false_texts: ClassVar[frozenset[str]] = frozenset({"", "false", "False", "0", "no", "off"})

    def read(self, text: str) -> Any:
        """Return whether the box was ticked."""
        return text not in self.false_texts

    def _value(self) -> str:
        return "true"

    def texts(self) -> list[str]:
        """Return whether it is ticked."""
        return ["true" if self.data else ""]

    @classmethod
    def display(cls, spec: FieldSpec, value: Any, choices: Mapping[str, str]) -> str:
        """Return 是 or 否."""
        return "是" if value else "否"
