"""Stored files: bytes once by content, owners by row, unlinked ones swept."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import Person
from app.core import parts, storage, sweeping
from app.core.blobs import BlobStore, place_of
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import NotFound
from app.core.storage import StoredFile
from app.core.uploads import Policy
from tests.app.core.test_uploads import a_pdf, a_picture
from tests.builders.people import a_person
from tests.builders.statements import statements_sent
from tests.conftest import START
from tests.throwaway_s3 import KEYS, free_port


def staged(content: bytes, name: str = "证明.pdf") -> int:
    with transaction():
        owner = a_person()
        file = storage.stage(io.BytesIO(content), name, Policy(), owner_id=owner.id, now=now())
        return file.id


def test_equal_bytes_are_kept_once_whoever_sent_them(store: BlobStore) -> None:
    first, second = staged(a_pdf_once()), staged(a_pdf_once())
    with transaction(write=False):
        one, two = (db.session.get_one(StoredFile, n) for n in (first, second))
        assert one.id != two.id
        assert one.owner_id != two.owner_id
        assert one.sha256 == two.sha256
        assert storage.read_bytes(two) == a_pdf_once()


CONTENT: list[bytes] = []


def a_pdf_once() -> bytes:
    if not CONTENT:
        CONTENT.append(a_pdf())
    return CONTENT[0]


def test_what_nobody_links_is_swept_after_two_days(app: Flask, at: Callable[..., None]) -> None:
    left, kept = staged(a_picture(), "甲.jpg"), staged(a_picture(), "乙.jpg")
    with transaction():
        storage.link(db.session.get_one(StoredFile, kept))
        assert sweeping.sweep_staged(now()) == []
    at(START + timedelta(hours=49))
    with transaction():
        assert len(sweeping.sweep_staged(now())) == 1
    with transaction(write=False):
        assert db.session.get(StoredFile, left) is None
        assert db.session.get(StoredFile, kept) is not None


def test_a_foreign_file_cannot_be_put_into_a_form(app: Flask) -> None:
    file_id = staged(a_picture(), "甲.jpg")
    with transaction():
        stranger = a_person("卜文")
        with pytest.raises(NotFound):
            storage.owned_file(file_id, stranger.id)
        with pytest.raises(NotFound):
            storage.owned_file(987654, stranger.id)


@pytest.mark.parametrize("damage", ["lost", "changed"])
def test_bytes_that_the_store_lost_or_changed_are_not_given_out(
    store: BlobStore, damage: str
) -> None:
    file_id = staged(a_picture(), "甲.jpg")
    with transaction(write=False):
        file = db.session.get_one(StoredFile, file_id)
        name = storage.blob_name(file.sha256)
        if damage == "lost":
            store.remove(name)
        else:
            store.put(name, io.BytesIO(b"x"), 1)
        with pytest.raises(NotFound, match="联系管理员"):
            storage.read_bytes(file)


def test_a_store_that_does_not_answer_refuses_pages_in_words_and_keeps_no_half(
    app: Flask, client_for: Any
) -> None:
    file_id = staged(a_picture(), "甲.jpg")
    with transaction(write=False):
        owner = db.session.get_one(StoredFile, file_id).owner_id
        person = db.session.get_one(Person, owner)
    browser = client_for(person)
    gone = {"S3_ENDPOINT": f"http://127.0.0.1:{free_port()}", **KEYS}
    app.config["FILES_S3"] = place_of(gone)
    page = browser.get(f"/files/{file_id}")
    assert (page.status_code, "附件服务暂时不可用" in page.text) == (503, True)
    sent = {"file": (io.BytesIO(a_picture()), "乙.jpg")}
    said = browser.post("/files", sent, headers={"Accept": "application/json"})
    assert (said.status_code, "稍后再试" in said.json["error"]) == (503, True)
    with transaction(write=False):
        assert db.session.query(StoredFile).count() == 1


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\资料\\证书.pdf", "证书.pdf"),
        ("a" * 200 + ".pdf", ".pdf"),
        ("证" * 200 + ".pdf", "证.pdf"),
        ("a" * 1000 + "." + "b" * 200, "b"),
        ("..", ""),
        ("", ""),
    ],
)
def test_names_are_shortened_and_have_no_folders(app: Flask, name: str, kept: str) -> None:
    short = storage.short_name(name)
    assert short
    assert len(short) <= storage.NAME_LENGTH
    assert "/" not in short
    assert short.endswith(kept)


def test_the_bytes_go_with_the_last_file_that_has_them(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, alone = staged(a_pdf_once()), staged(a_picture(), "甲.jpg")
    kept = staged(a_pdf_once())
    with transaction():
        hashes = [db.session.get_one(StoredFile, n).sha256 for n in (shared, alone)]
        for number in (shared, alone):
            db.session.delete(db.session.get_one(StoredFile, number))

    def are_there() -> list[bool]:
        return [store.age(storage.blob_name(each)) is not None for each in hashes]

    with transaction(write=False):
        sweeping.sweep_bytes(hashes)
        assert are_there() == [True, True], "somebody may be about to use them again"
        monkeypatch.setattr(sweeping, "BYTES_SPARED", -2)
        sweeping.sweep_bytes(hashes)
        assert are_there() == [True, False]
        assert storage.read_bytes(db.session.get_one(StoredFile, kept)) == a_pdf_once()


def test_bytes_that_no_row_has_come_to_know_are_swept(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = staged(a_pdf_once())
    with transaction(write=False):
        known = db.session.get_one(StoredFile, kept).sha256
    folder, stray = known[:2], f"{known[:2]}/{'0' * 62}"
    store.put(stray, io.BytesIO(b"x"), 1)
    hour = datetime.fromtimestamp(int(folder, 16) * 3600, UTC)
    with transaction(write=False):
        sweeping.sweep_strays(hour)
        assert store.age(stray) is not None, "an upload may be about to lay its row"
        monkeypatch.setattr(sweeping, "BYTES_SPARED", -2)
        sweeping.sweep_strays(hour + timedelta(hours=1))
        assert store.age(stray) is not None, "another folder's turn"
        sweeping.sweep_strays(hour)
        assert store.age(stray) is None
        assert storage.read_bytes(db.session.get_one(StoredFile, kept)) == a_pdf_once()


def test_bytes_that_are_written_anew_while_they_are_swept_stay(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old when the folder was listed; an upload of the same content came since."""
    stray, swept = f"ab/{'0' * 62}", f"ab/{'1' * 62}"
    store.put(stray, io.BytesIO(b"x"), 1)
    monkeypatch.setattr(type(store), "names", lambda *_: iter([(stray, 1e6), (swept, 1e6)]))
    with transaction(write=False):
        sweeping.sweep_strays(datetime.fromtimestamp(0xAB * 3600, UTC))
    assert store.age(stray) is not None
    store.remove(stray)


def test_a_store_of_another_instance_is_not_swept(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sweeping, "BYTES_SPARED", -2)
    theirs, upload = f"ab/{'0' * 62}", f"{parts.FOLDER}/key/0"
    with transaction(write=False):
        assert sweeping.store_to_sweep() is not None
    for name in (theirs, upload):
        store.put(name, io.BytesIO(b"x"), 1)
    monkeypatch.setattr(sweeping, "instance_key", lambda _name: b"another instance")
    hour = datetime.fromtimestamp(0xAB * 3600, UTC)
    with transaction(write=False):
        sweeping.sweep_strays(hour)
        sweeping.sweep_bytes(["ab" + "0" * 62])
        parts.sweep_parts()
    assert [store.age(name) is not None for name in (theirs, upload)] == [True, True]
    assert "another instance" in caplog.text
    monkeypatch.undo()
    for name in (theirs, upload):
        store.remove(name)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("证书.jpg", "证书.jpg"),
        ("证书.JPEG", "证书.JPEG"),
        ("证书.pdf", "证书.jpg"),
        ("第1.2版", "第1.2版.jpg"),
        ("证" * 200, "证" * 116 + ".jpg"),
    ],
)
def test_a_name_ends_as_its_content_does(name: str, kept: str) -> None:
    assert storage.true_name(name, "image/jpeg") == kept


def swept(hours: int) -> int:
    """Sweep at a later moment; how many files went."""
    with transaction():
        return len(sweeping.sweep_let_go(START + timedelta(hours=hours)))


def test_what_no_record_refers_to_goes_in_two_days_though_none_told_the_longest_gone_first(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [staged(a_picture(), f"{name}.jpg") for name in "甲乙丙"]
    monkeypatch.setattr(sweeping, "SWEPT", 1)

    def left() -> list[int]:
        with transaction(write=False):
            return list(db.session.scalars(select(StoredFile.id).order_by(StoredFile.id)))

    with transaction():
        person = a_person("卜文")
        for file_id in ids[:2]:
            storage.link(db.session.get_one(StoredFile, file_id))
        person.photo_file_id = ids[1]
        person_id = person.id
    assert swept(0) == 0
    with transaction():
        storage.link(db.session.get_one(StoredFile, ids[2]))
    assert (swept(1), swept(47), left()) == (0, 0, ids)
    with transaction():
        # One is taken up again, and the one that a record had is left without a word.
        db.session.get_one(Person, person_id).photo_file_id = ids[0]
    with statements_sent() as sent:
        assert (swept(49), left()) == (0, ids), "the one that is referred to again had its turn"
    taking = [each for each in sent if each.startswith("UPDATE") and "LIMIT" in each]
    assert [each.count("let_go_at <") for each in taking] == [2], "a link in between holds"
    assert (swept(50), left()) == (1, ids[:2])
    assert (swept(98), left()) == (1, ids[:1])
