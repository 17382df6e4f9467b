"""Signed-in browsers for tests and benches: the one place that makes sessions by hand."""

from flask.testing import FlaskClient

from app.accounts.sessions import signed_in_values
from app.core.clock import now
from app.core.db import transaction


def sign_in(client: FlaskClient, person_id: int) -> None:
    """Begin a session of a person in this client, without a password."""
    with client.application.app_context(), transaction():
        values = dict(signed_in_values(person_id, now()))
    with client.session_transaction() as session:
        session.update(values)
