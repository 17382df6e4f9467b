"""Certificates from before the platform (往年证书): whose they are, and taking one back."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Select, select

from app.accounts.models import Person
from app.certificates.models import EarlierCertificate
from app.core import audit, crypto
from app.core.db import db
from app.core.errors import Conflict, Invalid

LONGEST_REASON = 300


def _kept() -> Select[tuple[EarlierCertificate]]:
    return select(EarlierCertificate).where(EarlierCertificate.withdrawn_at.is_(None))


def select_of_person(person_id: int) -> Select[tuple[EarlierCertificate]]:
    """Select the earlier certificates with a person's identity number, the latest first."""
    number = db.session.get_one(Person, person_id).id_number
    # While the key is changed, a person and a certificate may be found by different ones.
    same = crypto.is_hash_of(EarlierCertificate.id_number_hash, number) if number else sa.false()
    mine = _kept().where(same)
    return mine.order_by(EarlierCertificate.obtained_on.desc(), EarlierCertificate.id)


def of_person(person_id: int) -> list[EarlierCertificate]:
    """Return the earlier certificates of a person."""
    return list(db.session.scalars(select_of_person(person_id)))


def public_by_number(name: str, number: str) -> EarlierCertificate | None:
    """Return the earlier certificate of this name and number that the public may know of."""
    found = db.session.scalars(
        _kept().where(
            EarlierCertificate.number == "".join(number.split()),
            EarlierCertificate.name == name.strip(),
            EarlierCertificate.is_public,
        )
    )
    return found.first()


def kept_by(unit_ids: list[int], text: str = "") -> Select[tuple[EarlierCertificate]]:
    """Select the earlier certificates that offices keep, by name or number, newest first."""
    found = _kept().where(EarlierCertificate.keeper_unit_id.in_(unit_ids))
    wanted = text.strip()
    if wanted:
        found = found.where(
            EarlierCertificate.number.contains(wanted, autoescape=True)
            | EarlierCertificate.name.contains(wanted, autoescape=True)
        )
    return found.order_by(EarlierCertificate.id.desc())


def withdraw(
    certificate: EarlierCertificate, reason: str, *, actor: Person, now: datetime
) -> None:
    """Take back what was entered wrongly (撤下); its number can be entered anew.

    Invalid without a reason, Conflict when it was taken back already.
    """
    said = reason.strip()
    if not said or len(said) > LONGEST_REASON:
        raise Invalid(f"请填写撤下理由，不超过 {LONGEST_REASON} 个字", field="reason")
    db.session.refresh(certificate, with_for_update={"of": EarlierCertificate})
    if certificate.withdrawn_at is not None:
        raise Conflict("该往年证书已撤下")
    certificate.withdrawn_at, certificate.withdrawn_reason = now, said
    db.session.flush()
    audit.record(
        "certificate:earlier_withdrawn",
        subject=("earlier_certificate", certificate.id),
        actor_id=actor.id,
        now=now,
        number=certificate.number,
        reason=said,
    )
