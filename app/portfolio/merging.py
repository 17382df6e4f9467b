"""What is kept of an item, as the controls of its form say it: for a page that was overtaken.

The page holds it against what it showed before, takes what another page has changed, and asks
where both have changed the same field.
"""

from typing import Any

from app.portfolio import item_types, reading
from app.portfolio.models import PortfolioItem
from app.portfolio.operations import answers_of
from forms import build


def kept_texts(item: PortfolioItem) -> dict[str, list[str]]:
    """Return the texts of every typed field, by name, as a browser would send them."""
    kind = item_types.get(item.type_key)
    form: Any = build(kind.form)(data=answers_of(item))
    return {field.name: form[field.name].texts() for field in item_types.fields_of(kind)}


def kept_files(item: PortfolioItem) -> dict[str, list[dict[str, Any]]]:
    """Return the attachments by slot, as rows of a page need them."""
    kind = item_types.get(item.type_key)
    slots = reading.slots_of(kind, reading.file_rows(item))
    return {
        slot.name: [{"id": f.id, "name": f.name, "size": f.size} for f in slot.files]
        for slot in slots
    }
