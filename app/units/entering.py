"""Entering many units at once, the superiors before those below them (批量导入单位)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.accounts.opening import insert_many
from app.core import audit
from app.core.db import db
from app.units.history import TOLD
from app.units.models import Unit, UnitPeriod
from app.units.tree import ENTERED, UnitFacts


@dataclass(frozen=True)
class Entry:
    """A unit that is to be entered, and what was judged of it."""

    unit: Unit
    facts: UnitFacts

    def fill(self) -> None:
        """Take the facts over, as far as the superiors are entered already."""
        facts, unit = self.facts, self.unit
        for name in ENTERED:
            if hasattr(facts, name):
                setattr(unit, name, getattr(facts, name))
        unit.name, unit.credit_code = facts.name.strip(), facts.code
        unit.parent_id = facts.parent.id if facts.parent else None
        unit.reports_to_id = facts.reports_to.id if facts.reports_to else None


def by_level(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Return entries so that every superior is in an earlier list than those below it."""
    waiting: dict[Unit, Entry] = {each.unit: each for each in entries}
    levels: dict[Unit, int] = {}
    for entry in waiting.values():
        _level(entry, waiting, levels)
    ranks: dict[int, list[Entry]] = {}
    for unit, rank in levels.items():
        ranks.setdefault(rank, []).append(waiting[unit])
    return [ranks[rank] for rank in sorted(ranks)]


def _level(entry: Entry, waiting: Mapping[Unit, Entry], levels: dict[Unit, int]) -> int:
    if entry.unit not in levels:
        above = waiting.get(entry.facts.parent) if entry.facts.parent else None
        levels[entry.unit] = _level(above, waiting, levels) + 1 if above else 0
    return levels[entry.unit]


def enter_units(entries: Sequence[Entry], *, actor_id: int, now: datetime, cause: str) -> None:
    """Enter units that were judged, of which each superior is there or in an earlier call."""
    for entry in entries:
        entry.fill()
        entry.unit.standing_since = now
    db.session.add_all([entry.unit for entry in entries])
    db.session.flush()
    periods = [
        {
            "unit_id": entry.unit.id,
            "valid_from": now,
            "cause": cause,
            **{name: getattr(entry.unit, name) for name in TOLD},
        }
        for entry in entries
    ]
    insert_many(UnitPeriod, periods)
    about = [(entry.unit.id, {"name": entry.unit.name}) for entry in entries]
    audit.record_many("unit:created", kind="unit", about=about, actor_id=actor_id, now=now)
