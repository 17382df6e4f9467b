"""Numbers of a known shape: each function says what is wrong with one, or nothing.

Where the shape depends on the kind of what is numbered, the kind is the second argument.
"""

import re
import unicodedata
from urllib.parse import urlsplit


def isbn(text: str, _kind: str = "") -> str | None:
    """Check a book number (ISBN), old or new, with or without hyphens."""
    number = re.sub(r"^ISBN[:： ]*", "", text.strip().upper())
    digits = re.sub(r"[-－–— ]", "", number)
    if re.fullmatch(r"97[89]\d{10}", digits, re.ASCII):
        total = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits))
        return None if total % 10 == 0 else "ISBN 校验码不正确，请核对"
    if re.fullmatch(r"\d{9}[\dX]", digits, re.ASCII):
        return None if _weighted(digits, 10) else "ISBN 校验码不正确，请核对"
    return "ISBN 应为 13 位或 10 位"


def issn(text: str, _kind: str = "") -> str | None:
    """Check a serial number (ISSN)."""
    digits = re.sub(r"^ISSN[:： ]*", "", text.strip().upper()).replace("-", "")
    if not re.fullmatch(r"\d{7}[\dX]", digits, re.ASCII):
        return "ISSN 应为 8 位"
    return None if _weighted(digits, 8) else "ISSN 校验码不正确，请核对"


def _weighted(digits: str, length: int) -> bool:
    """Tell whether the digits, weighted from `length` down to 1, divide by eleven."""
    values = (10 if digit == "X" else int(digit) for digit in digits)
    return sum(value * (length - i) for i, value in enumerate(values)) % 11 == 0


def serial(text: str, _kind: str = "") -> str | None:
    """Check how a periodical is numbered: its ISSN, and its CN where one is written (CZ-37)."""
    plain = _plain(text)
    found = re.search(r"(?<!\d)\d{4}-?\d{3}[\dX](?![\dX])", plain)
    if found is None:
        return f"请写明 ISSN，应如 {SERIAL_EXAMPLE}"
    if "CN" in plain and not re.search(r"CN:?\d{2}-\d{4}(/[A-Z]+\d*)?(?!\d)", plain):
        return f"CN 刊号不完整，应如 {SERIAL_EXAMPLE}"
    return issn(found[0])


SERIAL_EXAMPLE = "ISSN 1000-0011 CN 34-1001/G4"
PATENT_KINDS = {
    **dict.fromkeys("18", "发明专利"),
    **dict.fromkeys("29", "实用新型专利"),
    "3": "外观设计专利",
}
SOFTWARE = "软件著作权"


def patent(text: str, kind: str = "") -> str | None:
    """Check the number of a patent, whose last character checks the others (ZC 0006-2003).

    It tells the year, in two digits until 2003, the kind, and the place of the application.
    """
    if kind == SOFTWARE:
        return _software(_plain(text))
    number = re.sub(r"^(专利号|ZL|CN|:)+", "", _plain(text)).replace(".", "")
    found = re.fullmatch(r"(?P<year>(?:19|20)\d\d|\d\d)(?P<kind>[12389])\d+[\dX]", number)
    if found is None or len(number) != (13 if len(found["year"]) == 4 else 9):
        return "专利号应写全，如 ZL 2021 1 0000001.6，小数点后为校验位"
    weights = [2 + place % 8 for place in range(len(number) - 1)]
    total = sum(int(d) * w for d, w in zip(number[:-1], weights, strict=True)) % 11
    if number[-1] != ("X" if total == 10 else str(total)):
        return "专利号校验位不正确，请核对"
    told = PATENT_KINDS[found["kind"]]
    return f"这是{told}的号码，与所选类别不符" if kind and kind != told else None


def _software(number: str) -> str | None:
    fits = re.fullmatch(r"(登记号:?)?(19|20)\d\dSR\d{4,8}|软著登字第\d{4,8}号", number)
    return None if fits else "登记号应如 2023SR0000001"


_YEAR = r"-(19|20)\d\d"
_NUMBER = r"\d{1,6}(\.\d{1,3})?"
STANDARDS = {
    "国家标准": (r"GB[JZ]?(/[TZ])?" + _NUMBER + _YEAR, "GB/T 10000-2020"),
    "行业标准": (r"(?!GB|DB)[A-Z]{2,3}(/[TZ])?" + _NUMBER + _YEAR, "JY/T 1000-2020"),
    "地方标准": (r"DBJ?\d{0,6}(/[TJ])?(\d{2}[-/])?(T)?" + _NUMBER + _YEAR, "DB34/T 1000-2020"),
    "团体标准": (r"T/[A-Z]{2,10}" + _NUMBER + _YEAR, "T/ABCD 001-2020"),
    "企业标准": (r"Q/[A-Z0-9]+[\dA-Z.]*" + _YEAR, "Q/ABC 001-2020"),
}


def standard(text: str, kind: str = "") -> str | None:
    """Check the shape of a standard's number; decrees and methods of work have none in common."""
    shape, example = STANDARDS.get(kind, ("", ""))
    if not shape or re.fullmatch(shape, re.sub("[—–－-]+", "-", _plain(text))):
        return None
    return f"{kind}编号应如 {example}"


DOI = re.compile(r"10\.\d{4,9}/\S+")
"""What a DOI looks like within a text."""


def doi_in(text: str) -> str:
    """Return the DOI that stands in a text, alone or in an address; nothing where none does."""
    found = DOI.search(text)
    return found[0].rstrip(".,;。") if found else ""


def doi(text: str, _kind: str = "") -> str | None:
    """Check the shape of a DOI, written alone or as an address."""
    plain = re.sub(r"^(HTTPS?://(DX\.)?DOI\.ORG/|DOI:)", "", _plain(text))
    return None if DOI.fullmatch(plain) else "DOI 应如 10.1000/xyz123"


def url(text: str, _kind: str = "") -> str | None:
    """Check an address of the web: other schemes, such as javascript, would run in a browser."""
    wrong = f"网址应以 http:// 或 https:// 开头，如 {URL_EXAMPLE}"
    if re.search(r"[\s\\<>\"\x00-\x1f]", text.strip()):
        return wrong
    try:
        parts = urlsplit(text.strip())
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return wrong
    return None if is_web else wrong


URL_EXAMPLE = "https://www.example.com/paper/1"


def _plain(text: str) -> str:
    """Return the text without differences of width, case and spaces."""
    return "".join(unicodedata.normalize("NFKC", text).upper().split())
