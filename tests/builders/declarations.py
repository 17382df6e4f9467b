"""Declarations for tests: the golden case (安徽 中小学教师 高级), played like people play it."""

import io
from datetime import date, datetime
from typing import Any

import pikepdf
from PIL import Image
from sqlalchemy import select

from app.accounts.models import Person
from app.catalogue.models import Series, Title
from app.committees.models import Committee
from app.core import storage
from app.core.clock import ZONE, now
from app.core.db import db, transaction
from app.core.uploads import PHOTO, Policy
from app.declarations import operations, queries
from app.declarations.models import Declaration
from app.declarations.operations import Choice
from app.plans.models import (
    Plan,
    PlanSlot,
    PlanSpecialty,
    StandardCategory,
    StandardItem,
)
from app.portfolio import attachments, item_types
from app.portfolio import operations as portfolio
from app.portfolio.models import PortfolioItem
from app.units.models import Unit
from tests.builders.flow import do
from tests.builders.golden_case import (
    CLOSES,
    ITEMS,
    KINDS,
    LATER,
    OPENS,
    PERSONAL,
    PRIOR_TITLE,
    SLOTS,
    SPECIALTIES,
    STANDARD,
    STEPS,
    TEACHING,
)
from tests.builders.people import a_person, a_unit
from tests.builders.portfolio import an_item, an_upload, vet


def a_chain() -> tuple[Unit, Unit, Unit]:
    """City, district and school with their staff; the city organises the committee."""
    city = a_unit("淮城市教育局", kind="机关", superior=True)
    district = a_unit("云桥区教育体育局", kind="机关", parent=city, superior=True)
    school = a_unit("云桥区青禾小学", parent=district)
    return city, district, school


def golden_plan(organiser: Unit, *, year: int = 2026, status: str = "open") -> Plan:
    """Plan A1 with its slots and its standard, open and checked by another person."""
    series, title = _title()
    configurer = a_person("葛蔓青", roles=[("organiser", "org", organiser.id)])
    checker = a_person("滕敬之", roles=[("organiser_leader", "org", organiser.id)])
    committee = Committee(
        jurisdiction="anhui",
        name="淮城市中小学教师系列高级职称评审委员会",
        filing_no=f"演示备案〔{year}〕7号",
        filed_from=date(2025, 9, 29),
        filed_until=date(2028, 8, 24),
        series_id=series.id,
        level="高级",
        organiser_unit_id=organiser.id,
        size=11,
        consent_no="演示函〔2025〕12号",
    )
    db.session.add(committee)
    db.session.flush()
    plan = Plan(
        jurisdiction="anhui",
        name=f"{year}年度淮城市中小学教师系列高级职称评审",
        year=year,
        kind="评审",
        level="高级",
        committee_id=committee.id,
        organiser_unit_id=organiser.id,
        status=status,
        publish_at=datetime(2026, 10, 26, 9, tzinfo=ZONE),
        opens_at=OPENS,
        closes_at=CLOSES,
        scope_text="在职在岗教师",
        declaration_kinds=KINDS,
        configured_by=configurer.id,
        checked_by=checker.id,
        checked_at=OPENS,
        created_at=OPENS,
    )
    plan.specialties = [
        PlanSpecialty(position=i, series_id=series.id, name=name, title_id=title.id)
        for i, name in enumerate(SPECIALTIES, 1)
    ]
    plan.slots = [_slot(i, *slot) for i, slot in enumerate(SLOTS, 1)]
    plan.categories = [_category(i, *row) for i, row in enumerate(STANDARD, 1)]
    db.session.add(plan)
    db.session.flush()
    return plan


def _title() -> tuple[Series, Title]:
    known = db.session.scalars(select(Series).where(Series.name == "中小学教师")).first()
    series = known or Series(code="22", name="中小学教师")
    db.session.add(series)
    db.session.flush()
    titles = select(Title).where(Title.series_id == series.id, Title.name == "高级教师")
    title = db.session.scalars(titles).first() or Title(
        series_id=series.id, name="高级教师", level="副高级"
    )
    db.session.add(title)
    db.session.flush()
    return series, title


def _slot(
    position: int, key: str, name: str, required: bool, least: int, most: int, printed: bool
) -> PlanSlot:
    return PlanSlot(
        position=position,
        key=key,
        name=name,
        required=required,
        types=["jpg", "png", "pdf"],
        min_count=least,
        max_count=most,
        printed_in_check=printed,
    )


def _category(position: int, name: str, least: int, items: tuple[Any, ...]) -> StandardCategory:
    made = StandardCategory(position=position, name=name, count_by="records", min_count=least)
    made.items = [
        StandardItem(
            position=i,
            name=item,
            required=required,
            min_count=1 if required else 0,
            max_count=most,
            accepts=list(accepts),
        )
        for i, (item, required, most, accepts) in enumerate(items, 1)
    ]
    return made


def golden_applicant(unit: Unit, name: str = "苏晓禾") -> Person:
    """苏晓禾 of 青禾小学 with her identity number."""
    return a_person(name, id_number="340000198503129020", unit=unit)


def a_photo(person: Person) -> storage.StoredFile:
    """A certificate photo that was uploaded and cropped."""
    target = io.BytesIO()
    Image.new("RGB", (413, 579), (90, 120, 200)).save(target, "JPEG")
    target.seek(0)
    return storage.stage(target, "证件照.jpg", PHOTO, owner_id=person.id, now=now())


def a_pdf() -> bytes:
    """A one-page PDF."""
    target = io.BytesIO()
    with pikepdf.new() as paper:
        paper.add_blank_page()
        paper.save(target)
    return target.getvalue()


def submitted_item(person: Person, type_key: str, data: dict[str, Any]) -> PortfolioItem:
    """An item in the inbox of the unit's clerk, with the attachments its type asks for."""
    item = an_item(person, type_key, files=False, data=data)
    for slot in item_types.get(type_key).slots:
        if slot.required:
            attachments.attach_file(
                item, slot.name, _upload_for(person, slot.policy.types), actor=person, now=now()
            )
    portfolio.submit_item(item, actor=person, now=now())
    return item


def _upload_for(person: Person, types: tuple[str, ...]) -> int:
    if "png" in types:
        return an_upload(person).id
    stored = storage.stage(
        io.BytesIO(a_pdf()), "报告.pdf", Policy(types=("pdf",)), owner_id=person.id, now=now()
    )
    return stored.id


def approved_item(person: Person, type_key: str, data: dict[str, Any]) -> int:
    """An approved item; its id."""
    item = submitted_item(person, type_key, data)
    vet(item, "pass", "情况属实")
    return item.id


def standard_item(plan: Plan, name: str) -> StandardItem:
    """An item of the plan's standard by its name."""
    return next(i for c in plan.categories for i in c.items if i.name == name)


def start(person: Person, plan: Plan, specialty: str = "小学数学") -> Declaration:
    """An empty draft."""
    chosen = next(s for s in plan.specialties if s.name == specialty)
    return operations.start_declaration(
        person, plan, Choice("常规申报", chosen.id), pledged=True, now=now()
    )


def take(declaration: Declaration, place: str, item_id: int) -> None:
    """Import an item into a section, or into the item of the standard of this name."""
    if place in {"work", "education", "training", "assessment"}:
        operations.import_items(declaration, place, [item_id], now=now())
        return
    operations.import_items(
        declaration,
        "item",
        [item_id],
        standard_item_id=standard_item(declaration.plan, place).id,
        now=now(),
    )


def golden_declaration(
    plan: Plan | None = None, person: Person | None = None, *, complete: bool = False
) -> Declaration:
    """Demo A.6 as loaded: the check fails in rows 5 and 9; `complete` mends both (A.8)."""
    if plan is None or person is None:
        city, _district, school = a_chain()
        plan, person = plan or golden_plan(city), person or golden_applicant(school)
    declaration = start(person, plan)
    person.photo_file_id = storage.link(a_photo(person)).id
    for name, value in {**PERSONAL, **TEACHING}.items():
        operations.save_field(declaration, name, [value], now=now())
    operations.save_prior_title(declaration, PRIOR_TITLE, now=now())
    for place, (type_key, data) in ITEMS.items():
        take(declaration, place, approved_item(person, type_key, data))
    studied = queries.entries_of(declaration.id, "education")[0]
    for flag in ("highest", "qualifying"):
        operations.set_education_flag(declaration, studied.id, flag)
    names = ("承诺书-签名.jpg", "身份证正反面.jpg", "班主任证明.jpg", "教师资格证.jpg")
    for slot, name in zip(plan.slots, names, strict=True):
        operations.attach_file(declaration, slot.id, an_upload(person, name).id, now=now())
    approved_item(person, *LATER["行动研究报告"])
    submitted_item(person, *LATER["指导青年教师方面"])
    if complete:
        mend(declaration)
    return declaration


def mend(declaration: Declaration) -> None:
    """Choose the result, let the clerk approve record 11, import records 10 and 11 (A.8)."""
    assessed = queries.entries_of(declaration.id, "assessment")[0]
    operations.set_result(declaration, assessed.id, "合格")
    items = db.session.scalars(
        select(PortfolioItem).where(PortfolioItem.person_id == declaration.person_id)
    ).all()
    for place, (type_key, _data) in LATER.items():
        item = next(each for each in items if each.type_key == type_key)
        if item.status == "submitted":
            vet(item, "pass", "情况属实")
        take(declaration, place, item.id)


def a_declaration(at: str = "vet_declaration", *, occurrence: int = 1) -> Declaration:
    """A complete declaration whose open task is `at`, or an accepted one for at="accepted".

    `occurrence` counts the levels for nodes that every superior office has. Call it outside of a
    transaction: each step has one of its own.
    """
    with transaction():
        declaration_id = golden_declaration(complete=True).id
    seen = 0
    for node, answers in STEPS:
        seen += node == at
        if node == at and seen == occurrence:
            break
        do(("declaration", declaration_id), node, answers)
    return queries.get_declaration(declaration_id)
