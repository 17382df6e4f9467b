"""The administrators' pages: one blueprint, a file for each of their jobs."""

from flask import Blueprint

bp = Blueprint("admin", __name__, url_prefix="/admin", cli_group=None)

from app.admin import (  # noqa: E402
    account_views,
    audit_views,
    commands,
    entry_views,
    factor_views,
    grant_views,
    panels,
    provider_views,
    unit_import,
    unit_views,
)

__all__ = [
    "account_views",
    "audit_views",
    "bp",
    "commands",
    "entry_views",
    "factor_views",
    "grant_views",
    "panels",
    "provider_views",
    "unit_import",
    "unit_views",
]
