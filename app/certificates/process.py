"""What the processes of issue and replacement call."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from app.accounts.models import Person
from app.accounts.queries import works_at
from app.accounts.tasks import holds_task
from app.certificates import contracts, earlier_process, operations, revocation_process
from app.certificates.contracts import ISSUE, ISSUE_WORDS, REPLACING, WORDS
from app.certificates.facts import CHANGEABLE, reviewed
from app.certificates.models import Certificate, ReplacementRequest, ReplacementStatus
from app.certificates.queries import (
    certificate_of_result,
    certificate_without_photo,
    certificates_awaiting,
    certificates_with_photo,
    is_certified,
    requests_with_file,
)
from app.core.clock import now
from app.core.db import db
from app.core.errors import NotFound
from app.core.permissions import ISSUERS, STAFF, register_predicate
from app.core.records import register_record, register_table
from app.core.storage import StoredFile, register_reader
from app.declarations.course import register_progress
from app.engine.contracts import Contract
from app.engine.handlers import (
    Card,
    Outcomes,
    Scope,
    Step,
    ending,
    page,
    presenter,
    save,
    scope,
    service,
    standing,
)
from app.engine.models import WorkItem
from app.engine.standing import by_status
from app.people.known import KnownKind, of_person, register_known
from app.people.queries import PhotoFault, register_photo_fault
from app.results.models import Result
from app.results.process import RESULT
from app.units.closing import register_obstacle
from app.units.flow import flow_log
from app.units.operations import STAFF_ROLES
from app.units.queries import reviewing_unit, unit_of

__all__ = ["earlier_process", "revocation_process"]

REPLACEMENT = "replacement"
register_table(REPLACEMENT, ReplacementRequest.__tablename__)


def _result(step: Step) -> Result:
    return db.session.get_one(Result, step.business_id)


def certificate_for(result_id: int) -> Certificate:
    """Return the certificate that came of a result; NotFound before it was prepared."""
    found = certificate_of_result(result_id)
    if found is None:
        raise NotFound("证书尚未生成")
    return found


@register_progress
def progress_of(declaration_id: int) -> int:
    """Tell a declaration's page whether its certificate was issued (发证)."""
    return 3 if is_certified(declaration_id) else 0


def _request(step: Step) -> ReplacementRequest:
    return db.session.get_one(ReplacementRequest, step.business_id)


def _decider(step: Step, outcome: str) -> int:
    """Return who decided in the step before: an automatic step has nobody of its own."""
    return cast("int", step.data[outcome])


@service("prepare_certificate", contracts.PREPARED)
def prepare_certificate(step: Step) -> Outcomes:
    """Lay the certificate down, and say whether its photo is there."""
    certificate = operations.prepare_certificate(_result(step), now=step.now)
    return {"has_photo": certificate.photo_file_id is not None}


@service("make_certificate", contracts.MADE)
def make_certificate(step: Step) -> Outcomes:
    """Number, sign and issue, as the issuer decided."""
    certificate = certificate_for(step.business_id)
    operations.issue_certificate(certificate, actor_id=_decider(step, "issued_by"), now=step.now)
    return {}


@save("issue_certificate", contracts.ISSUED)
def issue_certificate(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The issuer's consent, a photo given back, or a delay; nobody issues their own."""
    certificate = certificate_for(step.business_id)
    decision, note = str(answers.get("decision") or "issue"), str(answers.get("opinion") or "")
    if decision == "issue":
        operations.check_issue(certificate, actor_id=step.actor_id or 0)
    else:
        hold = operations.return_photo if decision == "return" else operations.postpone_issue
        hold(certificate, note, actor_id=step.actor_id or 0, now=step.now)
    return {
        "decision": decision,
        "issued_by": step.actor_id,
        "_outcome": ISSUE_WORDS[decision],
        "_note": note,
    }


@save("provide_photo", contracts.PHOTO_PROVIDED)
def provide_photo(step: Step, _answers: Mapping[str, Any]) -> Outcomes:
    """The person's photo arrives."""
    person = db.session.get_one(Person, step.actor_id)
    operations.provide_photo(certificate_for(step.business_id), person, now=step.now)
    return {"_outcome": "已上传照片"}


@register_photo_fault
def photo_fault(person_id: int) -> PhotoFault | None:
    """Tell a person's own page why the issuer gave the photo back (AH-P-54)."""
    certificate = certificate_without_photo(person_id)
    log = flow_log((RESULT, certificate.result_id or 0)) if certificate else []
    returned = [line.note for line in log if line.outcome == ISSUE_WORDS["return"]]
    if certificate is None or not returned:
        return None
    return PhotoFault(returned[-1], f"/certificates/{certificate.id}")


@page("provide_photo", Contract(ISSUE))
def provide_photo_page(item: WorkItem) -> str:
    """Where the photo is uploaded."""
    return f"/certificates/{certificate_for(item.business_id).id}"


@scope("certificate_holder", Contract(ISSUE, roles=("applicant",), one_person=True))
def certificate_holder(step: Step) -> Scope:
    """The person who passed."""
    return Scope("person", _result(step).declaration.person_id)


@scope("certificate_issuer", Contract(ISSUE, roles=STAFF, usual=ISSUERS))
def certificate_issuer(step: Step) -> Scope:
    """The unit that issues."""
    certificate = certificate_for(step.business_id)
    return Scope("org", certificate.issuer_unit_id, about_id=certificate.person_id)


@standing("certificate_issue")
def standing_of_result(result_id: int) -> str:
    """How far the certificate of a result is; without one the result is but confirmed."""
    found = certificate_of_result(result_id)
    return contracts.CONFIRMED if found is None else found.status


@presenter(RESULT)
def certificate_card(business_id: int) -> Card:
    """How a certificate under way is listed."""
    result = db.session.get_one(Result, business_id)
    declaration = result.declaration
    title = f"{declaration.person.name} · {declaration.specialty.name} · {declaration.title.name}"
    certificate = certificate_of_result(business_id)
    url = f"/certificates/{certificate.id}" if certificate else f"/declarations/{declaration.id}"
    return Card(title, f"{title} {declaration.unit_as_sent.name}", url)


@register_record(RESULT)
def certificate_record(business_id: int, _person: Person) -> dict[str, Any]:
    """What the issuer sees beside the form."""
    return {
        "summary_template": "certificates/_facts.html",
        "certificate": certificate_for(business_id),
    }


@scope("replacement_unit", Contract(REPLACING, roles=STAFF, usual=(*STAFF_ROLES, *ISSUERS)))
def replacement_unit(step: Step) -> Scope:
    """The person's unit; the issuer where they have none."""
    request = _request(step)
    unit = unit_of(request.person_id)
    if unit is None:
        return replacement_issuer(step)
    reviewer = reviewing_unit(unit, request.person_id, step.now)
    return Scope("org", reviewer.id, about_id=request.person_id)


@scope("replacement_issuer", Contract(REPLACING, roles=STAFF, usual=ISSUERS))
def replacement_issuer(step: Step) -> Scope:
    """The unit that issued the certificate."""
    request = _request(step)
    return Scope("org", request.certificate.issuer_unit_id, about_id=request.person_id)


@scope("replacement_person", Contract(REPLACING, roles=("applicant",), one_person=True))
def replacement_person(step: Step) -> Scope:
    """The person who asked."""
    return Scope("person", _request(step).person_id)


def _stop(step: Step, decision: str, opinion: str) -> None:
    status = {
        "return": ReplacementStatus.RETURNED,
        "refuse": ReplacementStatus.REFUSED,
    }.get(decision, ReplacementStatus.PENDING)
    operations.decide_request(
        _request(step), status, opinion, actor_id=step.actor_id or 0, now=step.now
    )


def _decided(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    decision, opinion = str(answers["decision"]), str(answers.get("opinion") or "")
    _stop(step, decision, opinion)
    return {"decision": decision, "_outcome": WORDS[decision], "_note": opinion}


@save("vet_replacement", contracts.VETTED)
def vet_replacement(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The unit passes the request on, or returns it."""
    return _decided(step, answers)


@save("decide_replacement", contracts.SETTLED)
def decide_replacement(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The issuer replaces, returns or refuses."""
    return {**_decided(step, answers), "decided_by": step.actor_id}


@save("mend_replacement", contracts.MENDED)
def mend_replacement(_step: Step, _answers: Mapping[str, Any]) -> Outcomes:
    """The person sent the request again; its page changed it."""
    return {"_outcome": "重新提交"}


@page("mend_replacement", Contract(REPLACING))
def mend_replacement_page(item: WorkItem) -> str:
    """Where a returned request is mended."""
    return f"/replacements/{item.business_id}"


@service("replace_certificate", contracts.REPLACES)
def replace_certificate(step: Step) -> Outcomes:
    """Issue the new certificate."""
    actor_id = _decider(step, "decided_by")
    operations.replace_certificate(_request(step), actor_id=actor_id, now=step.now)
    return {}


@ending(REPLACEMENT)
def end_replacement(step: Step, reason: str) -> None:
    """End the request with its process."""
    request = _request(step)
    db.session.refresh(request, with_for_update={"of": ReplacementRequest})
    operations.cancel_request(request, reason, actor_id=step.actor_id, now=step.now)


standing("certificate_replacement")(by_status(ReplacementRequest))


@presenter(REPLACEMENT)
def replacement_card(business_id: int) -> Card:
    """How a request is listed."""
    request = db.session.get_one(ReplacementRequest, business_id)
    title = f"{request.person.name} 补换证 {request.certificate.number}"
    return Card(title, title, f"/replacements/{request.id}")


@register_record(REPLACEMENT)
def replacement_record(business_id: int, _person: Person) -> dict[str, Any]:
    """What the reviewer sees beside the form."""
    request = db.session.get_one(ReplacementRequest, business_id)
    return {
        "summary_template": "certificates/_replacement.html",
        "request": request,
        "certificate": request.certificate,
        "changeable": CHANGEABLE,
        "reviewed": reviewed(request.certificate),
    }


def _holds(person: Person, moment: Any, role: str, unit_id: int) -> bool:
    return works_at(person.id, unit_id, {role}, moment)


@register_predicate("may_see_certificate")
def may_see_certificate(person: Person, certificate: Certificate, moment: Any) -> bool:
    """Its holder, its issuer, and whose task it is."""
    if certificate.person_id == person.id:
        return True
    issues = _holds(person, moment, "issuer", certificate.issuer_unit_id)
    return issues or holds_task(person.id, RESULT, [certificate.result_id or 0], moment)


@register_predicate("may_see_replacement")
def may_see_replacement(person: Person, request: ReplacementRequest, moment: Any) -> bool:
    """The person who asked, their unit's clerk, the issuer, and whose task it is."""
    if may_see_certificate(person, request.certificate, moment):
        return True
    if holds_task(person.id, REPLACEMENT, [request.id], moment):
        return True
    unit = unit_of(request.person_id)
    if unit is None:
        return False
    reviewer = reviewing_unit(unit, request.person_id, moment)
    return _holds(person, moment, "unit_clerk", reviewer.id)


@register_reader
def reads_evidence(person_id: int, file: StoredFile) -> bool:
    """Reviewers read the evidence of requests they may see."""
    requests = requests_with_file(file.id)
    if not requests:
        return False
    person = db.session.get_one(Person, person_id)
    return any(may_see_replacement(person, request, now()) for request in requests)


@register_reader
def reads_photo(person_id: int, file: StoredFile) -> bool:
    """The issuer looks at the photo before it is printed."""
    certificates = certificates_with_photo(file.id)
    if not certificates:
        return False
    person = db.session.get_one(Person, person_id)
    return any(may_see_certificate(person, certificate, now()) for certificate in certificates)


@register_obstacle
def certificates_to_issue(unit_id: int, _now: datetime) -> tuple[int, str]:
    """Certificates that wait for the unit to issue them."""
    return certificates_awaiting(unit_id), "本证书等待本单位签发"


register_known(
    40,
    KnownKind(
        "职称证书",
        of_person(Certificate),
        {
            "证书编号": lambda c: c.number,
            "记载事项": lambda c: dict(c.stated),
            "发证日期": lambda c: c.issued_on,
        },
        "/certificates",
    ),
)
register_known(
    42,
    KnownKind(
        "补换证申请",
        of_person(ReplacementRequest),
        {
            "事由": lambda r: r.reason,
            "更正项目": lambda r: {CHANGEABLE[name]: text for name, text in r.changes.items()},
            "状态": lambda r: r.state.label,
        },
    ),
)
