"""Attachments in the browser: broken connections, several at once, replaced, renamed, read."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Route, expect

from app.accounts.models import Person
from app.core.db import db, transaction
from app.portfolio.models import PortfolioItem
from tests.app.core.test_uploads import a_pdf, a_photo
from tests.builders import portfolio as build

Enter = Callable[..., Page]
SLOT = next(slot.name for slot in build.item_types.get("honor").slots if slot.required)
PART = 2**20


def a_draft(teacher: Person, *names: str) -> int:
    with transaction():
        item = build.an_item(db.session.merge(teacher), "honor", files=False)
        for name in names:
            build.attach(item, SLOT, name)
        return item.id


def held(item_id: int) -> list[str]:
    with transaction(write=False):
        db.session.expire_all()
        return [file.name for file in db.session.get_one(PortfolioItem, item_id).files]


class Line:
    """A connection that lets some parts through and then breaks."""

    def __init__(self, page: Page) -> None:
        self.room, self.offsets = 0, []  # type: int, list[int]
        page.route(re.compile("/uploads/"), self)

    def __call__(self, route: Route) -> None:
        request = route.request
        if request.method != "PATCH":
            route.continue_()
        elif self.room:
            self.room -= 1
            self.offsets.append(int(request.headers["upload-offset"]))
            route.continue_()
        else:
            route.abort()


def test_an_upload_goes_on_from_where_the_connection_broke(
    enter: Enter, teacher: Person, tmp_path: Path, problems: Any
) -> None:
    photo = tmp_path / "荣誉证书.jpg"
    photo.write_bytes(a_photo(2800))
    parts = -(-photo.stat().st_size // PART)
    assert parts >= 4
    item_id = a_draft(teacher)
    page = enter(teacher, f"/portfolio/{item_id}")
    line, place = Line(page), page.locator(f"[data-field={SLOT}]")
    chooser = place.locator("input[type=file]")
    line.room = 1
    chooser.set_input_files(photo)
    expect(place.get_by_text("正在重试")).to_be_visible()
    expect(place.get_by_role("alert")).to_contain_text("网络不通", timeout=15_000)
    line.room = 1
    place.get_by_role("button", name="重试").click()
    expect(place.get_by_text("正在重试")).to_be_visible()
    assert held(item_id) == []

    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(place.get_by_text("从中断处继续")).to_be_visible()
    line.room = parts
    chooser.set_input_files(photo)
    expect(place.get_by_role("link", name="荣誉证书.jpg")).to_be_visible(timeout=20_000)
    expect(place.get_by_text("从中断处继续")).to_have_count(0)
    assert line.offsets == [n * PART for n in range(parts)], "no part went twice"
    assert held(item_id) == ["荣誉证书.jpg"]
    page.reload()
    expect(place.get_by_role("link", name="荣誉证书.jpg")).to_be_visible()
    expect(place.get_by_text("从中断处继续")).to_have_count(0)
    problems.allow("ERR_FAILED")


def test_an_upload_can_be_given_up(
    enter: Enter, teacher: Person, tmp_path: Path, problems: Any
) -> None:
    photo = tmp_path / "荣誉证书.jpg"
    photo.write_bytes(a_photo(2000))
    page = enter(teacher, f"/portfolio/{a_draft(teacher)}")
    place = page.locator(f"[data-field={SLOT}]")
    Line(page)
    with page.expect_request(lambda request: request.method == "DELETE"):
        place.locator("input[type=file]").set_input_files(photo)
        expect(place.get_by_role("progressbar")).to_be_visible()
        expect(place.get_by_text("正在重试")).to_be_visible()
        place.get_by_role("button", name="取消").click()
    expect(place.locator("[data-file]")).to_have_count(0)
    page.reload()
    expect(place.get_by_text("从中断处继续")).to_have_count(0)
    problems.allow("ERR_FAILED")


def test_several_come_at_once_and_one_chosen_twice_comes_once(
    enter: Enter, teacher: Person, tmp_path: Path
) -> None:
    item_id = a_draft(teacher)
    page = enter(teacher, f"/portfolio/{item_id}")
    place = page.locator(f"[data-field={SLOT}]")
    scans = [tmp_path / f"证书{n}.png" for n in (1, 2, 3)]
    for n, scan in enumerate(scans):
        scan.write_bytes(build.a_picture((n, n, n)))
    place.locator("input[type=file]").set_input_files(scans)
    place.locator("input[type=file]").set_input_files(scans[0])
    expect(place.get_by_role("alert")).to_have_text("已经选择过这个文件")
    expect(place.get_by_role("link")).to_have_count(3)
    expect(page.locator("[data-save-state]")).to_contain_text("已保存")
    assert sorted(held(item_id)) == ["证书1.png", "证书2.png", "证书3.png"]


def test_a_server_that_is_too_busy_is_asked_again_by_the_page(
    enter: Enter, teacher: Person, tmp_path: Path, problems: Any
) -> None:
    item_id = a_draft(teacher)
    paper, turns = tmp_path / "证明.pdf", [True, True]
    paper.write_bytes(a_pdf() + b"\n%" + b"0" * PART)
    scan = tmp_path / "证书.png"
    scan.write_bytes(build.a_picture())
    page = enter(teacher, f"/portfolio/{item_id}")
    page.clock.install()
    place = page.locator(f"[data-field={SLOT}]")

    def busy(route: Route) -> None:
        if "upload-length" in route.request.headers or not turns:
            route.continue_()
        elif turns.pop():
            again = {"Retry-After": "5"}
            route.fulfill(status=503, json={"error": "服务器太忙"}, headers=again)

    down = re.compile(f"/portfolio/{item_id}/files/")
    page.route(down, lambda route: route.fulfill(status=503, json={"error": "附件服务不可用"}))
    place.locator("input[type=file]").set_input_files(scan)
    expect(place.get_by_text("附件服务不可用")).to_be_visible()
    page.unroute(down)
    page.route(down, busy)
    place.locator("input[type=file]").set_input_files(paper)
    expect(place.get_by_text("排队等待后自动重试（第 1 次）")).to_be_visible()
    page.clock.run_for(4000)
    expect(place.get_by_text("排队等待后自动重试（第 2 次）")).to_be_visible()
    page.clock.run_for(8000)
    expect(place.get_by_role("link")).to_have_text("证明.pdf")
    assert held(item_id) == ["证明.pdf"]
    problems.allow("503")


def test_files_chosen_together_stay_in_the_order_of_the_choice(
    enter: Enter, teacher: Person, tmp_path: Path
) -> None:
    item_id = a_draft(teacher)
    page = enter(teacher, f"/portfolio/{item_id}")
    place = page.locator(f"[data-field={SLOT}]")
    scans = [tmp_path / f"证书{n}.png" for n in (1, 2, 3)]
    for n, scan in enumerate(scans):
        scan.write_bytes(build.a_picture((n, n, n)))

    def late(route: Route) -> None:
        if route.request.method == "POST" and first:
            waiting.append(first.pop() and route)
        else:
            route.continue_()

    first, waiting = [True], []  # type: list[bool], list[Route]
    page.route(re.compile(f"/portfolio/{item_id}/files/"), late)
    place.locator("input[type=file]").set_input_files(scans)
    expect(place.get_by_role("link")).to_have_count(2)
    with page.expect_response(re.compile(f"/portfolio/{item_id}/fields")):
        waiting[0].continue_()
        expect(place.get_by_role("link")).to_have_count(3)
    expect(page.locator("[data-save-state]")).to_contain_text("已保存")
    assert held(item_id) == ["证书1.png", "证书2.png", "证书3.png"]
    page.reload()
    expect(place.get_by_role("link")).to_have_text(held(item_id))


def test_a_refused_file_uses_up_no_room(
    enter: Enter, teacher: Person, tmp_path: Path, problems: Any
) -> None:
    with transaction():
        item_id = build.an_item(db.session.merge(teacher), "paper", files=False).id
    page = enter(teacher, f"/portfolio/{item_id}")
    place = page.locator("[data-field=cover]")
    lying = tmp_path / "封面.pdf"
    lying.write_bytes(b"no document")
    good = [tmp_path / f"封面{n}.png" for n in (1, 2, 3)]
    for n, scan in enumerate(good):
        scan.write_bytes(build.a_picture((n, n, n)))
    place.locator("input[type=file]").set_input_files([lying, *good])
    expect(place.get_by_role("link")).to_have_text(["封面1.png", "封面2.png"])
    refused = place.get_by_role("alert")
    expect(refused).to_have_count(2)
    expect(refused.nth(1)).to_have_text("最多 2 个文件")
    place.locator("input[type=file]").set_input_files(good[2])
    expect(refused).to_have_count(3)
    expect(page.locator("[data-save-state]")).to_contain_text("已保存")
    assert held(item_id) == ["封面1.png", "封面2.png"]
    problems.allow("422")


def test_a_file_is_replaced_in_its_place_and_renamed_by_keyboard(
    enter: Enter, teacher: Person, axe: Callable[..., list[Any]], problems: Any
) -> None:
    item_id = a_draft(teacher, "甲.png", "乙.png")
    page = enter(teacher, f"/portfolio/{item_id}")
    place = page.locator(f"[data-field={SLOT}]")
    with page.expect_file_chooser() as chosen:
        place.get_by_role("button", name=re.compile("替换.*甲")).click()
    new = {"name": "新的.png", "mimeType": "image/png", "buffer": build.a_picture((7, 7, 7))}
    chosen.value.set_files([new])
    expect(place.get_by_role("link").first).to_have_text("新的.png")
    expect(page.locator("[data-save-state]")).to_contain_text("已保存")
    assert held(item_id) == ["新的.png", "乙.png"]

    place.get_by_role("button", name=re.compile("重命名.*乙")).press("Enter")
    name = place.get_by_label("乙.png 的新名称")
    expect(name).to_be_focused()
    name.fill("a/b")
    name.press("Enter")
    expect(place.get_by_role("alert")).to_contain_text("不能含有")
    assert axe() == []
    name.fill("获奖证书")
    name.press("Enter")
    expect(place.get_by_role("link").last).to_have_text("获奖证书.png")
    expect(place.get_by_role("button", name=re.compile("重命名.*获奖证书"))).to_be_focused()
    assert held(item_id) == ["新的.png", "获奖证书.png"]
    problems.allow("422")


def test_a_paper_is_read_in_the_dialog_where_the_browser_can_show_it(
    enter: Enter, teacher: Person
) -> None:
    from app.core import storage
    from app.core.clock import now
    from app.portfolio import attachments

    item_id = a_draft(teacher)
    with transaction():
        item, kind = db.session.get_one(PortfolioItem, item_id), "application/pdf"
        sheet = storage.keep(a_pdf(), "证书.pdf", kind, owner_id=item.person_id, now=now())
        attachments.attach_file(item, SLOT, sheet.id, actor=item.person, now=now())
    viewer = "Object.defineProperty(navigator, 'pdfViewerEnabled', {get: () => %s})"
    page = enter(teacher, "/home")
    page.add_init_script(viewer % "true")
    page.goto(page.url.replace("/home", f"/portfolio/{item_id}"))
    page.get_by_role("link", name="证书.pdf").click()
    dialog = page.get_by_role("dialog", name="证书.pdf")
    expect(dialog.locator("iframe[title='证书.pdf']")).to_have_attribute(
        "src", re.compile("/files/")
    )
    expect(dialog.get_by_role("link", name="在新窗口打开")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("link", name="证书.pdf")).to_be_focused()
    page.set_viewport_size({"width": 390, "height": 844})
    with page.expect_popup():
        page.get_by_role("link", name="证书.pdf").click()


def test_files_are_put_in_order_by_keyboard_and_another_page_takes_it_over(
    enter: Enter, teacher: Person
) -> None:
    item_id = a_draft(teacher, "甲.png", "乙.png", "丙.png")
    page, wanted = enter(teacher, f"/portfolio/{item_id}"), ["丙.png", "甲.png", "乙.png"]
    place, other = page.locator(f"[data-field={SLOT}]"), page.context.new_page()
    other.goto(page.url)
    up = place.get_by_role("button", name=re.compile("上移.*丙"))
    up.press("Enter")
    expect(up).to_be_focused()
    up.press("Enter")
    expect(place.get_by_role("button", name=re.compile("下移.*丙"))).to_be_focused()
    expect(up).to_be_hidden()
    expect(place.get_by_role("link")).to_have_text(wanted)
    expect(page.locator("[data-save-state]")).to_contain_text("已保存")
    assert held(item_id) == wanted
    other.get_by_role("textbox", name="荣誉名称").fill("市优秀教师")
    expect(other.locator(f"[data-field={SLOT}]").get_by_role("link")).to_have_text(wanted)
    expect(other.locator("[data-save-state]")).to_contain_text("已保存")
    assert held(item_id) == wanted


def test_what_was_done_with_files_and_not_saved_is_shown_again_after_a_reload(
    enter: Enter, teacher: Person, problems: Any
) -> None:
    item_id = a_draft(teacher, "甲.png", "乙.png", "丙.png")
    page = enter(teacher, f"/portfolio/{item_id}")
    place, state = page.locator(f"[data-field={SLOT}]"), page.locator("[data-save-state]")
    page.on("dialog", lambda dialog: dialog.accept())
    page.route("**/fields", lambda route: route.abort())
    place.get_by_role("button", name=re.compile("上移.*乙")).click()
    place.get_by_role("button", name=re.compile("移除.*丙")).click()
    page.get_by_role("dialog").get_by_role("button", name="移除").click()
    expect(state).to_contain_text("已暂存在本机")
    page.unroute("**/fields")
    page.reload()
    expect(place.get_by_role("link")).to_have_text(["乙.png", "甲.png"])
    expect(state).to_contain_text("已保存")
    assert held(item_id) == ["乙.png", "甲.png"]
    # What another page has changed meanwhile is not put back, and that is said.
    typed = "localStorage.setItem('autosave:%s:%s|old|%s', JSON.stringify(%s))"
    form = page.locator("form[data-autosave]")
    url, owner = form.get_attribute("data-autosave"), page.evaluate("document.body.dataset.owner")
    entry = {"name": SLOT, "values": ["1"], "known": [["2"]], "at": 1}
    page.evaluate(typed % (owner, url, SLOT, json.dumps(entry)))
    page.reload()
    expect(page.get_by_text("此前的改动没有保存，请核对附件")).to_be_visible()
    page.get_by_role("button", name="提交审核").click()
    expect(page.get_by_role("button", name="提交审核")).to_have_count(0)
    assert held(item_id) == ["乙.png", "甲.png"]
    problems.allow("ERR_FAILED")
