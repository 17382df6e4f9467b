"""A worker that is going to be killed: it does whatever can be done and says what it committed."""

from multiprocessing.connection import Connection
from typing import NoReturn

import sqlalchemy as sa

from app.core.db import db, transaction
from app.engine import handlers, runtime, workers
from app.engine.models import ProcessInstance, WorkItem
from tests.engine.kit import (
    CLERK,
    NOON,
    Office,
    catch,
    diagram,
    end,
    line,
    message,
    receives,
    service,
    start,
    user,
)
from tests.storms.ground import application

OPEN_CASES = 8
Said = tuple[str, int]
"""That the worker is ready, or that it has committed a task (done) or a case (begun)."""


def publish(office: Office) -> None:
    """Publish a case that asks another record and waits for its answer."""
    case = diagram(
        "case", start(), user("fill", save=""), service("ask", "ask"),
        catch("answered", receives("answer")), user("vet", save=""), end(),
        line("begun", "fill", "ask", "answered", "vet", "ended"), extra=message("answer"),
    )  # fmt: skip
    echo = diagram(
        "echo", start(), user("reply", save=""), service("tell", "tell"), end(),
        line("begun", "reply", "tell", "ended"),
    )  # fmt: skip
    office.publish(case, key="case")
    office.publish(echo, key="echo")


def connect() -> None:
    """Register what the diagrams call."""

    @handlers.presenter("echo")
    def present(number: int) -> handlers.Card:
        return handlers.Card(f"回复{number}", "", "/")

    @handlers.service("ask")
    def ask(step: handlers.Step) -> None:
        other = ("echo", step.business_id)
        step.start("echo", business=other, unique=f"ask:{step.business_id}")

    @handlers.service("tell")
    def tell(step: handlers.Step) -> None:
        back = ("case", step.business_id)
        step.send("answer", business=back, unique=f"tell:{step.business_id}")


def work(url: str, told: Connection) -> NoReturn:
    """Do one open task after another, begin new cases, deliver messages; never end."""
    with application(url).app_context() as context:
        Office(context.app)
        connect()
        told.send(("ready", 0))
        while True:
            for act in (_complete, _begin):
                if (done := act()) is not None:
                    told.send(done)
            workers.deliver_messages(NOON, 3)


def _complete() -> Said | None:
    with transaction():
        found = sa.select(WorkItem).where(WorkItem.status == "open").order_by(WorkItem.id)
        item = db.session.scalars(found.limit(1)).first()
        if item is None:
            return None
        done = ("done", item.id)
        runtime.complete(item, {"decision": "pass"}, actor_id=CLERK, now=NOON)
    return done


def _begin() -> Said | None:
    with transaction():
        cases = ProcessInstance.process_key == "case"
        last = db.session.scalar(sa.select(sa.func.max(ProcessInstance.business_id)).where(cases))
        running = sa.select(sa.func.count()).where(cases, ProcessInstance.status == "running")
        if (db.session.scalar(running) or 0) >= OPEN_CASES:
            return None
        number = (last or 0) + 1
        business = ("case", number)
        runtime.start("case", business=business, jurisdiction="", actor_id=CLERK, now=NOON)
    return ("begun", number)
