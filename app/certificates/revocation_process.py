"""What the process of revocation calls (撤销证书)."""

from collections.abc import Mapping
from typing import Any

from app.accounts.models import Person
from app.accounts.queries import works_at
from app.accounts.tasks import holds_task
from app.certificates import revoking
from app.certificates.models import Revocation, RevocationStatus
from app.core.db import db
from app.core.permissions import ISSUERS, STAFF, register_predicate
from app.core.records import register_record
from app.engine.contracts import Contract, Life, moves, parting
from app.engine.handlers import (
    Card,
    Outcomes,
    Scope,
    Step,
    ending,
    matter,
    presenter,
    save,
    scope,
    service,
    standing,
)
from app.engine.standing import by_status

REVOCATION = "revocation"
WITHDRAW = "withdraw"
WORDS = {"pass": "同意撤销", "refuse": "不予撤销"}
PROPOSED, CONFIRMED, REFUSED, WITHDRAWN = (
    RevocationStatus.PROPOSED,
    RevocationStatus.CONFIRMED,
    RevocationStatus.REFUSED,
    RevocationStatus.WITHDRAWN,
)
REVOKED = "revoked"
REVOKING = matter(
    "certificate_revocation",
    "证书撤销",
    needs=("confirm_revocation", "revoke_certificate"),
    life=Life(
        {
            PROPOSED: "待复核",
            CONFIRMED: "同意撤销，尚未撤销",
            REFUSED: "不予撤销",
            WITHDRAWN: "提议已撤回",
            REVOKED: "已撤销",
        },
        ends=(REFUSED, WITHDRAWN, REVOKED),
        shown={REVOKED: (CONFIRMED,)},
    ),
)


def _revocation(step: Step) -> Revocation:
    return db.session.get_one(Revocation, step.business_id)


@scope("revocation_issuer", Contract(REVOKING, roles=STAFF, usual=ISSUERS))
def revocation_issuer(step: Step) -> Scope:
    """The unit that issued it, without its holder and without who proposed to revoke it."""
    revocation = _revocation(step)
    certificate = revocation.certificate
    return Scope(
        "org",
        certificate.issuer_unit_id,
        excluded_id=revocation.proposed_by,
        about_id=certificate.person_id,
    )


@save(
    "confirm_revocation",
    Contract(
        REVOKING,
        gives={"decision": WORDS | {WITHDRAW: "撤回提议"}},
        roles=ISSUERS,
        moves=parting(
            "decision", (PROPOSED,), {"pass": CONFIRMED, "refuse": REFUSED, WITHDRAW: WITHDRAWN}
        ),
    ),
)
def confirm_revocation(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """A second person of the issuer confirms or refuses; who proposed it may take it back."""
    decision, opinion = str(answers["decision"]), str(answers.get("opinion") or "")
    if decision == WITHDRAW:
        revoking.withdraw_revocation(_revocation(step), actor_id=step.actor_id or 0, now=step.now)
        return {"decision": decision, "_outcome": "撤回提议", "_note": ""}
    revoking.decide_revocation(
        _revocation(step),
        confirm=decision == "pass",
        opinion=opinion,
        actor_id=step.actor_id or 0,
        now=step.now,
    )
    return {"decision": decision, "_outcome": WORDS[decision], "_note": opinion}


@service(
    "revoke_certificate",
    Contract(
        REVOKING,
        moves=moves((CONFIRMED,), REVOKED),
    ),
)
def revoke_certificate(step: Step) -> Outcomes:
    """Take the certificate back."""
    revoking.revoke_certificate(_revocation(step), now=step.now)
    return {"_outcome": "证书已撤销"}


@ending(REVOCATION)
def end_revocation(step: Step, reason: str) -> None:
    """Drop the proposal with its process."""
    proposal = _revocation(step)
    db.session.refresh(proposal, with_for_update={"of": Revocation})
    revoking.cancel_revocation(proposal, reason, actor_id=step.actor_id, now=step.now)


standing("certificate_revocation")(by_status(Revocation))


@presenter(REVOCATION)
def revocation_card(business_id: int) -> Card:
    """How a revocation is listed."""
    certificate = db.session.get_one(Revocation, business_id).certificate
    title = f"撤销 {certificate.facts['name']} 的证书 {certificate.number}"
    return Card(title, title, f"/revocations/{business_id}")


@register_record(REVOCATION)
def revocation_record(business_id: int, _person: Person) -> dict[str, Any]:
    """What the second person sees beside the form."""
    revocation = db.session.get_one(Revocation, business_id)
    return {
        "summary_template": "certificates/_revocation.html",
        "revocation": revocation,
        "certificate": revocation.certificate,
    }


@register_predicate("may_see_revocation")
def may_see_revocation(person: Person, revocation: Revocation, moment: Any) -> bool:
    """The people of the issuer, and whose task it is."""
    issues = works_at(person.id, revocation.certificate.issuer_unit_id, {"issuer"}, moment)
    return issues or holds_task(person.id, REVOCATION, [revocation.id], moment)


@register_predicate("issues_certificate")
def issues_certificate(person: Person, certificate: Any, moment: Any) -> bool:
    """The people of the unit that issues a certificate."""
    return works_at(person.id, certificate.issuer_unit_id, {"issuer"}, moment)
