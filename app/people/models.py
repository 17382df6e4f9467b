"""The title series of a person, corrections of identity, and exports of one's own data."""

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.catalogue.models import Series
from app.core.db import Id, Model, pk

MOST_SERIES = 3


class PersonSeries(Model):
    """A title series in which a person works (所在职称系列), at one of three places."""

    __tablename__ = "person_series"
    __table_args__ = (
        UniqueConstraint("person_id", "place"),
        UniqueConstraint("person_id", "series_id"),
        CheckConstraint(
            f"place BETWEEN 1 AND {MOST_SERIES}", name="a_person_has_up_to_three_series"
        ),
    )

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    place: Mapped[int]
    series_id: Mapped[int] = mapped_column(Id, ForeignKey("series.id"))

    series: Mapped[Series] = relationship(lazy="joined")
