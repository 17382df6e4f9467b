"""Roles of one unit that no person holds together.

Who vets does not agree to the same, and who watches over meetings neither runs nor approves them.
"""

from collections.abc import Collection

from app.core.errors import Invalid
from app.core.permissions import ROLES

PAIRS = (
    ("unit_clerk", "unit_leader"),
    ("superior_clerk", "superior_leader"),
    ("organiser", "organiser_leader"),
    # The one draws a meeting up and reports it, the other agrees to it.
    ("meeting_clerk", "organiser_leader"),
    # Two of three keys open a ballot box: the supervisor's is held by none of the organiser's.
    ("meeting_clerk", "supervisor"),
    ("organiser", "supervisor"),
    ("organiser_leader", "supervisor"),
)
PAIRED = frozenset(role for pair in PAIRS for role in pair)
BOTH = "经办人与领导不能是同一人"


def apart_from(role: str, others: Collection[str]) -> list[str]:
    """Return which of these other roles at a unit nobody has beside this one."""
    pairs = (pair for pair in PAIRS if role in pair)
    return [other for pair in pairs for other in pair if other != role and other in others]


def is_apart(role: str, others: Collection[str]) -> bool:
    """Tell whether somebody with these other roles at a unit cannot have this one there."""
    return bool(apart_from(role, others))


def refuse_both(role: str, others: Collection[str]) -> None:
    """Raise Invalid for a role that nobody has beside these others of the same unit."""
    for other in apart_from(role, others):
        raise Invalid(
            f"此人在该单位已有“{ROLES[other]}”角色（或待复核），与“{ROLES[role]}”不能是同一人",
            field="role",
        )
