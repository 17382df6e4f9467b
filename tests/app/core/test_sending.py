"""What is sent is read, and uploads are cleaned, before a request takes its turn to write."""

import io
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core import storage
from app.core.blobs import DiskStore
from app.core.db import current_transaction, transaction
from tests.app.core.test_resuming import announce, finish, send_rest
from tests.app.core.test_uploads import a_picture
from tests.builders.people import a_person


class Sender(io.BytesIO):
    """A body that notes whether anybody waited for it with a transaction open."""

    held = 0

    def read(self, *sizes: int) -> bytes:  # type: ignore[override]
        try:
            current_transaction()
        except LookupError:
            pass
        else:
            self.held += 1
        return super().read(*sizes)


def test_a_slow_sender_holds_no_transaction(app: Flask) -> None:
    body = Sender(b"login=qinghe&password=x")
    answer = app.test_client().post(
        "/login",
        input_stream=body,
        content_length=23,
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 400
    assert (body.tell(), body.held) == (23, 0)


@pytest.fixture
def person(app: Flask) -> Person:
    with transaction():
        return a_person("苏晓禾", roles=[("applicant", "all", None)])


def test_an_upload_is_cleaned_while_others_may_write(
    client_for: Any, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[bool] = []
    clean = storage.cleaned

    def noting(*given: Any) -> Any:
        writes.append(current_transaction().write)
        return clean(*given)

    monkeypatch.setattr(storage, "cleaned", noting)
    browser = client_for(person)
    answer = browser.post("/files", {"file": (io.BytesIO(a_picture()), "甲.jpg")})
    assert answer.status_code == 200
    assert writes == [False]
    assert browser.get(answer.json["url"]).status_code == 200


@pytest.fixture
def puts(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the unit of work was writing while each bytes went to the store."""
    seen: list[bool] = []
    put = DiskStore.put

    def noting(self: DiskStore, *given: Any) -> None:
        seen.append(current_transaction().write)
        put(self, *given)

    monkeypatch.setattr(DiskStore, "put", noting)
    return seen


def test_nobody_waits_while_bytes_go_to_a_store_that_may_be_far_away(
    client_for: Any, person: Person, puts: list[bool]
) -> None:
    browser, content = client_for(person), a_picture()
    browser.post("/files", {"file": (io.BytesIO(content), "甲.jpg")})
    place = announce(browser, len(content)).location
    send_rest(browser, place, content)
    assert finish(browser, place).status_code == 200
    assert puts == [False, False, False]
