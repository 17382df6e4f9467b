"""Units in a browser: registered by a visitor and approved; posts entered with their table."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from playwright.sync_api import Page, expect

from app.core.db import db, transaction
from app.units.models import UnitRegistration
from app.units.request_process import REGISTRATION
from tests.browser.conftest import Problems
from tests.builders.flow import open_items
from tests.builders.people import a_person, a_unit
from tests.builders.portfolio import a_picture

Enter = Callable[..., Page]


def choose_area(page: Page, typed: str, whole: str) -> None:
    page.get_by_role("combobox", name=re.compile("属地")).click()
    page.keyboard.type(typed)
    page.get_by_role("option", name=whole, exact=True).click()


def test_a_visitor_registers_a_unit_and_its_administrator_begins(
    app: Flask, enter: Enter, problems: Problems
) -> None:
    with transaction():
        bureau = a_unit("云桥区人社局", kind="机关", type_="人社部门")
        office = a_person("宓清川", roles=[("unit_admin", "org", bureau.id)])
    page = enter(None, "/unit/register")
    page.get_by_role("button", name="提交注册").click()
    expect(page.locator("[data-error-summary]")).to_contain_text("请填写单位名称")
    page.get_by_label("单位名称").fill("云桥区新河小学")
    page.get_by_label("统一社会信用代码").fill("12340000DEM00006X0")
    page.get_by_label("单位类型").select_option("用人单位")
    page.get_by_label("单位性质").select_option("事业单位")
    choose_area(page, "杜集", "安徽省淮北市杜集区")
    page.get_by_label("法定代表人姓名").fill("钟守正")
    page.get_by_label("管理员姓名").fill("荀知远")
    page.get_by_label("管理员手机号码").fill("13800000000")
    page.get_by_label("管理员登录名").fill("xunzhiyuan")
    page.get_by_role("button", name="提交注册").click()
    expect(page.locator("[data-flash]")).to_contain_text("请记下受理号")
    expect(page.get_by_text("正在审核")).to_be_visible()
    with transaction(write=False):
        asked = db.session.query(UnitRegistration).one().id
        task = open_items((REGISTRATION, asked))[0].id
    desk = enter(office, f"/tasks/{task}")
    desk.get_by_role("button", name="通过").click()
    desk.get_by_role("dialog").get_by_role("button", name="通过").click()
    expect(desk.locator("[data-flash]")).to_contain_text("已办理")
    problems.allow("422")


def test_the_posts_are_entered_with_the_stamped_table(
    app: Flask, enter: Enter, tmp_path: Path, problems: Problems
) -> None:
    with transaction():
        unit = a_unit("青禾小学")
        admin = a_person("敖正言", roles=[("unit_admin", "org", unit.id)])
    table = tmp_path / "岗位核准表.png"
    table.write_bytes(a_picture((200, 40, 40)))
    page: Any = enter(admin, "/unit/posts")
    page.get_by_label("副高级核定岗位数").fill("14")
    page.get_by_label("副高级已聘人数").fill("13")
    submit = page.get_by_role("button", name="提交", exact=True)
    submit.click()
    expect(page.get_by_text("请上传岗位核准表（人社部门盖章）").last).to_be_visible()
    expect(page.get_by_label("副高级核定岗位数")).to_have_value("14")
    page.set_input_files("input[data-name=file]", table)
    expect(page.locator("input[type=hidden][name=file]")).to_have_count(1)
    submit.click()
    page.get_by_role("dialog").get_by_role("button", name="提交").click()
    expect(page.locator("[data-flash]")).to_contain_text("即日起生效")
    expect(page.get_by_role("link", name="岗位核准表.png").first).to_be_visible()
    problems.allow("422")
