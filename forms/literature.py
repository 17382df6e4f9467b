"""Which entries of bibliographies are records of a type, as its YAML says (文献导入)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from forms import values
from forms.spec import FormSpecError

KEY = "literature"
TOLD = frozenset(
    {"title", "journal", "publisher", "number", "month", "issue", "pages", "doi", "link"}
    | {"position", "authors"}
)
"""What an entry tells a field; `number` is the ISSN or ISBN, `issue` year, volume and
number, `position` the person's place."""


@dataclass(frozen=True, slots=True)
class Literature:
    """The kinds of entries that a type takes, and what tells which of its fields."""

    kinds: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)


NO_LITERATURE = Literature()


def literature_from(own: Mapping[str, Any]) -> Literature:
    """Return what a type says of literature; FormSpecError for what no entry tells."""
    if KEY not in own:
        return NO_LITERATURE
    given = values.pairs(own[KEY], "文献")
    values.keys(given, {"kinds", "fields"}, "文献")
    fields = values.pairs(given.get("fields"), "文献")
    unknown = [str(source) for source in fields.values() if source not in TOLD]
    if unknown:
        raise FormSpecError(f"文献没有 {'、'.join(unknown)}")
    return Literature(values.texts(given, "kinds", "文献"), fields)
