"""Writes about corrections of identity: asked with evidence, vetted, decided (身份信息更正)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.accounts.addresses import TooManyTries, asking, count_address, use_address
from app.accounts.models import Person
from app.accounts.operations import notify
from app.core import audit, crypto
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.numbers import birth_and_gender, checked_id_number
from app.core.storage import StoredFile, link, owned_file
from app.core.sweeping import forget_files
from app.core.uploads import Policy
from app.people.models import CorrectionFile, CorrectionStatus, IdentityCorrection
from app.people.names import NAME, RULE
from app.people.queries import RESIDENT, open_correction

PAGE = "/account/correction"
MOST_FILES = 5
POLICY = Policy(max_count=MOST_FILES)
"""Of the evidence."""
LONGEST_NAME, LONGEST_TEXT, LONGEST_NUMBER = 60, 500, 30
FREE_NUMBERS = 3
"""So many numbers a person may try without waiting: nobody looks up whose are registered."""


class NumberTaken(Invalid):
    """The number is somebody else's. That it was tried is kept: the caller rolls nothing back."""

    default = "该证件号码已属于其他人员，请联系系统管理员"


class TooManyNumbers(Invalid):
    """The person tried number after number."""

    status = 429
    default = "更正证件号码的尝试次数过多，请几分钟后再试"


@dataclass(frozen=True)
class Entry:
    """What a person fills in: the right name and number, why, the evidence, a declaration."""

    name: str
    id_number: str
    reason: str
    evidence: Sequence[int]
    is_true: bool


def request_correction(person: Person, entry: Entry, *, now: datetime) -> IdentityCorrection:
    """Ask to correct name or identity number; after a return, ask again with other words.

    An empty number leaves the number as it is. Invalid with every fault at its field, Conflict
    while an earlier request waits. NumberTaken, and TooManyNumbers for who tries number after
    number, of a request in which nothing else is wrong.
    """
    waiting = open_correction(person.id)
    if waiting is not None and waiting.status == CorrectionStatus.PENDING:
        raise Conflict("您已提交更正申请，请等待办理")
    name, number = entry.name.strip(), crypto.fold_id(entry.id_number)
    _check(person, name, number, entry, now)
    files = [owned_file(file_id, person.id, POLICY) for file_id in entry.evidence]
    if number not in {"", person.id_number} and person.id_type == RESIDENT:
        _refuse_taken(person, number, now)
    made = waiting or IdentityCorrection(person_id=person.id)
    made.name_before, made.tail_before = person.name, person.id_number_tail
    made.name, made.reason, made.requested_at = name, entry.reason.strip(), now
    _set_number(made, number if number and number != person.id_number else "")
    made.status, made.opinion = CorrectionStatus.PENDING, made.opinion or ""
    db.session.add(made)
    db.session.flush()
    _attach(made, files)
    _record("person:correction_requested", made, person.id, now)
    return made


def _check(person: Person, name: str, number: str, entry: Entry, now: datetime) -> None:
    is_same = name == person.name and number in {"", person.id_number}
    found = {
        "name": "填写的内容与现有信息相同，没有需要更正的"
        if is_same
        else _fault_of_name(person, name),
        "id_number": _fault_of_number(person, number, now) if number else "",
        "reason": _fault_of_reason(entry.reason.strip()),
        "evidence": _fault_of_evidence(len(entry.evidence)),
        "is_true": "" if entry.is_true else "请勾选真实性声明",
    }
    faults = {field: [fault] for field, fault in found.items() if fault}
    if faults:
        raise Invalid(errors=faults)


def _fault_of_name(person: Person, name: str) -> str:
    if not name:
        return "请填写正确的姓名；姓名无误的，保留原姓名"
    if name != person.name and not NAME.match(name):
        return f"姓名{RULE}"
    return "" if len(name) <= LONGEST_NAME else f"姓名不能超过 {LONGEST_NAME} 个字"


def _fault_of_reason(reason: str) -> str:
    if not reason:
        return "请填写更正理由"
    return "" if len(reason) <= LONGEST_TEXT else f"更正理由不能超过 {LONGEST_TEXT} 个字"


def _fault_of_evidence(count: int) -> str:
    if not count:
        return "请上传户口簿、身份证或公安机关证明等佐证材料"
    return "" if count <= MOST_FILES else f"最多上传 {MOST_FILES} 个"


def _fault_of_number(person: Person, number: str, now: datetime) -> str:
    if person.id_type != RESIDENT:
        return "" if len(number) <= LONGEST_NUMBER else "证件号码过长"
    try:
        checked_id_number(number, now)
    except Invalid as fault:
        return fault.message
    return ""


def _refuse_taken(person: Person, number: str, now: datetime) -> None:
    """Raise NumberTaken for somebody else's number; every look counts, whatever it finds."""
    tries = asking(str(person.id), "number")
    try:
        use_address(tries, "", now=now, free=FREE_NUMBERS)
    except TooManyTries as refusal:
        raise TooManyNumbers(field="id_number") from refusal
    count_address(tries, now)
    if _is_taken(person, number):
        subject = ("person", person.id)
        audit.record("person:correction_taken", subject=subject, actor_id=person.id, now=now)
        raise NumberTaken(field="id_number")


def _is_taken(person: Person, number: str) -> bool:
    same = crypto.is_hash_of(Person.id_number_hash, number)
    taken = select(Person.id).where(same, Person.id != person.id)
    return db.session.scalar(taken) is not None


def _set_number(made: IdentityCorrection, number: str) -> None:
    made.id_number_sealed = crypto.seal(number) if number else None
    made.id_number_hash = crypto.keyed_hash(number) if number else None
    made.id_number_tail = crypto.mask_id(number) if number else ""


def _attach(made: IdentityCorrection, files: Sequence[StoredFile]) -> None:
    former = {each.file_id for each in made.files}
    made.files.clear()
    db.session.flush()
    forget_files(sorted(former - {file.id for file in files}))
    for position, file in enumerate(files, start=1):
        made.files.append(CorrectionFile(position=position, file_id=link(file).id))
    db.session.flush()


def compared(made: IdentityCorrection) -> list[tuple[str, str, str, bool]]:
    """Return what a request corrects: label, before, after, and whether it changes.

    Gender and birth follow from the number, so they tell who decides whether it is the right
    one. The number is shown masked, and a change may lie in what is hidden.
    """
    has_number = made.id_number_sealed is not None
    number_after = made.id_number_tail if has_number else made.tail_before
    lines = [
        ("姓名", made.name_before, made.name, made.name != made.name_before),
        ("证件号码", made.tail_before, number_after, has_number),
    ]
    person = made.person
    if made.id_number_sealed and made.is_open and person.id_type == RESIDENT:
        born, gender = birth_and_gender(crypto.unseal(made.id_number_sealed))
        before = person.birth_date.isoformat() if person.birth_date else ""
        lines += [
            ("性别", person.gender, gender, gender != person.gender),
            ("出生日期", before, born.isoformat(), born != person.birth_date),
        ]
    return lines


def return_correction(
    made: IdentityCorrection, opinion: str, *, actor_id: int, now: datetime
) -> None:
    """Give a request back to be mended (退回), with what is missing."""
    _refuse_own(made, actor_id)
    made.status, made.opinion = CorrectionStatus.RETURNED, _needed(opinion)
    _record("person:correction_returned", made, actor_id, now)
    text = f"您的身份信息更正申请被退回：{made.opinion}。请修改后重新提交"
    notify(made.person_id, text, url=PAGE, now=now)


def pass_correction(
    made: IdentityCorrection, opinion: str, *, actor_id: int, now: datetime
) -> None:
    """Say for the unit that a request is true (单位核实属实)."""
    _refuse_own(made, actor_id)
    made.opinion = opinion.strip()
    _record("person:correction_vetted", made, actor_id, now)


def grant_correction(
    made: IdentityCorrection, opinion: str, *, actor_id: int, now: datetime
) -> None:
    """Correct the person's identity; gender and birth follow from a resident's number.

    Issued certificates keep what they say: they are replaced by a request of their own. Invalid
    where the number has come to belong to somebody else meanwhile.
    """
    _refuse_own(made, actor_id)
    person = db.session.get_one(Person, made.person_id, with_for_update=True)
    fields = [] if made.name == person.name else ["name"]
    person.name = made.name
    if made.id_number_sealed:
        number = crypto.unseal(made.id_number_sealed)
        if _is_taken(person, number):
            raise Invalid("该证件号码已属于其他人员，请退回或不予更正", field="opinion")
        fault = _fault_of_number(person, number, now)
        if fault:
            raise Invalid(f"{fault}；请退回或不予更正", field="opinion")
        person.set_id_number(number)
        fields.append("id_number")
        if person.id_type == RESIDENT:
            person.birth_date, person.gender = birth_and_gender(number)
    _close(made, CorrectionStatus.GRANTED, opinion, actor_id, now)
    subject = ("person", person.id)
    audit.record(
        "person:corrected",
        subject=subject,
        actor_id=actor_id,
        now=now,
        fields=fields,
        request=made.id,
    )
    text = "您的身份信息已更正。已签发的证书不会自动更改，需要时请申请补换证书"
    notify(person.id, text, url="/account", now=now)


def refuse_correction(
    made: IdentityCorrection, opinion: str, *, actor_id: int, now: datetime
) -> None:
    """End a request without correcting anything (不予更正), with the reason."""
    _refuse_own(made, actor_id)
    _close(made, CorrectionStatus.REFUSED, _needed(opinion), actor_id, now)
    _record("person:correction_refused", made, actor_id, now)
    text = f"您的身份信息更正申请未获同意：{made.opinion}"
    notify(made.person_id, text, url=PAGE, now=now)


def end_correction(
    made: IdentityCorrection,
    reason: str,
    *,
    actor_id: int | None,
    now: datetime,
    tag: str = "person:correction_ended",
) -> None:
    """End a request that its person took back or gave up, or whose process was cancelled.

    Conflict for one that was decided. `tag` is what the log calls it.
    """
    if not made.is_open:
        raise Conflict("该更正申请已办结")
    _close(made, CorrectionStatus.ENDED, reason, actor_id, now)
    _record(tag, made, actor_id, now)
    if actor_id != made.person_id:
        text = f"您的身份信息更正申请已作废：{reason}。可以重新申请"
        notify(made.person_id, text, url=PAGE, now=now)


def _needed(opinion: str) -> str:
    if not opinion.strip():
        raise Invalid("请填写意见，意见会告知本人", field="opinion")
    return opinion.strip()


def _refuse_own(made: IdentityCorrection, actor_id: int) -> None:
    if actor_id == made.person_id:
        raise Forbidden("不能办理本人的申请")
    if made.status != CorrectionStatus.PENDING:
        raise Conflict("该更正申请已办理")


def _close(
    made: IdentityCorrection,
    status: CorrectionStatus,
    opinion: str,
    actor_id: int | None,
    now: datetime,
) -> None:
    made.status, made.opinion = status, opinion.strip()
    made.decided_at, made.decided_by = now, actor_id
    db.session.flush()


def _record(tag: str, made: IdentityCorrection, actor_id: int | None, now: datetime) -> None:
    subject = ("person", made.person_id)
    audit.record(tag, subject=subject, actor_id=actor_id, now=now, request=made.id)
