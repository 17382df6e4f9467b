"""The audit administrator's log: found, exported, verified; each of these in the log too."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Person
from app.admin import audit_views
from app.core import audit
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.units.models import Employment
from tests.builders.people import a_person, a_unit
from tests.conftest import Browser


@pytest.fixture
def person(app: Flask) -> Person:
    with transaction():
        person = a_person("卜文", roles=[("expert", "all", None)])
        about = {"actor_id": person.id, "now": now()}
        audit.record("plan:published", subject=("plan", 7), **about)
        audit.record("file:read", subject=("file", 3), name="=1+1", **about)
        return person


def tags_in(page: str) -> set[str]:
    known = ("plan:published", "file:read", "account:created", "role:granted")
    return {tag for tag in known if tag in page}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"plan:published", "file:read", "account:created", "role:granted"}),
        ("area=plan", {"plan:published"}),
        ("actor=卜文", {"plan:published", "file:read"}),
        ("q=plan:7", {"plan:published"}),
        ("q=file:read", {"file:read"}),
        ("q=发布计划", {"plan:published"}),
        ("since=2026-11-24", set()),
        ("until=2026-11-22", set()),
        ("since=2026-11-23&until=2026-11-23&area=file", {"file:read"}),
        (
            "since=0001-01-01&until=someday",
            {"plan:published", "file:read", "account:created", "role:granted"},
        ),
    ],
)
def test_events_are_found(auditor: Browser, person: Person, query: str, found: set[str]) -> None:
    page = auditor.get(f"/admin/audit?{query}").text
    table = page.split("<tbody>")[-1] if "<tbody>" in page else ""
    assert tags_in(table) == found


def test_the_person_an_event_is_about_is_named(auditor: Browser, person: Person) -> None:
    page = auditor.get("/admin/audit?q=卜文").text
    assert "开通账号" in page
    assert "卜文" in page.split("<tbody>")[-1]


def test_what_is_found_can_be_taken_away_and_the_log_says_so(
    auditor: Browser, person: Person
) -> None:
    answer = auditor.post("/admin/audit/export", {"area": "file"})
    lines = answer.get_data(as_text=True).splitlines()
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert len(lines) == 2
    assert "file:read" in lines[1]
    assert "导出审计日志" in auditor.get("/admin/audit").text


def test_an_export_that_was_cut_says_so_and_what_to_do(
    auditor: Browser, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = auditor.post("/admin/audit/export", {"area": "file"}).get_data(as_text=True)
    assert "只含前" not in whole + auditor.get("/admin/audit?area=file").text
    monkeypatch.setattr(audit_views, "EXPORTED", 1)
    told = "名单共 2 条，导出文件只含前 1 条，请缩小起止日期或类别后分次导出"
    query = {"actor": "卜文"}
    assert told in auditor.get("/admin/audit?actor=卜文").text
    lines = auditor.post("/admin/audit/export", query).get_data(as_text=True).splitlines()
    assert (len(lines), told in lines[-1]) == (3, True)


def test_no_cell_of_the_export_calculates(auditor: Browser, app: Flask) -> None:
    with transaction():
        mallory = a_person("=HYPERLINK(1)")
        audit.record("file:read", subject=("file", 3), actor_id=mallory.id, now=now())
    told = auditor.post("/admin/audit/export", {"area": "file"}).get_data(as_text=True)
    assert ",=HYPERLINK" not in told


def test_seals_are_verified_and_the_result_is_kept(auditor: Browser, person: Person) -> None:
    with transaction():
        sealed = audit.seal_events()
    page = auditor.post("/admin/audit/verify").text
    assert f"全部封印有效：{sealed} 条" in page
    assert "全部有效" in auditor.get("/home").text
    with transaction():
        db.session.execute(sa.update(AuditEvent).where(AuditEvent.seq == 2).values(tag="x:y"))
    assert "第 2 号" in auditor.post("/admin/audit/verify").text
    assert "1 处不符" in auditor.get("/home").text


def test_the_log_is_read_by_nobody_else(system: Browser, security: Browser) -> None:
    for browser in (system, security):
        assert browser.get("/admin/audit").status_code == 403
        assert browser.post("/admin/audit/export").status_code == 403
        assert browser.post("/admin/audit/verify").status_code == 403


def test_each_administrator_sees_the_figures_of_their_job(
    system: Browser, security: Browser, auditor: Browser
) -> None:
    pages: dict[str, Any] = {
        "system": system.get("/home").text,
        "security": security.get("/home").text,
        "audit": auditor.get("/home").text,
    }
    assert "待激活的账号" in pages["system"]
    assert "生效中的授权" in pages["security"]
    assert "今日事件" in pages["audit"]
    assert "生效中的授权" not in pages["system"] + pages["audit"]
    assert "今日事件" not in pages["system"] + pages["security"]


def test_units_and_people_are_named_with_the_numbers_they_are_found_by(
    auditor: Browser, person: Person
) -> None:
    with transaction():
        unit = a_unit("青禾小学")
        told = {"units": [unit.id], "successor": person.id, "after": {"parent_id": unit.id}}
        scope = {"scope": f"org:{unit.id}", "given_by": "all:None"}
        about = {"subject": ("unit", unit.id), "actor_id": person.id, "now": now()}
        audit.record("unit:handed_over", **about, **told, **scope)
        audit.record("unit:changed", subject=("unit", 999), actor_id=None, now=now(), unit=True)
    page = auditor.get("/admin/audit?area=unit").text
    named = f"青禾小学（单位 {unit.id}）"
    assert page.count(named) == 4
    assert f"接任人：卜文（人员 {person.id}）" in page
    assert "原办理：全平台" in page
    assert "单位编号" not in page
    assert "（已不存在）（单位 999）" in page
    assert named in auditor.post("/admin/audit/export", {"area": "unit"}).get_data(as_text=True)


def test_the_filter_says_what_cannot_be_and_offers_each_kind_once(auditor: Browser) -> None:
    page = auditor.get("/admin/audit?since=2026-11-24&until=2026-11-23").text
    assert "开始日期晚于结束日期" in page
    assert page.count(">附件</option>") == 1
    assert "开始日期晚于结束日期" not in auditor.get("/admin/audit?since=2026-11-23").text


def test_a_binding_is_called_after_its_person_and_unit(auditor: Browser, app: Flask) -> None:
    with transaction():
        unit = a_unit("青禾小学")
        teacher = a_person("苏晓禾", unit=unit)
        made = db.session.query(Employment).filter_by(person_id=teacher.id).one()
        subject = ("employment", made.id)
        audit.record("binding:approved", subject=subject, actor_id=None, now=now())
    page = auditor.get("/admin/audit?area=binding").text
    assert f"苏晓禾（青禾小学）的单位绑定 {made.id}" in page
