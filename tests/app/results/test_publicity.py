"""公示: opened for five working days, confirmed afterwards, and what the public may read of it."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.accounts.models import Notification
from app.catalogue.models import CalendarDay
from app.catalogue.operations import load_reference_data
from app.catalogue.queries import workdays_after
from app.certificates.operations import prepare_certificate
from app.core.clock import ZONE, now
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden
from app.engine.models import ProcessInstance
from app.results import operations
from app.results.process import PUBLICITY, RESULT
from app.results.queries import confirmed_result
from app.results.tables import result_rows
from app.units import tree
from tests.app.units.test_tree import facts
from tests.builders import results as build
from tests.builders.flow import do, drain, open_items
from tests.builders.people import an_id_number
from tests.builders.review import a_meeting_called
from tests.builders.statements import statements_sent

Move = Callable[[datetime], None]
Enter = Callable[..., Any]


def opened(at: Move, on: date) -> datetime:
    """Publish an empty list on a day; the moment at which its period ends."""
    with transaction():
        held = a_meeting_called(members=3, cases=0, groups=1)
    at(datetime(on.year, on.month, on.day, 9, 30, tzinfo=ZONE))
    with transaction():
        meeting = held.meeting
        return operations.open_publicity(meeting, obtained_on=on, now=now()).ends_at


@pytest.mark.parametrize(
    ("published", "last"),
    [
        # A week without holidays: the day of publication does not count.
        (date(2026, 11, 23), date(2026, 11, 30)),
        # Published on a Friday, a Saturday: the first day is the Monday.
        (date(2026, 11, 27), date(2026, 12, 4)),
        (date(2026, 11, 28), date(2026, 12, 4)),
        # 1 to 7 October 2026 are free, Saturday the 10th is worked.
        (date(2026, 9, 29), date(2026, 10, 12)),
        (date(2026, 9, 30), date(2026, 10, 13)),
    ],
)
def test_a_publicity_lasts_exactly_five_working_days(
    app: Flask, at: Move, published: date, last: date
) -> None:
    with transaction():
        load_reference_data(2026)
    ends = opened(at, published)
    assert ends == datetime(last.year, last.month, last.day, 23, 59, 59, tzinfo=ZONE)


def test_the_days_are_the_calendars_working_days(app: Flask, at: Move) -> None:
    """Every day between is either free or one of five, whatever the calendar says."""
    with transaction():
        load_reference_data(2026)
    ends = opened(at, date(2026, 9, 29)).date()
    with transaction(write=False):
        free = set(
            db.session.scalars(select(CalendarDay.on).where(CalendarDay.is_workday.is_(False)))
        )
    first = date(2026, 9, 30)
    days = [first + timedelta(days=n) for n in range((ends - first).days + 1)]
    ordinary = [day for day in days if day.weekday() < 5 and day not in free]
    assert len(ordinary) + (date(2026, 10, 10) in days) == 5


def test_a_year_without_a_calendar_counts_monday_to_friday(app: Flask, at: Move) -> None:
    assert opened(at, date(2031, 10, 1)).date() == date(2031, 10, 8)


def test_a_publicity_across_the_new_year_uses_what_is_known(app: Flask, at: Move) -> None:
    with transaction():
        load_reference_data(2026)
    last = opened(at, date(2026, 12, 30)).date()
    with transaction(write=False):
        assert last == workdays_after(date(2026, 12, 30), 5)
    assert last >= date(2027, 1, 6)


def test_only_those_who_passed_are_published(app: Flask) -> None:
    published = build.a_publicity(cases=3, passed=2)
    with transaction(write=False):
        rows = published.publicity.results
        assert [row.declaration.person.name for row in rows] == ["申报人01", "申报人02"]
        assert {row.status for row in rows} == {"publicised"}
        assert {row.obtained_on for row in rows} == {date(2026, 11, 23)}


def test_the_timer_ends_the_period_and_asks_the_leader(app: Flask, at: Move) -> None:
    published = build.a_publicity()
    with transaction(write=False):
        ends = published.publicity.ends_at
        assert open_items((PUBLICITY, published.id)) == []
    at(ends - timedelta(seconds=30))
    drain()
    with transaction(write=False):
        assert open_items((PUBLICITY, published.id)) == []
    at(ends + timedelta(seconds=2))
    drain()
    with transaction(write=False):
        (item,) = open_items((PUBLICITY, published.id))
        assert (item.node, item.role, item.scope_id) == (
            "confirm_publicity",
            "organiser_leader",
            published.unit_id,
        )
        assert published.publicity.status == "ended"
        # Five more working days to confirm, counted from the day after the last one.
        assert item.due_at is not None
        assert item.due_at.date() == date(2026, 12, 8)


def test_nobody_confirms_before_the_period_is_over(app: Flask) -> None:
    published = build.a_publicity()
    with (
        pytest.raises(Conflict, match=r"2026-11-30 结束，结束后才能确认"),
        transaction(),
    ):
        operations.confirm_publicity(published.publicity, actor_id=published.leader_id, now=now())
    with transaction(write=False):
        assert published.publicity.status == "open"
        assert published.result().status == "publicised"


def test_a_publicity_is_confirmed_once(app: Flask) -> None:
    published = build.a_publicity()
    build.confirm(published)
    with pytest.raises(Conflict, match="已确认"), transaction():
        operations.confirm_publicity(published.publicity, actor_id=1, now=now())


def test_an_approved_report_starts_a_certificate_for_everybody_and_tells_them(
    app: Flask,
) -> None:
    published = build.a_publicity(cases=2)
    build.approve(published)
    with transaction(write=False):
        assert published.publicity.confirmed_by == published.leader_id
        for place in range(2):
            result = published.result(place)
            assert result.status == "confirmed"
            assert confirmed_result(result.declaration_id) == result
            assert [i.node for i in open_items((RESULT, result.id))] == ["issue_certificate"]
            told = select(Notification.text).where(
                Notification.person_id == result.declaration.person_id
            )
            assert any("评审结果已确认" in text for text in db.session.scalars(told))
        states = select(ProcessInstance.status).where(ProcessInstance.business_type == PUBLICITY)
        assert list(db.session.scalars(states)) == ["completed"]


def started(published: build.Published) -> list[int]:
    with transaction(write=False):
        made = select(ProcessInstance.business_id).where(ProcessInstance.business_type == RESULT)
        return sorted(i for i in db.session.scalars(made) if i in published.result_ids)


def test_no_certificate_begins_before_the_report_is_approved(app: Flask) -> None:
    published = build.a_publicity()
    build.confirm(published)
    drain()
    meeting = published.held.business
    with transaction():
        assert published.result().status == "confirmed"
        with pytest.raises(Conflict, match="尚未上报审核"):
            prepare_certificate(published.result(), now=now())
    clerk, issuer = build.person(published.held.clerk_id), build.person(published.issuer_id)
    do(meeting, "report_meeting", {"decision": "pass"}, person=clerk)
    assert started(published) == []
    do(meeting, "approve_report", {"decision": "return", "opinion": "请附名单"}, person=issuer)
    with transaction(write=False):
        assert published.held.meeting.status == "confirmed"
        assert [i.node for i in open_items(meeting)] == ["report_meeting"]
    do(meeting, "report_meeting", {"decision": "pass"}, person=clerk)
    do(meeting, "approve_report", build.APPROVAL, person=issuer)
    assert started(published) == published.result_ids
    with transaction(write=False):
        assert published.publicity.approval_no == build.APPROVAL["approval_no"]
        assert published.publicity.approved_by == published.issuer_id
        assert [i.node for i in open_items(meeting)] == ["close_meeting"]


def test_an_approval_has_a_number_and_comes_once_after_the_confirmation(
    app: Flask, client_for: Enter
) -> None:
    published = build.a_publicity()

    def approve(number: str, actor_id: int) -> None:
        with transaction():
            operations.approve_results(published.publicity, number, actor_id=actor_id, now=now())

    with pytest.raises(Conflict, match="尚未确认"):
        approve("核准1号", published.issuer_id)
    build.confirm(published)
    drain()
    meeting, clerk = published.held.business, build.person(published.held.clerk_id)
    do(meeting, "report_meeting", {"decision": "pass"}, person=clerk)
    with transaction(write=False):
        task, own = open_items(meeting)[0].id, published.applicant().id
    issuer = client_for(build.person(published.issuer_id))
    page = issuer.get(f"/tasks/{task}").text
    assert "公示名单（1 人）" in page
    empty = issuer.post(f"/tasks/{task}", {"decision": "pass", "approval_no": ""})
    assert (empty.status_code, "请填写批准文号" in empty.text) == (422, True)
    with pytest.raises(Forbidden, match="本人"):
        approve("核准1号", own)
    assert issuer.post(f"/tasks/{task}", build.APPROVAL).status_code == 303
    with pytest.raises(Conflict, match="已审核通过"):
        approve("核准2号", published.issuer_id)


def test_an_open_objection_blocks_its_own_result_only(app: Flask) -> None:
    published = build.a_publicity(cases=2)
    build.object_to(published, 1)
    build.approve(published)
    with transaction(write=False):
        assert published.result(0).status == "confirmed"
        assert published.result(1).status == "publicised"
        assert [i.node for i in open_items((RESULT, published.result_ids[0]))] == [
            "issue_certificate"
        ]
        assert open_items((RESULT, published.result_ids[1])) == []
        started = select(ProcessInstance).where(
            ProcessInstance.business_type == RESULT,
            ProcessInstance.business_id == published.result_ids[1],
        )
        assert db.session.scalars(started).all() == []


def test_the_leader_confirms_in_the_inbox_and_sees_who_is_objected_to(
    app: Flask, client_for: Enter
) -> None:
    published = build.a_publicity(cases=2)
    build.object_to(published, 1)
    build.end_period(published)
    with transaction(write=False):
        task = open_items((PUBLICITY, published.id))[0].id
    leader = client_for(build.person(published.leader_id))
    page = leader.get(f"/tasks/{task}")
    assert page.status_code == 200
    assert "公示名单（2 人）" in page.text
    assert "核查中" in page.text
    answer = leader.post(f"/tasks/{task}", {"decision": "confirm", "opinion": "无异议的予以确认"})
    assert answer.status_code == 303
    drain()
    with transaction(write=False):
        assert published.publicity.status == "confirmed"
    again = leader.post(f"/tasks/{task}", {"decision": "confirm"})
    assert again.status_code == 409
    other = client_for(build.person(published.organiser_id))
    assert other.get(f"/tasks/{task}").status_code in {403, 404}


def test_every_list_keeps_the_unit_as_it_was_called_when_it_was_sent(
    app: Flask, client_for: Enter, at: Move
) -> None:
    published = build.a_publicity()
    with transaction(write=False):
        former, later = published.result().declaration.unit.name, now() + timedelta(days=2)
    at(later)
    with transaction():
        unit = published.result().declaration.unit
        change = facts(unit, name="更名后的学校")
        tree.change_unit(unit, change, actor_id=published.organiser_id, now=now())
    page = client_for().get(f"/publicity/{published.id}").text
    clerk = client_for(build.person(published.held.clerk_id))
    taken = clerk.get(f"/meetings/{published.held.id}/lists/passed.csv").text
    with transaction(write=False):
        rows = str(result_rows(published.publicity))
    for told in (page, taken, rows):
        assert (former in told, "更名后的学校" in told) == (True, False)


def test_the_public_list_shows_names_and_units_only(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity(cases=2)
    with transaction():
        person = published.applicant()
        person.phone = "13900001234"
        sealed = an_id_number()
        person.set_id_number(sealed)
    page = client_for().get(f"/publicity/{published.id}")
    assert page.status_code == 200
    assert "申报人01" in page.text
    assert "淮城市青禾小学" in page.text
    assert "小学语文" in page.text
    for secret in (sealed, sealed[:6], sealed[-4:], "13900001234", "1985-03-12", "person"):
        assert secret not in page.text, secret
    assert "专家0" not in page.text
    assert not re.search(r"\d{17}[\dX]", page.text)
    listed = client_for().get("/publicity")
    assert "公示中" in listed.text
    assert client_for().get("/publicity?q=没有这个计划").text.count("评审结果公示</a>") == 0
    assert "评审结果公示" in client_for().get("/").text


def test_a_missing_publicity_is_not_found(app: Flask, client_for: Enter) -> None:
    assert client_for().get("/publicity/77").status_code == 404
    assert client_for().post("/publicity/77/objections", {}).status_code == 404


def test_the_page_of_a_list_reads_it_in_a_few_statements(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity(cases=3)
    with statements_sent() as sent:
        assert client_for().get(f"/publicity/{published.id}").status_code == 200
    assert len(sent) <= 12, sent


def test_a_meeting_is_published_once(app: Flask) -> None:
    published = build.a_publicity()

    def publish_again() -> None:
        with transaction():
            meeting = published.held.meeting
            operations.open_publicity(meeting, obtained_on=date(2026, 11, 23), now=now())

    with pytest.raises(IntegrityError):
        publish_again()
