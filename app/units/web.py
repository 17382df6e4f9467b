"""The blueprint of the units' pages, and what they share."""

from flask import Blueprint, request
from flask_login import current_user

from app.core.clock import now
from app.core.db import db
from app.core.errors import NotFound
from app.core.http import grants
from app.core.permissions import authorize
from app.units.models import Unit

bp = Blueprint("units", __name__)


def own_unit(action: str, roles: set[str]) -> Unit:
    """Return the unit that the address names, else the first where the person has a role."""
    held = [g.scope_id for g in grants() if g.role in roles and g.scope_kind == "org"]
    wanted = request.args.get("unit", type=int) or (held[0] if held else None)
    unit = db.session.get(Unit, wanted or 0)
    if unit is None:
        raise NotFound
    authorize(action, current_user, unit, now())
    return unit


def administered(action: str = "unit.staff") -> Unit:
    """Return the unit whose administrator asks; 404 and 403 otherwise."""
    return own_unit(action, {"unit_admin"})
