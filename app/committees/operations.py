"""Writes about committees."""

from dataclasses import asdict, dataclass
from datetime import date, datetime

from sqlalchemy import select

from app.accounts.models import Person
from app.accounts.operations import notify
from app.accounts.queries import people_with_role, works_at
from app.catalogue.models import Series
from app.committees.models import FILING_YEARS, Committee
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.instants import years_after
from app.units.models import Unit
from rules.voting import LEAST_BY_SERIES, LEAST_BY_SPECIALTY, committee_size_is_legal

SENIOR = "高级"


def last_day_of_filing(filed_from: date) -> date:
    """Return the last day that a filing from this day may name (备案有效期不超过 3 年)."""
    return years_after(filed_from, FILING_YEARS)


def _term_problem(filed_from: date, filed_until: date) -> str | None:
    latest = last_day_of_filing(filed_from)
    if filed_until <= filed_from:
        return "备案截止日期须晚于起始日期"
    if filed_until > latest:
        return f"备案有效期不得超过 {FILING_YEARS} 年，最晚为 {latest.isoformat()}"
    return None


def _size_problem(size: int, level: str, specialty: str, consent_no: str) -> str | None:
    if size < 1 or size % 2 == 0:
        return "评委会人数须为单数"
    by = "specialty" if specialty else "series"
    if level == SENIOR and not committee_size_is_legal(size, by, consent_no or None):
        least = LEAST_BY_SPECIALTY if specialty else LEAST_BY_SERIES
        how = "按专业" if specialty else "按系列"
        return (
            f"{how}组建的高级评委会不少于 {least} 人；"
            f"经上级主管部门同意可少至 {LEAST_BY_SPECIALTY} 人，须填写同意文号"
        )
    return None


@dataclass(frozen=True)
class Filing:
    """What the filing office confirmed about a committee (备案内容)."""

    name: str
    filing_no: str
    filed_from: date
    filed_until: date
    level: str
    size: int
    specialty: str = ""
    consent_no: str = ""

    def problems(self) -> dict[str, list[str]]:
        """Return every fault by field: term, size, and a number that is taken."""
        found = {
            "filed_until": _term_problem(self.filed_from, self.filed_until),
            "size": _size_problem(self.size, self.level, self.specialty, self.consent_no),
            "filing_no": _number_problem(self.filing_no),
        }
        return {field: [problem] for field, problem in found.items() if problem}


def _number_problem(filing_no: str) -> str | None:
    same = select(Committee.id).where(Committee.filing_no == filing_no)
    return "该备案号已使用" if db.session.scalar(same) is not None else None


def authorise_committee(
    filing: Filing, *, series: Series, organiser_unit: Unit, actor: Person, now: datetime
) -> Committee:
    """Enter a filed committee (新增评委会); who may confirm it is told.

    Raises Invalid with every fault at its field: a filing over three years, an even size, a
    senior committee too small for its series or specialty without consent.
    """
    errors = filing.problems()
    if errors:
        raise Invalid(errors=errors)
    committee = Committee(
        jurisdiction=organiser_unit.jurisdiction,
        series_id=series.id,
        organiser_unit_id=organiser_unit.id,
        entered_by=actor.id,
        **asdict(filing),
    )
    db.session.add(committee)
    db.session.flush()
    audit.record(
        "committee:authorised",
        subject=("committee", committee.id),
        actor_id=actor.id,
        now=now,
        filing_no=filing.filing_no,
    )
    unit_id, roles = filing_office(organiser_unit)
    people = {each.id for role in roles for each in people_with_role(role, "org", unit_id, now)}
    for person_id in sorted(people - {actor.id}):
        _tell(committee, person_id, f"{committee.name}的备案待核对", now)
    return committee


def filing_office(organiser: Unit) -> tuple[int, tuple[str, ...]]:
    """Return the unit and the roles that hold a filing against its document (职改办, HB-C-01).

    It is the office above the organiser; the topmost one has its leader do it.
    """
    if organiser.reports_to_id is None:
        return organiser.id, ("organiser_leader",)
    return organiser.reports_to_id, ("superior_clerk", "superior_leader")


def may_confirm(person: Person, committee: Committee, now: datetime) -> bool:
    """Tell whether a person may decide on a filing: of the filing office, not who entered it."""
    if committee.is_confirmed or person.id == committee.entered_by:
        return False
    unit_id, roles = filing_office(committee.organiser_unit)
    return works_at(person.id, unit_id, roles, now)


def confirm_filing(committee: Committee, *, actor: Person, now: datetime) -> None:
    """Confirm that a committee is filed as it was entered (备案核对).

    Forbidden for who entered it and for others than the filing office, Conflict when it is done.
    """
    _require_waiting(committee, actor, now)
    committee.confirmed_by = actor.id
    db.session.flush()
    _record("committee:confirmed", committee, actor, now)
    _tell(committee, committee.entered_by, f"{committee.name}的备案已核对", now)


def refuse_filing(committee: Committee, reason: str, *, actor: Person, now: datetime) -> None:
    """Send an entry back (退回): it is taken out, and its number is free again.

    Invalid without a reason; otherwise it raises as confirming does.
    """
    _require_waiting(committee, actor, now)
    if not reason.strip():
        raise Invalid("请填写退回理由", field="reason")
    _record("committee:refused", committee, actor, now, reason=reason.strip())
    told = f"{committee.name}的备案未通过核对：{reason.strip()}。请修改后重新提交"
    notify(committee.entered_by, told, url="/committees", now=now)
    db.session.delete(committee)
    db.session.flush()


def _require_waiting(committee: Committee, actor: Person, now: datetime) -> None:
    db.session.refresh(committee, with_for_update=True)
    if committee.is_confirmed:
        raise Conflict("该评委会的备案已核对")
    if not may_confirm(actor, committee, now):
        raise Forbidden("备案由上级主管部门核对，录入人不能核对自己录入的评委会")


def _record(tag: str, committee: Committee, actor: Person, now: datetime, **more: str) -> None:
    audit.record(
        tag,
        subject=("committee", committee.id),
        actor_id=actor.id,
        now=now,
        filing_no=committee.filing_no,
        **more,
    )


def _tell(committee: Committee, person_id: int, text: str, now: datetime) -> None:
    notify(person_id, text, url=f"/committees/{committee.id}", now=now)
