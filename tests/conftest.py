"""Fixtures that every test may use: a fresh database on either engine, people, the clock."""

import gc
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings

from app.accounts import signing_in
from app.accounts.models import Person
from app.core.clock import set_clock
from app.core.db import db, transaction
from app.engine import standing
from app.factory import create_app
from app.units.models import Unit
from tests import contracts, second_run
from tests.builders import played
from tests.builders.people import a_person, a_unit, staff
from tests.builders.sessions import sign_in
from tests.databases import SETTINGS, START, Templates
from tests.throwaway_postgres import running_server

# No test is timed: a busy machine is no fault of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
DATABASE = os.environ.get("TEST_DATABASE", "sqlite")
ON_A_DATABASE = frozenset({"templates", "database", "postgres_server"})
"""Fixtures of which every test asks one, itself or through others, that has a database."""


def pytest_configure(config: pytest.Config) -> None:
    """Let the run on SQLite note what the one on PostgreSQL has to run again."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if DATABASE == "sqlite" and worker is not None:
        config.pluginmanager.register(second_run.Notes(worker))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long tests begin first; PostgreSQL runs those again that ask a database something new."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    if DATABASE == "sqlite":
        return
    again = second_run.worth_running(
        [item for item in items if _has_only_a_database(item.fixturenames)]  # type: ignore[attr-defined]
    )
    config.hook.pytest_deselected(items=[item for item in items if item not in again])
    items[:] = again


def pytest_collection_finish() -> None:
    """Spare the collector of garbage what stays for ever: thousands of tests, every module."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_server() as address:
        yield address


def _has_only_a_database(fixtures: list[str]) -> bool:
    return not ON_A_DATABASE.isdisjoint(fixtures) and "page" not in fixtures


@pytest.fixture(scope="session", autouse=True)
def light_hashing() -> Iterator[None]:
    """Spend little on passwords: what their hash must cost is the matter of tests of its own."""
    light = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signing_in, "_hasher", light)
        yield


@pytest.fixture(scope="session", autouse=True)
def spared_disk() -> Iterator[None]:
    """Let what is written reach the disk when it may: no test ends with the power going off."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _handle: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def kept_contracts() -> Iterator[None]:
    """Hold each handler against the states in which its contract says that it takes a record."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standing, "run", contracts.run)
        yield


@pytest.fixture(scope="session")
def templates(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Templates]:
    server = request.getfixturevalue("postgres_server") if DATABASE == "postgresql" else None
    made = Templates(tmp_path_factory.mktemp("template"), server)
    yield made
    made.close()


@pytest.fixture(scope="session")
def application(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application, built once: its templates and statements stay compiled."""
    folder = tmp_path_factory.mktemp("app")
    url = templates.fresh(folder)
    made = create_app(str(folder / "instance"), SQLALCHEMY_DATABASE_URI=url, **SETTINGS)
    played.watch(made, templates)
    yield made
    with made.app_context():
        db.engine.dispose()


@pytest.fixture
def app(application: Flask, templates: Templates) -> Iterator[Flask]:
    """The application on a fresh database at 2026-11-23 09:00, with its context pushed."""
    settings = dict(application.config)
    templates.renew(settings["SQLALCHEMY_DATABASE_URI"])
    instance = Path(application.instance_path)
    shutil.rmtree(instance, ignore_errors=True)
    shutil.copytree(templates.folder / "instance" / "keys", instance / "keys")
    with application.app_context():
        with transaction():
            set_clock(START)
        with played.fresh(application):
            yield application
        db.session.remove()
        templates.leave(db.engine)
    application.config.clear()
    application.config.update(settings)


@pytest.fixture
def at(app: Flask) -> Callable[[datetime], None]:
    """Move the instance's clock to a moment."""

    def move(moment: datetime) -> None:
        with transaction():
            set_clock(moment)

    return move


class Browser:
    """A person's browser without scripts: it follows forms as the pages give them."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, url: str, **values: Any) -> Any:
        """Read an answer to its end and close it, as a server does."""
        self.forget()
        return self.client.get(url, **{"buffered": True, **values})

    def forget(self) -> None:
        """Drop what the pushed context keeps of the request before: its person and grants."""
        from flask import g

        for name in list(g):
            g.pop(name)

    def token(self) -> str:
        """A token that CSRF protection accepts in this session."""
        from flask_wtf.csrf import generate_csrf

        with self.client.session_transaction() as session:
            raw = session.get("csrf_token")
        app = self.client.application
        with app.test_request_context():
            from flask import g
            from flask import session as inner

            if raw:
                inner["csrf_token"] = raw
            token = generate_csrf()
            fresh = inner["csrf_token"]
            g.pop("csrf_token", None)
        if not raw:
            with self.client.session_transaction() as session:
                session["csrf_token"] = fresh
        return token

    def post(self, url: str, data: dict[str, Any] | None = None, **values: Any) -> Any:
        """Post a form with its token."""
        self.forget()
        token = self.token()
        self.forget()
        return self.client.post(url, data={**(data or {}), "csrf_token": token}, **values)

    post_form = post

    def send(self, method: str, url: str, **values: Any) -> Any:
        """Send what a script sends: the token stands in a header."""
        self.forget()
        headers = {"Accept": "text/html", "X-CSRFToken": self.token(), **values.pop("headers", {})}
        self.forget()
        return self.client.open(url, method=method, headers=headers, buffered=True, **values)


@pytest.fixture
def client_for(app: Flask) -> Callable[..., Browser]:
    """Return the browser of a person who is signed in, or of a visitor for None."""

    def open_browser(person: Any = None) -> Browser:
        client = app.test_client()
        if person is not None:
            sign_in(client, person.id)
        return Browser(client)

    return open_browser


@pytest.fixture
def school(app: Flask) -> Unit:
    """A unit with its clerk and its leader."""
    del app
    with transaction():
        return a_unit()


@pytest.fixture
def clerk(school: Unit) -> Person:
    """Who vets for the school."""
    with transaction(write=False):
        return staff(school, "unit_clerk")


@pytest.fixture
def teacher(school: Unit) -> Person:
    """An applicant of the school."""
    with transaction():
        return a_person("柏小满", unit=school)
