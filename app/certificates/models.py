"""Certificates (职称证书), their numbers, and requests to replace them (补换证)."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Person
from app.core import crypto
from app.core.db import Id, Instant, Model, one_of, pk
from app.core.storage import StoredFile
from app.results.models import Result
from app.units.models import Unit


class CertificateStatus(StrEnum):
    """Where a certificate stands (证书状态)."""

    AWAITING_PHOTO = "awaiting_photo"
    AWAITING_ISSUE = "awaiting_issue"
    ACTIVE = "active"
    REPLACED = "replaced"
    REVOKED = "revoked"

    @property
    def label(self) -> str:
        """The word on the page."""
        return _WORDS[self.value][0]

    @property
    def tone(self) -> str:
        """The colour of its badge."""
        return _WORDS[self.value][1]


_WORDS = {
    "awaiting_photo": ("待照片", "warning"),
    "awaiting_issue": ("待发证", "info"),
    "active": ("有效", "success"),
    "replaced": ("已换发", "secondary"),
    "revoked": ("已撤销", "danger"),
}
_ISSUED = "status IN ('active', 'replaced', 'revoked')"


STATED = {
    "name": "姓名",
    "gender": "性别",
    "id_type": "证件类型",
    "id_number": "证件号码",
    "birth_date": "出生日期",
    "number": "证书编号",
    "series": "系列",
    "specialty": "专业",
    "level": "职称级别",
    "title": "资格名称",
    "obtained_on": "取得资格时间",
    "approval_no": "批准文号",
    "nature": "资格性质",
    "issued_on": "发证日期",
    "issuer": "发证机构",
    "committee": "评委会名称",
    "employer": "取得资格时所在单位",
    "validity_area": "有效区域",
}
"""What a certificate states, in the order of its page."""


class Certificate(Model):
    """A certificate with the facts that it prints; they never change once it is issued."""

    __tablename__ = "certificate"
    __table_args__ = (
        sa.CheckConstraint(one_of("status", CertificateStatus), name="status_is_known"),
        sa.CheckConstraint(
            f"({_ISSUED}) = (number IS NOT NULL AND issued_on IS NOT NULL"
            " AND signature IS NOT NULL AND photo_file_id IS NOT NULL)",
            name="what_is_issued_has_number_day_photo_and_signature",
        ),
        sa.CheckConstraint("replaces_id <> id", name="nothing_replaces_itself"),
        sa.Index(
            "uq_certificate_one_active_a_result",
            "result_id",
            unique=True,
            sqlite_where=sa.text("status IN ('awaiting_photo', 'awaiting_issue', 'active')"),
            postgresql_where=sa.text("status IN ('awaiting_photo', 'awaiting_issue', 'active')"),
        ),
    )

    id: Mapped[int] = pk()
    public_id: Mapped[str] = mapped_column(sa.String(16), unique=True)
    number: Mapped[str | None] = mapped_column(sa.String(40), unique=True)
    jurisdiction: Mapped[str] = mapped_column(sa.String(30))
    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), index=True)
    # None for one that was entered from paper.
    result_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("result.id"))
    status: Mapped[str] = mapped_column(sa.String(20))
    facts: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    photo_file_id: Mapped[int | None] = mapped_column(
        Id, sa.ForeignKey("stored_file.id"), index=True
    )
    pdf_file_id: Mapped[int | None] = mapped_column(
        Id, sa.ForeignKey("stored_file.id"), index=True
    )
    signature: Mapped[str | None] = mapped_column(sa.String(200))
    obtained_on: Mapped[date] = mapped_column(sa.Date)
    issued_on: Mapped[date | None] = mapped_column(sa.Date)
    issued_by: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    issuer_unit_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"), index=True)
    replaces_id: Mapped[int | None] = mapped_column(
        Id, sa.ForeignKey("certificate.id"), unique=True
    )

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    result: Mapped[Result | None] = relationship()
    photo: Mapped[StoredFile | None] = relationship(foreign_keys=[photo_file_id])
    pdf: Mapped[StoredFile | None] = relationship(foreign_keys=[pdf_file_id])
    replaces: Mapped["Certificate | None"] = relationship(
        remote_side=[id], foreign_keys=[replaces_id], back_populates="replaced_by"
    )
    replaced_by: Mapped["Certificate | None"] = relationship(
        back_populates="replaces", uselist=False
    )

    @property
    def state(self) -> CertificateStatus:
        """The status as its enum."""
        return CertificateStatus(self.status)

    @property
    def is_issued(self) -> bool:
        """Tell whether it has a number and can be verified."""
        return self.number is not None

    @property
    def name(self) -> str:
        """The title that it certifies, as lists show it."""
        return f"{self.facts['series']} {self.facts['title']}"

    @property
    def stated(self) -> list[tuple[str, str]]:
        """What it states (记载事项), as people read it."""
        day = f"{self.issued_on:%Y-%m-%d}" if self.issued_on else ""
        told = {**self.facts, "number": self.number, "issued_on": day}
        return [(label, str(told.get(name) or "")) for name, label in STATED.items()]


_KEPT = sa.text("withdrawn_at IS NULL")


class EarlierCertificate(Model):
    """A certificate from before the platform (往年证书), as the office that keeps it told it.

    It belongs to whoever has its identity number, on the platform or not yet.
    """

    __tablename__ = "earlier_certificate"
    __table_args__ = (
        sa.CheckConstraint("number <> '' AND issuer <> ''", name="it_has_a_number_and_an_issuer"),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_reason = '')", name="what_is_withdrawn_says_why"
        ),
        sa.Index(
            "uq_earlier_certificate_number",
            "number",
            unique=True,
            sqlite_where=_KEPT,
            postgresql_where=_KEPT,
        ),
        sa.Index("ix_earlier_certificate_holder", "id_number_hash"),
    )

    id: Mapped[int] = pk()
    number: Mapped[str] = mapped_column(sa.String(40))
    name: Mapped[str] = mapped_column(sa.String(60))
    id_number_sealed: Mapped[str] = mapped_column(sa.String(200), info=crypto.SEALED)
    id_number_hash: Mapped[str] = mapped_column(
        sa.String(64), info=crypto.hashed_from("id_number_sealed")
    )
    id_number_tail: Mapped[str] = mapped_column(sa.String(20))
    series: Mapped[str] = mapped_column(sa.String(60))
    specialty: Mapped[str] = mapped_column(sa.String(60), default="")
    title: Mapped[str] = mapped_column(sa.String(60))
    level: Mapped[str] = mapped_column(sa.String(10))
    obtained_on: Mapped[date] = mapped_column(sa.Date)
    issuer: Mapped[str] = mapped_column(sa.String(100))
    # Whether the public page knows of it.
    is_public: Mapped[bool]
    keeper_unit_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"), index=True)
    entered_by: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"))
    entered_at: Mapped[datetime] = mapped_column(Instant)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)
    withdrawn_reason: Mapped[str] = mapped_column(sa.String(300), default="")

    keeper: Mapped[Unit] = relationship()


class NumberSeries(Model):
    """The last serial of a region, year and code: numbers are given without gaps."""

    __tablename__ = "number_series"
    __table_args__ = (
        sa.UniqueConstraint("jurisdiction", "year", "code"),
        sa.CheckConstraint("last >= 0", name="serials_count_up"),
    )

    id: Mapped[int] = pk()
    jurisdiction: Mapped[str] = mapped_column(sa.String(30))
    year: Mapped[int]
    code: Mapped[str] = mapped_column(sa.String(6))
    last: Mapped[int] = mapped_column(default=0)


class ReplacementStatus(StrEnum):
    """Where a request stands: waiting, returned, replaced or refused."""

    PENDING = "pending"
    RETURNED = "returned"
    APPROVED = "approved"
    REFUSED = "refused"

    @property
    def label(self) -> str:
        """The word on the page."""
        return {
            "pending": "审核中",
            "returned": "已退回",
            "approved": "已换发",
            "refused": "未通过",
        }[self.value]

    @property
    def tone(self) -> str:
        """The colour of its badge."""
        return {
            "pending": "info",
            "returned": "warning",
            "approved": "success",
            "refused": "danger",
        }[self.value]


class ReplacementRequest(Model):
    """A person's request for a new certificate: lost, or wrong in some items (补换证)."""

    __tablename__ = "replacement_request"
    __table_args__ = (
        sa.CheckConstraint(one_of("status", ReplacementStatus), name="status_is_known"),
        sa.CheckConstraint("reason <> ''", name="a_request_says_why"),
        sa.Index(
            "uq_replacement_request_one_open",
            "certificate_id",
            unique=True,
            sqlite_where=sa.text("status IN ('pending', 'returned')"),
            postgresql_where=sa.text("status IN ('pending', 'returned')"),
        ),
    )

    id: Mapped[int] = pk()
    certificate_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("certificate.id"))
    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), index=True)
    reason: Mapped[str] = mapped_column(sa.String(500))
    # The printed items to change and their right values; empty for a pure reissue.
    changes: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)
    status: Mapped[str] = mapped_column(sa.String(10), default=ReplacementStatus.PENDING)
    requested_at: Mapped[datetime] = mapped_column(Instant)
    opinion: Mapped[str] = mapped_column(sa.String(500), default="")

    certificate: Mapped[Certificate] = relationship()
    person: Mapped[Person] = relationship()
    evidence: Mapped[list["ReplacementFile"]] = relationship(
        order_by="ReplacementFile.position", cascade="all, delete-orphan"
    )

    @property
    def state(self) -> ReplacementStatus:
        """The status as its enum."""
        return ReplacementStatus(self.status)


class ReplacementFile(Model):
    """Evidence for a replacement (佐证材料)."""

    __tablename__ = "replacement_file"
    __table_args__ = (sa.UniqueConstraint("request_id", "file_id"),)

    id: Mapped[int] = pk()
    request_id: Mapped[int] = mapped_column(
        Id, sa.ForeignKey("replacement_request.id"), index=True
    )
    file_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("stored_file.id"), index=True)
    position: Mapped[int]

    file: Mapped[StoredFile] = relationship()


class Ground(StrEnum):
    """Why a certificate is revoked, as the public reads it (撤销事由)."""

    FRAUD = "fraud"
    PROCEDURE = "procedure"
    MISTAKE = "mistake"

    @property
    def label(self) -> str:
        """The sentence on the public page."""
        return {
            "fraud": "以提供虚假材料、剽窃他人成果等不正当手段取得职称",
            "procedure": "评审违反规定程序，评审结果无效",
            "mistake": "发证有误，本人不符合取得资格的条件",
        }[self.value]


class RevocationStatus(StrEnum):
    """Where a revocation stands: proposed; confirmed or refused by another; taken back."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> str:
        """The word on the page."""
        return _REVOCATION_WORDS[self.value][0]

    @property
    def tone(self) -> str:
        """The colour of its badge."""
        return _REVOCATION_WORDS[self.value][1]


_REVOCATION_WORDS = {
    "proposed": ("待复核", "warning"),
    "confirmed": ("已撤销", "danger"),
    "refused": ("不予撤销", "secondary"),
    "withdrawn": ("提议已撤回", "secondary"),
}
_LIVING = sa.text("status IN ('proposed', 'confirmed')")


class Revocation(Model):
    """One person's proposal to revoke a certificate, and another's word on it (撤销证书)."""

    __tablename__ = "revocation"
    __table_args__ = (
        sa.CheckConstraint(one_of("status", RevocationStatus), name="status_is_known"),
        sa.CheckConstraint(one_of("ground", Ground), name="ground_is_known"),
        sa.CheckConstraint(
            "reason <> '' AND legal_basis <> ''", name="a_revocation_says_why_and_by_what_law"
        ),
        sa.CheckConstraint(
            "(status = 'proposed') = (decided_at IS NULL)"
            " AND (status IN ('proposed', 'withdrawn')) = (decided_by IS NULL)",
            name="a_decision_has_a_moment_and_a_person",
        ),
        sa.CheckConstraint("decided_by <> proposed_by", name="a_second_person_decides"),
        sa.Index(
            "uq_revocation_one_living",
            "certificate_id",
            unique=True,
            sqlite_where=_LIVING,
            postgresql_where=_LIVING,
        ),
    )

    id: Mapped[int] = pk()
    certificate_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("certificate.id"), index=True)
    ground: Mapped[str] = mapped_column(sa.String(10))
    legal_basis: Mapped[str] = mapped_column(sa.String(200))
    # What was found; for those who deal with it, not for the public.
    reason: Mapped[str] = mapped_column(sa.String(1000))
    status: Mapped[str] = mapped_column(sa.String(10), default=RevocationStatus.PROPOSED)
    proposed_by: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"))
    proposed_at: Mapped[datetime] = mapped_column(Instant)
    decided_by: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    opinion: Mapped[str] = mapped_column(sa.String(500), default="")

    certificate: Mapped[Certificate] = relationship()
    proposer: Mapped[Person] = relationship(foreign_keys=[proposed_by])

    @property
    def state(self) -> RevocationStatus:
        """The status as its enum."""
        return RevocationStatus(self.status)

    @property
    def ground_text(self) -> str:
        """The ground as the public reads it."""
        return Ground(self.ground).label
