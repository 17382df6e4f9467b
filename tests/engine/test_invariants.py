"""What a restore may have lost: the states and bundles that running processes need."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
import zstandard

from app.core.db import db, transaction
from app.engine import invariants
from app.engine.invariants import bundles_in_use_are_stored, states_of_living_instances_are_whole
from app.engine.models import ProcessInstance, SpecBundle
from tests.conftest import DATABASE
from tests.engine import kit

Law = Callable[[], list[str]]


@pytest.fixture
def running(office: kit.Office) -> list[int]:
    """Three processes that wait for somebody."""
    office.publish(kit.reviewed(), key="case_review")
    return [office.begin(business=("case", number)) for number in (1, 2, 3)]


def told(law: Law) -> list[str]:
    with transaction(write=False):
        return law()


def spoil(instance: int, content: bytes) -> None:
    with transaction():
        found = sa.update(ProcessInstance).where(ProcessInstance.id == instance)
        db.session.execute(found.values(state=content))


def lose_bundles() -> None:
    """Take what a half-finished restore would not bring back, past the database's own laws."""
    relaxed = {
        "postgresql": "SET session_replication_role = replica",
        "sqlite": "PRAGMA foreign_keys = OFF",
    }[DATABASE]
    connection = db.engine.raw_connection()
    for statement in (relaxed, "DELETE FROM spec_bundle"):
        connection.cursor().execute(statement)
    connection.commit()
    connection.close()


def test_what_is_whole_is_not_complained_of(running: list[int]) -> None:
    assert told(states_of_living_instances_are_whole) == []
    assert told(bundles_in_use_are_stored) == []


@pytest.mark.parametrize(
    "kept", [b"junk", b"", zstandard.compress(b"{}"), zstandard.compress(b"[")]
)
def test_a_state_that_no_step_could_load_is_named(
    running: list[int], monkeypatch: pytest.MonkeyPatch, kept: bytes
) -> None:
    monkeypatch.setattr(invariants, "READ_AT_ONCE", 1)
    spoil(running[1], kept)
    [said] = told(states_of_living_instances_are_whole)
    assert f"流程实例 {running[1]}（case_review case:2）的状态无法读取" in said


def test_a_state_cut_in_half_is_named(running: list[int]) -> None:
    with transaction(write=False):
        state = db.session.get_one(ProcessInstance, running[2]).state
    spoil(running[2], state[: len(state) // 2])
    assert len(told(states_of_living_instances_are_whole)) == 1


def test_the_state_of_an_ended_process_is_nobodys_business(running: list[int]) -> None:
    spoil(running[0], b"junk")
    with transaction():
        found = sa.update(ProcessInstance).where(ProcessInstance.id == running[0])
        db.session.execute(found.values(status="cancelled", ended_at=kit.NOON))
    assert told(states_of_living_instances_are_whole) == []


@pytest.mark.parametrize("content", [b"junk", zstandard.compress(b"{}")])
def test_a_bundle_that_is_not_what_was_published_is_named(
    running: list[int], content: bytes
) -> None:
    with transaction():
        db.session.execute(sa.update(SpecBundle).values(content=content))
    [said] = told(bundles_in_use_are_stored)
    assert "case_review 第 1 版，在办 3 件" in said


def test_a_bundle_that_is_gone_is_named(running: list[int]) -> None:
    lose_bundles()
    [said] = told(bundles_in_use_are_stored)
    assert "case_review 第 1 版，在办 3 件" in said
