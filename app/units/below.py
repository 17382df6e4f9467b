"""The units of a subtree as people name them in a sheet: by name, path or credit code."""

from collections.abc import Container

from sqlalchemy import select

from app.accounts.opening import chunks
from app.core.db import db
from app.core.numbers import folded_credit_code
from app.imports.kinds import Row
from app.units.models import Unit

NAMED = 3


class Below:
    """An open unit and all open units below it (本单位和次级机构)."""

    def __init__(self, root_id: int) -> None:
        """Read the subtree, level by level."""
        self.root_id = root_id
        self.names: dict[int, str] = {}
        self._paths: dict[int, str] = {}
        self._codes: dict[str, int] = {}
        self._called: dict[str, list[int]] = {}
        columns = Unit.id, Unit.name, Unit.parent_id, Unit.credit_code
        level = select(*columns).where(Unit.id == root_id, Unit.closed_at.is_(None))
        found = db.session.execute(level).tuples().all()
        while found:
            for unit_id, name, parent_id, code in found:
                self._add(unit_id, name, self._paths.get(parent_id or 0, ""), code)
            found = [
                row
                for some in chunks([row[0] for row in found])
                for row in db.session.execute(
                    select(*columns).where(Unit.parent_id.in_(some), Unit.closed_at.is_(None))
                ).tuples()
                if row[0] not in self.names
            ]

    def _add(self, unit_id: int, name: str, above: str, code: str | None) -> None:
        self.names[unit_id] = name
        self._paths[unit_id] = f"{above}/{name}" if above else name
        self._called.setdefault(name, []).append(unit_id)
        if code:
            self._codes[code] = unit_id

    def labels(self, *, but: Container[int] = ()) -> list[str]:
        """Return what each unit is called in a sheet: its name, its path where others share it."""
        return [
            name if len(self._called[name]) == 1 else self._paths[unit_id]
            for unit_id, name in self.names.items()
            if unit_id not in but
        ]

    def id_of(self, row: Row, column: str) -> int:
        """Return the unit that a cell names, the root where it is empty; 0 with a fault."""
        text = row[column]
        if not text:
            return self.root_id
        if column in {name for name, _ in row.faults}:
            return 0
        by_code = self._codes.get(folded_credit_code(text))
        if by_code:
            return by_code
        found = self._called.get(text) or self._by_path(text)
        if len(found) == 1:
            return found[0]
        if found:
            paths = "、".join(self._paths[each] for each in found[:NAMED])
            row.refuse(column, f"有多个单位符合，请照此填写其中一个：{paths}")
        else:
            row.refuse(column, "没有这个单位，应为本单位或次级机构的名称、统一社会信用代码")
        return 0

    def _by_path(self, text: str) -> list[int]:
        wanted = "/".join(part.strip() for part in text.replace("／", "/").split("/"))
        whole = [each for each, path in self._paths.items() if path == wanted]
        return whole or [e for e, path in self._paths.items() if path.endswith(f"/{wanted}")]
