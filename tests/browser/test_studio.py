"""The process admin's pages in a real browser: the diagram's marks, questions, progress."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Page, expect

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.engine import definitions, health, incidents
from app.engine.incidents import StepFailed
from app.engine.models import Incident, ProcessInstance
from tests.app.inbox.conftest import asked
from tests.browser.conftest import Axe
from tests.builders.declarations import golden_declaration
from tests.builders.flow import drain
from tests.builders.people import a_person, a_unit

Enter = Callable[..., Page]
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def admin(app: Flask) -> Person:
    """A process admin, and two requests to bind under way."""
    with transaction():
        unit = a_unit("云桥区青禾小学")
        asked(unit, "苏晓禾")
        asked(unit, "卜文")
        return a_person("简知微", roles=[("process_admin", "all", None)])


def first_instance() -> int:
    with transaction(write=False):
        return db.session.query(ProcessInstance.id).order_by(ProcessInstance.id).first()[0]  # type: ignore[index]


def agree(page: Page, button: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=button).click()


@pytest.mark.firefox
def test_an_incident_is_marked_in_the_diagram_and_dealt_with(
    enter: Enter, admin: Person, axe: Axe
) -> None:
    number = first_instance()
    with transaction():
        place = incidents.place_of(db.session.get_one(ProcessInstance, number))
        error = StepFailed(LookupError("范围缺失"), place, node="vet_binding")
        incidents.record(error, now())
    page = enter(admin, "/studio/incidents")
    page.get_by_role("link", name="1", exact=True).click()
    expect(page.locator(".djs-element.is-failed")).to_have_count(1)
    expect(page.locator(".now-badge.is-failed")).to_have_text("异常")
    assert axe() == []
    page.get_by_role("button", name="标为已处理").click()
    agree(page, "标为已处理")
    expect(page.get_by_role("heading", name="下一步")).to_be_visible()
    expect(page.get_by_text("请通知办理人重新提交")).to_be_visible()


APART = """(box) => {
  const place = (each) => each.getBoundingClientRect();
  const across = (a, b) => a.left < b.right && b.left < a.right;
  const meet = (a, b) => across(a, b) && a.top < b.bottom && b.top < a.bottom;
  const [badge] = [...box.querySelectorAll('.now-badge')].map(place);
  const events = ['mending_ended', 'draft_abandoned', 'unit_review_withdrawn'];
  const shapes = events.map((id) => place(box.querySelector(`[data-element-id="${id}"]`)));
  const words = ['mending_ended', 'is_given_up_to_fill_declaration', 'is_given_up'];
  const labels = words
    .map((id) => place(box.querySelector(`[data-element-id="${id}_label"] text`)));
  const pairs = labels.flatMap((a, i) => labels.slice(i + 1).map((b) => [a, b]));
  return {
    badge: shapes.some((each) => meet(badge, each)),
    labels: pairs.some(([a, b]) => meet(a, b)),
    mark: meet(...['.bjs-powered-by', '.djs-container'].map((at) => place(box.querySelector(at)))),
  };
}"""


def test_nothing_of_a_diagram_lies_upon_another(enter: Enter, admin: Person) -> None:
    with transaction():
        golden_declaration()
        of_it = db.session.query(ProcessInstance.id).filter_by(process_key="declaration")
        number = of_it.scalar()
    page = enter(admin, f"/studio/instances/{number}")
    box = page.locator("[data-diagram][data-ready]")
    # The task and the two events on its border wait; one word says so.
    expect(page.locator(".now-badge")).to_have_count(1)
    expect(page.locator(".djs-element.is-now")).to_have_count(3)
    page.get_by_role("button", name="显示全图").click()
    assert box.evaluate(APART) == {"badge": False, "labels": False, "mark": False}
    expect(page.locator(".bjs-powered-by")).to_be_visible()


GATEWAY = "exclusiveGateway"
CLEAR = """(box) => {
  const place = (each) => each.getBoundingClientRect();
  const across = (a, b) => a.left < b.right && b.left < a.right;
  const meet = (a, b) => across(a, b) && a.top < b.bottom && b.top < a.bottom;
  const badge = place(box.querySelector('.now-badge.is-failed'));
  const names = [...box.querySelectorAll('[data-element-id$="_label"] text')].map(place);
  return !names.some((each) => meet(badge, each));
}"""


def test_the_badge_of_a_gateway_leaves_the_names_readable(enter: Enter, admin: Person) -> None:
    with transaction():
        golden_declaration()
        number = db.session.query(ProcessInstance.id).filter_by(process_key="declaration").scalar()
        found = db.session.get_one(ProcessInstance, number)
        nodes = definitions.bundle_of(found).nodes
    gateways = [n.id for n in nodes if n.process == "declaration" and n.kind == GATEWAY]
    assert "is_given_up" in gateways
    for node in gateways:
        with transaction():
            db.session.execute(sa.delete(Incident))
            place = incidents.place_of(db.session.get_one(ProcessInstance, number))
            incidents.record(StepFailed(LookupError("条件"), place, node=node), now())
        page = enter(admin, f"/studio/instances/{number}")
        box = page.locator("[data-diagram][data-ready]")
        expect(page.locator(".now-badge.is-failed")).to_have_count(1)
        assert box.evaluate(CLEAR), node


def test_halting_asks_with_the_reason_and_offers_to_go_on(
    enter: Enter, admin: Person, axe: Axe
) -> None:
    page = enter(admin, f"/studio/instances/{first_instance()}")
    expect(page.locator(".now-badge")).to_have_text("办理中")
    page.get_by_role("button", name="暂停").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.locator("#reason").fill("核实举报")
    page.get_by_role("button", name="暂停").click()
    expect(page.get_by_role("dialog")).to_contain_text("核实举报")
    agree(page, "暂停")
    expect(page.get_by_role("button", name="恢复")).to_be_visible()
    expect(page.locator(".timeline")).to_contain_text("核实举报")
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    assert axe() == []


def test_the_progress_of_a_migration_is_shown_as_it_goes(
    enter: Enter, admin: Person, app: Any
) -> None:
    with transaction():
        old = definitions.current_version("unit_binding", "anhui")
        bundle = definitions.bundle_of(old)
        files = {name: f"{text}\n".encode() for name, text in bundle.files.items()}
        definitions.publish_version(
            "unit_binding", "", files, bundle.forms, actor_id=None, now=now()
        )
        source = old.id
        health.beat(now())
    page = enter(admin, f"/studio/processes/{source}/migrate")
    # Nobody is asked whether nothing is to be moved.
    go = page.get_by_role("button", name="开始迁移")
    expect(go).to_be_disabled()
    page.get_by_label(re.compile("全部在办的 2 个实例")).check()
    expect(go).to_be_enabled()
    page.get_by_label(re.compile("全部在办的 2 个实例")).uncheck()
    expect(go).to_be_disabled()
    page.get_by_label("全选").check()
    page.locator("#reason").fill("流程改版")
    page.get_by_role("button", name="开始迁移").click()
    agree(page, "开始迁移")
    expect(page.get_by_role("heading", name="正在迁移")).to_be_visible()
    drain()
    # The page asks again by itself.
    expect(page.get_by_role("heading", name="迁移完成")).to_be_visible(timeout=10_000)
    expect(page.get_by_text(re.compile("已迁移 2 个"))).to_be_visible()
    page.get_by_label("选择 实例 1").check()
    page.locator("#reason").fill("改版有误")
    page.get_by_role("button", name="撤销所选的迁移").click()
    agree(page, "撤销所选的迁移")
    expect(page.get_by_text("已撤销", exact=True)).to_be_visible()


def test_an_upload_is_drawn_with_what_is_wrong_and_with_what_it_changes(
    enter: Enter, admin: Person, axe: Axe, problems: Any
) -> None:
    with transaction(write=False):
        version = definitions.current_version("portfolio_audit", "")
        number, text = version.id, definitions.bundle_of(version).files["portfolio_audit.bpmn"]
    page = enter(admin, f"/studio/processes/{number}")

    def upload(content: str) -> None:
        files = [{"name": "x.bpmn", "mimeType": "text/xml", "buffer": content.encode()}]
        page.locator("#files").set_input_files(files)

    upload(text.replace('name="form" value="vet_item"', 'name="form" value="vet_itm"'))
    expect(page.get_by_role("heading", name="没有通过发布检查")).to_be_visible(timeout=30_000)
    expect(page.locator("[data-diagram][data-ready]")).to_have_count(1)
    expect(page.locator(".djs-element.is-faulty")).to_have_attribute("data-element-id", "vet_item")
    expect(page.locator(".now-badge.is-faulty")).to_have_text("有误")
    assert axe() == []
    problems.allow("422")
    upload(text.replace('name="due" value="5"', 'name="due" value="3"'))
    expect(page.get_by_text("已通过发布检查。")).to_be_visible(timeout=30_000)
    for words in ("办理时限", "5 个工作日", "3 个工作日"):
        expect(page.get_by_role("cell", name=words, exact=True)).to_be_visible()
    expect(page.locator(".now-badge.is-changed")).to_have_text("修改")
    assert axe() == []
