"""The main job clicked through by its people, from an achievement to the verified certificate."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.accounts.models import Person
from app.core.db import db, transaction
from app.results.models import Publicity
from tests.builders.flow import drain
from tests.builders.golden_case import CLOSES, ITEMS, LATER, VET_PASS, VETTED
from tests.builders.portfolio import a_picture, answers_for
from tests.journeys import steps
from tests.journeys.kit import Company, a_company

Enter = Callable[..., Page]
HONOUR = "任职期表彰奖励"


class Office:
    """People who take turns at the one browser."""

    def __init__(self, enter: Enter, company: Company) -> None:
        self.enter, self.company = enter, company

    def page(self, part: str | None, path: str = "/home") -> Page:
        """Sit down as somebody, None for a visitor, at a page."""
        drain()
        if part is None:
            return self.enter(None, path)
        with transaction(write=False):
            person = db.session.get_one(Person, self.company.ids[part])
        return self.enter(person, path)

    def task(self, part: str, step: str) -> Page:
        """Open the first task of a step from the inbox."""
        page = self.page(part, "/tasks")
        page.get_by_role("row").filter(has_text=step).get_by_role("link").first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(step)
        return page

    def agree(self, part: str, step: str, button: str, opinion: str = "同意") -> None:
        """Open a task, write the opinion, press the button."""
        page = self.task(part, step)
        page.locator("[name=opinion]").fill(opinion)
        press(page, button, f"{step}：已办理")


def press(page: Page, button: str, done: str, *, within: str = "main") -> None:
    """Press a button, agree where the page asks again, and read that it was done."""
    pressed = page.locator(within).get_by_role("button", name=button, exact=True)
    asks = pressed.get_attribute("data-confirm") is not None
    pressed.click()
    if asks:
        expect(page.locator("[data-agree]")).to_be_focused()  # the dialog has come to rest
        page.locator("[data-agree]").click()
    expect(page.get_by_text(done).first).to_be_visible()


def saved(page: Page) -> None:
    expect(page.locator("[data-save-state]").first).to_contain_text("已保存")


def picture(shade: int) -> dict[str, Any]:
    content = a_picture((shade, 9, 9))
    return {"name": f"扫描件{shade}.png", "mimeType": "image/png", "buffer": content}


@pytest.fixture
def office(page: Page, enter: Enter, client_for: Callable[..., Any]) -> Office:
    """The people of 淮城 at a browser."""
    return Office(enter, a_company(client_for))


def enter_honour(office: Office, folder: Path) -> int:
    """An achievement typed, with its scan, submitted, and passed by the unit's clerk; its id."""
    page = office.page("teacher", "/portfolio/new/honor")
    page.get_by_role("button", name="开始填写").click()
    expect(page).to_have_url(re.compile(r"/portfolio/\d+$"))
    item_id = int(page.url.rsplit("/", 1)[-1])
    for name, value in answers_for(*ITEMS[HONOUR][:1], **ITEMS[HONOUR][1]).items():
        control = page.locator(f"[name={name}]")
        if control.evaluate("e => e.tagName") == "SELECT":
            control.select_option(str(value))
        else:
            control.fill(str(value))
    saved(page)
    scan = folder / "荣誉证书.png"
    scan.write_bytes(a_picture((3, 200, 3)))
    page.locator("input[data-upload], input[type=file]").first.set_input_files(scan)
    expect(page.get_by_role("link", name="荣誉证书.png")).to_be_visible()
    press(page, "提交审核", "已提交审核")
    page = office.task("unit_clerk", "业绩审核")
    expect(page.get_by_text("区优秀教师").first).to_be_visible()
    page.locator("[name=opinion]").fill("与原件一致")
    press(page, "通过", "业绩审核：已办理")
    return item_id


def enter_others(company: Company) -> dict[str, int]:
    """The other achievements, which are not the point here."""
    teacher, clerk = company["teacher"], company["unit_clerk"]
    rows = {into: row for into, row in {**ITEMS, **LATER}.items() if into != HONOUR}
    items = {into: teacher.enter_item(*row) for into, row in rows.items()}
    while waiting := clerk.tasks("业绩审核"):
        clerk.send("/tasks/batch", {"id": waiting, "decision": "pass", "opinion": "属实"})
    return items


def begin(office: Office) -> str:
    """Choose the specialty, pledge; the declaration's address."""
    page = office.page("teacher", "/plans")
    page.get_by_role("link", name="2026年度淮城市中小学教师系列高级职称评审").first.click()
    page.get_by_role("link", name="马上申报").first.click()
    page.locator("#specialty_id-ts-control").click()
    page.locator("#specialty_id-ts-control").fill("小学数学")
    expect(page.get_by_role("option")).to_have_count(1)  # the list follows the typing
    page.get_by_role("option", name="小学数学").click()
    expect(page.get_by_text("中小学教师-小学数学-高级教师")).to_be_visible()
    page.get_by_label("确认无误").check()
    page.get_by_role("button", name="提交").click()
    page.get_by_label("我已阅读并承诺").check()
    page.get_by_role("button", name="同意并继续").click()
    expect(page.get_by_role("heading", name="个人信息")).to_be_visible()
    found = re.search(r"/declarations/\d+", page.url)
    assert found
    return found[0]


def fill_and_submit(office: Office, address: str) -> None:
    """Autosave, the check that fails, imports, a result, an attachment, the check that passes."""
    page = office.page("teacher", f"{address}/fill/basics")
    page.get_by_label("工资级别").fill("专技七级")
    saved(page)
    page.reload()
    expect(page.get_by_label("工资级别")).to_have_value("专技七级")
    page.goto(page.url.replace("basics", "submit"))
    page.get_by_role("link", name="开始检测").click()
    expect(page.locator("[data-check] tr.table-danger")).to_have_count(2)
    expect(page.get_by_role("button", name="提交审核")).to_be_disabled()
    page.get_by_role("link", name=re.compile(r"去修改\s*年度考核情况")).click()
    page.get_by_label("的考核结果").select_option("合格")
    saved(page)
    page.goto(page.url.split("?")[0].replace("assessment", "merits"))
    for into in LATER:
        page.get_by_role("button", name=re.compile(rf"导入\s*{into}")).click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("row").nth(1).get_by_role("checkbox").check()
        dialog.get_by_role("button", name="保存").click()
        expect(page.get_by_text("已导入 1 条").first).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)
    page.goto(page.url.split("#")[0].replace("merits", "files"))
    slot = page.locator("section", has=page.get_by_role("heading", name="其他相关附件"))
    slot.locator("input[type=file]").set_input_files(picture(77))
    expect(slot.get_by_role("link", name="扫描件77.png")).to_be_visible()
    page.goto(page.url.split("#")[0].replace("files", "submit"))
    page.get_by_role("link", name="开始检测").click()
    expect(page.get_by_text("全部检测通过，可以提交")).to_be_visible()
    press(page, "提交审核", "尚未查看，可以撤回")


def approve(office: Office, address: str) -> None:
    """Seven officers, one after another."""
    page = office.task("unit_clerk", "审核申报材料")
    expect(page.get_by_text("专技七级").first).to_be_visible()
    for name in ("publicity_from", "publicity_to", "recommendation", "quota_note", "opinion"):
        page.locator(f"[name={name}]").fill(VET_PASS[name])
    page.locator("[name=uses_post][value=yes]").check()
    press(page, "通过并推荐", "审核申报材料：已办理")
    office.agree("unit_leader", "单位领导审定", "同意推荐")
    for where in ("district", "city"):
        office.agree(f"{where}_clerk", "复核上报材料", "同意上报")
        office.agree(f"{where}_leader", "上级领导审定", "同意上报")
    office.agree("organiser", "受理申报材料", "受理")
    page = office.page("teacher", address)
    expect(page.get_by_text("已受理").first).to_be_visible()


def prepare_review(office: Office) -> str:
    """The scheme up and approved, director, standard, leader and reviewers; the meeting."""
    meeting = steps.set_up_meeting(office.company)
    page = office.page("meeting_clerk", f"{meeting}/set-up?part=scheme")
    page.get_by_role("textbox", name="评审方案").fill("主审副审分别审阅，全体委员无记名投票。")
    press(page, "提交方案审核", "评审方案已提交审核")
    office.agree("organiser_leader", "方案审核", "审核通过")
    page = office.page("meeting_clerk", f"{meeting}/directors")
    page.get_by_label("专家01任主任", exact=True).check()
    page.get_by_label("专家05任副主任").check()
    press(page, "确认指定", "主任、副主任已指定")
    office.agree("expert1", "确认评分标准", "确认标准")
    page = office.page("expert1", f"{meeting}/leaders")
    page.get_by_role("radio", name="专家02").check()
    press(page, "确认指定", "组长已指定")
    page = office.page("expert2", f"{meeting}/assign")
    for name, expert in (("主审", "专家03"), ("副审", "专家04")):
        chooser = page.get_by_label(f"苏晓禾的{name}")
        value = chooser.locator("option", has_text=expert).get_attribute("value")
        chooser.select_option(value)
    press(page, "提交分配", "分配已提交")
    return meeting


def score(office: Office) -> None:
    """The main reviewer scores; deputy, leader and director confirm."""
    page = office.task("expert3", "主审打分")
    sheet = page.locator("[data-score-sheet]")
    for label, value in (("教育教学工作", "52"), ("教研科研", "34")):
        sheet.get_by_label(label).first.fill(value)
    expect(page.locator("[data-score-total]")).to_have_text("86")
    # Nobody's conduct is found good by default.
    verdict = sheet.get_by_label("师德与育人").first
    expect(verdict).to_have_value("")
    verdict.select_option("合格")
    page.get_by_label("主审评议意见").fill("教学实绩突出，示范作用明显。")
    press(page, "提交评分", "主审打分：已办理")
    office.agree("expert4", "副审确认", "确认评分")
    office.agree("expert2", "组长确认", "确认评分")
    office.agree("expert1", "主任确认", "确认评分")


def vote(office: Office, meeting: str) -> None:
    """Check-in, roll, three keys, the ballot, the close by two of them, the announcement."""
    page = office.page("meeting_clerk", f"{meeting}/roll")
    page.get_by_role("button", name="全部签到").click()
    expect(page.get_by_text("签到人数已达到法定人数")).to_be_visible()
    press(page, "生成票源", "票源已生成")
    codes = {
        part: take_key(office, part, meeting)
        for part in ("meeting_clerk", "expert1", "supervisor")
    }
    office.agree("expert1", "发起投票", "发起投票")
    for number in range(1, 6):
        page = office.page(f"expert{number}", f"{meeting}/ballot")
        word = "反对" if number == 4 else "同意"
        page.get_by_role("radiogroup", name="苏晓禾").get_by_label(word, exact=True).check()
        press(page, "提交选票", "选票已投入票箱")
    page = office.page("meeting_clerk", f"{meeting}/close")
    for part, post in (("meeting_clerk", "会议经办人"), ("supervisor", "监督员")):
        page.get_by_label(f"{post}的密钥码").fill(codes[part])
    press(page, "关闭投票并计票", "投票已关闭，计票完成")
    office.agree("expert1", "投票结果确认", "确认并宣布结果", "经无记名投票，计票无误。")


def take_key(office: Office, part: str, meeting: str) -> str:
    page = office.page(part, f"{meeting}/key")
    page.get_by_role("button", name="领取密钥码").click()
    expect(page.locator("[data-code]")).to_be_visible()
    return page.locator("[data-code]").inner_text().strip()


def publicise_and_issue(office: Office) -> None:
    """The public reads the list, the leader confirms it, it goes up, the issuer issues."""
    page = office.page(None, "/")
    page.get_by_role("link", name="评审结果公示").first.click()
    expect(page.get_by_role("cell", name="苏晓禾")).to_be_visible()
    expect(page.get_by_role("button", name="提交异议")).to_be_visible()
    with transaction(write=False):
        ends = db.session.scalars(select(Publicity.ends_at)).one()
    office.company.at(ends + timedelta(hours=9))
    office.agree("organiser_leader", "公示结果确认", "确认公示结果", "无异议")
    office.agree("meeting_clerk", "上报评审结果", "上报评审结果", "公示期间未收到异议")
    page = office.task("issuer", "评审结果审核")
    page.get_by_label("批准文号").fill("人社函〔2026〕18号")
    press(page, "审核通过", "评审结果审核：已办理")
    office.agree("issuer", "发证", "同意发证")


def verify(office: Office) -> None:
    """The teacher reads the certificate; a visitor verifies it by name and number."""
    page = office.page("teacher", "/certificates")
    page.get_by_role("row", name="高级教师").get_by_role("link", name="查看").click()
    expect(page.get_by_role("link", name="下载电子证书")).to_be_visible()
    (number,) = steps.numbers()
    expect(page.get_by_text(number).first).to_be_visible()
    page = office.page(None, "/verify")
    page.get_by_label("姓名").fill("苏晓禾")
    page.get_by_label("证书编号").fill(number)
    page.get_by_role("button", name="查询").click()
    expect(page.get_by_role("heading", name="证书核验")).to_be_visible()
    expect(page.get_by_text("平台记录中本证书有效")).to_be_visible()
    expect(page.get_by_role("img")).to_have_js_property("complete", value=True)


@pytest.mark.long
def test_the_main_job_is_clicked_by_its_people(office: Office, tmp_path: Path) -> None:
    honour = enter_honour(office, tmp_path)
    items = {HONOUR: honour, **enter_others(office.company)}
    address = begin(office)
    steps.fill(office.company, address, items)
    fill_and_submit(office, address)
    office.company.at(VETTED)
    approve(office, address)
    office.company.at(CLOSES + timedelta(days=6))
    meeting = prepare_review(office)
    score(office)
    office.company.at(steps.MEETS)
    vote(office, meeting)
    publicise_and_issue(office)
    verify(office)
