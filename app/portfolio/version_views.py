"""历次版本: what was approved of an item, as it was then."""

from flask import Blueprint, render_template
from flask_login import current_user

from app.accounts.queries import names_of
from app.core.permissions import requires
from app.portfolio import item_types, reading, versions
from app.portfolio.asked import item_for


def add_pages(bp: Blueprint) -> None:
    """Add the page to the room's, and what the page of an item lists."""
    bp.get("/portfolio/<int:item_id>/versions/<int:no>")(version)
    bp.add_app_template_global(versions.versions_of, "item_versions")


@requires("portfolio.view")
def version(item_id: int, no: int) -> str:
    """One version, with what differs from the one before it."""
    item = item_for(item_id, "portfolio.view")
    shown = versions.version_of(item_id, no)
    former = versions.version_of(item_id, no - 1) if no > 1 else None
    kind = item_types.of(shown)
    before = reading.Former(item_types.of(former), former.data) if former else None
    rows = reading.version_rows(former) if former else None
    return render_template(
        "portfolio/version.html",
        item=item,
        kind=kind,
        version=shown,
        content={"lines": reading.lines_of(kind, shown.data, before)},
        slots=reading.slots_of(kind, reading.version_rows(shown), rows),
        approved_by=names_of([shown.approved_by]).get(shown.approved_by or 0, ""),
        is_mine=item.person_id == current_user.id,
    )
