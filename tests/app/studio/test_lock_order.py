"""Sending a returned record again while its process is cancelled: both are done in turn."""

import threading
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Person
from app.certificates.models import ReplacementRequest
from app.certificates.process import REPLACEMENT
from app.core.clock import now
from app.core.db import db, transaction
from app.core.invariants import check_all
from app.engine import care
from app.engine.models import ProcessInstance
from app.portfolio import operations as portfolio
from app.portfolio import queries
from app.portfolio.models import PortfolioItem
from app.units.models import Employment
from app.units.process import BINDING
from tests.app.inbox.conftest import Desk
from tests.builders import portfolio as build
from tests.builders import results
from tests.builders.flow import do
from tests.builders.people import a_person, a_unit

Business = tuple[str, int]
Answer = Callable[[], Any]
WAIT, PATIENCE = 0.02, 500
BLOCKED = """
SELECT count(*) FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


def is_blocked() -> bool:
    return bool(db.session.scalar(sa.text(BLOCKED)))


def while_cancelled(app: Flask, business: Business, post: Answer) -> Any:
    """Cancel the process of a record while a request on it is under way; its answer."""
    answers: list[Any] = []

    def run() -> None:
        with app.app_context():
            answers.append(post())
            db.session.remove()

    other = threading.Thread(target=run)
    with transaction():
        living = sa.select(ProcessInstance.id).where(
            ProcessInstance.business_type == business[0],
            ProcessInstance.business_id == business[1],
            ProcessInstance.status == "running",
        )
        instance = care.lock(db.session.scalars(living).one())
        if db.engine.dialect.name == "postgresql":
            other.start()
            waits = (other.join(WAIT) or is_blocked() for _ in range(PATIENCE))
            assert any(waits), "the request never came to a lock"
        care.cancel(instance, reason="流程图有误", actor_id=None, now=now())
    if not other.ident:
        other.start()
    other.join(60)
    with transaction(write=False):
        assert check_all() == []
    return answers[0]


def test_a_binding(app: Flask, desk_of: Callable[..., Desk], client_for: Any) -> None:
    desk_of()
    with transaction(write=False):
        binding = db.session.scalars(sa.select(Employment)).one()
        person, unit_id = binding.person, binding.unit_id
    business = (BINDING, binding.id)
    do(business, "vet_binding", {"decision": "return", "opinion": "请补充说明"})
    mine = client_for(person)
    answer = while_cancelled(app, business, lambda: mine.post("/binding", {"unit_id": unit_id}))
    assert answer.status_code == 303
    with transaction(write=False):
        rows = db.session.execute(sa.select(Employment.status).order_by(Employment.id)).scalars()
        assert list(rows) == ["cancelled", "pending"]


def test_an_item_of_the_portfolio(app: Flask, client_for: Any) -> None:
    with transaction():
        item_id = build.a_submitted_item(a_person(unit=a_unit())).id
    with transaction():
        build.vet(queries.item_of(item_id), "return", "缺少盖章")
    with transaction(write=False):
        item = queries.item_of(item_id)
        person, form = item.person, _as_typed(item)
    mine = client_for(person)
    business = (portfolio.BUSINESS, item_id)
    answer = while_cancelled(app, business, lambda: mine.post(f"/portfolio/{item_id}", form))
    assert answer.status_code == 303, answer.text
    with transaction(write=False):
        assert queries.item_of(item_id).status == "submitted"


def _as_typed(item: PortfolioItem) -> dict[str, Any]:
    held: dict[str, list[int]] = {}
    for file in item.files:
        held.setdefault(file.slot, []).append(file.file_id)
    return {**item.data, **held, "row_version": item.row_version, "decision": "submit"}


def test_a_replacement(app: Flask, client_for: Any) -> None:
    published, certificate_id = results.an_issued_certificate()
    with transaction(write=False):
        person = published.applicant()
    mine, url = client_for(person), f"/certificates/{certificate_id}/replace"
    assert mine.post(url, _asked(person)).status_code == 303
    with transaction(write=False):
        business = (REPLACEMENT, db.session.scalars(sa.select(ReplacementRequest.id)).one())
    do(business, "vet_replacement", {"decision": "return", "opinion": "请补充证明"})
    form = _asked(person)
    answer = while_cancelled(app, business, lambda: mine.post(url, form))
    assert answer.status_code == 303
    with transaction(write=False):
        made = sa.select(ReplacementRequest.status).order_by(ReplacementRequest.id)
        assert list(db.session.scalars(made)) == ["refused", "pending"]


def _asked(person: Person) -> dict[str, Any]:
    with transaction():
        evidence = build.an_upload(person).id
    changes = {"changes": ["employer"], "employer": "淮城市青禾小学（本部）"}
    return {**changes, "reason": "单位名称有误", "evidence": [evidence], "is_true": "yes"}
