"""What can be imported: rooms above register their kinds, with columns, checks and writes."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from app.accounts.models import Person
from app.accounts.opening import chunks
from app.core.crypto import mask_id
from app.core.errors import Invalid
from app.imports.models import RowState

SCIENTIFIC = re.compile(r"[0-9](\.[0-9]+)?[eE][+-]?[0-9]+")
DATE = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?")
LONGEST_SAID = 200
DATE_RULE = "请按 2026-11-23 的格式填写"
YES, NO = "是", "否"


@dataclass(frozen=True)
class Column:
    """A column of the sheet, as its heading calls it."""

    name: str
    label: str
    example: str = ""
    required: bool = False
    # Shown masked: identity numbers.
    secret: bool = False
    most: int = 100
    help: str = ""
    # What may stand in it; empty where anything may.
    choices: tuple[str, ...] = ()
    # Whether several choices may stand in it, with 、 between.
    several: bool = False
    # Whether the kind holds the cell against the rules of a form; what is said here only tells.
    by_form: bool = False

    def shown(self, text: str) -> str:
        """Return what a page shows of a cell."""
        return mask_id(text) if self.secret else text


@dataclass(frozen=True)
class Place:
    """For which unit somebody imports, and when."""

    unit_id: int | None
    actor: Person
    now: datetime


@dataclass(frozen=True)
class Own:
    """What everybody imports for themselves: which pages lead there and on, and how much."""

    home: str
    home_label: str
    # The page of what was made, and its query.
    made: str
    made_label: str
    made_query: Mapping[str, str]
    most_rows: int
    # Raises Forbidden, with why, for a person (by id) who may have no such records.
    admit: Callable[[int], None]


@dataclass
class Row:
    """A row that is judged: what is wrong with it, or what it would do."""

    no: int
    cells: dict[str, str]
    id: int = 0
    state: str = RowState.WAITING
    # What the file itself told to be wrong.
    lost: tuple[tuple[str, str], ...] = ()
    faults: list[tuple[str, str]] = field(default_factory=list)
    note: str = ""
    place: str = ""
    subject_id: int | None = None
    # What the kind found out about it and needs to write it.
    found: Any = None

    def __getitem__(self, name: str) -> str:
        """Return the text of a cell."""
        return self.cells.get(name, "")

    def refuse(self, column: str, text: str) -> None:
        """Note what is wrong with a cell, or with the row where no column is named."""
        self.faults.append((column, text[:LONGEST_SAID]))

    @property
    def is_faulty(self) -> bool:
        """Tell whether anything is wrong with it."""
        return bool(self.faults)

    @property
    def writes(self) -> bool:
        """Tell whether it makes or changes something."""
        return self.state in {RowState.NEW, RowState.CHANGED}


Told = Callable[[int], None]
"""Called with how many rows are done."""


class Kind(Protocol):
    """What a room says of what it imports."""

    name: str
    label: str
    # Whose it is: a line of the permission table, held at a unit or everywhere.
    action: str
    at_unit: bool
    help: str
    # Whether rows are people with accounts, whose activation codes can be made.
    opens_accounts: bool
    columns: Sequence[Column]

    @property
    def own(self) -> Own | None:
        """What is said of imports of whoever imports alone; None: an office's, who all see it."""

    def lists(self, place: Place) -> Mapping[str, Sequence[str]]:
        """Return what the second sheet of the template lists, by heading."""

    def hold(self, place: Place, changed: Sequence[int]) -> None:
        """Keep others from changing what the rows are judged by, until the transaction ends.

        It is called before the rows are judged; `changed` are the records that they would change.
        """

    def check(self, rows: Sequence[Row], place: Place) -> None:
        """Say of rows whose cells are in order what is wrong with them, or what they would do."""

    def write(self, rows: Sequence[Row], place: Place, told: Told) -> None:
        """Write what the rows would do; each gets the record that it made or met."""


_kinds: dict[str, Kind] = {}
_families: dict[str, Callable[[str], "Kind | None"]] = {}
Namer = Callable[[Iterable[int]], Mapping[int, str]]
_namers: list[Namer] = []


def register_kind(kind: Kind) -> None:
    """Register a kind of import."""
    _kinds[kind.name] = kind


def kinds() -> list[Kind]:
    """Return every kind, in the order in which they were registered."""
    return list(_kinds.values())


def register_family(name: str, member: Callable[[str], Kind | None]) -> None:
    """Register kinds that come and go: `member` tells what "<name>-<key>" is by its key."""
    _families[name] = member


def kind_called(name: str) -> Kind | None:
    """Return the kind of this name."""
    family, _, key = name.partition("-")
    return _families[family](key) if family in _families else _kinds.get(name)


def register_place_names(namer: Namer) -> None:
    """Register who knows what the units are called for which rows are imported."""
    _namers[:] = [namer]


def place_names(unit_ids: Iterable[int]) -> Mapping[int, str]:
    """Return what these units are called."""
    (namer,) = _namers
    return namer(unit_ids)


def fresh_rows(
    rows: Sequence[Row], told: Told, number: Callable[[Row], str]
) -> Iterator[Sequence[Row]]:
    """Yield the new rows some at a time, and tell after each how many of all are done.

    They come in the order of the numbers that nobody else may have: imports that name the same
    ones wait one for the other, never each for the other.
    """
    fresh = sorted((row for row in rows if row.state == RowState.NEW), key=number)
    done = len(rows) - len(fresh)
    for some in chunks(fresh):
        yield some
        done += len(some)
        told(done)


def judge(kind: Kind, rows: Sequence[Row], place: Place) -> None:
    """Give every row its state: the cells by themselves first, then by what is there."""
    for row in rows:
        row.state, row.faults = RowState.WAITING, list(row.lost)
        row.note, row.place, row.found, row.subject_id = "", "", None, None
        for column in kind.columns:
            _check_cell(row, column)
    kind.check(rows, place)
    for row in rows:
        if row.faults:
            row.state = RowState.FAULTY


def _check_cell(row: Row, column: Column) -> None:
    text = row[column.name]
    told = {name for name, _ in row.faults}
    if column.name in told:
        return
    if not text:
        if column.required and not column.by_form:
            row.refuse(column.name, f"请填写{column.label}")
    elif SCIENTIFIC.fullmatch(text):
        row.refuse(column.name, f"{column.label}变成了科学计数法，请将该列设为“文本”后重新填写")
    elif column.by_form:
        return
    elif len(text) > column.most:
        row.refuse(column.name, f"{column.label}不超过 {column.most} 个字，现有 {len(text)} 个字")
    else:
        _check_choice(row, column, text)


def _check_choice(row: Row, column: Column, text: str) -> None:
    wanted = listed(text) if column.several else [text]
    unknown = [each for each in wanted if column.choices and each not in column.choices]
    if unknown:
        offered = "、".join(column.choices)
        row.refuse(column.name, f"“{unknown[0]}”不在可选范围内，应为：{offered}")


def listed(text: str) -> list[str]:
    """Return what stands in a cell with several values."""
    return [each.strip() for each in re.split(r"[、,，;；]", text) if each.strip()]


def dated(row: Row, name: str, label: str) -> date | None:
    """Return the day that a cell says; a fault is noted where it is none."""
    text = row[name]
    if not text:
        return None
    found = DATE.fullmatch(text)
    try:
        if found:
            return date(*map(int, found.groups()))
    except ValueError:
        pass
    as_number = text.replace(".", "", 1).isdecimal()
    said = f"{label}“{text}”是数字，不是日期，" if as_number else f"{label}“{text}”不是日期，"
    row.refuse(name, said + DATE_RULE)
    return None


def checked(row: Row, column: str, check: Callable[[str], str]) -> str:
    """Return what a check makes of a cell; what it refuses is noted, and nothing is told twice."""
    text = row[column]
    if not text or column in {name for name, _ in row.faults}:
        return ""
    try:
        return check(text)
    except Invalid as fault:
        row.refuse(column, fault.message)
        return ""


def refuse_doubles(rows: Sequence[Row], column: str, key: Callable[[Row], str], what: str) -> None:
    """Refuse every row that says of a column the same as one above it."""
    seen: dict[str, int] = {}
    for row in rows:
        value = key(row)
        if not value:
            continue
        first = seen.setdefault(value, row.no)
        if first != row.no:
            row.refuse(column, f"{what}与第 {first} 行重复")
