"""Declarations for tests: the golden case (安徽 中小学教师 高级), played like people play it."""

import io
from datetime import datetime
from typing import Any

import pikepdf
from sqlalchemy import select

from app.accounts.models import Person
from app.core import storage
from app.core.clock import now, set_clock
from app.core.db import db, transaction
from app.core.uploads import PHOTO, Policy
from app.declarations import operations, queries
from app.declarations.models import Declaration
from app.declarations.operations import Choice
from app.plans.models import (
    Plan,
    StandardItem,
)
from app.portfolio import attachments
from app.portfolio import operations as portfolio
from app.portfolio.models import PortfolioItem
from app.units.models import Unit
from tests.builders.flow import do
from tests.builders.golden_case import (
    ITEMS,
    LATER,
    PERSONAL,
    PRIOR_TITLE,
    SENT_UP,
    STEPS,
    TEACHING,
)
from tests.builders.people import a_person, a_unit
from tests.builders.plans import a_committee, a_plan
from tests.builders.played import played_once
from tests.builders.portfolio import a_portrait, an_item, an_upload, slots_due, vet


def a_chain() -> tuple[Unit, Unit, Unit]:
    """City, district and school with their staff; the city organises the committee."""
    city = a_unit("淮城市教育局", kind="机关", superior=True)
    district = a_unit("云桥区教育体育局", kind="机关", parent=city, superior=True)
    school = a_unit("云桥区青禾小学", parent=district)
    return city, district, school


def golden_plan(organiser: Unit, *, year: int = 2026) -> Plan:
    """Plan A1 with its slots and its standard, open and checked by another person."""
    a_person("葛蔓青", roles=[("organiser", "org", organiser.id)])
    a_person("滕敬之", roles=[("organiser_leader", "org", organiser.id)])
    committee = a_committee(organiser, size=11, consent_no="演示函〔2025〕12号")
    name = f"{year}年度淮城市中小学教师系列高级职称评审"
    return a_plan(committee, name=name, year=year)


def golden_applicant(unit: Unit, name: str = "苏晓禾") -> Person:
    """苏晓禾 of 青禾小学 with her identity number."""
    return a_person(name, id_number="340000198503129020", unit=unit)


def a_photo(person: Person) -> storage.StoredFile:
    """A certificate photo that was uploaded and cropped."""
    return storage.stage(
        io.BytesIO(a_portrait()), "证件照.jpg", PHOTO, owner_id=person.id, now=now()
    )


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
    for slot in slots_due(type_key, item.data):
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


def a_draft(*, complete: bool = False) -> Declaration:
    """The golden declaration being filled in; call it outside of a transaction."""
    return queries.get_declaration(_draft(complete=complete))


@played_once
def _draft(*, complete: bool) -> int:
    with transaction():
        return golden_declaration(complete=complete).id


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


def _return_to(moment: datetime) -> None:
    with transaction():
        set_clock(moment)


def a_declaration(at: str = "vet_declaration", *, occurrence: int = 1) -> Declaration:
    """A complete declaration whose open task is `at`, or an accepted one for at="accepted".

    `occurrence` counts the levels for nodes that every superior office has. Call it outside of a
    transaction: each step has one of its own.
    """
    return queries.get_declaration(_declaration_at(at, occurrence))


@played_once
def _declaration_at(at: str, occurrence: int) -> int:
    with transaction():
        present = now()
        set_clock(SENT_UP)
        declaration_id = golden_declaration(complete=True).id
    seen = 0
    for node, answers in STEPS:
        seen += node == at
        if node == at and seen == occurrence:
            break
        do(("declaration", declaration_id), node, answers)
        if node == "fill_declaration":
            _return_to(present)
    if at == "fill_declaration":
        _return_to(present)
    return declaration_id
