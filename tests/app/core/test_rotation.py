"""A new key: everything is sealed anew, whoever is interrupted goes on, people go on working."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import mail_links
from app.accounts.factor_models import SecondFactor
from app.accounts.models import Person, ResetRequest
from app.accounts.queries import credential_by_name, person_by_id_number
from app.admin import commands
from app.core import crypto, mail, rotation
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import Base, db, transaction
from app.core.errors import Conflict, Invalid
from app.core.invariants import check_all
from app.core.mail import OutgoingMail
from tests.builders.devices import a_device
from tests.builders.people import a_person, an_id_number
from tests.builders.threads import WAIT, together


@pytest.fixture
def numbers(app: Flask) -> list[str]:
    """Five people's identity numbers, the first with a device; a letter and a request wait."""
    with transaction():
        found = [an_id_number() for _ in range(5)]
        people = [a_person(f"人{i}", id_number=number) for i, number in enumerate(found)]
        a_device(people[0])
        mail.post("su@example.cn", "重置密码", "信", now=now())
        mail_links.ask_for_reset("qinghe", now=now())
        return found


def rotate(app: Flask) -> Any:
    return app.test_cli_runner().invoke(args=["rotate-key", "--wait", "0"])


def opened() -> list[str]:
    with transaction(write=False):
        people = db.session.scalars(sa.select(Person).order_by(Person.id)).all()
        return [person.id_number for person in people if person.id_number]


def found(numbers: list[str]) -> list[str]:
    """What people are called who are found by their numbers."""
    with transaction(write=False):
        known = [person_by_id_number(number) for number in numbers]
        return [person.name for person in known if person]


NAMES = [f"人{i}" for i in range(5)]


def ids() -> set[str]:
    """The ids of the keys that sealed what is stored."""
    with transaction(write=False):
        return {
            str(value).partition(".")[0]
            for column in rotation.sealed_columns()
            for value in db.session.scalars(sa.select(column).where(column.is_not(None)))
        }


def test_every_sealed_column_is_known() -> None:
    named = {
        str(column)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("_sealed") and table.name != "ballot_box"
    }
    assert {str(column) for column in rotation.sealed_columns()} == named
    assert len(named) == 11


def test_everything_is_sealed_anew_and_opens(app: Flask, numbers: list[str]) -> None:
    before, old = ids(), crypto.instance_key("fields")
    answer = rotate(app)
    assert answer.exit_code == 0, answer.output
    assert "共重新加密 13 项" in answer.output
    assert opened() == numbers
    assert crypto.instance_key("fields") != old
    assert (len(ids()), ids() & before) == (1, set())
    with transaction(write=False):
        device = db.session.scalars(sa.select(SecondFactor.secret_sealed)).one()
        assert len(crypto.unseal(device)) == 32
        assert crypto.unseal(db.session.scalars(sa.select(OutgoingMail.body_sealed)).one()) == "信"
        name = db.session.scalars(sa.select(ResetRequest.name_sealed)).one()
        assert crypto.unseal(name) == "qinghe"
        event = db.session.query(AuditEvent).filter_by(tag="key:rotated").one()
        assert event.data == {"count": 13}
        assert check_all() == []


def test_the_old_key_is_kept_aside_and_read_no_more(app: Flask, numbers: list[str]) -> None:
    with transaction(write=False):
        sealed = db.session.scalars(sa.select(Person.id_number_sealed).order_by(Person.id)).first()
    rotate(app)
    names = {path.name for path in crypto.key_folder().glob("fields*")}
    assert len(names) == 2
    assert sum(name.endswith(".retired") for name in names) == 1
    with pytest.raises(crypto.BrokenKey):
        crypto.unseal(str(sealed))


def test_a_rotation_that_was_interrupted_goes_on(app: Flask, numbers: list[str]) -> None:
    assert rotation.begin()
    fresh = crypto.instance_key("fields")
    with transaction():
        done = rotation.reseal_some(limit=2)
        assert done in {1, 2}
    assert len(ids()) == 2
    assert opened() == numbers
    answer = rotate(app)
    assert "继续上次未完成的更换" in answer.output
    assert f"共重新加密 {13 - done} 项" in answer.output
    assert crypto.instance_key("fields") == fresh
    assert (len(ids()), opened()) == (1, numbers)


def test_the_old_key_is_not_retired_while_anything_needs_it(
    app: Flask, numbers: list[str]
) -> None:
    rotation.begin()
    with transaction():
        rotation.reseal_some(limit=1)
        with pytest.raises(Conflict, match="再次运行"):
            rotation.finish(1, now=now())
    assert opened() == numbers


def test_who_has_to_run_the_command_again_is_told_so(
    app: Flask, numbers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "_reseal", lambda: 0)
    answer = rotate(app)
    assert (answer.exit_code, "请再次运行本命令" in answer.output) == (1, True)
    monkeypatch.undo()
    assert rotate(app).exit_code == 0
    assert opened() == numbers


def test_of_two_who_begin_at_once_one_makes_the_key(app: Flask, numbers: list[str]) -> None:
    begun: list[bool] = []

    def begin() -> None:
        with app.app_context():
            begun.append(rotation.begin())

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(begun) == [False, False, False, True]


def test_it_may_be_interrupted_before_the_new_key_is_in_its_place(
    app: Flask, numbers: list[str]
) -> None:
    folder = crypto.key_folder()
    old = crypto.instance_key("fields")
    os.link(folder / "fields.key", folder / f"fields-{crypto.key_id(old)}.key")
    answer = rotate(app)
    assert "共重新加密 13 项" in answer.output
    assert crypto.instance_key("fields") != old
    assert opened() == numbers


def test_a_process_that_runs_on_reads_the_new_key_at_once(app: Flask, numbers: list[str]) -> None:
    crypto.instance_key("fields")
    rotate(app)
    with transaction():
        late = a_person("后来", id_number=an_id_number())
        sealed = str(late.id_number_sealed)
    assert sealed.partition(".")[0] == crypto.key_id(crypto.instance_key("fields"))


def test_what_a_slow_request_seals_with_the_old_key_is_sealed_anew(
    app: Flask, numbers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(write=False):
        old = db.session.scalars(sa.select(Person.id_number_sealed).order_by(Person.id)).first()

    def end_of_the_request(_seconds: int) -> None:
        with transaction():
            first = sa.select(Person.id).order_by(Person.id).limit(1).scalar_subquery()
            slow = sa.update(Person).where(Person.id == first)
            db.session.execute(slow.values(id_number_sealed=old))

    monkeypatch.setattr(commands.time, "sleep", end_of_the_request)
    assert "共重新加密 14 项" in rotate(app).output
    assert (len(ids()), opened()) == (1, numbers)


@pytest.mark.parametrize(("patience", "writes_for"), [("30s", 0.5), ("100ms", 20)])
def test_while_another_writes_the_old_key_is_kept(
    app: Flask,
    numbers: list[str],
    monkeypatch: pytest.MonkeyPatch,
    patience: str,
    writes_for: float,
) -> None:
    monkeypatch.setattr(rotation, "PATIENCE", patience)
    is_written, is_over, late = threading.Event(), threading.Event(), an_id_number()
    queues = db.engine.dialect.name == "sqlite"

    def write() -> None:
        with transaction():
            a_person("迟到", id_number=late)
            rotation.begin()
            is_written.set()
            is_over.wait(0 if queues else writes_for)

    def finish() -> None:
        is_written.wait(WAIT)
        commands._reseal()
        try:
            with transaction():
                rotation.finish(0, now=now())
        finally:
            is_over.set()

    failed = together(app, write, finish)
    assert [type(each) for each in failed] == [type(None), type(None) if queues else Conflict]
    assert opened() == [*numbers, late]
    assert rotate(app).exit_code == 0
    assert opened() == [*numbers, late]


def test_what_no_key_opens_is_told(app: Flask, numbers: list[str]) -> None:
    folder = crypto.key_folder()
    (folder / "fields.key").unlink()
    with transaction(write=False):
        told = [line for line in check_all() if line.startswith("加密保存的内容")]
    assert "person.id_number_sealed 有 5 项" in told[0] + "".join(told)


def test_two_who_rotate_at_once_lose_nothing(
    app: Flask, numbers: list[str], client_for: Callable[..., Any]
) -> None:
    rotation.begin()

    def reseal() -> None:
        with app.app_context():
            commands._reseal()

    threads = [threading.Thread(target=reseal) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(ids()), opened()) == (1, numbers)


def test_every_keyed_hash_of_what_is_sealed_is_known() -> None:
    kept = {str(c): c.info["hashed_from"] for c in rotation.hashed_columns()}
    assert kept == {
        "person.id_number_hash": "id_number_sealed",
        "identity_correction.id_number_hash": "id_number_sealed",
        "earlier_certificate.id_number_hash": "id_number_sealed",
        "linked_identity.subject_hash": "subject_sealed",
    }


def test_people_are_found_by_their_numbers_before_during_and_after(
    app: Flask, numbers: list[str]
) -> None:
    old = crypto.instance_key("index")
    assert found(numbers) == NAMES
    rotation.begin()
    assert crypto.instance_key("index") != old
    assert found(numbers) == NAMES
    # Sealed values come first; then the hashes, one by one.
    for _ in range(14):
        with transaction():
            rotation.reseal_some(limit=1)
        assert found(numbers) == NAMES
    with transaction():
        rotation.finish(13, now=now())
        assert credential_by_name(numbers[0]) is not None
        with pytest.raises(Invalid, match="已存在"):
            a_person("又一个", id_number=numbers[1])
    assert found(numbers) == NAMES
    names = sorted(path.name for path in crypto.key_folder().glob("index*"))
    assert names == [f"index-{crypto.key_id(old)}.retired", "index.key"]


def test_a_number_is_taken_while_its_hash_waits_for_the_new_key(
    app: Flask, numbers: list[str]
) -> None:
    rotation.begin()
    with transaction(), pytest.raises(Invalid, match="已存在"):
        a_person("又一个", id_number=numbers[0])


def test_whoever_was_interrupted_between_two_keys_goes_on_with_both(
    app: Flask, numbers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: crypto.instance_key(name) for name in rotation.ROTATED}
    monkeypatch.setattr(rotation, "ROTATED", ("fields",))
    assert rotation.begin()
    monkeypatch.undo()
    assert found(numbers) == NAMES
    assert rotate(app).exit_code == 0
    assert all(crypto.instance_key(name) != key for name, key in before.items())
    assert (opened(), found(numbers)) == (numbers, NAMES)


def test_hashes_whose_key_is_lost_are_told(app: Flask, numbers: list[str]) -> None:
    (crypto.key_folder() / "index.key").unlink()
    with transaction(write=False):
        assert "person.id_number_hash 有 5 项" in "".join(check_all())


def test_a_key_outlasts_a_loss_of_power(
    app: Flask, numbers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is written through before the old key leaves its place, and afterwards."""
    seen: list[tuple[bool, bool]] = []
    old = crypto.instance_key("index")

    def note(folder: Path) -> None:
        kept = folder / f"index-{crypto.key_id(old)}.key"
        seen.append((kept.exists(), crypto.read_key(folder / "index.key") == old))

    monkeypatch.setattr(crypto, "sync_folder", note)
    rotation.begin()
    assert seen[-2:] == [(True, True), (True, False)]
