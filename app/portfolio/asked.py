"""The item that an address names, for whoever may do with it what is asked."""

from flask_login import current_user

from app.core.clock import now
from app.core.errors import Forbidden, NotFound
from app.core.permissions import authorize
from app.portfolio import item_types, queries
from app.portfolio.item_types import ItemType
from app.portfolio.models import PortfolioItem


def offered(type_key: str) -> ItemType:
    """Return a type that may be entered by whoever asks; Forbidden for other series' own."""
    kind = item_types.get(type_key)
    queries.refuse_other_series(current_user.id, kind)
    return kind


def item_for(item_id: int, action: str, *, for_update: bool = False) -> PortfolioItem:
    """Return an item that this person may do the action on; a foreign one does not exist."""
    item = queries.item_of(item_id, for_update=for_update)
    try:
        authorize(action, current_user, item, now())
    except Forbidden as error:
        raise NotFound(queries.GONE) from error
    return item
