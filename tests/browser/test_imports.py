"""A list of people in a browser: sent as it is chosen, looked at, confirmed, reported."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from playwright.sync_api import Page, expect

from app.core.db import db, transaction
from app.units.models import Employment
from app.units.people_import import COLUMNS
from app.worker import take_in
from tests.browser.conftest import Problems
from tests.builders.people import a_person, a_unit, an_id_number
from tests.builders.sheets import a_book, read_book

Enter = Callable[..., Page]
HEADS = [column.label for column in COLUMNS]


def chosen(page: Any, name: str, content: bytes) -> None:
    page.set_input_files("#file", {"name": name, "mimeType": "", "buffer": content})


def refuses(page: Any) -> None:
    """Choose a wrong file twice, leave the refusal by a link, come back, and choose it again."""
    for then in (stays, leaves, None):
        chosen(page, "别的.xlsx", a_book(["姓名", "电话"], ["林", "1"]))
        is_refused(page)
        if then is not None:
            then(page)


def is_refused(page: Any) -> None:
    expect(page.locator("[data-error-summary]")).to_contain_text("缺少列：居民身份证号码")


def leaves(page: Any) -> None:
    page.locator(".crumbs").get_by_role("link", name="批量导入").click()
    comes_back(page)


def stays(page: Any) -> None:
    """Whoever opens a tab, takes a file and reloads has left nothing: the same is sent again."""
    with page.context.expect_page() as beside:
        page.locator(".crumbs").get_by_role("link", name="批量导入").click(
            modifiers=["ControlOrMeta"]
        )
    beside.value.close()
    with page.expect_download():
        page.get_by_role("link", name="下载模板").click()
    page.reload()
    # The browser's driver cannot hand the file in again: it comes empty.
    expect(page.locator("[data-error-summary]")).to_be_visible()


def comes_back(page: Any) -> None:
    """Behind what followed on a refusal lies the empty form, not an error of the browser's."""
    page.go_back()
    expect(page.locator("#file")).to_be_visible()
    expect(page.locator("[data-error-summary]")).to_have_count(0)


def confirm(page: Any) -> None:
    page.get_by_role("button", name="确认导入").click()
    page.get_by_role("dialog").get_by_role("button", name="确认导入").click()


def downloaded(page: Any, button: Any) -> dict[str, Any]:
    with page.expect_download() as got:
        button.click()
    return read_book(got.value.path().read_bytes())


def takes_codes_twice(page: Any) -> None:
    """A file leaves the page standing: its button can be pressed again, and asks again."""
    name = "生成并下载激活码清单"
    for _ in range(2):
        page.get_by_role("button", name=name).click()
        sure = page.get_by_role("dialog").get_by_role("button", name=name)
        assert [row[0] for row in downloaded(page, sure)["激活码"]] == ["姓名", "林晓禾"]


def test_a_list_is_sent_looked_at_confirmed_and_reported(
    app: Flask, enter: Enter, problems: Problems
) -> None:
    with transaction():
        unit = a_unit("青禾小学")
        admin = a_person("敖正言", roles=[("unit_admin", "org", unit.id)])
    page: Any = enter(admin, "/imports")
    page.get_by_role("link", name="上传文件").click()
    refuses(page)
    number = an_id_number()
    chosen(page, "名单.xlsx", a_book(HEADS, ["林晓禾", number], ["邱明", "123"]))
    expect(page.get_by_text("正在核对 2 行")).to_be_visible()
    comes_back(page)
    page.go_forward()
    take_in()
    # The page looks after itself until the list is checked.
    expect(page.get_by_role("heading", name="逐行核对结果")).to_be_visible()
    expect(page.get_by_text("证件号码有误，请核对")).to_be_visible()
    expect(page.get_by_text(number)).to_have_count(0)
    # Nobody is asked to confirm what would be sent back at once.
    page.get_by_role("button", name="确认导入").click()
    expect(page.get_by_text("请勾选有误的 1 行不导入")).to_be_visible()
    page.get_by_label("有误的 1 行不导入").check()
    confirm(page)
    expect(page.get_by_text("正在写入")).to_be_visible()
    take_in()
    expect(page.get_by_role("heading", name="对账报告")).to_be_visible()
    book = downloaded(page, page.get_by_role("link", name="下载报告"))
    assert book["对账"][-1] == ("合计", 1, 0, 0, 1, 2)
    takes_codes_twice(page)
    with transaction(write=False):
        assert db.session.query(Employment).one().unit_id == unit.id
    problems.allow("422")
