"""A table whose rows are small forms."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from wtforms import FieldList, FormField
from wtforms.form import BaseForm
from wtforms.utils import unset_value

from forms.fields.base import Material, TypedField, require
from forms.spec import FieldSpec


class RowsField(FieldList):  # type: ignore[type-arg]
    """表格. A surplus row is an error, never dropped; an untouched row is no answer."""

    options: ClassVar[frozenset[str]] = frozenset({"fields", "min", "max"})
    usual_max: ClassVar[int] = 50

    def __init__(self, spec: FieldSpec, material: Material, **kwargs: Any) -> None:
        super().__init__(
            FormField(material.row_form),
            spec.label,
            description=spec.help,
            min_entries=max(int(spec.min or 0), 1),
            **kwargs,
        )
        self.spec = spec
        self.type = "FieldList"

    @classmethod
    def check_spec(cls, spec: FieldSpec) -> None:
        """Ask for fields, and for whole numbers as limits."""
        require(spec.fields, spec, "rows 须有 fields")
        require(all(f.type != "rows" for f in spec.fields), spec, "rows 不能再嵌套 rows")
        limits = [limit for limit in (spec.min, spec.max) if limit is not None]
        require(all(limit.isdecimal() for limit in limits), spec, "min 和 max 须为整数")

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        """Take rows; stored ones that are no mappings are passed over."""
        stored = [row for row in data if isinstance(row, dict)] if _is_list(data) else unset_value
        super().process(formdata, stored, extra_filters)

    def _extract_indices(self, prefix: str, formdata: Any) -> Iterator[int]:
        """Yield the row numbers posted for this table and no other name that begins alike."""
        form = re.compile(rf"{re.escape(prefix)}-(\d{{1,6}})-", re.ASCII)
        return (int(match[1]) for match in map(form.match, formdata) if match)

    @property
    def filled(self) -> list[Any]:
        """The rows with any answer."""
        return [entry for entry in self.entries if not is_blank(entry.form)]

    def is_required(self, _form: BaseForm) -> bool:
        """Tell whether a row is due."""
        return self.spec.required

    def is_empty(self) -> bool:
        """Tell whether no row has any answer."""
        return not self.filled

    def to_json(self) -> list[dict[str, Any]]:
        """Return the answered rows."""
        return [entry.form.answers() for entry in self.filled]

    def texts(self) -> list[str]:
        """Return the answered rows as one JSON text, as scripts of a page send them."""
        rows = [{cell.short_name: cell.texts()[0] for cell in each.form} for each in self.filled]
        return [json.dumps(rows, ensure_ascii=False)]

    def validate(self, form: BaseForm, extra_validators: Any = ()) -> bool:
        """Check each answered row, then how many there are."""
        for entry in self.filled:
            entry.validate(form)
        faults: list[Any] = [entry.errors for entry in self.entries]
        if not any(faults):
            faults = []
        self.errors = [*faults, *self._count_faults(len(self.filled))]
        return not self.errors

    def _count_faults(self, count: int) -> Iterator[str]:
        least = max(int(self.spec.min or 0), int(self.spec.required))
        most = int(self.spec.max or self.usual_max)
        if count < least:
            yield f"至少填写 {least} 行"
        if count > most:
            yield f"最多填写 {most} 行，现有 {count} 行"

    @classmethod
    def display(cls, spec: FieldSpec, value: Any, choices: Mapping[str, str]) -> str:
        """Return how many rows there are; pages show rows as a table."""
        return f"{len(value)} 行"


def _is_list(data: Any) -> bool:
    return isinstance(data, (list, tuple))


def is_blank(form: Any) -> bool:
    """Tell whether nothing was typed into any field of a row, readable or not."""
    return all(
        isinstance(field, TypedField) and field.is_empty() and not field.process_errors
        for field in form
    )
