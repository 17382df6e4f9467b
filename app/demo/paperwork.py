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
GOLDEN = "golden"
PORTFOLIOS = {"A": "portfolios_2026", "Z": "portfolios_2025", "B": "works"}
PLANS = {"B": "works"}
"""Which files hold the portfolios, and the plan where it is not the schools', by the ids."""
Papers = Mapping[str, Any]
"""What somebody fills in: personal, teaching, prior_title, and the records of the portfolio."""
Kept = Sequence[tuple[str, int]]
"""Items with the section or item of the standard that they go into."""


def papers_of(key: str) -> Papers:
    """Return what a person of the data fills in."""
    if key == GOLDEN:
        return read_data(GOLDEN)
    found: Papers = read_data(PORTFOLIOS[key[0]])[key]
    return found


def personal_of(key: str) -> Mapping[str, Any]:
    """Return what a person of the data tells of themselves; not everybody has declared."""
    book = read_data(GOLDEN) if key == GOLDEN else read_data(PORTFOLIOS[key[0]]).get(key, {})
    found: Mapping[str, Any] = book.get("personal", {})
    return found


def upload(
    person: Person, title: str, *, types: Sequence[str] = ("jpg",), lines: Sequence[str] = ()
) -> int:
    """Upload a drawn page that fits a slot; returns the staged file's id."""
    as_picture = "jpg" in types
    said = tuple(lines) or (person.name,)
    proof = " ".join((title, *said))
    page = (paper if as_picture else paper_pdf)(title, said, proof=proof)
    name = f"{title}.{'jpg' if as_picture else 'pdf'}"
    policy = Policy(types=("jpg",) if as_picture else ("pdf",))
    return storage.stage(io.BytesIO(page), name, policy, owner_id=person.id, now=now()).id


def fill_portfolio(stage: Stage, key: str, *, complete: bool = True) -> Kept:
    """Enter the records of a person of the data and have the unit audit them.

    Unless `complete`, the record that the data holds back is left for `enter_pending`.
    """
    rows = [row for row in papers_of(key)["item"] if complete or not row.get("pending")]
    kept = _enter_items(stage.people[key], rows)
    passed = {"decision": "pass", "opinion": "材料与原件一致"}
    stage.act_all([((portfolio.BUSINESS, item_id), "vet_item", passed) for _into, item_id in kept])
    return kept


def enter_pending(stage: Stage, key: str) -> None:
    """Enter the records that then wait for the unit's audit."""
    rows = [row for row in papers_of(key)["item"] if row.get("pending")]
    _enter_items(stage.people[key], rows)


def _enter_items(person_id: int, rows: Sequence[Mapping[str, Any]]) -> Kept:
    with transaction():
        person = db.session.get_one(Person, person_id)
        return [(row["into"], _enter_item(person, row)) for row in rows]


def _enter_item(person: Person, row: Mapping[str, Any]) -> int:
    item = portfolio.create_item(row["type"], actor=person, now=now())
    faults = portfolio.save_fields(item, row["data"], actor=person, now=now())
    if faults:
        msg = f"{row['type']}: {faults}"
        raise ValueError(msg)
    # Two people hold the same copy of a paper that the data names.
    lines = [row["paper"]] if "paper" in row else [person.name, item.summary]
    due = portfolio.faults_of(item, now())
    for slot in item_types.get(row["type"]).slots:
        if slot.name in due:
            file_id = upload(person, slot.label, types=slot.policy.types, lines=lines)
            attachments.attach_file(item, slot.name, file_id, actor=person, now=now())
    portfolio.submit_item(item, actor=person, now=now())
    return item.id


def begin_declaration(person_id: int, plan_id: int, row: Mapping[str, Any]) -> int:
    """Choose form and specialty, pledge, and begin; returns the declaration's id."""
    with transaction():
        person = db.session.get_one(Person, person_id)
        plan = db.session.get_one(Plan, plan_id)
        chosen = next(s for s in plan.specialties if s.name == row["specialty"])
        choice = Choice(row.get("kind", plan.declaration_kinds[0]), chosen.id)
        return operations.start_declaration(person, plan, choice, pledged=True, now=now()).id


def fill_declaration(
    stage: Stage, declaration_id: int, key: str, kept: Kept, *, complete: bool = True
) -> None:
    """Fill a declaration from the data; `complete` also does what the first check misses."""
    papers = papers_of(key)
    later = set() if complete else {row["into"] for row in papers["item"] if row.get("later")}
    with transaction():
        declaration = queries.get_declaration(declaration_id)
        _type(stage, declaration, papers)
        for into, item_id in kept:
            if into not in later:
                take(declaration, into, item_id)
        studied = queries.entries_of(declaration.id, "education")[0]
        for flag in ("highest", "qualifying"):
            operations.set_education_flag(declaration, studied.id, flag)
        if complete:
            choose_result(declaration)
        _attach(declaration, PLANS.get(key[0], "plan"))


def begin_typing(stage: Stage, declaration_id: int, key: str) -> None:
    """Fill in what a person types on the first page, and stop there."""
    with transaction():
        _type(stage, queries.get_declaration(declaration_id), papers_of(key))


def _type(stage: Stage, declaration: Declaration, papers: Papers) -> None:
    for name, value in {**papers["personal"], **papers.get("teaching", {})}.items():
        saved = operations.save_field(declaration, name, [value], now=now())
        if saved.notice:
            stage.note(saved.notice)
    operations.save_prior_title(declaration, papers["prior_title"], now=now())


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


def _attach(declaration: Declaration, book: str) -> None:
    for slot, row in zip(declaration.plan.slots, read_data(book)["slot"], strict=True):
        if row["file"]:
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
    later = {row["type"]: row["into"] for row in papers_of(GOLDEN)["item"] if row.get("later")}
    owned = select(PortfolioItem).where(PortfolioItem.person_id == person_id)
    return {later[i.type_key]: i.id for i in db.session.scalars(owned) if i.type_key in later}


def waiting_items(person_id: int) -> list[int]:
    """Return the items that wait for the unit's audit."""
    waiting = select(PortfolioItem.id).where(
        PortfolioItem.person_id == person_id, PortfolioItem.status == SUBMITTED
    )
    return list(db.session.scalars(waiting))
