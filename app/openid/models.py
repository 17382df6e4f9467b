"""Providers of identities (统一身份认证), and whose identities they are."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Person
from app.accounts.queries import hash_of
from app.core import crypto
from app.core.db import Id, Instant, Model, pk

PERSON, UNIT = "person", "unit"
# It waits in a cookie, which holds 4 KB.
PLACE_LENGTH = 16


class Provider(Model):
    """Where people or units of a jurisdiction sign in, and what its claims are called."""

    __tablename__ = "openid_provider"
    __table_args__ = (
        UniqueConstraint("jurisdiction", "name", name="a_provider_is_named_once_a_jurisdiction"),
        CheckConstraint("for_persons OR for_units", name="a_provider_is_for_somebody"),
        CheckConstraint("NOT for_units OR code_claim <> ''", name="a_unit_is_told_by_its_code"),
        CheckConstraint(
            "(confirmed_by IS NULL) = (confirmed_at IS NULL)", name="a_confirmation_has_a_date"
        ),
        CheckConstraint(
            "NOT is_enabled OR (confirmed_by IS NOT NULL AND confirmed_by <> changed_by)",
            name="another_person_puts_it_into_use",
        ),
    )

    id: Mapped[int] = pk()
    jurisdiction: Mapped[str] = mapped_column(String(30), index=True)
    # What stands on the button.
    name: Mapped[str] = mapped_column(String(40))
    issuer: Mapped[str] = mapped_column(String(300))
    client_id: Mapped[str] = mapped_column(String(200))
    secret_sealed: Mapped[str | None] = mapped_column(String(800), info=crypto.SEALED)
    scopes: Mapped[str] = mapped_column(String(200), default="openid profile")
    for_persons: Mapped[bool] = mapped_column(default=True)
    for_units: Mapped[bool] = mapped_column(default=False)
    name_claim: Mapped[str] = mapped_column(String(60), default="name")
    number_claim: Mapped[str] = mapped_column(String(60), default="")
    # Where the provider tells numbers that nobody checked, the claim that says this one was.
    verified_claim: Mapped[str] = mapped_column(String(60), default="")
    code_claim: Mapped[str] = mapped_column(String(60), default="")
    is_enabled: Mapped[bool] = mapped_column(default=False)
    changed_by: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    changed_at: Mapped[datetime] = mapped_column(Instant)
    confirmed_by: Mapped[int | None] = mapped_column(Id, ForeignKey("person.id"))
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)

    @property
    def place(self) -> str:
        """What stands for issuer and client: a subject is one person's at this very place only."""
        return hash_of(f"{self.issuer} {self.client_id}")[:PLACE_LENGTH]

    def serves(self, audience: str) -> bool:
        """Tell whether persons, or units, sign in here."""
        return self.for_units if audience == UNIT else self.for_persons


class LinkedIdentity(Model):
    """An identity at a provider that is a person's way in.

    Some providers call people by their identity numbers, so that a subject is sealed and found by
    its keyed hash.
    """

    __tablename__ = "linked_identity"
    __table_args__ = (
        UniqueConstraint("provider_id", "subject_hash", name="a_subject_is_one_persons"),
        UniqueConstraint(
            "provider_id", "audience", "person_id", name="a_person_has_one_identity_a_provider"
        ),
        Index("ix_linked_identity_person", "person_id"),
    )

    id: Mapped[int] = pk()
    provider_id: Mapped[int] = mapped_column(Id, ForeignKey("openid_provider.id"))
    subject_sealed: Mapped[str] = mapped_column(String(800), info=crypto.SEALED)
    subject_hash: Mapped[str] = mapped_column(
        String(64), info=crypto.hashed_from("subject_sealed")
    )
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    audience: Mapped[str] = mapped_column(String(10))
    # Whose identity it is, where it is a unit's.
    unit_id: Mapped[int | None] = mapped_column(Id, ForeignKey("unit.id"))
    linked_at: Mapped[datetime] = mapped_column(Instant)
    last_used_at: Mapped[datetime] = mapped_column(Instant)

    provider: Mapped[Provider] = relationship(lazy="joined")
    person: Mapped[Person] = relationship()


class SpentAnswer(Model):
    """An answer of a provider that was taken: it counts once, whoever copied it."""

    __tablename__ = "spent_openid_answer"

    state_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
