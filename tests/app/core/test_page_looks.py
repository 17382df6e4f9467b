"""How a PDF looks is told by a child within limits; the file is kept also where it is not told."""

import io
import random
import subprocess
import sys
from types import ModuleType

import pytest

from app.core import answering, cleaning, limits, pages_child
from app.core.uploads import Policy
from tests.builders.scanned import as_scanned
from tests.builders.scans import honour


def looks() -> int:
    """How many pages of a scanned certificate have a look once it is taken in."""
    scan = as_scanned(honour(random.Random(1)))
    with cleaning.cleaned(io.BytesIO(scan), Policy(types=("pdf",))) as found:
        return len(found.inks)


def test_a_page_that_could_be_looked_at_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert (looks(), caplog.text) == (1, "")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("GLANCE", 0, "not every page"),
        ("LOOKING_PATIENCE", 0.001, "no page"),
        ("LOOKER", "app.core.nowhere", "not every page"),
    ],
    ids=["over time", "late", "crashed"],
)
def test_a_pdf_that_cannot_be_drawn_in_time_is_kept(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    value: object,
    said: str,
) -> None:
    monkeypatch.setattr(cleaning, name, value)
    assert looks() == 0
    assert said in caplog.text


def test_what_the_library_refuses_is_not_taken_for_seen() -> None:
    refused = cleaning.pages_of(io.BytesIO(b"%PDF-1.7 nothing"), cleaning.GLANCE)
    assert (refused.inks, refused.are_all) == ((), False)


@pytest.mark.parametrize("child", [pages_child, answering])
def test_every_child_that_reads_a_file_has_the_same_limits(child: ModuleType) -> None:
    """Told once, so that none may begin processes that another may not."""
    told = "from app.core.limits import limit_reading; limit_reading(9, 2**30); import resource; "
    asked = f"{told}print(resource.getrlimit(resource.RLIMIT_NPROC))"
    made = subprocess.run([sys.executable, "-c", asked], stdout=subprocess.PIPE, check=True)
    assert (made.stdout, child.limit_reading) == (b"(0, 0)\n", limits.limit_reading)
