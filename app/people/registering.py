"""个人注册: a person opens their own account by mail, where the jurisdiction lets them (FJ-P-03).

What is asked for is only written down, and a letter goes to the address whatever was typed: the
page, the letter and their time tell nobody whose identity number is known. That a number has an
account already is said behind the link alone, to who proved the mailbox, and noted for its owner.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from app.accounts.mail_links import checked_address
from app.accounts.models import Credential
from app.accounts.operations import create_credential, create_person, grant_role, set_password
from app.accounts.queries import hash_of, person_by_id_number
from app.accounts.signing_in import PasswordHash
from app.catalogue import jurisdictions
from app.core import audit, crypto
from app.core.db import current_transaction, db
from app.core.errors import DomainError, Invalid, gathered
from app.core.numbers import birth_and_gender, checked_id_number
from app.people.models import PersonRegistration

LASTS = timedelta(hours=24)
DAY = timedelta(days=1)
SENDER_LIMIT = 20
"""So many a day from one network address: a whole office may share it."""
MAILBOX_LIMIT, REST = 5, timedelta(minutes=5)
"""So many letters a day to one mailbox, with a rest between them; what is beyond is not sent."""
KEPT_FOR = timedelta(days=2)
BAD_LINK = "注册链接无效或已过期，请重新注册"


class TooManyRegistrations(DomainError):
    """One network address asked for more accounts than anybody would in earnest."""

    status = 429
    default = f"同一网络地址 24 小时内最多注册 {SENDER_LIMIT} 次，请明天再试，或联系单位开通账号"


@dataclass(frozen=True)
class Entry:
    """What somebody fills in who wants an account."""

    name: str
    id_number: str
    address: str
    jurisdiction: str


def ask_for_account(entry: Entry, *, sender: str, now: datetime) -> str | None:
    """Write a registration down; returns the secret of its link, None where no letter goes.

    Nothing is looked up of people here. Raises Invalid with every fault at its field,
    TooManyRegistrations for a flood from one address (of which only a keyed hash is kept).
    """
    if _asked(PersonRegistration.sender_hash == sender, DAY, now) >= SENDER_LIMIT:
        raise TooManyRegistrations
    number = checked_entry(entry, now)
    secret, address = secrets.token_urlsafe(24), entry.address.strip()
    to_mailbox = func.lower(PersonRegistration.address) == address.lower()
    rests = _asked(to_mailbox, REST, now) or _asked(to_mailbox, DAY, now) >= MAILBOX_LIMIT
    db.session.add(
        PersonRegistration(
            name=entry.name.strip(),
            id_number_sealed=crypto.seal(number),
            id_number_tail=crypto.mask_id(number),
            address=address,
            jurisdiction=entry.jurisdiction,
            token_hash=hash_of(secret),
            sender_hash=sender,
            asked_at=now,
            expires_at=now + LASTS,
        )
    )
    db.session.flush()
    return None if rests else secret


def _asked(condition: object, within: timedelta, now: datetime) -> int:
    counted = select(func.count(PersonRegistration.id)).where(
        condition,  # type: ignore[arg-type]
        PersonRegistration.asked_at > now - within,
    )
    return db.session.scalar(counted) or 0


def checked_entry(entry: Entry, now: datetime) -> str:
    """Return the identity number as it is kept; Invalid with every fault at its field."""
    number = crypto.fold_id(entry.id_number)
    faults = gathered(
        lambda: checked_id_number(number, now),
        lambda: checked_address(entry.address),
    )
    if not is_open(entry.jurisdiction):
        faults["jurisdiction"] = ["该地区的账号由所在单位开通，请联系单位人事部门"]
    if faults:
        raise Invalid(errors=faults)
    return number


def is_open(jurisdiction: str) -> bool:
    """Tell whether people of a jurisdiction may register by themselves."""
    known = jurisdiction in jurisdictions.all_ids()
    return known and jurisdictions.get(jurisdiction).opens_accounts_by_registration


def find(secret: str, *, now: datetime) -> PersonRegistration:
    """Return the registration of an unused link; Invalid when it is unknown, used or too old."""
    wanted = select(PersonRegistration).where(
        PersonRegistration.token_hash == hash_of(secret.strip()),
        PersonRegistration.used_at.is_(None),
        PersonRegistration.expires_at > now,
    )
    if current_transaction().write:
        wanted = wanted.with_for_update()
    found = db.session.scalars(wanted).first()
    if found is None:
        raise Invalid(BAD_LINK, field="secret")
    return found


def open_account(secret: str, password: PasswordHash, *, now: datetime) -> Credential | None:
    """Make a person of a registration, whose mailbox its link proves; the link is used up.

    None where the number has come to belong to somebody: that person's log keeps that it was
    tried. Invalid for a link that opens nothing.
    """
    asked = find(secret, now=now)
    asked.used_at = now
    number = crypto.unseal(asked.id_number_sealed)
    known = person_by_id_number(number)
    if known is not None:
        tag = "person:registration_refused"
        audit.record(tag, subject=("person", known.id), actor_id=None, now=now)
        return None
    born, gender = birth_and_gender(number)
    person = create_person(
        name=asked.name, id_number=number, gender=gender, birth_date=born, now=now
    )
    person.email, person.email_verified_at = asked.address, now
    person.self_registered_at = now
    subject = ("person", person.id)
    audit.record("person:registered", subject=subject, actor_id=person.id, now=now)
    credential, _ = create_credential(person, now=now, actor_id=person.id)
    grant_role(person, "applicant", scope_kind="all", scope_id=None, actor_id=None, now=now)
    set_password(credential, password, now=now)
    return credential


def sweep_registrations(now: datetime) -> None:
    """Forget registrations of the past, with the numbers that were typed."""
    old = delete(PersonRegistration).where(PersonRegistration.asked_at < now - KEPT_FOR)
    db.session.execute(old)
