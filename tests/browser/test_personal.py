"""The personal centre and notices in a browser: details, an export under way, publishing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.accounts.models import Person
from app.catalogue.operations import load_titles
from app.core import storage
from app.core.db import db, transaction
from tests.builders.flow import drain
from tests.builders.people import a_person, a_unit
from tests.builders.plans import an_organiser, staff
from tests.builders.portfolio import a_picture, an_upload

Enter = Callable[..., Page]
Axe = Callable[..., list[Any]]


@pytest.fixture
def newcomer(app: Any) -> Person:
    del app
    with transaction():
        load_titles()
        person = a_person("卜文", id_number="340000198503129020", unit=a_unit())
        person.profile_confirmed_at = None
        storage.link(an_upload(person))
        return person


def test_the_details_are_filled_in_at_the_first_sign_in(
    enter: Enter, newcomer: Person, axe: Axe, problems: Any
) -> None:
    page = enter(newcomer, "/home")
    page.wait_for_url("**/account/details")
    assert axe() == []
    page.get_by_label("政治面貌").select_option("群众")
    page.get_by_label("身份类别").select_option("事业单位人员")
    page.get_by_label("工作时间").fill("2008-08-01")
    page.get_by_label("最高学历").select_option("大学本科")
    page.get_by_label("手机号码").fill("139")
    page.get_by_role("button", name="保存并确认").click()
    expect(page.get_by_text("请填写 11 位手机号码").first).to_be_visible()
    expect(page.get_by_label("最高学历")).to_have_value("大学本科")
    problems.allow("422")


def test_a_newcomer_finds_the_unit_below_the_details(
    enter: Enter, newcomer: Person, axe: Axe
) -> None:
    with transaction():
        a_unit("云桥区第二小学")
        person = a_person("卜闻", roles=[("applicant", "all", None)])
        person.profile_confirmed_at = None
    page = enter(person, "/account/details")
    assert axe() == []
    page.get_by_label("通讯地址").fill("淮城市演示路 1 号")
    page.get_by_label("否，以后再绑定").check()
    expect(page.get_by_label("单位名称")).to_be_hidden()
    page.get_by_label("是，现在选择").check()
    page.get_by_label("单位名称").fill("小学")
    page.get_by_role("button", name="查询").click()
    expect(page.get_by_label("云桥区第二小学")).to_be_visible()
    expect(page.get_by_label("单位名称")).to_be_focused()
    expect(page.get_by_label("通讯地址")).to_have_value("淮城市演示路 1 号")
    assert axe() == []
    page.get_by_label("云桥区第二小学").check()
    page.get_by_label("政治面貌").select_option("群众")
    page.locator("#ethnicity").select_option("汉族", force=True)
    page.get_by_label("身份类别").select_option("事业单位人员")
    page.get_by_label("工作时间").fill("2008-08-01")
    page.get_by_label("最高学历").select_option("大学本科")
    page.get_by_label("手机号码").fill("13900000101")
    page.get_by_label("电子邮箱").fill("su@example.com")
    page.get_by_role("button", name="保存并确认").click()
    page.wait_for_url("**/binding")
    expect(page.get_by_text("等待云桥区第二小学审核")).to_be_visible()
    assert axe() == []


def test_an_export_shows_its_progress_and_then_its_file(
    enter: Enter, newcomer: Person, axe: Axe
) -> None:
    page = enter(newcomer, "/account/data")
    page.get_by_role("button", name="导出我的信息").click()
    expect(page.get_by_text("正在生成")).to_be_visible()
    assert axe() == []
    drain()
    link = page.get_by_role("link", name="我的信息-")
    expect(link).to_be_visible(timeout=8000)
    with page.expect_download() as waiting:
        link.click()
    assert Path(waiting.value.path()).read_bytes()[:2] == b"PK"


def test_a_notice_is_written_with_a_file_and_published(
    enter: Enter, app: Any, axe: Axe, tmp_path: Path
) -> None:
    del app
    with transaction():
        clerk = staff(an_organiser(), "organiser")
        db.session.expunge_all()
    picture = tmp_path / "流程.png"
    picture.write_bytes(a_picture())
    page = enter(clerk, "/articles/new/notice")
    page.get_by_label("标题").fill("关于申报工作的通知")
    page.get_by_label("适用地区").select_option(index=1)
    page.get_by_label("类别").select_option("申报通知")
    page.get_by_label("正文").fill("## 时间\n\n请按时提交。")
    page.locator("input[type=file]").set_input_files(picture)
    expect(page.get_by_role("link", name="流程.png")).to_be_visible()
    page.get_by_role("button", name="预览正文").click()
    expect(page.get_by_role("heading", name="时间")).to_be_visible()
    expect(page.get_by_role("link", name="流程.png")).to_be_visible()
    assert axe() == []
    page.get_by_role("button", name="保存", exact=True).click()
    page.get_by_role("button", name="立即发布").click()
    page.get_by_role("dialog").get_by_role("button", name="立即发布").click()
    expect(page.get_by_text("公众所见")).to_be_visible()
    page.get_by_role("link", name="公众页面").click()
    expect(page.get_by_role("link", name="流程.png")).to_be_visible()
    assert axe() == []
