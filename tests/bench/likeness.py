"""Figures of pictures that look nearly the same: what is found of planted scans, and what is not.

`python -m tests.bench.likeness` measures these alone. Shares are told as what is missed, since a
figure is good while it does not pass its limit.
"""

import sys
from collections.abc import Iterator, Mapping

from tests.bench.figures import Figure
from tests.builders.alike import false_alarms, recall
from tests.builders.scans import RESCANS, WORN, Scan

PEOPLE, PAIRED = 6, 24


def figures() -> Iterator[Figure]:
    """Measure scans of the same sheet, worn ones, and the certificates of colleagues."""
    yield Figure("lookalikes_missed", _missed(RESCANS), "share", 0.05)
    yield Figure("worn_lookalikes_missed", _missed(WORN), "share", 0.7)
    yield Figure("lookalike_false_alarms", round(false_alarms(PAIRED), 4), "share", 0.01)


def _missed(scans: Mapping[str, Scan]) -> float:
    found = [recall(scan, PEOPLE) for scan in scans.values()]
    return round(1 - sum(found) / len(found), 3)


def main() -> int:
    """Print the figures; 1 when one does not hold."""
    measured = list(figures())
    for figure in measured:
        print(figure.line(), flush=True)
    return 0 if all(figure.ok for figure in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
