"""Choosing one's unit in the same go as telling of oneself (同步选择单位, FJ-P-07, AH-P-07)."""

from dataclasses import dataclass
from datetime import datetime

from app.accounts.models import Person
from app.core.db import db
from app.core.errors import Invalid
from app.engine import runtime
from app.units import keepers, queries
from app.units.models import Employment, Unit
from app.units.operations import request_binding
from app.units.process import BINDING

SHOWN = 8
"""So many units that fit are offered; who has more to choose from types more of the name."""


@dataclass(frozen=True)
class Wish:
    """Which unit a person names, and what they say to it."""

    name: str
    unit_id: int = 0
    note: str = ""
    keeper: str = ""
    freelancer: bool = False


def fitting(wish: Wish) -> list[Unit]:
    """Return the open units that the name fits; for a freelancer the personnel departments."""
    if not wish.name.strip():
        return []
    found = (
        queries.search_offices(wish.name)
        if wish.freelancer
        else queries.search_units(None, wish.name)
    )
    return list(db.session.scalars(found.limit(SHOWN + 1)))


def chosen(wish: Wish) -> Unit:
    """Return the unit that somebody chose, or the only one that fits; Invalid says what lacks."""
    if not wish.name.strip():
        raise Invalid("请填写单位名称并选择单位；暂不绑定的，请选“否，以后再绑定”", field="wanted")
    found = fitting(wish)
    named = [unit for unit in found if unit.id == wish.unit_id] or found
    if len(named) == 1:
        return named[0]
    if named:
        raise Invalid("有多个单位符合，请在查询结果中选择", field="unit_id")
    if wish.freelancer:
        raise Invalid("没有找到该地区的人社部门，请核对县（市、区）名称", field="wanted")
    text = (
        "没有找到该单位。单位尚未注册的，请选“否，以后再绑定”，待单位人事部门完成单位注册后再绑定"
    )
    raise Invalid(text, field="wanted")


def keeper_of(wish: Wish) -> Unit | None:
    """Return who keeps the personnel file, if it was told; Invalid for a name that fits none."""
    try:
        return queries.unit_called(wish.keeper)
    except Invalid as error:
        raise Invalid(error.message, field="keeper") from error


def ask_first_unit(
    person: Person, unit: Unit, keeper: Unit | None, wish: Wish, *, now: datetime
) -> Employment:
    """Ask a unit to take a person in, which begins its process; keep who keeps their file.

    Raises what `request_binding` raises.
    """
    bound = request_binding(person, unit, wish.note, freelancer=wish.freelancer, now=now)
    if keeper is not None:
        keepers.choose_keeper(person, keeper, now=now)
    runtime.start(
        "unit_binding",
        business=(BINDING, bound.id),
        jurisdiction=unit.jurisdiction,
        actor_id=person.id,
        now=now,
    )
    return bound
