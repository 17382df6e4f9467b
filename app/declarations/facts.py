"""What the rules look at when a declaration is checked (开始检测)."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from app.catalogue.models import Title
from app.declarations import queries, specs
from app.declarations.holdings import Holdings, held_now
from app.declarations.models import Declaration, DeclarationEntry, EntrySection
from app.declarations.payers import bound_since, employers_in
from app.declarations.post_use import post_line
from app.plans.models import CountBy, Plan, QuotaMode, StandardItem
from app.portfolio.queries import approved_special
from app.units.history import names_ever
from rules import evaluate
from rules.facts import (
    AssessmentFacts,
    CategoryFacts,
    ChoiceFacts,
    EducationFacts,
    EntryFacts,
    ItemFacts,
    PersonalFacts,
    PostFacts,
    SlotFacts,
    SpecialFacts,
    SubmissionFacts,
    TitleFacts,
    TrainingFacts,
)
from rules.report import Report

FIRST_TITLE = "认定"


def check(declaration: Declaration, held: Holdings | None = None, *, now: datetime) -> Report:
    """Run the checks before 提交审核 and return their rows and reminders."""
    return evaluate("submission", facts_of(held or held_now(declaration), now))


def facts_of(held: Holdings, now: datetime) -> SubmissionFacts:
    """Gather what `evaluate("submission", …)` reads."""
    entries = held.entries
    sections = Counter(entry.section for entry in entries)
    found = SubmissionFacts(
        jurisdiction=held.plan.jurisdiction,
        personal=_personal(held, now),
        entries=EntryFacts(
            work=sections[EntrySection.WORK],
            training=sections[EntrySection.TRAINING],
            education=sections[EntrySection.EDUCATION],
            assessment=sections[EntrySection.ASSESSMENT],
        ),
        education=_education(entries),
        assessments=_assessments(held),
        training=[
            TrainingFacts(year=year_of(entry), hours=_hours(entry))
            for entry in entries
            if entry.section == EntrySection.TRAINING
        ],
        slots=_slots(held),
        categories=_categories(held),
        declared=title_facts(held.title),
        titles=_typed_titles(held),
    )
    since = bound_since(held.declaration.person_id)
    if since is not None:
        found["unit"], found["unit_since"] = _names(held), since
    post = _post(held)
    if post is not None:
        found["post"] = post
    series = held.title.series.name
    kinds, count = approved_special(held.declaration.person_id, series)
    if kinds:
        names = [kind.title for kind in kinds]
        found["special"] = SpecialFacts(series=series, types=names, count=count)
    return found


def _assessments(held: Holdings) -> list[AssessmentFacts]:
    found = [
        AssessmentFacts(
            year=year_of(entry),
            result=str(entry.extra.get("result") or ""),
            paid_by=str(entry.version.data.get("paying_unit") or ""),
        )
        for entry in held.entries
        if entry.section == EntrySection.ASSESSMENT
    ]
    paid = [each for each in found if each.get("paid_by")]
    employers = employers_in(held.declaration.person_id, [each["year"] for each in paid])
    for each in paid:
        each["employers"] = employers[each["year"]]
    return found


def _names(held: Holdings) -> list[str]:
    """Return what the unit is called, was called before, and what it took over was called."""
    return list(dict.fromkeys([held.unit.name, *names_ever(held.declaration.unit)]))


def _post(held: Holdings) -> PostFacts | None:
    """Return the posts that the title would fill, where the plan looks at them (评聘结合)."""
    mode = held.plan.quota_mode
    line = post_line(held.declaration) if mode != QuotaMode.OFF else None
    if line is None:
        return None
    return PostFacts(
        level=line.level,
        approved=line.approved,
        occupied=line.occupied,
        held=line.held,
        blocks=mode == QuotaMode.BLOCK,
    )


def title_facts(title: Title) -> TitleFacts:
    """Return a title as the rules read it."""
    return TitleFacts(series=title.series.name, name=title.name, level=title.level)


def faults_of_choice(person_id: int, plan: Plan, title: Title) -> list[str]:
    """Return why this title is not to be declared by somebody, in words."""
    held = [title_facts(each.title) for each in queries.passed_before(person_id)]
    choice = ChoiceFacts(jurisdiction=plan.jurisdiction, declared=title_facts(title), held=held)
    return [row.text for row in evaluate("choice", choice).failures]


def reasons_all_are_held(person_id: int, plan: Plan) -> list[str]:
    """Return why none of a plan's titles is to be declared by somebody; nothing while one is."""
    titles = {each.title_id: each.title for each in plan.specialties}
    faults = [faults_of_choice(person_id, plan, title) for title in titles.values()]
    return list(dict.fromkeys(text for texts in faults for text in texts)) if all(faults) else []


def _typed_titles(held: Holdings) -> list[TitleFacts]:
    return [
        TitleFacts(
            series=str(row.data.get("series") or ""),
            name=str(row.data.get("title") or ""),
            level=str(row.data.get("level") or ""),
        )
        for row in held.titles
    ]


def _personal(held: Holdings, now: datetime) -> PersonalFacts:
    missing = [*specs.missing_labels(held), *_missing_titles(held), *specs.lacking_in(held)]
    faults = specs.faults_of(held, now)
    return PersonalFacts(missing=missing, faults=faults, photo=held.photo_id is not None)


def _missing_titles(held: Holdings) -> list[str]:
    """Staff of a 事业单位 state the title they hold and its appointment (AH-P-31)."""
    if not held.unit.is_public_institution or held.plan.kind == FIRST_TITLE:
        return []
    rows = held.titles
    if not rows:
        return ["现有职称情况"]
    return [] if any(row.data.get("appointments") for row in rows) else ["现有职称评聘情况"]


def _education(entries: Sequence[DeclarationEntry]) -> EducationFacts:
    found = EducationFacts(highest="", qualifying="")
    for entry in entries:
        if entry.section == EntrySection.EDUCATION:
            if entry.extra.get("is_highest"):
                found["highest"] = education_level(entry)
            if entry.extra.get("is_qualifying"):
                found["qualifying"] = education_level(entry)
    return found


def education_level(entry: DeclarationEntry) -> str:
    """Return the level of an education as its certificate says."""
    return str(entry.version.data.get("level") or entry.version.summary)


def year_of(entry: DeclarationEntry) -> int:
    """Return the year a yearly record is about, 0 when it does not say."""
    year = entry.version.data.get("year")
    if year is not None and str(year)[:4].isdecimal():
        return int(str(year)[:4])
    return entry.version.occurred_on.year if entry.version.occurred_on else 0


def _hours(entry: DeclarationEntry) -> int:
    data = entry.version.data
    return int(data.get("hours_professional") or 0) + int(data.get("hours_public") or 0)


def _slots(held: Holdings) -> list[SlotFacts]:
    counts = Counter(file.slot_id for file in held.files)
    return [
        SlotFacts(
            name=slot.name,
            count=counts[slot.id],
            required=slot.required,
            printed=slot.printed_in_check,
            min=slot.min_count,
            max=slot.max_count,
        )
        for slot in held.plan.slots
    ]


def _categories(held: Holdings) -> list[CategoryFacts]:
    counts = Counter(entry.standard_item_id for entry in held.entries)
    return [
        CategoryFacts(
            id=category.id,
            name=category.name,
            count_by="items" if category.count_by == CountBy.ITEMS else "records",
            min=category.min_count,
            items=[_item(item, counts[item.id]) for item in category.items],
        )
        for category in held.categories
    ]


def _item(item: StandardItem, count: int) -> ItemFacts:
    return ItemFacts(
        name=item.name,
        required=item.required,
        min=item.min_count,
        max=item.max_count,
        count=count,
    )
