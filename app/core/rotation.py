"""New keys for secrets at rest: what seals them, and what hashes them to find them (换密钥).

Identity numbers, devices' secrets, letters. An old key is read until nothing is left that needs
it. Every step can be repeated: whoever was interrupted runs the command again. People go on
working meanwhile, and find by either key.
"""

import fcntl
import os
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table, func, select, text, update
from sqlalchemy.exc import OperationalError

from app.core import audit, crypto
from app.core.db import Base, db
from app.core.errors import Conflict

AT_ONCE = 200
PATIENCE = "5s"
"""So long a writer may be waited for: others who would write queue behind it."""
ROTATED = (crypto.FIELDS, crypto.INDEX)


def _columns() -> list[Column[Any]]:
    return [column for table in Base.metadata.sorted_tables for column in table.columns]


def sealed_columns() -> list[Column[Any]]:
    """Return every column that holds what `crypto.seal` made."""
    return [column for column in _columns() if column.info == crypto.SEALED]


def hashed_columns() -> list[Column[Any]]:
    """Return every column that holds the keyed hash of what another one holds sealed."""
    return [column for column in _columns() if "hashed_from" in column.info]


def _by_key() -> list[tuple[Column[Any], str]]:
    """Return every column that a rotation reaches, and the name of its key."""
    sealed = [(column, crypto.FIELDS) for column in sealed_columns()]
    return [*sealed, *((column, crypto.INDEX) for column in hashed_columns())]


def _current(name: str) -> str:
    return crypto.key_id(crypto.instance_key(name))


def old_keys(name: str) -> list[Path]:
    """Return the files of older keys of a name that are still read."""
    files = sorted(crypto.key_folder().glob(f"{name}-*.key"))
    return [path for path in files if crypto.key_id(crypto.read_key(path)) != _current(name)]


def begin() -> bool:
    """Put new keys in use and keep the old ones beside them; tells whether it did.

    Where a rotation was interrupted, that one goes on: nothing is begun that was.
    """
    folder = crypto.key_folder()
    with (folder / ".rotation").open("w") as lock:
        # Of two who begin at once the second goes on with the keys of the first.
        fcntl.flock(lock, fcntl.LOCK_EX)
        fresh = [name for name in ROTATED if not old_keys(name)]
        for name in fresh:
            _put_in_use(folder, name)
    return bool(fresh)


def _put_in_use(folder: Path, name: str) -> None:
    place = folder / f"{name}.key"
    older = folder / f"{name}-{_current(name)}.key"
    if not older.exists():
        os.link(place, older)
    # The old key lies safe under its own name before another takes its place.
    crypto.sync_folder(folder)
    crypto.draft_key(place).replace(place)
    crypto.sync_folder(folder)


def _made_by(column: Column[Any]) -> Any:
    return func.substr(column, 1, crypto.ID_LENGTH)


def _left(column: Column[Any], known: Collection[str]) -> int:
    """Count the values of a column that none of these keys made."""
    foreign = _made_by(column).not_in(known)
    return db.session.scalar(select(func.count()).where(column.is_not(None), foreign)) or 0


def locked() -> list[tuple[str, int]]:
    """Return the columns with values that no key opens or finds, and how many."""
    counts = [(str(column), _left(column, crypto.keys_of(name))) for column, name in _by_key()]
    return [(column, count) for column, count in counts if count]


def reseal_some(limit: int = AT_ONCE) -> int:
    """Seal or hash some values anew with the keys in use; returns how many, 0 when none are left.

    A value that somebody changes meanwhile is left to them: it gets the new key then.
    """
    for column, name in _by_key():
        table = column.table
        assert isinstance(table, Table)  # noqa: S101 - columns of the metadata have tables
        (place,) = table.primary_key.columns
        sealed = table.c[column.info.get("hashed_from", column.name)]
        other = column.is_not(None) & (_made_by(column) != _current(name))
        wanted = select(place, column, sealed).where(other).order_by(place).limit(limit)
        found = db.session.execute(wanted.with_for_update()).all()
        for key, value, token in found:
            clear = crypto.unseal(token)
            fresh = crypto.seal(clear) if column is sealed else crypto.keyed_hash(clear)
            same = update(table).where(place == key, column == value)
            db.session.execute(same.values({column.name: fresh}))
        if found:
            return len(found)
    return 0


def _let_writers_end() -> None:
    """Wait for whoever writes where secrets lie, or what they sealed would not be counted.

    Each table is held alone and let go at once, so that nobody waits in a circle. SQLite has one
    writer. Raises Conflict for one who takes long, such as a large import.
    """
    if db.engine.dialect.name != "postgresql":
        return
    db.session.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
    for name in dict.fromkeys(str(column.table) for column, _ in _by_key()):
        try:
            with db.session.begin_nested() as held:
                db.session.execute(text(f"LOCK TABLE {name} IN SHARE MODE"))
                held.rollback()
        except OperationalError as error:
            raise Conflict("还有数据正在写入，请稍后再次运行本命令") from error


def finish(count: int, *, now: datetime) -> list[Path]:
    """Read older keys no more; returns where they lie now, for the backups that need them.

    Conflict while anything is left that they made, or may be.
    """
    _let_writers_end()
    if any(_left(column, [_current(name)]) for column, name in _by_key()):
        raise Conflict("还有旧密钥加密的内容，请再次运行本命令")
    folder = crypto.key_folder()
    retired = []
    for name in ROTATED:
        for path in sorted(folder.glob(f"{name}-*.key")):
            retired.append(path.with_suffix(".retired"))
            path.replace(retired[-1])
    crypto.sync_folder(folder)
    audit.record("key:rotated", subject=("key", 0), actor_id=None, now=now, count=count)
    return retired
