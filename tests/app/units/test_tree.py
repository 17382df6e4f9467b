"""The unit tree: what may change of it, what a change leaves behind, and when a unit may close."""

import threading

import pytest
from flask import Flask

from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import DomainError, Invalid
from app.declarations.queries import BUSINESS as DECLARATION
from app.units import tree
from app.units.models import Unit
from tests.builders.declarations import a_declaration
from tests.builders.flow import open_items
from tests.builders.people import a_person, a_unit


def facts(unit: Unit, **changed: object) -> tree.UnitFacts:
    """What is entered of a unit that stands, with some of it changed."""
    said = {
        "name": unit.name,
        "kind": unit.kind,
        "jurisdiction": unit.jurisdiction,
        "parent": unit.parent,
        "reports_to": unit.reports_to,
        "credit_code": unit.credit_code or "",
        "has_leader": unit.has_leader,
    }
    return tree.UnitFacts(**{**said, **changed})  # type: ignore[arg-type]


@pytest.mark.database
@pytest.mark.parametrize("way", ["parent", "reports_to"])
def test_two_changes_at_once_do_not_close_a_circle(app: Flask, way: str) -> None:
    with transaction():
        ids = [a_unit("甲局", kind="机关").id, a_unit("乙局", kind="机关").id]
        actor_id = a_person().id
    together, refused = threading.Barrier(2), []

    def put(below: int, above: int) -> None:
        with app.app_context():
            try:
                with transaction(write=False):
                    db.session.get_one(Unit, below)
                together.wait(10)
                with transaction():
                    unit, superior = (db.session.get_one(Unit, each) for each in (below, above))
                    change = facts(unit, **{way: superior})
                    tree.change_unit(unit, change, actor_id=actor_id, now=now())
            except DomainError as error:
                refused.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=put, args=pair) for pair in (ids, ids[::-1])]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    with transaction(write=False):
        above = [getattr(db.session.get_one(Unit, each), f"{way}_id") for each in ids]
    assert (len(refused), above.count(None)) == (1, 1)


def test_the_log_keeps_every_field_that_changed(app: Flask) -> None:
    with transaction():
        school, actor = a_unit("青禾小学"), a_person()
        change = facts(school, kind="民办", credit_code="12340000DEM00006X0", has_leader=False)
        tree.change_unit(school, change, actor_id=actor.id, now=now())
    with transaction(write=False):
        event = db.session.query(AuditEvent).filter_by(tag="unit:changed").one()
        assert event.data == {
            "before": {"kind": "事业单位", "credit_code": None, "has_leader": True},
            "after": {"kind": "民办", "credit_code": "12340000DEM00006X0", "has_leader": False},
        }


@pytest.mark.parametrize("node", ["endorse_declaration", "endorse_forwarded"])
def test_a_leader_with_work_to_do_is_not_left_out(app: Flask, node: str) -> None:
    declaration_id = a_declaration(at=node).id
    with transaction():
        (item,) = open_items((DECLARATION, declaration_id))
        unit = db.session.get_one(Unit, item.scope_id)
        with pytest.raises(Invalid, match="单位领导还有待办任务"):
            tree.change_unit(unit, facts(unit, has_leader=False), actor_id=1, now=now())
        tree.change_unit(unit, facts(unit, kind="企业"), actor_id=1, now=now())
        assert unit.has_leader
