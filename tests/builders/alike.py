"""How well pictures that look nearly the same are found, measured on planted scans."""

import io
import random
from collections.abc import Iterable
from functools import cache
from itertools import combinations

from PIL import Image

from app.core.likeness import Likeness, bands_of, ink_of
from app.core.lookalikes import LEAST_SHARED
from app.core.pages import inks_of_pages
from tests.builders.scanned import Paper
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


def ink_in(paper: bytes) -> bytes | None:
    """Where the ink of a PDF's first page lies."""
    return next(inks_of_pages(io.BytesIO(paper)), None)


def recall_in_papers(paper: Paper, scan: Scan, people: int, *, of_paper: bool = False) -> float:
    """How many planted sheets are found again in a PDF, after this was done to them.

    They came as pictures before, or in such a paper as well.
    """
    chance = random.Random(7)
    again = []
    for each in TEMPLATES:
        for sheet in sheets(each, people):
            known = ink_in(paper(sheet)) if of_paper else ink_of(sheet)
            found = ink_in(paper(scan(sheet, chance)))
            again.append(known is not None and is_found(found, known))
    return sum(again) / len(again)


def false_alarms_in_papers(paper: Paper, people: int) -> float:
    """How many pairs of PDFs with different certificates of one template are taken for one."""
    drawn = [[ink_in(paper(sheet)) for sheet in sheets(each, people)] for each in TEMPLATES]
    pairs = [pair for found in drawn for pair in combinations(filter(None, found), 2)]
    return sum(is_found(one, other) for one, other in pairs) / len(pairs)
