"""The administrators' pages: one blueprint, a file for each of their jobs."""

from flask import Blueprint

bp = Blueprint("admin", __name__, url_prefix="/admin")

from app.admin import account_views, audit_views, grant_views, panels, unit_views  # noqa: E402

__all__ = ["account_views", "audit_views", "bp", "grant_views", "panels", "unit_views"]
