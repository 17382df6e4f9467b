"""What an account's state is called, on whichever page it stands (账号状态)."""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from sqlalchemy import select

from app.accounts.models import Credential, Person
from app.core.db import db

STATES = {
    "ready": ("正常", "success"),
    "waiting": ("待激活", "info"),
    "lapsed": ("激活码已过期", "warning"),
    "locked": ("已锁定", "warning"),
    "disabled": ("已停用", "danger"),
    "none": ("未开通", "secondary"),
}
Linked = Callable[[Collection[int]], set[int]]
_others: list[Linked] = []


def register_other_ways(linked: Linked) -> Linked:
    """Register who of several people has another way in than a password."""
    if linked not in _others:
        _others.append(linked)
    return linked


def accounts_of(people: Iterable[Person]) -> dict[int, Credential]:
    """Return the accounts of several people at once, by person."""
    wanted = select(Credential).where(Credential.person_id.in_([p.id for p in people]))
    return {account.person_id: account for account in db.session.scalars(wanted)}


def states_of(
    accounts: dict[int, Credential], people: Iterable[Person], now: datetime
) -> dict[int, tuple[str, str]]:
    """Return the word and tone of the state of several people's accounts, by person."""
    ids = [person.id for person in people]
    linked = {person_id for others in _others for person_id in others(ids)}
    return {each: _state(accounts.get(each), now, is_linked=each in linked) for each in ids}


def _state(account: Credential | None, now: datetime, *, is_linked: bool) -> tuple[str, str]:
    if account is None:
        return STATES["none"]
    if not account.is_enabled:
        return STATES["disabled"]
    if account.locked_until and account.locked_until > now:
        return STATES["locked"]
    if account.password_hash or is_linked:
        return STATES["ready"]
    ends = account.activation_expires_at
    return STATES["lapsed" if ends is None or ends <= now else "waiting"]
