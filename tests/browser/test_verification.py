"""A printed code in a real browser: what the page says of the signature that it carries."""

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from app.core.db import transaction
from tests.browser.conftest import Axe
from tests.builders import results as build

Enter = Callable[..., Page]


@pytest.fixture
def printed(app: Flask) -> tuple[str, str, str]:
    """The address behind a code, its signature, and the signature of another certificate."""
    published, first = build.an_issued_certificate(cases=2)
    second = build.issue(published, 1)
    with transaction(write=False):
        made, other = build.certificate(first), build.certificate(second)
        return f"/v/{made.public_id}", str(made.signature), str(other.signature)


def test_a_genuine_code_turns_green_and_a_forged_one_red(
    enter: Enter, printed: tuple[str, str, str], axe: Axe
) -> None:
    path, token, foreign = printed
    page = enter(None, f"{path}#{token}")
    answer, record = (
        page.locator("[data-signature-answer]"),
        page.locator("[data-signature-record]"),
    )
    expect(answer).to_contain_text("签名有效")
    expect(answer).to_contain_text("本证书真实有效")
    expect(answer).to_have_class("alert alert-success")
    expect(record).to_be_visible()
    assert axe() == []
    for forged in (foreign, token[:-2], "随便写的", "x"):
        page.goto("about:blank")
        enter(None, f"{path}#{forged}")
        expect(answer).to_contain_text("签名不符")
        expect(answer).to_have_class("alert alert-danger")
        expect(record).to_be_hidden()
        expect(page.get_by_text("真实有效")).to_have_count(0)
        expect(page.locator(".alert-success")).to_have_count(0)
    assert axe() == []
    page.evaluate("token => { location.hash = token; }", token)
    expect(answer).to_contain_text("签名有效")


def test_a_certificate_found_by_its_number_is_not_called_verified(
    enter: Enter, printed: tuple[str, str, str]
) -> None:
    page = enter(None, printed[0])
    expect(page.locator("[data-signature-answer]")).to_contain_text("未核对签名")
    expect(page.locator("[data-signature-record]")).to_contain_text("平台记录中本证书有效")
    page.get_by_role("link", name="跳到主要内容").press("Enter")
    expect(page.locator("[data-signature-answer]")).to_contain_text("未核对签名")


def test_without_scripts_the_page_says_how_to_verify(
    enter: Enter, page: Page, browser: Browser, printed: tuple[str, str, str]
) -> None:
    address = enter(None, printed[0]).url
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(f"{address}#forged")
    expect(plain.locator("noscript .alert")).to_be_visible()
    expect(plain.locator("main noscript a")).to_have_attribute("href", "/verify")
    expect(plain.get_by_text("真实有效")).to_have_count(0)
    context.close()


def test_an_unreachable_server_leaves_nothing_called_valid(
    enter: Enter, printed: tuple[str, str, str], problems: object
) -> None:
    path, token, _ = printed
    page = enter(None, path)
    page.route("**/signature", lambda route: route.abort())
    page.evaluate("token => { location.hash = token; }", token)
    expect(page.locator("[data-signature-answer]")).to_contain_text("未能核对签名")
    expect(page.locator("[data-signature-record]")).to_be_hidden()
    problems.allow("ERR_FAILED")  # type: ignore[attr-defined]
