"""What a handler does to its record is held against its contract whenever it has run."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from app.core.db import db, transaction
from app.engine import handlers, incidents
from app.engine.contracts import YES_OR_NO, Contract, Life, moves, parting
from app.engine.models import Incident
from app.engine.standing import StrayRecord
from tests.engine.kit import NOON, Office, diagram, end, line, service, start, user

LIFE = Life({"sent": "待审核", "passed": "审核通过", "stored": "已入库"}, ends=("stored",),
            shown={"passed": ("sent",)})  # fmt: skip


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The record of the process `stored`, and what its handler `store` makes of it."""
    monkeypatch.setattr(handlers, "_matters", dict(handlers.matters()))
    stored = handlers.matter("stored", "入库", life=LIFE)
    record = {"status": "sent", "becomes": "stored"}
    handlers.standing("stored")(lambda _id: record["status"])

    @handlers.service("store", Contract(stored, moves=moves(("passed",), "stored")))
    def store(step: handlers.Step) -> None:
        record["status"] = record["becomes"]

    @handlers.save(
        "look",
        Contract(stored, gives={"is_good": YES_OR_NO},
                 moves=parting("is_good", ("sent",), {True: "passed", False: "sent"})),
    )  # fmt: skip
    def look(step: handlers.Step, answers: object) -> handlers.Outcomes:
        return {} if record["becomes"] == "stored" else {"is_good": True}

    yield record
    for registry, name in ((handlers.standing, "stored"), (handlers.service, "store"),
                           (handlers.save, "look")):  # fmt: skip
        registry.remove(name)


def publish(office: Office) -> None:
    tasks = (
        start(),
        user("look", save="look", outcomes="is_good"),
        service("keep", "store"),
        end(),
    )
    drawn = diagram("stored", *tasks, line("begun", "look", "keep", "ended"))
    office.publish(drawn, key="stored")


def test_a_handler_that_does_what_its_contract_says_goes_on(
    office: Office, record: dict[str, str]
) -> None:
    """For a diagram of before it gives fewer outcomes, and may still do all that it does."""
    publish(office)
    instance_id = office.begin("stored")
    office.do("look")
    assert office.status(instance_id) == "completed"


def test_a_handler_that_leaves_its_record_elsewhere_is_undone_and_told_as_an_incident(
    office: Office, record: dict[str, str]
) -> None:
    publish(office)
    office.begin("stored")
    record["becomes"] = "sent"
    with pytest.raises(incidents.StepFailed) as failed, incidents.reported(NOON):
        office.do("look")
    assert isinstance(failed.value.cause, StrayRecord)
    assert (office.open(), office.log()) == (["look"], [])
    with transaction(write=False):
        incident = db.session.scalars(sa.select(Incident)).one()
        said = incident.message
    assert "“store”办理后，业务应当是“已入库”，实际是“待审核”" in said
