"""Nearly the same picture: measured on a few planted scans; `make bench` measures many more."""

import io

import pytest
from PIL import Image, ImageDraw
from pypdfium2 import PdfiumError

from app.core.likeness import SIZE, ink_of, is_ink
from app.core.pages import MOST_PAGES, inks_of_pages
from tests.builders.alike import (
    false_alarms,
    false_alarms_in_papers,
    inks,
    recall,
    recall_in_papers,
    sheets,
)
from tests.builders.scanned import PAPERS, PRINTED, Paper, as_scanned
from tests.builders.scans import MOVED, RESCANS

PEOPLE = 6
QUICK = ("compressed_much", "grey", "smaller", "darker", "pale")


@pytest.mark.parametrize("scan", QUICK)
def test_the_same_sheet_is_found_whatever_was_done_to_its_bytes(scan: str):
    assert recall(RESCANS[scan], 1) == 1


def test_certificates_of_one_template_are_told_apart_by_their_words():
    assert false_alarms(PEOPLE) == 0


def test_a_sheet_that_was_turned_is_missed():
    """What the handbook says: should this ever be found, it may say otherwise."""
    assert recall(MOVED["turned_two"], 1, ["award"]) == 0


@pytest.mark.parametrize("paper", PAPERS)
def test_the_same_sheet_is_found_in_a_pdf(paper: str):
    for scan in ("compressed_much", "smaller"):
        assert recall_in_papers(PAPERS[paper], RESCANS[scan], 1) == 1


@pytest.mark.parametrize("paper", [*PAPERS.values(), *PRINTED.values()])
def test_certificates_of_one_template_are_told_apart_in_pdfs_too(paper: Paper):
    assert false_alarms_in_papers(paper, 3) == 0


def test_long_documents_and_broken_ones_have_no_look():
    [sheet] = sheets("award", 1)
    assert len(list(inks_of_pages(io.BytesIO(as_scanned(*[sheet] * MOST_PAGES))))) == MOST_PAGES
    assert not list(inks_of_pages(io.BytesIO(as_scanned(*[sheet] * (MOST_PAGES + 1)))))
    with pytest.raises(PdfiumError):
        list(inks_of_pages(io.BytesIO(b"%PDF-1.7 nothing")))


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
    assert is_ink(inks("award", 1)[0])
    assert not is_ink(inks("award", 1)[0][:-1])
    assert not is_ink(bytes(SIZE))
