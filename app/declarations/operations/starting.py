"""Starting a declaration, changing its specialty, throwing a draft away."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from app.accounts.models import Person
from app.accounts.queries import is_barred
from app.core.clock import ZONE
from app.core.db import db
from app.core.errors import Conflict, Invalid
from app.declarations.facts import faults_of_choice, reasons_all_are_held
from app.declarations.models import (
    Declaration,
    DeclarationEntry,
    DeclarationFile,
    PriorTitle,
    PriorTitleFile,
)
from app.declarations.operations.common import record, refuse_unless_editable
from app.declarations.operations.submitting import mended_by
from app.declarations.queries import (
    BUSINESS,
    categories_of,
    declaration_of_year,
    entries_of,
)
from app.declarations.specs import personal_form
from app.engine import runtime
from app.people.queries import shared_values
from app.plans.models import Plan, PlanSpecialty
from app.plans.queries import standards_of
from app.units.models import Unit
from app.units.queries import open_binding, unit_of
from rules import evaluate

PROCESS = "declaration"
ABANDONED = "abandoned"
UNCONFIRMED = "请先完善并确认个人信息"


@dataclass(frozen=True)
class Choice:
    """What the person chose on 申报职称选择."""

    kind: str
    specialty_id: int
    standard: str = ""


def reasons_not_to_start(person: Person, plan: Plan, *, now: datetime) -> list[str]:
    """Return every reason why this person cannot declare under this plan now, in words.

    Details never confirmed (AH-P-06), unit, integrity bar, one declaration a plan year,
    retirement (FJ-P-06, 42, 43), the window, and a plan whose every title is held already.
    """
    known = declaration_of_year(person.id, plan.year)
    unit = unit_of(person.id)
    facts = {
        "jurisdiction": plan.jurisdiction,
        "on": now.astimezone(ZONE).date(),
        "unit": unit.name if unit else "",
        "unit_pending": open_binding(person.id) is not None,
        "declared": f"{known.plan.name}（{known.status_word}）" if known else "",
        "barred_until": is_barred(person.id, now.astimezone(ZONE).date()),
        "birth_date": person.birth_date,
        "gender": person.gender,
    }
    reasons = [row.text for row in evaluate("eligibility", facts).failures]
    reasons += reasons_all_are_held(person.id, plan)
    if person.profile_confirmed_at is None:
        reasons.insert(0, UNCONFIRMED)
    return reasons + ([] if plan.accepts_submissions(now) else [_window(plan, now)])


def _window(plan: Plan, now: datetime) -> str:
    if plan.opens_at is not None and now < plan.opens_at:
        return f"尚未到申报时间，{plan.opens_at:%Y-%m-%d %H:%M} 开放申报"
    if plan.closes_at is not None:
        return f"申报已于 {plan.closes_at:%Y-%m-%d %H:%M} 截止"
    return "该计划未开放申报"


def _specialty(plan: Plan, specialty_id: int) -> PlanSpecialty:
    for specialty in plan.specialties:
        if specialty.id == specialty_id:
            return specialty
    raise Invalid("请选择本计划可评审的专业", field="specialty_id")


def _check_standard(plan: Plan, specialty: PlanSpecialty, standard: str) -> None:
    offered = standards_of(plan, specialty.title.level)
    if offered and standard not in offered:
        raise Invalid("请选择评审标准", field="standard")


def _check_not_held(person_id: int, plan: Plan, specialty: PlanSpecialty) -> None:
    reasons = faults_of_choice(person_id, plan, specialty.title)
    if reasons:
        raise Invalid("；".join(reasons), field="specialty_id")


def start_declaration(
    person: Person, plan: Plan, choice: Choice, *, pledged: bool, now: datetime
) -> Declaration:
    """Begin a declaration (马上申报): a draft with its process at 填报.

    Raises Conflict with the reasons when the person may not declare, Invalid for a kind,
    specialty or standard the plan does not offer, for a title held already, and without the
    pledge (FJ-P-21, FJ-P-22).
    """
    reasons = reasons_not_to_start(person, plan, now=now)
    unit = unit_of(person.id)
    if reasons or unit is None:
        raise Conflict("；".join(reasons))
    if not pledged:
        raise Invalid("请阅读并同意诚信承诺书", field="pledged")
    if choice.kind not in plan.declaration_kinds:
        raise Invalid("请选择申报形式", field="kind")
    specialty = _specialty(plan, choice.specialty_id)
    _check_standard(plan, specialty, choice.standard)
    _check_not_held(person.id, plan, specialty)
    declaration = _draft(person, plan, unit, specialty, choice, now)
    record("started", declaration, person.id, now, plan=plan.id, kind=choice.kind)
    runtime.start(
        PROCESS,
        business=(BUSINESS, declaration.id),
        jurisdiction=plan.jurisdiction,
        actor_id=person.id,
        now=now,
        data={"mended_by": mended_by(declaration).isoformat()},
    )
    return declaration


def _draft(
    person: Person,
    plan: Plan,
    unit: Unit,
    specialty: PlanSpecialty,
    choice: Choice,
    now: datetime,
) -> Declaration:
    declaration = Declaration(
        person_id=person.id,
        plan_id=plan.id,
        plan_year=plan.year,
        unit_id=unit.id,
        kind=choice.kind,
        specialty_id=specialty.id,
        title_id=specialty.title_id,
        standard=choice.standard,
        personal={},
        teaching={},
        pledged_at=now,
        created_at=now,
        updated_at=now,
    )
    db.session.add(declaration)
    db.session.flush()
    declaration.number = f"{plan.year}{declaration.id:06d}"
    declaration.personal = shared_values(person, personal_form(declaration))
    db.session.flush()
    return declaration


def change_specialty(
    declaration: Declaration, specialty_id: int, *, keep_title: bool, now: datetime
) -> int:
    """Change the specialty within the plan (修改专业, FJ-P-46); returns how many imports it cost.

    `keep_title` is the jurisdiction's setting that the title stays. Imports into items of a
    standard that no longer holds are dropped. Raises Invalid for another plan's specialty and
    for a title held already.
    """
    refuse_unless_editable(declaration)
    specialty = _specialty(declaration.plan, specialty_id)
    if keep_title and specialty.title_id != declaration.title_id:
        raise Invalid("本地区只能修改专业，不能变更申报职称", field="specialty_id")
    _check_not_held(declaration.person_id, declaration.plan, specialty)
    before = declaration.specialty.name
    declaration.specialty, declaration.title = specialty, specialty.title
    declaration.updated_at = now
    db.session.flush()
    lost = _drop_foreign_imports(declaration)
    record(
        "specialty_changed",
        declaration,
        declaration.person_id,
        now,
        before=before,
        after=specialty.name,
    )
    return lost


def _drop_foreign_imports(declaration: Declaration) -> int:
    holding = {item.id for category in categories_of(declaration) for item in category.items}
    foreign = [
        entry
        for entry in entries_of(declaration.id)
        if entry.standard_item_id is not None and entry.standard_item_id not in holding
    ]
    for entry in foreign:
        db.session.delete(entry)
    db.session.flush()
    return len(foreign)


def delete_draft(declaration: Declaration, *, now: datetime) -> None:
    """Throw a draft away that was never sent up (FJ-P-17); Conflict otherwise."""
    if not declaration.can_be_deleted:
        raise Conflict("已提交过的申报不能删除")
    # The process first: completing a step locks the instance before the declaration as well.
    runtime.deliver((BUSINESS, declaration.id), ABANDONED, now=now)
    record("deleted", declaration, declaration.person_id, now, plan=declaration.plan_id)
    titles = select(PriorTitle.id).where(PriorTitle.declaration_id == declaration.id)
    db.session.execute(delete(PriorTitleFile).where(PriorTitleFile.prior_title_id.in_(titles)))
    for table in (PriorTitle, DeclarationEntry, DeclarationFile):
        db.session.execute(delete(table).where(table.declaration_id == declaration.id))
    db.session.delete(declaration)
    db.session.flush()
