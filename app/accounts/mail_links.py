"""One-time links by mail: verifying an address, and a new password (忘记密码).

Whoever asks for a new password gets one answer, whatever they typed: it is only written down. The
worker looks whose name it is, so that neither words nor time tell who has an account.
"""

import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, or_, select

from app.accounts.grants import is_administrator
from app.accounts.models import RESET, VERIFY, Credential, MailLink, Person, ResetRequest
from app.accounts.operations import notify, set_password, void_links
from app.accounts.queries import asks_code, credential_by_name, has_factor, hash_of
from app.accounts.second_factor import refusal_of_code, spend_any_code
from app.accounts.signing_in import PasswordHash, admit, lock_account_row, note_failure
from app.core import audit, crypto, jobs
from app.core.db import current_transaction, db, insert_into
from app.core.errors import Invalid

ANSWER = "answer_reset_request"
LASTS = {VERIFY: timedelta(hours=24), RESET: timedelta(minutes=30)}
REST = timedelta(minutes=5)
"""How long after a link another one is not sent: nobody's mailbox is flooded."""
LINK_TRIES = 5
GUESSED_REST = timedelta(hours=1)
"""How long after a link that was used up by wrong codes another one is not sent."""
KEPT_FOR = timedelta(days=2)
ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
BAD_LINK = {
    VERIFY: "验证链接无效或已过期，请在“个人信息”中重新发送",
    RESET: "重置链接无效或已过期，请重新申请",
}


def checked_address(text: str) -> str:
    """Return a mail address; Invalid for what is none."""
    address = text.strip()
    if len(address) > 120 or not ADDRESS.fullmatch(address):
        raise Invalid("请填写有效的邮箱地址", field="address")
    return address


def _open_link(person_id: int, purpose: str, address: str, now: datetime) -> str:
    """Return the secret of a new link; older ones of its purpose open nothing any more."""
    secret = secrets.token_urlsafe(24)
    fresh = {
        "token_hash": hash_of(secret),
        "address": address,
        "tries": 0,
        "created_at": now,
        "expires_at": now + LASTS[purpose],
    }
    made = insert_into(MailLink).values(person_id=person_id, purpose=purpose, **fresh)
    lives = MailLink.used_at.is_(None)
    opens = ["person_id", "purpose"]
    db.session.execute(
        made.on_conflict_do_update(index_elements=opens, index_where=lives, set_=fresh)
    )
    return secret


def _rests(person_id: int, purpose: str, now: datetime) -> bool:
    recent = select(MailLink.id).where(
        MailLink.person_id == person_id,
        MailLink.purpose == purpose,
        or_(
            MailLink.created_at > now - REST,
            and_(MailLink.tries >= LINK_TRIES, MailLink.used_at > now - GUESSED_REST),
        ),
    )
    return db.session.scalar(recent.limit(1)) is not None


def find_link(secret: str, purpose: str, *, now: datetime) -> MailLink:
    """Return the link of an unused secret; Invalid when it is unknown, used or too old."""
    wanted = select(MailLink).where(
        MailLink.token_hash == hash_of(secret.strip()),
        MailLink.purpose == purpose,
        MailLink.used_at.is_(None),
        MailLink.expires_at > now,
    )
    if current_transaction().write:
        wanted = wanted.with_for_update(of=MailLink)
    link = db.session.scalars(wanted).first()
    if link is None:
        raise Invalid(BAD_LINK[purpose], field="secret")
    return link


def check_kept_address(person: Person, typed: str) -> None:
    """Refuse (Invalid) another address than the one that was verified.

    Who is signed in does not move by that where a forgotten password is reset.
    """
    if person.email_verified_at and typed != person.email:
        raise Invalid("邮箱已验证，请在“个人信息”页的“邮箱”中更换", field="email")


def ask_to_verify(person: Person, address: str, *, now: datetime) -> str:
    """Return the secret for the link that proves an address is the person's.

    Invalid for what is no address, or when a letter was sent a moment ago. The address of before
    stays until the new one is proved.
    """
    known = checked_address(address)
    if _rests(person.id, VERIFY, now):
        raise Invalid("验证邮件刚刚发送过，请查收；五分钟后可以重新发送", field="address")
    _note("account:mail_asked", person.id, now)
    return _open_link(person.id, VERIFY, known, now)


def _note(tag: str, person_id: int, now: datetime) -> None:
    audit.record(tag, subject=("person", person_id), actor_id=person_id, now=now)


def verify_address(secret: str, *, now: datetime) -> tuple[Person, str]:
    """Keep the address that a link was sent to; returns the one of before, if it was verified.

    A link for a new password that went to the one of before opens nothing any more.
    """
    link = find_link(secret, VERIFY, now=now)
    person = link.person
    before = person.email if person.email_verified_at else ""
    link.used_at = now
    void_links(person.id, purpose=RESET, now=now)
    person.email, person.email_verified_at = link.address, now
    _note("account:mail_verified", person.id, now)
    return person, before


def forget_address(person: Person, *, now: datetime) -> None:
    """Send this person nothing any more: a lost password is reset by an administrator.

    Links are used up and not deleted: the rest after a letter goes on.
    """
    person.email, person.email_verified_at = "", None
    void_links(person.id, now=now)
    _note("account:mail_removed", person.id, now)


def ask_for_reset(name: str, *, now: datetime) -> None:
    """Write down what somebody typed who forgot a password; nothing is looked up here."""
    asked = ResetRequest(name_sealed=crypto.seal(name), asked_at=now)
    db.session.add(asked)
    db.session.flush()
    # SQLite gives the number of a request that was answered to the next one.
    key = f"reset:{secrets.token_hex(8)}"
    jobs.enqueue(ANSWER, {"request": asked.id}, key=key, now=now)


def answer_request(request_id: int, *, now: datetime) -> tuple[Person, str] | None:
    """Return whom to write to and with which secret; None where nothing is to be written.

    Nothing for a name nobody has, an account that is disabled, an address that was not proved,
    and within five minutes of the last letter. An administrator's account without a second factor
    is reset on the server only: a mailbox alone must not open an office.
    """
    asked = db.session.get(ResetRequest, request_id)
    if asked is None:
        return None
    credential = credential_by_name(crypto.unseal(asked.name_sealed))
    db.session.delete(asked)
    if credential is None or not _may_be_mailed(credential, now):
        return None
    person = credential.person
    audit.record("account:reset_mailed", subject=("person", person.id), actor_id=None, now=now)
    return person, _open_link(person.id, RESET, person.email, now)


def _may_be_mailed(credential: Credential, now: datetime) -> bool:
    return _may_use_mail(credential, now) and not _rests(credential.person_id, RESET, now)


def _may_use_mail(credential: Credential, now: datetime) -> bool:
    """Tell whether mail may open an account: a mailbox alone opens no administrator's."""
    if not credential.is_enabled or credential.person.email_verified_at is None:
        return False
    return has_factor(credential.person_id) or not is_administrator(credential.person_id, now)


def reset_by_mail(
    secret: str,
    password: PasswordHash,
    code: str,
    *,
    address: str,
    moment: datetime,
    now: datetime,
) -> Credential:
    """Set a new password by a link, and let in; by a code of the second factor where there is one.

    Invalid says what is wrong. All sessions of the account end; the link is used up. Who may be
    mailed is judged again: an office may have come since the letter, or a device gone.
    """
    credential = _account_of(secret)
    link = find_link(secret, RESET, now=now)
    if credential is None or not _may_use_mail(credential, now):
        raise Invalid(BAD_LINK[RESET], field="secret")
    how = _confirm(link, code, moment, now, address) if asks_code(link.person_id, now) else {}
    link.used_at = now
    set_password(credential, password, now=now)
    _note("account:reset_by_mail", link.person_id, now)
    admit(credential, now=now, address=address, **how)
    notify(link.person_id, "您的密码已通过邮箱重置", url="/account/sessions", now=now)
    return credential


def _account_of(secret: str) -> Credential | None:
    """Return the account of a link, locked before the link as whoever voids links does."""
    named = (
        select(Credential.id)
        .join(MailLink, MailLink.person_id == Credential.person_id)
        .where(MailLink.token_hash == hash_of(secret.strip()))
    )
    return lock_account_row(db.session.scalar(named))


def _confirm(
    link: MailLink, code: str, moment: datetime, now: datetime, address: str
) -> dict[str, str | int]:
    """Return which kind of code it was; Invalid for a wrong one.

    The account's lock plays no part, since anybody can bring it on. What limits guesses here is
    the link: LINK_TRIES wrong codes use it up.
    """
    how = spend_any_code(link.person_id, code, moment=moment, now=now)
    if how:
        return how
    link.tries += 1
    if link.tries >= LINK_TRIES:
        link.used_at = now
    note_failure(link.person_id, now, why="reset_code", address=address)
    raise Invalid(refusal_of_code(link.person_id, now), field="code")


def sweep_links(now: datetime) -> None:
    """Forget links and requests of the past."""
    db.session.execute(delete(MailLink).where(MailLink.expires_at < now - KEPT_FOR))
    db.session.execute(delete(ResetRequest).where(ResetRequest.asked_at < now - KEPT_FOR))
