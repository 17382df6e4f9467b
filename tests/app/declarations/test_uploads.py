"""Uploads are cleaned before a request takes its turn to write."""

import io
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.core import cleaning, sweeping
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import current_transaction, db, transaction
from app.core.invariants import check_all
from app.core.storage import StoredFile
from app.declarations import operations, queries
from app.people import operations as people
from app.portfolio import attachments, item_types
from tests.builders.declarations import a_declaration, a_draft, a_photo, golden_declaration
from tests.builders.flow import do
from tests.builders.golden_case import RETURN
from tests.builders.portfolio import a_picture, an_item, an_upload

Clients = Callable[..., Any]
JSON = {"Accept": "application/json"}


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the unit of work was writing while each picture was cleaned."""
    seen: list[bool] = []
    clean = cleaning.clean_into

    def watched(*given: Any) -> str:
        seen.append(current_transaction().write)
        return clean(*given)

    monkeypatch.setattr(cleaning, "clean_into", watched)
    return seen


def test_two_pictures_for_a_slot_are_cleaned_before_the_turn_to_write(
    app: Flask, client_for: Clients, turns: list[bool]
) -> None:
    with transaction():
        case = golden_declaration()
        slot = case.plan.slots[-1]
    turns.clear()
    files = [(io.BytesIO(a_picture()), f"证书{n}.png") for n in (1, 2)]
    address = f"/declarations/{case.id}/files/{slot.id}"
    sent = client_for(case.person).post(address, {"file": files}, headers=JSON)
    assert sent.status_code == 200, sent.text
    assert turns == [False, False]
    with transaction(write=False):
        names = {file.name for file in queries.files_of(case.id)}
    assert {"证书1.png", "证书2.png"} <= names


def test_a_sent_up_declaration_takes_no_uploads(
    app: Flask, client_for: Clients, turns: list[bool]
) -> None:
    case = a_draft(complete=True)
    client = client_for(case.person)
    assert client.post(f"/declarations/{case.id}/submit", {}).status_code == 303
    turns.clear()
    address = f"/declarations/{case.id}/files/{case.plan.slots[-1].id}"
    refused = client.post(address, {"file": (io.BytesIO(a_picture()), "证书.png")}, headers=JSON)
    assert refused.status_code == 409
    assert turns == []


def test_evidence_of_an_item_is_cleaned_before_the_turn_to_write(
    app: Flask, client_for: Clients, turns: list[bool]
) -> None:
    with transaction():
        person = golden_declaration().person
        item = an_item(person, "honor", files=False)
        slot = item_types.get("honor").slots[0].name
    turns.clear()
    sent = client_for(person).post(
        f"/portfolio/{item.id}/files/{slot}",
        {"file": (io.BytesIO(a_picture()), "证书.png")},
        headers=JSON,
    )
    assert sent.status_code == 200, sent.text
    assert turns == [False]


MOST = 100_000
REFUSED = {
    "a wrong type": ("说明.txt", b"text", 422),
    "a false picture": ("证书.jpg", b"no picture", 422),
    "a false document": ("证书.pdf", b"no document", 422),
    "an empty file": ("证书.png", b"", 422),
    "one too large": ("证书.png", b"0" * (MOST + 1), 413),
}


@pytest.mark.parametrize(("name", "content", "status"), REFUSED.values(), ids=REFUSED)
def test_what_a_slot_does_not_take_is_said_beside_it_on_the_page(
    app: Flask, client_for: Clients, name: str, content: bytes, status: int
) -> None:
    with transaction():
        case = golden_declaration()
        slot = case.plan.slots[-1]
        slot.max_bytes = MOST
        kept = [file.name for file in queries.files_of(case.id)]
    client = client_for(case.person)
    address = f"/declarations/{case.id}/files/{slot.id}"
    files = [(io.BytesIO(a_picture()), "好的.png"), (io.BytesIO(content), name)]
    refused = client.post(address, {"file": files})
    assert refused.status_code == status
    beside = refused.text.partition(f'id="slot-{slot.id}"')[2].partition("</section>")[0]
    assert f'id="slot-{slot.id}-error"' in beside
    assert f"{name}：" in beside
    above = refused.text.partition('role="alert"')[2].partition("</div>")[0]
    assert f'data-error-summary="slot-{slot.id}-file"' in above
    assert f"{name}：" in above
    with transaction(write=False):
        assert [file.name for file in queries.files_of(case.id)] == kept
    assert client.get(address).location.endswith(f"/fill/files#slot-{slot.id}")


def test_too_many_files_are_refused_beside_the_slot_and_none_is_kept(
    app: Flask, client_for: Clients
) -> None:
    with transaction():
        case = golden_declaration()
        slot = case.plan.slots[-1]
        count = slot.max_count + 1
        kept = [file.name for file in queries.files_of(case.id)]
    files = [(io.BytesIO(a_picture((n, n, n))), f"证书{n}.png") for n in range(count)]
    address = f"/declarations/{case.id}/files/{slot.id}"
    refused = client_for(case.person).post(address, {"file": files})
    assert refused.status_code == 422
    assert f"最多上传 {slot.max_count} 个附件" in refused.text
    with transaction(write=False):
        assert [file.name for file in queries.files_of(case.id)] == kept


def swept(hours: int) -> None:
    with transaction():
        sweeping.sweep_let_go(now() + timedelta(hours=hours))


def broken() -> list[str]:
    with transaction(write=False):
        return check_all()


def left_of(file_ids: Iterable[int]) -> set[int]:
    with transaction(write=False):
        found = select(StoredFile.id).where(StoredFile.id.in_(file_ids))
        return set(db.session.scalars(found))


def test_what_a_draft_has_no_more_goes_after_two_days(app: Flask) -> None:
    with transaction():
        case = golden_declaration()
        slot, person = case.plan.slots[-1].id, case.person
        ids = [an_upload(person, f"{name}.jpg").id for name in "甲乙丙"] + [a_photo(person).id]
        former, case_id = person.photo_file_id or 0, case.id
        for file_id in ids[:2]:
            kept = operations.attach_file(case, slot, file_id, now=now())
        operations.remove_file(case, kept.id, now=now())
        title = operations.save_prior_title(case, {"files": ids[2:]}, now=now())
        operations.save_prior_title(case, {"files": ids[2:3]}, prior_id=title.id, now=now())
        operations.save_field(case, "photo", [str(ids[3])], now=now())
        noted = select(AuditEvent.tag).where(AuditEvent.tag.contains("photo"))
        assert db.session.scalars(noted).all() == ["person:photo_set"], "one act, one event"
    swept(0)
    swept(47)
    assert left_of([former, *ids]) == {former, *ids}
    swept(49)
    assert left_of([former, *ids]) == {ids[0], ids[2], ids[3]}
    with transaction():
        operations.delete_draft(queries.get_declaration(case_id), now=now())
    swept(50)
    swept(99)
    assert left_of(ids) == {ids[3]}, "the account has its photo"


def test_what_was_sent_up_stays_until_the_next_time(app: Flask) -> None:
    declaration = a_declaration()
    do(("declaration", declaration.id), "vet_declaration", RETURN)
    with transaction():
        found = queries.get_declaration(declaration.id)
        file, photo = queries.files_of(found.id)[0], found.person.photo_file_id or 0
        held = {file.file_id, photo}
        operations.remove_file(found, file.id, now=now())
        people.remove_photo(found.person, now=now())
        # Whoever takes it into a draft that was never sent and out again loses nothing of it.
        item = an_item(found.person, "honor", files=False)
        attachments.attach_file(item, "certificate", photo, actor=found.person, now=now())
        attachments.remove_file(item, "certificate", photo, actor=found.person, now=now())
        fresh = a_photo(found.person).id
        operations.save_field(found, "photo", [str(fresh)], now=now())
    for hours in (0, 49, 99):
        swept(hours)
    assert left_of(held) == held
    assert broken() == []
    with transaction():
        found = queries.get_declaration(declaration.id)
        operations.attach_file(found, file.slot_id, file.file_id, now=now())
    do(("declaration", declaration.id), "fill_declaration")
    for hours in (100, 149):
        swept(hours)
    assert left_of(held) == {file.file_id}
