"""Figures of pictures that look nearly the same: what is found of planted scans, and what is not.

Scans come as pictures and as PDFs.

`python -m tests.bench.likeness` measures these alone. Shares are told as what is missed, since a
figure is good while it does not pass its limit.
"""

import sys
from collections.abc import Iterator, Mapping

from tests.bench.figures import Figure, tell
from tests.builders.alike import (
    false_alarms,
    false_alarms_in_papers,
    recall,
    recall_in_papers,
)
from tests.builders.scanned import PAPERS, PRINTED, Paper
from tests.builders.scans import RESCANS, WORN, Scan

PEOPLE, PAIRED = 6, 24
# Each way to put a sheet into a PDF is tried with fewer people: there are five ways.
PEOPLE_IN_PDFS, PAIRED_IN_PDFS = 1, 10


def figures() -> Iterator[Figure]:
    """Measure scans of the same sheet, worn ones, and the certificates of colleagues."""
    yield Figure("lookalikes_missed", _missed(RESCANS), "share", 0.05)
    yield Figure("worn_lookalikes_missed", _missed(WORN), "share", 0.7)
    yield Figure("lookalike_false_alarms", round(false_alarms(PAIRED), 4), "share", 0.01)
    yield Figure("pdf_lookalikes_missed", _missed_in(PAPERS, of_paper=False), "share", 0.05)
    printed = _missed_in(PRINTED, of_paper=True)
    yield Figure("printed_pdf_lookalikes_missed", printed, "share", 0.15)
    yield Figure("pdf_lookalike_false_alarms", _alarms_of(PAPERS | PRINTED), "share", 0.01)


def _missed(scans: Mapping[str, Scan]) -> float:
    found = [recall(scan, PEOPLE) for scan in scans.values()]
    return round(1 - sum(found) / len(found), 3)


def _missed_in(papers: Mapping[str, Paper], *, of_paper: bool) -> float:
    found = [
        recall_in_papers(paper, scan, PEOPLE_IN_PDFS, of_paper=of_paper)
        for paper in papers.values()
        for scan in RESCANS.values()
    ]
    return round(1 - sum(found) / len(found), 3)


def _alarms_of(papers: Mapping[str, Paper]) -> float:
    found = [false_alarms_in_papers(paper, PAIRED_IN_PDFS) for paper in papers.values()]
    return round(sum(found) / len(found), 4)


if __name__ == "__main__":
    sys.exit(tell(lambda _: figures()))
