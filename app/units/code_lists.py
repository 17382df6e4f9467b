"""The code lists of units, read from data: 单位类型 and 单位性质, and what each of them means."""

import tomllib
from pathlib import Path

_LISTS = tomllib.loads((Path(__file__).parent / "data" / "kinds.toml").read_text(encoding="utf-8"))


def _names(of: str, meaning: str = "name") -> tuple[str, ...]:
    return tuple(row["name"] for row in _LISTS[of] if row.get(meaning))


TYPES = _names("type")
PARTS = _names("type", "part")
"""Types that are part of another unit and stand below it always."""
AREA_OFFICES = _names("type", "serves_area")
"""Types that are the personnel department of their area (人社部门)."""
KINDS = _names("nature")
COUNTING_POSTS = _names("nature", "counts_posts")
"""Natures whose posts are approved and counted (岗位核准信息, FJ-U-22)."""

POST_LEVELS = _names("post")
POST_OF_TITLE = {level: row["name"] for row in _LISTS["post"] for level in row["titles"]}
"""Which post a title of a level fills."""


def sql_list(names: tuple[str, ...]) -> str:
    """Return names as a CHECK compares with them."""
    return f"({', '.join(map(repr, names))})"
