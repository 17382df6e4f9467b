"""What a constraint of the database forbids, in words: for who has to mend what broke it.

A constraint says its law in `info["law"]`; of the others the kind and the name are told. What was
to be written is never quoted.
"""

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Index, Table, UniqueConstraint
from sqlalchemy.exc import IntegrityError

from app.core.db import Base

BROKEN = "数据不符合规则："
_SQLITE = re.compile(r"(UNIQUE|CHECK|NOT NULL|FOREIGN KEY) constraint failed(?:: (.*))?")
_KINDS = {"23505": "UNIQUE", "23514": "CHECK", "23502": "NOT NULL", "23503": "FOREIGN KEY"}
_WORDS = {
    "UNIQUE": "同样的内容已经有了，不能再有一份",
    "CHECK": "写入的内容超出允许的取值",
    "NOT NULL": "缺少必填的内容",
    "FOREIGN KEY": "所引用的记录不存在，或仍被引用",
}


def law_of(error: IntegrityError) -> str:
    """Return which law a refused row breaks; without one its kind, with the constraint's name."""
    kind, name = _broken(error.orig)
    law = next((said for names, said in _laws() if name in names), "")
    if law:
        return f"{BROKEN}{law}"
    told = _WORDS.get(kind, "写入的内容与已有的数据冲突")
    return f"{BROKEN}{told}" + (f"（{name}）" if name else "")


def _broken(refused: Any) -> tuple[str, str]:
    """Return the kind and the name of the constraint; SQLite names a unique one by its columns."""
    kind = _KINDS.get(getattr(refused, "sqlstate", None) or "")
    if kind:
        return kind, refused.diag.constraint_name or refused.diag.column_name or ""
    found = _SQLITE.search(str(refused))
    return (found[1], found[2] or "") if found else ("", "")


def _laws() -> Iterator[tuple[set[str], str]]:
    for table in Base.metadata.tables.values():
        named: tuple[Any, ...] = (*table.constraints, *table.indexes)
        for each in named:
            if "law" in each.info:
                yield {str(each.name), *_columns(table, each)}, each.info["law"]


def _columns(table: Table, each: Any) -> Iterator[str]:
    if isinstance(each, UniqueConstraint | Index):
        yield ", ".join(f"{table.name}.{column.name}" for column in each.columns)
