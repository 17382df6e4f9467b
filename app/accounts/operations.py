"""Writes about people: accounts, passwords, grants, notifications."""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update

from app.accounts.apart import PAIRED, refuse_both
from app.accounts.logins import free_login, free_neutral_login
from app.accounts.models import (
    RESET,
    Credential,
    GrantRequest,
    IntegrityRecord,
    LoginSession,
    MailLink,
    Notification,
    Person,
    RoleGrant,
)
from app.accounts.queries import forget_grants, hash_of, roles_in
from app.accounts.signing_in import PasswordHash, clear_failures
from app.accounts.terms import usual_end
from app.core import audit, crypto
from app.core.db import current_transaction, db
from app.core.errors import Conflict, Forbidden, Invalid

ACTIVATION_LASTS = timedelta(days=30)
ADDRESSES_KEPT = timedelta(days=184)
"""From where people signed in is kept for six months (网络安全法 21), and no longer."""
# So many different letters or characters a reason has at least: the person reads it.
LEAST_REASON = 4
VAGUE_REASON = "请写明为何查看，例如“与身份证原件核对”：记入审计日志，本人可以看到"

Forget = Callable[[int, datetime], None]
_forgetting: list[Forget] = []


def register_forgetting(forget: Forget) -> None:
    """Register what else is taken away when an account is reset: other ways in than passwords."""
    if forget not in _forgetting:
        _forgetting.append(forget)


def _forget_other_ways(person_id: int, now: datetime) -> None:
    for forget in _forgetting:
        forget(person_id, now)


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
        taken = select(Person.id).where(
            crypto.is_hash_of(Person.id_number_hash, crypto.fold_id(id_number))
        )
        if db.session.scalar(taken) is not None:
            raise Invalid("该证件号码已存在", field="id_number")
    db.session.add(person)
    db.session.flush()
    return person


def new_activation(now: datetime) -> tuple[str, dict[str, Any]]:
    """Return a one-time activation secret, and what an account keeps of it."""
    secret = secrets.token_urlsafe(12)
    kept = {"activation_hash": hash_of(secret), "activation_expires_at": now + ACTIVATION_LASTS}
    return secret, kept


def create_credential(
    person: Person, login: str = "", *, now: datetime, actor_id: int | None = None
) -> tuple[Credential, str]:
    """Open an account with a one-time activation secret, which is returned once.

    Without a login of their own people sign in with their identity number or the neutral name
    made here. Invalid when the login is taken or no name.
    """
    secret, kept = new_activation(now)
    name = free_login(login) if login else free_neutral_login()
    credential = Credential(person_id=person.id, login=name, **kept)
    db.session.add(credential)
    db.session.flush()
    audit.record(
        "account:created",
        subject=("person", person.id),
        actor_id=actor_id,
        now=now,
        login=credential.login,
    )
    return credential, secret


def reset_credential(credential: Credential, *, actor: Person | None, now: datetime) -> str:
    """Take the password away and return a new one-time activation secret.

    Without an actor it is the server's operator who does it.
    """
    secret, kept = new_activation(now)
    credential.password_hash = None
    for column, value in kept.items():
        setattr(credential, column, value)
    clear_failures(credential)
    void_links(credential.person_id, purpose=RESET, now=now)
    _forget_other_ways(credential.person_id, now)
    end_sessions(credential.person_id, now=now)
    audit.record(
        "account:reset",
        subject=("person", credential.person_id),
        actor_id=actor.id if actor else None,
        now=now,
    )
    return secret


def void_credential(credential: Credential, *, actor: Person, now: datetime) -> None:
    """Make password, secret, links and sessions of an account void; only a reset opens it."""
    credential.password_hash = None
    credential.activation_hash = hash_of(secrets.token_urlsafe(32))
    credential.activation_expires_at = now
    void_links(credential.person_id, now=now)
    _forget_other_ways(credential.person_id, now)
    end_sessions(credential.person_id, now=now)
    audit.record(
        "account:voided", subject=("person", credential.person_id), actor_id=actor.id, now=now
    )


def void_links(person_id: int, *, now: datetime, purpose: str | None = None) -> None:
    """Use up the links that letters to a person hold: all, or those of one purpose."""
    unused = update(MailLink).where(MailLink.person_id == person_id, MailLink.used_at.is_(None))
    if purpose is not None:
        unused = unused.where(MailLink.purpose == purpose)
    db.session.execute(unused.values(used_at=now))


def set_password(credential: Credential, password: PasswordHash, *, now: datetime) -> None:
    """Set a password that was hashed before; sessions and mailed links to reset it end."""
    credential.password_hash = password.text
    credential.activation_hash = None
    credential.activation_expires_at = None
    credential.must_change = False
    clear_failures(credential)
    void_links(credential.person_id, purpose=RESET, now=now)
    end_sessions(credential.person_id, now=now)
    audit.record(
        "account:password_set",
        subject=("person", credential.person_id),
        actor_id=credential.person_id,
        now=now,
    )


def set_photo(person: Person, file_id: int, *, now: datetime) -> None:
    """Keep a photo as the one that certificates carry, whichever page it comes from."""
    db.session.refresh(person, with_for_update={"of": Person})
    person.photo_file_id = file_id
    audit.record("person:photo_set", subject=("person", person.id), actor_id=person.id, now=now)


def find_activation(secret: str, *, now: datetime) -> Credential:
    """Return the account of an unused secret; Invalid when it is unknown or too old."""
    wanted = select(Credential).where(Credential.activation_hash == hash_of(secret.strip()))
    if current_transaction().write:
        wanted = wanted.with_for_update(of=Credential)
    credential = db.session.scalars(wanted).first()
    expires = credential.activation_expires_at if credential else None
    if credential is None or not credential.is_enabled or expires is None or expires <= now:
        raise Invalid("激活码无效或已过期，请联系发放激活码的管理员重新生成", field="secret")
    return credential


def lock_account(credential: Credential, *, actor: Person, now: datetime) -> None:
    """Keep everybody out of an account until it is unlocked (停用); its sessions end."""
    if credential.person_id == actor.id:
        raise Forbidden("不能停用本人的账号")
    credential.is_enabled = False
    end_sessions(credential.person_id, now=now)
    audit.record(
        "account:locked", subject=("person", credential.person_id), actor_id=actor.id, now=now
    )


def unlock_account(credential: Credential, *, actor: Person, now: datetime) -> None:
    """Let an account in again, whether it was locked by hand or by failures (启用、解锁)."""
    if not credential.password_hash and not credential.activation_hash:
        raise Conflict("该账号没有密码，请重置后由本人激活")
    credential.is_enabled = True
    clear_failures(credential)
    audit.record(
        "account:unlocked", subject=("person", credential.person_id), actor_id=actor.id, now=now
    )


def open_session(person_id: int, *, address: str, agent: str, now: datetime) -> str:
    """Begin a session; returns the token that its cookie carries, of which we keep a hash."""
    token = secrets.token_urlsafe(24)
    db.session.add(
        LoginSession(
            person_id=person_id,
            token_hash=hash_of(token),
            created_at=now,
            seen_at=now,
            address=address[:64],
            agent=agent[:200],
        )
    )
    db.session.flush()
    return token


def end_sessions(
    person_id: int, *, now: datetime, only: int | None = None, but: str | None = None
) -> int:
    """End the sessions of a person: all, `only` the one with an id, all `but` one token's."""
    ending = update(LoginSession).where(
        LoginSession.person_id == person_id, LoginSession.ended_at.is_(None)
    )
    if only is not None:
        ending = ending.where(LoginSession.id == only)
    if but is not None:
        ending = ending.where(LoginSession.token_hash != hash_of(but))
    ended: Any = db.session.execute(ending.values(ended_at=now))
    return int(ended.rowcount)


def sweep_sessions(now: datetime) -> None:
    """Forget from where people signed in long ago; the audit log keeps that they did."""
    old = delete(LoginSession).where(LoginSession.created_at < now - ADDRESSES_KEPT)
    db.session.execute(old)
    audit.forget_addresses(now - ADDRESSES_KEPT)


def grant_role(
    person: Person,
    role: str,
    *,
    scope_kind: str,
    scope_id: int | None,
    actor_id: int | None,
    now: datetime,
    until: datetime | None = None,
    confirmed_by: int | None = None,
) -> RoleGrant:
    """Give a person a role in a scope from now on, for the usual term unless one is named.

    Invalid for one that nobody has beside another of the same scope, whoever gives it.
    """
    if role in PAIRED:
        refuse_both(role, roles_in(person.id, scope_kind, scope_id, now))
    grant = RoleGrant(
        person_id=person.id,
        role=role,
        scope_kind=scope_kind,
        scope_id=scope_id,
        valid_from=now,
        valid_to=until or usual_end(role, now),
        granted_by=actor_id,
        confirmed_by=confirmed_by,
    )
    db.session.add(grant)
    db.session.flush()
    forget_grants()
    note_role("role:granted", grant, actor_id, now)
    return grant


def note_role(
    tag: str, role: RoleGrant | GrantRequest, actor_id: int | None, now: datetime, **more: Any
) -> None:
    """Log what became of a role that is held or proposed, with its place."""
    audit.record(
        tag,
        subject=("person", role.person_id),
        actor_id=actor_id,
        now=now,
        **_told(role),
        **more,
    )


def note_roles(
    tag: str,
    roles: Sequence[RoleGrant | GrantRequest],
    actor_id: int | None,
    now: datetime,
    **more: Any,
) -> None:
    """Log what became of several roles, each as `note_role` does."""
    about = [(role.person_id, {**_told(role), **more}) for role in roles]
    audit.record_many(tag, kind="person", about=about, actor_id=actor_id, now=now)


def _told(role: RoleGrant | GrantRequest) -> dict[str, Any]:
    asked = {"request": role.id} if isinstance(role, GrantRequest) else {}
    return {"role": role.role, "scope": f"{role.scope_kind}:{role.scope_id}", **asked}


def bar_person(
    person: Person,
    *,
    since: date,
    until: date,
    reason: str,
    actor_id: int | None,
    now: datetime,
) -> IntegrityRecord:
    """Enter an integrity record that bars declarations until a day."""
    entry = IntegrityRecord(
        person_id=person.id, barred_from=since, barred_until=until, reason=reason
    )
    db.session.add(entry)
    db.session.flush()
    audit.record(
        "person:barred",
        subject=("person", person.id),
        actor_id=actor_id,
        now=now,
        until=until.isoformat(),
        reason=reason,
    )
    return entry


def unmask_id_number(
    person: Person,
    reason: str,
    *,
    actor: Person,
    now: datetime,
    sealed: str = "",
    about: Mapping[str, int] | None = None,
) -> str:
    """Return an identity number in full; that it was looked at, and why, stands in the log.

    The person's own, or a `sealed` one that they want to be theirs. Invalid without a real reason,
    Conflict where there is no number.
    """
    if not reason.strip():
        raise Invalid("请填写查看理由", field="reason")
    if sum(each.isalpha() for each in set(reason)) < LEAST_REASON:
        raise Invalid(VAGUE_REASON, field="reason")
    wanted = sealed or person.id_number_sealed
    if not wanted:
        raise Conflict("此人没有登记证件号码")
    audit.record(
        "person:unmasked",
        subject=("person", person.id),
        actor_id=actor.id,
        now=now,
        reason=reason.strip()[:300],
        **(about or {}),
    )
    return crypto.unseal(wanted)


def notify(person_id: int, text: str, *, url: str, now: datetime) -> None:
    """Tell a person something; it waits under the bell until it is opened."""
    db.session.add(
        Notification(person_id=person_id, text=text[:300], url=url[:200], created_at=now)
    )


def notify_each(letters: Iterable[tuple[int, str]], *, url: str, now: datetime) -> None:
    """Tell several people something, each as `notify` does, in one statement."""
    same = {"url": url[:200], "created_at": now}
    rows = [{**same, "person_id": person_id, "text": text[:300]} for person_id, text in letters]
    if rows:
        db.session.execute(insert(Notification), rows)


def read_notifications(person_id: int, *, now: datetime) -> None:
    """Mark all notifications of a person as read."""
    unread = update(Notification).where(
        Notification.person_id == person_id, Notification.read_at.is_(None)
    )
    db.session.execute(unread.values(read_at=now))
