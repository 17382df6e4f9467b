"""The blueprint of the declarations' pages, and what they share."""

from flask import Blueprint
from flask_login import current_user

from app.core.clock import now
from app.core.permissions import authorize
from app.declarations import access, queries
from app.declarations.models import Declaration

bp = Blueprint("declarations", __name__)


def own(declaration_id: int, *, lock: bool = False) -> Declaration:
    """Return the person's own declaration; a foreign one does not exist."""
    found = queries.own_declaration(declaration_id, current_user.id, lock=lock)
    authorize("declaration.fill", current_user, found, now())
    return found


def visible(declaration_id: int) -> Declaration:
    """Return a declaration that the person may see; any other does not exist."""
    found = access.visible_declaration(declaration_id, current_user, now())
    authorize("declaration.view", current_user, found, now())
    return found
