"""What items were made of where nobody typed them: told apart, so that nothing is taken twice."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from app.accounts.models import Person
from app.core.db import db


def origin_of(way: str, *parts: Any) -> str:
    """Return the hash of a source: the way it came, and what tells it apart there."""
    said = json.dumps([way, *parts], ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()


def answered(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that were answered: an empty one and a missing one say the same.

    Zero is an answer; a box that is not ticked is none.
    """
    return {
        name: value
        for name, value in data.items()
        if value is not False and value not in (None, "", [])
    }


def hold_portfolio(person_id: int) -> None:
    """Let a person's files, entries and copies be taken one after another.

    What refers to the person is not held up by it.
    """
    held = select(Person.id).where(Person.id == person_id)
    db.session.execute(held.with_for_update(key_share=True))
