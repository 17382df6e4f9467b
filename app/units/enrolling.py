"""Taking people in as a unit's own with new accounts, one or thousands at once (HB-U-06)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.accounts.opening import Given, Newcomer, give_roles, insert_many, open_accounts
from app.core import audit
from app.core.crypto import fold_id
from app.core.numbers import birth_and_gender
from app.units.models import ACTIVE, Employment

APPLICANT = "applicant"


@dataclass(frozen=True)
class Entrant:
    """Somebody whom a unit opens an account for: to apply for titles, or to work for it."""

    unit_id: int
    name: str
    id_number: str
    phone: str = ""
    applies: bool = True
    roles: tuple[str, ...] = ()
    until: datetime | None = None

    @property
    def newcomer(self) -> Newcomer:
        """What the platform keeps of them; gender and birth are told by the number."""
        number = fold_id(self.id_number)
        born, gender = birth_and_gender(number)
        return Newcomer(self.name, number, gender, born, self.phone)

    def given(self, person_id: int) -> list[Given]:
        """Return the roles that they begin with."""
        own = [Given(person_id, APPLICANT, "all", None)] if self.applies else []
        at_unit = (Given(person_id, r, "org", self.unit_id, self.until) for r in self.roles)
        return [*own, *at_unit]


def enrol(
    entrants: Sequence[Entrant], *, actor_id: int, now: datetime, note: str = "单位开通账号"
) -> list[tuple[int, str]]:
    """Open the accounts of a unit's own people; who applies is bound to it at once.

    Returns of each the person's id and the one-time secret. Numbers and names were checked.
    """
    opened = open_accounts([e.newcomer for e in entrants], actor_id=actor_id, now=now)
    pairs = [(e, person_id) for e, (person_id, _) in zip(entrants, opened, strict=True)]
    give_roles([each for e, who in pairs for each in e.given(who)], actor_id=actor_id, now=now)
    bound = [_binding(e, who, note, actor_id, now) for e, who in pairs if e.applies]
    about = [(key, dict[str, Any]()) for key in insert_many(Employment, bound)]
    tag = "binding:entered"
    audit.record_many(tag, kind="employment", about=about, actor_id=actor_id, now=now)
    return opened


def _binding(
    entrant: Entrant, person_id: int, note: str, actor_id: int, now: datetime
) -> dict[str, Any]:
    return {
        "person_id": person_id,
        "unit_id": entrant.unit_id,
        "status": ACTIVE,
        "note": note,
        "requested_at": now,
        "decided_at": now,
        "decided_by": actor_id,
    }
