"""An expert at the ballot: nothing leaves the page before it is cast, nothing comes back."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from app.core.db import db, transaction
from app.review import queries
from app.review.ballots import BallotBox
from tests.builders.flow import open_items
from tests.builders.people import person
from tests.builders.review import Held, a_meeting

Enter = Callable[..., Page]


def boxed() -> int:
    with transaction(write=False):
        return db.session.scalar(select(func.count()).select_from(BallotBox)) or 0


def on_the_ballot(enter: Enter, held: Held) -> Page:
    page = enter(person(held.member_ids[3]), "/home")
    page.get_by_role("link", name="2026年高级评审会议").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("无记名投票")
    return page


def test_an_expert_casts_a_ballot(enter: Enter, axe: Any) -> None:
    held = a_meeting(at="close_ballot", cases=4)
    page = on_the_ballot(enter, held)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    expect(page.locator("[data-ballot-count]")).to_have_text("0")
    page.get_by_role("button", name="全部同意").click()
    expect(page.locator("[data-ballot-count]")).to_have_text("4")
    page.get_by_label("选择 申报人02").check()
    page.get_by_role("button", name="批量反对").click()
    expect(page.get_by_role("radiogroup", name="申报人02").get_by_label("反对")).to_be_checked()
    expect(page.get_by_role("radiogroup", name="申报人01").get_by_label("同意")).to_be_checked()
    assert axe() == []
    assert "POST" not in sent

    page.get_by_role("button", name="提交选票").click()
    expect(page.get_by_role("dialog")).to_contain_text("不能修改")
    page.get_by_role("dialog").get_by_role("button", name="取消").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert boxed() == 0
    page.get_by_role("button", name="提交选票").click()
    page.locator("[data-agree]").click()
    expect(page.get_by_text("您的选票已投入票箱").first).to_be_visible()
    assert boxed() == 1
    page.goto(page.url + "/ballot")
    expect(page.get_by_text("您的选票已投入票箱")).to_be_visible()
    assert page.get_by_role("radio").count() == 0


def test_an_unfinished_ballot_is_not_asked_about(enter: Enter) -> None:
    held = a_meeting(at="close_ballot", cases=2)
    page = on_the_ballot(enter, held)
    page.get_by_role("radiogroup", name="申报人01").get_by_label("弃权").check()
    page.get_by_role("button", name="提交选票").click()
    expect(page.get_by_text("请选择对申报人02的表决")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_have_text("无记名投票")
    assert boxed() == 0


def test_the_total_of_a_score_sheet_grows_as_it_is_filled(enter: Enter, axe: Any) -> None:
    held = a_meeting(at="score_case", cases=1)
    with transaction(write=False):
        case = held.meeting.cases[0]
        reviewer, case_id = case.main_reviewer_id or 0, case.id
        task = open_items(("case", case_id))[0].id
    page = enter(person(reviewer), f"/tasks/{task}")
    page.get_by_label("教育教学工作", exact=False).first.fill("52")
    page.get_by_label("教研科研", exact=False).first.fill("31")
    expect(page.locator("[data-score-total]")).to_have_text("83")
    page.get_by_label("主审评议意见").fill("教学实绩突出，示范作用明显。")
    page.get_by_role("button", name="提交评分").click()
    expect(page.locator("[data-agree]")).to_have_count(0)
    page.get_by_label("师德与育人").first.select_option("合格")
    assert axe() == []
    page.get_by_role("button", name="提交评分").click()
    page.locator("[data-agree]").click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("主审打分")
    with transaction(write=False):
        assert queries.case(case_id).total_score == 83
