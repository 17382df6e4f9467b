"""What the people of a meeting type: kept as they type, judged in our own words."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from app.core.db import transaction
from tests.builders.flow import do, open_items
from tests.builders.people import person
from tests.builders.review import a_meeting, check_in, marks, play

Enter = Callable[..., Page]


ROOM_LEFT = """(box) => {
  const style = getComputedStyle(box), pen = document.createElement('canvas').getContext('2d');
  pen.font = style.font;
  const spinner = 18, padding = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
  return box.clientWidth - padding - spinner - pen.measureText('59.50').width;
}"""


def test_a_scheme_survives_a_look_at_another_tab(enter: Enter) -> None:
    held = a_meeting(at="set_up_meeting", cases=1)
    page = enter(person(held.clerk_id), f"/meetings/{held.id}/set-up?part=scheme")
    page.get_by_role("textbox", name="评审方案").fill("主审副审分别审阅\n全体委员投票")
    expect(page.locator("[data-save-state]")).to_contain_text("已保存")
    page.get_by_role("link", name="评分标准").click()
    expect(page.get_by_role("heading", name="新增指标")).to_be_visible()
    page.get_by_role("link", name="评审方案").click()
    box = page.get_by_role("textbox", name="评审方案")
    expect(box).to_have_value("主审副审分别审阅\n全体委员投票")
    box.fill("")
    page.get_by_role("button", name="提交方案审核").click()
    expect(page.locator("#scheme-error")).to_have_text("请填写评审方案")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_score_out_of_its_range_is_told_in_chinese_at_its_field(enter: Enter) -> None:
    held = a_meeting(at="score_case", cases=1)
    with transaction(write=False):
        case = held.meeting.cases[0]
        reviewer, case_id = case.main_reviewer_id or 0, case.id
        task = open_items(("case", case_id))[0].id
    page = enter(person(reviewer), f"/tasks/{task}")
    field = page.get_by_label("教育教学工作", exact=False).first
    told = page.locator("#scores-1-value-error")
    for wrong in ("61", "59.5"):
        field.fill(wrong)
        # Refused or not, all of it is to be read, beside the mark of what is wrong.
        assert field.evaluate(ROOM_LEFT) >= 0
        field.blur()
        expect(told).to_have_text("应为 0–60 的整数")
    field.fill("52")
    field.blur()
    expect(told).to_be_empty()
    field.fill("-1")
    page.get_by_role("button", name="提交评分").click()
    expect(told).to_have_text("应为 0–60 的整数")
    expect(page.get_by_role("dialog")).to_have_count(0)
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.get_by_role("link", name="待办任务").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("待办任务")
    assert asked == ["beforeunload"]


def test_nobody_is_asked_to_confirm_what_is_incomplete(enter: Enter) -> None:
    held = a_meeting(at="appoint_directors", cases=1)
    page = enter(person(held.clerk_id), f"/meetings/{held.id}/directors")
    page.get_by_role("button", name="确认指定").click()
    expect(page.get_by_text("请选择一名主任")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    play(held, "appoint_directors")
    play(held, "confirm_standard")
    page = enter(person(held.director_id), f"/meetings/{held.id}/leaders")
    page.get_by_role("button", name="确认指定").click()
    expect(page.get_by_text("请选择第1组组长")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    play(held, "appoint_leaders")
    with transaction(write=False):
        leader = next(group.leader_id for group in held.meeting.groups if group.cases)
    page = enter(person(leader or 0), f"/meetings/{held.id}/assign")
    page.get_by_role("button", name="提交分配").click()
    expect(page.get_by_text("请选择主审").first).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_vetoed_case_keeps_its_labels_on_a_phone(enter: Enter) -> None:
    held = a_meeting(at="score_case", cases=2)
    with transaction(write=False):
        sheet, first = marks(held.meeting, veto=True), held.meeting.cases[0].id
    do(("case", first), "score_case", {"scores": sheet, "opinion": "师德失范"})
    with transaction(write=False):
        second = ("case", held.meeting.cases[1].id)
        good = {"scores": marks(held.meeting), "opinion": "业绩突出"}
    do(second, "score_case", good)
    for node in ("confirm_by_deputy", "confirm_by_leader", "confirm_by_director"):
        play(held, node)
    check_in(held)
    for node in ("prepare_roll", "open_ballot", "close_ballot"):
        play(held, node)
    page = enter(person(held.clerk_id), f"/meetings/{held.id}/results")
    page.set_viewport_size({"width": 390, "height": 844})
    row = page.get_by_role("row").filter(has_text="未提交表决")
    expect(row.locator("td[data-label=得分]")).to_have_text("一票否决")
    expect(row.locator("td[data-label=结论]")).to_contain_text("未通过")
