"""The audit log is chained by its sealer; whoever changes it breaks the chain."""

import hashlib
import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from app.core import audit
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.invariants import check_all
from tests.builders.statements import plan_of


def some_events(count: int = 3) -> None:
    with transaction():
        for number in range(count):
            audit.record(
                "file:read", subject=("file", number + 1), actor_id=None, now=now(), page=number
            )
    with transaction():
        audit.seal_events()


def broken() -> list[int]:
    with transaction(write=False):
        return audit.broken_seals()


def test_sealed_events_hold(app: Flask) -> None:
    some_events()
    assert broken() == []


def test_sealing_goes_on_where_it_stopped(app: Flask) -> None:
    some_events(2)
    some_events(2)
    with transaction():
        assert audit.seal_events() == 0
        sequence = list(db.session.scalars(sa.select(AuditEvent.seq).order_by(AuditEvent.id)))
    assert sequence == [1, 2, 3, 4]
    assert broken() == []


def test_a_changed_event_breaks_its_seal(app: Flask) -> None:
    some_events()
    with transaction():
        db.session.execute(
            sa.update(AuditEvent).where(AuditEvent.seq == 2).values(data={"page": 9})
        )
    assert broken() == [2]
    with transaction(write=False):
        assert [line for line in check_all() if "审计日志" in line]


def test_an_event_taken_out_breaks_all_after_it(app: Flask) -> None:
    some_events()
    with transaction():
        db.session.execute(sa.delete(AuditEvent).where(AuditEvent.seq == 2))
    assert broken() == [2]


def test_an_event_of_an_act_that_was_rolled_back_does_not_exist(app: Flask) -> None:
    with transaction() as unit:
        audit.record("file:read", subject=("file", 1), actor_id=None, now=now())
        unit.rollback_only = True
    with transaction(write=False):
        assert db.session.scalar(sa.select(sa.func.count(AuditEvent.id))) == 0


def test_a_changed_event_cannot_be_sealed_anew_without_the_key(app: Flask) -> None:
    some_events(1)
    with transaction():
        event = db.session.scalars(sa.select(AuditEvent)).one()
        event.data = {"page": 9}
        fields = ["", 1, event.id, event.at.isoformat(), event.tag, event.actor_id]
        fields += [event.subject_type, event.subject_id, event.data]
        told = json.dumps(fields, sort_keys=True, ensure_ascii=False)
        event.seal = hashlib.sha256(told.encode()).hexdigest()
    assert broken() == [1]


def test_the_chain_is_checked_a_chunk_at_a_time(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "CHUNK", 2)
    some_events(5)
    with transaction(write=False) as unit:
        assert audit.verify_seals() == (5, [])
        assert unit.records == []
    with transaction():
        db.session.execute(sa.update(AuditEvent).where(AuditEvent.seq == 4).values(tag="x:y"))
    assert broken() == [4]


def test_no_more_broken_places_are_told_than_asked_for(app: Flask) -> None:
    some_events(5)
    with transaction():
        db.session.execute(sa.update(AuditEvent).values(tag="x:y"))
    with transaction(write=False):
        assert audit.verify_seals(3) == (5, [1, 2, 3])


def seal() -> None:
    with transaction():
        audit.seal_events()


def take_the_end_away(since: int) -> None:
    with transaction():
        db.session.execute(sa.delete(AuditEvent).where(AuditEvent.seq >= since))


def test_an_end_that_is_taken_away_is_missed(app: Flask) -> None:
    some_events(4)
    seal()
    take_the_end_away(3)
    assert broken() == [3]
    with transaction(write=False):
        assert [line for line in check_all() if "审计日志" in line]


def test_a_log_that_is_emptied_is_missed(app: Flask) -> None:
    some_events(2)
    seal()
    take_the_end_away(1)
    assert broken() == [1]


def test_an_end_that_grows_again_is_not_the_one_that_was_taken(app: Flask) -> None:
    some_events(4)
    seal()
    take_the_end_away(3)
    some_events(4)
    seal()
    assert broken() == [4]


def test_a_head_is_not_set_back_without_the_key(app: Flask) -> None:
    some_events(4)
    seal()
    head = Path(app.instance_path) / "keys" / audit.HEAD
    head.write_text(head.read_text().replace("4 ", "2 ", 1))
    assert broken() == [1]


def test_an_earlier_check_knows_how_many_there_were(app: Flask) -> None:
    some_events(4)
    with transaction():
        audit.record(
            "audit:verified", subject=("person", 1), actor_id=None, now=now(), sealed=4, broken=0
        )
    take_the_end_away(3)
    assert broken() == [3]


def test_old_addresses_are_found_without_reading_what_has_none(app: Flask) -> None:
    row = {"tag": "file:read", "subject_type": "file", "subject_id": 1}
    with transaction():
        moment = now()
        db.session.execute(sa.insert(AuditEvent), [{**row, "at": moment, "data": {}}] * 3000)
        audit.record_from(
            "192.0.2.7", "account:sign_in_failed", subject=("address", 0), actor_id=None, now=now()
        )
    plan = plan_of(audit.forgetting(moment))
    assert "ix_audit_event_from" in plan, plan
    assert "Seq Scan" not in plan, plan
