"""A new key for what is sealed at rest: identity numbers, devices' secrets, letters (换密钥).

The old key is read until nothing is left that it sealed. Every step can be repeated: whoever was
interrupted runs the command again. People go on working meanwhile.
"""

import fcntl
import os
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table, func, select, update

from app.core import audit, crypto
from app.core.db import Base, db
from app.core.errors import Conflict

AT_ONCE = 200


def sealed_columns() -> list[Column[Any]]:
    """Return every column that holds what `crypto.seal` made."""
    tables = Base.metadata.sorted_tables
    return [c for table in tables for c in table.columns if c.info == crypto.SEALED]


def old_keys() -> list[Path]:
    """Return the files of older keys that are still read."""
    current = crypto.key_id(crypto.instance_key(crypto.FIELDS))
    files = sorted(crypto.key_folder().glob(f"{crypto.FIELDS}-*.key"))
    return [path for path in files if crypto.key_id(crypto.read_key(path)) != current]


def begin() -> bool:
    """Put a new key in use and keep the old one beside it; tells whether it did.

    Where a rotation was interrupted, that one goes on: nothing is begun.
    """
    folder = crypto.key_folder()
    with (folder / ".rotation").open("w") as lock:
        # Of two who begin at once the second goes on with the key of the first.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if old_keys():
            return False
        _put_in_use(folder)
    return True


def _put_in_use(folder: Path) -> None:
    place = folder / f"{crypto.FIELDS}.key"
    older = folder / f"{crypto.FIELDS}-{crypto.key_id(crypto.instance_key(crypto.FIELDS))}.key"
    if not older.exists():
        os.link(place, older)
    crypto.draft_key(place).replace(place)


def _other(column: Column[Any]) -> Any:
    """Return the condition that a value was sealed with another key than the one in use."""
    current = crypto.key_id(crypto.instance_key(crypto.FIELDS))
    return column.is_not(None) & (func.substr(column, 1, crypto.ID_LENGTH) != current)


def locked(known: Collection[str]) -> list[tuple[str, int]]:
    """Return the columns with values that none of these keys opens, and how many."""
    found = []
    for column in sealed_columns():
        foreign = func.substr(column, 1, crypto.ID_LENGTH).not_in(known)
        count = db.session.scalar(select(func.count()).where(column.is_not(None), foreign)) or 0
        found += [(str(column), count)] * bool(count)
    return found


def reseal_some(limit: int = AT_ONCE) -> int:
    """Seal some values anew with the key in use; returns how many, 0 when none are left.

    A value that somebody changes meanwhile is left to them: it is sealed with the new key then.
    """
    for column in sealed_columns():
        table = column.table
        assert isinstance(table, Table)  # noqa: S101 - columns of the metadata have tables
        (place,) = table.primary_key.columns
        wanted = select(place, column).where(_other(column)).order_by(place).limit(limit)
        found = db.session.execute(wanted.with_for_update()).all()
        for key, value in found:
            fresh = crypto.seal(crypto.unseal(value))
            same = update(table).where(place == key, column == value)
            db.session.execute(same.values({column.name: fresh}))
        if found:
            return len(found)
    return 0


def finish(count: int, *, now: datetime) -> list[Path]:
    """Read older keys no more; returns where they lie now, for the backups that need them.

    Conflict while anything is left that they sealed.
    """
    current = crypto.key_id(crypto.instance_key(crypto.FIELDS))
    if locked([current]):
        raise Conflict("还有旧密钥加密的内容，请再次运行本命令")
    retired = []
    for path in crypto.key_folder().glob(f"{crypto.FIELDS}-*.key"):
        retired.append(path.with_suffix(".retired"))
        path.replace(retired[-1])
    audit.record("key:rotated", subject=("key", 0), actor_id=None, now=now, count=count)
    return retired
