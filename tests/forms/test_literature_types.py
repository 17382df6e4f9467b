"""What a type says of the literature it takes."""

import pytest

from forms import FormSpecError, item_types
from forms.items import item_type_from

TYPE = """title: 报告
category: 工作业绩
summary: "{name}"
occurred_on: date
fields:
  - {name: name, type: text, label: 名称}
  - {name: date, type: month, label: 年月}
"""


def test_a_type_takes_what_it_says() -> None:
    text = TYPE + "literature: {kinds: [thesis], fields: {name: title, date: month}}\n"
    kind = item_type_from(text, "report")
    assert kind.literature.kinds == ("thesis",)
    assert kind.literature.fields == {"name": "title", "date": "month"}
    assert item_type_from(TYPE, "report").literature.kinds == ()


def test_no_kind_of_entry_is_taken_by_two_types() -> None:
    kinds = [each for kind in item_types().values() for each in kind.literature.kinds]
    assert len(set(kinds)) == len(kinds)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("{kinds: [thesis], fields: {name: colour}}", "文献没有 colour"),
        ("{kinds: [thesis], fields: {nobody: title}}", "nobody"),
        ("{kinds: [thesis], sorts: 1}", "未知的键"),
        ("[thesis]", "应为键值对"),
    ],
)
def test_what_nobody_tells_is_refused(said: str, told: str) -> None:
    with pytest.raises(FormSpecError, match=told):
        item_type_from(f"{TYPE}literature: {said}\n", "report")
