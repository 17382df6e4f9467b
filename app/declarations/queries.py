"""Reads of declarations: whose they are, what they hold, what reviewers list."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select, true, union_all
from sqlalchemy.orm import joinedload

from app.accounts.models import Person
from app.core import search
from app.core.db import db
from app.core.errors import NotFound
from app.core.permissions import Grant
from app.declarations.models import (
    TURN_FREE,
    Declaration,
    DeclarationEntry,
    DeclarationFile,
    DeclarationSnapshot,
    Defect,
    EntrySection,
    PriorTitle,
    Recommendation,
    ReviewOpinion,
    Status,
)
from app.engine.models import ItemStatus, WorkItem
from app.engine.taking import HALTED, taken_by
from app.plans.models import Plan, PlanStatus, StandardCategory, StandardItem
from app.plans.queries import categories_for
from app.portfolio.models import ItemVersion
from app.portfolio.queries import approved_items
from app.units.models import Unit
from app.units.queries import reporting_chain

BUSINESS = "declaration"
TYPES_OF_SECTION: dict[str, tuple[str, ...]] = {
    EntrySection.WORK: ("work",),
    EntrySection.EDUCATION: ("education",),
    EntrySection.TRAINING: ("training",),
    EntrySection.ASSESSMENT: ("assessment",),
}
"""Which portfolio types the parts of 个人信息 take."""


AS_READ = (
    joinedload(Declaration.person),
    joinedload(Declaration.plan).options(
        joinedload(Plan.committee), joinedload(Plan.organiser_unit)
    ),
    joinedload(Declaration.unit).joinedload(Unit.reports_to),
    joinedload(Declaration.current_unit),
    joinedload(Declaration.specialty),
    joinedload(Declaration.title),
)
"""What every step and every page says of a declaration, read with it."""


LOCKED = (
    select(Declaration)
    .where(Declaration.id == bindparam("id"))
    .options(*AS_READ)
    .with_for_update(of=Declaration)
    .execution_options(populate_existing=True)
)
"""Built once: every step of a declaration takes its lock."""


def get_declaration(declaration_id: int, *, for_update: bool = False) -> Declaration:
    """Return a declaration, locked for a write if asked; NotFound when there is none."""
    if for_update:
        found = db.session.scalars(LOCKED, {"id": declaration_id}).one_or_none()
    else:
        found = db.session.get(Declaration, declaration_id, options=AS_READ)
    if found is None:
        raise NotFound("该申报不存在，或已被删除")
    return found


def own_declaration(declaration_id: int, person_id: int, *, lock: bool = False) -> Declaration:
    """Return a declaration of this person; NotFound for a foreign one."""
    found = get_declaration(declaration_id, for_update=lock)
    if found.person_id != person_id:
        raise NotFound("该申报不存在，或已被删除")
    return found


def declarations_of(person_id: int) -> list[Declaration]:
    """Return all declarations of a person, the latest first."""
    mine = select(Declaration).where(Declaration.person_id == person_id)
    return list(
        db.session.scalars(mine.order_by(Declaration.plan_year.desc(), Declaration.id.desc()))
    )


def declaration_of_year(person_id: int, year: int) -> Declaration | None:
    """Return the declaration that takes the person's turn of a plan year, or None (FJ-P-42)."""
    taken = select(Declaration).where(
        Declaration.person_id == person_id,
        Declaration.plan_year == year,
        Declaration.status.not_in(TURN_FREE),
    )
    return db.session.scalars(taken).first()


def passed_before(person_id: int) -> list[Declaration]:
    """Return the declarations by which the person holds a title; a revoked one gives none."""
    passed = select(Declaration).where(
        Declaration.person_id == person_id, Declaration.status == Status.PASSED
    )
    return list(db.session.scalars(passed.order_by(Declaration.id.desc())))


def prior_titles_of(declaration_id: int) -> list[PriorTitle]:
    """Return the titles held already, in the person's order."""
    found = select(PriorTitle).where(PriorTitle.declaration_id == declaration_id)
    return list(db.session.scalars(found.order_by(PriorTitle.position, PriorTitle.id)))


def entries_of(
    declaration_id: int, section: str | None = None, standard_item_id: int | None = None
) -> list[DeclarationEntry]:
    """Return the imported items, of one section or of one item of the standard if asked."""
    found = (
        select(DeclarationEntry)
        .where(DeclarationEntry.declaration_id == declaration_id)
        .options(joinedload(DeclarationEntry.version).selectinload(ItemVersion.files))
    )
    if section is not None:
        found = found.where(DeclarationEntry.section == section)
    if standard_item_id is not None:
        found = found.where(DeclarationEntry.standard_item_id == standard_item_id)
    return list(db.session.scalars(found.order_by(DeclarationEntry.position, DeclarationEntry.id)))


def files_of(declaration_id: int) -> list[DeclarationFile]:
    """Return the attachments in the order of the slots."""
    found = select(DeclarationFile).where(DeclarationFile.declaration_id == declaration_id)
    return list(
        db.session.scalars(found.order_by(DeclarationFile.slot_id, DeclarationFile.position))
    )


def categories_of(declaration: Declaration) -> list[StandardCategory]:
    """Return the part of the plan's standard that holds for this title and choice (AH-P-36)."""
    return categories_for(declaration.plan, declaration.title.level, declaration.standard)


def standard_item_of(declaration: Declaration, item_id: int | None) -> StandardItem:
    """Return an item of the declaration's standard; NotFound for any other."""
    for category in categories_of(declaration):
        for item in category.items:
            if item.id == item_id:
                return item
    raise NotFound("该评审标准项不存在")


def types_for(section: str, standard_item: StandardItem | None) -> tuple[str, ...]:
    """Return the portfolio types that a section or an item of the standard takes."""
    return tuple(standard_item.accepts) if standard_item else TYPES_OF_SECTION[section]


def importable_items(
    declaration: Declaration, type_keys: Iterable[str], entries: Iterable[DeclarationEntry]
) -> list[ItemVersion]:
    """Return the approved items of these types that are not among the imports."""
    held = {entry.item_id for entry in entries}
    approved = approved_items(declaration.person_id, type_keys)
    return [version for version in approved if version.item_id not in held]


def defects_of(declaration_id: int) -> list[Defect]:
    """Return every defect that was ever raised, the latest round first."""
    found = select(Defect).where(Defect.declaration_id == declaration_id)
    return list(db.session.scalars(found.order_by(Defect.round.desc(), Defect.id)))


def open_defects(declaration_id: int) -> list[Defect]:
    """Return what the applicant has still to mend."""
    return [defect for defect in defects_of(declaration_id) if defect.resolved_at is None]


def snapshots_of(declaration_id: int) -> list[DeclarationSnapshot]:
    """Return the submissions in order."""
    found = select(DeclarationSnapshot).where(DeclarationSnapshot.declaration_id == declaration_id)
    return list(db.session.scalars(found.order_by(DeclarationSnapshot.no)))


def first_sent_at(declaration: Declaration) -> datetime:
    """Return when a declaration that was sent up was sent up first."""
    if declaration.round == 1 and declaration.submitted_at is not None:
        return declaration.submitted_at
    first = select(DeclarationSnapshot.at).where(
        DeclarationSnapshot.declaration_id == declaration.id, DeclarationSnapshot.no == 1
    )
    return db.session.scalars(first).one()


def opinions_of(declaration_id: int) -> list[ReviewOpinion]:
    """Return what the offices decided, in order."""
    found = select(ReviewOpinion).where(ReviewOpinion.declaration_id == declaration_id)
    return list(db.session.scalars(found.order_by(ReviewOpinion.id)))


def recommendation_of(declaration_id: int) -> Recommendation | None:
    """Return the unit's latest recommendation, or None."""
    found = select(Recommendation).where(Recommendation.declaration_id == declaration_id)
    return db.session.scalars(found.order_by(Recommendation.round.desc())).first()


def chain_of(declaration: Declaration) -> list[Unit]:
    """Return the offices that review, in order: the unit, its superiors, the organiser."""
    return [
        declaration.unit,
        *reporting_chain(declaration.unit),
        declaration.plan.organiser_unit,
    ]


def open_items_of(declaration_id: int) -> list[WorkItem]:
    """Return the tasks of a declaration that wait for somebody."""
    waiting = select(WorkItem).where(
        WorkItem.business_type == BUSINESS,
        WorkItem.business_id == declaration_id,
        WorkItem.status == ItemStatus.OPEN,
    )
    return list(db.session.scalars(waiting.order_by(WorkItem.id)))


@dataclass(frozen=True)
class Filters:
    """What a reviewer asked to see of the list of declarations."""

    text: str = ""
    plan_id: int | None = None
    status: str = ""


@dataclass(frozen=True)
class Reviewer:
    """Somebody who reviews or organises, with the roles held for it."""

    person_id: int
    grants: tuple[Grant, ...]

    @property
    def unit_ids(self) -> list[int]:
        """The units in which the roles are held."""
        return sorted({grant.scope_id for grant in self.grants if grant.scope_id})


LISTED = (
    Declaration.person,
    Declaration.unit,
    Declaration.plan,
    Declaration.specialty,
    Declaration.title,
)
"""What lists and tables show of a declaration: read with it, not one by one."""


def waiting_for(reviewer: Reviewer) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of the tasks that wait for a reviewer."""
    return (
        WorkItem.status == ItemStatus.OPEN,
        WorkItem.scope_kind == "org",
        taken_by(reviewer.person_id, reviewer.grants),
    )


def _tasks_in(unit_ids: Iterable[int]) -> Select[tuple[int]]:
    return select(WorkItem.business_id).where(
        WorkItem.business_type == BUSINESS,
        WorkItem.scope_kind == "org",
        WorkItem.scope_id.in_(list(unit_ids)),
    )


def reviewed_by(
    reviewer: Reviewer, filters: Filters, *, waiting: bool, halted: bool = True
) -> Select[tuple[Declaration]]:
    """Select declarations that wait for a reviewer, or that the offices have decided on.

    Those that nobody can do anything about now come last; without `halted` they are left out.
    """
    mine = _tasks_in(reviewer.unit_ids).where(*waiting_for(reviewer))
    if not halted:
        mine = mine.where(~HALTED)
    query = (
        select(Declaration)
        .join(Person, Person.id == Declaration.person_id)
        .options(*(joinedload(part) for part in LISTED))
    )
    if waiting:
        last = (Declaration.id.in_(mine.where(HALTED)),) if halted else ()
        query = query.where(Declaration.id.in_(mine)).order_by(*last, Declaration.submitted_at)
    else:
        done = _tasks_in(reviewer.unit_ids).where(WorkItem.status == ItemStatus.DONE)
        query = query.where(Declaration.id.in_(done), Declaration.id.not_in(mine))
        query = query.order_by(Declaration.submitted_at.desc())
    return _narrowed(query, filters).order_by(Declaration.id)


def _narrowed(query: Select[tuple[Declaration]], filters: Filters) -> Select[tuple[Declaration]]:
    text = search.normalise(filters.text)
    if text:
        query = query.where(
            or_(
                Person.name.contains(text, autoescape=True),
                Declaration.number.contains(text, autoescape=True),
            )
        )
    if filters.plan_id:
        query = query.where(Declaration.plan_id == filters.plan_id)
    if filters.status:
        query = query.where(Declaration.status == filters.status)
    return query


def open_tasks_of(declaration_ids: Sequence[int], reviewer: Reviewer) -> list[WorkItem]:
    """Return the tasks of several declarations that wait for a reviewer, halted ones too."""
    about = WorkItem.business_type == BUSINESS, WorkItem.business_id.in_(declaration_ids)
    return list(db.session.scalars(select(WorkItem).where(*about, *waiting_for(reviewer))))


def halted_of(reviewer: Reviewer) -> set[int]:
    """Return the declarations that wait for a reviewer, but that nobody can do now."""
    mine = _tasks_in(reviewer.unit_ids).where(*waiting_for(reviewer), HALTED)
    return set(db.session.scalars(mine))


def plans_reviewed_by(unit_ids: Iterable[int]) -> list[Plan]:
    """Return the plans of which these units have had declarations, for the filter."""
    plans = select(Declaration.plan_id).where(Declaration.id.in_(_tasks_in(unit_ids)))
    return list(
        db.session.scalars(select(Plan).where(Plan.id.in_(plans)).order_by(Plan.id.desc()))
    )


def items_in_use(item_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return which declarations use portfolio items, in words."""
    imports = union_all(
        *(
            select(table.item_id, table.declaration_id).where(table.item_id.in_(item_ids))
            for table in (DeclarationEntry, PriorTitle)
        )
    ).subquery()
    rows = db.session.execute(
        select(imports.c.item_id, Plan.year)
        .join(Declaration, Declaration.id == imports.c.declaration_id)
        .join(Plan, Plan.id == Declaration.plan_id)
        .order_by(Declaration.id)
    )
    found: dict[int, list[str]] = {}
    for item_id, year in rows:
        found.setdefault(item_id, []).append(f"{year} 年度申报")
    return found


def unsettled_at(unit_id: int, person_id: int | None = None) -> int:
    """Count a unit's declarations, or a person's of them, to review now, again, or once sent."""
    under_way = Declaration.status.in_((Status.IN_REVIEW, Status.RETURNED))
    may_be_sent = or_(Declaration.submitted_at.is_not(None), Plan.status == PlanStatus.OPEN)
    found = (
        select(func.count(Declaration.id))
        .join(Plan, Plan.id == Declaration.plan_id)
        .where(
            Declaration.unit_id == unit_id,
            or_(under_way, and_(Declaration.status == Status.DRAFT, may_be_sent)),
            true() if person_id is None else Declaration.person_id == person_id,
        )
    )
    return db.session.scalar(found) or 0


def unreviewed_by(unit_id: int) -> int:
    """Count the declarations under way in plans that a unit organises."""
    alive = (Status.IN_REVIEW, Status.RETURNED, Status.ACCEPTED, Status.IN_MEETING)
    found = (
        select(func.count(Declaration.id))
        .join(Plan, Plan.id == Declaration.plan_id)
        .where(Plan.organiser_unit_id == unit_id, Declaration.status.in_(alive))
    )
    return db.session.scalar(found) or 0
