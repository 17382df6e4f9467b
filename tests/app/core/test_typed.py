"""What a page has typed: what is no answer at all is refused in words."""

import pytest

from app.core.errors import Invalid
from app.core.typed import Draft
from forms import item_types


def test_what_is_nested_beyond_all_reason_is_refused_like_anything_unreadable() -> None:
    draft = Draft(item_types()["held_title"].form, {})
    deep = "[" * 20_000 + "]" * 20_000
    for sent in ("[", "[1]", f'{{"title": [{deep}]}}'):
        with pytest.raises(Invalid, match="页面内容无法识别"):
            draft.typed_beside(sent)
    for sent in ("[", "1", "[1]", deep, f'[{{"post": {"[" * 900 + "]" * 900}}}]'):
        with pytest.raises(Invalid, match="表格内容无法识别"):
            draft.answer_to("appointments", [sent])
    rows = [{"post": "一级教师", "current": "true"}]
    assert draft.answer_to("appointments", ['[{"post": "一级教师", "current": "true"}]']) == rows
