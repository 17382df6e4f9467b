"""The public site: its name, its menu, its home page, the way in from elsewhere."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from flask import Flask

from app.core.clock import now
from app.core.db import transaction
from app.notices import operations
from app.notices.models import Kind
from tests.builders.people import a_person, staff
from tests.builders.plans import a_plan, an_organiser

Clients = Callable[..., Any]
MENU = ("首页", "通知公告", "政策文件", "评审计划", "公示", "证书查询")


def test_the_home_page_carries_the_name_of_its_platform(app: Flask, client_for: Clients) -> None:
    app.config["SITE_NAME"] = "某省职称申报评审管理平台"
    page = client_for(None).get("/").text
    assert "<h1>某省职称申报评审管理平台</h1>" in page
    assert "首页 - 某省职称申报评审管理平台</title>" in page
    assert "火狐（Firefox）或 360 浏览器极速模式" in page
    assert 'href="/login"' in page


def test_every_page_of_the_site_has_the_whole_menu(app: Flask, client_for: Clients) -> None:
    for path in ("/", "/notices", "/policies", "/plans", "/publicity", "/verify", "/login"):
        page = client_for(None).get(path)
        assert page.status_code == 200, path
        menu = page.text.split('id="public-nav"')[1].split("</nav>")[0]
        assert [word for word in MENU if f">{word}</a>" not in menu] == [], path
    for path, place in (
        ("/", "/"),
        ("/publicity", "/publicity"),
        ("/objections/state", "/publicity"),
    ):
        menu = client_for(None).get(path).text.split('id="public-nav"')[1].split("</nav>")[0]
        current = [part for part in menu.split("<a ") if "aria-current=page" in part]
        assert [part.startswith(f'href="{place}"') for part in current] == [True], path


def test_the_home_page_lists_what_the_offices_published(app: Flask, client_for: Clients) -> None:
    empty = client_for(None).get("/").text
    for text in ("暂无通知公告", "暂无政策文件", "暂无评审计划", "暂无公示"):
        assert text in empty
    with transaction():
        a_plan()
        author = staff(an_organiser("江城市教育局"), "organiser")
        for kind, title in ((Kind.NOTICE, "申报通知一则"), (Kind.POLICY, "评审办法")):
            told = {"title": title, "category": "其他", "body": "正文", "document_no": "1号"}
            made = operations.write_article(kind, "anhui", told, [], actor=author, now=now())
            operations.publish_article(made, at=None, actor=author, now=now())
    page = client_for(None).get("/").text
    for text in ("申报通知一则", "评审办法", "2026年度淮城市", "证书查询"):
        assert text in page


def test_a_link_from_elsewhere_leads_through_sign_in_to_its_page(
    app: Flask, client_for: Clients
) -> None:
    answer = client_for(None).get("/declarations")
    assert answer.location == "/login?next=%2Fdeclarations"
    with transaction():
        person = a_person(roles=[("applicant", "all", None)])
    assert client_for(person).get("/login?next=/declarations").location == "/declarations"


def test_the_departments_site_is_given_an_address_for_each_kind_of_user(
    app: Flask, client_for: Clients
) -> None:
    """AH-P-01: each opens its page or leads through sign-in to it, and is drawn as a QR code."""
    with transaction():
        system = a_person(roles=[("system_admin", "all", None)])
        person = a_person(roles=[("applicant", "all", None)])
    page = client_for(system).get("/admin/entries").text
    base = app.config["PUBLIC_URL"]
    paths = re.findall(rf"&lt;a href=&#34;{base}(/[^&]*)&#34;&gt;[^&]+&lt;/a&gt;", page)
    assert len(paths) == page.count('class="qr-code"') == 7
    visitor, applicant = client_for(None), client_for(person)
    for path in paths:
        answer = visitor.get(path)
        assert answer.status_code == 200 or answer.location == f"/login?next={quote(path, '')}"
        assert applicant.get(path, follow_redirects=True).status_code == 200
