"""Stored files: bytes once by content, owners by row, unlinked ones swept."""

import io
import os
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from app.core import storage
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import NotFound
from app.core.storage import StoredFile
from app.core.uploads import Policy
from tests.app.core.test_uploads import a_pdf, a_picture
from tests.builders.people import a_person
from tests.conftest import START


def staged(content: bytes, name: str = "证明.pdf") -> int:
    with transaction():
        owner = a_person()
        file = storage.stage(io.BytesIO(content), name, Policy(), owner_id=owner.id, now=now())
        return file.id


def test_equal_bytes_are_kept_once_whoever_sent_them(app: Flask) -> None:
    first, second = staged(a_pdf_once()), staged(a_pdf_once())
    with transaction(write=False):
        one, two = (db.session.get_one(StoredFile, n) for n in (first, second))
        assert one.id != two.id
        assert one.owner_id != two.owner_id
        assert storage.blob_path(one.sha256) == storage.blob_path(two.sha256)
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
        assert storage.sweep_staged(now()) == []
    at(START + timedelta(hours=49))
    with transaction():
        assert len(storage.sweep_staged(now())) == 1
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
def test_bytes_that_the_disk_lost_or_changed_are_not_given_out(app: Flask, damage: str) -> None:
    file_id = staged(a_picture(), "甲.jpg")
    with transaction(write=False):
        file = db.session.get_one(StoredFile, file_id)
        path = storage.blob_path(file.sha256)
        if damage == "lost":
            path.unlink()
        else:
            path.write_bytes(b"x")
        with pytest.raises(NotFound, match="联系管理员"):
            storage.read_bytes(file)


@pytest.mark.parametrize(
    ("name", "kept"), [("../../etc/passwd", "passwd"), ("a" * 200 + ".pdf", ".pdf"), ("", "")]
)
def test_names_are_shortened_and_have_no_folders(app: Flask, name: str, kept: str) -> None:
    short = storage.short_name(name)
    assert short
    assert len(short) <= storage.NAME_LENGTH
    assert "/" not in short
    assert short.endswith(kept)


def test_the_bytes_go_with_the_last_file_that_has_them(app: Flask) -> None:
    shared, alone = staged(a_pdf_once()), staged(a_picture(), "甲.jpg")
    kept = staged(a_pdf_once())
    with transaction():
        hashes = [db.session.get_one(StoredFile, n).sha256 for n in (shared, alone)]
        for number in (shared, alone):
            db.session.delete(db.session.get_one(StoredFile, number))
    with transaction(write=False):
        storage.sweep_bytes(hashes)
        assert storage.blob_path(hashes[1]).exists(), "somebody may be about to use them again"
        for sha256 in hashes:
            os.utime(storage.blob_path(sha256), (1, 1))
        storage.sweep_bytes(hashes)
        assert [storage.blob_path(h).exists() for h in hashes] == [True, False]
        assert storage.read_bytes(db.session.get_one(StoredFile, kept)) == a_pdf_once()
