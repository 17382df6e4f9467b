"""A declaration keeps the version of an item that it imported, and says when there is another."""

from collections.abc import Callable
from typing import Any

import pytest

from app.core.clock import now
from app.core.db import db, transaction
from app.declarations import overview, queries
from app.declarations.holdings import held_now
from app.papers.evaluation_form import form_of
from app.portfolio import operations, withdrawals
from app.portfolio.models import PortfolioItem
from tests.builders.declarations import a_declaration, a_draft
from tests.builders.flow import do, open_items
from tests.builders.papers import text_of
from tests.builders.people import staff
from tests.builders.statements import statements_sent

pytestmark = pytest.mark.usefixtures("app")
Clients = Callable[..., Any]
TAKEN_BACK = "本申报使用第 1 版，业绩库中已撤回修改，尚未再次通过审核"
REPLACED = "本申报使用第 1 版，业绩库中现为第 2 版"


def the_item(declaration_id: int) -> PortfolioItem:
    [first, *_rest] = queries.entries_of(declaration_id, "work")
    return db.session.get_one(PortfolioItem, first.item_id)


def take_back(declaration_id: int) -> int:
    with transaction():
        item = the_item(declaration_id)
        withdrawals.request_withdrawal(item, "岗位写错", actor=item.person, now=now())
        item_id = item.id
    do((operations.BUSINESS, item_id), "vet_withdrawal", {"decision": "pass", "opinion": ""})
    return item_id


def approve_again(item_id: int, post: str) -> None:
    with transaction():
        item = db.session.get_one(PortfolioItem, item_id)
        operations.save_fields(item, {"post": post}, actor=item.person, now=now())
        operations.submit_item(item, actor=item.person, now=now())
    do((operations.BUSINESS, item_id), "vet_item", {"decision": "pass", "opinion": ""})


def test_what_was_sent_up_keeps_its_version_and_says_so_to_every_reader(
    client_for: Clients,
) -> None:
    declaration = a_declaration()
    with transaction(write=False):
        old = the_item(declaration.id).data["post"]
        clerk = staff(db.session.merge(declaration.unit, load=False), "unit_clerk")
    readers = [client_for(person) for person in (declaration.person, clerk)]
    url = f"/declarations/{declaration.id}"
    assert "本申报使用第" not in readers[1].get(url).text
    item_id = take_back(declaration.id)
    for reader in readers:
        assert TAKEN_BACK in reader.get(url).text
    approve_again(item_id, "后来的岗位")
    for reader in readers:
        page = reader.get(url).text
        assert REPLACED in page
        assert old in page
        assert "后来的岗位" not in page


def test_its_form_on_paper_says_which_version_it_carries(client_for: Clients) -> None:
    declaration = a_declaration()
    browser, url = client_for(declaration.person), f"/declarations/{declaration.id}"
    assert "本申报使用第" not in text_of(browser.get(f"{url}/evaluation-form").data)
    approve_again(take_back(declaration.id), "后来的岗位")
    printed = text_of(browser.get(f"{url}/evaluation-form").data)
    assert printed.count(REPLACED.replace(" ", "")) == 1
    assert "后来的岗位" not in printed


@pytest.mark.parametrize("section", ["work", "education", "training", "assessment", "item"])
def test_every_part_of_the_form_says_so(section: str) -> None:
    declaration = a_declaration()
    with transaction():
        entry = queries.entries_of(declaration.id, section)[0]
        item = db.session.get_one(PortfolioItem, entry.item_id)
        item.status = "draft"
        made = form_of(queries.get_declaration(declaration.id))
        grids = [*made.studies, made.work, made.merits, made.writings, made.assessments]
        said = [cell for grid in grids for row in grid.rows for cell in row if "第 1 版" in cell]
    assert len(said) == 1
    assert said[0].endswith(f"（{TAKEN_BACK}）")


def test_a_draft_is_told_how_to_take_the_new_version(client_for: Clients) -> None:
    declaration = a_draft()
    approve_again(take_back(declaration.id), "后来的岗位")
    browser, url = client_for(declaration.person), f"/declarations/{declaration.id}"
    page = browser.get(f"{url}/fill/work").text
    assert f"{REPLACED}。如需使用新内容，请移除后重新导入（导入的是审核通过的版本）" in page
    with transaction(write=False):
        [entry, *_rest] = queries.entries_of(declaration.id, "work")
        item_id, entry_id = entry.item_id, entry.id
    browser.post(f"{url}/entries/{entry_id}/remove")
    assert (
        browser.post(f"{url}/imports", {"section": "work", "item_id": item_id}).status_code == 303
    )
    page = browser.get(f"{url}/fill/work").text
    assert "后来的岗位" in page
    assert "本申报使用第" not in page


def test_it_costs_one_read_however_many_items_there_are() -> None:
    declaration = a_draft(complete=True)
    with transaction(write=False):
        held = held_now(queries.get_declaration(declaration.id))
        assert len(held.entries) > 3
        with statements_sent() as sent:
            overview.overview_of(held)
    assert sum("JOIN item_version AS" in text for text in sent) == 1


def test_who_decides_on_a_withdrawal_reads_where_the_item_is_used(client_for: Clients) -> None:
    declaration = a_declaration()
    with transaction():
        item = the_item(declaration.id)
        withdrawals.request_withdrawal(item, "岗位写错", actor=item.person, now=now())
        unit = db.session.merge(declaration.unit, load=False)
        clerk, item_id = staff(unit, "unit_clerk"), item.id
    with transaction(write=False):
        [task] = open_items((operations.BUSINESS, item_id))
    page = client_for(clerk).get(f"/tasks/{task.id}").text
    assert "岗位写错" in page
    assert "同意撤回后，已使用它的申报仍保留第 1 版" in page
