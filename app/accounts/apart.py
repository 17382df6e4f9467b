"""Roles of one unit that no person holds together: who vets does not agree to the same."""

from collections.abc import Collection

from app.core.errors import Invalid
from app.core.permissions import ROLES

APART = {
    "unit_clerk": "unit_leader",
    "unit_leader": "unit_clerk",
    "superior_clerk": "superior_leader",
    "superior_leader": "superior_clerk",
    "organiser": "organiser_leader",
    "organiser_leader": "organiser",
}
BOTH = "经办人与领导不能是同一人"


def is_apart(role: str, others: Collection[str]) -> bool:
    """Tell whether somebody with these other roles at a unit cannot have this one there."""
    return APART.get(role) in others


def refuse_both(role: str, others: Collection[str]) -> None:
    """Raise Invalid for a role that nobody has beside these others of the same unit."""
    if is_apart(role, others):
        other, wanted = ROLES[APART[role]], ROLES[role]
        raise Invalid(
            f"此人在该单位已有“{other}”角色（或待复核），与“{wanted}”不能是同一人", field="role"
        )
