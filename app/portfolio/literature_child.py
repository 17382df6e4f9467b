"""The child process that reads bibliographies: no worker keeps the memory, no text holds it up.

It reads a text of the standard input and prints its entries, or why it is refused. Nothing is
asked of the network.
"""

import logging
import re
import sys
from collections.abc import Iterator, Mapping
from itertools import count, pairwise
from typing import IO, Any, ClassVar

from rispy import RisParser

from app.core.answering import answer
from app.core.errors import Invalid
from rules.checks.identifiers import doi_in

MOST_ENTRIES = 200
LONGEST = 500
UNKNOWN = (
    "无法识别文献格式，支持 BibTeX、RIS，以及知网导出的 EndNote、RefWorks 格式，"
    "请重新导出后粘贴或上传"
)
MANY = f"超过 {MOST_ENTRIES} 条文献，请分批导入"
KINDS = {
    "article": "article journalarticle jour jfull mgzn newspaperarticle news periodical",
    "conference": "inproceedings conference conferenceproceeding conferenceproceedings "
    "conferencepaper conf cpaper",
    "book": "book wholebook editedbook edbook proceedings",
    "chapter": "inbook incollection booksection bookchapter chap",
    "thesis": "phdthesis mastersthesis thesis thes dissertation dissertationthesis",
    "patent": "patent pat",
}
_KIND = {word: kind for kind, words in KINDS.items() for word in words.split()}
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_RIS = {
    "title": "TI T1",
    "journal": "JO JF T2 JA",
    "publisher": "PB",
    "number": "SN",
    "cn": "CN",
    "date": "DA Y1 PY",
    "volume": "VL",
    "issue": "IS",
    "first": "SP",
    "last": "EP",
    "doi": "DO",
    "url": "UR",
    "authors": "AU A1",
}
_ENDNOTE = {
    "title": "%T",
    "journal": "%J %B",
    "publisher": "%I",
    "number": "%@",
    "cn": "%L",
    "date": "%8 %D",
    "volume": "%V",
    "issue": "%N",
    "first": "%P",
    "last": "",
    "doi": "%R",
    "url": "%U",
    "authors": "%A",
}
_REFWORKS = {
    "title": "T1",
    "journal": "JF JO",
    "publisher": "PB",
    "number": "SN",
    "cn": "CN",
    "date": "FD YR",
    "volume": "VO",
    "issue": "IS",
    "first": "SP",
    "last": "OP",
    "doi": "DO",
    "url": "LK UL",
    "authors": "A1",
}


class _Tagged(RisParser):  # type: ignore[misc]
    """Records of lines with a tag each; every tag may come again."""

    UNKNOWN_TAG = "??"
    DEFAULT_MAPPING: ClassVar[dict[str, str]] = {"??": "tags"}
    DEFAULT_LIST_TAGS: ClassVar[list[str]] = []
    DEFAULT_DELIMITER_MAPPING: ClassVar[dict[str, str]] = {}
    form = re.compile(r"([A-Z][A-Z0-9])  -(.*)")
    start = "TY"

    def __init__(self) -> None:
        super().__init__(mapping={**self.DEFAULT_MAPPING, self.start: "type"})
        self.START_TAG = self.start

    def parse_line(self, line: str) -> tuple[str, str] | tuple[None, str]:
        """Return the tag of a line and what stands behind it; the tag is None for its rest."""
        found = self.form.match(line)
        return (found[1], found[2].strip()) if found else (None, line.strip())

    def records(self, text: str) -> list[dict[str, Any]]:
        """Return the records: where the next one starts, the last one ends."""
        lines = [line for line in text.split("\n") if line.strip() and line[:2] != self.END_TAG]
        ended: list[str] = []
        for line in lines:
            found = self.form.match(line)
            if found and found[1] == self.start:
                ended.append(f"{self.END_TAG}  -")
            # What a line goes on with is of no use here, and the tag before it may be unknown.
            ended += [line] if found else []
        return list(self.parse_lines(iter([*ended[1:], f"{self.END_TAG}  -"])))


class _Ended(_Tagged):
    """Records whose end no line tells."""

    def parse_line(self, line: str) -> tuple[str, str] | tuple[None, str]:
        """Return the tag of a line and what stands behind it."""
        return (self.END_TAG, "") if line == f"{self.END_TAG}  -" else super().parse_line(line)


class _EndNote(_Ended):
    form = re.compile(r"(%\S) (.*)")
    start = "%0"


class _RefWorks(_Ended):
    form = re.compile(r"([A-Za-z][A-Za-z0-9]) (.*)")
    start = "RT"


# No sign looks for its beginning beyond a line: of many empty lines each would be read from each.
FORMATS = (
    (re.compile(r"^[^\S\n]*TY  -", re.MULTILINE), _Tagged, _RIS),
    (re.compile(r"^%0 ", re.MULTILINE), _EndNote, _ENDNOTE),
    (re.compile(r"^RT ", re.MULTILINE), _RefWorks, _REFWORKS),
)
_BIBTEX = re.compile(r"^[^\S\n]*@\s*\w+\s*[{(]", re.MULTILINE)

_CN = re.compile(r"\d{2}-\d{4}(/[A-Z]+\d*)?")
"""The number of a periodical in China; libraries write their own signs at the same place."""
_KEY = re.compile(
    r"^([^\S\n]*@\s*(?!comment|string|preamble)\w+\s*[{(])[^,={}\n]*,",
    re.MULTILINE | re.IGNORECASE,
)


def read(text: str) -> dict[str, list[Any]]:
    """Return the entries of a bibliography, and the lines of those that cannot be read."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found = _read_any(text)
    if len(found["entries"]) > MOST_ENTRIES:
        raise Invalid(MANY)
    if not found["entries"] and not found["lost"]:
        raise Invalid(UNKNOWN)
    return found


def _read_any(text: str) -> dict[str, list[Any]]:
    """Read each part of a text by its format: people paste one export below another."""
    found: dict[str, list[Any]] = {"entries": [], "lost": []}
    for first, place, part in _parts(text):
        read_part = _of_bibtex(part) if place == len(FORMATS) else _of_format(part, place)
        found["entries"] += read_part["entries"]
        found["lost"] += [first + line for line in read_part["lost"]]
    return found


def _parts(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the parts of a text: the lines before each, the place of its format, its text.

    What stands before the first sign belongs to it. Raises Invalid where there is none.
    """
    signs = [sign for sign, _parser, _tags in FORMATS] + [_BIBTEX]
    lines = text.split("\n")
    starts: list[tuple[int, int]] = []
    for number, line in enumerate(lines):
        place = next((i for i, sign in enumerate(signs) if sign.match(line)), None)
        if place is not None and (not starts or starts[-1][1] != place):
            starts.append((number if starts else 0, place))
    if not starts:
        raise Invalid(UNKNOWN)
    for (first, place), (end, _next) in pairwise([*starts, (len(lines), -1)]):
        yield first, place, "\n".join(lines[first:end])


def _of_format(text: str, place: int) -> dict[str, list[Any]]:
    _sign, parser, tags = FORMATS[place]
    records = parser().records(text)
    return {"entries": [_of_tags(each, tags) for each in records], "lost": _strays(text, parser)}


def _strays(text: str, parser: type[_Tagged]) -> list[int]:
    """Return where something begins that is no record: behind an empty line, without a tag."""
    lines = ["", *text.split("\n")]
    return [
        number
        for number, (before, line) in enumerate(pairwise(lines), 1)
        if line.strip() and not before.strip()
        if not parser.form.match(line) and line[:2] != parser.END_TAG
    ]


def _of_tags(record: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    held = {str(tag).upper(): values for tag, values in record.get("tags", {}).items()}

    def texts(name: str) -> list[str]:
        return [_plain(v) for tag in tags[name].split() for v in held.get(tag, ()) if _plain(v)]

    entry = {name: next(iter(texts(name)), "") for name in tags}
    entry["date"] = max((_dated(text) for text in texts("date")), key=len, default="")
    authors = [a for text in texts("authors") for a in re.split(r"[;；]", text)]
    return _entry(str(record.get("type", "")), {**entry, "authors": authors})


def _of_bibtex(text: str) -> dict[str, list[Any]]:
    from bibtexparser.entrypoint import parse_string  # noqa: PLC0415 - one format needs it
    from bibtexparser.middlewares import LatexDecodingMiddleware  # noqa: PLC0415

    if len(re.findall(_BIBTEX, text)) > 2 * MOST_ENTRIES:
        raise Invalid(MANY)
    # Keys tell nothing apart here: one that is missing, odd or there twice is no fault.
    numbers = count()
    text = _KEY.sub(lambda found: f"{found[1]}e{next(numbers)},", text)
    library = parse_string(text, append_middleware=[LatexDecodingMiddleware()])
    entries, lost = list(library.entries), []
    for block in library.failed_blocks:
        # A field that is there twice, or LaTeX that nobody knows, leaves the rest to be read.
        kept = getattr(block, "ignore_error_block", None)
        if kept is not None and hasattr(kept, "fields_dict"):
            entries.append(kept)
        else:
            lost.append((block.start_line or 0) + 1)
    entries.sort(key=lambda each: each.start_line or 0)
    return {"entries": [_of_block(each) for each in entries], "lost": lost}


def _of_block(block: Any) -> dict[str, Any]:
    said = {key.lower(): _plain(field.value) for key, field in block.fields_dict.items()}

    def first(*names: str) -> str:
        return next((said[name] for name in names if said.get(name)), "")

    day = first("date") or f"{first('year')}-{_month(first('month'))}"
    return _entry(
        block.entry_type,
        {
            "title": first("title"),
            "journal": first("journal", "journaltitle", "booktitle"),
            "publisher": first("publisher", "organization", "school"),
            "number": first("issn", "isbn", "isbn/issn"),
            "cn": first("cn"),
            "date": _dated(day),
            "volume": first("volume"),
            "issue": first("number", "issue"),
            "first": first("pages"),
            "last": "",
            "doi": first("doi"),
            "url": first("url", "link"),
            "authors": re.split(r"\s+and\s+|[;；]", first("author")),
        },
    )


def _entry(kind: str, said: dict[str, Any]) -> dict[str, Any]:
    word = "".join(filter(str.isalpha, kind.casefold()))
    authors = [" ".join(each.split())[:LONGEST] for each in said["authors"] if each.strip()]
    return {
        **said,
        "kind": _KIND.get(word, "other"),
        "authors": authors[:LONGEST],
        "cn": said["cn"] if _CN.fullmatch(said["cn"]) else "",
        "pages": _pages(said["first"], said["last"]),
        "doi": doi_in(said["doi"] or said["url"]),
    }


def _plain(value: Any) -> str:
    text = " ".join(re.sub(r"[{}]", "", str(value)).split())
    return "".join(c for c in text if c.isprintable())[:LONGEST]


def _pages(first: str, last: str) -> str:
    """Return from where to where a paper goes; either may tell the whole of it."""
    told = [re.sub(r"\s*[-–—]+\s*", "-", each) for each in (first, last) if each]
    whole = [each for each in told if "-" in each]
    return whole[0] if whole else "-".join(dict.fromkeys(told))


def _month(text: str) -> str:
    word = text.casefold().strip(".月 ")
    if word[:3] in MONTHS:
        return f"{MONTHS.index(word[:3]) + 1:02d}"
    return word.zfill(2) if word.isdecimal() else ""


def _dated(text: str) -> str:
    """Return year and month of a date, the year alone where it says no more, or nothing."""
    found = re.match(r"(\d{4})(?:[-/.年](\d{1,2})(?!\d))?", text.strip())
    if not found:
        return ""
    month = int(found[2] or 0)
    return f"{found[1]}-{month:02d}" if 1 <= month <= 12 else found[1]


def _work(source: IO[bytes]) -> dict[str, list[Any]]:
    # The library tells of every broken entry; so do we, in our own words.
    logging.disable()
    try:
        return read(source.read().decode())
    except (Invalid, MemoryError):
        raise
    except Exception as error:
        raise Invalid(UNKNOWN) from error


def main(seconds: str, memory: str) -> None:
    """Read the standard input within these limits."""
    answer(_work, seconds, memory)


if __name__ == "__main__":
    main(*sys.argv[1:])
