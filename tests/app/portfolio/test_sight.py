"""While an item is changed nobody reads over its owner's shoulder: others read what was sent."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from app.accounts.models import Person
from app.core import storage
from app.core.clock import now
from app.core.db import db, transaction
from app.core.uploads import Policy
from app.portfolio import attachments, duplicates, operations, withdrawals
from app.portfolio.models import PortfolioItem
from app.units.models import Unit
from tests.builders import portfolio as build
from tests.builders.flow import do
from tests.builders.people import a_person

Sign = Callable[..., Any]
SENT = {"name": "小学数学量感培养", "date": "2023-06"}
TYPED = {"name": "尚未提交的名称", "date": "2024-08", "position": 3, "participants": 7}


@pytest.fixture
def returned(teacher: Person) -> int:
    """An item that was returned, in which its owner has typed and attached since."""
    with transaction():
        item = build.a_submitted_item(db.session.merge(teacher), "award", data=SENT)
        build.vet(item, "return", "请补盖章页")
    with transaction():
        item = db.session.get_one(PortfolioItem, item.id)
        faults = operations.save_fields(item, TYPED, actor=item.person, now=now())
        assert not faults
        return item.id


@pytest.mark.parametrize(
    "path",
    ["/portfolio/archive", "/portfolio/archive/list", "/portfolio/archive/list.csv"],
)
def test_lists_of_the_unit_tell_what_was_sent(
    clerk: Person, returned: int, client_for: Sign, path: str
) -> None:
    page = client_for(clerk).get(path).get_data().decode("utf-8-sig")
    assert returned
    assert SENT["name"] in page
    assert "3/7" not in page
    assert TYPED["name"] not in page


def test_the_page_tells_what_was_sent_and_its_owner_reads_what_is_typed(
    clerk: Person, teacher: Person, returned: int, client_for: Sign
) -> None:
    page = client_for(clerk).get(f"/portfolio/{returned}").text
    assert SENT["name"] in page
    assert TYPED["name"] not in page
    for path in (f"/portfolio/{returned}", "/portfolio", "/portfolio/list"):
        assert TYPED["name"] in client_for(teacher).get(path).text


def test_an_upload_is_opened_by_others_once_it_was_sent(
    clerk: Person, returned: int, client_for: Sign
) -> None:
    with transaction():
        item = db.session.get_one(PortfolioItem, returned)
        sent = item.files[0].file_id
        fresh = build.attach(item, item.files[0].slot)
    browser = client_for(clerk)
    assert browser.get(f"/files/{sent}").status_code == 200
    assert browser.get(f"/files/{fresh}").status_code == 404
    with transaction():
        item = db.session.get_one(PortfolioItem, returned)
        operations.submit_item(item, actor=item.person, now=now())
    assert browser.get(f"/files/{fresh}").status_code == 200


def hints(person_id: int, item_id: int) -> list[duplicates.Duplicate]:
    with transaction(write=False):
        return list(duplicates.duplicates_of(person_id, [item_id]).shown)


def attach_page(item: PortfolioItem, page: bytes) -> None:
    owner = item.person
    kept = storage.stage(io.BytesIO(page), "证书.png", Policy(), owner_id=owner.id, now=now())
    attachments.attach_file(item, "certificate", kept.id, actor=owner, now=now())


@pytest.mark.usefixtures("clerk")
def test_what_is_only_typed_or_attached_is_claimed_when_it_is_sent(
    school: Unit, returned: int
) -> None:
    page = build.a_picture((9, 99, 199))
    with transaction():
        other = a_person("毕如松", unit=db.session.merge(school))
        mine = build.an_item(other, "award", data={**TYPED, "position": 1})
        attach_page(mine, page)
        operations.submit_item(mine, actor=other, now=now())
        attach_page(db.session.get_one(PortfolioItem, returned), page)
    assert hints(other.id, mine.id) == []
    with transaction():
        theirs = db.session.get_one(PortfolioItem, returned)
        owner_id = theirs.person_id
    assert hints(owner_id, returned) == []
    with transaction():
        theirs = db.session.get_one(PortfolioItem, returned)
        operations.submit_item(theirs, actor=theirs.person, now=now())
    assert {hint.same for hint in hints(other.id, mine.id)} == {"业绩相同", "附件相同"}


@pytest.mark.usefixtures("clerk")
def test_the_other_claim_is_told_as_it_was_sent(school: Unit, returned: int) -> None:
    with transaction():
        other = a_person("毕如松", unit=db.session.merge(school))
        mine = build.a_submitted_item(other, "award", data={**SENT, "position": 1})
    [told] = hints(other.id, mine.id)
    assert SENT["name"] in told.path[2]
    assert told.rank != "3/7"


def test_the_list_of_withdrawals_tells_what_was_approved(
    clerk: Person, teacher: Person, client_for: Sign
) -> None:
    with transaction():
        item = build.an_approved_item(db.session.merge(teacher), "award", data=SENT)
        owned = db.session.get_one(PortfolioItem, item.item_id)
        withdrawals.request_withdrawal(owned, "名称有误", actor=owned.person, now=now())
    do((operations.BUSINESS, item.item_id), "vet_withdrawal", {"decision": "pass"})
    with transaction():
        owned = db.session.get_one(PortfolioItem, item.item_id)
        operations.save_fields(owned, TYPED, actor=owned.person, now=now())
    page = client_for(clerk).get("/portfolio/withdrawals").text
    assert SENT["name"] in page
    assert TYPED["name"] not in page
