"""Changing units (变更单位): what a person has under way stays with the unit that they leave."""

from collections.abc import Callable
from datetime import datetime

from app.accounts.operations import notify_each
from app.accounts.queries import holders
from app.units.models import Employment, Unit
from app.units.queries import reporting_chain

UnderWay = Callable[[int, Unit], tuple[int, str]]
_under_way: list[UnderWay] = []


def register_under_way(count: UnderWay) -> UnderWay:
    """Ask of who changes units: fn(person_id, unit) -> how many of what go on at the unit."""
    _under_way.append(count)
    return count


def reviewers_of(unit: Unit) -> list[int]:
    """Return who may have what a unit's people send to it: itself, and those above it."""
    return [each.id for each in (unit, *reporting_chain(unit))]


def staying(person_id: int, unit: Unit | None) -> str:
    """Return in words what of a person goes on at their unit when they leave it, if anything."""
    found = [count(person_id, unit) for count in _under_way] if unit else []
    # In the order of their words, whichever room registered first.
    told = sorted(found, key=lambda each: each[1])
    return "、".join(f"{count} {words}" for count, words in told if count)


def tell_who_loses(former: Employment, to: Unit, *, now: datetime) -> None:
    """Tell a unit that somebody is bound to another from now on, and what it still has to do."""
    unit, left = former.unit, staying(former.person_id, former.unit)
    text = f"{former.person.name}已变更到{to.name}，不再是{unit.name}的人员"
    text += f"；{left}仍由{unit.name}办理" if left else ""
    keepers = {
        person_id
        for role in ("unit_admin", "unit_clerk")
        for person_id in holders(role, "org", unit.id, now) - {former.person_id}
    }
    url = f"/binding/requests/{former.id}"
    notify_each(((each, text) for each in sorted(keepers)), url=url, now=now)
