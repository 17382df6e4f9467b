"""填报 in a browser: every field is kept as it is typed, imports, attachments, 开始检测."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app.core.db import transaction
from app.declarations import queries
from app.declarations.models import Declaration
from app.plans.models import Plan
from tests.builders.declarations import (
    a_chain,
    a_declaration,
    a_draft,
    approved_item,
    golden_applicant,
    golden_plan,
)
from tests.builders.flow import open_items
from tests.builders.golden_case import LATER
from tests.builders.people import staff
from tests.builders.portfolio import a_picture

Enter = Callable[..., Page]
Axe = Callable[..., list[Any]]
PICTURES = os.environ.get("PICTURES")


@pytest.fixture
def case(app: Flask) -> Declaration:
    return a_draft()


def keep(page: Page, name: str) -> None:
    """Keep a picture of the page when a folder is given for them."""
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


def path(case: Declaration, section: str) -> str:
    return f"/declarations/{case.id}/fill/{section}"


def saved(page: Page) -> None:
    expect(page.locator("[data-save-state]").first).to_contain_text("已保存")


def test_a_field_is_kept_as_it_is_typed_and_years_are_adjusted(
    enter: Enter, axe: Axe, case: Declaration
) -> None:
    page = enter(case.person, path(case, "basics"))
    page.get_by_label("工资级别").fill("专技七级")
    saved(page)
    page.get_by_label("专业年限").fill("21")
    expect(page.get_by_text("专业年限不能超过工作年限")).to_be_visible()
    expect(page.get_by_label("专业年限")).to_have_value("19")
    page.reload()
    expect(page.get_by_label("工资级别")).to_have_value("专技七级")
    keep(page, "basics")
    assert axe() == []


@pytest.fixture
def two_pages(enter: Enter, case: Declaration, problems: list[str]) -> Iterator[tuple[Page, Page]]:
    """Two pages of one browser on 基本信息: the first saved after the second was opened."""
    first = enter(case.person, path(case, "basics"))
    second = first.context.new_page()
    second.goto(first.url)
    first.get_by_label("出生地").fill("安徽甲")
    saved(first)
    second.get_by_label("出生地").fill("安徽乙")
    expect(second.locator("[data-save-state]")).to_contain_text("有 1 项与另一页面不一致")
    yield first, second
    second.close(run_before_unload=False)


def birth_place(case: Declaration) -> str:
    with transaction(write=False):
        return str(queries.get_declaration(case.id).personal["birth_place"])


def test_what_a_stale_page_kept_is_not_saved_until_its_owner_says_so(
    case: Declaration, two_pages: tuple[Page, Page], axe_source: str
) -> None:
    _first, stale = two_pages
    stale.on("dialog", lambda dialog: dialog.accept())
    stale.reload()
    field = stale.locator("[data-field=birth_place]")
    expect(stale.get_by_label("出生地", exact=False).first).to_have_value("安徽甲")
    expect(field).to_contain_text("本页此前输入：安徽乙")
    assert birth_place(case) == "安徽甲"
    keep(stale, "older")
    stale.evaluate(axe_source)
    assert stale.evaluate("axe.run(document).then(found => found.violations)") == []
    field.get_by_role("button", name="使用").click()
    saved(stale)
    assert birth_place(case) == "安徽乙"
    stale.reload()
    expect(field).not_to_contain_text("本页此前输入")


def test_what_a_stale_page_kept_is_thrown_away_when_its_owner_says_so(
    case: Declaration, two_pages: tuple[Page, Page]
) -> None:
    _first, stale = two_pages
    stale.on("dialog", lambda dialog: dialog.accept())
    stale.reload()
    field = stale.locator("[data-field=birth_place]")
    field.get_by_role("button", name="放弃").click()
    expect(field).not_to_contain_text("本页此前输入")
    stale.reload()
    expect(field.locator("input")).to_have_value("安徽甲")
    expect(field).not_to_contain_text("本页此前输入")
    assert birth_place(case) == "安徽甲"


def test_saving_asks_where_two_pages_differ_and_takes_over_what_only_the_other_one_changed(
    case: Declaration, two_pages: tuple[Page, Page]
) -> None:
    first, stale = two_pages
    stale.get_by_role("button", name="保存个人信息").click()
    expect(stale.get_by_text("请先在旁边选择采用哪一个")).to_be_visible()
    field = stale.locator("[data-field=birth_place]")
    expect(field).to_contain_text("另一页面已保存为：安徽甲")
    expect(stale.get_by_text("网络")).to_have_count(0)
    assert birth_place(case) == "安徽甲"
    field.get_by_role("button", name="保留本页").click()
    saved(stale)
    assert birth_place(case) == "安徽乙"
    # On the first page nothing was typed since: its button writes over nothing.
    first.get_by_role("button", name="保存个人信息").click()
    expect(first.get_by_text("已保存").first).to_be_visible()
    expect(first.get_by_label("出生地")).to_have_value("安徽乙")
    assert birth_place(case) == "安徽乙"


def test_the_result_of_an_assessment_is_chosen_and_the_mark_turns(
    enter: Enter, axe: Axe, case: Declaration
) -> None:
    page = enter(case.person, path(case, "assessment"))
    page.get_by_label("的考核结果").select_option("合格")
    saved(page)
    keep(page, "assessment")
    assert axe() == []
    page.reload()
    expect(page.get_by_role("link", name="年度考核")).to_contain_text("已完成")


def test_an_approved_item_is_imported_through_the_dialog_and_opens(
    app: Flask, enter: Enter, axe: Axe, case: Declaration
) -> None:
    with transaction(write=False):
        item = queries.categories_of(queries.get_declaration(case.id))[2].items[0]
    page = enter(case.person, path(case, "merits"))
    keep(page, "merits")
    page.get_by_role("button", name=re.compile(rf"导入\s*{item.name}")).click()
    dialog = page.locator(f"#import-item-{item.id}")
    expect(dialog.get_by_role("button", name="保存")).to_be_disabled()
    dialog.get_by_label("选择").check()
    keep(page, "import")
    assert axe() == []
    dialog.get_by_role("button", name="保存").click()
    expect(page.get_by_text("已导入 1 条").first).to_be_visible()
    title = LATER["行动研究报告"][1]["title"]
    page.get_by_role("button", name=re.compile(rf"展开\s*{title}")).click()
    expect(page.locator("tr[id^=entry-]:visible").get_by_text("完成年月")).to_be_visible()


def test_without_scripts_an_item_is_taken_in_and_out_and_a_file_attached(
    enter: Enter, case: Declaration
) -> None:
    with transaction(write=False):
        item = queries.categories_of(queries.get_declaration(case.id))[2].items[0]
    page = enter(case.person, path(case, "merits"))
    browser, cookies = page.context.browser, page.context.storage_state()
    assert browser is not None
    plain = browser.new_context(java_script_enabled=False, storage_state=cookies).new_page()
    plain.goto(page.url)
    dialog = plain.locator(f"#import-item-{item.id}")
    expect(dialog).to_be_hidden()
    plain.get_by_role("link", name=f"导入{item.name}").click()
    dialog.get_by_label("选择").check()
    keep(plain, "import-plain")
    dialog.get_by_role("button", name="保存").click()
    expect(plain.get_by_text("已导入 1 条").first).to_be_visible()
    title = LATER["行动研究报告"][1]["title"]
    plain.get_by_role("link", name=re.compile(rf"展开\s*{title}")).click()
    expect(plain.locator("tr[id^=entry-]:visible").get_by_text("完成年月")).to_be_visible()
    plain.get_by_role("button", name=re.compile(rf"移除\s*{title}")).click()
    expect(plain.get_by_text("已移除，业绩库中的记录不受影响")).to_be_visible()
    plain.goto(page.url.replace("merits", "files"))
    slot = plain.locator("section", has=plain.get_by_role("heading", name="其他相关附件"))
    file = {"name": "证明.png", "mimeType": "image/png", "buffer": a_picture()}
    slot.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    slot.get_by_role("button", name="上传").click()
    expect(slot.get_by_role("link", name="证明.png")).to_be_visible()


def test_attachments_are_uploaded_renamed_and_removed(
    enter: Enter, axe: Axe, case: Declaration
) -> None:
    page = enter(case.person, path(case, "files"))
    keep(page, "files")
    assert axe() == []
    slot = page.locator("section", has=page.get_by_role("heading", name="其他相关附件"))
    picture = {"name": "普通话证.png", "mimeType": "image/png", "buffer": a_picture((1, 2, 3))}
    slot.locator("input[type=file]").set_input_files(picture)
    expect(slot.get_by_role("link", name="普通话证.png")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(slot.locator("td[data-label=大小]").first).to_be_visible()
    expect(slot.locator("td.stack-actions").first).to_be_visible()
    slot.locator("summary", has_text="重命名普通话证").click()
    slot.get_by_label("普通话证.png的新名称").fill("普通话等级证书")
    slot.get_by_role("button", name="保存名称").click()
    expect(slot.get_by_role("link", name="普通话等级证书.png")).to_be_visible()
    slot.get_by_role("row", name="普通话等级证书").get_by_role("button", name="移除").click()
    page.get_by_role("dialog").get_by_role("button", name="移除").click()
    expect(slot.get_by_role("link", name="普通话等级证书.png")).to_have_count(0)


def test_a_file_that_no_slot_takes_is_told_before_it_is_sent(
    enter: Enter, case: Declaration
) -> None:
    page = enter(case.person, path(case, "files"))
    slot = page.locator("section", has=page.get_by_role("heading", name="其他相关附件"))
    control = slot.locator("input[type=file]")
    table = {"name": "成绩.xlsx", "mimeType": "application/zip", "buffer": b"PK"}
    control.set_input_files(table)
    expect(slot.get_by_role("alert")).to_contain_text("成绩.xlsx：只接受")
    expect(slot.get_by_text("选择文件")).to_be_visible()
    expect(slot.get_by_text("正在上传…")).to_be_hidden()
    # Renaming and removing stand on one line while the box for the name is folded.
    picture = {"name": "普通话证.png", "mimeType": "image/png", "buffer": a_picture((1, 2, 3))}
    control.set_input_files(picture)
    row = slot.get_by_role("row", name="普通话证")
    expect(row).to_be_visible()
    middles = row.evaluate(
        """(row) => [...row.querySelectorAll('summary, .link-danger')]
          .map((each) => each.getBoundingClientRect())
          .map((box) => box.y + box.height / 2)"""
    )
    assert len(middles) == 2
    assert max(middles) - min(middles) < 2


def test_a_refused_attachment_is_told_beside_its_slot(
    enter: Enter, axe: Axe, case: Declaration, problems: Any
) -> None:
    page = enter(case.person, path(case, "files"))
    slot = page.locator("section", has=page.get_by_role("heading", name="其他相关附件"))
    false = {"name": "证书.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
    slot.locator("input[type=file]").set_input_files(false)
    expect(page.get_by_role("alert")).to_contain_text("证书.jpg：")
    said = slot.get_by_text("证书.jpg：")
    expect(said).to_be_in_viewport(ratio=1)
    expect(slot.locator("input[type=file]")).to_be_focused()
    keep(page, "refused")
    assert axe() == []
    page.goto(page.url)
    expect(slot).to_be_visible()
    expect(said).to_have_count(0)
    problems.allow("422")


def test_a_refused_photo_is_told_above_the_bar_at_the_foot(
    enter: Enter, case: Declaration, problems: Any
) -> None:
    page = enter(case.person, path(case, "basics"))
    page.set_viewport_size({"width": 390, "height": 420})
    chosen = page.locator("[data-photo-input]")
    chosen.set_input_files({"name": "照.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
    said = page.get_by_role("alert").get_by_text("无法读取这张照片")
    expect(said).to_be_in_viewport(ratio=1)
    page.wait_for_function(
        """() => document.querySelector('[data-photo-error]').getBoundingClientRect().bottom
           < document.querySelector('.formbar').getBoundingClientRect().top"""
    )


def test_the_check_names_what_is_missing_and_leads_there(
    enter: Enter, axe: Axe, case: Declaration
) -> None:
    page = enter(case.person, path(case, "submit"))
    page.get_by_role("link", name="开始检测").click()
    expect(page.locator("[data-check] tbody tr")).to_have_count(11)
    expect(page.get_by_text("申报信息不完善,无法提交")).to_be_visible()
    expect(page.get_by_role("button", name="提交审核")).to_be_disabled()
    keep(page, "check")
    assert axe() == []
    page.get_by_role("link", name=re.compile(r"去修改\s*年度考核情况")).click()
    expect(page.locator("#entries-title", has_text="年度考核")).to_be_visible()


def test_a_complete_one_is_submitted_and_shows_its_course(
    app: Flask, enter: Enter, axe: Axe
) -> None:
    declaration = a_declaration(at="fill_declaration")
    page = enter(declaration.person, f"{path(declaration, 'submit')}?checked=1")
    page.get_by_role("button", name="提交审核").click()
    page.get_by_role("dialog").get_by_role("button", name="提交审核").click()
    expect(page.get_by_text("尚未查看，可以撤回")).to_be_visible()
    expect(page.locator("[data-diagram] svg").first).to_be_visible()
    expect(page.locator(".timeline")).to_contain_text("提交")
    keep(page, "show")
    for number in range(2):
        drawn = page.locator(".diagram").nth(number)
        drawn.scroll_into_view_if_needed()
        if PICTURES:
            drawn.screenshot(path=str(Path(PICTURES) / f"diagram{number}.png"))
    assert axe() == []


def test_the_question_before_a_termination_quotes_the_opinion_kept_from_before(
    app: Flask, enter: Enter, axe: Axe
) -> None:
    declaration = a_declaration()
    with transaction(write=False):
        clerk = staff(declaration.unit, "unit_clerk")
        task = open_items(("declaration", declaration.id))[0]
    page = enter(clerk, f"/tasks/{task.id}")
    page.get_by_role("textbox", name="审核意见").fill("身份证背面不清晰，请重新上传")
    saved(page)
    page.reload()
    page.get_by_role("button", name="终止申报").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("审核意见：身份证背面不清晰，请重新上传")
    keep(page, "terminate")
    assert axe() == []
    dialog.get_by_role("button", name="取消").click()


def test_choosing_echoes_the_title_and_leads_to_the_pledge(
    app: Flask, enter: Enter, axe: Axe
) -> None:
    with transaction():
        city, _district, school = a_chain()
        plan: Plan = golden_plan(city)
        person = golden_applicant(school)
        approved_item(person, "honor", {"name": "区优秀教师", "date": "2021-09"})
    page = enter(person, f"/plans/{plan.id}/declare")
    page.locator("#specialty_id-ts-control").click()
    page.locator("#specialty_id-ts-control").fill("数学")
    expect(page.get_by_role("option", name="小学语文")).to_have_count(0)
    page.get_by_role("option", name="小学数学").click()
    expect(page.get_by_text("中小学教师-小学数学-高级教师")).to_be_visible()
    page.get_by_label("确认无误").check()
    keep(page, "choose")
    assert axe() == []
    page.get_by_role("button", name="提交").click()
    page.get_by_label("我已阅读并承诺").check()
    keep(page, "pledge")
    assert axe() == []
    page.get_by_role("button", name="同意并继续").click()
    expect(page.get_by_role("heading", name="个人信息")).to_be_visible()


def test_the_overview_and_the_lists_read_well(app: Flask, enter: Enter, axe: Axe) -> None:
    declaration = a_declaration()
    with transaction(write=False):
        clerk = staff(declaration.unit, "unit_clerk")
        task = open_items(("declaration", declaration.id))[0]
    page = enter(declaration.person, "/declarations")
    keep(page, "index")
    assert axe() == []
    page = enter(clerk, "/declarations/review")
    keep(page, "review")
    assert axe() == []
    page = enter(clerk, f"/tasks/{task.id}")
    keep(page, "task")
    assert axe() == []
    page.set_viewport_size({"width": 390, "height": 844})
    keep(page, "task-phone")
    page = enter(clerk, f"/declarations/{declaration.id}")
    keep(page, "show-phone")


def test_the_table_of_titles_needs_no_sliding_on_a_desk(enter: Enter, case: Declaration) -> None:
    page = enter(case.person, path(case, "basics"))
    table = page.get_by_role("region", name="现有职称情况：表格", exact=True)
    expect(table.get_by_role("link", name="编辑")).to_be_visible()
    table.scroll_into_view_if_needed()
    keep(page, "titles")
    assert table.evaluate("each => each.scrollWidth <= each.clientWidth")
    unit, acts = table.locator("tbody td").nth(3), table.locator("tbody td").nth(4)
    left, right = unit.bounding_box(), acts.bounding_box()
    assert left
    assert right
    assert left["x"] + left["width"] <= right["x"] + 1
