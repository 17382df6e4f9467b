"""The orders in which a person's list of items can be read."""

from typing import Any

from sqlalchemy import ColumnElement, Select, case

from app.portfolio import item_types
from app.portfolio.models import APPROVED, DRAFT, RETURNED, SUBMITTED, PortfolioItem

ORDERS = {
    "newest": "时间从近到远",
    "oldest": "时间从远到近",
    "type": "按类型",
    "status": "按状态",
}
"""Beside the usual one, what was changed last."""


def in_order(query: Select[tuple[PortfolioItem]], order: str) -> Select[tuple[PortfolioItem]]:
    """Return a list in one of the orders; as it is for any other word."""
    wishes = _wishes(order)
    return query.order_by(None).order_by(*wishes, PortfolioItem.id) if wishes else query


def _wishes(order: str) -> list[ColumnElement[Any]]:
    day, undated = PortfolioItem.occurred_on, PortfolioItem.occurred_on.is_(None)
    ranked = {kind.key: place for place, kind in enumerate(item_types.all_types())}
    # What waits for the person comes first.
    states = {state: place for place, state in enumerate((RETURNED, DRAFT, SUBMITTED, APPROVED))}
    orders: dict[str, list[ColumnElement[Any]]] = {
        "newest": [undated, day.desc()],
        "oldest": [undated, day.asc()],
        "type": [
            case(ranked, value=PortfolioItem.type_key, else_=len(ranked)),
            undated,
            day.desc(),
        ],
        "status": [case(states, value=PortfolioItem.status), undated, day.desc()],
    }
    return orders.get(order, [])
