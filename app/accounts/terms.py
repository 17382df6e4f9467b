"""How long a role lasts: every office has a term, usual or asked for, and none is very long."""

from datetime import date, datetime, timedelta

from app.core.errors import Invalid
from app.core.instants import end_of, years_after

USUAL_YEARS, LONGEST_YEARS = 3, 5
ENDS_SOON = timedelta(days=30)
NO_OFFICE = "applicant"
"""To apply for titles is no power over others: it lasts until it is taken."""
TERM_HELP = f"当日结束时终止，到期前可续期；默认 {USUAL_YEARS} 年，最长 {LONGEST_YEARS} 年"


def usual_day(now: datetime) -> date:
    """Return the last day of the usual term of an office that begins now."""
    return years_after(now.date(), USUAL_YEARS)


def usual_end(role: str, now: datetime) -> datetime | None:
    """Return when a role that begins now ends unless its giver says otherwise."""
    return None if role == NO_OFFICE else end_of(usual_day(now))


def term_fault(day: date, now: datetime) -> str:
    """Return what is wrong with a last day, empty where nothing is."""
    if day <= now.date():
        return "截止日期应晚于今天"
    if day > years_after(now.date(), LONGEST_YEARS):
        return f"截止日期最迟为 {years_after(now.date(), LONGEST_YEARS)}（{LONGEST_YEARS} 年）"
    return ""


def end_of_term(role: str, day: date | None, now: datetime) -> datetime | None:
    """Return the end of a role whose last day was asked for; Invalid at `until` otherwise."""
    if day is None and role != NO_OFFICE:
        raise Invalid("请填写截止日期", field="until")
    fault = term_fault(day, now) if day else ""
    if fault:
        raise Invalid(fault, field="until")
    return end_of(day) if day else None


def last_day(valid_to: datetime | None) -> date | None:
    """Return the last day on which a role counts, as it was entered."""
    return (valid_to - timedelta(milliseconds=1)).date() if valid_to else None


def is_longer(end: datetime | None, than: datetime | None) -> bool:
    """Tell whether a role that ends then outlasts one that ends so; None never ends."""
    return than is not None and (end is None or end > than)


def ends_soon(valid_to: datetime | None, now: datetime) -> bool:
    """Tell whether a term is over within thirty days."""
    return valid_to is not None and valid_to <= now + ENDS_SOON
