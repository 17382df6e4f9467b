"""Units (单位), the tree they form, and who works where."""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Person
from app.core import crypto
from app.core.db import Id, Instant, Model, pk
from app.units import areas
from app.units.code_lists import (
    AREA_OFFICES,
    COUNTING_POSTS,
    KINDS,
    PARTS,
    TYPES,
    sql_list,
)

PENDING, ACTIVE, RETURNED, ENDED = "pending", "active", "returned", "ended"
WITHDRAWN, CANCELLED = "withdrawn", "cancelled"
BINDING_WORDS = {
    PENDING: ("待审核", "warning"),
    ACTIVE: ("已通过", "success"),
    RETURNED: ("已退回", "danger"),
    ENDED: ("已离开", "secondary"),
    WITHDRAWN: ("已撤回", "secondary"),
    CANCELLED: ("已作废", "secondary"),
}
"""The word and tone that people see for where a person's binding to a unit stands."""


_OPEN = text("closed_at IS NULL")
_OPEN_OFFICE = text(f"closed_at IS NULL AND type IN {sql_list(AREA_OFFICES)}")


class Unit(Model):
    """An organisation in the tree; its root belongs to a jurisdiction."""

    __tablename__ = "unit"
    __table_args__ = (
        CheckConstraint("parent_id IS NULL OR parent_id <> id", name="no_unit_is_its_parent"),
        CheckConstraint(
            "reports_to_id IS NULL OR reports_to_id <> id", name="no_unit_reports_to_itself"
        ),
        CheckConstraint(f"kind IN {sql_list(KINDS)}", name="kind_is_known"),
        CheckConstraint(f"type IN {sql_list(TYPES)}", name="type_is_known"),
        CheckConstraint(
            f"type NOT IN {sql_list(PARTS)} OR parent_id IS NOT NULL",
            name="a_part_has_the_unit_it_belongs_to",
        ),
        CheckConstraint("length(area_code) = 6", name="an_area_has_six_digits"),
        CheckConstraint(
            "merged_into_id IS NULL OR (closed_at IS NOT NULL AND merged_into_id <> id)",
            name="what_is_merged_is_closed",
        ),
        CheckConstraint(
            "(legal_id_sealed IS NULL) = (legal_id_tail = '')",
            name="a_legal_persons_number_is_sealed_and_masked",
        ),
        Index(
            "uq_unit_one_personnel_office_an_area",
            "area_code",
            unique=True,
            sqlite_where=_OPEN_OFFICE,
            postgresql_where=_OPEN_OFFICE,
        ),
        # The code of a closed unit may be given to the one that follows it.
        Index(
            "uq_unit_credit_code_of_open_units",
            "credit_code",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: Mapped[int] = pk()
    jurisdiction: Mapped[str] = mapped_column(String(30), index=True)
    name: Mapped[str] = mapped_column(String(100), index=True)
    # What it is in the tree (单位类型), and what it is in law (单位性质).
    type: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(20))
    area_code: Mapped[str] = mapped_column(String(6), index=True)
    parent_id: Mapped[int | None] = mapped_column(Id, ForeignKey("unit.id"), index=True)
    # The next office of the review chain: often the parent, but a district's education bureau
    # reports to the district's personnel bureau, and that one to the city's education bureau.
    reports_to_id: Mapped[int | None] = mapped_column(Id, ForeignKey("unit.id"))
    credit_code: Mapped[str | None] = mapped_column(String(18))
    has_leader: Mapped[bool] = mapped_column(default=True)
    # What the unit keeps up to date by itself (完善单位信息, FJ-U-21).
    legal_person: Mapped[str] = mapped_column(String(60), default="")
    legal_id_sealed: Mapped[str | None] = mapped_column(String(200), info=crypto.SEALED)
    legal_id_tail: Mapped[str] = mapped_column(String(20), default="")
    contact_name: Mapped[str] = mapped_column(String(60), default="")
    contact_phone: Mapped[str] = mapped_column(String(20), default="")
    address: Mapped[str] = mapped_column(String(200), default="")
    # Since when it has been what it is now; what was before is in its periods.
    standing_since: Mapped[datetime | None] = mapped_column(Instant)
    # A closed unit stays: what it once vetted names it.
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    merged_into_id: Mapped[int | None] = mapped_column(Id, ForeignKey("unit.id"))
    # On what basis it was closed or merged: its past and that of who took it over tell it.
    closed_basis: Mapped[str] = mapped_column(String(300), default="")

    parent: Mapped["Unit | None"] = relationship(remote_side=[id], foreign_keys=[parent_id])
    reports_to: Mapped["Unit | None"] = relationship(
        remote_side=[id], foreign_keys=[reports_to_id]
    )
    merged_into: Mapped["Unit | None"] = relationship(
        remote_side=[id], foreign_keys=[merged_into_id]
    )

    @property
    def area_name(self) -> str:
        """Return what the unit's area (属地) is called."""
        return areas.told(self.area_code)

    @property
    def is_public_institution(self) -> bool:
        """Tell whether the unit is a 事业单位, whose posts are counted."""
        return self.kind in COUNTING_POSTS

    @property
    def gone(self) -> str:
        """Say what became of a unit that is closed, and who does its work; empty while it is open.

        For those who did it: who took the unit over appoints its own staff.
        """
        if self.closed_at is None:
            return ""
        if self.merged_into is None:
            return "该单位已关闭"
        into = self.merged_into.name
        return f"该单位已并入{into}，以后的事项由{into}办理；需在{into}任职的，请联系其单位管理员"

    def set_legal_id(self, number: str) -> None:
        """Seal and mask the identity number of the legal representative; none clears it."""
        kept = crypto.fold_id(number)
        self.legal_id_sealed = crypto.seal(kept) if kept else None
        self.legal_id_tail = crypto.mask_id(kept) if kept else ""


class UnitPeriod(Model):
    """What a unit was called and where it stood for a time (单位沿革); the last one is open."""

    __tablename__ = "unit_period"
    __table_args__ = (
        CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="a_period_runs_forward"),
        UniqueConstraint("unit_id", "valid_from", name="periods_follow_each_other"),
        Index(
            "uq_unit_period_one_open",
            "unit_id",
            unique=True,
            sqlite_where=text("valid_to IS NULL"),
            postgresql_where=text("valid_to IS NULL"),
        ),
    )

    id: Mapped[int] = pk()
    unit_id: Mapped[int] = mapped_column(Id, ForeignKey("unit.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    type: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(20))
    area_code: Mapped[str] = mapped_column(String(6))
    credit_code: Mapped[str | None] = mapped_column(String(18))
    parent_id: Mapped[int | None] = mapped_column(Id, ForeignKey("unit.id"))
    # How it began: 登记, 注册, 修改, 变更, 合并.
    cause: Mapped[str] = mapped_column(String(60))
    # Why, or on what basis; empty for those that tell it elsewhere, as a merger does.
    reason: Mapped[str] = mapped_column(String(500), default="", server_default="")
    valid_from: Mapped[datetime] = mapped_column(Instant)
    valid_to: Mapped[datetime | None] = mapped_column(Instant)

    parent: Mapped[Unit | None] = relationship(foreign_keys=[parent_id])

    @property
    def area_name(self) -> str:
        """Return what the unit's area was called."""
        return areas.told(self.area_code)

    @property
    def is_public_institution(self) -> bool:
        """Tell whether the unit was a 事业单位, whose posts are counted."""
        return self.kind in COUNTING_POSTS


class Employment(Model):
    """A person bound to a unit (人员绑定单位); it counts only once the unit approved it."""

    __tablename__ = "employment"
    __table_args__ = (
        CheckConstraint(f"status IN {sql_list(tuple(BINDING_WORDS))}", name="status_is_known"),
        CheckConstraint(
            "status IN ('pending', 'returned') OR decided_at IS NOT NULL",
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
    # A freelancer belongs to the personnel department of an area (自由职业者, AH-P-08).
    is_freelancer: Mapped[bool] = mapped_column(default=False)
    requested_at: Mapped[datetime] = mapped_column(Instant)
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_by: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    unit: Mapped[Unit] = relationship()


class FileKeeper(Model):
    """Who keeps a person's personnel file (人事档案主管, FJ-P-05)."""

    __tablename__ = "file_keeper"

    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"), primary_key=True)
    unit_id: Mapped[int] = mapped_column(Id, ForeignKey("unit.id"))
    chosen_at: Mapped[datetime] = mapped_column(Instant)

    unit: Mapped[Unit] = relationship()


APPROVED, LAPSED, DROPPED = "approved", "lapsed", "dropped"
WAITING = text("status IN ('pending', 'returned')")
_REQUEST_STATES = "status IN ('pending', 'returned', 'approved', 'lapsed', 'dropped')"


class UnitRegistration(Model):
    """A unit that asks to be registered (单位注册, FJ-U-02), vetted by the office it names."""

    __tablename__ = "unit_registration"
    __table_args__ = (
        CheckConstraint(_REQUEST_STATES, name="status_is_known"),
        CheckConstraint(
            "(status = 'approved') = (unit_id IS NOT NULL)", name="what_is_approved_is_a_unit"
        ),
        CheckConstraint(
            "status IN ('pending', 'returned') OR decided_at IS NOT NULL",
            name="a_decision_has_a_date",
        ),
        Index(
            "uq_unit_registration_one_a_code",
            "credit_code",
            unique=True,
            sqlite_where=WAITING,
            postgresql_where=WAITING,
        ),
        Index(
            "uq_unit_registration_one_a_name",
            "name",
            "area_code",
            unique=True,
            sqlite_where=WAITING,
            postgresql_where=WAITING,
        ),
        Index("ix_unit_registration_sender", "address_hash", "submitted_at"),
    )

    id: Mapped[int] = pk()
    name: Mapped[str] = mapped_column(String(100))
    type: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(20))
    area_code: Mapped[str] = mapped_column(String(6))
    credit_code: Mapped[str | None] = mapped_column(String(18))
    # The superior that it names; without one the personnel department of its area is that.
    superior_id: Mapped[int | None] = mapped_column(Id, ForeignKey("unit.id"))
    office_id: Mapped[int] = mapped_column(Id, ForeignKey("unit.id"), index=True)
    legal_person: Mapped[str] = mapped_column(String(60))
    admin_name: Mapped[str] = mapped_column(String(60))
    admin_phone: Mapped[str] = mapped_column(String(20))
    login: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(String(500), default="")
    status: Mapped[str] = mapped_column(String(10), default=PENDING)
    opinion: Mapped[str] = mapped_column(String(500), default="")
    # Of the number by which the registrant finds it again, and of where it was sent from.
    receipt_hash: Mapped[str] = mapped_column(String(64), unique=True)
    address_hash: Mapped[str] = mapped_column(String(64))
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    unit_id: Mapped[int | None] = mapped_column(Id, ForeignKey("unit.id"), unique=True)
    submitted_at: Mapped[datetime] = mapped_column(Instant)
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_by: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))

    superior: Mapped[Unit | None] = relationship(foreign_keys=[superior_id])
    office: Mapped[Unit] = relationship(foreign_keys=[office_id])
    unit: Mapped[Unit | None] = relationship(foreign_keys=[unit_id])
    person: Mapped[Person] = relationship(foreign_keys=[person_id])

    @property
    def area_name(self) -> str:
        """Return what the area of the unit is called."""
        return areas.told(self.area_code)


class UnitChange(Model):
    """What a unit wants changed of its locked data (单位变更): name, nature, area, superior."""

    __tablename__ = "unit_change"
    __table_args__ = (
        CheckConstraint(_REQUEST_STATES, name="status_is_known"),
        CheckConstraint(
            "status IN ('pending', 'returned') OR decided_at IS NOT NULL",
            name="a_decision_has_a_date",
        ),
        CheckConstraint("reason <> ''", name="a_change_has_a_reason"),
        Index(
            "uq_unit_change_one_waits",
            "unit_id",
            unique=True,
            sqlite_where=WAITING,
            postgresql_where=WAITING,
        ),
    )

    id: Mapped[int] = pk()
    unit_id: Mapped[int] = mapped_column(Id, ForeignKey("unit.id"))
    office_id: Mapped[int] = mapped_column(Id, ForeignKey("unit.id"))
    name: Mapped[str] = mapped_column(String(100))
    type: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(20))
    area_code: Mapped[str] = mapped_column(String(6))
    credit_code: Mapped[str | None] = mapped_column(String(18))
    parent_id: Mapped[int | None] = mapped_column(Id, ForeignKey("unit.id"))
    # What it would change, as it stood when it was sent and again when it was made: label, text
    # before, text after. The unit goes on changing.
    lines: Mapped[list[list[str]]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(String(500))
    status: Mapped[str] = mapped_column(String(10), default=PENDING)
    opinion: Mapped[str] = mapped_column(String(500), default="")
    requested_by: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    requested_at: Mapped[datetime] = mapped_column(Instant)
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_by: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))

    unit: Mapped[Unit] = relationship(foreign_keys=[unit_id])
    office: Mapped[Unit] = relationship(foreign_keys=[office_id])
    parent: Mapped[Unit | None] = relationship(foreign_keys=[parent_id])

    @property
    def area_name(self) -> str:
        """Return what the area would be called."""
        return areas.told(self.area_code)
