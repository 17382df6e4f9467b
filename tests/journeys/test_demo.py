"""The demonstration: everybody of the open plan stands where the story needs them."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import worker
from app.accounts.models import Person
from app.catalogue.operations import load_reference_data
from app.core.clock import now
from app.core.db import db, transaction
from app.core.invariants import check_all
from app.declarations.models import Declaration, Defect
from app.declarations.operations import reasons_not_to_start
from app.declarations.queries import BUSINESS, entries_of
from app.demo import show
from app.engine.models import Incident, WorkItem
from app.plans.models import Plan
from app.portfolio.duplicates import duplicates_of
from app.portfolio.models import PortfolioItem
from app.units.models import Unit
from tests import second_run
from tests.conftest import DATABASE, Browser
from tests.sweep import tasks, world
from tests.sweep.routes import Sweep, each_page_drawn_once

OWN = ""
STANDS = {
    "苏晓禾": ("常规申报", "draft", "fill_declaration", OWN),
    "柏小满": ("常规申报", "in_review", "vet_declaration", "云桥区青禾小学"),
    "翟一诺": ("常规申报", "returned", "fill_declaration", OWN),
    "邰静姝": ("常规申报", "in_review", "vet_declaration", "云桥区第二中学"),
    "仲启航": ("常规申报", "in_review", "vet_declaration", "云桥区第二中学"),
    "瞿采薇": ("破格申报", "in_review", "vet_declaration", "云桥区第二中学"),
    "谷雨生": ("常规申报", "in_review", "vet_declaration", "云桥区柳溪乡中心学校"),
    "娄山远": ("常规申报", "in_review", "vet_declaration", "云桥区教育体育局"),
    "费青岚": ("转评申报", "in_review", "vet_declaration", "云桥区教育体育局"),
    "阎𬭎": ("常规申报", "in_review", "vet_forwarded", "云桥区人力资源和社会保障局"),
    "束䶮": ("常规申报", "in_review", "vet_forwarded", "淮城市教育局"),
    "练达夫": ("常规申报", "in_review", "confirm_termination", "淮城市第五中学"),
    "左丘明珠": ("常规申报", "in_review", "vet_forwarded", "云桥区人力资源和社会保障局"),
    "于谨言": ("常规申报", "in_review", "vet_declaration", "云桥区人才服务中心"),
    "毕如松": ("常规申报", "in_review", "vet_declaration", "云桥区青禾小学"),
    "令狐远山": ("常规申报", "draft", "fill_declaration", OWN),
    "安以沫": ("常规申报", "in_review", "vet_forwarded", "榕海澄江建设集团有限公司"),
    "甄子期": ("常规申报", "in_review", "vet_forwarded", "榕海市住房和城乡建设局"),
    "满婷": ("常规申报", "in_review", "vet_declaration", "榕海市市政工程中心"),
    "闻人杰": ("常规申报", "in_review", "vet_declaration", "榕海市市政工程中心"),
    "尤立安": ("常规申报", "returned", "fill_declaration", OWN),
    "戈望": ("常规申报", "in_review", "vet_forwarded", "榕海市住房和城乡建设局"),
    "楚榴": ("常规申报", "in_review", "vet_declaration", "屏湖区人力资源和社会保障局"),
}
"""Who: the form of the declaration, its state, the open task, and whose it is."""
KEPT_OUT = {"车向晚": "诚信", "水长宁": "退休"}


@pytest.mark.long
def test_the_demonstration_is_what_its_story_says(
    app: Flask, client_for: Callable[..., Browser]
) -> None:
    """One load, as it takes a while: states, refusals, hints, defects, and no law broken."""
    with transaction():
        load_reference_data(2027)
    show.load(lambda _line: None)
    worker.seal()
    assert _told_of_the_award(client_for) == {"邬小棠": True, "葛蔓青": True, "毕如松": False}
    with transaction(write=False):
        assert _stands() == STANDS
        assert _same_claims() == {("柏小满", "毕如松")}
        assert _records_by_item("仲启航")["教育教学类表彰"] == 2
        assert db.session.scalar(select(func.count(Defect.id))) == 6
        plan = db.session.scalars(
            select(Plan).where(Plan.year == 2026, Plan.jurisdiction == "anhui")
        ).one()
        for name, word in KEPT_OUT.items():
            reasons = reasons_not_to_start(_person(name), plan, now=now())
            assert any(word in reason for reason in reasons), (name, reasons)
        assert _late() == set()
        assert check_all() == []
        assert db.session.scalar(select(func.count(Incident.id))) == 0
    # Loaded once, as it takes a while: who gets in where is tried in the same world. What decides
    # it is the same code on either database.
    if DATABASE == "sqlite":
        with transaction():
            world.add_what_is_missing(now())
        with each_page_drawn_once(), second_run.unnoted():
            assert list(Sweep(app, client_for).faults()) == []
        with second_run.unnoted():
            assert list(tasks.faults(client_for)) == []


def _late() -> set[str]:
    """Return which open tasks should have been done by now."""
    open_tasks = db.session.scalars(select(WorkItem).where(WorkItem.status == "open"))
    due = {item.node: item.due_at for item in open_tasks if item.due_at}
    assert {"vet_declaration", "vet_forwarded", "vet_item", "vet_replacement"} <= set(due)
    return {node for node, day in due.items() if day < now()}


def _person(name: str) -> Person:
    return db.session.scalars(select(Person).where(Person.name == name)).one()


def _stands() -> dict[str, tuple[str, str, str, str]]:
    rows = db.session.execute(
        select(Declaration, WorkItem.node, Unit.name)
        .join(WorkItem, WorkItem.business_id == Declaration.id)
        .outerjoin(Unit, (WorkItem.scope_kind == "org") & (Unit.id == WorkItem.scope_id))
        .where(
            WorkItem.business_type == BUSINESS,
            WorkItem.status == "open",
            Declaration.plan_year == 2026,
        )
    )
    return {
        found.person.name: (found.kind, str(found.status), node, unit or OWN)
        for found, node, unit in rows.tuples()
    }


def _same_claims() -> set[tuple[str, str]]:
    """Return the pairs of people who claim the same, of whatever year."""
    owned: dict[int, list[int]] = {}
    for item_id, person_id in db.session.execute(
        select(PortfolioItem.id, PortfolioItem.person_id)
    ):
        owned.setdefault(person_id, []).append(item_id)
    pairs = set()
    for person_id, item_ids in owned.items():
        name = db.session.get_one(Person, person_id).name
        for hint in duplicates_of(person_id, item_ids).shown:
            first, second = sorted((name, hint.path[1]))
            pairs.add((first, second))
    return pairs


def _told_of_the_award(client_for: Callable[..., Browser]) -> dict[str, bool]:
    """Whom the page of 毕如松 tells that 柏小满 claims the same: clerk, organiser, himself."""
    with transaction(write=False):
        owner = _person("毕如松")
        mine = select(Declaration.id).where(Declaration.person_id == owner.id)
        url = f"/declarations/{db.session.scalars(mine).one()}"
        readers = [_person("邬小棠"), _person("葛蔓青"), owner]
    path = "云桥区青禾小学 › 柏小满 › 获奖项目"
    return {reader.name: path in client_for(reader).get(url).text for reader in readers}


def _records_by_item(name: str) -> dict[str, int]:
    declaration = db.session.scalars(
        select(Declaration).where(Declaration.person_id == _person(name).id)
    ).one()
    counts: dict[str, int] = {}
    for entry in entries_of(declaration.id, "item"):
        if entry.standard_item is not None:
            key = entry.standard_item.name
            counts[key] = counts.get(key, 0) + 1
    return counts
