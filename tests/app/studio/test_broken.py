"""A state, a bundle or a form that cannot be read: an incident and a clear page, never a 500."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from app.core.clock import now
from app.core.db import db, transaction
from app.engine import definitions
from app.engine.models import Incident, ProcessInstance, SpecBundle, WorkItem
from tests.app.inbox.conftest import Desk
from tests.builders.declarations import a_declaration

Enter = Callable[..., Any]
UNKNOWN_CHOICES = """
title: 审核
sections:
  - id: a
    title: 甲
    fields:
      - {name: x, label: 乙, type: select, choices_from: nowhere}
"""
PASS = {"decision": "pass", "opinion": "同意"}


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundles are read anew, as after a restart."""
    monkeypatch.setattr(definitions, "_bundles", {})


def tear(table: Any, **values: Any) -> None:
    with transaction():
        db.session.execute(sa.update(table).values(**values))
    definitions._bundles.clear()


def messages() -> list[str]:
    with transaction(write=False):
        return list(db.session.scalars(sa.select(Incident.message).order_by(Incident.id)))


def numbers() -> tuple[int, int]:
    """The instance, and its version."""
    with transaction(write=False):
        found = db.session.scalars(sa.select(ProcessInstance)).one()
        return found.id, found.version_id


def test_a_torn_state_leaves_every_page_readable(
    browser: Any, desk: Desk, client_for: Enter
) -> None:
    tear(ProcessInstance, state=b"torn")
    clerk = client_for(desk.clerk)
    for url in ("/tasks", desk.url, "/home"):
        assert clerk.get(url).status_code == 200
    assert clerk.post(desk.url, PASS).status_code == 409
    instance, version = numbers()
    assert browser.get(f"/studio/instances/{instance}").status_code == 200
    answer = browser.post(f"/studio/instances/{instance}", {"act": "suspend", "reason": "有误"})
    assert answer.status_code == 303, "halting does not read the state"
    with transaction():
        bundle = definitions.bundle_of(db.session.get_one(ProcessInstance, instance))
        files = {name: f"{text}\n".encode() for name, text in bundle.files.items()}
        definitions.publish_version(
            "unit_binding", "", files, bundle.forms, actor_id=None, now=now()
        )
    page = browser.get(f"/studio/processes/{version}/migrate")
    assert (page.status_code, "流程状态无法读取" in page.text) == (200, True)


@pytest.mark.usefixtures("forgotten")
def test_a_torn_bundle_is_an_incident_and_told_on_every_page(
    browser: Any, desk: Desk, client_for: Enter
) -> None:
    tear(SpecBundle, content=b"torn")
    clerk = client_for(desk.clerk)
    assert clerk.get("/tasks").status_code == 200
    for answer in (clerk.get(desk.url), clerk.post(desk.url, PASS)):
        assert answer.status_code == 409
        assert "异常已记录，请联系流程管理员" in answer.text
    [message] = messages()
    assert "无法读取" in message
    instance, version = numbers()
    for url in ("/studio/incidents", "/studio/instances", "/studio/health", "/studio/processes"):
        assert browser.get(url).status_code == 200
    for url in (f"/studio/instances/{instance}", "/studio/incidents/1"):
        page = browser.get(url)
        assert page.status_code == 200
        assert "流程定义" in page.text
        assert "无法读取" in page.text
    page = browser.get(f"/studio/processes/{version}")
    assert (page.status_code, "无法读取" in page.text) == (404, True)


@pytest.mark.usefixtures("forgotten")
def test_a_torn_bundle_does_not_hide_a_record_from_its_applicant(
    app: Any, client_for: Enter
) -> None:
    declaration = a_declaration("vet_declaration")
    with transaction(write=False):
        person = declaration.person
    tear(SpecBundle, content=b"torn")
    page = client_for(person).get(f"/declarations/{declaration.id}")
    assert page.status_code == 200
    assert "流转日志" in page.text


@pytest.mark.parametrize(
    "text",
    [
        "title: [",
        "title: 审核\nsections: 7\n",
        UNKNOWN_CHOICES,
    ],
)
@pytest.mark.usefixtures("forgotten")
def test_a_form_that_cannot_be_built_is_an_incident(
    desk: Desk, client_for: Enter, text: str
) -> None:
    with transaction(write=False):
        item = db.session.get_one(WorkItem, desk.items[0])
        bundle = definitions.bundle_of(item.instance)
        definitions._bundles[item.instance.bundle_hash] = replace(
            bundle, forms={item.form or "": text}
        )
    clerk = client_for(desk.clerk)
    assert clerk.get("/tasks").status_code == 200
    for answer in (clerk.get(desk.url), clerk.post(desk.url, PASS)):
        assert answer.status_code == 409
        assert "异常已记录" in answer.text
    assert len(messages()) == 1


@pytest.mark.parametrize("column", ["form", "save", "page"])
def test_a_name_that_nobody_knows_is_an_incident(
    desk: Desk, client_for: Enter, column: str
) -> None:
    tear(WorkItem, **{column: "nowhere"})
    clerk = client_for(desk.clerk)
    answer = clerk.get(desk.url) if column == "page" else clerk.post(desk.url, PASS)
    assert answer.status_code == 409
    assert "nowhere" in messages()[-1]


def test_a_record_that_is_gone_is_told(browser: Any, desk: Desk, client_for: Enter) -> None:
    tear(WorkItem, business_id=999)
    tear(ProcessInstance, business_id=999)
    assert client_for(desk.clerk).get(desk.url).status_code == 409
    assert len(messages()) == 1
    assert browser.get("/studio/instances").status_code == 200
