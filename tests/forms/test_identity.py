"""What tells an achievement apart: typed otherwise it is the same, alike it is not."""

import pytest

from forms import FormSpecError, item_types
from forms.items import item_type_from

SAME = [
    ("paper", {"title": "说理课堂", "issn": "ISSN 1000-0000 / CN 11-1234/G4"},
     {"title": "《说理 课堂》", "issn": "１０００－００００"}),
    ("paper", {"title": "说理课堂", "issn": "ISSN 1000-0000  CN 11-1234/G4"},
     {"title": "说理课堂", "issn": "CN11－1234／G4"}),
    ("paper", {"title": "On Reasoning: A Study", "issn": "1000-000x"},
     {"title": "on reasoning — a study", "issn": "issn1000000X"}),
    ("paper", {"title": "说理课堂", "issn": "1000-0000", "journal": "《小学数学》"},
     {"title": "说理课堂", "issn": "待查", "journal": "小学数学"}),
    ("paper", {"title": "说理课堂", "doi": "https://doi.org/10.1000/XYZ.123"},
     {"title": "On Reasoning", "doi": "DOI：10.1000/xyz.123。"}),
    ("book", {"isbn": "ISBN 978-7-111-07575-2"}, {"isbn": "9787111075752"}),
    ("book", {"isbn": "７－１１１－０７５７５－７"}, {"isbn": "978 7 111 07575 2"}),
    ("patent", {"number": "ZL 2020 1 0123456.7"}, {"number": "ｚｌ２０２０１０１２３４５６．７"}),
    ("patent", {"number": "ZL202010123456.X"}, {"number": "专利号：2020101 23456"}),
    ("patent", {"number": "登记号：2021SR0123456"}, {"number": "2021 sr 0123456"}),
    ("patent", {"number": "软著登字第1234567号"}, {"number": "1234567"}),
    ("award", {"name": "小学数学“量感”培养", "date": "2023-06"},
     {"name": "小学数学 「量感」培养", "date": "2023-06"}),
    ("project", {"name": "整本书阅读研究", "source": "云桥区教育局", "start": "2021-03"},
     {"name": "《整本书阅读》研究", "source": "云桥区 教育局", "start": "2021-04"}),
    ("project", {"name": "整本书阅读研究", "source": "省规划办", "number": "FJJKXB21-015",
                 "start": "2021-03"},
     {"name": "小学整本书阅读的研究", "source": "福建省教育科学规划办公室",
      "number": "立项编号：ｆｊｊｋｘｂ21—015", "start": "2021-03"}),
    ("standard_work", {"number": "GB/T 1234—2020"}, {"number": "gb／t1234-2020"}),
]  # fmt: skip
ALIKE = [
    ("paper", {"title": "说理课堂", "issn": "1000-0000", "journal": "甲"},
     {"title": "说理课堂（二）", "issn": "1000-0000", "journal": "甲"}),
    ("paper", {"title": "说理课堂", "issn": "1000-0000", "journal": "甲"},
     {"title": "说理课堂", "issn": "1000-0019", "journal": "乙"}),
    ("paper", {"title": "说理课堂", "issn": "CN 11-1234/G4", "journal": "甲"},
     {"title": "说理课堂", "issn": "CN 35-1234/G4", "journal": "乙"}),
    ("paper", {"title": "甲", "doi": "10.1000/xyz123"}, {"title": "乙", "doi": "10.1000/xyz124"}),
    ("paper", {"title": "甲", "doi": "无"}, {"title": "乙", "doi": "无"}),
    ("book", {"isbn": "978-7-111-07575-2"}, {"isbn": "978-7-111-07576-9"}),
    ("patent", {"number": "ZL202010123456.7"}, {"number": "ZL202020123456.7"}),
    ("patent", {"number": "2021SR0123456"}, {"number": "2022SR0123456"}),
    ("award", {"name": "量感培养", "date": "2023-06"}, {"name": "量感培养", "date": "2024-06"}),
    ("project", {"name": "甲", "source": "一局", "number": "03", "start": "2021-03"},
     {"name": "乙", "source": "二局", "number": "03", "start": "2021-03"}),
    ("project", {"name": "甲", "source": "一局", "number": "KT2021-015", "start": "2021-03"},
     {"name": "乙", "source": "二局", "number": "KT2021-016", "start": "2021-03"}),
    ("standard_work", {"number": "GB/T 1234-2020"}, {"number": "GB/T 1234-2012"}),
]  # fmt: skip


def shared(key: str, one: dict[str, str], other: dict[str, str]) -> set[str]:
    kind = item_types()[key]
    return set(kind.identities(one)) & set(kind.identities(other))


@pytest.mark.parametrize(("key", "one", "other"), SAME)
def test_the_same_achievement_is_known_however_it_was_typed(key, one, other):
    assert shared(key, one, other)


@pytest.mark.parametrize(("key", "one", "other"), ALIKE)
def test_what_only_looks_alike_is_something_else(key, one, other):
    assert not shared(key, one, other)


def test_what_is_half_typed_or_has_no_identity_is_nobodys_double():
    assert item_types()["paper"].identities({"title": "说理课堂", "issn": ""}) == ()
    assert item_types()["book"].identities({"isbn": "——"}) == ()
    assert item_types()["honor"].identities({"name": "优秀教师", "date": "2023-06"}) == ()


TYPE = """
title: 新类型
category: 行业专用
summary: "{name}"
occurred_on: day
identity: [{name: words}]
fields: [{name: name, type: text, label: 名称}, {name: day, type: date, label: 日期}]
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: words", "name: wrods", "未知的读法 wrods"),
        ("name: words", "nmae: words", "提到未知的字段 nmae"),
        ("[{name: words}]", "[name]", "identity: 应为键值对"),
    ],
)
def test_a_type_that_declares_its_identity_wrongly_is_refused(old, new, message):
    assert item_type_from(TYPE, "novelty").identities({"name": "甲"}) == ("novelty|name:words|甲",)
    with pytest.raises(FormSpecError, match=message):
        item_type_from(TYPE.replace(old, new), "novelty")


def test_place_and_number_of_people_are_read_from_the_rank():
    award, assessment = item_types()["award"], item_types()["assessment"]
    assert award.place({"position": 2, "participants": "10"}) == (2, 10)
    assert award.place({"position": 2}) == (2, None)
    assert assessment.place({"year": 2025}) == (None, None)
