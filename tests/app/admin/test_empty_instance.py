"""An empty instance comes to life in the browser: nobody needs the shell."""

import re
from typing import Any

import pytest
from flask import Flask

from app import cli
from app.accounts import factor_views
from app.accounts.models import Credential, Person
from app.cli import open_first_accounts
from app.core.clock import now
from app.core.db import db, transaction
from app.units.models import Unit
from tests.builders.devices import enrol
from tests.builders.secrets import activated, secret_after
from tests.conftest import Browser

PASSWORD = {"password": "Qinghe-2026", "again": "Qinghe-2026"}
APPLICANT, EXPERT = "340000198503129020", "34000019850812945X"


def opened_by(client_for: Any, secret: str) -> Browser:
    """The browser of whoever was given this one-time secret."""
    browser: Browser = client_for(None)
    assert activated(browser, secret).location == "/home"
    return browser


def give(security: Browser, system: Browser, login: str, role: str) -> None:
    """Propose a role at the school, and confirm it."""
    with transaction(write=False):
        person_id = db.session.query(Credential.person_id).filter_by(login=login).scalar()
    form = {"role": role, "unit": "青禾小学", "until": "2027-11-30", "reason": "首次开通"}
    assert security.post(f"/admin/grants/people/{person_id}", form).status_code == 303
    page = system.get("/admin/grants/requests").text
    asked = re.search(r"/admin/grants/requests/(\d+)", page)
    assert asked, page
    url = f"/admin/grants/requests/{asked[1]}"
    assert system.post(url, {"decision": "confirm"}).status_code == 303


def first_administrators(client_for: Any) -> tuple[Browser, Browser]:
    """The administrators of system and security, signed in with a device of their own."""
    first = {login: secret for login, _, secret in open_first_accounts()}
    system, security = (opened_by(client_for, first[each]) for each in ("sys.admin", "sec.admin"))
    for administrator in (system, security):
        assert administrator.get("/home").location == "/account/factor"
        assert enrol(administrator, PASSWORD["password"]).status_code == 303
    return system, security


def test_an_empty_instance_comes_to_life(
    app: Flask, client_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(factor_views, "device_time", now)
    system, security = first_administrators(client_for)
    place = {"type": "用人单位", "area_code": "340602", "jurisdiction": "anhui"}
    unit = {**place, "name": "青禾小学", "kind": "事业单位"}
    assert system.post("/admin/units/new", unit).status_code == 303
    opened = {}
    for name, login in (("舒乐平", "ah06.admin"), ("葛蔓青", "ah06.organiser")):
        answer = system.post("/admin/accounts/new", {"name": name, "login": login})
        opened[login] = secret_after(system, answer)
    give(security, system, "ah06.admin", "unit_admin")
    give(security, system, "ah06.organiser", "organiser")

    administrator = opened_by(client_for, opened["ah06.admin"])
    staff = {"name": "邬小棠", "login": "ah06.clerk", "role": "unit_clerk", "until": "2027-11-30"}
    answer = administrator.post("/staff/new", staff)
    clerk = opened_by(client_for, secret_after(administrator, answer))
    teacher = {"name": "苏晓禾", "id_number": APPLICANT}
    answer = clerk.post("/staff/applicants/new", teacher)
    applicant = opened_by(client_for, secret_after(clerk, answer))
    assert applicant.get("/portfolio").status_code == 200
    assert "已绑定" in applicant.get("/binding").text

    organiser = opened_by(client_for, opened["ah06.organiser"])
    entry = {
        "name": "卓逸尘",
        "id_number": EXPERT,
        "unit_name": "第二中学",
        "specialty": "高中数学",
        "committee_id": "",
    }
    answer = organiser.post("/experts/new", entry)
    expert = opened_by(client_for, secret_after(organiser, answer))
    assert expert.get("/meetings").status_code == 200
    with transaction(write=False):
        assert db.session.query(Unit).count() == 1
        assert db.session.query(Person).count() == 4 + 2 + 1 + 1 + 1


def test_the_first_links_are_printed_in_full_and_once(
    app: Flask, client_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "PUBLIC_URL", "http://127.0.0.1:8080")
    monkeypatch.setattr(cli, "prepare_database", lambda: None)
    printed = app.test_cli_runner().invoke(args=["setup", "--no-demo"]).output
    assert "只显示这一次" in printed
    links = re.findall(r"http://127\.0\.0\.1:8080(/activate\?secret=\S+)", printed)
    assert len(links) == len(cli.FIRST_ADMINISTRATORS)
    assert client_for(None).get(links[0]).status_code == 200
    again = app.test_cli_runner().invoke(args=["setup", "--no-demo"]).output
    assert "activate" not in again
    assert "只显示" not in again
