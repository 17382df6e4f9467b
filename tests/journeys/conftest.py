"""The people of 淮城 who play the golden case."""

import pytest
from flask import Flask

from tests.journeys.kit import Company, Enter, a_company


@pytest.fixture
def company(app: Flask, client_for: Enter) -> Company:
    """Units, staff, an open plan, a teacher with nothing entered, and the pool of experts."""
    return a_company(client_for)
