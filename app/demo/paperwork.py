"""What applicants do: fill the portfolio, declare, run the check, submit."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from app.accounts.models import Person
from app.core import storage
from app.core.clock import now
from app.core.db import db, transaction
from app.core.uploads import Policy
from app.declarations import facts, operations, queries
from app.declarations.models import Declaration
from app.declarations.operations import Choice
from app.demo.pictures import paper, paper_pdf
from app.demo.stage import Stage, read_data
from app.plans.models import Plan
from app.portfolio import attachments, item_types
from app.portfolio import operations as portfolio
from app.portfolio.models import SUBMITTED, PortfolioItem
from rules.report import Report

SECTIONS = ("work", "education", "training", "assessment")


def upload(person: Person, title: str, *, types: Sequence[str] = ("jpg",)) -> int:
    """Upload a drawn page that fits a slot; returns the staged file's id."""
    as_picture = "jpg" in types
    page = paper(title, (person.name,)) if as_picture else paper_pdf(title, (person.name,))
    name = f"{title}.{'jpg' if as_picture else 'pdf'}"
    policy = Policy(types=("jpg",) if as_picture else ("pdf",))
    return storage.stage(io.BytesIO(page), name, policy, owner_id=person.id, now=now()).id


def fill_portfolio(
    stage: Stage, person_id: int, *, complete: bool, own: Mapping[str, Any] | None = None
) -> dict[str, int]:
    """Enter the items of the data and have the unit audit them; ids by where they belong.

    Unless `complete`, the item that the data holds back is left for `enter_pending`.
    """
    made = {}
    for row in read_data("golden")["item"]:
        if row.get("pending") and not complete:
            continue
        data = {**row["data"], **(own or {}).get(row["into"], {})}
        made[row["into"]] = _enter_item(person_id, row["type"], data)
        passed = {"decision": "pass", "opinion": "材料与原件一致"}
        stage.act((portfolio.BUSINESS, made[row["into"]]), "vet_item", passed)
    return made


def enter_pending(person_id: int) -> None:
    """Enter the items that then wait for the unit's audit."""
    for row in read_data("golden")["item"]:
        if row.get("pending"):
            _enter_item(person_id, row["type"], row["data"])


def _enter_item(person_id: int, type_key: str, data: Mapping[str, Any]) -> int:
    with transaction():
        person = db.session.get_one(Person, person_id)
        item = portfolio.create_item(type_key, actor=person, now=now())
        faults = portfolio.save_fields(item, dict(data), actor=person, now=now())
        if faults:
            msg = f"{type_key}: {faults}"
            raise ValueError(msg)
        for slot in item_types.get(type_key).slots:
            if slot.required:
                file_id = upload(person, slot.label, types=slot.policy.types)
                attachments.attach_file(item, slot.name, file_id, actor=person, now=now())
        portfolio.submit_item(item, actor=person, now=now())
        return item.id


def begin_declaration(person_id: int, plan_id: int, specialty: str) -> int:
    """Choose the specialty, pledge, and begin; returns the declaration's id."""
    with transaction():
        person = db.session.get_one(Person, person_id)
        plan = db.session.get_one(Plan, plan_id)
        chosen = next(s for s in plan.specialties if s.name == specialty)
        begun = operations.start_declaration(
            person, plan, Choice(plan.declaration_kinds[0], chosen.id), pledged=True, now=now()
        )
        return begun.id


def fill_declaration(
    stage: Stage, declaration_id: int, items: Mapping[str, int], *, complete: bool
) -> None:
    """Fill a declaration from the data; `complete` also does what the first check misses."""
    data = read_data("golden")
    with transaction():
        declaration = queries.get_declaration(declaration_id)
        for name, value in {**data["personal"], **data["teaching"]}.items():
            saved = operations.save_field(declaration, name, [value], now=now())
            if saved.notice:
                stage.note(saved.notice)
        operations.save_prior_title(declaration, data["prior_title"], now=now())
        for row in data["item"]:
            if complete or not row.get("later"):
                take(declaration, row["into"], items[row["into"]])
        studied = queries.entries_of(declaration.id, "education")[0]
        for flag in ("highest", "qualifying"):
            operations.set_education_flag(declaration, studied.id, flag)
        if complete:
            choose_result(declaration)
        _attach(declaration)


def take(declaration: Declaration, into: str, item_id: int) -> None:
    """Import an item into a section, or into the item of the standard of this name."""
    if into in SECTIONS:
        operations.import_items(declaration, into, [item_id], now=now())
        return
    categories = queries.categories_of(declaration)
    place = next(i for c in categories for i in c.items if i.name == into)
    operations.import_items(declaration, "item", [item_id], standard_item_id=place.id, now=now())


def choose_result(declaration: Declaration) -> None:
    """Choose the result of the imported assessment."""
    assessed = queries.entries_of(declaration.id, "assessment")[0]
    operations.set_result(declaration, assessed.id, "合格")


def _attach(declaration: Declaration) -> None:
    for slot, row in zip(declaration.plan.slots, read_data("plan")["slot"], strict=True):
        file_id = upload(declaration.person, row["file"].removesuffix(".jpg"))
        operations.attach_file(declaration, slot.id, file_id, now=now())


def check(declaration_id: int) -> Report:
    """Run 开始检测."""
    with transaction(write=False):
        declaration = queries.get_declaration(declaration_id)
        return facts.check(declaration, now=now())


def tell_check(stage: Stage, report: Report) -> None:
    """Tell the rows of a check."""
    for row in report.rows:
        mark = "✓" if row.passed else "✗"
        stage.echo(f"    {row.no:>2} {mark} {row.subject}：{row.text}")


def submit(stage: Stage, declaration_id: int) -> None:
    """Submit a declaration as its applicant."""
    stage.act((queries.BUSINESS, declaration_id), "fill_declaration")


def later_items(person_id: int) -> dict[str, int]:
    """Return the items that the first declaration left out, by where they belong."""
    later = {row["type"]: row["into"] for row in read_data("golden")["item"] if row.get("later")}
    owned = select(PortfolioItem).where(PortfolioItem.person_id == person_id)
    return {later[i.type_key]: i.id for i in db.session.scalars(owned) if i.type_key in later}


def waiting_items(person_id: int) -> list[int]:
    """Return the items that wait for the unit's audit."""
    waiting = select(PortfolioItem.id).where(
        PortfolioItem.person_id == person_id, PortfolioItem.status == SUBMITTED
    )
    return list(db.session.scalars(waiting))
