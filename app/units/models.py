"""Units (单位), the tree they form, and who works where."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Person
from app.core.db import Id, Instant, Model, pk

KINDS = ("机关", "事业单位", "企业", "民办", "人事代理机构", "社会团体", "二级单位", "职能部门")
PENDING, ACTIVE, RETURNED, ENDED = "pending", "active", "returned", "ended"


class Unit(Model):
    """An organisation in the tree; its root belongs to a jurisdiction."""

    __tablename__ = "unit"
    __table_args__ = (
        CheckConstraint("parent_id IS NULL OR parent_id <> id", name="no_unit_is_its_parent"),
        CheckConstraint(
            "reports_to_id IS NULL OR reports_to_id <> id", name="no_unit_reports_to_itself"
        ),
        CheckConstraint(f"kind IN {KINDS!r}", name="kind_is_known"),
    )

    id: Mapped[int] = pk()
    jurisdiction: Mapped[str] = mapped_column(String(30), index=True)
    name: Mapped[str] = mapped_column(String(100), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    parent_id: Mapped[int | None] = mapped_column(Id, ForeignKey("unit.id"), index=True)
    # The next office of the review chain: often the parent, but a district's education bureau
    # reports to the district's personnel bureau, and that one to the city's education bureau.
    reports_to_id: Mapped[int | None] = mapped_column(Id, ForeignKey("unit.id"))
    credit_code: Mapped[str | None] = mapped_column(String(18), unique=True)
    has_leader: Mapped[bool] = mapped_column(default=True)
    # A closed unit stays: what it once vetted names it.
    closed_at: Mapped[datetime | None] = mapped_column(Instant)

    parent: Mapped["Unit | None"] = relationship(remote_side=[id], foreign_keys=[parent_id])
    reports_to: Mapped["Unit | None"] = relationship(
        remote_side=[id], foreign_keys=[reports_to_id]
    )

    @property
    def is_public_institution(self) -> bool:
        """Tell whether the unit is a 事业单位, whose posts are counted."""
        return self.kind == "事业单位"


class Employment(Model):
    """A person bound to a unit (人员绑定单位); it counts only once the unit approved it."""

    __tablename__ = "employment"
    __table_args__ = (
        CheckConstraint(
            "status IN ('pending', 'active', 'returned', 'ended')", name="status_is_known"
        ),
        CheckConstraint(
            "status NOT IN ('active', 'ended') OR decided_at IS NOT NULL",
            name="a_decision_has_a_date",
        ),
        Index(
            "uq_employment_one_open",
            "person_id",
            unique=True,
            sqlite_where=text("status IN ('pending', 'returned')"),
            postgresql_where=text("status IN ('pending', 'returned')"),
        ),
        Index(
            "uq_employment_one_active",
            "person_id",
            unique=True,
            sqlite_where=text("status = 'active'"),
            postgresql_where=text("status = 'active'"),
        ),
    )

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    unit_id: Mapped[int] = mapped_column(Id, ForeignKey("unit.id"), index=True)
    status: Mapped[str] = mapped_column(String(10), default=PENDING)
    note: Mapped[str] = mapped_column(String(500), default="")
    opinion: Mapped[str] = mapped_column(String(500), default="")
    requested_at: Mapped[datetime] = mapped_column(Instant)
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_by: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    unit: Mapped[Unit] = relationship()
