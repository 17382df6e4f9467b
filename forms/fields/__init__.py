"""The field types: one class holds how a type is read, checked, rendered, shown and stored."""

from collections.abc import Mapping
from typing import Any

from forms.fields.choices import CheckboxField, DecisionField, RadioField, SelectField
from forms.fields.files import FileField, FilesField
from forms.fields.rows import RowsField
from forms.fields.simple import (
    BoolField,
    DateField,
    IntegerField,
    MonthField,
    NumberField,
    TextAreaField,
    TextField,
)

TYPES: Mapping[str, Any] = {
    "text": TextField,
    "textarea": TextAreaField,
    "date": DateField,
    "month": MonthField,
    "number": NumberField,
    "integer": IntegerField,
    "select": SelectField,
    "radio": RadioField,
    "checkbox": CheckboxField,
    "bool": BoolField,
    "file": FileField,
    "files": FilesField,
    "rows": RowsField,
}
"""Type key as written in YAML, and its class."""

DECISION_TYPE = DecisionField
