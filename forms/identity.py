"""What tells an achievement apart, however it was typed (重复申报).

A portfolio type declares ways in which two claims are of the same achievement: fields, each with
a reading. A way holds when every one of its readings finds something, and the same.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from stdnum import isbn as book_numbers
from stdnum.exceptions import ValidationError

from rules.checks.identifiers import doi_in

Way = Mapping[str, str]
# One types the ISSN alone, another with its CN number or the word before it.
_ISSN = re.compile(r"(?<!\d)(\d{4})-?(\d{3}[\dx])(?![\dx])")
_CN = re.compile(r"(?<!\d)(\d{2})-?(\d{4})(?!\d)")
_BOOK = re.compile(r"(?<!\d)(?:97[89])?\d{9}[\dx](?![\dx])")
# The place of the application, and its check character, which many leave out.
_PATENT = re.compile(r"^(?:专利号|申请号|zl|cn)*(\d{12}|\d{8})[\dx]?$")
_LABEL = re.compile(r"^(?:登记号|软著登字第|标准号|立项编号|项目编号|课题编号|编号|no)+")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−－﹣"), "-")
SHORTEST_NUMBER = 4
"""Counted letters and digits: shorter numbers are places in somebody's list, such as 3 or 01."""


def folded(value: Any) -> str:
    """Return an answer without differences of width, case, dashes and spaces."""
    text = unicodedata.normalize("NFKC", str(value or "")).translate(_DASHES).casefold()
    return "".join(text.split())


def _signs(text: str) -> str:
    """Return its letters and digits: no brackets, quotation marks, dots or dashes."""
    return "".join(filter(str.isalnum, text))


def _issn(text: str) -> str:
    found = _ISSN.search(text)
    return found[1] + found[2] if found else ""


def _cn(text: str) -> str:
    found = _CN.search(_ISSN.sub(" ", text))
    return found[1] + found[2] if found else ""


def _isbn(text: str) -> str:
    found = _BOOK.search(text.replace("-", ""))
    try:
        return book_numbers.validate(found[0].upper(), convert=True) if found else _signs(text)
    except ValidationError:
        return _signs(text)


def _patent(text: str) -> str:
    found = _PATENT.search(_signs(text))
    return found[1] if found else _number(text)


def _number(text: str) -> str:
    number = _LABEL.sub("", _signs(text)).removesuffix("号")
    has_digits = any(map(str.isdigit, number))
    return number if has_digits and len(number) >= SHORTEST_NUMBER else ""


READINGS: Mapping[str, Callable[[str], str]] = {
    "words": _signs,
    "issn": _issn,
    "cn": _cn,
    "isbn": _isbn,
    "patent": _patent,
    "number": _number,
    "doi": doi_in,
}
"""How a field is read: its words, or the number of a kind that is looked for in it."""


def essence(reading: str, value: Any) -> str:
    """Return what a reading finds in an answer, or nothing. Raises KeyError for an unknown one."""
    return READINGS[reading](folded(value))


def identities(key: str, ways: tuple[Way, ...], data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a text for every way that holds: two claims that share one are of the same."""
    found = []
    for way in ways:
        parts = [essence(reading, data.get(name)) for name, reading in way.items()]
        if all(parts):
            told = "+".join(f"{name}:{reading}" for name, reading in way.items())
            found.append("|".join((key, told, *parts)))
    return tuple(found)
