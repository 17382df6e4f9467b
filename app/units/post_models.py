"""Tables of the approved posts of units (岗位核准信息)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import Id, Instant, Model, pk
from app.core.storage import StoredFile
from app.units.code_lists import POST_LEVELS, sql_list
from app.units.models import WAITING, Unit

IN_FORCE, REPLACED = "in_force", "replaced"


class PostSheet(Model):
    """The approved posts of a 事业单位 (岗位核准信息, FJ-U-22); locked once it was submitted."""

    __tablename__ = "post_sheet"
    __table_args__ = (
        CheckConstraint(
            "status IN ('pending', 'returned', 'in_force', 'replaced', 'dropped')",
            name="status_is_known",
        ),
        CheckConstraint(
            "status NOT IN ('pending', 'returned') OR office_id IS NOT NULL",
            name="a_change_lies_with_an_office",
        ),
        Index(
            "uq_post_sheet_one_in_force",
            "unit_id",
            unique=True,
            sqlite_where=text("status = 'in_force'"),
            postgresql_where=text("status = 'in_force'"),
        ),
        Index(
            "uq_post_sheet_one_waits",
            "unit_id",
            unique=True,
            sqlite_where=WAITING,
            postgresql_where=WAITING,
        ),
    )

    id: Mapped[int] = pk()
    unit_id: Mapped[int] = mapped_column(Id, ForeignKey("unit.id"))
    status: Mapped[str] = mapped_column(String(10))
    # The table that the personnel department has stamped (岗位核准表).
    file_id: Mapped[int] = mapped_column(Id, ForeignKey("stored_file.id"), index=True)
    # Why it replaces the one before; the first has no reason, and no office vets it.
    reason: Mapped[str] = mapped_column(String(500), default="")
    office_id: Mapped[int | None] = mapped_column(Id, ForeignKey("unit.id"))
    opinion: Mapped[str] = mapped_column(String(500), default="")
    submitted_by: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    # What passes after that occupies posts beyond those it states.
    submitted_at: Mapped[datetime] = mapped_column(Instant)
    # Since when it counts instead of the one before.
    in_force_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_by: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)

    unit: Mapped[Unit] = relationship(foreign_keys=[unit_id])
    office: Mapped[Unit | None] = relationship(foreign_keys=[office_id])
    file: Mapped[StoredFile] = relationship()
    counts: Mapped[list["PostCount"]] = relationship(
        order_by="PostCount.id", cascade="all, delete-orphan", lazy="selectin"
    )


class PostCount(Model):
    """How many posts of a level are approved, and how many were filled already."""

    __tablename__ = "post_count"
    __table_args__ = (
        UniqueConstraint("sheet_id", "level", name="a_level_is_counted_once"),
        CheckConstraint(f"level IN {sql_list(POST_LEVELS)}", name="level_is_known"),
        CheckConstraint("approved >= 0 AND occupied >= 0", name="posts_are_counted"),
    )

    id: Mapped[int] = pk()
    sheet_id: Mapped[int] = mapped_column(Id, ForeignKey("post_sheet.id"), index=True)
    level: Mapped[str] = mapped_column(String(10))
    approved: Mapped[int]
    occupied: Mapped[int]
