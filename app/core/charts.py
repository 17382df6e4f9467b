"""Charts as shares of a whole: what a page needs to draw bars and columns without a script.

Lengths are percent of the drawing, so that it fits a phone, a screen and paper alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

STEPS = (1, 2, 3, 4, 5, 6, 8)


@dataclass(frozen=True)
class Series:
    """One colour of a chart: the key of its values, its word, its tone (as of badges)."""

    key: str
    label: str
    tone: str


@dataclass(frozen=True)
class Part:
    """A coloured part of a bar: whose, how many, from where and how far in percent."""

    series: Series
    value: int
    begins: float
    length: float


@dataclass(frozen=True)
class Bar:
    """A bar of a chart with its parts, one behind the other."""

    label: str
    total: int
    parts: tuple[Part, ...]

    @property
    def words(self) -> str:
        """The bar in words, for those who do not see it."""
        told = "、".join(f"{part.series.label} {part.value}" for part in self.parts)
        return f"{self.label} {self.total} 项（{told}）"


@dataclass(frozen=True)
class Chart:
    """Bars that share one scale, from nothing to `top`."""

    series: tuple[Series, ...]
    bars: tuple[Bar, ...]
    top: int

    @property
    def marks(self) -> tuple[tuple[int, float], ...]:
        """The numbers written at the scale, with their places in percent."""
        parts = next((n for n in (4, 3, 2) if self.top % n == 0), 1)
        return tuple((self.top * n // parts, _percent(n, parts)) for n in range(parts + 1))

    @property
    def words(self) -> str:
        """The whole chart in words, for those who do not see it."""
        return "；".join(bar.words for bar in self.bars)


def chart_of(
    series: Sequence[Series],
    rows: Iterable[tuple[str, Mapping[str, int]]],
    *,
    has_scale: bool = True,
) -> Chart:
    """Return the chart of rows of (label, values by series); rows of nothing are left out.

    Without a scale of round numbers beside them, the longest bar is as long as there is room.
    """
    shown = [(label, values) for label, values in rows if any(values.values())]
    most = max((sum(values.values()) for _, values in shown), default=0)
    top = round_up(most) if has_scale else most
    bars = tuple(_bar(series, label, values, top) for label, values in shown)
    return Chart(tuple(each for each in series if _occurs(each, bars)), bars, top)


def _occurs(series: Series, bars: Iterable[Bar]) -> bool:
    return any(part.series == series for bar in bars for part in bar.parts)


def _bar(series: Sequence[Series], label: str, values: Mapping[str, int], top: int) -> Bar:
    parts, before = [], 0
    for each in series:
        value = values.get(each.key, 0)
        if value:
            parts.append(Part(each, value, _percent(before, top), _percent(value, top)))
            before += value
    return Bar(label, before, tuple(parts))


def _percent(value: int, whole: int) -> float:
    return round(100 * value / whole, 3)


def round_up(value: int) -> int:
    """Return the round number that a scale ends at to hold a value: less than twice as much."""
    unit = 1
    while unit * 10 < value:
        unit *= 10
    return next((unit * step for step in STEPS if unit * step >= value), unit * 10)
