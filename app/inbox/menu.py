"""The left menu and the counts that every signed-in page shows."""

from typing import Any

from flask import Flask, g, request, url_for
from flask_login import current_user

from app.accounts.queries import unread_count
from app.core.http import grants
from app.core.menu import entries_for
from app.core.permissions import ROLES
from app.inbox.queries import open_count

BADGE_ENDPOINT = "inbox.tasks"


def init_menu(app: Flask) -> None:
    """Give every page its menu, the person and the number of unread messages."""

    def common() -> dict[str, Any]:
        if not current_user or not current_user.is_authenticated:
            return {"me": None, "menu": [], "unread": 0}
        return {"me": me(), "menu": menu(), "unread": unread()}

    app.context_processor(common)


def me() -> dict[str, Any]:
    """Return the person of this request as the top bar shows them."""
    names = [ROLES[grant.role] for grant in grants() if grant.role in ROLES]
    return {
        "id": current_user.id,
        "name": current_user.name,
        "role_label": "、".join(dict.fromkeys(names[:1])),
        "photo_file_id": current_user.photo_file_id,
    }


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


def _build_menu() -> list[dict[str, Any]]:
    groups = entries_for({grant.role for grant in grants()})
    waiting = open_count(current_user.id, grants())
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
                    "badge": waiting if entry.endpoint == BADGE_ENDPOINT else 0,
                }
                for entry in entries
            ],
        }
        for label, entries in groups
    ]
