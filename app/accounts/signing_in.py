"""Passwords and signing in (登录).

A password is judged before the transaction writes: the hash takes tens of milliseconds on
purpose, and nobody else should wait for it. What was found is a Judgement, which the writing part
then counts or lets in.
"""

import math
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, select

from app.accounts.addresses import SignInRefused, check_address, count_address, use_address
from app.accounts.models import Credential, UnknownName
from app.accounts.queries import asks_code, credential_by_name, fold_login
from app.core import audit, crypto
from app.core.db import db, insert_into
from app.core.errors import Invalid
from app.core.mail import mail_server

FAILURES_BEFORE_LOCK = 5
LOCK_LASTS = timedelta(minutes=15)
LONGEST_LOCK = timedelta(hours=1)
LOCKS_KEPT = timedelta(days=1)
NAMES_KEPT = timedelta(days=30)
PASSWORD_RULE = "密码须为 8-20 位，同时包含字母、数字和特殊字符"  # noqa: S105 - a rule, not a secret

Tried = Credential | UnknownName
_hasher = PasswordHasher()
_decoys: list[str] = []


@dataclass(frozen=True)
class PasswordHash:
    """A password that the rule allows, hashed."""

    text: str


@dataclass(frozen=True)
class Judgement:
    """Whether a password was an account's, and the hash it was held against."""

    credential_id: int | None
    password_hash: str | None
    is_right: bool
    name_hash: str = ""
    tried: str = ""
    """Which name of the account was typed, masked; nothing of a name that nobody has."""
    fresh_hash: str = ""
    """The password hashed anew, where the one that is kept was made with less work."""


def check_password_rule(password: str) -> None:
    """Invalid unless 8-20 characters with letters, digits and specials (CZ-02)."""
    classes = (r"[A-Za-z]", r"\d", r"[^A-Za-z0-9]")
    if not 8 <= len(password) <= 20 or not all(re.search(c, password) for c in classes):
        raise Invalid(PASSWORD_RULE, field="password")


def hash_password(password: str) -> PasswordHash:
    """Hash a password that the rule allows; slow, so call it before writing."""
    check_password_rule(password)
    return PasswordHash(_hasher.hash(password))


def judge_account(credential: Credential | None, password: str) -> Judgement:
    """Hold a password against an account; the same work is done for an account that is not."""
    known = credential.password_hash if credential else None
    if not _decoys:
        _decoys.append(_hasher.hash(secrets.token_urlsafe(12)))
    try:
        is_right = _hasher.verify(known or _decoys[0], password) and known is not None
    except (VerifyMismatchError, InvalidHashError):
        is_right = False
    is_weak = is_right and _hasher.check_needs_rehash(known or "")
    fresh = _hasher.hash(password) if is_weak else ""
    return Judgement(credential.id if credential else None, known, is_right, fresh_hash=fresh)


def judge(name: str, password: str, *, address: str, now: datetime, proof: str = "") -> Judgement:
    """Judge a sign-in by login name or identity number; it only reads.

    TooManyTries at once for an address that failed often and proves no work.
    """
    check_address(address, proof, now=now)
    credential = credential_by_name(name)
    found = judge_account(credential, password)
    tried = _masked(credential, name) if credential else ""
    return replace(found, name_hash=crypto.keyed_hash(crypto.fold_id(name)), tried=tried)


def _masked(credential: Credential, typed: str) -> str:
    if credential.login == fold_login(typed):
        return crypto.mask_name(credential.login)
    return credential.person.masked_id_number


def sign_in(judgement: Judgement, *, address: str, now: datetime, proof: str = "") -> Credential:
    """Return the account when the password was right; SignInRefused says why not.

    Who has a second factor is not in yet: the code comes next, and failures go on counting.
    """
    use_address(address, proof, now=now)
    credential = lock_account_row(judgement.credential_id)
    tried = credential or _unknown_name(judgement.name_hash, now)
    refuse_locked(tried, now, name=judgement.tried, address=address, guesses=True)
    if credential is None or not credential.is_enabled or not _still_right(credential, judgement):
        count_failure(tried, now, why=_why(credential), name=judgement.tried, address=address)
        count_address(address, now)
        raise SignInRefused
    credential.password_hash = judgement.fresh_hash or credential.password_hash
    if not asks_code(credential.person_id, now):
        admit(credential, now=now, address=address)
    return credential


def _why(credential: Credential | None) -> str:
    """Return why a password let nobody in, for the log alone: the page tells no such thing."""
    if credential is None:
        return "unknown"
    if not credential.is_enabled:
        return "disabled"
    return "password" if credential.password_hash else "inactive"


def admit(credential: Credential, *, now: datetime, address: str, **how: str | int) -> None:
    """Note that somebody got in, and from where: what was counted against them is forgotten."""
    clear_failures(credential)
    credential.last_sign_in_at = now
    audit.record_from(
        address,
        "account:signed_in",
        subject=("person", credential.person_id),
        actor_id=credential.person_id,
        now=now,
        **how,
    )


def _unknown_name(name_hash: str, now: datetime) -> UnknownName:
    """Return what is counted of a name that nobody has: it locks as an account would."""
    first = insert_into(UnknownName).values(name_hash=name_hash, failures=0, locks=0, last_at=now)
    db.session.execute(first.on_conflict_do_nothing(index_elements=["name_hash"]))
    wanted = select(UnknownName).where(UnknownName.name_hash == name_hash).with_for_update()
    tried = db.session.scalars(wanted.execution_options(populate_existing=True)).one()
    tried.last_at = now
    return tried


def sweep_names(now: datetime) -> None:
    """Forget names that nobody has and nobody tried for long."""
    db.session.execute(delete(UnknownName).where(UnknownName.last_at < now - NAMES_KEPT))


def refuse_locked(
    tried: Tried, now: datetime, *, address: str, name: str = "", guesses: bool = False
) -> None:
    """SignInRefused while an account is locked by failures; the try is logged.

    It counts against the `address` where somebody `guesses`, be the password right or wrong: who
    goes on guessing is slowed down, and learns nothing of the password by that.
    """
    if tried.locked_until and tried.locked_until > now:
        note_failure(_person_of(tried), now, why="locked", name=name, address=address)
        if guesses:
            count_address(address, now)
        left = math.ceil((tried.locked_until - now) / timedelta(minutes=1))
        by_mail = "用已验证的邮箱重置密码，或" if mail_server() else ""
        raise SignInRefused(f"账号已锁定，请 {left} 分钟后再试，或{by_mail}联系管理员重置")


def confirm_password(judgement: Judgement, *, address: str, now: datetime) -> Credential:
    """Invalid unless it was the account's password; guesses count as they do at sign-in."""
    credential = lock_account_row(judgement.credential_id)
    if credential is None:
        raise Invalid("当前密码不正确", field="current")
    try:
        refuse_locked(credential, now, address=address)
    except SignInRefused as refused:
        raise Invalid(refused.message, field="current") from refused
    if not _still_right(credential, judgement):
        count_failure(credential, now, why="checked_password", address=address)
        raise Invalid("当前密码不正确", field="current")
    return credential


def lock_account_row(credential_id: int | None) -> Credential | None:
    """Return an account, locked: guesses made side by side are counted one after another."""
    if credential_id is None:
        return None
    wanted = select(Credential).where(Credential.id == credential_id)
    locked = wanted.with_for_update(of=Credential).execution_options(populate_existing=True)
    return db.session.scalars(locked).first()


def _still_right(credential: Credential, judgement: Judgement) -> bool:
    return judgement.is_right and credential.password_hash == judgement.password_hash


def count_failure(tried: Tried, now: datetime, *, why: str, address: str, name: str = "") -> None:
    """Count a wrong password or code, and log why it was (WHY); the fifth locks the account.

    Of what was typed the log keeps a `name` of the account, masked: people type passwords into the
    field of names, so a name that nobody has is told nowhere.

    A quarter of an hour at first (等保 practice), and twice as long each time until somebody gets
    in, whichever of the account's names was typed; an hour at most, since anybody can lock anybody
    out. What locked it before is forgotten a day after the last lock.
    """
    if tried.locked_until and tried.locked_until < now - LOCKS_KEPT:
        tried.locks = 0
    tried.failures += 1
    note_failure(_person_of(tried), now, why=why, name=name, address=address)
    if tried.failures >= FAILURES_BEFORE_LOCK:
        tried.locked_until = now + min(LONGEST_LOCK, LOCK_LASTS * 2 ** min(tried.locks, 10))
        tried.locks += 1
        tried.failures = 0
        _note_of(
            _person_of(tried),
            "account:locked_by_failures",
            now,
            address,
            until=tried.locked_until.isoformat(),
        )


def _person_of(tried: Tried) -> int | None:
    return tried.person_id if isinstance(tried, Credential) else None


def note_failure(
    person_id: int | None, now: datetime, *, why: str, address: str, name: str = ""
) -> None:
    """Log that somebody did not get in, for whose account, from where and why."""
    told = {"tried": name, "why": why} if name else {"why": why}
    _note_of(person_id, "account:sign_in_failed", now, address, **told)


def _note_of(person_id: int | None, tag: str, now: datetime, address: str, **told: str) -> None:
    """Log what befell an account; None for a name that nobody has."""
    subject = ("account", 0) if person_id is None else ("person", person_id)
    audit.record_from(address, tag, subject=subject, actor_id=None, now=now, **told)


def clear_failures(credential: Credential) -> None:
    """Forget what was counted against an account, and its lock."""
    credential.failures, credential.locks, credential.locked_until = 0, 0, None
