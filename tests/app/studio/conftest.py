"""A process admin at the browser, and somebody's task to take care of."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core.db import transaction
from tests.app.inbox.conftest import Desk, desk_of
from tests.builders.people import a_person

__all__ = ["desk_of"]


@pytest.fixture
def admin(app: Flask) -> Person:
    with transaction():
        return a_person("简知微", roles=[("process_admin", "all", None)])


@pytest.fixture
def desk(app: Flask, desk_of: Callable[..., Desk]) -> Desk:
    return desk_of()


@pytest.fixture
def browser(admin: Person, client_for: Callable[..., Any]) -> Any:
    return client_for(admin)
