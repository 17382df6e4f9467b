"""The left menu: each room adds its entries, the permission table decides who sees them."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.core.permissions import role_allows

GROUPS = ("工作台", "个人申报", "单位审核", "评审组织", "专家评审", "证书", "系统管理")


@dataclass(frozen=True)
class Entry:
    """A line of the menu. `roles` narrows the roles of the action when it is too wide."""

    group: str
    label: str
    icon: str
    endpoint: str
    action: str
    roles: frozenset[str] = frozenset()
    order: int = 50


_entries: list[Entry] = []


def add_entry(
    group: str,
    label: str,
    icon: str,
    endpoint: str,
    action: str,
    *,
    roles: Iterable[str] = (),
    order: int = 50,
) -> None:
    """Add a line to the menu, lower orders first; ValueError for an unknown group."""
    if group not in GROUPS:
        msg = f"unknown menu group {group}"
        raise ValueError(msg)
    entry = Entry(group, label, icon, endpoint, action, frozenset(roles), order)
    if entry not in _entries:
        _entries.append(entry)
        _entries.sort(key=lambda known: known.order)


def entries_for(roles: set[str]) -> list[tuple[str, list[Entry]]]:
    """Return the groups and lines that a person with these roles sees."""
    seen = [
        e
        for e in _entries
        if role_allows(e.action, roles, signed_in=True) and (not e.roles or e.roles & roles)
    ]
    groups = [(group, [e for e in seen if e.group == group]) for group in GROUPS]
    return [(group, lines) for group, lines in groups if lines]
