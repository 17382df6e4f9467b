"""Uploads in parts (tus 1.0.0): what has come is never sent again, and only its owner goes on."""

import base64
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import worker
from app.accounts.models import Person
from app.core import parts, storage
from app.core.blobs import BlobStore, blob_store
from app.core.db import db, transaction
from app.core.parts import PART, PartialUpload
from app.core.storage import StoredFile
from tests.app.core.test_uploads import a_pdf, a_photo
from tests.builders.people import a_person
from tests.conftest import START, Browser

PHOTO: list[bytes] = []
JSON = {"Accept": "application/json"}


def a_large_photo() -> bytes:
    if not PHOTO:
        PHOTO.append(a_photo(2400))
        assert len(PHOTO[0]) > 2 * PART
    return PHOTO[0]


@pytest.fixture
def person(app: Flask) -> Person:
    with transaction():
        return a_person("苏晓禾", roles=[("applicant", "all", None)])


@pytest.fixture
def sender(client_for: Callable[..., Browser], person: Person) -> Browser:
    return client_for(person)


def announce(
    sender: Browser, length: int | str, name: str = "证书.jpg", url: str = "/files"
) -> Any:
    told = base64.b64encode(name.encode()).decode()
    headers = {"Upload-Length": str(length), "Upload-Metadata": f"filename {told}", **JSON}
    return sender.send("POST", url, headers=headers)


def put(sender: Browser, place: str, offset: int, content: bytes) -> Any:
    return sender.send(
        "PATCH",
        place,
        headers={"Upload-Offset": str(offset), **JSON},
        data=content,
        content_type="application/offset+octet-stream",
    )


def send_rest(sender: Browser, place: str, content: bytes) -> None:
    offset = int(sender.send("HEAD", place).headers["Upload-Offset"])
    while offset < len(content):
        answer = put(sender, place, offset, content[offset : offset + PART])
        assert answer.status_code == 204, answer.text
        offset = int(answer.headers["Upload-Offset"])


def finish(sender: Browser, place: str, url: str = "/files") -> Any:
    return sender.post(url, {"upload": place.rpartition("/")[2]}, headers=JSON)


def test_an_upload_goes_on_from_where_it_broke(sender: Browser, store: BlobStore) -> None:
    content = a_large_photo()
    begun = announce(sender, len(content), "资料\\证书.jpg")
    assert (begun.status_code, begun.headers["Tus-Resumable"]) == (201, "1.0.0")
    place = begun.location
    assert put(sender, place, 0, content[:PART]).headers["Upload-Offset"] == str(PART)
    asked = sender.send("HEAD", place)
    assert asked.headers["Upload-Offset"] == str(PART)
    assert asked.headers["Upload-Length"] == str(len(content))
    assert asked.headers["Cache-Control"] == "no-store"
    assert finish(sender, place).status_code == 409
    send_rest(sender, place, content)
    kept = finish(sender, place)
    assert (kept.status_code, kept.json["name"]) == (200, "证书.jpg")
    again = finish(sender, place)
    assert again.json == kept.json, "an answer that was lost is given again"
    with transaction(write=False):
        assert db.session.query(StoredFile).count() == 1


@pytest.mark.parametrize("offset", [0, 2 * PART, PART + 1])
def test_only_the_next_part_is_taken(sender: Browser, offset: int) -> None:
    content = a_large_photo()
    place = announce(sender, len(content)).location
    put(sender, place, 0, content[:PART])
    refused = put(sender, place, offset, content[offset : offset + PART])
    assert refused.status_code == 409
    assert sender.send("HEAD", place).headers["Upload-Offset"] == str(PART)


@pytest.mark.parametrize("size", [0, 1, PART - 1])
def test_what_came_only_in_part_does_not_count(sender: Browser, size: int) -> None:
    content = a_large_photo()
    place = announce(sender, len(content)).location
    assert put(sender, place, 0, content[:size]).status_code == 422
    assert sender.send("HEAD", place).headers["Upload-Offset"] == "0"


def test_a_part_that_is_too_long_is_refused_unread(sender: Browser) -> None:
    place = announce(sender, 3 * PART).location
    assert put(sender, place, 0, a_large_photo()[: PART + 1]).status_code == 413


@pytest.mark.parametrize(
    ("length", "status"),
    [(0, 422), ("", 422), ("-1", 422), ("1e6", 422), (31 * 2**20, 413), (10**13, 422)],
)
def test_a_length_is_judged_before_anything_is_sent(
    sender: Browser, length: int | str, status: int
) -> None:
    refused = announce(sender, length)
    assert refused.status_code == status
    assert refused.json["error"]


def test_a_name_that_cannot_be_read_is_refused(sender: Browser) -> None:
    headers = {"Upload-Length": "9", "Upload-Metadata": "filename ???", **JSON}
    assert sender.send("POST", "/files", headers=headers).status_code == 422


@pytest.mark.parametrize(
    ("content", "length", "status"),
    [
        (b"MZ" + b"\0" * (PART - 2), 2 * PART, 422),
        (b"%PDF-1.7" + b"\0" * (PART - 8), 11 * PART, 413),
    ],
    ids=["a program", "a document too large"],
)
def test_what_a_file_is_shows_with_its_first_part(
    sender: Browser, content: bytes, length: int, status: int
) -> None:
    place = announce(sender, length, "证书.jpg").location
    refused = put(sender, place, 0, content)
    assert refused.status_code == status
    assert "支持" in refused.json["error"]


def test_nobody_else_goes_on_with_it_or_learns_of_it(
    sender: Browser, client_for: Callable[..., Browser]
) -> None:
    content = a_pdf()
    place = announce(sender, len(content), "证书.pdf").location
    with transaction():
        another = a_person("卜文", roles=[("applicant", "all", None)])
    other = client_for(another)
    for stranger in (other, client_for(None)):
        wanted = 404 if stranger is other else 401
        assert stranger.send("HEAD", place, headers=JSON).status_code == wanted
        assert put(stranger, place, 0, content).status_code == wanted
        assert stranger.send("DELETE", place, headers=JSON).status_code == wanted
        assert finish(stranger, place).status_code == wanted
        assert stranger.send("PATCH", place, headers=JSON).status_code == wanted
    send_rest(sender, place, content)
    assert finish(sender, place).status_code == 200


def test_a_part_needs_the_token_of_the_page(sender: Browser) -> None:
    place = announce(sender, 9).location
    sender.forget()
    sent = sender.client.open(place, method="PATCH", headers={"Upload-Offset": "0"}, data=b"123")
    assert sent.status_code == 400


def test_what_was_given_up_is_gone(sender: Browser) -> None:
    place = announce(sender, 9).location
    assert sender.send("DELETE", place).status_code == 204
    assert sender.send("HEAD", place).status_code == 404
    assert finish(sender, place).status_code == 404


def test_only_so_many_are_under_way_at_once(
    sender: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MOST_OPEN", 2)
    places = [announce(sender, 9).location for _ in range(2)]
    refused = announce(sender, 9)
    assert (refused.status_code, "未传完" in refused.json["error"]) == (409, True)
    sender.send("DELETE", places[0])
    assert announce(sender, 9).status_code == 201


def _blobs(app: Flask) -> list[str]:
    folder = Path(app.instance_path) / "files" / "parts"
    return [path.name for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(("hours", "is_finished"), [(49, False), (2, True)])
def test_parts_are_swept(
    app: Flask, sender: Browser, at: Callable[..., None], hours: int, is_finished: bool
) -> None:
    content = a_large_photo()
    place = announce(sender, len(content)).location
    put(sender, place, 0, content[:PART])
    if is_finished:
        send_rest(sender, place, content)
        finish(sender, place)
    worker.sweep()
    assert _blobs(app), "what is under way, or has ended just now, stays"
    at(START + timedelta(hours=hours))
    worker.sweep()
    assert _blobs(app) == []
    with transaction(write=False):
        assert db.session.query(PartialUpload).count() == 0
        assert db.session.query(StoredFile).count() == int(is_finished)


def test_parts_that_the_store_lost_are_asked_for_again(sender: Browser) -> None:
    content = a_pdf()
    place = announce(sender, len(content), "证书.pdf").location
    send_rest(sender, place, content)
    blob_store().remove(f"parts/{place.rpartition('/')[2]}/0")
    lost = finish(sender, place)
    assert (lost.status_code, "重新选择" in lost.json["error"]) == (404, True)


def test_a_form_without_scripts_brings_its_file_itself(sender: Browser) -> None:
    sent = sender.post("/files", {"file": (io.BytesIO(a_pdf()), "证书.pdf")}, headers=JSON)
    assert (sent.status_code, sent.json["media_type"]) == (200, "application/pdf")
    assert sender.post("/files", {}, headers=JSON).status_code == 422


def test_the_parts_of_an_item_are_judged_by_its_slot(sender: Browser, person: Person) -> None:
    from tests.builders.portfolio import an_item, item_types

    with transaction():
        item = an_item(db.session.merge(person), "honor", files=False)
    slot = next(s for s in item_types.get("honor").slots if s.required)
    url, content = f"/portfolio/{item.id}/files/{slot.name}", a_large_photo()
    place = announce(sender, len(content), "奖状.jpg", url).location
    send_rest(sender, place, content)
    kept, again = finish(sender, place, url), finish(sender, place, url)
    assert kept.status_code == 200, kept.text
    assert again.json["id"] == kept.json["id"]
    with transaction(write=False):
        file = db.session.get_one(StoredFile, kept.json["id"])
        assert file.status == storage.LINKED
