"""What a unit's entry is judged against: the units that are there, or a file with them."""

from typing import Protocol

from sqlalchemy import Select, select

from app.core.db import db
from app.core.numbers import folded_credit_code
from app.units.code_lists import AREA_OFFICES
from app.units.models import Unit


class Registered(Protocol):
    """Knows of open units other than the one that is judged."""

    def has_name(self, unit: Unit | None, name: str, parent: Unit | None) -> bool:
        """Tell whether another unit of this name stands below the same superior."""

    def has_office(self, unit: Unit | None, area_code: str) -> bool:
        """Tell whether an area has another personnel department."""

    def has_code(self, unit: Unit | None, code: str) -> bool:
        """Tell whether another unit has this credit code."""


class Committed:
    """The units of the database."""

    def has_name(self, unit: Unit | None, name: str, parent: Unit | None) -> bool:
        """Tell whether another unit of this name stands below the same superior."""
        above = parent.id if parent else None
        same = _others(unit).where(Unit.name == name, Unit.parent_id == above)
        return db.session.scalar(same) is not None

    def has_office(self, unit: Unit | None, area_code: str) -> bool:
        """Tell whether an area has another personnel department."""
        same = _others(unit).where(Unit.area_code == area_code, Unit.type.in_(AREA_OFFICES))
        return db.session.scalar(same) is not None

    def has_code(self, unit: Unit | None, code: str) -> bool:
        """Tell whether another unit has this credit code."""
        return db.session.scalar(_others(unit).where(Unit.credit_code == code)) is not None


def _others(unit: Unit | None) -> Select[tuple[int]]:
    is_other = Unit.id != (unit.id if unit else 0)
    return select(Unit.id).where(is_other, Unit.closed_at.is_(None)).limit(1)


class Said(Protocol):
    """What is said of a unit, be it a unit's entry or what a row has of it."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def type(self) -> str:
        """What it is in the tree."""

    @property
    def area_code(self) -> str:
        """Where it lies."""

    @property
    def credit_code(self) -> str | None:
        """Its unified social credit code."""


class Together:
    """The units of the database and those of a file, as they would stand side by side."""

    def __init__(self) -> None:
        """Know of no unit yet."""
        self._names: dict[tuple[Unit | None, str], Unit] = {}
        self._offices: dict[str, Unit] = {}
        self._codes: dict[str, Unit] = {}

    def add(self, unit: Unit, parent: Unit | None, said: Said | None = None) -> None:
        """Let a unit stand below its superior, as it is or as it is said to be."""
        said = said or unit
        self._names[parent, said.name] = unit
        if said.type in AREA_OFFICES:
            self._offices[said.area_code] = unit
        if said.credit_code:
            self._codes[folded_credit_code(said.credit_code)] = unit

    def has_name(self, unit: Unit | None, name: str, parent: Unit | None) -> bool:
        """Tell whether another unit of this name stands below the same superior."""
        return self._names.get((parent, name), unit) is not unit

    def has_office(self, unit: Unit | None, area_code: str) -> bool:
        """Tell whether an area has another personnel department."""
        return self._offices.get(area_code, unit) is not unit

    def has_code(self, unit: Unit | None, code: str) -> bool:
        """Tell whether another unit has this credit code."""
        return self._codes.get(code, unit) is not unit
