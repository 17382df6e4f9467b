"""业绩统计: how many items there are of each type, state, year and person."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import func, select

from app.accounts.models import Person
from app.core.charts import Chart, Series, chart_of
from app.core.db import db
from app.portfolio import item_types
from app.portfolio.models import APPROVED, DRAFT, RETURNED, STATES, SUBMITTED, TONES
from app.portfolio.queries import Filters, Items, table_of
from app.portfolio.sight import columns_of

ORDER = (APPROVED, SUBMITTED, RETURNED, DRAFT)
UNDATED = "未注明时间"
TOTAL = "total"
COLUMNS = 10


class Cell(NamedTuple):
    """So many items of a type, a state and a year."""

    type_key: str
    status: str
    year: int | None
    number: int


@dataclass(frozen=True)
class Line:
    """A line of a table: what is counted, how many by state, and what asks a list for them."""

    label: str
    counts: Mapping[str, int]
    wish: Mapping[str, Any] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())

    def number(self, key: str) -> int:
        """How many stand in a state, or all of them."""
        return self.total if key == TOTAL else self.counts.get(key, 0)


@dataclass(frozen=True)
class Tally:
    """Items that were counted in one reading: every table is a sum of its cells."""

    cells: tuple[Cell, ...]
    states: tuple[str, ...] = ORDER

    def matching(self, filters: Filters) -> "Tally":
        """Return the cells that the wishes for type, state and year leave."""
        wanted = filters.type_keys
        return replace(
            self,
            cells=tuple(
                cell
                for cell in self.cells
                if (wanted is None or cell.type_key in wanted)
                and cell.status == (filters.status or cell.status)
                and cell.year == (filters.year or cell.year)
            ),
        )

    @cached_property
    def whole(self) -> Line:
        """All items."""
        return Line("合计", self._by(lambda _cell: 0)[0])

    @cached_property
    def types(self) -> list[Line]:
        """The types that occur, in the order of the tree (FJ-U-06)."""
        found = self._by(lambda cell: cell.type_key)
        kinds = [kind for kind in item_types.all_types() if kind.key in found]
        return [Line(kind.title, found[kind.key], {"type": kind.key}) for kind in kinds]

    @cached_property
    def years(self) -> list[Line]:
        """The years that occur, the latest first; items without one come last."""
        found = self._by(lambda cell: cell.year)
        undated = [Line(UNDATED, found.pop(None))] if None in found else []
        years = sorted(found, reverse=True)
        return [Line(f"{year} 年", found[year], {"year": year}) for year in years] + undated

    @property
    def chart_of_types(self) -> Chart:
        """The types by their number, the most frequent first."""
        lines = sorted(self.types, key=lambda line: -line.total)
        return drawn(lines, self.states, has_scale=False)

    @property
    def chart_of_years(self) -> Chart:
        """The last years that have items, the latest first: earlier ones stand in the table."""
        dated = [
            replace(line, label=str(year)) for line in self.years for year in line.wish.values()
        ]
        return drawn(dated[:COLUMNS], self.states)

    def _by(self, key: Callable[[Cell], Any]) -> dict[Any, Counter[str]]:
        found: dict[Any, Counter[str]] = defaultdict(Counter)
        for cell in self.cells:
            found[key(cell)][cell.status] += cell.number
        return found


def drawn(lines: Iterable[Line], states: Sequence[str], *, has_scale: bool = True) -> Chart:
    """Return the chart of lines, a colour for each state."""
    series = [Series(key, STATES[key], TONES[key]) for key in states]
    return chart_of(series, [(line.label, line.counts) for line in lines], has_scale=has_scale)


def tally_of(items: Items) -> Tally:
    """Count the items of a select, in one reading."""
    of = table_of(items)
    kept = (of.type_key, of.status, func.extract("year", columns_of(of).occurred_on))
    rows = _counted(items, *kept)
    return Tally(
        tuple(Cell(key, state, None if y is None else int(y), n) for key, state, y, n in rows)
    )


def people_of(items: Items) -> list[Line]:
    """Count the items of a select by person, in one reading; by name."""
    of = table_of(items)
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for person_id, status, number in _counted(items, of.person_id, of.status):
        found[person_id][status] = number
    names = select(Person.id, Person.name).where(Person.id.in_(found))
    people = db.session.execute(names.order_by(Person.name, Person.id)).tuples()
    return [Line(name, found[person_id], {"person": person_id}) for person_id, name in people]


def _counted(items: Items, *columns: Any) -> Any:
    counted = items.with_only_columns(*columns, func.count()).order_by(None)
    return db.session.execute(counted.group_by(*columns)).tuples()


def ordered(lines: Sequence[Line], sort: str, *, rising: bool) -> list[Line]:
    """Return lines that stand by name in the order of a number, or of the names.

    What has the same number stays in the order of the names.
    """
    if sort not in {*STATES, TOTAL}:
        return list(lines) if rising else list(reversed(lines))
    return sorted(lines, key=lambda line: line.number(sort) * (1 if rising else -1))
