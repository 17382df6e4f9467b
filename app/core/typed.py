"""Typing (自动保存): a field is kept by itself, and judged with those that its check reads.

What a check reads of other fields is what the page has typed beside it, or what the draft has.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.errors import Invalid
from forms import FieldSpec, FormSpec, build

Values = Mapping[str, Any]
Faults = dict[str, list[str]]
UNREADABLE = (ValueError, AttributeError, TypeError, RecursionError)
"""What reading a page's JSON raises: none, of another shape, or nested beyond all reason."""


@dataclass(frozen=True)
class Draft:
    """A form that is being filled in, as it holds now, and what is kept of it.

    Attachments are none of what is typed.
    """

    spec: FormSpec
    kept: Values

    @property
    def fields(self) -> dict[str, FieldSpec]:
        """The typed fields, by name."""
        return {each.name: each for each in self.spec.fields if each.type not in {"file", "files"}}

    def answer_to(self, name: str, texts: Sequence[str]) -> Any:
        """Return what was typed into one field in the shape the form reads; Invalid if unknown."""
        field = self.fields.get(name)
        if field is None:
            raise Invalid("没有这个字段，请刷新页面", field=name)
        return _shaped(field, list(texts))

    def typed_beside(self, sent: str) -> dict[str, Any]:
        """Return what a page has typed and not saved, sent as {name: texts}, or raise Invalid."""
        try:
            texts, known = json.loads(sent or "{}"), self.fields
            shown = {name: list(map(str, texts[name])) for name in known.keys() & texts.keys()}
        except UNREADABLE as error:
            raise Invalid("页面内容无法识别，请刷新页面") from error
        return {name: _shaped(known[name], typed) for name, typed in shown.items()}

    def read(self, values: Values, beside: Values) -> tuple[dict[str, Any], Faults]:
        """Return the values it can hold, and the faults of the others; unknown ones are left."""
        known = self.fields.keys() & values.keys()
        form = self._judged({**beside, **values})
        faults = {name: texts_of(form[name]) for name in known if form[name].errors}
        return {name: form[name].to_json() for name in known - faults.keys()}, faults

    def judged_again(self, name: str, beside: Values) -> Faults:
        """Return what is wrong now with each answer whose check reads this field, if anything.

        A draft keeps such an answer: which of the two is mended is up to the person.
        """
        reading = [each for each in self.fields.values() if name in each.reads]
        form = self._judged(beside) if reading else {}
        return {f.name: texts_of(form[f.name]) for f in reading if not form[f.name].is_empty()}

    def _judged(self, values: Values) -> Any:
        """Return its form with these values in it, held against all but what is due."""
        form = build(self.spec.optional())(data={**self.kept, **values})
        form.validate()
        return form


def _shaped(field: FieldSpec, texts: list[str]) -> Any:
    if field.type == "checkbox":
        return [text for text in texts if text]
    first = texts[0] if texts else ""
    if field.type != "rows":
        return first
    try:
        return _rows(first or "[]")
    except UNREADABLE as error:
        raise Invalid("表格内容无法识别，请刷新页面", field=field.name) from error


def _rows(text: str) -> list[dict[str, Any]]:
    """Return the rows of a table from their JSON; its cells hold no more of them."""
    rows = [dict(row) for row in json.loads(text)]
    if any(isinstance(cell, (dict, list)) for row in rows for cell in row.values()):
        raise ValueError(text)
    return rows


def texts_of(field: Any) -> list[str]:
    """Return the messages of a field; those of table rows say their row and their column."""
    found: list[str] = []
    for number, entry in enumerate(getattr(field, "entries", ()), 1):
        said = [labelled(cell.label.text, text) for cell in entry.form for text in cell.errors]
        if said:
            found.append(f"第 {number} 行：{'；'.join(said)}")
    return [*found, *(error for error in field.errors if isinstance(error, str))]


def labelled(label: str, text: str) -> str:
    """Return what is wrong with a field where others stand beside it; most faults name theirs."""
    return text if label in text else f"{label}{text}"
