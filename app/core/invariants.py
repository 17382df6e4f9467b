"""Laws that hold between tables, checked as a list: `flask check-invariants`.

A room states its own in invariants.py. No constraint can say them, because they span tables or
rows; every journey test ends with them.
"""

import importlib
from collections.abc import Callable
from pathlib import Path

from app.core import rotation
from app.core.audit import broken_seals

Check = Callable[[], list[str]]
_checks: dict[str, Check] = {}
ROOMS = Path(__file__).parents[1]


def invariant(law: str) -> Callable[[Check], Check]:
    """Register a check under the law it states; it returns what breaks it, in words."""

    def keep(check: Check) -> Check:
        _checks[law] = check
        return check

    return keep


def laws() -> dict[str, Check]:
    """Return every law of every room with its check."""
    for path in sorted(ROOMS.glob("*/invariants.py")):
        importlib.import_module(f"app.{path.parent.name}.invariants")
    return dict(_checks)


def check_all() -> list[str]:
    """Run every check in a reading transaction; returns what is broken, law first."""
    return [f"{law}：{broken}" for law, check in laws().items() for broken in check()]


@invariant("审计日志的封印连续有效")
def audit_seals_hold() -> list[str]:
    """No sealed event was changed, taken out or put in."""
    return [f"第 {place} 条封印不符" for place in broken_seals()]


@invariant("加密保存的内容都有密钥可以解开")
def sealed_values_have_a_key() -> list[str]:
    """Nothing was sealed with a key that is not here any more."""
    return [f"{place} 有 {count} 项" for place, count in rotation.locked()]
