"""The units that a sheet names, found among those that are there and those of the sheet itself."""

from collections.abc import Callable, Sequence

from sqlalchemy import select

from app.core.db import db
from app.core.numbers import folded_credit_code
from app.imports.kinds import Row
from app.units.models import Unit

NAMED = 3
DEEPEST = 30
CIRCLE = "上级单位绕回了本单位"
TOO_DEEP = f"上级单位超过 {DEEPEST} 级"


class Circle(Exception):
    """The superiors of a row lead back to it, or never end; `said` tells which."""

    def __init__(self, said: str) -> None:
        """Keep the words that people read."""
        super().__init__(said)
        self.said = said


class Plan:
    """The tree as the sheet would have it: every row is a known unit or a new one."""

    def __init__(self, rows: Sequence[Row]) -> None:
        """Read every open unit, and find those that rows speak of."""
        self.known = list(db.session.scalars(select(Unit).where(Unit.closed_at.is_(None))))
        self.units: dict[int, Unit] = {}
        self.parents: dict[Unit, Unit | None] = {}
        self.reports: dict[Unit, Unit | None] = {}
        by_id = {unit.id: unit for unit in self.known}
        self._above = {u: by_id.get(u.parent_id) if u.parent_id else None for u in self.known}
        self._below = {(self._above[unit], unit.name): unit for unit in self.known}
        self._codes: dict[str, Unit] = {u.credit_code: u for u in self.known if u.credit_code}
        self._names: dict[str, list[Unit]] = {}
        for unit in self.known:
            self._names.setdefault(unit.name, []).append(unit)
        self._row_names: dict[str, list[Row]] = {}
        self._row_codes: dict[str, Row] = {}
        for row in rows:
            self._row_names.setdefault(row["name"], []).append(row)
            if row["credit_code"]:
                self._row_codes.setdefault(folded_credit_code(row["credit_code"]), row)
        # Only by its code is a unit found that the sheet calls by another name.
        self._renamed = {
            self._codes[code]: row["name"]
            for code, row in self._row_codes.items()
            if code in self._codes and row["name"]
        }
        self._under_way: list[Row] = []
        for row in rows:
            self._place(row)

    def _place(self, row: Row) -> None:
        try:
            self.unit_of(row)
        except Circle as circle:
            row.refuse("parent", circle.said)
            self._under_way.clear()
            self._keep(row, None)

    def unit_of(self, row: Row) -> Unit:
        """Return the unit that a row speaks of: a known one, or a new one. Raises Circle."""
        if row.no in self.units:
            return self.units[row.no]
        if row in self._under_way:
            raise Circle(CIRCLE)
        if len(self._under_way) >= DEEPEST:
            raise Circle(TOO_DEEP)
        self._under_way.append(row)
        parent = self.called(row, "parent")
        self._under_way.pop()
        return self._keep(row, parent)

    def _keep(self, row: Row, parent: Unit | None) -> Unit:
        unit = self._match(row, parent) or Unit(name=row["name"])
        self.units[row.no] = unit
        self.parents[unit] = parent if parent or not unit.id else self._above[unit]
        return unit

    def _match(self, row: Row, parent: Unit | None) -> Unit | None:
        by_code = self._codes.get(folded_credit_code(row["credit_code"]))
        if by_code is not None or (row["parent"] and parent is None):
            return by_code
        return self._below.get((parent, row["name"]))

    def called(self, row: Row, column: str) -> Unit | None:
        """Return the unit that a cell names; None with a fault where it is none, or several."""
        text = row[column]
        if not text:
            return None
        found = self._called(text)
        if len(found) == 1:
            return found[0]
        if found:
            paths = "、".join(self._path(unit) for unit in found[:NAMED])
            row.refuse(column, f"有多个单位符合，请照此填写其中一个：{paths}")
        else:
            row.refuse(column, "平台和本文件中都没有这个单位，请填写名称或统一社会信用代码")
        return None

    def _called(self, text: str) -> list[Unit]:
        code = folded_credit_code(text)
        if code in self._row_codes:
            return [self.unit_of(self._row_codes[code])]
        if code in self._codes:
            return [self._codes[code]]
        path = [part.strip() for part in text.replace("／", "/").split("/")]
        of_rows = [self.unit_of(row) for row in self._row_names.get(path[-1], ())]
        found = list(dict.fromkeys([*of_rows, *self._names.get(path[-1], ())]))
        by_path = [(unit, self._path(unit)) for unit in found]
        # Then as the units are called until the sheet is written.
        by_path_now = [(unit, self._path(unit, renamed=False)) for unit in found]
        wanted = "/".join(path)
        return _named(by_path, wanted) or _named(by_path_now, wanted)

    def stands_below(self, unit: Unit) -> Unit | None:
        """Return the superior that a known unit has."""
        return self._above[unit]

    def above(self, unit: Unit) -> Unit | None:
        """Return the superior that a unit would have."""
        return self.parents[unit] if unit in self.parents else self._above.get(unit)

    def _path(self, unit: Unit, *, renamed: bool = True) -> str:
        names = self._renamed if renamed else {}
        steps: list[Unit] = []
        step: Unit | None = unit
        while step is not None and step not in steps:
            steps.insert(0, step)
            step = self.above(step)
        return "/".join(names.get(each, each.name) for each in steps)

    def reports_to(self, unit: Unit) -> Unit | None:
        """Return whom a unit would report to."""
        return self.reports.get(unit, unit.reports_to)


def _named(by_path: Sequence[tuple[Unit, str]], wanted: str) -> list[Unit]:
    """Return the units of this very path, or else those whose path ends so."""
    whole = [unit for unit, path in by_path if path == wanted]
    return whole or [unit for unit, path in by_path if f"/{path}".endswith(f"/{wanted}")]


def goes_round(unit: Unit, upwards: Callable[[Unit], Unit | None]) -> bool:
    """Tell whether the way up from a unit would lead back to it."""
    passed: set[Unit] = set()
    step = upwards(unit)
    while step is not None and step not in passed:
        if step is unit:
            return True
        passed.add(step)
        step = upwards(step)
    return False
