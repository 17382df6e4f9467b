"""What units have been sent of people's portfolios (业绩档案)."""

from collections.abc import Sequence

from sqlalchemy import select, union_all
from sqlalchemy.orm import aliased

from app.portfolio.models import DRAFT, PortfolioItem
from app.units.models import ACTIVE, Employment


def sent_to(unit_ids: Sequence[int]) -> type[PortfolioItem]:
    """Return the items that units have been sent, as a table to select from (FJ-U-08).

    They are what the units review, and what their people had reviewed elsewhere, as before they
    came. One half has nothing of the other, so each is read by its own index: who asks for
    either at once has the database read everybody's.
    """
    sent = select(PortfolioItem).where(PortfolioItem.status != DRAFT)
    staff = select(Employment.person_id).where(
        Employment.unit_id.in_(unit_ids), Employment.status == ACTIVE
    )
    halves = union_all(
        sent.where(PortfolioItem.reviewing_unit_id.in_(unit_ids)),
        sent.where(
            PortfolioItem.reviewing_unit_id.not_in(unit_ids), PortfolioItem.person_id.in_(staff)
        ),
    )
    return aliased(PortfolioItem, halves.subquery("sent"))
