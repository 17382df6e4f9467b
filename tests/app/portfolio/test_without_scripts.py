"""An item is finished without scripts: its files go with its form, tables grow by being saved."""

import io
import re
from collections.abc import Callable
from html import unescape
from typing import Any

from app.accounts.models import Person
from app.core.db import db, transaction
from app.portfolio.models import PortfolioItem
from tests.builders import portfolio as build
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


def form_on(page: str) -> dict[str, Any]:
    """What a browser sends of the hidden inputs: attachments are listed by their ids."""
    form = re.search(r"<form [^>]*data-autosave.*?</form>", page, re.DOTALL)
    assert form
    assert 'enctype="multipart/form-data"' in form[0]
    sent: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[0]):
        sent.setdefault(name, []).append(value)
    return sent


def pressed(page: str, words: str) -> str:
    """Where the button goes that stands there only without scripts."""
    unscripted = "".join(re.findall(r"<noscript>.*?</noscript>", page, re.DOTALL))
    buttons = re.findall(r'<button[^>]*formaction="([^"]+)"[^>]*>(.*?)</button>', unscripted)
    return next(unescape(to) for to, inner in buttons if re.sub("<[^>]+>", "", inner) == words)


def chosen(name: str, content: bytes = b"") -> tuple[io.BytesIO, str]:
    return io.BytesIO(content or build.a_picture()), name


def test_a_paper_with_its_proof_is_finished_and_submitted(
    teacher: Person, client_for: Callable[..., Browser]
) -> None:
    item, browser = a_draft(teacher, "paper"), client_for(teacher)
    url, front = f"/portfolio/{item.id}", browser.get("/portfolio").text
    for folded in ("side", "portfolio-tree"):
        assert re.search(rf'<noscript><a [^>]*href="#{folded}"', front)
        assert f'id="{folded}"' in front
    assert re.search(r"<details[^>]*><summary[^>]*>[^/]*</i> 添加</summary>", front)
    page = browser.get(url).text
    typed = {**item.data, "title": "无脚本也能填完的论文"}
    cover = {"file-cover": [chosen("封面.png"), chosen("说明.txt", b"no picture")]}
    to = pressed(page, "上传封面")
    assert to.startswith(f"{url}#")
    assert f'id="{to.partition("#")[2]}"' in page
    refused = browser.post(to, {**form_on(page), **typed, **cover})
    assert refused.status_code == 422
    assert "说明.txt：" in refused.text
    assert "无脚本也能填完的论文" in refused.text
    assert held(item)["cover"] == ["封面.png"]

    files = {f"file-{slot}": chosen(f"{slot}.png") for slot in SLOTS if slot != "cover"}
    kept = browser.post(url, {**form_on(refused.text), **typed, **files})
    assert kept.location == url
    page = browser.get(url).text
    assert {slot: names for slot, names in held(item).items() if names} == {
        "cover": ["封面.png"],
        **{slot: [f"{slot}.png"] for slot in SLOTS if slot != "cover"},
    }
    second = {"file-body": chosen("body2.png", build.a_picture((1, 2, 3)))}
    sent = browser.post(url, {**form_on(page), **typed, **second, "decision": "submit"})
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
    page = browser.get(url).text
    to = pressed(page, "添加一行")
    assert to == f"{url}#courses"
    assert 'name="courses-1-' in page
    rows = {f"courses-{no}-{name}": value for no in (0, 1) for name, value in row.items()}
    data = {name: value for name, value in item.data.items() if name != "courses"}
    data["total_hours"] = "500"
    gone = re.search(r'name="remove" value="(\d+)"', page)
    assert gone
    answer = browser.post(to, {**form_on(page), **data, **rows, "remove": gone[1]})
    assert answer.location == url
    assert held(item)[slot] == []
    assert 'name="courses-2-' in browser.get(url).text
