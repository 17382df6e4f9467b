"""Certificate numbers, book and serial numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.checks.identifiers import isbn, issn, url
from rules.numbering import (
    NumberingError,
    certificate_number,
    check_pattern,
    is_certificate_number,
)

PATTERN = "9{region}{year}{code}{serial:06d}"
PARTS = {"region": "34", "year": 2025, "code": "990001"}


def test_a_certificate_number_has_nineteen_digits():
    assert certificate_number(PATTERN, **PARTS, serial=1) == "9342025990001000001"
    assert is_certificate_number("9342025990001000001")
    assert not is_certificate_number("934202599000100000X")
    assert not is_certificate_number("９342025990001000001")


def test_a_full_series_does_not_spill_into_a_longer_number():
    with pytest.raises(NumberingError, match="不是 19 位数字"):
        certificate_number(PATTERN, **PARTS, serial=1_000_000)


def test_serials_start_at_one():
    with pytest.raises(NumberingError, match="从 1 开始"):
        certificate_number(PATTERN, **PARTS, serial=0)


@pytest.mark.parametrize(
    "pattern",
    ["9{region}", "{serial.__class__}", "{serial[0]}", "{serial}{serial}", "{person}{serial}", "{",
     "{serial:>99999999}", "{serial:x}", "{serial!r}{}"],
)  # fmt: skip
def test_a_pattern_of_unknown_parts_is_refused(pattern: str):
    with pytest.raises(NumberingError):
        check_pattern(pattern)


def test_a_pattern_that_does_not_fit_its_parts_is_refused():
    with pytest.raises(NumberingError, match="与内容不符"):
        certificate_number("{code:06d}{serial:06d}", **PARTS, serial=1)


@pytest.mark.parametrize(
    "text",
    [
        "978-7-00-000000-1",
        "ISBN 978-7-00-000000-1",
        "9787000000001",
        "7-302-01203-2",
        "0-8044-2957-X",
    ],
)
def test_valid_book_numbers(text: str):
    assert isbn(text) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("978-7-00-000000-2", "ISBN 校验码不正确，请核对"),
        ("7-302-01203-5", "ISBN 校验码不正确，请核对"),
        ("12345", "ISBN 应为 13 位或 10 位"),
        ("9777000000001", "ISBN 应为 13 位或 10 位"),
    ],
)
def test_faulty_book_numbers(text: str, problem: str):
    assert isbn(text) == problem


def test_serial_numbers():
    assert issn("ISSN 0317-8471") is None
    assert issn("2434-561X") is None
    assert issn("0317-8472") == "ISSN 校验码不正确，请核对"
    assert issn("0317") == "ISSN 应为 8 位"


@pytest.mark.parametrize(
    "text",
    ["https://kns.cnki.net/kcms2/article?v=甲&x=1#p", "HTTP://知网.中国:8080", "http://[::1]/"],
)
def test_addresses_of_the_web(text: str):
    assert url(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "JavaScript://example.com/%0aalert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>",
        "//example.com",
        "www.cnki.net",
        "https://",
        "https:example.com",
        "https://[",
        "http://a b/",
        "http:\\\\a",
    ],
)
def test_what_is_no_address_of_the_web(text: str):
    assert url(text) == "网址应以 http:// 或 https:// 开头，如 https://www.example.com/paper/1"


SCHEMES = st.sampled_from(["javascript:", "data:", "vbscript:", "file://", "ftp://", "about:", ""])


@given(st.one_of(st.text(), st.builds("{}{}".format, SCHEMES, st.text())))
def test_no_other_scheme_is_an_address_of_the_web(text: str):
    if url(text) is None:
        assert text.strip().casefold().startswith(("http://", "https://"))
