"""Writes about people: accounts, passwords, grants, notifications."""

import hashlib
import re
import secrets
from datetime import date, datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts.models import (
    Credential,
    IntegrityRecord,
    Notification,
    Person,
    RoleGrant,
    SignInAttempt,
)
from app.accounts.queries import credential_by_login, forget_grants
from app.core import audit
from app.core.db import db
from app.core.errors import DomainError, Invalid

ACTIVATION_LASTS = timedelta(days=30)
FAILURES_BEFORE_LOCK = 5
LOCK_LASTS = timedelta(minutes=15)
ADDRESS_FAILURES = 50
PASSWORD_RULE = "密码须为 8-20 位，同时包含字母、数字和特殊字符"  # noqa: S105 - a rule, not a secret

_hasher = PasswordHasher()


class SignInRefused(DomainError):
    """The account, the password or the number of tries does not allow it."""

    status = 401
    default = "账号或密码不正确"


def create_person(
    *,
    name: str,
    now: datetime,
    id_number: str = "",
    gender: str = "",
    birth_date: date | None = None,
    phone: str = "",
    id_type: str = "居民身份证",
) -> Person:
    """Create a person; Invalid when the identity number belongs to somebody already."""
    person = Person(
        name=name,
        gender=gender,
        birth_date=birth_date,
        phone=phone,
        id_type=id_type,
        profile={},
        created_at=now,
    )
    if id_number:
        person.set_id_number(id_number)
        taken = select(Person.id).where(Person.id_number_hash == person.id_number_hash)
        if db.session.scalar(taken) is not None:
            raise Invalid("该证件号码已存在", field="id_number")
    db.session.add(person)
    db.session.flush()
    return person


def _activation_hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def create_credential(person: Person, login: str, *, now: datetime) -> tuple[Credential, str]:
    """Open an account with a one-time activation secret, which is returned once."""
    secret = secrets.token_urlsafe(12)
    credential = Credential(
        person_id=person.id,
        login=login,
        activation_hash=_activation_hash(secret),
        activation_expires_at=now + ACTIVATION_LASTS,
    )
    db.session.add(credential)
    db.session.flush()
    audit.record(
        "account:created", subject=("person", person.id), actor_id=None, now=now, login=login
    )
    return credential, secret


def reset_credential(credential: Credential, *, actor: Person, now: datetime) -> str:
    """Take the password away and return a new one-time activation secret."""
    secret = secrets.token_urlsafe(12)
    credential.password_hash = None
    credential.activation_hash = _activation_hash(secret)
    credential.activation_expires_at = now + ACTIVATION_LASTS
    credential.failures, credential.locked_until = 0, None
    credential.session_epoch += 1
    audit.record(
        "account:reset", subject=("person", credential.person_id), actor_id=actor.id, now=now
    )
    return secret


def check_password_rule(password: str) -> None:
    """Invalid unless 8-20 characters with letters, digits and specials (CZ-02)."""
    classes = (r"[A-Za-z]", r"\d", r"[^A-Za-z0-9]")
    if not 8 <= len(password) <= 20 or not all(re.search(c, password) for c in classes):
        raise Invalid(PASSWORD_RULE, field="password")


def set_password(credential: Credential, password: str, *, now: datetime) -> None:
    """Set a password that the rule allows; other sessions end."""
    check_password_rule(password)
    credential.password_hash = _hasher.hash(password)
    credential.activation_hash = None
    credential.activation_expires_at = None
    credential.must_change = False
    credential.session_epoch += 1
    audit.record(
        "account:password_set",
        subject=("person", credential.person_id),
        actor_id=credential.person_id,
        now=now,
    )


def _lock(credential: Credential) -> None:
    db.session.refresh(credential, with_for_update={"of": Credential})


def confirm_password(credential: Credential, password: str, *, now: datetime) -> None:
    """Invalid unless this is the account's password; guesses count as they do at sign-in."""
    _lock(credential)
    if credential.locked_until and credential.locked_until > now:
        raise Invalid("密码错误次数过多，请 15 分钟后再试", field="current")
    if not _is_right(credential, password):
        _count_failure(credential, now)
        raise Invalid("当前密码不正确", field="current")
    credential.failures = 0


def set_photo(person: Person, file_id: int, *, now: datetime) -> None:
    """Keep a photo as the one that certificates carry."""
    person.photo_file_id = file_id
    audit.record("person:photo_set", subject=("person", person.id), actor_id=person.id, now=now)


def find_activation(secret: str, *, now: datetime) -> Credential:
    """Return the account of an unused secret; Invalid when it is unknown or too old."""
    wanted = Credential.activation_hash == _activation_hash(secret.strip())
    credential = db.session.scalars(select(Credential).where(wanted)).first()
    expires = credential.activation_expires_at if credential else None
    if credential is None or not credential.is_enabled or expires is None or expires <= now:
        raise Invalid("激活码无效或已过期，请联系单位管理员重新生成", field="secret")
    return credential


def _is_right(credential: Credential | None, password: str) -> bool:
    # The same work for an unknown account, so that timing tells nothing.
    known = credential.password_hash if credential else None
    try:
        return _hasher.verify(known or _decoy(), password) and known is not None
    except (VerifyMismatchError, InvalidHashError):
        return False


_decoys: list[str] = []


def _decoy() -> str:
    if not _decoys:
        _decoys.append(_hasher.hash(secrets.token_urlsafe(12)))
    return _decoys[0]


def sign_in(login: str, password: str, *, address: str, now: datetime) -> Credential:
    """Return the account when the password is right; SignInRefused says why not.

    Five failures lock an account for a quarter of an hour (等保 practice).
    """
    if _failures_from(_source(address), now) >= ADDRESS_FAILURES:
        raise SignInRefused("此网络地址尝试次数过多，请几分钟后再试")
    credential = credential_by_login(login)
    if credential is not None:
        # Guesses made side by side are judged one after another, so that each is counted.
        _lock(credential)
    if credential and credential.locked_until and credential.locked_until > now:
        raise SignInRefused("账号已锁定，请 15 分钟后再试，或联系单位管理员重置")
    is_right = _is_right(credential, password)
    if credential is None or not credential.is_enabled or not is_right:
        if credential is not None:
            _count_failure(credential, now)
        _count_address(address, now)
        raise SignInRefused
    credential.failures, credential.locked_until = 0, None
    credential.last_sign_in_at = now
    audit.record(
        "account:signed_in",
        subject=("person", credential.person_id),
        actor_id=credential.person_id,
        now=now,
    )
    return credential


def _source(address: str, *, for_update: bool = False) -> SignInAttempt | None:
    known = select(SignInAttempt).where(SignInAttempt.address == address)
    if for_update:
        known = known.with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(known).first()


def _failures_from(source: SignInAttempt | None, now: datetime) -> int:
    """Return how many failures of an address still count: they fade one by one.

    A sign-in that succeeds takes none away, else a guesser would use an account of their own; and
    an office behind one address is not locked out by what its people mistype in a day.
    """
    if source is None:
        return 0
    faded = max(timedelta(), now - source.last_at) // (LOCK_LASTS / ADDRESS_FAILURES)
    return max(0, source.failures - faded)


def _count_address(address: str, now: datetime) -> None:
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    first = insert(SignInAttempt).values(address=address, failures=0, last_at=now)
    db.session.execute(first.on_conflict_do_nothing(index_elements=["address"]))
    source = _source(address, for_update=True)
    if source is not None:
        source.failures, source.last_at = _failures_from(source, now) + 1, now


def sweep_attempts(now: datetime) -> None:
    """Forget addresses whose failures have all faded."""
    faded = delete(SignInAttempt).where(SignInAttempt.last_at < now - LOCK_LASTS)
    db.session.execute(faded)


def _count_failure(credential: Credential, now: datetime) -> None:
    credential.failures += 1
    audit.record(
        "account:sign_in_failed",
        subject=("person", credential.person_id),
        actor_id=None,
        now=now,
    )
    if credential.failures >= FAILURES_BEFORE_LOCK:
        credential.locked_until = now + LOCK_LASTS
        credential.failures = 0


def grant_role(
    person: Person,
    role: str,
    *,
    scope_kind: str,
    scope_id: int | None,
    actor_id: int | None,
    now: datetime,
    until: datetime | None = None,
) -> RoleGrant:
    """Give a person a role in a scope from now on."""
    grant = RoleGrant(
        person_id=person.id,
        role=role,
        scope_kind=scope_kind,
        scope_id=scope_id,
        valid_from=now,
        valid_to=until,
        granted_by=actor_id,
    )
    db.session.add(grant)
    db.session.flush()
    forget_grants()
    audit.record(
        "role:granted",
        subject=("person", person.id),
        actor_id=actor_id,
        now=now,
        role=role,
        scope=f"{scope_kind}:{scope_id}",
    )
    return grant


def bar_person(person: Person, *, since: date, until: date, reason: str) -> IntegrityRecord:
    """Enter an integrity record that bars declarations until a day."""
    entry = IntegrityRecord(
        person_id=person.id, barred_from=since, barred_until=until, reason=reason
    )
    db.session.add(entry)
    db.session.flush()
    return entry


def notify(person_id: int, text: str, *, url: str, now: datetime) -> None:
    """Tell a person something; it waits under the bell until it is opened."""
    db.session.add(
        Notification(person_id=person_id, text=text[:300], url=url[:200], created_at=now)
    )


def read_notifications(person_id: int, *, now: datetime) -> None:
    """Mark all notifications of a person as read."""
    unread = update(Notification).where(
        Notification.person_id == person_id, Notification.read_at.is_(None)
    )
    db.session.execute(unread.values(read_at=now))
