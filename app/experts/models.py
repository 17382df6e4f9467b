"""Experts who may be drawn for review meetings (评审专家)."""

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Person
from app.committees.models import Committee
from app.core.db import Id, Model, pk


class ExpertProfile(Model):
    """What the expert pool (专家库) knows of a person; a committee's members name it."""

    __tablename__ = "expert_profile"

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"), unique=True)
    unit_name: Mapped[str] = mapped_column(String(100))
    specialty: Mapped[str] = mapped_column(String(60), index=True)
    committee_id: Mapped[int | None] = mapped_column(Id, ForeignKey("committee.id"), index=True)
    # The office that entered the expert (入库单位) and answers for what the pool says of them.
    keeper_unit_id: Mapped[int | None] = mapped_column(Id, ForeignKey("unit.id"), index=True)

    person: Mapped[Person] = relationship()
    committee: Mapped[Committee | None] = relationship()
