"""Two attachments side by side (并排比较), for reviewers who are shown that they are alike.

Who may open the other one is said by the permission to compare alone: its owner's unit may be
another one. Only pairs that the hint names are shown, so no number in an address opens more.
"""

from flask import Blueprint, Response, render_template
from flask_login import current_user

from app.core.clock import now
from app.core.db import db
from app.core.errors import Forbidden, NotFound
from app.core.permissions import authorize, requires
from app.core.storage import StoredFile, may_read
from app.portfolio import duplicates, queries
from app.portfolio.models import PortfolioItem
from app.portfolio.sight import seen_of
from app.site.reading import note_reading
from app.site.views import file_answer

GONE = "没有这两个附件的比较，内容可能已经修改"


def add_pages(bp: Blueprint) -> None:
    """Add the pages to the room's."""
    bp.get("/portfolio/<int:item_id>/beside/<int:file_id>/<int:other_id>")(beside)
    bp.get("/portfolio/<int:item_id>/beside/<int:file_id>/<int:other_id>/file")(other_file)


def _compared(item_id: int, file_id: int, other_id: int) -> duplicates.Duplicate:
    """Return the hint that names this pair; NotFound for whoever is not shown it."""
    try:
        item = queries.item_of(item_id)
        authorize(duplicates.ACTION, current_user, item.person_id, now())
    except (Forbidden, NotFound) as error:
        raise NotFound(GONE) from error
    own = db.session.get(StoredFile, file_id)
    if own is None or not may_read(current_user.id, own):
        raise NotFound(GONE)
    hints = duplicates.duplicates_shown_to(current_user, item.person_id, [item.id], now())
    for hint in hints.shown:
        if hint.files == (file_id, other_id):
            return hint
    raise NotFound(GONE)


@requires("portfolio.compare")
def beside(item_id: int, file_id: int, other_id: int) -> str:
    """The attachment under review, and the one of somebody else that is like it."""
    hint = _compared(item_id, file_id, other_id)
    item = db.session.get_one(PortfolioItem, item_id)
    return render_template(
        "portfolio/beside.html",
        item=item,
        kind=seen_of(item).kind,
        hint=hint,
        own=db.session.get_one(StoredFile, file_id),
        other=db.session.get_one(StoredFile, other_id),
    )


@requires("portfolio.compare")
def other_file(item_id: int, file_id: int, other_id: int) -> Response:
    """The other attachment, for who may compare."""
    _compared(item_id, file_id, other_id)
    stored = db.session.get_one(StoredFile, other_id)
    note_reading(stored, current_user.id, now())
    return file_answer(stored)
