"""What the expert pool tells the permission table and the personal centre."""

from app.core.permissions import register_predicate
from app.experts import importing
from app.experts.models import ExpertProfile
from app.experts.queries import keeps_expert
from app.people.known import KnownKind, of_person, register_known

__all__ = ["importing"]
register_predicate("keeps_expert")(keeps_expert)
register_known(
    50,
    KnownKind(
        "专家库资料",
        of_person(ExpertProfile),
        {"工作单位": lambda e: e.unit_name, "专业": lambda e: e.specialty},
    ),
)
