"""Files go out as they are read, whole or in part, and only what the store kept whole."""

import io
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core import storage
from app.core.blobs import blob_store
from app.core.clock import now
from app.core.db import transaction
from tests.builders.people import a_person

CONTENT = b"%PDF-1.4 " + bytes(range(256)) * 1000


@pytest.fixture
def owner(app: Flask) -> Person:
    with transaction():
        return a_person("苏晓禾", roles=[("applicant", "all", None)])


@pytest.fixture
def stored(owner: Person) -> storage.StoredFile:
    kind = "application/pdf"
    with transaction():
        file = storage.keep(CONTENT, "职称证书.pdf", kind, owner_id=owner.id, now=now())
        return storage.link(file)


@pytest.fixture
def address(stored: storage.StoredFile) -> str:
    return f"/files/{stored.id}"


def test_a_file_goes_out_whole_with_its_length(
    client_for: Any, owner: Person, address: str
) -> None:
    answer = client_for(owner).get(address)
    assert (answer.status_code, answer.data) == (200, CONTENT)
    assert answer.content_length == len(CONTENT)
    assert answer.headers["Content-Disposition"].startswith("inline; filename*=UTF-8")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]


def test_a_reader_may_ask_for_a_part(client_for: Any, owner: Person, address: str) -> None:
    answer = client_for(owner).get(address, headers={"Range": "bytes=9-19"})
    assert (answer.status_code, answer.data) == (206, CONTENT[9:20])
    assert answer.headers["Content-Range"] == f"bytes 9-19/{len(CONTENT)}"


def test_a_part_that_is_not_there_is_refused(client_for: Any, owner: Person, address: str) -> None:
    answer = client_for(owner).get(address, headers={"Range": "bytes=9999999-"})
    assert answer.status_code == 416


def test_what_a_browser_has_is_not_sent_again(
    client_for: Any, owner: Person, stored: storage.StoredFile, address: str
) -> None:
    known = {"If-None-Match": f'"{stored.sha256}"'}
    answer = client_for(owner).get(address, headers=known)
    assert (answer.status_code, answer.data) == (304, b"")
    with transaction():
        stranger = a_person("卜文", roles=[("applicant", "all", None)])
    refused = client_for(stranger).get(address, headers=known)
    assert refused.status_code == 404


@pytest.mark.parametrize("damage", ["lost", "changed"])
def test_what_the_store_lost_or_changed_is_refused_before_anything_is_sent(
    client_for: Any, owner: Person, stored: storage.StoredFile, address: str, damage: str
) -> None:
    name = storage.blob_name(stored.sha256)
    if damage == "lost":
        blob_store().remove(name)
    else:
        changed = CONTENT[:-1] + b"x"
        blob_store().put(name, io.BytesIO(changed), len(changed))
    page = client_for(owner).get(address)
    assert (page.status_code, "请联系管理员" in page.text) == (404, True)
