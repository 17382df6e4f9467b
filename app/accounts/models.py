"""People, how they sign in, what they may do, and what bars them."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from app.core import crypto
from app.core.db import Id, Instant, Model, pk

SCOPE_KINDS = ("org", "meeting", "jurisdiction", "all")
REQUEST_STATES = ("waiting", "confirmed", "refused", "withdrawn", "lapsed")
WAITING, CONFIRMED, REFUSED, WITHDRAWN, LAPSED = REQUEST_STATES
VERIFY, RESET = "verify", "reset"


def _grant_laws() -> tuple[CheckConstraint, ...]:
    """Return what every role obeys: a known scope, an id unless it is everything, and an end.

    To apply for titles is no office (terms.NO_OFFICE).
    """
    return (
        CheckConstraint(f"scope_kind IN {SCOPE_KINDS!r}", name="scope_is_known"),
        CheckConstraint(
            "(scope_kind = 'all') = (scope_id IS NULL)", name="all_and_only_all_has_no_id"
        ),
        CheckConstraint("valid_to IS NOT NULL OR role = 'applicant'", name="an_office_has_a_term"),
    )


def _waits_once(name: str, scope: str, *columns: str) -> Index:
    """Return the law that a role waits once for a person and scope; NULL equals nothing."""
    waiting = text(f"status = 'waiting' AND {scope}")
    return Index(
        name,
        "person_id",
        "role",
        "scope_kind",
        *columns,
        unique=True,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


class Person(Model):
    """One human being, the same across years and ways in (人员)."""

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint(
            "(id_number_sealed IS NULL) = (id_number_hash IS NULL)",
            name="an_identity_number_is_sealed_and_indexed",
        ),
        CheckConstraint("gender IN ('', '男', '女')", name="gender_is_known"),
        CheckConstraint(
            "email_verified_at IS NULL OR email <> ''", name="a_verified_address_is_known"
        ),
    )

    id: Mapped[int] = pk()
    name: Mapped[str] = mapped_column(String(60), index=True)
    gender: Mapped[str] = mapped_column(String(2), default="")
    birth_date: Mapped[date | None] = mapped_column(Date)
    id_type: Mapped[str] = mapped_column(String(20), default="居民身份证")
    id_number_sealed: Mapped[str | None] = mapped_column(String(200), info=crypto.SEALED)
    id_number_hash: Mapped[str | None] = mapped_column(
        String(64), unique=True, info=crypto.hashed_from("id_number_sealed")
    )
    id_number_tail: Mapped[str] = mapped_column(String(20), default="")
    phone: Mapped[str] = mapped_column(String(20), default="")
    email: Mapped[str] = mapped_column(String(120), default="")
    email_verified_at: Mapped[datetime | None] = mapped_column(Instant)
    photo_file_id: Mapped[int | None] = mapped_column(
        Id, ForeignKey("stored_file.id", use_alter=True), index=True
    )
    profile: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # When the person last confirmed what they told of themselves (完善信息).
    profile_confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    # Who registered by themself: nobody has held the number against a document yet.
    self_registered_at: Mapped[datetime | None] = mapped_column(Instant)

    is_authenticated = True
    is_anonymous = False

    @property
    def is_active(self) -> bool:
        """Flask-Login asks; locked accounts are refused at sign-in instead."""
        return True

    def get_id(self) -> str:
        """Return what Flask-Login keeps in the session."""
        return str(self.id)

    @property
    def id_number(self) -> str:
        """Return the identity number in clear; show `masked_id_number` to people."""
        return crypto.unseal(self.id_number_sealed) if self.id_number_sealed else ""

    @property
    def masked_id_number(self) -> str:
        """Return the identity number as it may be shown."""
        return self.id_number_tail

    def set_id_number(self, number: str) -> None:
        """Seal, index and mask an identity number."""
        for column, value in identity_columns(number).items():
            setattr(self, column, value)


def identity_columns(number: str) -> dict[str, str]:
    """Return how an identity number is kept: sealed, indexed and masked."""
    number = crypto.fold_id(number)
    return {
        "id_number_sealed": crypto.seal(number),
        "id_number_hash": crypto.keyed_hash(number),
        "id_number_tail": crypto.mask_id(number),
    }


class Credential(Model):
    """A local account (本地账号): never a usable default password, one-time activation instead."""

    __tablename__ = "credential"
    __table_args__ = (
        CheckConstraint(
            "password_hash IS NOT NULL OR activation_hash IS NOT NULL OR NOT is_enabled",
            name="an_account_can_be_entered_or_activated",
        ),
        CheckConstraint(
            "(activation_hash IS NULL) = (activation_expires_at IS NULL)",
            name="an_activation_expires",
        ),
        CheckConstraint("failures >= 0 AND locks >= 0", name="failures_are_counted"),
        # With the unique constraint: no two accounts whose names differ in case only.
        CheckConstraint("login = lower(login)", name="a_login_has_no_case"),
    )

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"), unique=True)
    login: Mapped[str] = mapped_column(String(64), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    must_change: Mapped[bool] = mapped_column(default=False)
    activation_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    activation_expires_at: Mapped[datetime | None] = mapped_column(Instant)
    failures: Mapped[int] = mapped_column(default=0)
    # How often failures locked it since somebody got in: each lock lasts twice the one before.
    locks: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None] = mapped_column(Instant)
    is_enabled: Mapped[bool] = mapped_column(default=True)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(Instant)

    person: Mapped[Person] = relationship(lazy="joined")

    @validates("login")
    def _fold(self, _key: str, login: str) -> str:
        return login.strip().lower()


class MailLink(Model):
    """A one-time link that a letter holds: to verify an address, or for a new password."""

    __tablename__ = "mail_link"
    __table_args__ = (
        CheckConstraint("purpose IN ('verify', 'reset')", name="purpose_is_known"),
        CheckConstraint("expires_at > created_at", name="a_link_lasts_a_while"),
        CheckConstraint("tries >= 0", name="tries_are_counted"),
        Index("ix_mail_link_person", "person_id", "purpose"),
        Index(
            "uq_mail_link_one_lives",
            "person_id",
            "purpose",
            unique=True,
            sqlite_where=text("used_at IS NULL"),
            postgresql_where=text("used_at IS NULL"),
        ),
    )

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    purpose: Mapped[str] = mapped_column(String(10))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    address: Mapped[str] = mapped_column(String(120))
    # Wrong codes of the second factor: they use a link up, whatever the account's own lock.
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)

    person: Mapped[Person] = relationship()


class ResetRequest(Model):
    """What somebody typed who forgot a password; the worker looks whose it is (忘记密码)."""

    __tablename__ = "reset_request"

    id: Mapped[int] = pk()
    name_sealed: Mapped[str] = mapped_column(String(400), info=crypto.SEALED)
    asked_at: Mapped[datetime] = mapped_column(Instant, index=True)


class LoginSession(Model):
    """A browser in which a person signed in (登录); it ends here, whoever copied its cookie."""

    __tablename__ = "login_session"
    __table_args__ = (
        CheckConstraint("seen_at >= created_at", name="a_session_is_seen_after_it_began"),
        Index(
            "ix_login_session_open",
            "person_id",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    address: Mapped[str] = mapped_column(String(64), default="")
    agent: Mapped[str] = mapped_column(String(200), default="")


class RoleGrant(Model):
    """A role of a person in a scope for a term (角色授权)."""

    __tablename__ = "role_grant"
    __table_args__ = (
        *_grant_laws(),
        CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="a_term_has_length"),
        CheckConstraint("ended_at IS NULL OR valid_to IS NOT NULL", name="what_ended_has_an_end"),
        Index("ix_role_grant_ends", "valid_to"),
        Index("ix_role_grant_scope", "role", "scope_kind", "scope_id"),
    )

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"), index=True)
    role: Mapped[str] = mapped_column(String(30))
    scope_kind: Mapped[str] = mapped_column(String(20))
    scope_id: Mapped[int | None] = mapped_column(Id)
    valid_from: Mapped[datetime] = mapped_column(Instant)
    valid_to: Mapped[datetime | None] = mapped_column(Instant)
    granted_by: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))
    confirmed_by: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))
    # When it was taken, before its term was over: no renewal brings it back.
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    # When people were told that this term ends soon.
    warned_at: Mapped[datetime | None] = mapped_column(Instant)


class GrantRequest(Model):
    """A role that one administrator proposes and another confirms (授权申请)."""

    __tablename__ = "grant_request"
    __table_args__ = (
        *_grant_laws(),
        CheckConstraint(f"status IN {REQUEST_STATES!r}", name="status_is_known"),
        CheckConstraint(
            "(status IN ('waiting', 'lapsed')) = (decided_by IS NULL)"
            " AND (status = 'waiting') = (decided_at IS NULL)",
            name="a_decision_has_a_date_and_a_person",
        ),
        CheckConstraint("proposed_by <> person_id", name="nobody_proposes_themself"),
        CheckConstraint(
            "decided_by IS NULL OR decided_by <> person_id"
            " AND (decided_by <> proposed_by OR status = 'withdrawn')",
            name="another_person_decides",
        ),
        CheckConstraint(
            "(status = 'confirmed') = (grant_id IS NOT NULL)", name="a_confirmed_one_is_granted"
        ),
        CheckConstraint(
            "status <> 'lapsed' OR renews_id IS NOT NULL", name="only_a_renewal_lapses"
        ),
        Index("ix_grant_request_status", "status", "proposed_at"),
        _waits_once("ix_grant_request_waits_once", "scope_id IS NOT NULL", "scope_id"),
        _waits_once("ix_grant_request_waits_once_everywhere", "scope_id IS NULL"),
    )

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"), index=True)
    role: Mapped[str] = mapped_column(String(30))
    scope_kind: Mapped[str] = mapped_column(String(20))
    scope_id: Mapped[int | None] = mapped_column(Id)
    valid_to: Mapped[datetime | None] = mapped_column(Instant)
    reason: Mapped[str] = mapped_column(String(300))
    status: Mapped[str] = mapped_column(String(10), default=WAITING)
    proposed_by: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    proposed_at: Mapped[datetime] = mapped_column(Instant)
    decided_by: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    opinion: Mapped[str] = mapped_column(String(300), default="")
    grant_id: Mapped[int | None] = mapped_column(Id, ForeignKey("role_grant.id"), index=True)
    # The role held already whose term it is to move (续期): it ends with that role.
    renews_id: Mapped[int | None] = mapped_column(Id, ForeignKey("role_grant.id"), index=True)

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    proposer: Mapped[Person] = relationship(foreign_keys=[proposed_by])


class IntegrityRecord(Model):
    """A record of dishonesty that bars declarations meanwhile (诚信档案)."""

    __tablename__ = "integrity_record"
    __table_args__ = (CheckConstraint("barred_until > barred_from", name="a_bar_has_length"),)

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"), index=True)
    barred_from: Mapped[date] = mapped_column(Date)
    barred_until: Mapped[date] = mapped_column(Date)
    reason: Mapped[str] = mapped_column(String(500))


class Notification(Model):
    """Something the person should know at once (消息)."""

    __tablename__ = "notification"
    __table_args__ = (Index("ix_notification_inbox", "person_id", "read_at"),)

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    text: Mapped[str] = mapped_column(String(300))
    url: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(Instant)
    read_at: Mapped[datetime | None] = mapped_column(Instant)


class SignInAttempt(Model):
    """Failures by address, so that guessing slows down whatever account it tries.

    They fade one by one from the last of them on; a block lasts twice as long as the one before.
    """

    __tablename__ = "sign_in_attempt"
    __table_args__ = (
        CheckConstraint("failures >= 0 AND blocks >= 0", name="failures_are_counted"),
    )

    id: Mapped[int] = pk()
    address: Mapped[str] = mapped_column(String(64), unique=True)
    failures: Mapped[int] = mapped_column(default=0)
    last_at: Mapped[datetime] = mapped_column(Instant)
    blocks: Mapped[int] = mapped_column(default=0)
    blocked_until: Mapped[datetime | None] = mapped_column(Instant)


class UnknownName(Model):
    """A name that was tried and nobody has: it locks like an account, and so tells nothing."""

    __tablename__ = "unknown_name"
    __table_args__ = (
        CheckConstraint("failures >= 0 AND locks >= 0", name="failures_are_counted"),
    )

    name_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    locks: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None] = mapped_column(Instant)
    last_at: Mapped[datetime] = mapped_column(Instant, index=True)


class SpentProof(Model):
    """A proof of work that was handed in (安全验证): it counts once."""

    __tablename__ = "spent_proof"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
