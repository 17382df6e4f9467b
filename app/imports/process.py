"""What imports tell the permission table."""

from datetime import datetime
from typing import Any

from app.accounts.models import Person
from app.core.permissions import register_predicate
from app.imports.kinds import kind_called
from app.imports.queries import may_import


@register_predicate("may_import")
def may_import_this(person: Person, what: Any, now: datetime) -> bool:
    """Whoever may import the kind at the unit: what is to be imported, or was.

    What everybody imports for themselves is nobody else's.
    """
    kind = kind_called(what.kind)
    if kind is not None and kind.own and what.person_id not in {None, person.id}:
        return False
    return may_import(person, what.kind, what.unit_id, now)


@register_predicate("handed_in")
def handed_in(person: Person, batch: Any, now: datetime) -> bool:
    """Whoever handed the file in, while they may still import."""
    return batch.person_id == person.id and may_import_this(person, batch, now)
