"""Forms (表单) as data: YAML descriptions, and the builder of WTForms classes."""

from forms.builder import (
    AnswersForm,
    build,
    display,
    display_all,
    missing_labels,
    options_of,
    period,
)
from forms.decisions import decisions_of
from forms.items import CATEGORIES, ItemType, item_types
from forms.lists import named_lists
from forms.loader import load, parse, source
from forms.spec import ActionSpec, FieldSpec, FormSpec, FormSpecError, Section, UnknownForm

__all__ = [
    "CATEGORIES",
    "ActionSpec",
    "AnswersForm",
    "FieldSpec",
    "FormSpec",
    "FormSpecError",
    "ItemType",
    "Section",
    "UnknownForm",
    "build",
    "decisions_of",
    "display",
    "display_all",
    "item_types",
    "load",
    "missing_labels",
    "named_lists",
    "options_of",
    "parse",
    "period",
    "source",
]
