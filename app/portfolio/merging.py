"""What is kept of an item beside what a page of it says, where that page was overtaken.

The page holds it against what it showed before, takes what another page has changed, and asks
where both have changed the same field.
"""

from dataclasses import replace
from typing import Any

from werkzeug.datastructures import MultiDict

from app.core.numbers import ids_in
from app.core.overtaken import Disputes, differing, disputes, unsaved
from app.portfolio import item_types, reading
from app.portfolio.models import PortfolioItem
from app.portfolio.operations import answers_of, files_in
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


def disputes_in(item: PortfolioItem, posted: MultiDict[str, str]) -> Disputes:
    """Return what another page has saved otherwise since this one was filled, and what to do."""
    kind = item_types.get(item.type_key)
    spec = kind.form.optional()
    names = {field.name for field in item_types.fields_of(kind)}
    found = differing(spec, answers_of(item), build(spec)(posted).answers())
    fields = {name: each for name, each in found.items() if name in names}
    is_stale = posted.get("row_version", item.row_version, type=int) != item.row_version
    said = disputes(fields, posted, is_stale=is_stale)
    return replace(said, told=_moved_files(item, posted)) if is_stale else said


def _moved_files(item: PortfolioItem, posted: MultiDict[str, str]) -> dict[str, list[str]]:
    found = {}
    for slot in item_types.get(item.type_key).slots:
        held = [file.file_id for file in files_in(item, slot.name)]
        if held != ids_in(posted.getlist(slot.name)):
            found[slot.name] = ["另一页面已修改附件，现按最新附件显示"]
    return found


def unsaved_in(item: PortfolioItem, posted: MultiDict[str, str]) -> list[tuple[str, str]]:
    """Return (label, text) of what a page says otherwise than it is kept, attachments aside."""
    kind = item_types.get(item.type_key)
    form = build(kind.form.optional())(posted)
    return unsaved(item_types.fields_of(kind), answers_of(item), form, posted)
