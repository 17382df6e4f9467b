"""Numbers of patents, periodicals, standards and articles: what is wrong is said, nothing else."""

import pytest

from rules.checks.identifiers import doi, patent, serial, standard

INVENTION, UTILITY, DESIGN, SOFTWARE = "发明专利", "实用新型专利", "外观设计专利", "软件著作权"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ZL 2003 1 0102344.5", INVENTION),  # the example of ZC 0006-2003
        ("zl202110000001.6", INVENTION),
        ("专利号：ＺＬ２０２１１００００００１．６", INVENTION),
        ("ZL 85 1 00001.0", INVENTION),
        ("ZL 2021 2 0000001.1", UTILITY),
        ("ZL 2021 3 0000001.7", DESIGN),
        ("ZL 2021 1 0000004.x", INVENTION),
        ("2021SR0000001", SOFTWARE),
        ("软著登字第0000001号", SOFTWARE),
        ("ZL 2021 1 0000001.6", ""),
    ],
)
def test_a_patent_number_is_accepted(text: str, kind: str) -> None:
    assert patent(text, kind) is None


@pytest.mark.parametrize("last", "01235789X")
def test_every_other_check_character_is_told(last: str) -> None:
    assert patent(f"ZL 2021 1 0000001.{last}", INVENTION) == "专利号校验位不正确，请核对"


@pytest.mark.parametrize("place", range(12))
def test_a_mistyped_digit_is_told(place: int) -> None:
    digits = "202110000001"
    wrong = digits[:place] + str((int(digits[place]) + 1) % 10) + digits[place + 1 :]
    assert patent(f"ZL{wrong}.6") is not None


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("ZL 2021 1 0000001", INVENTION, "写全"),
        ("2021", INVENTION, "写全"),
        ("ZL 2021 4 0000001.6", INVENTION, "写全"),
        ("ZL 2021 1 0000001.6", UTILITY, "这是发明专利的号码"),
        ("ZL 2021 1 0000001.6", SOFTWARE, "2023SR0000001"),
        ("2021SR0000001", INVENTION, "写全"),
    ],
)
def test_a_wrong_patent_number_is_told(text: str, kind: str, message: str) -> None:
    assert message in (patent(text, kind) or "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ISSN 1000-0011 CN 34-1001/G4", None),
        ("1000-0011", None),
        ("CN 34-1001/G4，ISSN 1000-002X", None),
        ("issn１０００－００１１", None),
        ("ISSN 1000-0012", "校验码"),
        ("CN 34-1001/G4", "请写明 ISSN"),
        ("无", "请写明 ISSN"),
        ("ISSN 1000-0011 CN 34", "CN 刊号不完整"),
        ("10000-00112", "请写明 ISSN"),
    ],
)
def test_a_periodical_is_numbered(text: str, message: str | None) -> None:
    found = serial(text)
    assert found is None if message is None else message in (found or "")


@pytest.mark.parametrize(
    ("text", "kind", "fits"),
    [
        ("GB/T 10000-2020", "国家标准", True),
        ("GB 50010—2010", "国家标准", True),
        ("GB/T 1.1-2020", "国家标准", True),
        ("JGJ 3-2010", "国家标准", False),
        ("JGJ 3-2010", "行业标准", True),
        ("JY/T 0001-2003", "行业标准", True),
        ("GB/T 10000-2020", "行业标准", False),
        ("DB34/T 1000-2020", "地方标准", True),
        ("DBJ/T 13-123-2015", "地方标准", True),
        ("T/ABCD 001-2020", "团体标准", True),
        ("Q/ABC 001-2020", "企业标准", True),
        ("标准一号", "企业标准", False),
        ("皖教〔2020〕1号", "政策文件", True),
        ("任意", "", True),
    ],
)
def test_a_standard_is_numbered_by_its_kind(text: str, kind: str, *, fits: bool) -> None:
    assert (standard(text, kind) is None) is fits


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("10.1000/xyz123", True),
        ("https://doi.org/10.1000/xyz123", True),
        ("doi:10.1000/xyz123", True),
        ("10.1/xyz", False),
        ("xyz", False),
    ],
)
def test_a_doi_has_its_shape(text: str, *, fits: bool) -> None:
    assert (doi(text) is None) is fits
