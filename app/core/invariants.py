"""Laws that hold between tables, checked as a list: `flask check-invariants`."""

from collections.abc import Callable

Check = Callable[[], list[str]]
_checks: dict[str, Check] = {}


def invariant(law: str) -> Callable[[Check], Check]:
    """Register a check under the law it states; it returns what breaks it, in words."""

    def keep(check: Check) -> Check:
        _checks[law] = check
        return check

    return keep


def check_all() -> list[str]:
    """Run every check in a reading transaction; returns what is broken, law first."""
    return [f"{law}：{broken}" for law, check in _checks.items() for broken in check()]
