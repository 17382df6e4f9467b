"""Typing an item where the network comes and goes, and where two pages show the same item."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.accounts.models import Person
from app.core.db import db, transaction
from app.portfolio.models import PortfolioItem
from tests.builders import portfolio as build

Enter = Callable[..., Page]
Axe = Callable[..., list[Any]]


def a_draft(person: Person, type_key: str = "work", *, files: bool = False, **data: Any) -> int:
    with transaction():
        return build.an_item(db.session.merge(person), type_key, files=files, data=data).id


def data_of(item_id: int) -> dict[str, Any]:
    with transaction(write=False):
        db.session.expire_all()
        return dict(db.session.get_one(PortfolioItem, item_id).data)


def state(page: Page) -> Any:
    return page.locator("[data-save-state]")


@pytest.mark.firefox
def test_what_is_typed_without_a_network_survives_a_reload_and_is_sent_when_it_is_back(
    enter: Enter, teacher: Person, problems: Any
) -> None:
    item = a_draft(teacher, unit="青禾小学", post="教师")
    page = enter(teacher, f"/portfolio/{item}")
    page.context.set_offline(True)
    page.get_by_label("从事工作及岗位").fill("数学教师、教研组长")
    expect(state(page)).to_contain_text("保存失败，已暂存在本机")
    assert data_of(item)["post"] == "教师"
    # The server is there again, but saving still fails: the page comes back with what was typed.
    page.route("**/fields", lambda route: route.abort())
    page.context.set_offline(False)
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.get_by_role("textbox", name="从事工作及岗位")).to_have_value("数学教师、教研组长")
    expect(state(page)).to_contain_text("已暂存在本机")
    page.unroute("**/fields")
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(state(page)).to_contain_text("已保存")
    assert data_of(item)["post"] == "数学教师、教研组长"
    problems.allow("ERR_INTERNET_DISCONNECTED")
    problems.allow("ERR_FAILED")


def test_leaving_asks_while_something_waits(enter: Enter, teacher: Person, problems: Any) -> None:
    page = enter(teacher, f"/portfolio/{a_draft(teacher)}")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.route("**/fields", lambda route: route.abort())
    page.get_by_label("从事工作及岗位").fill("教师")
    expect(state(page)).to_contain_text("已暂存在本机")
    page.get_by_role("link", name="个人业绩库").last.click()
    page.wait_for_url("**/portfolio")
    assert asked == ["beforeunload"]
    problems.allow("ERR_FAILED")


def test_two_pages_that_type_in_different_fields_are_merged(
    enter: Enter, teacher: Person, problems: Any
) -> None:
    item = a_draft(teacher, unit="青禾小学", post="教师")
    page = enter(teacher, f"/portfolio/{item}")
    other = page.context.new_page()
    other.goto(page.url)
    page.get_by_label("工作单位").fill("云桥区青禾小学")
    expect(state(page)).to_contain_text("已保存")
    other.get_by_label("从事工作及岗位").fill("数学教师")
    expect(state(other)).to_contain_text("已保存")
    expect(other.get_by_label("工作单位")).to_have_value("云桥区青禾小学")
    expect(other.get_by_text("已合入另一页面的修改：工作单位")).to_be_visible()
    kept = data_of(item)
    assert (kept["unit"], kept["post"]) == ("云桥区青禾小学", "数学教师")
    problems.allow("409")


def test_two_pages_that_type_in_the_same_field_are_decided_by_the_person(
    enter: Enter, axe: Axe, teacher: Person, problems: Any
) -> None:
    item = a_draft(teacher, unit="青禾小学", post="教师")
    page = enter(teacher, f"/portfolio/{item}")
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_label("从事工作及岗位").fill("语文教师")
    expect(state(other)).to_contain_text("已保存")
    page.get_by_label("从事工作及岗位").fill("数学教师")
    notice = page.get_by_role("group", name="从事工作及岗位：另一页面已保存为的内容")
    expect(notice).to_contain_text("另一页面已保存为：语文教师")
    expect(state(page)).to_contain_text("有 1 项与另一页面不一致")
    expect(page.get_by_role("textbox", name="从事工作及岗位")).to_have_value("数学教师")
    assert data_of(item)["post"] == "语文教师"
    assert axe() == []
    page.get_by_role("button", name="保存草稿").click()
    expect(page.get_by_text("请先在旁边选择采用哪一个")).to_be_visible()
    assert data_of(item)["post"] == "语文教师"
    notice.get_by_role("button", name="保留本页").click()
    expect(state(page)).to_contain_text("已保存")
    assert data_of(item)["post"] == "数学教师"

    other.get_by_label("从事工作及岗位").fill("英语教师")
    other.get_by_role("button", name="采用").click()
    expect(other.get_by_role("textbox", name="从事工作及岗位")).to_have_value("数学教师")
    assert data_of(item)["post"] == "数学教师"
    problems.allow("409")


def test_what_another_page_has_attached_stays_and_is_shown(
    enter: Enter, teacher: Person, tmp_path: Path, problems: Any
) -> None:
    item = a_draft(teacher, "honor")
    page = enter(teacher, f"/portfolio/{item}")
    other = page.context.new_page()
    other.goto(page.url)
    scans = []
    for number in (1, 2):
        scans.append(tmp_path / f"证书{number}.png")
        scans[-1].write_bytes(build.a_picture((number * 60, 0, 0)))
    page.set_input_files("input[data-name=certificate]", scans[0])
    expect(state(page)).to_contain_text("已保存")
    other.set_input_files("input[data-name=certificate]", scans[1])
    expect(other.get_by_role("link", name="证书1.png")).to_be_visible()
    expect(state(other)).to_contain_text("已保存")
    with transaction(write=False):
        db.session.expire_all()
        names = {file.name for file in db.session.get_one(PortfolioItem, item).files}
    assert names == {"证书1.png", "证书2.png"}
    problems.allow("409")


def test_only_the_proofs_of_the_kind_are_asked_for(
    enter: Enter, axe: Axe, teacher: Person
) -> None:
    page = enter(
        teacher, f"/portfolio/{a_draft(teacher, 'education', start='1998-09', end='2007-06')}"
    )
    code = page.locator("[data-field=verification_code]")
    expect(code).to_be_visible()
    expect(code.locator("[data-due]")).to_be_visible()
    expect(code.locator("[data-when]")).to_be_hidden()
    expect(page.locator("[data-field=report]")).to_be_hidden()
    page.get_by_label(re.compile("^毕业年月")).fill("2001-06")
    expect(page.locator("[data-field=report]")).to_be_visible()
    expect(page.locator("[data-field=verification]")).to_be_hidden()
    page.get_by_label(re.compile("^院校类别")).select_option("技工院校")
    expect(page.locator("[data-field=skilled_register]")).to_be_visible()
    expect(page.locator("[data-field=report]")).to_be_hidden()
    # What was typed before stays in sight, although it is no longer asked for.
    expect(code).to_be_visible()
    expect(code.locator("[data-when]")).to_be_visible()
    assert axe() == []


def test_what_was_refused_counts_as_unsaved_until_the_server_has_it(
    enter: Enter, teacher: Person, problems: Any, tmp_path: Path
) -> None:
    scan = tmp_path / "封面.png"
    scan.write_bytes(build.a_picture())
    item = a_draft(teacher, "paper", verify_url="")
    page = enter(teacher, f"/portfolio/{item}")
    for label, text in (("刊号 ISSN", "ISSN 1000-0012"), ("DOI", "没有")):
        page.get_by_role("textbox", name=label).fill(text)
    page.get_by_role("button", name="提交审核").click()
    expect(page.get_by_role("alert").first).to_contain_text("有内容需要修改")
    expect(state(page)).to_contain_text("有 2 项未保存")
    page.set_input_files("input[data-name=cover]", scan)
    expect(page.get_by_role("link", name="封面.png")).to_be_visible()
    page.wait_for_function(
        "!document.querySelector('[data-save-state]').innerText.includes('正在')"
    )
    expect(state(page)).to_contain_text("有 2 项未保存")
    page.get_by_role("textbox", name="刊号 ISSN").fill("ISSN 1000-0011")
    expect(state(page)).to_contain_text("有 1 项未保存")
    page.get_by_role("textbox", name="DOI").fill("10.1000/xyz123")
    expect(state(page)).to_contain_text("已保存")
    kept = data_of(item)
    assert (kept["issn"], kept["doi"]) == ("ISSN 1000-0011", "10.1000/xyz123")
    problems.allow("422")


def leave(page: Page) -> None:
    """Close a page with what it could not save, as a browser that is shut does."""
    page.close(run_before_unload=False)


def test_what_two_pages_could_not_save_is_kept_of_both_and_asked_about_only_where_they_differ(
    enter: Enter, teacher: Person, problems: Any
) -> None:
    item = a_draft(teacher, unit="青禾小学", post="教师")
    page = enter(teacher, f"/portfolio/{item}")
    first, second = page.context.new_page(), page.context.new_page()
    for each in (first, second):
        each.goto(page.url)
        each.route("**/fields", lambda route: route.abort())
    first.get_by_label("工作单位").fill("甲小学")
    first.get_by_label("从事工作及岗位").fill("数学教师")
    expect(state(first)).to_contain_text("已暂存在本机")
    second.get_by_label("工作单位").fill("乙小学")
    expect(state(second)).to_contain_text("已暂存在本机")
    # A third page saves something else meanwhile: what the two keep is not touched.
    page.get_by_label("开始年月").fill("2001-09")
    expect(state(page)).to_contain_text("已保存")
    leave(first)
    leave(second)
    page.reload()
    expect(state(page)).to_contain_text("有 1 项此前输入的内容没有保存")
    expect(page.get_by_role("textbox", name="工作单位")).to_have_value("乙小学")
    expect(page.get_by_role("textbox", name="从事工作及岗位")).to_have_value("数学教师")
    notice = page.get_by_role("group", name="工作单位：本页此前输入的内容")
    expect(notice).to_contain_text("本页此前输入：甲小学")
    page.get_by_role("button", name="提交审核").click()
    expect(page.get_by_text("请先在旁边选择使用或放弃")).to_be_visible()
    notice.get_by_role("button", name="使用").click()
    expect(state(page)).to_contain_text("已保存")
    kept = data_of(item)
    assert (kept["unit"], kept["post"]) == ("甲小学", "数学教师")
    assert kept["start"] == "2001-09"
    assert page.evaluate("Object.keys(localStorage)") == []
    problems.allow("ERR_FAILED")


def test_a_page_on_which_nothing_was_typed_takes_what_another_one_saved_with_its_buttons(
    enter: Enter, teacher: Person, problems: Any
) -> None:
    item = a_draft(teacher, files=True, unit="", post="教师")
    page = enter(teacher, f"/portfolio/{item}")
    stale = page.context.new_page()
    stale.goto(page.url)
    page.get_by_label("工作单位").fill("青禾小学")
    page.get_by_label("工作单位").press("Enter")
    expect(state(page)).to_contain_text("已保存")
    stale.get_by_role("button", name="保存草稿").click()
    expect(stale.get_by_text("已保存草稿")).to_be_visible()
    expect(stale.get_by_role("textbox", name="工作单位")).to_have_value("青禾小学")
    assert data_of(item)["unit"] == "青禾小学"
    # Enter has sent nothing to the unit, nor would it without scripts: the first button saves.
    first = "document.querySelector('form[data-autosave] [type=submit]').value"
    assert page.evaluate(first) == "save"
    expect(page.get_by_role("button", name="提交审核")).to_be_visible()

    with transaction():
        sent = db.session.get_one(PortfolioItem, item)
        build.operations.submit_item(sent, actor=db.session.merge(teacher), now=build.now())
    stale.get_by_label("从事工作及岗位").fill("数学教师")
    stale.get_by_role("button", name="提交审核").click()
    expect(stale.get_by_role("heading", name="本页没有保存")).to_be_visible()
    expect(stale.locator("dl")).to_have_text("从事工作及岗位数学教师")
    expect(stale.get_by_role("button", name="提交审核")).to_have_count(0)
    stale.get_by_role("link", name="查看这项业绩").click()
    expect(stale.locator("main")).to_contain_text("待审核")
    problems.allow("409")


OVERTAKE = """() => {
  const form = document.querySelector('form[data-autosave]');
  form.elements.row_version.value = 0;
  form.elements.post.value = '数学教师';
  form.submit();
}"""


def test_what_the_server_asks_about_is_chosen_as_what_scripts_have_found(
    enter: Enter, axe: Axe, teacher: Person, problems: Any
) -> None:
    item = a_draft(teacher, unit="青禾小学", post="教师")
    page = enter(teacher, f"/portfolio/{item}")
    page.evaluate(OVERTAKE)
    notice = page.get_by_role("group", name="从事工作及岗位：另一页面已保存为的内容")
    expect(notice).to_contain_text("另一页面已保存为：教师")
    expect(page.get_by_label("用已保存的")).to_have_count(0)
    assert axe() == []
    notice.get_by_role("button", name="采用").click()
    expect(page.get_by_role("textbox", name="从事工作及岗位")).to_have_value("教师")
    page.get_by_role("button", name="保存草稿").last.click()
    expect(page.get_by_text("已保存草稿")).to_be_visible()
    assert data_of(item)["post"] == "教师"
    problems.allow("409")


def test_without_scripts_nothing_is_overwritten_that_was_not_chosen(
    enter: Enter, teacher: Person
) -> None:
    item = a_draft(teacher, unit="青禾小学", post="教师")
    page = enter(teacher, f"/portfolio/{item}")
    browser, cookies = page.context.browser, page.context.storage_state()
    assert browser is not None
    plain = browser.new_context(java_script_enabled=False, storage_state=cookies).new_page()
    plain.goto(page.url)
    plain.get_by_label("从事工作及岗位").fill("数学教师")
    with transaction():
        kept = db.session.get_one(PortfolioItem, item)
        owner = db.session.merge(teacher)
        build.operations.save_fields(kept, {"post": "语文教师"}, actor=owner, now=build.now())
    save = plain.locator(".formbar").get_by_role("button", name="保存草稿")
    save.click()
    expect(plain.get_by_text("另一页面已保存为“语文教师”")).to_be_visible()
    save.click()
    assert data_of(item)["post"] == "语文教师"
    expect(plain.get_by_role("textbox", name="从事工作及岗位")).to_have_value("数学教师")
    plain.get_by_label("用本页填写的：从事工作及岗位").check()
    save.click()
    expect(plain.get_by_text("已保存草稿")).to_be_visible()
    assert data_of(item)["post"] == "数学教师"
