from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from app.core.db import db, transaction
from app.plans import queries
from app.plans.models import Plan
from tests.builders.people import a_person, a_unit, staff
from tests.builders.plans import a_plan, a_running_plan

Enter = Callable[..., Page]


def a_setting(plan: Plan) -> tuple[int, Any]:
    """A plan's id and its organiser."""
    organiser = staff(plan.organiser_unit, "organiser")
    plan_id = plan.id
    db.session.expunge_all()
    return plan_id, organiser


def test_what_is_typed_is_saved_and_survives_a_reload(enter: Enter) -> None:
    with transaction():
        plan_id, organiser = a_setting(a_running_plan())
    page = enter(organiser, f"/plans/{plan_id}/edit")
    page.get_by_label("计划内容").fill("申报条件见通知。")
    expect(page.locator("[data-save-state]").first).to_contain_text("已保存")
    page.get_by_label("个人提交截止").fill("2026-12-02T17:30")
    page.get_by_label("组织面试（答辩）").check()
    expect(page.locator("[data-save-state]").first).to_contain_text("已保存")
    page.reload()
    expect(page.get_by_label("计划内容")).to_have_value("申报条件见通知。")
    expect(page.get_by_label("个人提交截止")).to_have_value("2026-12-02T17:30")
    expect(page.get_by_label("组织面试（答辩）")).to_be_checked()


def test_a_plan_is_submitted_once_its_faults_are_mended(enter: Enter, problems: Any) -> None:
    with transaction():
        plan_id, organiser = a_setting(a_running_plan(unit_due_on="2026-12-02"))
    page = enter(organiser, f"/plans/{plan_id}/edit")
    page.get_by_role("button", name="提交核对").click()
    page.locator("[data-agree]").click()
    expect(page.locator("[data-error-summary]")).to_contain_text("最早可填 2026-12-08")
    problems.allow("422")
    page.get_by_label("单位审核、公示、推荐截止").fill("2026-12-09")
    page.get_by_role("button", name="提交核对").click()
    page.locator("[data-agree]").click()
    expect(page.get_by_text("待核对").first).to_be_visible()
    with transaction(write=False):
        assert queries.get_plan(plan_id).status == "checking"


def test_a_specialty_is_added_and_removed(enter: Enter) -> None:
    with transaction():
        plan_id, organiser = a_setting(a_running_plan())
    page = enter(organiser, f"/plans/{plan_id}/edit")
    section = page.locator("#section-specialties")
    section.locator("select").first.select_option(label="高级教师（副高级）", force=True)
    section.get_by_label("专业名称").fill("教研、特殊教育")
    section.get_by_role("button", name="添加专业").click()
    expect(page.locator("#section-specialties")).to_contain_text("特殊教育")
    page.get_by_role("button", name="移除特殊教育").click()
    page.locator("[data-agree]").click()
    expect(page.locator("#section-specialties tbody")).not_to_contain_text("特殊教育")
    expect(page.locator("#section-specialties tbody")).to_contain_text("教研")


def test_plan_pages_are_accessible_and_fit_a_phone(enter: Enter, axe: Callable[..., Any]) -> None:
    with transaction():
        plan_id, organiser = a_setting(a_plan())
        draft_id, _ = a_setting(a_running_plan(queries.get_plan(plan_id).committee, name="草稿"))
        teacher = a_person(unit=a_unit())
        db.session.expunge_all()
    places = [
        (teacher, "/plans"),
        (teacher, f"/plans/{plan_id}"),
        (None, f"/plans/{plan_id}"),
        (organiser, "/plans/manage"),
        (organiser, f"/plans/{draft_id}/edit"),
        (organiser, "/plans/new"),
        (organiser, "/committees"),
        (organiser, "/committees/authorise"),
    ]
    for person, path in places:
        page = enter(person, path)
        assert axe() == [], path
        page.set_viewport_size({"width": 390, "height": 844})
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, path
        page.set_viewport_size({"width": 1366, "height": 768})
