"""Activation codes of the accounts that an import opened: made when they are handed out.

Nothing that opens an account is kept: each list voids the one before it, for whoever has not
activated the account yet.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, func, select

from app.accounts.models import WAITING, Credential, GrantRequest, Person, RoleGrant
from app.accounts.opening import chunks, renew_activations
from app.accounts.queries import OPENED, lasts
from app.accounts.sessions import activation_link
from app.core import audit
from app.core.audit import AuditEvent
from app.core.db import db
from app.core.errors import Conflict
from app.imports.kinds import kind_called
from app.imports.models import BatchStatus, ImportBatch, ImportRow, RowState

WIDTHS = (14, 22, 30, 14, 20, 60, 18)
HEADS = ("姓名", "证件号码", "单位", "登录名", "激活码", "激活链接", "有效期至")
# Of somebody who does more than this the secret reaches further than the import did.
BEGUN_WITH = ("applicant", "expert", "unit_admin", "unit_clerk", "unit_leader")


def _waiting(batch: ImportBatch, now: datetime) -> Select[tuple[Credential, str]]:
    """Select the accounts that an import of people opened and that nobody has ever entered.

    What other imports enter are no people: their rows may bear the same numbers.
    """
    used = select(AuditEvent.subject_id).where(
        AuditEvent.subject_type == "person",
        AuditEvent.tag.in_(OPENED),
        AuditEvent.subject_id == Credential.person_id,
    )
    more = select(RoleGrant.id).where(
        RoleGrant.person_id == Credential.person_id,
        RoleGrant.granted_by.is_distinct_from(batch.person_id) | RoleGrant.role.not_in(BEGUN_WITH),
        lasts(now),
    )
    waits = select(GrantRequest.id).where(
        GrantRequest.person_id == Credential.person_id, GrantRequest.status == WAITING
    )
    return (
        select(Credential, ImportRow.place)
        .join(ImportRow, ImportRow.subject_id == Credential.person_id)
        .where(
            ImportRow.batch_id == batch.id,
            ImportRow.state == RowState.NEW,
            Credential.password_hash.is_(None),
            Credential.is_enabled,
            ~used.exists(),
            ~more.exists(),
            ~waits.exists(),
        )
        .order_by(ImportRow.no)
    )


def count(batch: ImportBatch, now: datetime) -> int:
    """Count the accounts whose codes can be made."""
    kind = kind_called(batch.kind)
    if batch.status != BatchStatus.DONE or kind is None or not kind.opens_accounts:
        return 0
    waiting = _waiting(batch, now).order_by(None).with_only_columns(func.count(Credential.id))
    return db.session.scalar(waiting) or 0


def renew(batch: ImportBatch, *, actor: Person, now: datetime) -> list[Sequence[str]]:
    """Make the codes anew and return the list to hand out; Conflict where none is left."""
    if not count(batch, now):
        raise Conflict("本次导入开通的账号都已激活，或已另有任职，不能再生成激活码")
    waiting = _waiting(batch, now).with_for_update(of=Credential)
    found: list[Sequence[str]] = []
    for some in chunks(db.session.execute(waiting).tuples().all()):
        keys = [(account.id, account.person_id) for account, _ in some]
        secrets = renew_activations(keys, actor_id=actor.id, now=now)
        pairs = zip(some, secrets, strict=True)
        found += [_line(account, place, secret) for (account, place), secret in pairs]
    audit.record(
        "import:codes_made",
        subject=("import", batch.id),
        actor_id=actor.id,
        now=now,
        count=len(found),
    )
    return found


def _line(account: Credential, place: str, secret: str) -> Sequence[str]:
    person, expires = account.person, account.activation_expires_at
    until = f"{expires:%Y-%m-%d %H:%M}" if expires else ""
    link = activation_link(secret)
    return person.name, person.masked_id_number, place, account.login, secret, link, until
