"""The pages of a declaration read it whole, one statement a kind, however much it holds."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.core.db import db, transaction
from tests.builders.declarations import a_declaration, a_draft
from tests.builders.flow import open_items, person_for
from tests.builders.golden_case import VET_PASS
from tests.builders.people import staff
from tests.builders.statements import statements_sent

Clients = Callable[..., Any]
# One of them asks whether the process is halted, one whether the portfolio has later versions.
MOST = 32
# Reviewers are told who claims the same: the items, what was sent of them, their marks, the
# pictures that look like theirs, which marks many share, and the others who have them; and their
# own task about it. That they read it is noted, once a day.
OF_REVIEWERS = 8
# Once it is under way: when each office acted, to call it as it was called then.
OF_OFFICES = 1
BOOKKEEPING = ("BEGIN", "SAVEPOINT", "RELEASE", "SELECT pg_advisory")


def statements(client: Any, url: str) -> list[str]:
    """What a page asks of the database."""
    client.get(url)
    with statements_sent() as sent:
        assert client.get(url).status_code == 200
    return sent


@pytest.mark.parametrize(
    "section",
    [
        "basics",
        "work",
        "education",
        "assessment",
        "merits",
        "files",
        "attachments",
        "overview",
        "submit",
    ],
)
def test_a_section_is_read_in_few_statements(
    app: Flask, client_for: Clients, section: str
) -> None:
    case = a_draft(complete=True)
    client = client_for(case.person)
    seen = statements(client, f"/declarations/{case.id}/fill/{section}?checked=1")
    assert len(seen) <= MOST, "\n".join(seen)


def test_a_declaration_in_review_is_read_in_few_statements(
    app: Flask, client_for: Clients
) -> None:
    case = a_declaration()
    with transaction(write=False):
        clerk = staff(db.session.merge(case.unit, load=False), "unit_clerk")
    most, url = MOST + OF_OFFICES, f"/declarations/{case.id}"
    for client, more in ((client_for(case.person), 0), (client_for(clerk), OF_REVIEWERS)):
        seen = statements(client, url)
        assert len(seen) <= most + more, "\n".join(seen)


def test_a_task_is_completed_in_few_statements(app: Flask, client_for: Clients) -> None:
    case = a_declaration()
    with transaction(write=False):
        item = open_items(("declaration", case.id), "vet_declaration")[0]
        url, clerk = f"/tasks/{item.id}", person_for(item)
    client = client_for(clerk)
    form = {**VET_PASS, "csrf_token": client.token(), "request_key": "once"}
    client.get(url)
    client.forget()
    with statements_sent() as sent:
        assert client.client.post(url, data=form).status_code == 303
    asked = [each for each in sent if not each.startswith(BOOKKEEPING)]
    assert len(asked) == 18, "\n".join(asked)
