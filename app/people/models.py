"""The title series of a person, corrections of identity, and exports of one's own data."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Person
from app.catalogue.models import Series
from app.core import crypto
from app.core.db import Id, Instant, Model, one_of, pk
from app.core.storage import StoredFile

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


class PersonRegistration(Model):
    """Somebody who asks for an account of their own (个人注册): a person once its link is used."""

    __tablename__ = "person_registration"
    __table_args__ = (
        CheckConstraint("expires_at > asked_at", name="a_link_lasts_a_while"),
        Index("ix_person_registration_sender", "sender_hash", "asked_at"),
        Index("ix_person_registration_address", "address", "asked_at"),
    )

    id: Mapped[int] = pk()
    name: Mapped[str] = mapped_column(String(60))
    id_number_sealed: Mapped[str] = mapped_column(String(200), info=crypto.SEALED)
    id_number_tail: Mapped[str] = mapped_column(String(20))
    # The mail address that the link goes to, which it proves.
    address: Mapped[str] = mapped_column(String(120))
    jurisdiction: Mapped[str] = mapped_column(String(30))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    sender_hash: Mapped[str] = mapped_column(String(64))
    asked_at: Mapped[datetime] = mapped_column(Instant, index=True)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class CorrectionStatus(StrEnum):
    """Where a correction of identity stands."""

    PENDING = "pending"
    RETURNED = "returned"
    GRANTED = "granted"
    REFUSED = "refused"
    ENDED = "ended"


CORRECTION_WORDS = {
    CorrectionStatus.PENDING: ("办理中", "info"),
    CorrectionStatus.RETURNED: ("已退回", "warning"),
    CorrectionStatus.GRANTED: ("已更正", "success"),
    CorrectionStatus.REFUSED: ("不予更正", "danger"),
    CorrectionStatus.ENDED: ("已结束", "secondary"),
}
"""The word and tone that people see for a state."""


_OPEN = text("status IN ('pending', 'returned')")


class IdentityCorrection(Model):
    """A request to correct name or identity number by evidence (身份信息更正)."""

    __tablename__ = "identity_correction"
    __table_args__ = (
        CheckConstraint(one_of("status", CorrectionStatus), name="status_is_known"),
        CheckConstraint(
            "(id_number_sealed IS NULL) = (id_number_hash IS NULL)",
            name="a_new_number_is_sealed_and_indexed",
        ),
        CheckConstraint(
            "id_number_hash IS NOT NULL OR name <> name_before", name="it_corrects_something"
        ),
        CheckConstraint(
            "(status IN ('granted', 'refused', 'ended')) = (decided_at IS NOT NULL)",
            name="a_decision_has_a_date",
        ),
        CheckConstraint(
            "decided_by IS NULL OR decided_by <> person_id OR status = 'ended'",
            name="nobody_decides_on_themself",
        ),
        Index(
            "uq_identity_correction_one_open",
            "person_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"), index=True)
    status: Mapped[str] = mapped_column(String(10), default=CorrectionStatus.PENDING)
    name_before: Mapped[str] = mapped_column(String(60))
    tail_before: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(60))
    # The new number, where it changes; the old one is nowhere kept but in its masked form.
    id_number_sealed: Mapped[str | None] = mapped_column(String(200), info=crypto.SEALED)
    id_number_hash: Mapped[str | None] = mapped_column(
        String(64), info=crypto.hashed_from("id_number_sealed")
    )
    id_number_tail: Mapped[str] = mapped_column(String(20), default="")
    reason: Mapped[str] = mapped_column(String(500))
    opinion: Mapped[str] = mapped_column(String(500), default="")
    requested_at: Mapped[datetime] = mapped_column(Instant)
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_by: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    files: Mapped[list["CorrectionFile"]] = relationship(
        order_by="CorrectionFile.position", cascade="all, delete-orphan"
    )

    @property
    def is_open(self) -> bool:
        """Tell whether it still waits for somebody."""
        return self.status in {CorrectionStatus.PENDING, CorrectionStatus.RETURNED}


class CorrectionFile(Model):
    """The evidence of a correction (佐证材料)."""

    __tablename__ = "correction_file"
    __table_args__ = (
        UniqueConstraint("correction_id", "file_id"),
        CheckConstraint("position > 0", name="places_count_from_one"),
    )

    id: Mapped[int] = pk()
    correction_id: Mapped[int] = mapped_column(Id, ForeignKey("identity_correction.id"))
    position: Mapped[int]
    file_id: Mapped[int] = mapped_column(Id, ForeignKey("stored_file.id"), index=True)

    file: Mapped[StoredFile] = relationship(lazy="joined")


class ExportStatus(StrEnum):
    """How far an export of one's own data is."""

    WAITING = "waiting"
    READY = "ready"
    EXPIRED = "expired"


_WAITS = text("status = 'waiting'")


class DataExport(Model):
    """A file of everything the platform knows of a person, made for them (导出我的信息)."""

    __tablename__ = "data_export"
    __table_args__ = (
        CheckConstraint(one_of("status", ExportStatus), name="status_is_known"),
        CheckConstraint(
            "(status = 'ready') = (file_id IS NOT NULL)", name="a_ready_one_has_a_file"
        ),
        CheckConstraint(
            "(status = 'waiting') = (expires_at IS NULL)", name="what_was_made_expires"
        ),
        CheckConstraint("done >= 0 AND done <= total", name="progress_is_a_part_of_the_whole"),
        Index(
            "uq_data_export_one_waiting",
            "person_id",
            unique=True,
            sqlite_where=_WAITS,
            postgresql_where=_WAITS,
        ),
        Index("ix_data_export_sweep", "status", "expires_at"),
    )

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"), index=True)
    status: Mapped[str] = mapped_column(String(10), default=ExportStatus.WAITING)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    left_out: Mapped[int] = mapped_column(default=0)
    file_id: Mapped[int | None] = mapped_column(Id, ForeignKey("stored_file.id"), index=True)
    asked_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)

    file: Mapped[StoredFile | None] = relationship()

    @property
    def percent(self) -> int:
        """How far it is, of a hundred."""
        return self.done * 100 // self.total if self.total else 0
