"""Figures of a request: one task of the main job completed through HTTP."""

import gc
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from app.accounts.models import Person
from app.core.db import db, transaction
from app.engine.models import ProcessInstance, WorkItem
from app.factory import create_app
from tests.bench.figures import Figure, scaled_ms
from tests.builders.declarations import a_chain, golden_declaration, golden_plan
from tests.builders.flow import do, open_items, person_for
from tests.builders.golden_case import SENT_UP, VET_PASS
from tests.builders.people import a_person, an_id_number
from tests.builders.sessions import sign_in
from tests.conftest import SETTINGS, START, Browser, Templates, set_clock

SAMPLES = 20
BOOKKEEPING = ("BEGIN", "PRAGMA", "SAVEPOINT", "RELEASE")
# The same engine behind the same framework elsewhere (spiff-arena): one completed task.
PEER_STATEMENTS, PEER_COMMITS, PEER_CPU_MS = 73, 5, 41


@dataclass
class Watch:
    """Counts statements and commits of the engine's connections."""

    statements: list[str] = field(default_factory=list)
    commits: int = 0

    def start(self) -> None:
        """Listen from now on."""
        sa.event.listen(db.engine, "before_cursor_execute", self._statement)
        sa.event.listen(db.engine, "commit", self._commit)

    def stop(self) -> None:
        """Listen no more."""
        sa.event.remove(db.engine, "before_cursor_execute", self._statement)
        sa.event.remove(db.engine, "commit", self._commit)

    def _statement(self, _connection: Any, _cursor: Any, text: str, *_more: Any) -> None:
        if not text.startswith(BOOKKEEPING):
            self.statements.append(text)

    def _commit(self, _connection: Any) -> None:
        self.commits += 1


def application(folder: Path) -> Flask:
    """An application on a fresh SQLite database, its processes loaded."""
    (folder / "fresh").mkdir()
    url = Templates(folder, None).fresh(folder / "fresh")
    return create_app(str(folder / "instance"), SQLALCHEMY_DATABASE_URI=url, **SETTINGS)


def signed_in(app: Flask, person_id: int) -> Browser:
    """A browser in which a person has signed in."""
    client = app.test_client()
    sign_in(client, person_id)
    return Browser(client)


def _declarations(count: int) -> list[int]:
    """Complete declarations of one school, each sent up to its clerk."""
    with transaction():
        city, _district, school = a_chain()
        plan = golden_plan(city)
        made = []
        for number in range(count):
            number_text = an_id_number(date(1985, 3, 1 + number))
            person = a_person(f"申报人{number}", id_number=number_text, unit=school)
            made.append(golden_declaration(plan, person, complete=True).id)
    for declaration_id in made:
        do(("declaration", declaration_id), "fill_declaration")
    return made


def _task(declaration_id: int) -> tuple[int, int, int]:
    """The task in which its unit vets a declaration: the task, its clerk, its instance."""
    with transaction(write=False):
        item: WorkItem = open_items(("declaration", declaration_id), "vet_declaration")[0]
        person: Person = person_for(item)
        return item.id, person.id, item.instance_id


def figures(app: Flask) -> Iterator[Figure]:
    """Complete the unit's task of several declarations, the first to warm up."""
    with app.app_context():
        with transaction():
            set_clock(SENT_UP)
        waiting = _declarations(SAMPLES + 1)
        with transaction():
            set_clock(START)
        # What building left behind is no garbage of the requests that are measured.
        gc.collect()
        gc.freeze()
        runs = [_complete(app, number) for number in waiting][1:]
        gc.unfreeze()
    statements = max(len(watch.statements) for watch, _, _ in runs)
    commits = max(watch.commits for watch, _, _ in runs)
    took = median(took for _, took, _ in runs)
    yield Figure("http_completion_sql", statements, "statements", 18, PEER_STATEMENTS)
    yield Figure("http_completion_commits", commits, "commits", 1, PEER_COMMITS)
    yield Figure("http_completion_cpu_ms", round(took, 2), "ms", 10, PEER_CPU_MS)
    yield Figure("declaration_state_bytes", max(size for *_, size in runs), "bytes", 10240)


def _complete(app: Flask, declaration_id: int) -> tuple[Watch, float, int]:
    item_id, person_id, instance_id = _task(declaration_id)
    browser = signed_in(app, person_id)
    form = {**VET_PASS, "csrf_token": browser.token(), "request_key": f"bench{item_id}"}
    browser.forget()
    db.session.remove()
    # The request as the server hands it over: what the browser spends on it is not ours.
    cookie = browser.client.get_cookie(app.config["SESSION_COOKIE_NAME"])
    sent = EnvironBuilder(
        f"/tasks/{item_id}",
        method="POST",
        data=form,
        headers={"Cookie": f"{cookie.key}={cookie.value}"} if cookie else {},
    ).get_environ()
    watch, answers = Watch(), []
    watch.start()
    took = scaled_ms(lambda: answers.append(run_wsgi_app(app, sent, buffered=True)))
    watch.stop()
    assert answers[0][1].startswith("303"), answers[0]
    with transaction(write=False):
        size = len(db.session.get_one(ProcessInstance, instance_id).state)
    return watch, took, size
