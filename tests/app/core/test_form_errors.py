"""The summary of faults above a form."""

import re

from flask import Flask
from werkzeug.datastructures import MultiDict

from app.core.overtaken import Dispute, differing, unsaved
from forms import build, load, parse

FORM = """
title: 经历
fields:
  - name: jobs
    type: rows
    label: 工作经历
    fields:
      - {name: place, type: text, label: 单位, required: true}
      - {name: years, type: integer, label: 年数}
"""


def test_a_fault_is_told_with_the_number_its_row_has_on_the_page(app: Flask) -> None:
    typed = {
        "jobs-0-place": "第一小学",
        "jobs-0-years": "3",
        "jobs-1-place": "",
        "jobs-1-years": "x",
    }
    form = build(parse(FORM))(MultiDict(typed))
    assert not form.validate()
    with app.test_request_context():
        shown = str(app.jinja_env.get_template("_macros/forms.html").module.errors(form))
    told = re.sub(r"<[^>]+>", "", shown)
    assert "工作经历第 2 行 · 年数：请填写整数" in told
    assert "第 1 行" not in told


def test_what_another_page_left_empty_is_not_called_cleared() -> None:
    """Whether it was ever filled in is not known."""
    field = next(each for each in load("people/profile").fields if each.type == "text")
    told = differing(load("people/profile"), {}, {field.name: "汉族"}, {"series": ()})
    assert told == {field.name: Dispute("另一页面已保存，此项为空", [""])}


def test_a_box_that_nobody_touched_is_no_lost_text() -> None:
    spec = load("declaration/teaching")
    form = build(spec.optional())
    posted: MultiDict[str, str] = MultiDict({"head_training": "y"})
    assert unsaved(spec.fields, {}, form(MultiDict()), MultiDict()) == []
    told = unsaved(spec.fields, {}, form(posted), posted)
    assert [label for label, _text in told] == ["有校（园）长岗位培训证书"]
