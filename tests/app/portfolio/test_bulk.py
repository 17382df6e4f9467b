"""批量审核: one opinion for many items, carried out bit by bit, each once, each told."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, select

from app import worker
from app.accounts.models import Notification, Person, RoleGrant
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.core.jobs import Job
from app.engine import definitions
from app.portfolio import bulk, operations
from app.portfolio.bulk_models import RowState, VetBatch, VetRow
from app.portfolio.models import ItemMark, ItemVersionMark, PortfolioItem
from app.units.models import Unit
from tests.builders import portfolio as build
from tests.builders.people import a_person, a_unit

Sign = Callable[..., Any]


@pytest.fixture
def by_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 2)


def sent(person: Person, count: int, type_key: str = "work") -> list[int]:
    with transaction():
        owner = db.session.merge(person)
        return [
            build.a_submitted_item(owner, type_key, data={"post": f"岗位{n}"}).id
            for n in range(count)
        ]


def states(ids: list[int]) -> list[str]:
    with transaction(write=False):
        db.session.expire_all()
        return [db.session.get_one(PortfolioItem, each).status for each in ids]


def tasks(ids: list[int]) -> list[int]:
    with transaction(write=False):
        return build.last_tasks(ids)


def asked(browser: Any, ids: list[int], decision: str = "pass", **more: Any) -> Any:
    posted = {"id": tasks(ids), "decision": decision, "opinion": "情况属实", **more}
    return browser.post("/portfolio/archive", posted)


def told(person: Person) -> list[str]:
    with transaction(write=False):
        found = select(Notification.text).where(Notification.person_id == person.id)
        return list(db.session.scalars(found.order_by(Notification.id)))


@pytest.mark.usefixtures("by_two")
def test_the_first_are_decided_at_once_and_the_worker_does_the_rest(
    clerk: Person, teacher: Person, client_for: Sign
) -> None:
    ids = sent(teacher, 5)
    browser = client_for(clerk)
    page = asked(browser, ids).location
    assert page.startswith("/portfolio/batches/")
    assert states(ids).count("approved") == 2
    under_way = browser.get(page).text
    assert "2 / 5" in under_way
    assert 'hx-trigger="every 1s"' in under_way
    assert page in browser.get("/portfolio/archive").text, "whoever left finds the way back"
    assert worker.vet() == 1
    assert states(ids) == ["approved"] * 5
    done = browser.get(page).text
    assert "5 / 5" in done
    assert "hx-trigger" not in done.split('id="batch"')[1].split(">")[0]
    assert told(clerk)[-1] == "批量通过：已通过 5 项业绩"
    assert sum("已通过单位审核" in text for text in told(teacher)) == 5


@pytest.mark.usefixtures("by_two")
def test_nothing_is_done_twice_however_often_it_is_tried(
    clerk: Person, teacher: Person, client_for: Sign
) -> None:
    ids = sent(teacher, 3)
    browser = client_for(clerk)
    key = "a-key-of-the-form"
    first = asked(browser, ids, request_key=key)
    assert asked(browser, ids, request_key=key).location == first.location
    again = asked(browser, ids)
    assert again.location != first.location
    worker.drain()
    with transaction(write=False):
        batch = db.session.scalars(select(VetBatch).order_by(VetBatch.id)).first()
        assert batch is not None
    bulk.carry_out({"batch": batch.id})
    with transaction(write=False):
        counts = [bulk.counts_of(each) for each in db.session.scalars(select(VetBatch.id))]
        assert sum(each[RowState.DONE] for each in counts) == len(ids)
        for item_id in ids:
            [submission] = db.session.get_one(PortfolioItem, item_id).submissions
            assert submission.decision == "pass"
    assert sum("已通过单位审核" in text for text in told(teacher)) == len(ids)


def test_what_is_refused_is_told_item_by_item(
    clerk: Person, teacher: Person, client_for: Sign
) -> None:
    ids = sent(teacher, 2)
    with transaction():
        far = a_person("林远", unit=a_unit("榕树小学"))
    [foreign] = sent(far, 1)
    with transaction():
        build.vet(db.session.get_one(PortfolioItem, ids[0]), "return", "请补盖章页")
    page = client_for(clerk).get(asked(client_for(clerk), [*ids, foreign]).location).text
    assert states([*ids, foreign]) == ["returned", "approved", "submitted"]
    assert page.count("已办结，或不再由您审核") == 1
    assert "柏小满 · 工作经历</a>" in page
    assert "号业绩" not in page
    assert "林远" not in page, "what is not theirs to see is not told"


@pytest.mark.parametrize("first", [0, 1], ids=["before it is asked", "while it is under way"])
def test_what_was_sent_again_is_not_decided_unseen(
    clerk: Person, teacher: Person, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 1)
    ids = sent(teacher, 2)
    seen = tasks(ids)

    def send_again() -> None:
        with transaction():
            item = db.session.get_one(PortfolioItem, ids[1])
            build.vet(item, "return", "请补盖章页")
            operations.save_fields(item, {"post": "校长"}, actor=item.person, now=now())
            operations.submit_item(item, actor=item.person, now=now())

    if first == 0:
        send_again()
    with transaction():
        batch = bulk.ask(seen, "pass", "", actor=db.session.merge(clerk), now=now()).id
    if first == 1:
        send_again()
    worker.vet()
    assert states(ids) == ["approved", "submitted"]
    with transaction(write=False):
        told = list(db.session.scalars(bulk.rows_of(batch, RowState.REFUSED)))
        assert [(row.item_id, row.reason) for row in told] == [(ids[1], bulk.NOT_YOURS)]


def ask_more(jurisdiction: str, *changes: tuple[str, str]) -> None:
    """Give a jurisdiction its own form of the unit's decision."""
    text = (definitions.ROOT / "forms/vet_item.yaml").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    files = {path.name: path.read_bytes() for path in (definitions.ROOT / "bpmn").glob("*.bpmn")}
    with transaction():
        definitions.publish_version(
            operations.PROCESS, jurisdiction, files, {"vet_item": text}, actor_id=None, now=now()
        )


CHECKED = "    fields:\n"
ONE_MORE = f"{CHECKED}      - {{name: seen, type: date, label: 原件核对日期, required: true}}\n"


@pytest.mark.parametrize(
    ("change", "opinion", "said"),
    [
        ((CHECKED, ONE_MORE), "情况属实", "原件核对日期"),
        (("required_when: {decision: return}", "required: true"), "", "请填写退回意见"),
        (("title: 业绩审核", "title: 业绩审核\nbatch: false"), "情况属实", "须逐项审核"),
        (("max_length: 500", "max_length: 2"), "情况属实", "意见"),
    ],
    ids=["another field", "an opinion on whatever", "one by one", "a shorter opinion"],
)
def test_what_the_units_own_form_asks_is_asked_in_a_batch_too(
    clerk: Person,
    teacher: Person,
    school: Unit,
    client_for: Sign,
    change: tuple[str, str],
    opinion: str,
    said: str,
) -> None:
    before = sent(teacher, 1)
    ask_more(school.jurisdiction, change)
    after = sent(teacher, 1)
    page = asked(client_for(clerk), [*before, *after], opinion=opinion).location
    assert states([*before, *after]) == ["approved", "submitted"]
    told = client_for(clerk).get(page).text
    assert "须逐项审核" in told
    assert said in told


def test_the_ready_opinions_are_those_of_the_units_own_form(
    clerk: Person, teacher: Person, school: Unit, client_for: Sign
) -> None:
    ask_more(school.jurisdiction, ("附件缺少单位公章，请补充", "请到教育局核对原件"))
    sent(teacher, 1)
    page = client_for(clerk).get("/portfolio/archive").text
    assert "请到教育局核对原件" in page
    assert "附件缺少单位公章，请补充" not in page


def test_foreign_items_are_answered_as_if_there_were_none(
    clerk: Person, teacher: Person, client_for: Sign
) -> None:
    del teacher
    with transaction():
        far = a_person("林远", unit=a_unit("榕树小学"))
    [foreign], browser = sent(far, 1), client_for(clerk)
    answers = [
        browser.post("/portfolio/archive", {"id": each, "decision": "pass", "opinion": "属实"})
        for each in (*tasks([foreign]), 999_999, "9" * 19, "9" * 5000)
    ]
    assert {answer.status_code for answer in answers} == {422}
    assert all("请先勾选待审核的业绩" in answer.text for answer in answers)


def test_a_clerk_who_lost_the_role_decides_on_nothing_more(
    clerk: Person, teacher: Person, client_for: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 1)
    ids = sent(teacher, 3)
    asked(client_for(clerk), ids)
    with transaction():
        db.session.execute(delete(RoleGrant).where(RoleGrant.person_id == clerk.id))
    worker.vet()
    assert states(ids).count("submitted") == 2
    with transaction(write=False):
        rows = db.session.scalars(select(VetRow.reason).where(VetRow.state == "refused"))
        assert list(rows) == [bulk.NOT_YOURS] * 2


@pytest.mark.usefixtures("by_two")
def test_what_the_worker_gave_up_is_tried_again_where_it_stopped(
    clerk: Person, teacher: Person, client_for: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = sent(teacher, 3)
    browser = client_for(clerk)
    page = asked(browser, ids).location
    with transaction():
        job = db.session.scalars(select(Job).where(Job.name == bulk.JOB)).one()
        job.status, job.last_error = "failed", "断电"
    shown = browser.get(page).text
    assert "办理中断" in shown
    assert "其余 1 项" in shown
    assert browser.post(f"{page}/retry").status_code == 303
    assert worker.vet() == 1
    assert states(ids) == ["approved"] * 3


def test_a_whole_list_is_chosen_over_its_pages_unless_it_has_changed(
    clerk: Person, teacher: Person, client_for: Sign
) -> None:
    ids = sent(teacher, 12)
    others = sent(teacher, 1, "honor")
    browser = client_for(clerk)
    page = browser.get("/portfolio/archive?type=work").text
    assert "选择本列表全部 12 项待审核业绩" in page
    assert "工作经历</strong>：共 12 项，已通过 0 项，待审核 12 项，已退回 0 项" in page
    url = "/portfolio/archive?type=work"
    posted = {"all": "1", "decision": "pass", "opinion": "情况属实"}
    listed = page.partition('name="listed" value="')[2].partition('"')[0]
    with transaction():
        item = db.session.get_one(PortfolioItem, ids[3])
        build.vet(item, "return", "请补盖章页")
        operations.submit_item(item, actor=item.person, now=now())
    # As many as before, and one of them is not what the page showed.
    stale = browser.post(url, {**posted, "listed": listed})
    assert stale.status_code == 422
    assert "现在有 12 项待审核" in stale.text
    listed = stale.text.partition('name="listed" value="')[2].partition('"')[0]
    assert browser.post(url, {**posted, "listed": listed, "next": url}).location == url
    assert set(states(ids)) == {"approved"}
    assert states(others) == ["submitted"]


def test_five_hundred_are_enough(clerk: Person) -> None:
    with transaction(write=False), pytest.raises(Invalid, match="一次最多审核 500 项"):
        bulk.ask(range(1, 502), "pass", "", actor=clerk, now=now())


def test_a_batch_is_its_reviewers_own(
    clerk: Person, teacher: Person, school: Unit, client_for: Sign
) -> None:
    ids = sent(teacher, 1)
    with transaction():
        other = a_person("姜明远", unit=school, roles=[("unit_clerk", "org", school.id)])
    with transaction():
        actor = db.session.merge(clerk)
        made = bulk.ask(build.last_tasks(ids), "pass", "", actor=actor, now=now()).id
    assert client_for(clerk).get(f"/portfolio/batches/{made}").status_code == 200
    for person, answer in ((other, 404), (teacher, 403)):
        browser = client_for(person)
        for number in (made, 999):
            assert browser.get(f"/portfolio/batches/{number}").status_code == answer
            assert browser.post(f"/portfolio/batches/{number}/retry").status_code == answer


def test_a_batch_names_what_has_hints_before_it_passes_and_remembers_it(
    clerk: Person, teacher: Person, school: Unit, client_for: Sign
) -> None:
    award = {"name": "小学数学“量感”培养实践研究", "date": "2023-06"}
    with transaction():
        people = db.session.merge(teacher), a_person("毕如松", unit=school)
        claims = [build.a_submitted_item(each, "award", data=award).id for each in people]
    [alone] = sent(teacher, 1)
    browser = client_for(clerk)
    listed = browser.get("/portfolio/archive").text
    assert listed.count(">重复提示<") == 2
    assert f'href="/portfolio/{alone}#duplicates"' not in listed
    assert "本页有 2 项待审核业绩有重复申报提示" in listed
    named = asked(browser, [*claims, alone]).text
    assert "所选 3 项业绩中，2 项有重复申报提示" in named
    assert "除去这 2 项，通过其余 1 项" in named
    assert asked(browser, [*claims, alone], leave="1").status_code == 303
    assert states([*claims, alone]) == ["submitted", "submitted", "approved"]
    half = asked(browser, claims, seen=tasks(claims)[:1]).text
    assert "2 项有重复申报提示" in half, "of one of them nothing was told yet"
    asked(browser, claims, seen=tasks(claims))
    page = browser.get("/portfolio/archive").text
    assert "已通过 2 项业绩，其中 2 项有重复申报提示" in page
    assert ">重复提示<" not in page
    with transaction():
        batch = db.session.scalars(select(VetBatch.id).order_by(VetBatch.id.desc())).first()
        # What they claim later is no word on what was known when it was decided.
        db.session.execute(delete(ItemVersionMark))
        db.session.execute(delete(ItemMark))
    decided = browser.get(f"/portfolio/batches/{batch}").text
    assert "办理时有 2 项" in decided
    assert decided.count(">重复提示<") == 2
