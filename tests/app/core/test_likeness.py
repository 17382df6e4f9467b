"""Nearly the same picture: measured on planted scans of certificates that differ only in words."""

import random
from functools import cache
from itertools import combinations

import pytest
from PIL import Image, ImageDraw

from app.core.likeness import ALIKE, SIZE, bands_of, ink_of, is_ink, unlikeness
from app.core.lookalikes import LEAST_SHARED
from tests.builders.scans import MOVED, RESCANS, TEMPLATES, WORN, Scan

PEOPLE = 16
RECALL, FALSE_ALARMS = 0.9, 0.01


@cache
def sheets(template: str) -> tuple[Image.Image, ...]:
    chance = random.Random(template)
    return tuple(TEMPLATES[template](chance) for _ in range(PEOPLE))


@cache
def inks(template: str) -> tuple[bytes, ...]:
    return tuple(ink for sheet in sheets(template) if (ink := ink_of(sheet)))


def is_found(one: bytes | None, other: bytes) -> bool:
    """As the search does: by enough common bands, and then by likeness."""
    if one is None:
        return False
    shared = set(bands_of(one)) & set(bands_of(other))
    return len(shared) >= LEAST_SHARED and unlikeness(one, other) <= ALIKE


def recall(scan: Scan) -> float:
    """How many of the planted sheets are found again after this was done to them."""
    chance = random.Random(7)
    again = [
        is_found(ink_of(scan(sheets(template)[person], chance)), inks(template)[person])
        for template in TEMPLATES
        for person in range(2)
    ]
    return sum(again) / len(again)


@pytest.mark.parametrize("scan", sorted(RESCANS))
def test_the_same_sheet_is_found_whatever_was_done_to_its_bytes(scan: str):
    assert recall(RESCANS[scan]) >= RECALL


@pytest.mark.parametrize("scan", sorted(WORN))
def test_where_words_or_lines_are_lost_some_sheets_are_still_found(scan: str):
    assert recall(WORN[scan]) >= 0.25


def test_certificates_of_one_template_are_told_apart_by_their_words():
    pairs = [pair for template in TEMPLATES for pair in combinations(inks(template), 2)]
    alarms = sum(is_found(one, other) for one, other in pairs)
    assert len(pairs) == len(TEMPLATES) * PEOPLE * (PEOPLE - 1) // 2
    assert alarms / len(pairs) <= FALSE_ALARMS


def test_a_sheet_that_was_turned_or_cut_is_mostly_missed():
    """What the handbook says: should this ever be found, it may say otherwise."""
    assert all(recall(scan) <= 0.5 for scan in MOVED.values())


def _ruled() -> Image.Image:
    sheet = Image.new("RGB", (1240, 1754), "white")
    ImageDraw.Draw(sheet).line((0, 400, 1240, 400), fill=0, width=2)
    return sheet


@pytest.mark.parametrize(
    "sheet",
    [
        Image.new("RGB", (600, 800), "white"),
        Image.new("RGB", (60, 40), (200, 30, 30)),
        Image.effect_noise((1240, 1754), 12).convert("RGB"),
        Image.linear_gradient("L").resize((900, 1200)),
        _ruled(),
        Image.new("RGB", (1, 1)),
    ],
    ids=["white", "red", "grain", "shadow", "ruled", "dot"],
)
def test_sheets_with_hardly_anything_on_them_have_no_look(sheet: Image.Image):
    assert ink_of(sheet) is None


def test_what_a_child_says_is_ink_only_if_it_can_be():
    assert is_ink(inks("award")[0])
    assert not is_ink(inks("award")[0][:-1])
    assert not is_ink(bytes(SIZE))
