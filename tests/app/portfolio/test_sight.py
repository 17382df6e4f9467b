"""While an item is changed nobody reads over its owner's shoulder: others read what was sent."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.accounts.models import Person
from app.core import storage, sweeping
from app.core.clock import now
from app.core.db import db, transaction
from app.core.uploads import Policy
from app.people import known
from app.portfolio import attachments, duplicates, operations, withdrawals
from app.portfolio.invariants import others_open_what_was_sent_last
from app.portfolio.models import PortfolioItem
from app.units.models import Unit
from app.worker import sweep
from tests.builders import portfolio as build
from tests.builders.flow import do
from tests.builders.people import a_person
from tests.conftest import START

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
    assert "本人正在修改，以下为第 1 次提交的内容" in page
    assert "本人正在修改" not in client_for(teacher).get(f"/portfolio/{returned}").text
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


def test_what_was_sent_and_then_removed_is_opened_until_the_next_sending(
    clerk: Person, returned: int, client_for: Sign
) -> None:
    with transaction():
        item = db.session.get_one(PortfolioItem, returned)
        slot, sent = item.files[0].slot, item.files[0].file_id
        attachments.remove_file(item, slot, sent, actor=item.person, now=now())
        fresh = build.attach(item, slot)
        # No sweep takes it either.
        assert sweeping.forget_files([sent]) == []
    browser = client_for(clerk)
    assert f"/files/{sent}" in browser.get(f"/portfolio/{returned}").text
    assert browser.get(f"/files/{sent}").status_code == 200
    assert browser.get(f"/files/{fresh}").status_code == 404
    with transaction():
        item = db.session.get_one(PortfolioItem, returned)
        operations.submit_item(item, actor=item.person, now=now())
    assert browser.get(f"/files/{fresh}").status_code == 200
    assert browser.get(f"/files/{sent}").status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=量感", True),
        ("q=尚未提交", False),
        ("year=2023", True),
        ("year=2024", False),
    ],
)
@pytest.mark.parametrize("path", ["/portfolio/archive", "/portfolio/archive/list.csv"])
def test_others_search_and_date_it_as_it_was_sent(
    clerk: Person, returned: int, client_for: Sign, path: str, query: str, *, found: bool
) -> None:
    assert returned
    answer = client_for(clerk).get(f"{path}?{query}")
    page = answer.get_data().decode("utf-8-sig")
    assert (SENT["name"] in page) is found


def test_its_owner_searches_and_dates_it_as_it_is_typed(
    teacher: Person, returned: int, client_for: Sign
) -> None:
    browser = client_for(teacher)
    assert returned
    for query, found in (("q=尚未提交", True), ("q=量感", False), ("year=2024", True)):
        listed = browser.get(f"/portfolio/list?{query}").text
        assert (TYPED["name"] in listed) is found


def test_the_unit_counts_it_in_the_year_that_was_sent(
    clerk: Person, teacher: Person, returned: int, client_for: Sign
) -> None:
    assert returned
    of_unit = client_for(clerk).get("/portfolio/archive/statistics").text
    assert ("2023 年" in of_unit, "2024 年" in of_unit) == (True, False)
    own = client_for(teacher).get("/portfolio/statistics").text
    assert ("2023 年" in own, "2024 年" in own) == (False, True)


def test_typing_moves_nothing_in_the_list_of_others(
    school: Unit, clerk: Person, returned: int, client_for: Sign, at: Any
) -> None:
    at(START + timedelta(days=1))
    with transaction():
        other = a_person("毕如松", unit=db.session.merge(school))
        build.a_submitted_item(other, "award", data={**SENT, "name": "后来提交的成果"})
    at(START + timedelta(days=2))
    with transaction():
        item = db.session.get_one(PortfolioItem, returned)
        typed = {"name": "又改了一次"}
        assert not operations.save_fields(item, typed, actor=item.person, now=now())
        later = item.updated_at
    listed = client_for(clerk).get("/portfolio/archive").text.partition("</table>")[0]
    assert listed.index("后来提交的成果") < listed.index(SENT["name"])
    assert f"{later:%Y-%m-%d}" not in listed


@pytest.mark.usefixtures("clerk")
def test_an_attachment_that_was_sent_stays_claimed_while_it_is_taken_out(
    school: Unit, returned: int
) -> None:
    page = build.a_picture((3, 33, 133))
    with transaction():
        item = db.session.get_one(PortfolioItem, returned)
        attach_page(item, page)
        operations.submit_item(item, actor=item.person, now=now())
        build.vet(item, "return", "请换一张")
        last = item.files[-1]
        attachments.remove_file(item, last.slot, last.file_id, actor=item.person, now=now())
        other = a_person("毕如松", unit=db.session.merge(school))
        mine = build.an_item(other, "honor")
        attach_page(mine, page)
        operations.submit_item(mine, actor=other, now=now())
    assert [hint.same for hint in hints(other.id, mine.id)] == ["附件相同"]


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


def test_the_longest_words_are_sent_and_found_and_fit_an_index(
    teacher: Person, client_for: Sign, clerk: Person
) -> None:
    """Letters of four bytes: a row of an index takes 2,700 of them."""
    longest = "".join(chr(0x20000 + each * 7) for each in range(200))
    with transaction():
        data = {"name": longest[:100], "award": longest[100:]}
        item = build.a_submitted_item(db.session.merge(teacher), "award", data=data)
        assert len(item.seen_words.encode()) > 700
        last = item.summary[-40:]
    # To the last letters of the longest summary.
    page = client_for(clerk).get("/portfolio/archive/list.csv", query_string={"q": last})
    assert last in page.get_data().decode("utf-8-sig")


def test_that_others_open_what_was_sent_last_is_a_law(returned: int) -> None:
    with transaction():
        # What its owner changes meanwhile breaks nothing.
        item = db.session.get_one(PortfolioItem, returned)
        first = item.files[0]
        attachments.remove_file(item, first.slot, first.file_id, actor=item.person, now=now())
        build.attach(item, first.slot)
        assert others_open_what_was_sent_last() == []
        item.sent_files.pop()
        db.session.flush()
        [told] = others_open_what_was_sent_last()
        assert f"业绩 {returned} " in told


def test_a_person_is_told_of_files_that_others_still_open(returned: int) -> None:
    with transaction():
        item = db.session.get_one(PortfolioItem, returned)
        first = item.files[0]
        sent, slot = first.file_id, first.slot
        attachments.remove_file(item, slot, sent, actor=item.person, now=now())
        fresh = build.attach(item, slot)
        [kind] = [each for each in known.kinds() if each.title == "业绩"]
        assert {sent, fresh} <= set(kind.fields["附件编号"](item))


def test_what_was_removed_is_swept_two_days_after_nothing_has_it(
    teacher: Person, returned: int, at: Callable[..., None]
) -> None:
    with transaction():
        item = db.session.get_one(PortfolioItem, returned)
        slot, sent = item.files[0].slot, item.files[0].file_id
        copied = operations.copy_item(item, actor=item.person, now=now()).files[0].file_id
        never_sent, back = (build.attach(item, slot) for _ in range(2))
        for file_id in (sent, never_sent, back):
            attachments.remove_file(item, slot, file_id, actor=item.person, now=now())
        attachments.attach_file(item, slot, back, actor=item.person, now=now())
        approved = build.an_approved_item(db.session.merge(teacher), "honor").item_id
    with transaction():
        item = db.session.get_one(PortfolioItem, approved)
        item.status = "draft"
        held = item.files[0].file_id
        attachments.remove_file(item, "certificate", held, actor=item.person, now=now())

    def left(hours: int) -> set[int]:
        at(START + timedelta(hours=hours))
        sweep()
        with transaction(write=False):
            wanted = {sent, never_sent, back, held}
            return {id_ for id_ in wanted if db.session.get(storage.StoredFile, id_)}

    assert copied == sent
    left(0)
    assert left(47) == {sent, never_sent, back, held}
    assert left(49) == {sent, back, held}, "others read what was sent, and versions keep theirs"
    with transaction():
        item = db.session.get_one(PortfolioItem, returned)
        operations.submit_item(item, actor=item.person, now=now())
    assert left(98) == {sent, back, held}, "a copy has it still"
    with transaction():
        [twin] = db.session.query(PortfolioItem).filter_by(status="draft", current_version_id=None)
        operations.delete_item(twin, actor=twin.person, now=now())
    assert left(98) == {back, held}
