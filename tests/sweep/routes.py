"""Every route is tried as everybody of the cast, on records that are there and on none.

The table (who_gets_in.yaml) names those of the cast whom a record lets in, for each page and act
that looks at one; everywhere else the table of permissions says it. Whoever is not named must be
refused. An act is tried only by who is to be refused, so that nothing changes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import flask.templating
import yaml
from flask import Flask
from werkzeug.routing import IntegerConverter, Rule

from app.accounts.queries import live_grants
from app.core.clock import now
from app.core.db import transaction
from app.core.permissions import ACTIONS, role_allows
from tests.conftest import Browser
from tests.sweep import world

TABLE = Path(__file__).with_name("who_gets_in.yaml")
NOWHERE = 999_999_999
REFUSED = frozenset({401, 403, 404})
# Whoever tries another's server gets in, and is told that it does not answer.
OF_ANOTHER = 502
# Who signs out is nobody any more.
LEFT_OUT = frozenset({"accounts.logout"})

Table = dict[str, list[str]]


@dataclass(frozen=True)
class Door:
    """One method of a route, as a line of the table calls it: GET declarations.show."""

    method: str
    rule: Rule

    @property
    def name(self) -> str:
        """The key of the table."""
        return f"{self.method} {self.rule.endpoint}"

    @property
    def records(self) -> list[str]:
        """The variables of the address that stand for a record."""
        converters = self.rule._converters.items()
        return [name for name, each in converters if isinstance(each, IntegerConverter)]

    def action(self, app: Flask) -> str:
        """The action that the route declares."""
        return str(vars(app.view_functions[self.rule.endpoint])["action"])

    def address(self, app: Flask, *, nowhere: bool = False) -> str:
        """Return the address on the records of the world, or on records that nobody has."""
        room, page = self.rule.endpoint.split(".")
        values: dict[str, Any] = {}
        for name in self.rule.arguments:
            found = world.record(room, page, name)
            values[name] = found if found is not None else NOWHERE
            if nowhere and name in self.records:
                values[name] = NOWHERE
        return str(app.url_map.bind("localhost").build(self.rule.endpoint, values, self.method))


def doors(app: Flask) -> list[Door]:
    """Return every method of every route, in the order of the table."""
    found = [
        Door(method, rule)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if rule.endpoint != "static" and rule.endpoint not in LEFT_OUT
    ]
    return sorted(found, key=lambda door: (door.rule.endpoint, door.method, door.rule.rule))


@contextmanager
def each_page_drawn_once() -> Iterator[None]:
    """Draw a template the first time only: the status tells who gets in, and words take long."""
    draw, drawn = flask.templating._render, set()

    def draw_once(app: Flask, template: Any, context: dict[str, Any]) -> str:
        if template.name in drawn:
            return ""
        drawn.add(template.name)
        return draw(app, template, context)

    with patch.object(flask.templating, "_render", draw_once):
        yield


def lets_in(answer: Any, where: str) -> bool:
    """Say whether an answer let in who asked. AssertionError on one that failed of ours."""
    failed = answer.status_code >= 500 and answer.status_code != OF_ANOTHER
    assert not failed, (where, answer.status_code)
    is_sent_away = answer.status_code in {302, 303} and "/login" in answer.location
    return answer.status_code not in REFUSED and not is_sent_away


class Sweep:
    """The cast with a browser each, in front of every door."""

    def __init__(self, app: Flask, client_for: Callable[..., Browser]) -> None:
        self.app = app
        self.table: Table = yaml.safe_load(TABLE.read_text("utf-8"))
        with transaction(write=False):
            people = {who: world.person_called(n) if n else None for who, n in world.CAST.items()}
            self.roles = {
                who: {grant.role for grant in live_grants(person.id, now())} if person else set()
                for who, person in people.items()
            }
        self.browsers = {who: client_for(person) for who, person in people.items()}

    def allowed(self, door: Door) -> set[str]:
        """Return those of the cast whose roles allow the action, whatever the record."""
        action = door.action(self.app)
        return {
            who
            for who, roles in self.roles.items()
            if role_allows(action, roles, signed_in=who != "visitor")
        }

    def wanted(self, door: Door) -> set[str]:
        """Return who is to get in: by the table where the record decides, else by their roles."""
        row = self.table.get(door.name)
        return self.allowed(door) if row is None else set(row)

    def one_of_each(self, people: set[str]) -> set[str]:
        """Return one of those of the same roles: to a door without a record they are alike."""
        return {*{tuple(sorted(self.roles[who])): who for who in sorted(people)}.values()}

    def gets_in(self, door: Door, who: str, address: str) -> bool:
        """Try a door once. AssertionError on an answer that failed."""
        browser = self.browsers[who]
        answer = (
            browser.get(address) if door.method == "GET" else browser.send(door.method, address)
        )
        return lets_in(answer, f"{door.name} as {who}")

    def faults(self) -> Iterator[str]:
        """Say who gets in or is refused against the table, and who finds what is not there."""
        for door in doors(self.app):
            wanted, allowed = self.wanted(door), self.allowed(door)
            if wanted - allowed:
                yield f"{door.name}: no role of {sorted(wanted - allowed)} allows it"
            if door.name not in self.table and ACTIONS[door.action(self.app)].predicate:
                yield f"{door.name}: the table does not say who gets in"
            with transaction(write=False):
                address = door.address(self.app)
                nowhere = door.address(self.app, nowhere=True) if door.records else None
            tried = self.one_of_each(set(world.CAST) - allowed)
            tried |= allowed if door.name in self.table else self.one_of_each(allowed)
            tried -= set() if door.method == "GET" else wanted
            amiss = {who for who in tried if self.gets_in(door, who, address) != (who in wanted)}
            if amiss:
                yield f"{door.name}: not as the table says: {sorted(amiss)}"
            lost = {who for who in allowed if nowhere and self.gets_in(door, who, nowhere)}
            if lost:
                yield f"{door.name}: without a record: {sorted(lost)}"
