"""The flow log: who did what at which office, and nothing of the engine's own."""

from collections.abc import Callable
from datetime import datetime, timedelta

from flask import Flask
from sqlalchemy import select

from app.core.clock import now
from app.core.db import db, transaction
from app.declarations.course import instance_of, steps_of
from app.declarations.models import Declaration
from app.engine.models import StepLog
from app.units import tree
from app.units.flow import flow_log
from tests.app.units.test_tree import facts
from tests.builders.declarations import a_declaration
from tests.builders.flow import do
from tests.builders.golden_case import PASS, VET_PASS
from tests.conftest import START

At = Callable[[datetime], None]


def vetted() -> tuple[str, int]:
    business = ("declaration", a_declaration("vet_declaration").id)
    do(business, "vet_declaration", VET_PASS)
    return business


def test_a_line_names_the_office_of_its_step(app: Flask) -> None:
    business = vetted()
    with transaction(write=False):
        school = db.session.get_one(Declaration, business[1]).unit.name
        lines = {line.name: line for line in flow_log(business)}
    assert lines["审核申报材料"].office == school
    assert lines["审核申报材料"].outcome == "通过"
    waiting = next(line for line in lines.values() if line.open)
    assert waiting.office == school


def test_steps_that_nobody_took_are_told_where_they_have_a_word_to_say(app: Flask) -> None:
    business = vetted()
    with transaction():
        silent = db.session.scalars(
            select(StepLog).where(StepLog.node == "vet_declaration")
        ).first()
        assert silent is not None
        for kind, outcome in (
            ("service", None),
            ("event", None),
            ("service", "报送市教育局"),
            ("event", "撤回"),
        ):
            db.session.add(
                StepLog(
                    instance_id=silent.instance_id,
                    at=silent.at,
                    kind=kind,
                    node="find",
                    name=f"{kind}{outcome}",
                    outcome=outcome,
                )
            )
            db.session.flush()
    with transaction(write=False):
        lines = flow_log(business)
    by_nobody = [line.name for line in lines if line.actor_name == "系统自动"]
    assert by_nobody[-2:] == ["service报送市教育局", "event撤回"]
    assert not {"serviceNone", "eventNone"} & {line.name for line in lines}


def test_what_is_done_names_its_office_as_it_was_called_then(app: Flask, at: At) -> None:
    business = vetted()
    at(START + timedelta(days=3))
    with transaction():
        school = db.session.get_one(Declaration, business[1]).unit
        former = school.name
        tree.change_unit(school, facts(school, name="青禾实验小学"), actor_id=1, now=now())
    with transaction(write=False):
        lines = flow_log(business)
        declaration = db.session.get_one(Declaration, business[1])
        still_there = steps_of(declaration, instance_of(declaration)).names[1]
    assert {line.office for line in lines if not line.open and line.office} == {former}
    assert [line.office for line in lines if line.open] == ["青禾实验小学"]
    assert still_there == "青禾实验小学"
    do(business, "endorse_declaration", PASS)
    at(START + timedelta(days=6))
    with transaction():
        school = db.session.get_one(Declaration, business[1]).unit
        tree.change_unit(school, facts(school, name="青禾附属小学"), actor_id=1, now=now())
    with transaction(write=False):
        declaration = db.session.get_one(Declaration, business[1])
        gone_on = steps_of(declaration, instance_of(declaration)).names[1]
        offices = [line.office for line in flow_log(business) if line.name == "审核申报材料"]
    assert gone_on == "青禾实验小学"
    assert former in offices
