"""The three administrators of an instance."""

from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core.db import transaction
from tests.builders.people import a_person
from tests.conftest import Browser


def an_administrator(app: Flask, role: str, name: str) -> Person:
    with transaction():
        return a_person(name, roles=[(role, "all", None)])


@pytest.fixture
def system(app: Flask, client_for: Any) -> Browser:
    """The browser of the system administrator."""
    browser: Browser = client_for(an_administrator(app, "system_admin", "庾一鸣"))
    return browser


@pytest.fixture
def security(app: Flask, client_for: Any) -> Browser:
    """The browser of the security administrator."""
    browser: Browser = client_for(an_administrator(app, "security_admin", "阚双全"))
    return browser


@pytest.fixture
def auditor(app: Flask, client_for: Any) -> Browser:
    """The browser of the audit administrator."""
    browser: Browser = client_for(an_administrator(app, "audit_admin", "缪三省"))
    return browser
