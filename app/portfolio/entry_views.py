"""What the scripts of an item's page send: a field as it is typed, a file as it is chosen."""

from typing import Any

from flask import Blueprint, request
from flask_login import current_user
from werkzeug.wrappers import Response

from app.core import receiving
from app.core.clock import now
from app.core.errors import Invalid
from app.core.http import writes_late
from app.core.numbers import ids_in
from app.core.permissions import requires
from app.portfolio import attachments, item_types, merging, operations
from app.portfolio.asked import item_for
from app.site.views import file_facts


def add_pages(bp: Blueprint) -> None:
    """Add the addresses to the room's."""
    bp.post("/portfolio/<int:item_id>/fields")(autosave)
    bp.get("/portfolio/<int:item_id>/fields")(kept)
    bp.post("/portfolio/<int:item_id>/files/<slot>")(upload)


@requires("portfolio.edit")
def autosave(item_id: int) -> dict[str, Any]:
    """Keep one field as soon as it was typed (自动保存)."""
    item = item_for(item_id, "portfolio.edit", for_update=True)
    kind = item_types.get(item.type_key)
    name, typed = request.form.get("name", ""), request.form.getlist("value")
    version = request.form.get("row_version", type=int)
    if name in {slot.name for slot in kind.slots}:
        ids = ids_in(typed)
        attachments.autosave_files(
            item, name, ids, actor=current_user, now=now(), row_version=version
        )
        return {"saved": True, "row_version": item.row_version}
    draft = operations.draft_of(item, now())
    beside = draft.typed_beside(request.form.get("beside", ""))
    faults = operations.save_fields(
        item,
        {name: draft.answer_to(name, typed)},
        actor=current_user,
        now=now(),
        row_version=version,
        beside=beside,
    )
    if faults:
        raise Invalid(errors=faults)
    judged = operations.draft_of(item, now()).judged_again(name, beside)
    return {"saved": True, "row_version": item.row_version, "judged": judged}


@requires("portfolio.edit")
def kept(item_id: int) -> dict[str, Any]:
    """Return what is kept of an item, for a page that another one has overtaken."""
    item = item_for(item_id, "portfolio.edit")
    operations.require_editable(item, current_user)
    return {
        "row_version": item.row_version,
        "values": merging.kept_texts(item),
        "files": merging.kept_files(item),
    }


@writes_late
@requires("portfolio.edit")
def upload(item_id: int, slot: str) -> dict[str, Any] | Response:
    """Take an upload into a slot at once; it is cleaned before others have to wait for it."""
    item = item_for(item_id, "portfolio.edit")
    if (known := receiving.taken_before()) and (kept := attachments.kept_as(item, slot, known.id)):
        # The answer to the first time was lost: what it did may have filled the slot since.
        return file_facts(known, kept.name)
    replaces = request.args.get("replaces", type=int)
    policy = attachments.room_for(item, slot, replaces, actor=current_user)
    if receiving.announces():
        return receiving.announce(policy)
    stored = receiving.take(policy)
    item = item_for(item_id, "portfolio.edit", for_update=True)
    file = attachments.attach_file(
        item, slot, stored.id, actor=current_user, now=now(), replaces=replaces
    )
    return file_facts(stored, file.name)
