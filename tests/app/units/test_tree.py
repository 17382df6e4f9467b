"""The unit tree: what may change of it, what a change leaves behind, and when a unit may close."""

from datetime import date

import pytest
from flask import Flask

from app.certificates.models import Certificate
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.declarations.models import Declaration
from app.declarations.queries import BUSINESS as DECLARATION
from app.units import closing, tree
from app.units.models import Unit
from tests.builders import results
from tests.builders.declarations import a_declaration
from tests.builders.flow import do, open_items
from tests.builders.people import a_person, a_unit
from tests.builders.plans import a_plan
from tests.builders.threads import together_inside


def facts(unit: Unit, **changed: object) -> tree.UnitFacts:
    """What is entered of a unit that stands, with some of it changed."""
    said = {
        "name": unit.name,
        "type": unit.type,
        "kind": unit.kind,
        "area_code": unit.area_code,
        "jurisdiction": unit.jurisdiction,
        "parent": unit.parent,
        "reports_to": unit.reports_to,
        "credit_code": unit.credit_code or "",
        "has_leader": unit.has_leader,
    }
    return tree.UnitFacts(**{**said, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize("way", ["parent", "reports_to"])
def test_two_changes_at_once_do_not_close_a_circle(app: Flask, way: str) -> None:
    with transaction():
        ids = [a_unit("甲局", kind="机关").id, a_unit("乙局", kind="机关").id]
        actor_id = a_person().id

    def put(below: int, above: int) -> None:
        unit, superior = (db.session.get_one(Unit, each) for each in (below, above))
        tree.change_unit(unit, facts(unit, **{way: superior}), actor_id=actor_id, now=now())

    failures = together_inside(app, lambda: put(*ids), lambda: put(*ids[::-1]))
    with transaction(write=False):
        above = [getattr(db.session.get_one(Unit, each), f"{way}_id") for each in ids]
    assert [type(each) for each in failures if each] == [Invalid]
    assert above.count(None) == 1


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


def in_the_way(unit_id: int) -> str:
    with transaction(write=False):
        return "；".join(closing.obstacles(db.session.get_one(Unit, unit_id), now()))


def test_a_returned_declaration_keeps_its_unit_and_its_organiser_open(app: Flask) -> None:
    declaration = a_declaration()
    defects = [{"text": "材料模糊", "remedy": "重新上传"}]
    answers = {"decision": "return", "opinion": "请补正", "defects": defects}
    do((DECLARATION, declaration.id), "vet_declaration", answers)
    assert in_the_way(declaration.unit_id) == "1 件本单位人员的申报尚未审结"
    with transaction(write=False):
        plan = db.session.get_one(Declaration, declaration.id).plan
        organiser_id = plan.organiser_unit_id
    words = in_the_way(organiser_id)
    assert "1 件申报等待本单位组织评审" in words
    assert "1 个评审计划尚未结束" in words
    assert "1 个评委会的备案仍在有效期" in words


def test_what_is_over_is_not_in_the_way(app: Flask) -> None:
    with transaction():
        plan = a_plan(status="closed")
        plan.committee.filed_until = date(2026, 9, 30)
        organiser_id = plan.organiser_unit_id
    assert in_the_way(organiser_id) == ""


def test_an_issuer_with_certificates_to_issue_stays(app: Flask) -> None:
    published = results.a_publicity(cases=2)
    results.approve(published)
    with transaction(write=False):
        unit_id = db.session.query(Certificate).first().issuer_unit_id
    assert "2 本证书等待本单位签发" in in_the_way(unit_id)
