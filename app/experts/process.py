"""What the expert pool tells the permission table."""

from app.core.permissions import register_predicate
from app.experts.queries import keeps_expert

register_predicate("keeps_expert")(keeps_expert)
