"""The kit in a real browser: every behaviour of its scripts, under the platform's own CSP."""

import io
import json
import re
from collections.abc import Callable

import pytest
from flask import Flask
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Axe, Problems, Serve
from tests.browser.kit.app import Server, kit_app

PHONE = {"width": 390, "height": 844}
Visit = Callable[[str], None]


@pytest.fixture
def kit() -> Flask:
    return kit_app()


@pytest.fixture
def server(kit: Flask) -> Server:
    found: Server = kit.extensions["kit"]
    return found


@pytest.fixture
def visit(page: Page, kit: Flask, live_server: Serve) -> Visit:
    address = live_server(kit)

    def go(path: str) -> None:
        page.goto(address + path)

    return go


def test_ticking_rows_counts_them_and_wakes_the_bulk_buttons(page: Page, visit: Visit) -> None:
    visit("/")
    passing = page.get_by_role("button", name="批量通过")
    expect(passing).to_be_disabled()
    page.get_by_label("选择 王建国").check()
    expect(page.locator("[data-count]")).to_have_text("1")
    expect(passing).to_be_enabled()
    page.get_by_label("全选").check()
    expect(page.locator("[data-count]")).to_have_text("10")
    page.get_by_label("全选").uncheck()
    expect(passing).to_be_disabled()


def test_a_dangerous_button_asks_and_is_sent_with_its_value(
    page: Page, visit: Visit, server: Server
) -> None:
    visit("/")
    page.get_by_label("选择 张伟").check()
    page.get_by_role("button", name="批量退回").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("确定批量退回所选的申报吗？")
    expect(dialog.get_by_role("button", name="取消")).to_be_focused()
    dialog.get_by_role("button", name="取消").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="批量退回")).to_be_focused()
    assert server.posted == []

    page.get_by_role("button", name="批量退回").click()
    dialog.get_by_role("button", name="批量退回").click()
    expect(page.locator("[data-flash]")).to_contain_text("已办理 1 项")
    expect(page.locator("[data-announced]")).to_contain_text("已办理 1 项")
    assert server.posted[0]["decision"] == ["return"]
    assert server.posted[0]["id"] == ["ZC2026-1002"]


def test_the_confirmation_keeps_the_focus_inside(page: Page, visit: Visit) -> None:
    visit("/")
    page.get_by_label("选择 张伟").check()
    page.get_by_role("button", name="批量退回").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="取消")).to_be_focused()
    for _ in range(4):
        page.keyboard.press("Tab")
        expect(page.locator("header :focus, main :focus, nav :focus")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_a_field_is_saved_by_itself_and_adjusted_by_the_server(
    page: Page, visit: Visit, server: Server
) -> None:
    visit("/form")
    page.get_by_label("姓名").fill(" 王建国 ")
    expect(page.locator("[data-save-state]")).to_have_text(re.compile(r"已保存 \d\d:\d\d"))
    expect(page.get_by_label("姓名")).to_have_value("王建国")
    page.get_by_label("女").check()
    expect(page.locator("input[name=row_version]")).to_have_value("3")
    assert server.saved == [("full_name", [" 王建国 "], "1"), ("sex", ["f"], "2")]


def test_a_refused_value_shows_its_error_at_the_field(
    page: Page, visit: Visit, problems: Problems
) -> None:
    visit("/form")
    box = page.get_by_label("证件号码")
    box.fill("3301")
    expect(page.locator("#id_number-error")).to_have_text("请输入 18 位身份证号")
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[data-save-state]")).to_contain_text("有 1 项未保存")
    box.fill("33010219850612001X")
    expect(page.locator("#id_number-error")).to_be_empty()
    expect(page.locator("[data-save-state]")).to_contain_text("已保存")
    problems.allow("422")


def test_what_cannot_be_saved_stays_in_the_browser_and_is_sent_again(
    page: Page, visit: Visit, server: Server, problems: Problems
) -> None:
    server.failing = True
    visit("/form")
    page.get_by_label("姓名").fill("李秀英")
    expect(page.locator("[data-save-state]")).to_contain_text("保存失败，已暂存在本机")
    page.on("dialog", lambda dialog: dialog.accept())  # the guard against leaving
    page.reload()
    expect(page.get_by_label("姓名")).to_have_value("李秀英")
    expect(page.locator("[data-save-state]")).to_contain_text("保存失败，已暂存在本机")

    server.failing = False
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator("[data-save-state]")).to_contain_text("已保存")
    assert server.saved == [("full_name", ["李秀英"], "1")]
    assert page.evaluate("localStorage.length") == 0
    problems.allow("500")


def test_leaving_with_unsaved_changes_is_asked_about(
    page: Page, visit: Visit, server: Server, problems: Problems
) -> None:
    server.failing = True
    visit("/form")
    page.get_by_label("姓名").fill("李秀英")
    expect(page.locator("[data-save-state]")).to_contain_text("保存失败")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.get_by_role("link", name="我的已办").click()
    expect(page.get_by_role("heading", name="我的待办")).to_be_visible()
    assert asked == ["beforeunload"]
    problems.allow("500")


def test_submitting_saves_first_and_stays_when_that_fails(
    page: Page, visit: Visit, server: Server, problems: Problems
) -> None:
    server.failing = True
    visit("/form")
    page.get_by_label("姓名").fill("李秀英")
    page.get_by_role("button", name="通过").click()
    said = page.locator(".toast")
    expect(said).to_contain_text("还有内容没有保存")
    box, under = said.bounding_box(), page.get_by_role("heading", level=1).bounding_box()
    assert box is not None
    assert under is not None
    assert box["y"] + box["height"] <= under["y"], "it pushes the page down and covers nothing"
    assert server.posted == []
    problems.allow("500")


def test_an_invalid_form_leads_from_its_summary_to_the_fields(
    page: Page, visit: Visit, server: Server, problems: Problems
) -> None:
    visit("/form")
    page.get_by_role("button", name="通过").click()
    summary = page.locator("[data-error-summary]")
    expect(summary).to_be_focused()
    summary.get_by_role("link", name="证件号码").click()
    expect(page.get_by_label("证件号码")).to_be_focused()
    summary.get_by_role("link", name="工作单位").click()
    expect(page.get_by_role("combobox", name="工作单位")).to_be_focused()
    assert server.posted[0]["decision"] == ["pass"]
    problems.allow("422")


def test_a_form_is_sent_once(page: Page, visit: Visit, server: Server) -> None:
    visit("/")
    page.get_by_label("选择 张伟").check()
    stay = "document.addEventListener('submit', (event) => event.preventDefault())"
    page.evaluate(stay)  # what the form looks like while the answer has not come
    page.get_by_role("button", name="批量通过").click()
    page.get_by_role("dialog").get_by_role("button", name="批量通过").click()
    expect(page.locator("[data-bulk-button][value=pass]")).to_be_disabled()
    expect(page.locator("input[type=hidden][name=decision]")).to_have_value("pass")


def test_files_are_uploaded_at_once_and_refusals_are_explained(
    page: Page, visit: Visit, server: Server, problems: Problems
) -> None:
    visit("/form")
    field = page.locator("input[data-upload]")
    field.set_input_files([{"name": "证书.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"}])
    expect(page.locator("input[name=proof]")).to_have_value("101")
    expect(page.get_by_role("link", name="证书.pdf")).to_be_visible()
    expect(page.locator("[data-save-state]")).to_contain_text("已保存")
    assert server.saved[-1][:2] == ("proof", ["101"])

    field.set_input_files([{"name": "bad.pdf", "mimeType": "application/pdf", "buffer": b"MZ"}])
    expect(page.get_by_text("文件内容与扩展名不符")).to_be_visible()
    field.set_input_files([{"name": "a.exe", "mimeType": "application/x", "buffer": b"MZ"}])
    expect(page.get_by_text("只接受")).to_be_visible()
    big = {"name": "big.pdf", "mimeType": "application/pdf", "buffer": b"0" * (2**20 + 1)}
    field.set_input_files([big])
    expect(page.get_by_text("超过 1.0 MB 的上限")).to_be_visible()

    page.get_by_role("button", name=re.compile("移除.*证书.pdf")).click()
    page.get_by_role("dialog").get_by_role("button", name="取消").click()
    expect(page.get_by_role("button", name=re.compile("移除.*证书.pdf"))).to_be_visible()
    page.get_by_role("button", name=re.compile("移除.*证书.pdf")).click()
    page.get_by_role("dialog").get_by_role("button", name="移除").click()
    expect(page.locator("input[name=proof]")).to_have_count(0)
    expect(page.locator("input[name=row_version]")).to_have_value("3")
    assert server.saved[-1][:2] == ("proof", [""])
    problems.allow("422")


def test_an_upload_shows_its_progress_and_can_be_tried_again(
    page: Page, visit: Visit, problems: Problems
) -> None:
    visit("/form")
    field = page.locator("input[data-upload]")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/files", hold)
    field.set_input_files([{"name": "证书.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"}])
    expect(page.get_by_role("progressbar", name="证书.pdf 上传进度")).to_be_visible()
    held[0].abort()
    expect(page.get_by_text("网络不通")).to_be_visible()
    page.unroute("**/files")
    page.get_by_role("button", name="重试").click()
    expect(page.locator("input[name=proof]")).to_have_value("101")
    problems.allow("ERR_FAILED")


def test_rows_are_added_up_to_their_limit_and_saved_together(
    page: Page, visit: Visit, server: Server
) -> None:
    visit("/form")
    add = page.get_by_role("button", name="添加一行")
    page.get_by_label("毕业院校").first.fill("江东理工大学")
    expect(page.locator("[data-save-state]")).to_contain_text("已保存")
    add.click()
    expect(page.locator("#edu-1-school")).to_be_focused()
    page.locator("#edu-1-school").fill("江东大学")
    expect(page.locator("input[name=row_version]")).to_have_value("3")
    name, values, _ = server.saved[-1]
    assert name == "edu"
    assert [row["school"] for row in json.loads(values[0])] == ["江东理工大学", "江东大学"]
    add.click()
    expect(add).to_be_disabled()
    page.get_by_role("button", name=re.compile("删除.*本行")).first.click()
    expect(page.locator("[data-row]")).to_have_count(2)
    expect(page.locator(".rows-number").first).to_have_text("1")
    expect(add).to_be_enabled()


def test_a_long_list_is_searched_by_typing(page: Page, visit: Visit, server: Server) -> None:
    visit("/form")
    box = page.get_by_role("combobox", name="工作单位")
    box.click()
    box.type("农业")
    page.get_by_role("option", name="江东市农业技术推广中心").click()
    expect(page.locator("select[name=unit]")).to_have_value("u4")
    expect(page.locator("[data-save-state]")).to_contain_text("已保存")
    assert server.saved[-1][:2] == ("unit", ["u4"])
    box.type("没有这个")
    expect(page.get_by_text("没有符合的选项")).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/form", "/flow", "/missing"])
def test_a_phone_shows_pages_without_sideways_scrolling(
    page: Page, visit: Visit, path: str, problems: Problems
) -> None:
    page.set_viewport_size(PHONE)
    visit(path)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    problems.allow("404")


def test_the_menu_opens_from_the_side_on_a_phone(page: Page, visit: Visit, axe: Axe) -> None:
    page.set_viewport_size(PHONE)
    visit("/")
    menu = page.get_by_role("link", name="统计报表")
    expect(menu).to_be_hidden()
    page.get_by_role("button", name="打开菜单").click()
    expect(menu).to_be_visible()
    expect(page.locator("#side.show")).to_be_visible()
    assert axe() == []
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()


def test_the_diagram_shows_where_the_process_stands(page: Page, visit: Visit) -> None:
    visit("/flow")
    expect(page.locator("[data-diagram][data-ready]")).to_be_visible()
    expect(page.locator(".djs-element.is-done")).to_have_count(2)
    for name in ("started", "fill"):
        expect(page.locator(f'.djs-element.is-done[data-element-id="{name}"]')).to_have_count(1)
    expect(page.locator(".djs-element.is-taken")).to_have_count(2)
    expect(page.locator('.djs-element.is-now[data-element-id="vet"]')).to_have_count(1)
    expect(page.get_by_text("办理中").last).to_be_visible()
    expect(page.locator(".bjs-powered-by")).to_be_visible()
    page.get_by_role("button", name="放大").click()
    page.get_by_role("button", name="显示全图").click()


def test_an_image_opens_large_and_can_be_zoomed(page: Page, visit: Visit) -> None:
    visit("/flow")
    page.get_by_role("link", name="毕业证书.png").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("img", name="毕业证书.png")).to_be_visible()
    picture = dialog.get_by_role("img")
    expect(picture).to_have_attribute("data-scale", re.compile(r"\d"))
    fitting = picture.get_attribute("data-scale") or ""
    dialog.get_by_role("button", name="放大").click()
    expect(picture).not_to_have_attribute("data-scale", fitting)
    page.keyboard.press("-")
    expect(picture).to_have_attribute("data-scale", fitting)
    page.keyboard.press("r")
    expect(dialog.get_by_role("status")).to_contain_text("旋转 90°")
    box = picture.bounding_box()
    assert box
    assert box["height"] > box["width"], "a turned picture takes the room that it needs"
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_large_photo_fits_a_phone_whole(page: Page, visit: Visit) -> None:
    photo = io.BytesIO()
    Image.new("1", (3000, 4000)).save(photo, "PNG")
    page.set_viewport_size({"width": 390, "height": 844})
    visit("/flow")
    link = page.get_by_role("link", name="毕业证书.png")
    answer = {"content_type": "image/png", "body": photo.getvalue()}
    page.route(f"**{link.get_attribute('href')}", lambda route: route.fulfill(**answer))
    link.click()
    dialog = page.get_by_role("dialog")
    picture, stage = dialog.get_by_role("img"), dialog.locator(".preview-stage")
    shown = "box => box.scrollWidth <= box.clientWidth && box.scrollHeight <= box.clientHeight"
    for turned in (0, 90):
        expect(picture).to_have_attribute("data-scale", re.compile(r"0\.[01]"))
        assert stage.evaluate(shown), f"the whole of it, turned by {turned}"
        dialog.get_by_role("button", name="旋转").click()
    fitting = picture.get_attribute("data-scale") or ""
    dialog.get_by_role("button", name="放大").click()
    expect(picture).not_to_have_attribute("data-scale", fitting)
    dialog.get_by_role("button", name="缩小").click()
    expect(picture).to_have_attribute("data-scale", fitting)


@pytest.mark.firefox
def test_a_photo_is_cropped_to_five_by_seven_and_uploaded(
    page: Page, visit: Visit, server: Server
) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (900, 1200), (200, 210, 220)).save(picture, "JPEG")
    visit("/flow")
    photo = {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": picture.getvalue()}
    page.locator("[data-photo-input]").set_input_files([photo])
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("cropper-selection")).to_be_visible()
    dialog.get_by_role("button", name="放大").click()
    dialog.get_by_role("button", name="右转").click()
    dialog.get_by_role("button", name="使用照片").click()
    expect(page.locator("[data-photo-id]")).to_have_value("101")
    expect(page.locator("[data-photo]")).to_be_visible()
    assert server.uploads[0][0] == "image/jpeg"


def _of_one_colour(picture: Image.Image) -> bool:
    return all(high - low < 40 for low, high in picture.convert("RGB").getextrema())


@pytest.mark.parametrize("button", ["缩小", "右转"])
@pytest.mark.parametrize("size", [(1200, 800), (1000, 1400), (500, 2000)])
def test_a_cropped_photo_holds_nothing_but_the_picture(
    page: Page, visit: Visit, server: Server, size: tuple[int, int], button: str
) -> None:
    page.set_viewport_size(PHONE)
    turned = Image.Exif()
    turned[0x0112] = 6
    picture = io.BytesIO()
    Image.new("RGB", size, (60, 120, 220)).save(picture, "JPEG", exif=turned)
    visit("/flow")
    photo = {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": picture.getvalue()}
    page.locator("[data-photo-input]").set_input_files([photo])
    dialog = page.get_by_role("dialog")
    frame = dialog.locator("cropper-selection").bounding_box()
    assert frame is not None
    for _ in range(5):
        dialog.get_by_role("button", name=button).click()
    middle = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] - 300, middle[1] - 200, steps=5)
    page.mouse.up()
    shown = Image.open(io.BytesIO(dialog.locator(".crop-preview").screenshot()))
    assert _of_one_colour(shown.crop((3, 3, shown.width - 3, shown.height - 3)))
    dialog.get_by_role("button", name="使用照片").click()
    expect(page.locator("[data-photo-id]")).to_have_value("101")
    stored = Image.open(io.BytesIO(server.uploads[0][1]))
    assert abs(stored.width - 590) <= 1
    assert abs(stored.height - 826) <= 1
    assert _of_one_colour(stored)


def test_a_row_unfolds(page: Page, visit: Visit) -> None:
    visit("/flow")
    opener = page.get_by_role("button", name="展开详情")
    opener.click()
    expect(page.get_by_text("期刊与页码")).to_be_visible()
    expect(opener).to_have_attribute("aria-expanded", "true")


def test_a_filter_swaps_only_the_list(page: Page, visit: Visit) -> None:
    visit("/")
    page.get_by_label("姓名 / 申报编号").fill("张")
    with page.expect_response(re.compile("q=")):
        page.get_by_role("button", name="查询").click()
    expect(page).to_have_url(re.compile("q="))
    expect(page.locator("#list")).to_have_count(1)
    page.get_by_label("选择 王建国").check()
    expect(page.get_by_role("button", name="批量通过")).to_be_enabled()


@pytest.mark.parametrize("path", ["/", "/form", "/flow", "/missing"])
def test_axe_finds_nothing(
    page: Page, visit: Visit, axe: Axe, path: str, problems: Problems
) -> None:
    visit(path)
    if path == "/flow":
        expect(page.locator("[data-diagram][data-ready]")).to_be_visible()
    assert axe() == []
    problems.allow("404")


def test_axe_finds_nothing_in_a_form_with_errors(
    page: Page, visit: Visit, axe: Axe, problems: Problems
) -> None:
    visit("/form")
    page.get_by_role("button", name="通过").click()
    expect(page.locator("[data-error-summary]")).to_be_visible()
    assert axe() == []
    problems.allow("422")


def test_a_form_drawn_by_hand_is_complete_before_it_asks(page: Page, visit: Visit) -> None:
    visit("/")
    page.evaluate(
        """document.querySelector('main').insertAdjacentHTML('beforeend',
        '<form novalidate id="plain"><input name="reason" required aria-label="事由">' +
        '<button data-confirm="确定提交吗？">交出</button></form>')"""
    )
    page.get_by_role("button", name="交出").click()
    expect(page.get_by_label("事由")).to_be_focused()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_label("事由").fill("遗失")
    page.get_by_role("button", name="交出").click()
    expect(page.get_by_role("dialog")).to_contain_text("确定提交吗？")
