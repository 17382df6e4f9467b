"""Writes of publicity and objections. No certificate comes of a result before all this."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from app.accounts.operations import notify
from app.catalogue import jurisdictions
from app.catalogue.queries import workdays_after
from app.core import audit
from app.core.clock import ZONE
from app.core.db import db
from app.core.errors import Conflict, DomainError, Forbidden, Invalid
from app.declarations.operations import revoke_declaration
from app.results.models import (
    Objection,
    ObjectionStatus,
    Publicity,
    PublicityStatus,
    Result,
    ResultStatus,
)
from app.results.queries import sent_from
from app.review.models import CaseStatus, Meeting

MAX_OPEN_OBJECTIONS = 20
ADDRESS_LIMIT, ADDRESS_PERIOD = 20, timedelta(hours=24)
UPHELD = "公示期异议成立，评审结果已撤销"
OWN_OBJECTION = "不能处理针对本人的异议"
LONGEST = {"name": 60, "contact": 60, "text": 2000}
LEAST = {"name": 1, "contact": 5, "text": 10}
PHONE = r"\+?\d[\d -]{5,18}\d"
MAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"


class TooManyObjections(DomainError):
    """One address sent more than anybody would in earnest."""

    status = 429
    default = (
        f"同一网络地址 24 小时内最多提交 {ADDRESS_LIMIT} 条异议，您填写的内容仍在本页，"
        "请稍后再提交，或直接联系评委会组建单位"
    )


@dataclass(frozen=True)
class Sender:
    """Where an objection came from: the key of its form, and the address as a keyed hash."""

    request_key: str | None
    address_hash: str


def open_publicity(meeting: Meeting, *, obtained_on: date, now: datetime) -> Publicity:
    """Publish the passed cases of a meeting for the working days the jurisdiction asks.

    The day of publication does not count; the last one counts to its end (B, C in the law).
    """
    days = jurisdictions.get(meeting.jurisdiction).publicity_workdays
    last = workdays_after(now.date(), days)
    publicity = Publicity(
        meeting_id=meeting.id,
        plan_id=meeting.plan_id,
        starts_at=now,
        ends_at=datetime.combine(last, time(23, 59, 59), ZONE),
        status=PublicityStatus.OPEN,
    )
    db.session.add(publicity)
    db.session.flush()
    for case in meeting.cases:
        if case.state is CaseStatus.PASSED:
            _publish(publicity, case.id, case.declaration_id, obtained_on)
    db.session.flush()
    audit.record("publicity:opened", subject=("publicity", publicity.id), actor_id=None, now=now)
    return publicity


def _publish(publicity: Publicity, case_id: int, declaration_id: int, obtained_on: date) -> None:
    db.session.add(
        Result(
            publicity_id=publicity.id,
            case_id=case_id,
            declaration_id=declaration_id,
            obtained_on=obtained_on,
        )
    )


def end_publicity(publicity: Publicity, *, now: datetime) -> None:
    """Note that the days are over; what came in time is still being looked into."""
    if publicity.status == PublicityStatus.OPEN:
        publicity.status = PublicityStatus.ENDED
        audit.record(
            "publicity:ended", subject=("publicity", publicity.id), actor_id=None, now=now
        )


def lock(publicity: Publicity) -> None:
    """Let one transaction at a time decide what a publicity and its objections come to.

    Otherwise a confirmation and the dismissal of the last objection could miss one another, and
    the result would wait for ever.
    """
    db.session.flush()
    db.session.refresh(publicity, with_for_update=True)
    for result in publicity.results:
        db.session.refresh(result)


def _faults(typed: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what is wrong with what was typed, by field."""
    found = {field: _fault(field, value.strip()) for field, value in typed.items()}
    return {field: [fault] for field, fault in found.items() if fault}


def _fault(field: str, value: str) -> str:
    longest, least = LONGEST[field], LEAST[field]
    if not value:
        return "此项必填"
    if len(value) > longest:
        return f"最多 {longest} 个字"
    if field == "contact" and not _reaches_somebody(value):
        return f"请填写能联系到您的手机或座机号码、邮箱，或者不少于 {least} 个字的通信地址"
    if field == "text" and len(value) < least:
        return f"请写明具体的人、事和依据，不少于 {least} 个字"
    return ""


def _reaches_somebody(contact: str) -> bool:
    """Tell whether it could be a telephone number, a mail address or a postal one."""
    if contact.isascii():
        return bool(re.fullmatch(PHONE, contact) or re.fullmatch(MAIL, contact))
    return len(contact) >= LEAST["contact"]


def _receipt(now: datetime) -> str:
    """Return a number that is read out on the telephone: no letter looks like a digit."""
    drawn = "".join(secrets.choice("23456789ABCDEFGHJKMNPQRSTUVWXYZ") for _ in range(8))
    return f"YY{now:%Y%m%d}-{drawn}"


def _check_share(result: Result, sender: Sender | None, now: datetime) -> None:
    waiting = [o for o in result.objections if o.status == ObjectionStatus.OPEN]
    if len(waiting) >= MAX_OPEN_OBJECTIONS:
        raise Conflict("针对该人员的异议正在核查，请等待处理结果")
    if sender and sent_from(sender.address_hash, since=now - ADDRESS_PERIOD) >= ADDRESS_LIMIT:
        raise TooManyObjections


def file_objection(
    publicity: Publicity,
    result: Result | None,
    *,
    name: str,
    contact: str,
    text: str,
    now: datetime,
    sender: Sender | None = None,
) -> Objection:
    """Take an objection in. Invalid with every fault at once, Conflict outside the period.

    Raises TooManyObjections when the sender's address has sent its share of the day.
    """
    lock(publicity)
    if not publicity.accepts_objections(now) or publicity.status == PublicityStatus.CONFIRMED:
        raise Conflict("公示期已结束，不再受理异议")
    faults = _faults({"name": name, "contact": contact, "text": text})
    if result is None or result.publicity_id != publicity.id:
        raise Invalid(errors={"result_id": ["请选择公示名单中的人员"], **faults})
    if faults:
        raise Invalid(errors=faults)
    _check_share(result, sender, now)
    objection = Objection(
        result_id=result.id,
        name=name.strip(),
        contact=contact.strip(),
        text=text.strip(),
        receipt=_receipt(now),
        request_key=sender.request_key if sender else None,
        address_hash=sender.address_hash if sender else None,
        received_at=now,
        status=ObjectionStatus.OPEN,
    )
    result.objections.append(objection)
    db.session.flush()
    audit.record("objection:received", subject=("objection", objection.id), actor_id=None, now=now)
    return objection


def _check_impartial(objection: Objection, actor_id: int) -> None:
    if objection.is_against(actor_id):
        raise Forbidden(OWN_OBJECTION)


def record_finding(objection: Objection, finding: str, *, actor_id: int, now: datetime) -> None:
    """Write down what the investigation found; nobody looks into an objection to themselves."""
    _check_impartial(objection, actor_id)
    if not finding.strip():
        raise Invalid("请填写核查情况", field="finding")
    objection.finding = finding.strip()
    audit.record(
        "objection:investigated",
        subject=("objection", objection.id),
        actor_id=actor_id,
        now=now,
    )


def decide_objection(
    objection: Objection, *, uphold: bool, conclusion: str, actor_id: int, now: datetime
) -> None:
    """Uphold an objection, which revokes the result, or dismiss it.

    Nobody decides on their own result. A dismissed one frees the result; if the publicity was
    confirmed meanwhile, the result is confirmed now.
    """
    result = objection.result
    lock(result.publicity)
    _check_impartial(objection, actor_id)
    if objection.status != ObjectionStatus.OPEN:
        raise Conflict("该异议已有结论")
    if not conclusion.strip():
        raise Invalid("请填写处理结论", field="conclusion")
    objection.status = ObjectionStatus.UPHELD if uphold else ObjectionStatus.DISMISSED
    objection.conclusion = conclusion.strip()
    objection.decided_at, objection.decided_by = now, actor_id
    db.session.flush()
    if uphold and result.status != ResultStatus.REVOKED:
        _settle(result, ResultStatus.REVOKED, now)
        revoke_declaration(result.declaration, UPHELD, now=now)
    elif not uphold:
        _tell_of_dismissal(objection, now)
    audit.record(
        f"objection:{objection.status}",
        subject=("objection", objection.id),
        actor_id=actor_id,
        now=now,
    )


def _tell_of_dismissal(objection: Objection, now: datetime) -> None:
    """Tell the declarant that an objection came to nothing; not who made it, nor what it said."""
    result = objection.result
    if result.status == ResultStatus.REVOKED:
        return
    more = "；仍有异议正在核查" if result.has_open_objection else ""
    notify(
        result.declaration.person_id,
        f"{result.publicity.plan.name}：公示期对您评审结果的一件异议经核查不成立{more}",
        url=f"/declarations/{result.declaration_id}",
        now=now,
    )


def confirm_publicity(publicity: Publicity, *, actor_id: int, now: datetime) -> list[Result]:
    """Confirm what nobody objects to any more; returns the results confirmed by this.

    Raises Conflict before the period is over.
    """
    lock(publicity)
    if now <= publicity.ends_at:
        raise Conflict(f"公示期至 {publicity.ends_at:%Y-%m-%d} 结束，结束后才能确认")
    if publicity.status == PublicityStatus.CONFIRMED:
        raise Conflict("该公示已确认")
    publicity.status = PublicityStatus.CONFIRMED
    publicity.confirmed_at, publicity.confirmed_by = now, actor_id
    audit.record(
        "publicity:confirmed", subject=("publicity", publicity.id), actor_id=actor_id, now=now
    )
    return [r for r in publicity.results if confirm_result(r, now=now)]


def approve_results(
    publicity: Publicity, approval_no: str, *, actor_id: int, now: datetime
) -> list[Result]:
    """Approve what was sent up, under a document's number (批准文号); returns what is confirmed.

    Raises Conflict before the publicity is confirmed or when it was approved, Forbidden for who
    is among the results, Invalid without a number.
    """
    lock(publicity)
    if any(r.declaration.person_id == actor_id for r in publicity.results):
        raise Forbidden("名单中有您本人，不能审核")
    if publicity.status != PublicityStatus.CONFIRMED:
        raise Conflict("公示结果尚未确认，不能审核")
    if publicity.is_approved:
        raise Conflict("该评审结果已审核通过")
    if not approval_no.strip():
        raise Invalid("审核通过时请填写批准文号", field="approval_no")
    publicity.approval_no = approval_no.strip()[:60]
    publicity.approved_at, publicity.approved_by = now, actor_id
    db.session.flush()
    audit.record(
        "publicity:approved",
        subject=("publicity", publicity.id),
        actor_id=actor_id,
        now=now,
        number=publicity.approval_no,
    )
    return [r for r in publicity.results if r.status == ResultStatus.CONFIRMED]


def confirm_result(result: Result, *, now: datetime) -> bool:
    """Confirm a result unless an objection is open or it was revoked; tells whether it was."""
    is_free = result.status == ResultStatus.PUBLICISED and not result.has_open_objection
    if not is_free or result.publicity.status != PublicityStatus.CONFIRMED:
        return False
    _settle(result, ResultStatus.CONFIRMED, now)
    return True


def _word_of(result: Result) -> str:
    """Return what the declarant is told of a result that stands or fell."""
    if result.status == ResultStatus.REVOKED:
        return UPHELD
    if result.objections:
        return "公示期收到的异议经核查不成立，评审结果已确认"
    return "公示期未收到异议，评审结果已确认"


def _settle(result: Result, status: ResultStatus, now: datetime) -> None:
    result.status, result.decided_at = status, now
    db.session.flush()
    word = _word_of(result)
    declaration = result.declaration
    notify(
        declaration.person_id,
        f"{result.publicity.plan.name}：{word}",
        url=f"/declarations/{declaration.id}",
        now=now,
    )


def revoke_result(result: Result, reason: str, *, now: datetime) -> None:
    """Take back a confirmed result whose certificate is revoked (撤销); its holder is told there.

    Raises Conflict for one that was never confirmed.
    """
    if result.status != ResultStatus.CONFIRMED:
        raise Conflict("评审结果尚未确认，不能撤销")
    result.status, result.decided_at = ResultStatus.REVOKED, now
    revoke_declaration(result.declaration, reason, now=now)
    audit.record("result:revoked", subject=("result", result.id), actor_id=None, now=now)
