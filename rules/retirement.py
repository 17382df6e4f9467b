"""Statutory retirement (法定退休年龄), from the gradual table in sets/retirement.toml."""

import calendar
from datetime import date

from rules import sets


def retires_on(birth: date, gender: str) -> date | None:
    """Return the day a professional reaches retirement age; None for an unknown gender."""
    group = sets.table("retirement.toml").get(gender)
    if group is None:
        return None
    first = date.fromisoformat(f"{group['first_birth_month']}-01")
    months_after = (birth.year - first.year) * 12 + birth.month - first.month
    started = max(months_after // group["group_months"] + 1, 0)
    later = min(started, group["most_months"])
    year, month = divmod(birth.month - 1 + later, 12)
    year, month = birth.year + group["age"] + year, month + 1
    return date(year, month, min(birth.day, calendar.monthrange(year, month)[1]))
