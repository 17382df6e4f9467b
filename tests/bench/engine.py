"""Figures of the engine: what a step costs over the bare one, and that it does not grow."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.pool import StaticPool

from app.core.db import db, transaction
from app.engine import definitions, state
from app.engine.environment import Engine
from app.engine.models import ProcessInstance
from app.engine.moments import bound
from tests.bench.figures import Figure, scaled_ms
from tests.engine.conftest import open_tables
from tests.engine.kit import NOON, Office, reviewed
from tests.storms.ground import own_handlers

STEPS = 1000
SAMPLE = 20


def figures(folder: Path) -> Iterator[Figure]:
    """Play a case that comes back again and again; compare its first steps with its last."""
    app = Flask("bench_engine")
    app.config.update(
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder / 'engine.db'}",
        SQLALCHEMY_ENGINE_OPTIONS={"poolclass": StaticPool},
    )
    db.init_app(app)
    with app.app_context():
        open_tables()
        with own_handlers():
            office = Office(app)
            office.publish(reviewed(), key="case_review")
            instance_id = office.begin()
            office.do("fill")
            bare = median(_bare_step(instance_id) for _ in range(2 * SAMPLE))
            first, early = _sampled(office), len(_stored(instance_id))
            for _ in range((STEPS - 2 * SAMPLE) // 2):
                _come_back(office)
            last, late = _sampled(office), len(_stored(instance_id))
        db.session.remove()
        db.engine.dispose()
    yield Figure("engine_step_ratio", round(first / bare, 2), "x", 3, 1)
    yield Figure("engine_step_cpu_ms", round(first, 2), "ms", 3, bare)
    yield Figure("returning_process_ratio", round(last / first, 2), "x", 1.2, 1)
    yield Figure("state_bytes", max(early, late), "bytes", 10240)


def _sampled(office: Office) -> float:
    """CPU time of a step of the case that comes back again and again."""
    acts = (lambda: office.do("vet", decision="return"), lambda: office.do("fill"))
    return median(scaled_ms(acts[number % 2]) for number in range(SAMPLE))


def _come_back(office: Office) -> None:
    office.do("vet", decision="return")
    office.do("fill")


def _stored(instance_id: int) -> bytes:
    with transaction(write=False):
        found = sa.select(ProcessInstance.state).where(ProcessInstance.id == instance_id)
        return db.session.execute(found).scalar_one()


def _bare_step(instance_id: int) -> float:
    """Load, run one task and store, with nothing around it; what it did is rolled back."""
    with transaction(write=False):
        instance = db.session.get_one(ProcessInstance, instance_id)
        specs = definitions.bundle_of(instance).specs

    def step() -> None:
        with transaction() as unit:
            unit.rollback_only = True
            where = ProcessInstance.id == instance_id
            read = sa.select(ProcessInstance.state).where(where)
            workflow = state.loads(db.session.execute(read).scalar_one(), specs)
            _run_one(workflow)
            kept = sa.update(ProcessInstance).where(where).values(state=state.dumps(workflow))
            db.session.execute(kept)

    return scaled_ms(step)


def _run_one(workflow: Any) -> None:
    workflow.script_engine = Engine(lambda _task: None)
    task = next(t for t in state.live_tasks(workflow) if t.task_spec.bpmn_id == "vet")
    task.data["decision"] = "return"
    with bound(NOON):
        task.run()
        workflow.do_engine_steps()
