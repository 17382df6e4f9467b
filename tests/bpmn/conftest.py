"""Diagrams are played in the engine's own bare office, on a fresh database."""

from tests.engine.conftest import database, office

__all__ = ["database", "office"]
