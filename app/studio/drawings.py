"""Uploaded diagrams with marks: what they change, or what is wrong with them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from app.engine.diagrams import is_table
from app.engine.gate import Finding
from app.studio.comparing import ADDED, CHANGED, Difference

MOST_DRAWN = 500_000
"""How many characters of a diagram a browser is asked to draw."""
UNREADABLE = ("xml.malformed", "xml.doctype", "xml.root", "file.")
"""Findings by whose rules a file is no drawing at all begin with these."""


@dataclass(frozen=True)
class Drawing:
    """A diagram that is no version yet, with the ids of the elements to be marked in it."""

    name: str
    xml: str
    marks: Mapping[str, list[str]]


def changed(placed: Mapping[str, bytes], difference: Difference) -> list[Drawing]:
    """Return the checked diagrams that change something, with what they add and change."""
    drawn = dict(_texts(placed))
    found = [Drawing(name, text, _changes(name, difference)) for name, text in drawn.items()]
    return [each for each in found if any(each.marks.values())] or found[:1]


def _changes(name: str, difference: Difference) -> dict[str, list[str]]:
    """The marks of one file; the gate has named it after its process."""
    key = PurePosixPath(name).stem
    of = [each for each in difference.nodes if each.piece.node.process == key]
    words = {"added": ADDED, "changed": CHANGED}
    return {
        mark: [each.piece.node.id for each in of if each.word == word]
        for mark, word in words.items()
    }


def faulty(uploads: Mapping[str, bytes], findings: Iterable[Finding]) -> list[Drawing]:
    """Return the refused diagrams that can be drawn, with the elements that findings name."""
    told = list(findings)
    torn = {each.file for each in told if each.rule.startswith(UNREADABLE)}
    marks = {
        name: [each.element for each in told if each.file == name and each.severity == "error"]
        for name in uploads
    }
    return [
        Drawing(name, text, {"faulty": marks[name]})
        for name, text in _texts(uploads)
        if marks[name] and name not in torn
    ]


def _texts(files: Mapping[str, bytes]) -> Iterable[tuple[str, str]]:
    for name, content in files.items():
        if not is_table(name) and len(content) <= MOST_DRAWN:
            try:
                yield name, content.decode()
            except UnicodeDecodeError:  # The gate tells of it.
                continue
