from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest

from app.accounts.models import Person
from app.accounts.operations import grant_role
from app.core import storage, uploads
from app.core.clock import now
from app.core.db import db, transaction
from app.plans import operations, queries
from app.plans.models import Plan
from tests.builders.declarations import a_pdf
from tests.builders.flow import drain, open_items
from tests.builders.people import a_person, a_unit, staff
from tests.builders.plans import (
    TIMES,
    a_committee,
    a_draft_plan,
    a_plan,
    a_running_plan,
    a_title,
    an_instant,
    an_organiser,
)

pytestmark = pytest.mark.usefixtures("app")
Clients = Callable[..., Any]


class Setting:
    """A plan with the people around it."""

    def __init__(self, plan: Plan) -> None:
        self.id = plan.id
        self.organiser = staff(plan.organiser_unit, "organiser")
        self.leader = staff(plan.organiser_unit, "organiser_leader")
        self.teacher = a_person(unit=a_unit())
        db.session.expunge_all()


def plan_of(setting: Setting) -> Plan:
    return queries.get_plan(setting.id)


def typed(plan: Plan) -> dict[str, Any]:
    """What the edit page posts for a plan that lacks nothing."""
    return {
        "name": plan.name,
        "year": "2026",
        "kind": "评审",
        "declaration_kinds": ["常规申报", "破格申报"],
        "quota_mode": "warn",
        "scope_text": "本市教师",
        **TIMES,
    }


def test_visitors_read_published_plans_only(client_for: Clients) -> None:
    with transaction():
        committee = a_committee()
        shown = Setting(a_plan(committee))
        hidden = a_draft_plan(queries.get_plan(shown.id).committee, name="还没发布的计划").id
    visitor = client_for()
    listing = visitor.get("/plans").text
    assert "2026年度淮城市中小学教师系列高级职称评审" in listing
    assert "还没发布的计划" not in listing
    page = visitor.get(f"/plans/{shown.id}").text
    for part in (
        "评审范围对象",
        "可评审专业",
        "小学语文",
        "行动研究报告",
        "附件要求",
        "登录后申报",
    ):
        assert part in page
    assert visitor.get(f"/plans/{hidden}").status_code == 404
    assert client_for(shown.teacher).get(f"/plans/{hidden}").status_code == 404


def test_the_organiser_previews_what_nobody_else_sees(client_for: Clients) -> None:
    with transaction():
        setting = Setting(a_draft_plan())
    for person in (setting.organiser, setting.leader):
        assert "预览：计划尚未发布" in client_for(person).get(f"/plans/{setting.id}").text


def test_plans_are_found_by_name_year_level_and_kind(client_for: Clients) -> None:
    with transaction():
        committee = a_committee()
        a_plan(committee, name="甲计划")
        a_plan(committee, name="乙计划", year=2025, kind="认定")
        db.session.expunge_all()
    visitor = client_for()
    for question in ("name=甲", "year=2026", "kind=评审"):
        page = visitor.get(f"/plans?{question}").text
        assert "甲计划" in page
        assert "乙计划" not in page
    assert "没有符合条件" in visitor.get("/plans?level=中级").text


def test_the_list_has_pages(client_for: Clients) -> None:
    with transaction():
        committee = a_committee()
        for number in range(11):
            a_plan(committee, name=f"第{number}号计划")
        db.session.expunge_all()
    assert "第 1–10 条，共 11 条" in client_for().get("/plans").text
    assert "第 11–11 条，共 11 条" in client_for().get("/plans?page=2").text


def test_the_button_is_disabled_with_its_reason(client_for: Clients, at: Any) -> None:
    with transaction():
        setting = Setting(a_plan())
    address = f"/plans/{setting.id}"
    assert "马上申报" not in client_for(setting.organiser).get(address).text
    assert f'href="{address}/declare">马上申报' in client_for(setting.teacher).get(address).text
    at(an_instant("2026-12-01 17:30:01"))
    page = client_for(setting.teacher).get(address).text
    assert "申报已于 2026-12-01 17:30 截止" in page
    assert 'disabled aria-describedby="apply-reason"' in page


def a_new_plan(browser: Any, committee_id: int) -> str:
    """The address of a plan that was just created on its page."""
    form = {"year": "2026", "kind": "评审", "committee_id": committee_id, "name": "新计划"}
    answer = browser.post("/plans/new", form)
    assert answer.status_code == 303
    return str(answer.location).removesuffix("/edit")


def add_parts(browser: Any, base: str, title_id: int) -> None:
    """Add specialties, a slot, a category and an item on their pages."""
    slot = {"name": "承诺书", "types": ["pdf"], "min_count": "1", "max_count": "2", "max_mb": "10"}
    category = {"name": "业绩条件", "min_count": "1", "count_by": "records"}
    for address, values in (
        ("specialties", {"title_id": title_id, "names": "小学语文、小学数学\n教研"}),
        ("slot/new", {**slot, "required": "true"}),
        ("category/new", category),
    ):
        assert browser.post(f"{base}/{address}", values).status_code == 303
    with transaction(write=False):
        category_id = queries.get_plan(int(base.rsplit("/", 1)[-1])).categories[0].id
    item = {"name": "论文", "min_count": "0", "max_count": "", "accepts": ["paper", "book"]}
    address = f"{base}/item/new?category={category_id}"
    assert browser.post(address, item).status_code == 303


def test_an_organiser_makes_configures_and_submits_a_plan(client_for: Clients) -> None:
    with transaction():
        committee = a_committee(an_organiser())
        organiser = staff(committee.organiser_unit, "organiser")
        committee_id, title_id = committee.id, a_title().id
        db.session.expunge_all()
    browser = client_for(organiser)
    base = a_new_plan(browser, committee_id)
    add_parts(browser, base, title_id)
    plan_id = int(base.rsplit("/", 1)[-1])
    with transaction(write=False):
        values = typed(queries.get_plan(plan_id))
    # What was typed and given up for what another page has saved is not judged.
    given_up = {"name": "", "disputed": "name", "chosen-name": "kept"}
    answer = browser.post(f"{base}/submit", {**values, **given_up})
    assert answer.status_code == 303
    page = browser.get(answer.location).text
    for part in ("待核对", "小学数学", "承诺书", "论著", "不限"):
        assert part in page
    with transaction(write=False):
        assert [item.node for item in open_items(("plan", plan_id))] == ["check_plan"]


def test_what_is_missing_is_told_at_once_and_nothing_is_lost(client_for: Clients) -> None:
    with transaction():
        committee = a_committee(an_organiser())
        organiser, committee_id = staff(committee.organiser_unit, "organiser"), committee.id
        db.session.expunge_all()
    browser = client_for(organiser)
    base = a_new_plan(browser, committee_id)
    with transaction(write=False):
        values = typed(queries.get_plan(int(base.rsplit("/", 1)[-1])))
    answer = browser.post(f"{base}/submit", {**values, "unit_due_on": "2026-12-02"})
    assert answer.status_code == 422
    for text in ("最早可填 2026-12-08", "请至少添加一个申报专业", "请至少添加一个评审标准类别"):
        assert text in answer.text
    assert "2026-12-01T17:30" in browser.get(f"{base}/edit").text


def test_the_leader_checks_the_whole_plan_in_the_inbox(client_for: Clients) -> None:
    with transaction():
        setting = Setting(a_running_plan())
    with transaction(write=False):
        values = typed(plan_of(setting))
    assert (
        client_for(setting.organiser).post(f"/plans/{setting.id}/submit", values).status_code
        == 303
    )
    with transaction(write=False):
        item = open_items(("plan", setting.id))[0].id
    browser = client_for(setting.leader)
    page = browser.get(f"/tasks/{item}").text
    for part in ("行动研究报告", "自动发布", "核对意见"):
        assert part in page
    assert browser.post(f"/tasks/{item}", {"decision": "return"}).status_code == 422
    assert browser.post(f"/tasks/{item}", {"decision": "pass"}).status_code == 303
    drain()
    with transaction(write=False):
        assert plan_of(setting).status == "open"


def test_a_field_is_saved_as_it_is_typed(client_for: Clients) -> None:
    with transaction():
        setting = Setting(a_draft_plan())
    browser = client_for(setting.organiser)
    address = f"/plans/{setting.id}/field"
    with transaction(write=False):
        version = plan_of(setting).row_version

    def save(name: str, *values: str, version: int | None = None) -> Any:
        data = {"name": name, "value": list(values)}
        return browser.post(address, data if version is None else {**data, "row_version": version})

    answer = save("closes_at", "2026-12-02T17:30", version=version)
    assert answer.json["saved"] is True
    assert save("content", "x", version=version).status_code == 409
    assert save("declaration_kinds", "常规申报").status_code == 200
    assert save("meeting_on", "").status_code == 200
    assert save("meeting_on", "2026-13-01").status_code == 422
    assert save("name", "").status_code == 422
    assert save("status", "open").status_code == 422
    with transaction(write=False):
        plan = plan_of(setting)
        assert plan.closes_at == an_instant("2026-12-02 17:30")
        assert plan.declaration_kinds == ["常规申报"]
        assert plan.meeting_on is None
        assert plan.status == "draft"


@pytest.mark.parametrize("target", ["edit", "submit"])
def test_a_page_of_a_plan_that_was_overtaken_overwrites_nothing(
    client_for: Clients, target: str
) -> None:
    with transaction():
        setting = Setting(a_draft_plan())
        plan = plan_of(setting)
        values = {**typed(plan), "row_version": plan.row_version, "has_interview": "true"}
        db.session.expunge_all()
    browser = client_for(setting.organiser)
    first = {**values, "content": "第一页写的"}
    assert browser.post(f"/plans/{setting.id}/edit", first).status_code == 303
    page = browser.post(f"/plans/{setting.id}/{target}", {**values, "content": "第二页写的"})
    assert page.status_code == 409
    assert "另一页面已保存为“第一页写的”" in page.text
    assert "第二页写的" in page.text
    assert page.text.count("另一页面已") == 1, "at the one field that differs"
    with transaction(write=False):
        assert plan_of(setting).content == "第一页写的"
        again = {**values, "content": "第二页写的", "row_version": plan_of(setting).row_version}
    asked = {**again, "disputed": "content"}
    assert browser.post(f"/plans/{setting.id}/{target}", asked).status_code == 409
    browser.post(f"/plans/{setting.id}/edit", {**asked, "chosen-content": "kept"})
    with transaction(write=False):
        assert plan_of(setting).content == "第一页写的"
        asked["row_version"] = plan_of(setting).row_version
    browser.post(f"/plans/{setting.id}/edit", {**asked, "chosen-content": "ours"})
    with transaction(write=False):
        assert plan_of(setting).content == "第二页写的"


def test_the_page_can_be_saved_without_scripts(client_for: Clients) -> None:
    with transaction():
        setting = Setting(a_draft_plan())
        values = typed(plan_of(setting))
        db.session.expunge_all()
    browser = client_for(setting.organiser)
    answer = browser.post(f"/plans/{setting.id}/edit", {**values, "has_interview": "true"})
    assert answer.status_code == 303
    assert browser.post(f"/plans/{setting.id}/edit", {**values, "year": "x"}).status_code == 422
    with transaction(write=False):
        assert plan_of(setting).has_interview


@pytest.mark.parametrize("method", ["get", "post"])
def test_only_the_own_organiser_configures(client_for: Clients, method: str) -> None:
    with transaction():
        setting = Setting(a_draft_plan())
        stranger = staff(an_organiser("江城市教育局"), "organiser")
        db.session.expunge_all()
    for person in (stranger, setting.leader, setting.teacher):
        answer = getattr(client_for(person), method)(f"/plans/{setting.id}/edit")
        assert answer.status_code == 403


def test_parts_of_another_plan_are_not_found(client_for: Clients) -> None:
    with transaction():
        plan = a_draft_plan()
        other = a_draft_plan(plan.committee, name="另一计划")
        foreign = other.slots[0].id
        setting = Setting(plan)
    browser = client_for(setting.organiser)
    assert browser.get(f"/plans/{setting.id}/slot/{foreign}").status_code == 404
    remove = f"/plans/{setting.id}/parts/slot/{foreign}/remove"
    assert browser.post(remove).status_code == 404


def test_parts_are_changed_moved_and_removed(client_for: Clients) -> None:
    with transaction():
        plan = a_draft_plan()
        first, last = plan.slots[0].id, plan.slots[-1].id
        setting = Setting(plan)
    browser = client_for(setting.organiser)
    assert "承诺书" in browser.get(f"/plans/{setting.id}/slot/{first}").text
    base = f"/plans/{setting.id}/parts/slot"
    assert browser.post(f"{base}/{last}/up").status_code == 303
    assert browser.post(f"{base}/{first}/remove").status_code == 303
    with transaction(write=False):
        names = [slot.name for slot in plan_of(setting).slots]
    assert names == ["身份证正反面", "其他相关附件", "班主任工作经历"]


def test_a_published_plan_cannot_be_changed_through_its_pages(client_for: Clients) -> None:
    with transaction():
        plan = a_plan()
        slot = plan.slots[0].id
        setting = Setting(plan)
    browser = client_for(setting.organiser)
    assert browser.get(f"/plans/{setting.id}/edit").status_code == 303
    assert browser.post(f"/plans/{setting.id}/parts/slot/{slot}/remove").status_code == 409
    data = {"name": "content", "value": "改"}
    assert browser.post(f"/plans/{setting.id}/field", data).status_code == 409


def test_the_deadline_is_extended_on_its_page(client_for: Clients) -> None:
    with transaction():
        setting = Setting(a_plan())
    browser = client_for(setting.organiser)
    address = f"/plans/{setting.id}/extension"
    assert "延长申报时间" in browser.get(address).text
    values = {"closes_at": "2026-12-04T17:30", "unit_due_on": "2026-12-09", "reason": "系统维护"}
    answer = browser.post(address, values)
    assert answer.status_code == 422
    assert "最早可填 2026-12-11" in answer.text
    assert browser.post(address, {**values, "unit_due_on": "2026-12-11"}).status_code == 303
    assert "2026-12-04 17:30" in browser.get(f"/plans/{setting.id}").text


def test_a_plan_is_copied_and_archived_on_its_page(client_for: Clients) -> None:
    with transaction():
        setting = Setting(a_plan(status="closed"))
    browser = client_for(setting.organiser)
    answer = browser.post(f"/plans/{setting.id}/copy", {"year": "2027", "name": "2027年度计划"})
    assert answer.status_code == 303
    assert "小学语文" in browser.get(answer.location).text
    again = browser.post(f"/plans/{setting.id}/copy", {"year": "2027", "name": "2027年度计划"})
    assert again.status_code == 422
    assert browser.post(f"/plans/{setting.id}/archive").status_code == 303
    assert "已归档" in browser.get("/plans/manage").text


def former_organiser(unit_id: int) -> Person:
    """Return somebody whose role at the organiser ended yesterday."""
    former = a_person("前任")
    begun, ended = now() - timedelta(days=9), now() - timedelta(days=1)
    scope = {"scope_kind": "org", "scope_id": unit_id}
    grant_role(former, "organiser", **scope, actor_id=None, now=begun, until=ended)
    return former


def test_notices_are_read_by_all_once_the_plan_is_published(client_for: Clients) -> None:
    with transaction():
        plan = a_draft_plan()
        setting = Setting(plan)
    with transaction():
        kept = {"owner_id": setting.organiser.id, "now": now()}
        pdf = uploads.MEDIA_TYPES["pdf"]
        file_id = storage.keep(b"%PDF-1.4\n%%EOF", "通知.pdf", pdf, **kept).id
        former = former_organiser(plan_of(setting).organiser_unit_id)
    browser = client_for(setting.organiser)
    odd = browser.post(f"/plans/{setting.id}/attachments", {"files": ["²"]})
    assert odd.status_code == 303
    assert "请先选择要上传的文件" in browser.get(f"/plans/{setting.id}/edit").text
    answer = browser.post(f"/plans/{setting.id}/attachments", {"files": [file_id]})
    assert answer.status_code == 303
    assert "通知.pdf" in browser.get(f"/plans/{setting.id}/edit").text
    teacher = client_for(setting.teacher)
    assert teacher.get(f"/files/{file_id}").status_code == 404
    assert client_for(setting.leader).get(f"/files/{file_id}").status_code == 200
    assert client_for(former).get(f"/files/{file_id}").status_code == 404
    with transaction():
        plan = plan_of(setting)
        operations.submit_for_check(plan, actor=setting.organiser, now=now())
        operations.check_plan(plan, "pass", "", checker=setting.leader, now=now())
        operations.publish_plan(plan, now=now())
    assert teacher.get(f"/files/{file_id}").status_code == 200


def test_managed_plans_are_those_of_ones_own_unit(client_for: Clients) -> None:
    with transaction():
        setting = Setting(a_draft_plan(name="本单位计划"))
        stranger = staff(an_organiser("江城市教育局"), "organiser")
        db.session.expunge_all()
    assert "本单位计划" in client_for(setting.leader).get("/plans/manage").text
    assert "本单位计划" not in client_for(stranger).get("/plans/manage").text
    assert client_for(setting.teacher).get("/plans/manage").status_code == 403


def test_home_pages_show_the_latest_plans(client_for: Clients) -> None:
    with transaction():
        setting = Setting(a_plan())
    assert "最新计划信息" in client_for(setting.teacher).get("/home").text
    assert "2026年度淮城市" in client_for().get("/").text


def test_a_template_is_attached_to_a_slot_in_the_editor(client_for: Clients) -> None:
    with transaction():
        plan = a_draft_plan()
        slot = plan.slots[0].id
        setting = Setting(plan)
    browser = client_for(setting.organiser)
    paper = (BytesIO(a_pdf()), "承诺书模板.pdf")
    sent = browser.post("/files?policy=plan_template", {"file": paper})
    assert sent.status_code == 200, sent.text
    page = f"/plans/{setting.id}/slot/{slot}"
    limits = {"min_count": "1", "max_count": "2", "max_mb": "10", "required": "true"}
    values = {"name": "承诺书", "types": ["pdf"], **limits, "template": sent.json["id"]}
    assert browser.post(page, values).status_code == 303
    assert "承诺书模板.pdf" in browser.get(page).text
    with transaction(write=False):
        assert plan_of(setting).slots[0].template_file_id == sent.json["id"]
