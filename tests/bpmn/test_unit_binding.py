"""人员注册审核: every path of the diagram, walked with the platform's own handlers."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.core.clock import now
from app.core.db import db, transaction
from app.core.invariants import check_all
from app.engine import runtime
from app.engine.models import ProcessInstance, StepLog
from app.units.models import Employment
from app.units.operations import request_binding
from app.units.process import BINDING
from tests.builders.flow import do, open_items
from tests.builders.people import a_person, a_unit, staff

VET, MEND = "vet_binding", "mend_binding"
PASS: dict[str, Any] = {"decision": "pass"}
RETURN = {"decision": "return", "opinion": "请补充入职证明"}
AGAIN, DROP = {"decision": "again"}, {"decision": "drop"}
PATHS = {
    "approved": ([(VET, PASS)], "active"),
    "mended": ([(VET, RETURN), (MEND, AGAIN), (VET, PASS)], "active"),
    "taken back unseen": ([], "withdrawn"),
    "taken back after a return": ([(VET, RETURN), (MEND, DROP)], "withdrawn"),
}
ENDS = {"active": "binding_approved", "withdrawn": "binding_withdrawn"}


def _asked() -> tuple[int, int]:
    """Return who asks, and the request."""
    with transaction():
        unit = a_unit()
        staff(unit, "unit_clerk")
        person = a_person("苏晓禾", roles=[("applicant", "all", None)])
        bound = request_binding(person, unit, "", now=now())
        runtime.start(
            "unit_binding",
            business=(BINDING, bound.id),
            jurisdiction="anhui",
            actor_id=person.id,
            now=now(),
        )
        return person.id, bound.id


@pytest.mark.parametrize("name", PATHS)
def test_every_path_ends_where_it_is_drawn(app: Flask, name: str) -> None:
    steps, status = PATHS[name]
    person_id, bound_id = _asked()
    for node, answers in steps:
        if answers == AGAIN:
            with transaction():
                bound = db.session.get_one(Employment, bound_id)
                request_binding(bound.person, bound.unit, "已补充", now=now())
        do((BINDING, bound_id), node, answers)
    if not steps:
        with transaction():
            runtime.withdraw((BINDING, bound_id), actor_id=person_id, now=now())
    with transaction(write=False):
        assert check_all() == []
        assert open_items((BINDING, bound_id)) == []
        assert db.session.get_one(Employment, bound_id).status == status
        end = db.session.scalars(sa.select(StepLog.node).order_by(StepLog.id.desc())).first()
        assert end == ENDS[status]
        assert db.session.scalar(sa.select(ProcessInstance.status)) == "completed"
