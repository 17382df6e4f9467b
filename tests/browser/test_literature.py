"""文献导入 in a browser: what was pasted is still there for who looks back."""

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app.accounts.models import Person
from app.core.db import transaction
from tests.builders.people import a_person, a_unit

Enter = Callable[..., Page]
RIS = "TY  - JOUR\nTI  - 基于流程的职称评审\nJO  - 计算机学报\nPY  - 2024\nER  - "


@pytest.fixture
def teacher(app: Flask) -> Person:
    del app
    with transaction():
        return a_person(unit=a_unit())


def previewed(page: Page) -> None:
    page.get_by_role("button", name="预览").first.click()
    expect(page.get_by_role("heading", name="选择要导入的文献")).to_be_visible()


def test_what_was_pasted_is_there_on_the_way_back_until_it_is_taken(
    enter: Enter, teacher: Person
) -> None:
    page = enter(teacher, "/portfolio/literature")
    pasted = page.get_by_label("题录内容")
    pasted.fill(RIS)
    previewed(page)
    page.go_back()
    expect(pasted).to_have_value(RIS)
    page.reload()
    expect(pasted).to_have_value(RIS)
    previewed(page)
    page.get_by_role("link", name="返回修改").click()
    expect(pasted).to_have_value(RIS)
    previewed(page)
    page.get_by_role("button", name="生成草稿").click()
    expect(page.get_by_text("已生成 1 项草稿").first).to_be_visible()
    page.goto(page.url.partition("/portfolio")[0] + "/portfolio/literature")
    expect(pasted).to_have_value("")


def test_what_a_file_held_can_be_mended_on_the_way_back(enter: Enter, teacher: Person) -> None:
    page = enter(teacher, "/portfolio/literature")
    page.set_input_files(
        "#file", {"name": "mine.ris", "mimeType": "text/plain", "buffer": RIS.encode()}
    )
    previewed(page)
    page.go_back()
    expect(page.get_by_label("题录内容")).to_have_value(RIS)
    page.go_forward()
    expect(page.get_by_role("heading", name="选择要导入的文献")).to_be_visible()


def test_a_paper_that_was_typed_is_there_on_the_way_back_and_nobody_elses(
    enter: Enter, teacher: Person
) -> None:
    page = enter(teacher, "/portfolio/literature")
    page.get_by_role("textbox", name="论文名称").fill("基于流程的职称评审")
    page.get_by_role("textbox", name="DOI").fill("10.1234/abc.5")
    page.get_by_role("button", name="预览").last.click()
    expect(page.get_by_role("heading", name="选择要导入的文献")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("textbox", name="论文名称")).to_have_value("基于流程的职称评审")
    expect(page.get_by_role("textbox", name="DOI")).to_have_value("10.1234/abc.5")
    expect(page.get_by_label("题录内容")).to_have_value("")
    with transaction():
        other = a_person("苏禾", unit=a_unit("第二小学"))
    page = enter(other, "/portfolio/literature")
    expect(page.get_by_role("textbox", name="论文名称")).to_have_value("")
