"""What the operations share: the audit line, the lock on finished declarations, ordering."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from app.core import audit
from app.core.errors import Conflict
from app.declarations.models import Declaration
from app.declarations.queries import BUSINESS


class Placed(Protocol):
    """A row of an ordered list."""

    position: Any


def record(
    verb: str, declaration: Declaration, actor_id: int | None, now: datetime, **data: Any
) -> None:
    """Write an audit event of a declaration."""
    subject = (BUSINESS, declaration.id)
    audit.record(f"declaration:{verb}", subject=subject, actor_id=actor_id, now=now, **data)


def refuse_unless_editable(declaration: Declaration) -> None:
    """Conflict once the declaration has been sent up (HB-P-23)."""
    if not declaration.is_editable:
        raise Conflict("申报已提交，不能修改；如需修改，请先撤回或等待退回")


def move(rows: Sequence[Placed], row: Placed, step: int) -> None:
    """Move a row up (-1) or down (+1) among its like; at an end nothing happens."""
    ordered = list(rows)
    place = ordered.index(row) + step
    if 0 <= place < len(ordered):
        ordered.remove(row)
        ordered.insert(place, row)
    for number, each in enumerate(ordered, 1):
        each.position = number


def next_position(rows: Sequence[Placed]) -> int:
    """Return the place after the last row."""
    return max((int(row.position) for row in rows), default=0) + 1
