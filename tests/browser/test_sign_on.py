"""Signing in by a provider in a real browser: its button, its form, linking, one's own ways."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app.accounts.models import Person
from app.core.db import db, transaction
from app.openid.models import Provider
from app.openid.protocol import forget_clients
from tests.browser.conftest import Axe, Problems, Serve
from tests.builders.openid import IdentityOffice, a_provider, identity_office
from tests.builders.people import (
    PASSWORD,
    a_person,
    a_unit,
    an_id_number,
    keepers_of_accounts,
    with_password,
)

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1366, "height": 768}
PICTURES = os.environ.get("PICTURES", "")


@pytest.fixture(scope="module")
def office() -> Iterator[IdentityOffice]:
    with identity_office() as running:
        yield running


@pytest.fixture
def address(app: Flask, live_server: Serve) -> str:
    """Where the application is served, and where providers send people back to."""
    forget_clients()
    app.config["OPENID_LOCAL"] = True
    app.config["PUBLIC_URL"] = live_server(app)
    return str(app.config["PUBLIC_URL"])


@pytest.fixture
def keepers(app: Flask) -> tuple[Person, Person]:
    with transaction():
        return keepers_of_accounts()


@pytest.fixture
def providers(
    office: IdentityOffice, address: str, keepers: tuple[Person, Person]
) -> list[Provider]:
    with transaction():
        both = {"for_units": True, "code_claim": "uscc"}
        return [
            a_provider(office, *keepers, host=address, **both),
            a_provider(office, *keepers, host=address, jurisdiction="fujian", name="闽政通"),
        ]


@pytest.fixture
def applicant(app: Flask) -> Person:
    with transaction():
        unit = a_unit("云桥区青禾小学", clerk=False, leader=False)
        person = a_person("苏晓禾", id_number=an_id_number(), unit=unit)
        with_password(person, "su")
        return person


@pytest.fixture
def seen(page: Page, axe: Axe) -> Callable[[str], None]:
    """Give a function that looks at a page at both sizes, and asks axe."""

    def look(name: str) -> None:
        for size, words in ((PHONE, "phone"), (DESK, "desk")):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
            if PICTURES:
                page.screenshot(path=f"{PICTURES}/{name}-{words}.png", full_page=True)
        assert axe() == []

    return look


@pytest.fixture(autouse=True)
def own_pages_only(page: Page, problems: Problems) -> Iterator[None]:
    """Let the provider's form do without the styles of another site, and without an icon."""
    page.route(lambda url: "127.0.0.1" not in url, lambda route: route.fulfill(body=""))
    yield
    problems.allow("404")


def at_the_provider(page: Page, subject: str) -> None:
    """Fill the provider's own form."""
    page.get_by_placeholder("sub").fill(subject)
    page.get_by_role("button", name="Authorize").click()


def test_a_person_links_and_comes_in_again_by_the_button(
    office: IdentityOffice,
    providers: list[Provider],
    applicant: Person,
    page: Page,
    address: str,
    seen: Callable[[str], None],
    problems: Problems,
) -> None:
    with transaction(write=False):
        number = db.session.get_one(Person, applicant.id).id_number
    office.tell("browser-su", name="苏晓禾", id_number=number)
    page.goto(f"{address}/login?next=/portfolio")
    seen("sso-login")
    page.get_by_role("link", name="政务服务网 · 个人登录").click()
    at_the_provider(page, "browser-su")
    expect(page.get_by_role("heading", name="身份已由“政务服务网”确认")).to_be_visible()
    seen("sso-link")
    page.get_by_label("密码", exact=False).first.fill("Wrong-2026")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("账号或密码不正确")
    problems.allow("401")
    page.get_by_label("密码", exact=False).first.fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{address}/portfolio")

    page.goto(f"{address}/account/ways")
    seen("sso-ways")
    page.get_by_role("button", name="退出").first.click()
    expect(page.get_by_text("可能仍是登录状态")).to_be_visible()
    page.goto(f"{address}/login")
    page.get_by_role("link", name="政务服务网 · 个人登录").click()
    at_the_provider(page, "browser-su")
    expect(page).to_have_url(f"{address}/home")


def test_somebody_new_opens_an_account_and_a_password_later(
    office: IdentityOffice,
    providers: list[Provider],
    page: Page,
    address: str,
    seen: Callable[[str], None],
) -> None:
    office.tell("browser-new", name="柏小满", id_number=an_id_number())
    page.goto(f"{address}/login")
    page.get_by_role("link", name="闽政通 · 个人登录").click()
    at_the_provider(page, "browser-new")
    seen("sso-new")
    page.get_by_role("button", name="开通账号").click()
    expect(page.get_by_text("账号已开通")).to_be_visible()
    page.goto(f"{address}/account/ways")
    seen("sso-ways-new")
    page.get_by_label("新密码", exact=False).first.fill(PASSWORD)
    page.get_by_label("再次输入新密码", exact=False).fill(PASSWORD)
    page.get_by_role("button", name="设置密码").click()
    expect(page.get_by_text("密码已设置")).to_be_visible()
    page.get_by_role("link", name="关联 政务服务网 · 个人登录").click()
    at_the_provider(page, "browser-new-2")
    expect(page.get_by_text("已关联“政务服务网”")).to_be_visible()
    page.get_by_role("row", name="政务服务网").get_by_role("button").click()
    page.get_by_role("dialog").get_by_role("button", name="解除关联").click()
    expect(page.get_by_text("已解除与“政务服务网”的关联")).to_be_visible()


def test_a_unit_that_is_not_registered_is_told_what_to_do(
    office: IdentityOffice,
    providers: list[Provider],
    page: Page,
    address: str,
    seen: Callable[[str], None],
    problems: Problems,
) -> None:
    office.tell("browser-unit", uscc="91110000802100433B")
    page.goto(f"{address}/login")
    page.get_by_role("link", name="政务服务网 · 法人登录").click()
    at_the_provider(page, "browser-unit")
    expect(page.get_by_role("heading", name="登录未完成")).to_be_visible()
    expect(page.get_by_text("请先在“单位注册”提交注册申请")).to_be_visible()
    seen("sso-refused")
    problems.allow("403")


def test_a_provider_is_entered_tried_and_put_into_use(
    app: Flask,
    office: IdentityOffice,
    keepers: tuple[Person, Person],
    page: Page,
    client_for: Any,
    address: str,
    seen: Callable[[str], None],
) -> None:
    def become(person: Person, path: str) -> None:
        page.goto("about:blank")
        page.context.clear_cookies()
        name = app.config["SESSION_COOKIE_NAME"]
        cookie = client_for(person).client.get_cookie(name)
        page.context.add_cookies([{"name": name, "value": cookie.value, "url": address}])
        page.goto(address + path)

    become(keepers[0], "/admin/providers")
    seen("sso-providers-empty")
    page.get_by_role("link", name="登记", exact=True).first.click()
    seen("sso-provider-new")
    page.get_by_label("所属地区", exact=False).select_option("安徽省")
    page.get_by_label("名称", exact=False).first.fill("政务服务网")
    page.get_by_label("issuer 地址", exact=False).fill(office.issuer)
    page.get_by_label("客户端编号", exact=False).fill("zhiping")
    page.get_by_label("证件号码", exact=False).first.fill("id_number")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("由安全管理员核对后启用")).to_be_visible()
    page.get_by_role("button", name="测试连接").click()
    expect(page.get_by_text("发现文档和签名密钥都已取得")).to_be_visible()
    seen("sso-provider")
    page.goto(f"{address}/admin/providers")
    seen("sso-providers")

    become(keepers[1], "/admin/providers/confirm")
    seen("sso-confirm")
    page.get_by_role("button", name="启用").click()
    page.get_by_role("dialog").get_by_role("button", name="启用").click()
    expect(page.get_by_text("登录页出现它的按钮")).to_be_visible()
