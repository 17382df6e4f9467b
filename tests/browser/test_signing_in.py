"""Signing in with a second factor in a real browser: what a telephone reads, what keys reach."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pyotp
import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app.accounts import addresses, factor_views, mail_links, second_factor
from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.core.mail import MailServer
from tests.browser.conftest import Axe, Problems
from tests.builders.devices import STEP, a_device
from tests.builders.people import PASSWORD, a_person, a_unit, an_id_number, with_password
from tests.conftest import START

PHONE = {"width": 390, "height": 844}
PICTURES = os.environ.get("PICTURES", "")
Enter = Callable[..., Page]


@pytest.fixture
def guard(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Person:
    """A security administrator, whose role asks for a second factor."""
    monkeypatch.setattr(factor_views, "device_time", now)
    with transaction():
        person = a_person("阚双全", roles=[("security_admin", "all", None)])
        with_password(person, "kan")
        second_factor.ask_factor_of({"security_admin"}, actor_id=None, now=now())
        return person


def scanned(page: Page, folder: Path) -> str:
    """What a telephone reads from the QR code."""
    picture = folder / "qr.png"
    page.locator("svg.qr-code").screenshot(path=picture)
    image = cv2.resize(cv2.imread(str(picture)), None, fx=3, fy=3)
    readers = (cv2.QRCodeDetectorAruco(), cv2.QRCodeDetector())
    return next(filter(None, (reader.detectAndDecode(image)[0] for reader in readers)), "")


def looked_at(page: Page, name: str) -> None:
    for size, words in ((PHONE, "phone"), ({"width": 1366, "height": 768}, "desk")):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if PICTURES:
            page.screenshot(path=f"{PICTURES}/{name}-{words}.png", full_page=True)


def test_a_device_is_enrolled_from_the_qr_code_and_asked_at_the_next_sign_in(
    enter: Enter, guard: Person, axe: Axe, tmp_path: Path, at: Any
) -> None:
    page = enter(guard, "/admin/factors")
    expect(page.get_by_role("heading", name="用手机设置")).to_be_visible()
    looked_at(page, "enrol")
    assert axe() == []
    device = pyotp.parse_uri(scanned(page, tmp_path))
    assert isinstance(device, pyotp.TOTP)
    assert device.secret == page.locator(".factor-secret").inner_text()
    assert device.name == "kan"
    page.get_by_label("当前密码").fill(PASSWORD)
    page.get_by_label("动态验证码").fill(device.at(START))
    page.keyboard.press("Enter")
    expect(page.locator(".recovery-codes li")).to_have_count(10)
    looked_at(page, "codes")
    assert axe() == []

    page.get_by_role("button", name="退出").click()
    sign_in(page)
    field = page.get_by_label("动态验证码或恢复码")
    expect(field).to_be_focused()
    looked_at(page, "code")
    assert axe() == []
    at(START + STEP)
    field.fill(device.at(START + STEP))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="退出")).to_be_visible()


def sign_in(page: Page) -> None:
    page.get_by_role("link", name="登录", exact=True).first.click()
    page.get_by_label("登录名或证件号码").fill("kan")
    page.get_by_label("密码").fill(PASSWORD)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("path", ["/account/factor", "/admin/factors", "/account"])
def test_pages_of_the_second_factor_fit_and_are_accessible(
    enter: Enter, guard: Person, axe: Axe, path: str
) -> None:
    with transaction():
        a_device(guard)
    page = enter(guard, path)
    looked_at(page, path.strip("/").replace("/", "-"))
    assert axe() == []


@pytest.mark.firefox
def test_a_wrong_code_is_told_where_it_is_typed(
    enter: Enter, guard: Person, problems: Problems
) -> None:
    with transaction():
        a_device(guard)
    page = enter(None, "/")
    sign_in(page)
    page.get_by_label("动态验证码或恢复码").fill("000000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("验证码不正确")
    problems.allow("401")


def test_after_many_failures_the_browser_proves_work_by_itself(
    enter: Enter, guard: Person, axe: Axe, problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "CHALLENGE_FROM", 1)
    page = enter(None, "/login")
    page.get_by_label("登录名或证件号码").fill("nobody")
    page.get_by_label("密码").fill(PASSWORD)
    page.keyboard.press("Enter")
    state = page.locator("[data-proof-state]")
    expect(state).to_have_text("安全验证已完成，可以继续。", timeout=20_000)
    expect(state).to_have_attribute("role", "status")
    looked_at(page, "proof")
    assert axe() == []
    page.goto(page.url)
    # Who is quicker than the proof is let in as soon as it is done.
    page.get_by_label("登录名或证件号码").fill("kan")
    page.get_by_label("密码").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="用手机设置")).to_be_visible(timeout=20_000)
    problems.allow("401")


@pytest.mark.parametrize("path", ["/forgotten", "/forgotten/asked", "/account/mail", "/reset"])
def test_pages_of_mail_fit_and_are_accessible(
    app: Flask, enter: Enter, guard: Person, axe: Axe, problems: Problems, path: str
) -> None:
    app.config["MAIL_SERVER"] = MailServer("127.0.0.1", 25, "z@example.cn")
    with transaction():
        a_device(guard)
        person = db.session.get_one(Person, guard.id)
        person.email, person.email_verified_at = "kan@example.cn", now()
        mail_links.ask_for_reset("kan", now=now())
        _, secret = mail_links.answer_request(1, now=now()) or (None, "")
    page = enter(guard if path == "/account/mail" else None, f"{path}?secret={secret}")
    looked_at(page, path.strip("/").replace("/", "-"))
    assert axe() == []


def test_a_number_is_unmasked_with_the_keyboard_and_stands_in_the_own_log(
    app: Flask, enter: Enter, axe: Axe
) -> None:
    with transaction():
        unit = a_unit("云桥区青禾小学")
        number = an_id_number()
        person = a_person("苏晓禾", id_number=number, unit=unit)
        admin = a_person("敖正言", roles=[("unit_admin", "org", unit.id)])
    page = enter(admin, "/staff/applicants")
    looked_at(page, "applicants")
    page.get_by_role("link", name="苏晓禾的完整号码").press("Enter")
    expect(page.get_by_label("查看理由")).to_be_visible()
    looked_at(page, "number")
    page.get_by_label("查看理由").fill("与身份证原件核对")
    page.get_by_role("button", name="查看完整号码").press("Enter")
    expect(page.get_by_text(number)).to_be_visible()
    looked_at(page, "number-shown")
    assert axe() == []
    page = enter(person, "/account/log")
    expect(page.get_by_text("与身份证原件核对")).to_be_visible()
    looked_at(page, "log")
    assert axe() == []
