"""身份信息更正: every path of the diagram, walked with the platform's own handlers."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.core.invariants import check_all
from app.engine import runtime
from app.engine.models import ProcessInstance, StepLog
from app.people import corrections
from app.people.models import IdentityCorrection
from app.people.process import CORRECTION
from tests.builders.flow import do, open_items
from tests.builders.people import a_person, a_unit
from tests.builders.portfolio import an_upload

VET, DECIDE, MEND = "vet_correction", "decide_correction", "mend_correction"
PASS: dict[str, Any] = {"decision": "pass"}
RETURN = {"decision": "return", "opinion": "材料不清"}
REFUSE = {"decision": "refuse", "opinion": "材料不符"}
AGAIN: dict[str, Any] = {}
GIVE_UP = {"mending": "give_up"}
PATHS = {
    "granted": (True, [(VET, PASS), (DECIDE, PASS)], "granted"),
    "refused": (True, [(VET, PASS), (DECIDE, REFUSE)], "refused"),
    "without a unit": (False, [(DECIDE, PASS)], "granted"),
    "mended for the unit": (
        True,
        [(VET, RETURN), (MEND, AGAIN), (VET, PASS), (DECIDE, PASS)],
        "granted",
    ),
    "mended for the office": (
        False,
        [(DECIDE, RETURN), (MEND, AGAIN), (DECIDE, REFUSE)],
        "refused",
    ),
    "given up": (True, [(VET, RETURN), (MEND, GIVE_UP)], "ended"),
}
TAKEN_BACK = {
    "from the unit": (True, []),
    "from the office": (False, []),
    "mended before": (True, [(VET, RETURN), (MEND, AGAIN)]),
}


ENDS = {
    "granted": "correction_made",
    "refused": "correction_refused",
    "ended": "correction_given_up",
}


def _walk(person: Person, correction_id: int, steps: list[tuple[str, dict[str, Any]]]) -> None:
    for node, answers in steps:
        if (node, answers) == (MEND, AGAIN):
            with transaction():
                _ask(db.session.get_one(Person, person.id))
        do((CORRECTION, correction_id), node, answers)


def _asked(*, employed: bool) -> tuple[Person, int]:
    with transaction():
        a_person("庾一鸣", roles=[("system_admin", "all", None)])
        unit = a_unit() if employed else None
        person = a_person("苏晓禾", roles=[("applicant", "all", None)], unit=unit)
        made = _ask(person)
        runtime.start(
            CORRECTION,
            business=(CORRECTION, made),
            jurisdiction="anhui",
            actor_id=person.id,
            now=now(),
        )
        return person, made


def _ask(person: Person) -> int:
    return corrections.request_correction(
        person,
        corrections.Entry("苏小禾", "", "录入时写错", [an_upload(person).id], is_true=True),
        now=now(),
    ).id


@pytest.mark.parametrize("name", PATHS)
def test_every_path_ends_where_it_is_drawn(app: Flask, name: str) -> None:
    employed, steps, status = PATHS[name]
    person, correction_id = _asked(employed=employed)
    _walk(person, correction_id, steps)
    with transaction(write=False):
        assert check_all() == []
        assert open_items((CORRECTION, correction_id)) == []
        *walked, end = db.session.scalars(sa.select(StepLog.node).order_by(StepLog.id))
        looked = walked.count("look_for_unit")
        assert [node for node in walked if node != "look_for_unit"] == [n for n, _ in steps]
        assert end == ENDS[status]
        assert looked == 1 + steps.count((MEND, AGAIN))
        assert db.session.scalar(sa.select(ProcessInstance.status)) == "completed"
        kept = db.session.get_one(IdentityCorrection, correction_id)
        assert kept.status == status
        assert db.session.get_one(Person, person.id).name == (
            "苏小禾" if status == "granted" else "苏晓禾"
        )


@pytest.mark.parametrize("name", TAKEN_BACK)
def test_what_waits_unseen_is_taken_back(app: Flask, name: str) -> None:
    employed, steps = TAKEN_BACK[name]
    person, correction_id = _asked(employed=employed)
    _walk(person, correction_id, steps)
    with transaction():
        runtime.withdraw((CORRECTION, correction_id), actor_id=person.id, now=now())
    with transaction(write=False):
        assert check_all() == []
        assert open_items((CORRECTION, correction_id)) == []
        *_, taken, end = db.session.scalars(sa.select(StepLog.node).order_by(StepLog.id))
        assert (taken, end) == ("withdraw_correction", "correction_withdrawn")
        assert db.session.scalar(sa.select(ProcessInstance.status)) == "completed"
        kept = db.session.get_one(IdentityCorrection, correction_id)
        assert (kept.status, kept.opinion) == ("ended", "本人撤回")
        assert db.session.get_one(Person, person.id).name == "苏晓禾"
