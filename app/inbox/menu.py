"""The left menu, the person and the counts that every signed-in page shows."""

from typing import Any

from flask import Flask, g, request, url_for
from flask_login import current_user

from app.accounts.queries import unread_count
from app.core.http import grants, unless_down
from app.core.menu import entries_for
from app.core.permissions import ROLES, whom_to_ask
from app.inbox.queries import open_counts, scope_names

BADGE_ENDPOINT = "inbox.tasks"
NAMED_ROLES = 2
NOBODY: dict[str, Any] = {"me": None, "menu": [], "unread": 0}


def init_menu(app: Flask) -> None:
    """Give every page its menu, the person and the number of unread messages."""
    app.context_processor(lambda: unless_down(_frame, dict(NOBODY)))


def _frame() -> dict[str, Any]:
    if not current_user or not current_user.is_authenticated:
        return dict(NOBODY)
    return {"me": me(), "menu": menu(), "unread": unread()}


def me() -> dict[str, Any]:
    """Return the person of this request as the top bar shows them, with every role (身份)."""
    places = scope_names(grants())
    held: dict[str, list[str]] = {}
    for grant in grants():
        if grant.role in ROLES:
            place = places.get((grant.scope_kind, grant.scope_id), "")
            held.setdefault(grant.role, []).append(place)
    roles: list[dict[str, Any]] = [
        {"name": ROLES[role], "places": sorted(set(filter(None, held[role])))}
        for role in ROLES
        if role in held
    ]
    return {
        "id": current_user.id,
        "name": current_user.name,
        "roles": roles,
        "role_label": _label([role["name"] for role in roles]),
        "whom_to_ask": whom_to_ask(held),
        "photo_file_id": current_user.photo_file_id,
    }


def _label(names: list[str]) -> str:
    """Say two roles in full, more by their number."""
    return "、".join(names) if len(names) <= NAMED_ROLES else f"{names[0]}等 {len(names)} 个身份"


def menu() -> list[dict[str, Any]]:
    """Return the groups and lines that this person sees, the current one marked."""
    if "menu" not in g:
        g.menu = _build_menu()
    lines: list[dict[str, Any]] = g.menu
    return lines


def unread() -> int:
    """Return how many messages wait, counted once a request."""
    if "unread" not in g:
        g.unread = unread_count(current_user.id)
    count: int = g.unread
    return count


def waiting() -> tuple[int, int]:
    """Return how many tasks are to be done now and how many are halted, counted once a request."""
    if "waiting" not in g:
        g.waiting = open_counts(current_user.id, grants())
    counts: tuple[int, int] = g.waiting
    return counts


def _build_menu() -> list[dict[str, Any]]:
    groups = entries_for({grant.role for grant in grants()})
    to_do, _halted = waiting()
    urls = {entry: url_for(entry.endpoint) for _, entries in groups for entry in entries}
    # The current line is the one whose address the page's address extends furthest.
    under = [url for url in urls.values() if f"{request.path}/".startswith(f"{url}/")]
    current = max(under, key=len, default="")
    return [
        {
            "label": label,
            "items": [
                {
                    "label": entry.label,
                    "icon": entry.icon,
                    "url": urls[entry],
                    "active": urls[entry] == current,
                    "badge": to_do if entry.endpoint == BADGE_ENDPOINT else 0,
                }
                for entry in entries
            ],
        }
        for label, entries in groups
    ]
