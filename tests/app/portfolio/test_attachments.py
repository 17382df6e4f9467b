"""Attachments of items: replaced in place, renamed, never twice, and judged before they come."""

import base64
import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.storage import StoredFile
from app.portfolio import attachments, operations, reading
from app.portfolio.models import PortfolioItem
from tests.builders import portfolio as build
from tests.builders.people import a_person, a_unit, employ
from tests.conftest import Browser

JSON = {"Accept": "application/json"}


@pytest.fixture
def owner(app: Flask) -> Person:
    with transaction():
        return a_person("苏晓禾", roles=[("applicant", "all", None)])


@pytest.fixture
def sender(client_for: Callable[..., Browser], owner: Person) -> Browser:
    return client_for(owner)


@pytest.fixture
def item_id(owner: Person) -> int:
    with transaction():
        item = build.an_item(db.session.merge(owner), "honor", files=False)
        for name in ("甲.png", "乙.png", "丙.png"):
            build.attach(item, SLOT.name, name)
        return item.id


SLOT = next(slot for slot in build.item_types.get("honor").slots if slot.required)


def held(item_id: int) -> list[tuple[str, int]]:
    with transaction(write=False):
        item = db.session.get_one(PortfolioItem, item_id)
        return [(file.name, file.file_id) for file in item.files]


def send(
    sender: Browser, item_id: int, colour: tuple[int, int, int], name: str, **query: int
) -> Any:
    sent = {"file": (io.BytesIO(build.a_picture(colour)), name)}
    url = f"/portfolio/{item_id}/files/{SLOT.name}"
    return sender.post(url, sent, headers=JSON, query_string=query)


def test_a_replaced_file_keeps_its_place(sender: Browser, item_id: int) -> None:
    former = held(item_id)[1][1]
    answer = send(sender, item_id, (9, 9, 9), "新的.png", replaces=former)
    assert answer.status_code == 200, answer.text
    files = held(item_id)
    assert [name for name, _ in files] == ["甲.png", "新的.png", "丙.png"]
    assert files[1][1] == answer.json["id"] != former
    with transaction(write=False):
        verbs = [event.tag for event in db.session.query(AuditEvent)]
    assert "portfolio:file_replaced" in verbs
    late = send(sender, item_id, (8, 8, 8), "又一.png", replaces=former)
    assert (late.status_code, "已被移除或替换" in late.json["error"]) == (409, True)


def test_a_form_keeps_the_order_of_what_was_replaced(sender: Browser, item_id: int) -> None:
    former = held(item_id)[0][1]
    send(sender, item_id, (9, 9, 9), "新的.png", replaces=former)
    fields: dict[str, Any] = {"name": SLOT.name, "value": [str(n) for _, n in held(item_id)]}
    assert sender.post(f"/portfolio/{item_id}/fields", fields, headers=JSON).json["saved"]
    assert [name for name, _ in held(item_id)] == ["新的.png", "乙.png", "丙.png"]


def test_a_file_chosen_twice_is_said_to_be_there(sender: Browser, item_id: int) -> None:
    assert send(sender, item_id, (9, 9, 9), "奖状.png").status_code == 200
    twice = send(sender, item_id, (9, 9, 9), "奖状副本.png")
    assert (twice.status_code, "与已上传的“奖状.png”内容相同" in twice.json["error"]) == (
        422,
        True,
    )
    assert len(held(item_id)) == 4


def test_a_full_slot_says_so_before_anything_is_sent(
    sender: Browser, item_id: int, owner: Person
) -> None:
    most = SLOT.policy.count
    with transaction():
        item = db.session.get_one(PortfolioItem, item_id)
        while len(item.files) < most:
            build.attach(item, SLOT.name)
    url = f"/portfolio/{item_id}/files/{SLOT.name}"
    told = {"Upload-Length": "9", "Upload-Metadata": "filename " + _wrapped("证书.png"), **JSON}
    full = sender.send("POST", url, headers=told)
    assert (full.status_code, f"最多上传 {most} 个" in full.json["error"]) == (422, True)
    number = held(item_id)[0][1]
    replaced = sender.send("POST", url, headers=told, query_string={"replaces": number})
    assert replaced.status_code == 201


@pytest.mark.parametrize("replacing", [True, False])
def test_an_upload_in_parts_that_is_named_again_is_answered_as_before(
    sender: Browser, item_id: int, *, replacing: bool
) -> None:
    """The answer was lost; what is to be replaced is gone by now, or the slot is full."""
    url, content = f"/portfolio/{item_id}/files/{SLOT.name}", build.a_picture((9, 9, 9))
    if not replacing:
        with transaction():
            item = db.session.get_one(PortfolioItem, item_id)
            while len(item.files) < SLOT.policy.count - 1:
                build.attach(item, SLOT.name)
    query = {"replaces": held(item_id)[0][1]} if replacing else {}
    told = {"Upload-Metadata": "filename " + _wrapped("证书.png"), **JSON}
    told["Upload-Length"] = str(len(content))
    place = sender.send("POST", url, headers=told, query_string=query).location
    part = {"data": content, "content_type": "application/offset+octet-stream"}
    assert sender.send("PATCH", place, headers={"Upload-Offset": "0"}, **part).status_code == 204
    named = {"upload": place.rpartition("/")[2]}
    first = sender.post(url, named, headers=JSON, query_string=query)
    assert first.status_code == 200, first.text
    here = held(item_id)
    again = sender.post(url, named, headers=JSON, query_string=query)
    assert (again.status_code, again.json) == (200, first.json)
    assert held(item_id) == here


def _wrapped(name: str) -> str:
    return base64.b64encode(name.encode()).decode()


def test_a_name_is_changed_in_place_by_the_page_and_by_a_form(
    sender: Browser, item_id: int
) -> None:
    number = held(item_id)[0][1]
    url = f"/portfolio/{item_id}/files/{SLOT.name}/{number}/name"
    assert sender.post(url, {"name": "获奖证书"}, headers=JSON).json == {"name": "获奖证书.png"}
    wrong = sender.post(url, {"name": "a/b"}, headers=JSON)
    assert (wrong.status_code, "不能含有" in wrong.json["errors"]["name"][0]) == (422, True)
    assert sender.post(url, {"name": "奖状"}).status_code == 303
    assert held(item_id)[0][0] == "奖状.png"


@pytest.mark.parametrize(
    ("name", "kept"),
    [("..\\..\\证书.png", "证书.png"), ("证" * 200 + ".png", "证" * 116 + ".png")],
)
def test_names_with_paths_and_long_names_are_kept_short(
    sender: Browser, item_id: int, name: str, kept: str
) -> None:
    assert send(sender, item_id, (9, 9, 9), name).json["name"] == kept


def test_a_file_that_lies_about_its_type_is_named_as_what_it_is(
    sender: Browser, item_id: int
) -> None:
    assert send(sender, item_id, (9, 9, 9), "证书.pdf").json["name"] == "证书.png"


def test_a_phone_may_offer_its_camera_and_its_gallery(sender: Browser, item_id: int) -> None:
    page = sender.get(f"/portfolio/{item_id}").text
    assert 'accept=".jpg,.jpeg,.png,.pdf,image/jpeg,image/png"' in page
    assert "capture" not in page, "which would leave the camera alone"


def test_what_is_under_review_takes_nothing_and_foreign_items_are_not_there(
    sender: Browser, client_for: Callable[..., Browser], item_id: int
) -> None:
    with transaction():
        stranger = a_person("卜文", roles=[("applicant", "all", None)])
    assert send(client_for(stranger), item_id, (9, 9, 9), "甲.png").status_code == 404
    url = f"/portfolio/{item_id}/files/nothing"
    assert sender.post(url, {"file": (io.BytesIO(b"x"), "甲.png")}).status_code == 404


def test_only_an_open_item_is_given_room(app: Flask, owner: Person, item_id: int) -> None:
    from app.core.errors import Conflict

    with transaction():
        item = db.session.get_one(PortfolioItem, item_id)
        item.status = "submitted"
        with db.session.no_autoflush, pytest.raises(Conflict):
            attachments.room_for(item, SLOT.name, None, actor=item.person)
        item.status = "draft"


def files_of(owner: Person) -> set[int]:
    with transaction(write=False):
        mine = db.session.query(StoredFile).filter_by(owner_id=owner.id)
        return {file.id for file in mine}


def test_what_is_taken_out_or_replaced_before_it_was_sent_is_forgotten(
    sender: Browser, item_id: int, owner: Person
) -> None:
    first, second, third = (file_id for _name, file_id in held(item_id))
    answer = send(sender, item_id, (9, 9, 9), "新的.png", replaces=second)
    with transaction():
        item = db.session.get_one(PortfolioItem, item_id)
        attachments.remove_file(item, SLOT.name, first, actor=item.person, now=now())
    assert files_of(owner) == {answer.json["id"], third}


def test_a_deleted_draft_forgets_its_files_but_not_those_of_its_copy(
    item_id: int, owner: Person
) -> None:
    first, second, third = (file_id for _name, file_id in held(item_id))
    with transaction():
        item = db.session.get_one(PortfolioItem, item_id)
        twin = operations.copy_item(item, actor=item.person, now=now())
        attachments.remove_file(twin, SLOT.name, first, actor=item.person, now=now())
        attachments.remove_file(item, SLOT.name, first, actor=item.person, now=now())
        fourth = build.attach(item, SLOT.name)
        operations.delete_item(item, actor=item.person, now=now())
    assert fourth not in files_of(owner)
    assert files_of(owner) == {second, third}


def test_attachments_of_a_slot_that_a_type_no_longer_has_are_forgotten(
    item_id: int, owner: Person
) -> None:
    with transaction():
        item = db.session.get_one(PortfolioItem, item_id)
        stray = item.files[-1].file_id
        item.files[-1].slot = "former"
        employ(item.person, a_unit())
        operations.submit_item(item, actor=item.person, now=now())
    assert stray not in files_of(owner)


def test_what_was_sent_once_is_not_forgotten(item_id: int, owner: Person) -> None:
    sent = held(item_id)[0][1]
    with transaction():
        item = db.session.get_one(PortfolioItem, item_id)
        employ(item.person, a_unit())
        operations.submit_item(item, actor=item.person, now=now())
        build.vet(item, "return", "请补充")
        attachments.remove_file(item, SLOT.name, sent, actor=item.person, now=now())
    assert sent in files_of(owner)


def test_the_order_that_their_owner_gives_attachments_is_kept_everywhere(
    sender: Browser, item_id: int, owner: Person
) -> None:
    page = sender.get(f"/portfolio/{item_id}").text
    assert page.count("data-file-up") == page.count("data-file-down") == 3
    ids, version = [number for _, number in held(item_id)], state_version(item_id)
    wanted = [ids[2], ids[0], ids[1]]
    typed = {"name": SLOT.name, "value": wanted, "row_version": version}
    assert sender.post(f"/portfolio/{item_id}/fields", typed, headers=JSON).json["saved"]
    assert [name for name, _ in held(item_id)] == ["丙.png", "甲.png", "乙.png"]
    late = {**fresh_data(item_id), SLOT.name: ids, "row_version": version}
    told = sender.post(f"/portfolio/{item_id}", late)
    assert (told.status_code, "另一页面已修改附件" in told.text) == (409, True)
    with transaction():
        item, person = db.session.get_one(PortfolioItem, item_id), db.session.merge(owner)
        assert "portfolio:files_ordered" in [event.tag for event in db.session.query(AuditEvent)]
        employ(person, a_unit())
        operations.submit_item(item, actor=person, now=now())
        assert [row["file_id"] for row in item.last_submission.files] == wanted  # type: ignore[union-attr]
        build.vet(item, "return", "请按时间先后排列")
    with transaction():
        item = db.session.get_one(PortfolioItem, item_id)
        attachments.place_files(item, SLOT.name, ids, actor=item.person, now=now())
        operations.submit_item(item, actor=item.person, now=now())
        evidence = reading.evidence_of(item)
        assert (evidence.changes, evidence.slots[0].is_reordered) == (1, True)
        build.vet(item, "pass")
    with transaction():
        item = db.session.get_one(PortfolioItem, item_id)
        assert [file.file_id for file in item.current_version.files] == ids  # type: ignore[union-attr]
        copy = operations.copy_item(item, actor=item.person, now=now())
        db.session.expire_all()
        assert [file.file_id for file in copy.files] == ids


def state_version(item_id: int) -> int:
    with transaction(write=False):
        return db.session.get_one(PortfolioItem, item_id).row_version


def fresh_data(item_id: int) -> dict[str, Any]:
    with transaction(write=False):
        return dict(db.session.get_one(PortfolioItem, item_id).data)
