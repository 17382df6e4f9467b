"""The second factor (动态验证码): time-based codes of a person's own device, and codes on paper.

`moment` is the time that devices tell, `now` that of the instance: a demonstration whose clock
was moved does not move the clocks of telephones.
"""

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyotp
from flask import current_app
from sqlalchemy import delete, update

from app.accounts.addresses import SignInRefused, count_address
from app.accounts.factor_models import FactorRole, OneTimeCode, SecondFactor
from app.accounts.models import Credential, Person
from app.accounts.one_time_codes import (
    RECOVERY_LENGTH,
    drawn,
    folded,
    fresh_seed,
    has_lost_card,
    keep,
    spend_card_code,
    spend_recovery_code,
    written,
)
from app.accounts.operations import end_sessions, notify, void_links
from app.accounts.queries import factor_of, factor_roles, has_factor, hash_of, recovery_codes_left
from app.accounts.signing_in import (
    admit,
    count_failure,
    lock_account_row,
    refuse_locked,
)
from app.core import audit, crypto
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.permissions import ROLES

DIGITS = 6
# A device may be half a minute before or behind.
DRIFT = (0, -1, 1)
# Whom a new instance asks for a second factor (等保 practice); the security administrator decides.
FIRST_FACTOR_ROLES = ("system_admin", "security_admin", "audit_admin", "process_admin", "issuer")
WRONG_CODE = "验证码不正确或已使用过，请输入手机上最新显示的 6 位数字，或一个未用过的恢复码"
WRONG_CARD_CODE = "验证码不正确或已使用过，请输入验证卡上一个未划掉的验证码"
LOST_CARD = "您的验证卡已作废，请联系会议经办人换领新卡"


@dataclass(frozen=True)
class HalfSignedIn:
    """An account whose password was right, and which password that was."""

    credential_id: int
    password_print: str

    @classmethod
    def of(cls, credential: Credential) -> "HalfSignedIn":
        """Return the half sign-in of an account with the password it has now."""
        return cls(credential.id, hash_of(credential.password_hash or ""))


def fresh_secret() -> str:
    """Return a secret for a device that is about to be enrolled."""
    return pyotp.random_base32()


def enrolment_address(secret: str, login: str) -> str:
    """Return what the QR code tells an authenticator."""
    issuer = current_app.config["SITE_NAME"]
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)


def enrol(
    credential: Credential, secret: str, code: str, *, moment: datetime, now: datetime
) -> list[str]:
    """Keep the secret of a device that showed a right code; returns the recovery codes.

    Conflict when there is a device already, Invalid when the code is wrong. Sessions that were
    opened without a code end.
    """
    if factor_of(credential.person_id) is not None:
        raise Conflict("动态验证码已启用，更换手机请先停用")
    step = _step_of(secret, folded(code), moment)
    if step is None:
        raise Invalid("验证码不正确，请核对手机时间，输入最新显示的 6 位数字", field="code")
    factor = SecondFactor(
        person_id=credential.person_id,
        secret_sealed=crypto.seal(secret),
        last_step=step,
        enrolled_at=now,
    )
    db.session.add(factor)
    db.session.flush()
    end_sessions(credential.person_id, now=now)
    _note("account:factor_enrolled", credential.person_id, now)
    return _issue_codes(credential.person_id)


def _note(tag: str, person_id: int, now: datetime) -> None:
    audit.record(tag, subject=("person", person_id), actor_id=person_id, now=now)


def _step_of(secret: str, code: str, moment: datetime) -> int | None:
    """Return the time step whose code this is."""
    device = pyotp.TOTP(secret)
    here = device.timecode(moment)
    right = [
        here + drift
        for drift in DRIFT
        if hmac.compare_digest(device.generate_otp(here + drift).encode(), code.encode())
    ]
    return max(right, default=None)


def _issue_codes(person_id: int) -> list[str]:
    """Put new recovery codes in the place of the old ones; they are returned this once."""
    db.session.execute(delete(OneTimeCode).where(OneTimeCode.factor_of == person_id))
    codes = drawn(fresh_seed(), f"person {person_id}", RECOVERY_LENGTH)
    keep(codes, factor_of=person_id)
    return written(codes)


def spend_code(person_id: int, text: str, *, moment: datetime, now: datetime) -> str:
    """Use a code up: returns `device` or `recovery`, or nothing where it opens nothing.

    A time step counts once, whoever asks at the same moment (the row is written only forward), and
    so does a recovery code.
    """
    code = folded(text)
    if len(code) == DIGITS and code.isdecimal():
        return "device" if _spend_step(person_id, code, moment) else ""
    return "recovery" if spend_recovery_code(person_id, code, now) else ""


def spend_any_code(
    person_id: int, text: str, *, moment: datetime, now: datetime
) -> dict[str, str | int]:
    """Use up a code that lets somebody in: of the device, of recovery, or of a meeting's card.

    Returns what the log keeps of it, nothing where it opens nothing. What changes the second
    factor itself takes no card: others have printed it.
    """
    if how := spend_code(person_id, text, moment=moment, now=now):
        return {"factor": how}
    card = spend_card_code(person_id, folded(text), now)
    return {"factor": "card", "meeting": card.meeting_id} if card else {}


def refusal_of_code(person_id: int, now: datetime) -> str:
    """Return what to say to who typed a code that lets nobody in, where a card's would."""
    if has_factor(person_id):
        return f"{WRONG_CODE}、验证卡验证码"
    return LOST_CARD if has_lost_card(person_id, now) else WRONG_CARD_CODE


def _spend_step(person_id: int, code: str, moment: datetime) -> bool:
    factor = factor_of(person_id)
    step = _step_of(crypto.unseal(factor.secret_sealed), code, moment) if factor else None
    if step is None:
        return False
    forward = update(SecondFactor).where(
        SecondFactor.person_id == person_id, SecondFactor.last_step < step
    )
    moved: Any = db.session.execute(forward.values(last_step=step))
    return bool(moved.rowcount)


def confirm_sign_in(
    half: HalfSignedIn, code: str, *, address: str, moment: datetime, now: datetime
) -> Credential:
    """Return the account when its second code was right too; SignInRefused says why not.

    Wrong codes count as wrong passwords do. A password that was changed meanwhile is asked again.
    """
    credential = lock_account_row(half.credential_id)
    if credential is None or not credential.is_enabled or HalfSignedIn.of(credential) != half:
        raise SignInRefused("登录已超时，请重新登录")
    refuse_locked(credential, now, address=address, guesses=True)
    how = spend_any_code(credential.person_id, code, moment=moment, now=now)
    if not how:
        count_failure(credential, now, why="code", address=address)
        count_address(address, now)
        raise SignInRefused(refusal_of_code(credential.person_id, now))
    admit(credential, now=now, address=address, **how)
    if how["factor"] == "recovery":
        _tell_of_recovery(credential.person_id, now)
    return credential


def _tell_of_recovery(person_id: int, now: datetime) -> None:
    left = recovery_codes_left(person_id)
    text = f"您用恢复码登录了一次，还剩 {left} 个。如非本人操作，请立即修改密码"
    notify(person_id, text, url="/account/factor", now=now)


def confirm_code(
    credential: Credential, code: str, *, address: str, moment: datetime, now: datetime
) -> None:
    """Invalid unless the code is right; wrong ones count as they do at sign-in."""
    if not spend_code(credential.person_id, code, moment=moment, now=now):
        count_failure(credential, now, why="checked_code", address=address)
        raise Invalid(WRONG_CODE, field="code")


def renew_codes(credential: Credential, *, now: datetime) -> list[str]:
    """Return new recovery codes; the old ones open nothing any more."""
    _note("account:recovery_codes_renewed", credential.person_id, now)
    return _issue_codes(credential.person_id)


def turn_off(credential: Credential, *, now: datetime) -> None:
    """Ask this person for no code any more, until another device is enrolled."""
    remove_factor(credential.person_id)
    _note("account:factor_removed", credential.person_id, now)


def remove_factor(person_id: int) -> bool:
    """Forget device and recovery codes of a person; tells whether there were any."""
    db.session.execute(delete(OneTimeCode).where(OneTimeCode.factor_of == person_id))
    removed: Any = db.session.execute(
        delete(SecondFactor).where(SecondFactor.person_id == person_id)
    )
    return bool(removed.rowcount)


def reset_factor(person: Person, reason: str, *, actor: Person, now: datetime) -> None:
    """Take another person's second factor away, who lost device and recovery codes.

    Invalid without a reason, Forbidden for one's own, Conflict where there is none. Links that
    were mailed are void, the sessions of the person end; the person is told.
    """
    if person.id == actor.id:
        raise Forbidden("不能重置本人的动态验证码，请在“个人信息”中停用")
    if not reason.strip():
        raise Invalid("请填写重置理由", field="reason")
    if not remove_factor(person.id):
        raise Conflict("此人没有启用动态验证码")
    void_links(person.id, now=now)
    end_sessions(person.id, now=now)
    audit.record(
        "account:factor_reset",
        subject=("person", person.id),
        actor_id=actor.id,
        now=now,
        reason=reason.strip(),
    )
    notify(
        person.id,
        "您的动态验证码已由安全管理员重置，请重新设置",
        url="/account/factor",
        now=now,
    )


def ask_factor_of(roles: Collection[str], *, actor_id: int | None, now: datetime) -> None:
    """Say which roles must have a second factor; Invalid for what is no role."""
    wanted = set(roles)
    if not wanted <= set(ROLES):
        raise Invalid("请选择列出的角色", field="roles")
    before = factor_roles()
    if wanted == before:
        return
    db.session.execute(delete(FactorRole).where(FactorRole.role.in_(before - wanted)))
    db.session.add_all(FactorRole(role=role) for role in sorted(wanted - before))
    db.session.flush()
    audit.record(
        "permission:factor_roles_changed",
        subject=("permission", 0),
        actor_id=actor_id,
        now=now,
        roles=[role for role in ROLES if role in wanted],
    )
