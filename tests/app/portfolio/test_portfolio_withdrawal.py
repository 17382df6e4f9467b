"""业绩撤回: an approved item is opened for change only when the unit agrees."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.accounts.models import Notification
from app.accounts.queries import people_with_role
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, Invalid
from app.portfolio import operations, queries, withdrawals
from app.portfolio.models import ItemVersion, ItemWithdrawal, PortfolioItem
from app.units.flow import flow_log
from tests.builders import portfolio as build
from tests.builders.flow import do, open_items
from tests.builders.people import a_person, a_unit

pytestmark = pytest.mark.usefixtures("app")


def asked() -> tuple[str, int]:
    with transaction():
        version = build.an_approved_item(a_person(unit=a_unit()), "work", data={"post": "教师"})
        item = queries.item_of(version.item_id)
        withdrawals.request_withdrawal(item, "岗位已变动", actor=item.person, now=now())
        return operations.BUSINESS, item.id


def item_of(business: tuple[str, int]) -> PortfolioItem:
    return queries.item_of(business[1])


def test_a_granted_item_is_changed_and_approved_as_its_second_version() -> None:
    business = asked()
    with transaction(write=False):
        assert item_of(business).status == "approved"
    do(business, "vet_withdrawal", {"decision": "pass", "opinion": ""})
    with transaction():
        item = item_of(business)
        assert item.status == "draft"
        assert queries.approved_items(item.person_id) == []
        operations.save_fields(item, {"post": "教导主任"}, actor=item.person, now=now())
        with pytest.raises(Conflict):
            operations.delete_item(item, actor=item.person, now=now())
        operations.submit_item(item, actor=item.person, now=now())
    do(business, "vet_item", {"decision": "pass", "opinion": ""})
    with transaction(write=False):
        versions = db.session.scalars(select(ItemVersion).order_by(ItemVersion.no)).all()
        assert [(v.no, v.data["post"]) for v in versions] == [(1, "教师"), (2, "教导主任")]
        item = item_of(business)
        assert item.current_version_id == versions[1].id
        own = [e for e in flow_log(business) if e.actor_name == item.person.name]
        assert [(e.name, e.outcome, e.note) for e in own] == [
            ("业绩已提交", "提交", ""),
            ("已申请撤回", "申请撤回", "岗位已变动"),
            ("业绩已提交", "重新提交", ""),
        ]


def test_a_refused_item_stays_approved_and_its_owner_learns_why() -> None:
    business = asked()
    do(business, "vet_withdrawal", {"decision": "return", "opinion": "申报已上报，不宜修改"})
    with transaction(write=False):
        item = item_of(business)
        assert item.status == "approved"
        texts = db.session.scalars(
            select(Notification.text).where(Notification.person_id == item.person_id)
        ).all()
        assert any("申报已上报" in text for text in texts)
        assert open_items(business) == []


def test_a_request_needs_a_reason_an_approved_item_and_no_other_request() -> None:
    business = asked()
    with transaction():
        item = item_of(business)
        with pytest.raises(Conflict, match="已有待审核的撤回申请"):
            withdrawals.request_withdrawal(item, "再次", actor=item.person, now=now())
        draft = build.an_item(item.person)
        with pytest.raises(Conflict):
            withdrawals.request_withdrawal(draft, "想改", actor=item.person, now=now())
        other = queries.item_of(build.an_approved_item(item.person).item_id)
        with pytest.raises(Invalid):
            withdrawals.request_withdrawal(other, " ", actor=item.person, now=now())
        with pytest.raises(Conflict):
            withdrawals.release_item(other, now=now())


def test_the_database_itself_holds_one_open_request_for_an_item() -> None:
    business = asked()

    def ask_past_the_operation() -> None:
        with transaction():
            item = item_of(business)
            again = ItemWithdrawal(
                item_id=item.id, reason="再次", requested_by=item.person_id, requested_at=now()
            )
            db.session.add(again)

    with pytest.raises(IntegrityError):
        ask_past_the_operation()
    do(business, "vet_withdrawal", {"decision": "return", "opinion": "申报已上报"})
    with transaction():
        item = item_of(business)
        withdrawals.request_withdrawal(item, "再次", actor=item.person, now=now())


def test_every_version_is_kept_and_read_by_its_owner_and_their_unit(
    client_for: Callable[..., Any],
) -> None:
    business = asked()
    do(business, "vet_withdrawal", {"decision": "pass", "opinion": ""})
    with transaction():
        item = item_of(business)
        operations.save_fields(item, {"post": "教导主任"}, actor=item.person, now=now())
        operations.submit_item(item, actor=item.person, now=now())
    do(business, "vet_item", {"decision": "pass", "opinion": ""})
    url = f"/portfolio/{business[1]}"
    with transaction():
        item = item_of(business)
        owner = item.person
        [clerk] = people_with_role("unit_clerk", "org", item.reviewing_unit_id, now())
        stranger = a_person("别人", unit=a_unit("岭南小学"))
    for reader in (owner, clerk):
        browser = client_for(reader)
        assert "历次版本" in browser.get(url).text
        first, second = (browser.get(f"{url}/versions/{no}").text for no in (1, 2))
        assert "业绩库中已有变化" in first
        assert "教导主任" not in first
        assert "原为：教师" in second
        assert browser.get(f"{url}/versions/3").status_code == 404
    assert client_for(stranger).get(f"{url}/versions/1").status_code == 404


def test_its_owner_reads_that_the_withdrawal_was_agreed_and_what_is_to_be_done(
    client_for: Callable[..., Any],
) -> None:
    business = asked()
    with transaction():
        owner = item_of(business).person
        other = build.an_item(owner)
    browser, url = client_for(owner), f"/portfolio/{business[1]}"
    assert "单位已同意撤回" not in browser.get(url).text
    do(business, "vet_withdrawal", {"decision": "pass", "opinion": ""})
    page = browser.get(url).text
    for said in ("单位已同意撤回", "保留在使用它的申报中", "修改后请重新提交审核", "历次版本"):
        assert said in page
    assert page.count(f'href="{url}/versions/1"') == 2
    assert "教师" in browser.get(f"{url}/versions/1").text
    assert "单位已同意撤回" not in browser.get(f"/portfolio/{other.id}").text


def test_the_unit_opens_what_proved_a_version_that_was_replaced() -> None:
    with transaction():
        version = build.an_approved_item(a_person(unit=a_unit()), "honor")
        item = queries.item_of(version.item_id)
        [proof] = item.files
        file_id, unit_id = proof.file_id, item.reviewing_unit_id
        item.files.clear()
        db.session.flush()
        assert unit_id is not None
        assert queries.reviewers_items_with_file(file_id, [unit_id])
        assert not queries.reviewers_items_with_file(file_id, [a_unit("岭南小学").id])


def test_the_unit_lists_what_was_asked_and_what_became_of_it(
    client_for: Callable[..., Any],
) -> None:
    business = asked()
    with transaction():
        item = item_of(business)
        [clerk] = people_with_role("unit_clerk", "org", item.reviewing_unit_id, now())
        stranger = people_with_role("unit_clerk", "org", a_unit("岭南小学").id, now())[0]
        owner = item.person
    [task] = open_items(business)
    url, browser = "/portfolio/withdrawals", client_for(clerk)
    page = browser.get(f"{url}?state=waiting").text
    assert "岗位已变动" in page
    assert f'href="/tasks/{task.id}"' in page
    form = browser.get(f"/tasks/{task.id}").text
    assert ("不同意时必填" in form, "退回时必填" in form) == (True, False)
    assert "情况属实，同意撤回" in form
    assert "岗位已变动" not in client_for(stranger).get(url).text
    assert client_for(owner).get(url).status_code == 403
    do(business, "vet_withdrawal", {"decision": "pass", "opinion": "可以修改"})
    assert "岗位已变动" not in browser.get(f"{url}?state=waiting").text
    done = browser.get(f"{url}?state=pass").text
    assert "可以修改" in done
    assert "本人修改中" in done
