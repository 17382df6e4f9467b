"""A teacher keeps an achievement: autosave, upload, submit, and the reply of the unit."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdf
import pytest
from playwright.sync_api import Page, expect

from app.accounts.models import Person
from app.core.db import db, transaction
from app.portfolio import queries
from app.portfolio.models import PortfolioItem
from app.units.models import Unit
from tests.builders import portfolio as build
from tests.builders.people import staff

Enter = Callable[..., Page]
Axe = Callable[..., list[Any]]


def only_item() -> PortfolioItem:
    with transaction(write=False):
        db.session.expire_all()
        item = db.session.query(PortfolioItem).one()
        _ = item.files, item.submissions
        return item


def a_scan(folder: Path) -> Path:
    path = folder / "荣誉证书.png"
    path.write_bytes(build.a_picture())
    return path


@pytest.mark.firefox
def test_an_honour_is_typed_uploaded_and_submitted(
    enter: Enter, teacher: Person, tmp_path: Path
) -> None:
    page = enter(teacher, "/portfolio")
    page.get_by_role("link", name="录入第一项业绩").click()
    page.get_by_role("link", name="荣誉表彰").click()
    page.get_by_role("button", name="开始填写").click()
    answers = build.answers_for("honor")
    for name, value in answers.items():
        control = page.locator(f"[name={name}]")
        if control.evaluate("e => e.tagName") == "SELECT":
            control.select_option(str(value))
        else:
            control.fill(str(value))
    expect(page.locator("[data-save-state]")).to_contain_text("已保存")
    assert only_item().data.items() >= answers.items()

    slot = next(s.name for s in build.item_types.get("honor").slots if s.required)
    page.set_input_files(f"input[data-name={slot}]", a_scan(tmp_path))
    expect(page.locator(f"input[type=hidden][name={slot}]")).to_have_count(1)
    page.reload()
    expect(page.get_by_role("link", name="荣誉证书.png")).to_be_visible()

    page.get_by_role("button", name="提交审核").click()
    expect(page.get_by_text("待审核").last).to_be_visible()
    assert only_item().status == "submitted"
    assert [file.name for file in only_item().files] == ["荣誉证书.png"]


def test_what_a_slot_does_not_take_is_said_beside_it(
    enter: Enter, teacher: Person, problems: Any
) -> None:
    with transaction():
        item = build.an_item(db.session.merge(teacher), "honor", files=False)
    page = enter(teacher, f"/portfolio/{item.id}")
    slot = next(s.name for s in build.item_types.get("honor").slots if s.required)
    place = page.locator(f"[data-field={slot}]")
    address = page.url
    for name, content in (
        ("说明.txt", b"text"),
        ("证书.jpg", b"no picture"),
        ("证书.pdf", b"no document"),
        ("空白.png", b""),
        ("过大.png", b"0" * (10 * 2**20 + 1)),
    ):
        sent = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        place.locator("input[type=file]").set_input_files(sent)
        row = place.locator("[data-file]", has_text=name)
        expect(row.get_by_role("alert")).not_to_be_empty()
        row.get_by_role("button").click()
    assert page.url == address
    problems.allow("422")
    problems.allow("413")


def test_what_is_missing_is_said_at_once_and_nothing_typed_is_lost(
    enter: Enter, teacher: Person, problems: Any
) -> None:
    page = enter(teacher, "/portfolio/new/book")
    page.get_by_role("button", name="开始填写").click()
    page.get_by_label("论著名称").fill("小学数学说理课堂")
    page.get_by_role("button", name="提交审核").click()
    expect(page.get_by_role("alert")).to_contain_text("有内容需要修改")
    expect(page.get_by_label("论著名称")).to_have_value("小学数学说理课堂")
    assert only_item().data["title"] == "小学数学说理课堂"
    problems.allow("422")


@pytest.mark.firefox
def test_the_clerk_decides_on_several_at_once(enter: Enter, school: Unit, teacher: Person) -> None:
    with transaction():
        for post in ("数学教师", "教研组长"):
            build.a_submitted_item(db.session.merge(teacher), "work", data={"post": post})
        clerk = staff(school, "unit_clerk")
    page = enter(clerk, "/portfolio/archive")
    page.get_by_label("全选").check()
    page.get_by_placeholder("审核意见").fill("情况属实")
    page.get_by_role("button", name="批量通过").click()
    page.get_by_role("dialog").get_by_role("button", name="批量通过").click()
    expect(page.get_by_text("已通过 2 项业绩")).to_be_visible()
    with transaction(write=False):
        assert len(queries.approved_items(teacher.id)) == 2


@pytest.mark.parametrize(
    "path",
    [
        "/portfolio",
        "/portfolio/new",
        "/portfolio/new/book",
        "/portfolio/1",
        "/portfolio/2",
        "/portfolio/statistics",
    ],
)
def test_the_owners_pages_can_be_used_by_everybody(
    enter: Enter, axe: Axe, teacher: Person, path: str
) -> None:
    with transaction():
        owner = db.session.merge(teacher)
        build.an_item(owner, "book")
        build.a_submitted_item(owner, "honor")
    enter(teacher, path)
    assert axe() == []


def test_the_reviewers_pages_can_be_used_by_everybody(
    enter: Enter, axe: Axe, school: Unit, teacher: Person
) -> None:
    with transaction():
        item = build.a_submitted_item(db.session.merge(teacher), "honor")
        clerk, task = staff(school, "unit_clerk"), build.review_task(item).id
    for path in ("/portfolio/archive", "/portfolio/archive/statistics"):
        enter(clerk, path)
        assert axe() == []
    enter(clerk, f"/tasks/{task}")
    assert axe() == []


def test_what_can_be_done_with_an_item_stays_in_sight_although_its_row_is_long(
    enter: Enter, teacher: Person
) -> None:
    with transaction():
        name = "关于小学数学量感培养的校本研究与实践" * 3
        build.an_item(db.session.merge(teacher), "honor", data={"name": name})
    page = enter(teacher, "/portfolio")
    link = page.locator("td:last-child a").first
    box = link.bounding_box()
    assert box
    assert box["x"] + box["width"] <= 1366
    seen = "([x, y]) => document.elementFromPoint(x, y)?.closest('td:last-child a') !== null"
    assert page.evaluate(seen, [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])


def test_a_paper_is_taken_from_a_bibliography_on_a_phone(enter: Enter, teacher: Person) -> None:
    page = enter(teacher, "/portfolio")
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("summary", has_text="新增业绩").click()
    page.get_by_role("link", name="文献导入").click()
    page.get_by_label("题录内容").fill("@article{a, title={课堂提问}, journal={教育}, year=2024}")
    page.get_by_role("button", name="预览").first.click()
    expect(page.get_by_role("checkbox", name="选择 课堂提问")).to_be_checked()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="生成草稿").click()
    expect(page.get_by_text("已生成 1 项草稿")).to_be_visible()
    assert only_item().data["title"] == "课堂提问"


def test_a_long_list_begins_on_the_first_sheet_with_its_columns_in_line(
    enter: Enter, teacher: Person
) -> None:
    with transaction():
        owner = db.session.merge(teacher)
        for no in range(45):
            build.an_item(owner, "honor", files=False, data={"name": f"荣誉{no}"})
        build.an_item(owner, "work", files=False)
    page = enter(teacher, "/portfolio/list")
    headings = page.locator("th").filter(has_text="状态")
    first, second = (headings.nth(place).bounding_box() for place in (0, 1))
    assert first
    assert second
    assert abs(first["x"] - second["x"]) < 1
    sheet = pypdf.PdfReader(io.BytesIO(page.pdf(format="A4"))).pages[0].extract_text()
    assert "荣誉表彰" in sheet
