"""How well pictures that look nearly the same are found, measured on planted scans."""

import random
from collections.abc import Iterable
from functools import cache
from itertools import combinations

from PIL import Image

from app.core.likeness import Likeness, bands_of, ink_of
from app.core.lookalikes import LEAST_SHARED
from tests.builders.scans import TEMPLATES, Scan


@cache
def sheets(template: str, people: int) -> tuple[Image.Image, ...]:
    """The certificates that so many people have of one template."""
    chance = random.Random(template)
    return tuple(TEMPLATES[template](chance) for _ in range(people))


@cache
def inks(template: str, people: int) -> tuple[bytes, ...]:
    """Where the ink of these certificates lies."""
    return tuple(ink for sheet in sheets(template, people) if (ink := ink_of(sheet)))


def is_found(one: bytes | None, other: bytes) -> bool:
    """As the search does: by enough common bands, and then by likeness."""
    if one is None:
        return False
    shared = set(bands_of(one)) & set(bands_of(other))
    return len(shared) >= LEAST_SHARED and Likeness(other).is_like(one)


def recall(scan: Scan, people: int, templates: Iterable[str] = TEMPLATES) -> float:
    """How many of the planted sheets are found again after this was done to them."""
    chance = random.Random(7)
    again = [
        is_found(ink_of(scan(sheets(each, people)[person], chance)), inks(each, people)[person])
        for each in templates
        for person in range(people)
    ]
    return sum(again) / len(again)


def false_alarms(people: int) -> float:
    """How many pairs of different certificates of one template are taken for one."""
    pairs = [pair for each in TEMPLATES for pair in combinations(inks(each, people), 2)]
    return sum(is_found(one, other) for one, other in pairs) / len(pairs)
