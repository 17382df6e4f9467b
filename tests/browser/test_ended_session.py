"""The session ends while somebody types: nothing typed is lost, and nothing foreign is sent."""

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import pytest
from flask import Flask
from PIL import Image
from playwright.sync_api import Page, expect

from app.accounts import operations
from app.accounts.models import Person
from app.core.clock import now
from app.core.db import transaction
from tests.builders.people import a_person, a_unit
from tests.builders.portfolio import an_item

Enter = Callable[..., Page]
SignIn = Callable[[Page, Person], None]
FOREIGN = """<form method="post" action="{}"><input name="note" value="别处写的">
<button>领取奖品</button></form>"""


@pytest.fixture
def admin(app: Flask) -> Person:
    del app
    with transaction():
        unit = a_unit()
        return a_person("敖正言", unit=unit, roles=[("unit_admin", "org", unit.id)])


@pytest.fixture
def sign_in_elsewhere(app: Flask, client_for: Any) -> SignIn:
    """Sign in as another window of the same browser would."""

    def again(page: Page, person: Person) -> None:
        name = app.config["SESSION_COOKIE_NAME"]
        cookie = client_for(person).client.get_cookie(name)
        place = urljoin(page.url, "/")
        page.context.add_cookies([{"name": name, "value": cookie.value, "url": place}])

    return again


def end_sessions(person: Person) -> None:
    with transaction():
        operations.end_sessions(person.id, now=now())


def a_photo() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (600, 840), (200, 210, 220)).save(target, "PNG")
    return target.getvalue()


def fill_in(page: Page) -> None:
    page.get_by_label("姓名").fill("卜文")
    page.get_by_label("登录名").fill("bowen")
    page.get_by_label("角色").select_option("unit_clerk")


def test_a_form_is_sent_again_after_signing_in(
    enter: Enter, admin: Person, sign_in_elsewhere: SignIn, problems: Any
) -> None:
    page = enter(admin, "/staff/new")
    fill_in(page)
    end_sessions(admin)
    page.get_by_role("button", name="开通账号").click()
    expect(page.get_by_text("没有保存").first).to_be_visible()
    problems.allow("401")
    page.get_by_role("button", name="重新提交").click()
    expect(page.get_by_text("尚未登录")).to_be_visible()
    sign_in_elsewhere(page, admin)
    page.get_by_role("button", name="重新提交").click()
    expect(page.locator("main")).to_contain_text("卜文 的一次性激活码")


def test_a_form_left_open_is_sent_again_although_one_signed_in_elsewhere_first(
    enter: Enter, admin: Person, sign_in_elsewhere: SignIn, problems: Any
) -> None:
    page = enter(admin, "/staff/new")
    fill_in(page)
    end_sessions(admin)
    sign_in_elsewhere(page, admin)
    page.get_by_role("button", name="开通账号").click()
    expect(page.get_by_text("重新登录过")).to_be_visible()
    problems.allow("400")
    page.get_by_role("button", name="重新提交").click()
    expect(page.locator("main")).to_contain_text("卜文 的一次性激活码")


def test_what_is_typed_field_by_field_is_saved_after_signing_in(
    enter: Enter, app: Flask, sign_in_elsewhere: SignIn, problems: Any
) -> None:
    with transaction():
        teacher = a_person(unit=a_unit())
    page = enter(teacher, "/portfolio")
    page.get_by_role("link", name="录入第一项业绩").click()
    page.get_by_role("link", name="荣誉表彰").click()
    page.get_by_role("button", name="开始填写").click()
    end_sessions(teacher)
    field = page.locator("main form[data-autosave] input[type=text]").first
    field.fill("优秀教师")
    field.blur()
    state = page.locator("[data-save-state]").first
    expect(state).to_contain_text("登录已失效，重新登录后回到本页会自动保存")
    expect(state.get_by_role("link", name="在新窗口登录")).to_be_visible()
    sign_in_elsewhere(page, teacher)
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(state).to_contain_text("已保存")
    problems.allow("401")


def test_a_new_name_and_a_framed_photo_are_kept_after_signing_in(
    enter: Enter, app: Flask, sign_in_elsewhere: SignIn, problems: Any
) -> None:
    with transaction():
        teacher = a_person(unit=a_unit())
        item = an_item(teacher, "honor")
    page = enter(teacher, f"/portfolio/{item.id}")
    page.get_by_role("button", name="重命名").click()
    name = page.get_by_label("的新名称")
    name.fill("荣誉证书")
    end_sessions(teacher)
    name.press("Enter")
    expect(page.get_by_role("alert").get_by_text("登录已失效")).to_be_visible()
    sign_in_elsewhere(page, teacher)
    name.press("Enter")
    expect(page.get_by_role("link", name="荣誉证书.png")).to_be_visible()

    page = enter(teacher, "/account")
    end_sessions(teacher)
    photo = {"name": "照片.png", "mimeType": "image/png", "buffer": a_photo()}
    page.locator("[data-photo-input]").set_input_files([photo])
    page.get_by_role("button", name="使用照片").click()
    refused = page.locator("[data-photo-error]")
    expect(refused).to_contain_text("登录已失效")
    sign_in_elsewhere(page, teacher)
    refused.get_by_role("button", name="重试").click()
    expect(page.locator("[data-photo]")).to_be_visible()
    expect(refused).to_be_empty()
    problems.allow("401")


def test_the_form_of_another_site_is_not_offered_to_be_sent_again(
    enter: Enter, admin: Person, problems: Any
) -> None:
    page = enter(admin, "/home")
    target = urljoin(page.url, "/binding")
    page.route(
        "http://prizes.example/",
        lambda route: route.fulfill(
            body=FOREIGN.format(target), content_type="text/html; charset=utf-8"
        ),
    )
    page.goto("http://prizes.example/")
    page.get_by_role("button", name="领取奖品").click()
    expect(page.get_by_role("link", name="登录").first).to_be_visible()
    expect(page.get_by_role("button", name="重新提交")).to_have_count(0)
    problems.allow("401")
    problems.allow("404")
