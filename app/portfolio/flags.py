"""Values that one item of a person alone may have: 最高学历 (CZ-22), 考核年度 (CZ-29)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import select, tuple_

from app.core.db import db
from app.portfolio import item_types
from app.portfolio.models import APPROVED, STATES, SUBMITTED, ItemFlag, PortfolioItem

WAYS = {
    SUBMITTED: "单位尚未查看的，请先撤回那一项的提交再修改；已经查看的，请等待审核结果",
    APPROVED: "请先申请撤回那一项再修改",
}
"""How a value is set free where its item cannot be typed into."""


def flag_faults(item: PortfolioItem, values: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return, by field, which of these values stand in another item of the person, and where."""
    kind = item_types.get(item.type_key)
    wanted = kind.flags(values)
    found: dict[str, list[str]] = {}
    for flag, other in _held(item, wanted):
        name = other.summary or "未填写名称的草稿"
        way = WAYS.get(other.status, "请先在那一项中更改")
        said = f"“{flag.value}”已用于“{name}”（{STATES[other.status]}），{way}"
        found.setdefault(flag.field, []).append(said)
    return found


def _held(
    item: PortfolioItem, wanted: Collection[tuple[str, str]]
) -> Sequence[tuple[ItemFlag, PortfolioItem]]:
    """Return which of these values stand in other items of the person, with the items."""
    if not wanted:
        return []
    held = (
        select(ItemFlag, PortfolioItem)
        .join(PortfolioItem, PortfolioItem.id == ItemFlag.item_id)
        .where(
            ItemFlag.person_id == item.person_id,
            ItemFlag.type_key == item.type_key,
            ItemFlag.item_id != item.id,
            tuple_(ItemFlag.field, ItemFlag.value).in_(wanted),
        )
        .order_by(ItemFlag.id)
    )
    return db.session.execute(held).tuples().all()


def keep_flags(item: PortfolioItem) -> None:
    """Write down the values of an item that no other of the person may have.

    What another one has already stays there: this one is refused when it is sent.
    """
    kind = item_types.get(item.type_key)
    if not kind.unique_fields:
        return
    wanted = set(kind.flags(item.data))
    kept = [flag for flag in item.flags if (flag.field, flag.value) in wanted]
    new = wanted - {(flag.field, flag.value) for flag in kept}
    new -= {(flag.field, flag.value) for flag, _other in _held(item, new)}
    item.flags = kept + [
        ItemFlag(person_id=item.person_id, type_key=item.type_key, field=name, value=value)
        for name, value in sorted(new)
    ]
