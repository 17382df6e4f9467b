"""An item is finished without scripts: its files go with its form, tables grow by being saved."""

import re
from collections.abc import Callable

from app.accounts.models import Person
from app.core.db import db, transaction
from app.portfolio.models import PortfolioItem
from tests.builders import portfolio as build
from tests.builders.unscripted import chosen, form_on
from tests.conftest import Browser

SLOTS = [slot.name for slot in build.item_types.get("paper").slots if slot.required]


def a_draft(person: Person, type_key: str) -> PortfolioItem:
    with transaction():
        return build.an_item(db.session.merge(person), type_key, files=False)


def held(item: PortfolioItem) -> dict[str, list[str]]:
    with transaction(write=False):
        found = db.session.get_one(PortfolioItem, item.id)
        return {
            slot.name: [file.name for file in found.files if file.slot == slot.name]
            for slot in build.item_types.get(found.type_key).slots
        }


def test_a_paper_with_its_proof_is_finished_and_submitted(
    teacher: Person, client_for: Callable[..., Browser]
) -> None:
    item, browser = a_draft(teacher, "paper"), client_for(teacher)
    url, front = f"/portfolio/{item.id}", browser.get("/portfolio").text
    for folded in ("side", "portfolio-tree"):
        assert re.search(rf'<noscript><a [^>]*href="#{folded}"', front)
        assert f'id="{folded}"' in front
    assert re.search(r"<details[^>]*><summary[^>]*>[^/]*</i> 新增业绩</summary>", front)
    form = form_on(browser, url, "title")
    cover = [chosen("封面.png"), chosen("说明.txt", b"no picture")]
    typed = {"title": "无脚本也能填完的论文", "file-cover": cover}
    refused = form.press("上传封面", browser, **typed)
    assert refused.status_code == 422
    assert "说明.txt：" in refused.text
    assert held(item)["cover"] == ["封面.png"]

    # What came with a refused form is there, and is not asked for again.
    came = {"file-body": chosen("body.png"), "file-contents": chosen("x.exe", b"MZ")}
    form = form_on(browser, url, "title", refused)
    refused = form.to(browser, came, position="甲", decision="submit")
    assert held(item)["body"] == ["body.png"]
    asked = set(re.findall("请上传[^<]+", refused.text))
    assert ("请上传正文" in asked, "请上传主办单位页（版权页）" in asked) == (False, True)
    assert all(words in refused.text for words in ("x.exe：", 'value="甲"'))

    files = {f"file-{slot}": chosen(f"{slot}.png") for slot in SLOTS[1:3]}
    form = form_on(browser, url, "title", refused)
    assert form.values["title"] == ["无脚本也能填完的论文"]
    assert form.to(browser, files, position="1").location == url
    assert {slot: names for slot, names in held(item).items() if names} == {
        "cover": ["封面.png"],
        **{slot: [f"{slot}.png"] for slot in SLOTS if slot != "cover"},
    }
    second = {"file-body": chosen("body2.png", build.a_picture((1, 2, 3)))}
    sent = form_on(browser, url, "title").to(browser, second, decision="submit")
    assert sent.location == "/portfolio"
    assert held(item)["body"] == ["body.png", "body2.png"]
    assert "待审核" in browser.get("/portfolio").text


def test_an_attachment_is_taken_out_and_a_table_grows(
    teacher: Person, client_for: Callable[..., Browser]
) -> None:
    item, browser = a_draft(teacher, "teaching_university"), client_for(teacher)
    with transaction():
        found = db.session.get_one(PortfolioItem, item.id)
        slot = build.item_types.get(found.type_key).slots[0].name
        build.attach(found, slot, "旧.png")
        [row] = found.data["courses"][:1]
        found.data = {**found.data, "courses": [row]}
    url = f"/portfolio/{item.id}"
    form = form_on(browser, url, "total_hours")
    assert form.press("移除旧.png", browser, total_hours="500").location == url
    assert held(item)[slot] == []
    form = form_on(browser, url, "total_hours")
    assert form.values["total_hours"] == ["500"]
    second = {f"courses-1-{name}": value for name, value in row.items()}
    assert set(second) <= set(form.values)
    assert form.press("添加一行", browser, **second).location == url
    assert 'name="courses-2-' in browser.get(url).text
