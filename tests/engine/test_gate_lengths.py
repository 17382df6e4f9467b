"""The bounds of names are those of the tables, whatever the tables become."""

import sqlalchemy as sa

from app.core.db import db
from app.engine import handlers
from app.engine.gate import lengths
from app.engine.models import StepLog, Subscription
from tests.engine.kit import Office, catch, diagram, end, line, message, receives, service, start

TEXT = "流"


def test_the_longest_names_that_pass_can_be_stored(office: Office) -> None:
    handlers.service("work")(lambda _step: {})
    key, node = "p" * lengths.PROCESS_ID, "n" * lengths.NODE_ID
    heard = TEXT * lengths.EVENT_NAME
    drawn = diagram(
        key,
        start(),
        service(node, "work").replace(f"自动{node}", TEXT * lengths.NODE_NAME),
        catch("heard", receives(heard)),
        end(),
        line("begun", node, "heard", "ended"),
        extra=message(heard),
    )
    titled = {
        name: content.decode().replace(f"流程{key}", TEXT * lengths.PROCESS_NAME).encode()
        for name, content in drawn.items()
    }
    office.publish(titled, key=key)
    office.begin(key)
    assert db.session.scalars(sa.select(StepLog.name)).all() == [TEXT * lengths.NODE_NAME]
    assert db.session.scalars(sa.select(Subscription.message)).all() == [heard]


def test_the_bounds_are_those_of_the_columns() -> None:
    bounds = (lengths.PROCESS_ID, lengths.PROCESS_NAME, lengths.NODE_NAME, lengths.EVENT_NAME)
    assert bounds == (60, 120, 120, 60)
