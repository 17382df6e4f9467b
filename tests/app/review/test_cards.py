"""Cards of one-time codes (评审验证卡): for whom sits in a closed meeting without a telephone."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import factor_views, grants, one_time_codes, operations, second_factor
from app.accounts.cards import cards_of, lose_card
from app.accounts.factor_models import CodeCard, OneTimeCode
from app.accounts.models import Credential, LoginSession, Notification, Person, RoleGrant
from app.accounts.one_time_codes import folded
from app.accounts.queries import hash_of
from app.accounts.signing_in import hash_password
from app.accounts.terms import last_day
from app.core.audit import AuditEvent
from app.core.clock import ZONE, now
from app.core.crypto import mask_name
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden
from app.review import operations as meetings
from app.review.models import Meeting
from app.review.operations.carding import take_cards
from tests.builders.devices import a_device
from tests.builders.people import a_person
from tests.builders.review import Held, a_meeting
from tests.conftest import Browser

Open = Callable[[Person | None], Browser]
Clock = Callable[[datetime], None]
PASSWORD = "Qinghe-2026"
CODE = re.compile(r"<code>([A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4})</code>")
"""Of the meeting, from 23 to 25 November; the tests begin on its first day."""


@pytest.fixture(autouse=True)
def telephones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices tell the instance's time here."""
    monkeypatch.setattr(factor_views, "device_time", now)


@pytest.fixture
def held(app: Flask) -> Held:
    held = a_meeting(at="score_case", cases=1)
    with transaction():
        account = account_of(held.member_ids[3])
        account.login = "zhuanjia"
        operations.set_password(account, hash_password(PASSWORD), now=now())
    return held


def account_of(person_id: int) -> Credential:
    return db.session.query(Credential).filter_by(person_id=person_id).one()


def person(person_id: int) -> Person:
    with transaction(write=False):
        return db.session.get_one(Person, person_id)


def seats(held: Held, *places: int) -> list[int]:
    with transaction(write=False):
        by_person = {seat.person_id: seat.id for seat in held.meeting.members}
    return [by_person[held.member_ids[place]] for place in places]


def made(open_as: Open, held: Held, *places: int) -> list[str]:
    """Make cards for members on the clerk's page; returns the codes that the next page prints."""
    clerk = open_as(person(held.clerk_id))
    answer = clerk.post(f"/meetings/{held.id}/cards", {"id": seats(held, *places)})
    assert answer.location == f"/meetings/{held.id}/cards/print"
    return CODE.findall(clerk.get(answer.location).text)


def password(browser: Browser) -> Any:
    return browser.post("/login", {"login": "zhuanjia", "password": PASSWORD})


def enter(open_as: Open, code: str) -> Any:
    browser = open_as(None)
    password(browser)
    return browser.post("/login/code", {"code": code})


def moved_to_the_27th(held: Held) -> None:
    starts = datetime(2026, 11, 27, 9, tzinfo=ZONE)
    ends = starts + timedelta(hours=8)
    meetings.change_time(held.meeting, starts, ends, "场地调整", actor_id=held.clerk_id, now=now())


def events(tag: str) -> list[AuditEvent]:
    kept = sa.select(AuditEvent).where(AuditEvent.tag == tag).order_by(AuditEvent.id)
    return list(db.session.scalars(kept))


def test_an_expert_signs_in_by_password_and_card(client_for: Open, held: Held) -> None:
    assert password(client_for(None)).location == "/home", "before there is a card"
    codes = made(client_for, held, 3)
    assert len(codes) == len(set(codes)) == 10
    expert = client_for(None)
    asked = password(expert)
    assert asked.location == "/login/code"
    page = expert.get("/login/code").text
    assert "<title>验证卡验证码" in page
    assert "验证卡上一个未用过的验证码" in page
    assert "动态验证码" not in page
    assert "恢复码" not in page
    empty = expert.post("/login/code", {"code": ""})
    assert (empty.status_code, "请填写验证卡上一个未用过的验证码" in empty.text) == (422, True)
    assert expert.get("/home").location.startswith("/login"), "nobody is in by the password"
    wrong = expert.post("/login/code", {"code": "AAAA-BBBB-CCCC"})
    assert (wrong.status_code, "请输入验证卡上一个未划掉的验证码" in wrong.text) == (401, True)
    assert not [word for word in ("手机上", "恢复码", "动态验证码") if word in wrong.text]
    assert (
        expert.post("/login/code", {"code": codes[4].lower().replace("-", " ")}).status_code == 303
    )
    assert expert.get(f"/meetings/{held.id}").status_code == 200
    again = enter(client_for, codes[4])
    assert (again.status_code, "已使用过" in again.text) == (401, True)
    assert enter(client_for, codes[5]).status_code == 303
    with transaction(write=False):
        used = [e for e in events("account:signed_in") if e.data.get("factor") == "card"]
        assert [e.data for e in used] == [{"factor": "card", "meeting": held.id}] * 2
        (card,) = events("account:card_issued")
        assert (card.subject_id, card.actor_id) == (held.member_ids[3], held.clerk_id)
        assert cards_of(held.id, now())[held.member_ids[3]].left == 8


def test_no_two_cards_of_a_meeting_have_one_number(client_for: Open, held: Held) -> None:
    """Not after a card was made anew either, whose number in the list somebody else had."""
    clerk = client_for(person(held.clerk_id))
    numbers: list[str] = []
    for places in ((3, 4), (3,)):
        to = clerk.post(f"/meetings/{held.id}/cards", {"id": seats(held, *places)}).location
        numbers += re.findall(r"(\d+) 号", clerk.get(to).text)
    assert (len(numbers), len(set(numbers))) == (3, 3)
    assert f"{numbers[2]} 号" in clerk.get(f"/meetings/{held.id}/cards").text


def test_of_the_codes_only_hashes_are_kept_and_they_are_shown_once(
    client_for: Open, held: Held
) -> None:
    clerk = client_for(person(held.clerk_id))
    to_print = clerk.post(f"/meetings/{held.id}/cards", {"id": seats(held, 3, 4)}).location
    page = clerk.get(to_print).text
    assert "data-print" in page
    codes = CODE.findall(page)
    name = person(held.member_ids[3]).name
    assert (len(codes), mask_name(name) in page, name in page) == (20, True, False)
    assert "zhuanjia" in page
    assert CODE.findall(clerk.get(to_print).text) == []
    again = clerk.get(to_print).text
    assert ("只显示一次，已经显示过了" in again, "data-print" in again) == (True, False)
    with transaction(write=False):
        kept = str(db.session.execute(sa.select(OneTimeCode.code_hash)).all())
        assert not [code for code in codes if code in kept or code.replace("-", "") in kept]
        assert not [code for code in codes if hash_of(folded(code)) in kept], "not without a key"
        logged = str([event.data for event in db.session.scalars(sa.select(AuditEvent))])
        assert not [code for code in codes if code in logged or code.replace("-", "") in logged]


def test_a_card_opens_on_the_days_of_the_meeting_only(
    client_for: Open, held: Held, at: Clock
) -> None:
    with transaction():
        moved_to_the_27th(held)
    code, other, third, _ = made(client_for, held, 3)[:4]
    at(datetime(2026, 11, 26, 23, 59, tzinfo=ZONE))
    assert password(client_for(None)).location == "/home", "nobody is asked before its first day"
    at(datetime(2026, 11, 27, 0, 1, tzinfo=ZONE))
    assert enter(client_for, code).status_code == 303
    at(datetime(2026, 11, 27, 23, 59, tzinfo=ZONE))
    assert enter(client_for, other).status_code == 303
    late = client_for(None)
    assert password(late).location == "/login/code"
    at(datetime(2026, 11, 28, 0, 1, tzinfo=ZONE))
    expired = late.post("/login/code", {"code": third})
    assert (expired.status_code, "验证码不正确或已使用过" in expired.text) == (401, True)
    clerk = client_for(person(held.clerk_id))
    over = clerk.post(f"/meetings/{held.id}/cards", {"id": seats(held, 3)})
    assert (over.status_code, "会议时间已过" in over.text) == (409, True)
    assert "制卡并打印" not in clerk.get(f"/meetings/{held.id}/cards").text


def test_who_came_in_before_the_first_day_of_a_card_is_asked_on_it(
    client_for: Open, held: Held, at: Clock
) -> None:
    with transaction():
        moved_to_the_27th(held)
        a_device(person_here(held.member_ids[4]))
    code = made(client_for, held, 3, 4)[0]
    at(datetime(2026, 11, 26, 23, 58, tzinfo=ZONE))
    expert, other = client_for(None), client_for(person(held.member_ids[4]))
    password(expert)
    assert expert.get("/home").status_code == 200
    at(datetime(2026, 11, 27, 0, 1, tzinfo=ZONE))
    assert expert.get("/home").location.startswith("/login"), "it was opened by password alone"
    assert other.get("/home").status_code == 200, "a device has shown a code"
    assert enter(client_for, code).status_code == 303


def test_a_new_card_voids_the_one_before_and_who_is_in_by_it_is_out(
    client_for: Open, held: Held
) -> None:
    old = made(client_for, held, 3)
    expert = client_for(None)
    password(expert)
    expert.post("/login/code", {"code": old[0]})
    fresh = made(client_for, held, 3)
    assert expert.get("/home").location.startswith("/login")
    assert enter(client_for, old[1]).status_code == 401
    assert enter(client_for, fresh[0]).status_code == 303
    assert enter(client_for, fresh[0]).status_code == 401


def test_a_lost_card_is_voided(client_for: Open, held: Held) -> None:
    codes = made(client_for, held, 3, 4)
    clerk, page = client_for(person(held.clerk_id)), f"/meetings/{held.id}/cards"
    assert "未用 10 个" in clerk.get(page).text
    (seat,) = seats(held, 3)
    assert clerk.post(f"{page}/void", {"seat_id": seat}).status_code == 303
    again = clerk.post(f"{page}/void", {"seat_id": seat})
    assert (again.status_code, "没有可以作废的验证卡" in again.text) == (409, True)
    assert clerk.post(f"{page}/void", {"seat_id": 99999}).status_code == 404
    lost = enter(client_for, codes[0])
    assert (lost.status_code, "请联系会议经办人换领新卡" in lost.text) == (401, True)
    with transaction(write=False):
        assert list(cards_of(held.id, now())) == [held.member_ids[4]]
        assert [e.subject_id for e in events("account:card_voided")] == [held.member_ids[3]]
        assert one_time_codes.spend_card_code(held.member_ids[3], codes[0], now()) is None


def test_who_lost_a_card_is_out_until_there_is_another(client_for: Open, held: Held) -> None:
    code = made(client_for, held, 3)[0]
    expert = client_for(None)
    password(expert)
    expert.post("/login/code", {"code": code})
    (seat,) = seats(held, 3)
    clerk, page = client_for(person(held.clerk_id)), f"/meetings/{held.id}/cards"
    clerk.post(f"{page}/void", {"seat_id": seat})
    assert expert.get("/home").location.startswith("/login")
    told = clerk.get(page).text
    assert (told.count("已作废</span>"), told.count("待换新卡")) == (1, 1)
    assert f'value="{seat}" data-confirm' not in told, "there is nothing left to void"
    fresh = made(client_for, held, 3)
    assert enter(client_for, fresh[0]).status_code == 303
    with transaction():
        assert len(events("account:card_voided")) == 1, "an empty card is not voided again"
        meetings.take_card(held.meeting, seat, actor_id=held.clerk_id, now=now())
        take_cards(held.meeting, actor_id=held.clerk_id, now=now())
        assert len(events("account:card_voided")) == 2
    assert password(client_for(None)).location == "/home", "the meeting is over"


def test_a_card_in_the_place_of_another_or_gone_with_an_office_leaves_an_event(
    app: Flask, held: Held
) -> None:
    with transaction():
        seat, actor = held.meeting.members[0], person_here(held.clerk_id)
        for _ in range(2):
            meetings.give_cards(held.meeting, [seat.id], b"x", actor=actor, now=now())
        assert [e.subject_id for e in events("account:card_voided")] == [seat.person_id]
        grants._hand_over(seat.person_id, actor, now())
        assert [e.actor_id for e in events("account:card_voided")] == [actor.id] * 2


def test_another_meetings_page_does_not_take_the_cards_away(client_for: Open, held: Held) -> None:
    clerk = client_for(person(held.clerk_id))
    to_print = clerk.post(f"/meetings/{held.id}/cards", {"id": seats(held, 3)}).location
    with transaction():
        other = db.session.get_one(Meeting, held.id)
        copied = {c.name: getattr(other, c.name) for c in Meeting.__table__.columns}
        again = Meeting(**{**copied, "id": None})
        db.session.add(again)
        db.session.flush()
        other_id = again.id
    assert CODE.findall(clerk.get(f"/meetings/{other_id}/cards/print").text) == []
    assert len(CODE.findall(clerk.get(to_print).text)) == 10


def test_nobody_ticked_and_strangers_seats_are_refused(client_for: Open, held: Held) -> None:
    clerk, page = client_for(person(held.clerk_id)), f"/meetings/{held.id}/cards"
    empty = clerk.post(page, {})
    assert (empty.status_code, "请先勾选专家" in empty.text) == (422, True)
    assert clerk.post(page, {"id": 99999}).status_code == 404
    for who in (held.member_ids[3], held.supervisor_id, held.leader_id):
        assert client_for(person(who)).get(page).status_code in {403, 404}
        assert client_for(person(who)).post(page, {"id": seats(held, 4)}).status_code in {403, 404}
    with transaction():
        outsider = a_person("无关人", roles=[("applicant", "all", None)])
    assert client_for(outsider).get(page).status_code in {403, 404}
    with transaction(write=False):
        assert db.session.scalars(sa.select(CodeCard)).all() == []


def test_a_card_of_another_is_no_use(client_for: Open, held: Held) -> None:
    others = made(client_for, held, 4)
    made(client_for, held, 3)
    assert enter(client_for, others[0]).status_code == 401


def test_wrong_codes_of_a_card_lock_the_account(client_for: Open, held: Held) -> None:
    codes = made(client_for, held, 3)
    for _ in range(5):
        assert enter(client_for, "AAAA-BBBB-CCCC").status_code == 401
    locked = password(client_for(None))
    assert (locked.status_code, "已锁定" in locked.text) == (401, True)
    with transaction(write=False):
        left = cards_of(held.id, now())[held.member_ids[3]].left
    assert left == len(codes)


def test_a_card_stands_for_the_device_that_a_role_asks_for(
    client_for: Open, held: Held, at: Clock
) -> None:
    with transaction():
        second_factor.ask_factor_of({"expert"}, actor_id=None, now=now())
    before = client_for(None)
    password(before)
    assert before.get("/home").location == "/account/factor", "without a card: a device is due"
    code = made(client_for, held, 3)[0]
    expert = client_for(None)
    password(expert)
    expert.post("/login/code", {"code": code})
    assert expert.get(f"/meetings/{held.id}").status_code == 200
    with transaction():
        # A session that never showed a code is not lifted by a card that comes to be good.
        end = sa.update(LoginSession).where(LoginSession.person_id == held.member_ids[3])
        db.session.execute(end.values(created_at=now() - timedelta(minutes=1)))
    assert expert.get("/home").location == "/account/factor"


def test_a_card_does_not_change_the_own_device(client_for: Open, held: Held) -> None:
    with transaction():
        device, _ = a_device(person_here(held.member_ids[3]))
    codes = made(client_for, held, 3)
    browser = client_for(None)
    password(browser)
    assert browser.post("/login/code", {"code": codes[0]}).status_code == 303
    form = {"current": PASSWORD, "code": codes[1]}
    refused = browser.post("/account/factor/off", form)
    assert (refused.status_code, "验证卡" in refused.text) == (422, False)
    with transaction(write=False):
        assert cards_of(held.id, now())[held.member_ids[3]].left == 9
    assert enter(client_for, device.code(now_here())).status_code == 303


def person_here(person_id: int) -> Person:
    return db.session.get_one(Person, person_id)


def now_here() -> datetime:
    with transaction(write=False):
        return now()


def seat_terms(held: Held) -> set[tuple[Any, bool]]:
    """The last days of the roles that seats of the meeting gave, and whether they were ended."""
    of_seats = sa.select(RoleGrant).where(RoleGrant.scope_kind == "meeting")
    found = db.session.scalars(of_seats.where(RoleGrant.scope_id == held.id))
    return {(str(last_day(each.valid_to)), each.ended_at is not None) for each in found}


def test_cards_and_roles_go_with_the_meeting(client_for: Open, held: Held) -> None:
    codes = made(client_for, held, 3, 4)
    with transaction():
        assert seat_terms(held) == {("2027-02-23", False)}, "ninety days for what follows"
        moved_to_the_27th(held)
        assert seat_terms(held) == {("2027-02-25", False)}
        cards = [each.card for each in cards_of(held.id, now()).values()]
        assert {card.valid_from.date().isoformat() for card in cards} == {"2026-11-27"}
        assert {card.valid_until.date().isoformat() for card in cards} == {"2026-11-28"}
        assert one_time_codes.spend_card_code(held.member_ids[3], codes[0], now()) is None
        held.meeting.status = "reported"
        db.session.flush()
        meetings.close_meeting(held.meeting, "", actor_id=held.clerk_id, now=now())
        assert cards_of(held.id, now()) == {}
        assert len(events("account:card_voided")) == 2
        assert seat_terms(held) == {("2026-11-23", True)}
        db.session.flush()
    page = client_for(person(held.clerk_id)).get(f"/meetings/{held.id}/cards").text
    assert page.count("已失效</span>") == 2
    with transaction():
        seat, actor = held.meeting.members[0], person_here(held.clerk_id)
        with pytest.raises(Conflict, match="会议已结束"):
            meetings.give_cards(held.meeting, [seat.id], b"x", actor=actor, now=now())


def test_who_came_in_by_password_is_out_when_the_meeting_is_moved_to_today(
    client_for: Open, held: Held
) -> None:
    with transaction():
        moved_to_the_27th(held)
    codes = made(client_for, held, 3)
    expert = client_for(None)
    password(expert)
    assert expert.get(f"/meetings/{held.id}").status_code == 200
    with transaction():
        starts, ends = (datetime(2026, 11, 23, hour, tzinfo=ZONE) for hour in (9, 18))
        again = db.session.get_one(Meeting, held.id)
        meetings.change_time(again, starts, ends, "提前", actor_id=held.clerk_id, now=now())
        (card,) = (each.card for each in cards_of(held.id, now()).values())
        days = [day.date().isoformat() for day in (card.valid_from, card.valid_until)]
        assert days == ["2026-11-23", "2026-11-24"]
    assert expert.get("/home").location.startswith("/login"), "nobody asked them for a code"
    by_code = client_for(None)
    password(by_code)
    assert by_code.post("/login/code", {"code": codes[0]}).status_code == 303
    told = by_code.get("/notifications").text
    assert "您的验证卡改为 2026-11-23 至 2026-11-23 有效，卡面所印日期作废" in told
    with transaction():
        again = db.session.get_one(Meeting, held.id)
        later = ends.replace(day=24)
        meetings.change_time(again, starts, later, "延长", actor_id=held.clerk_id, now=now())
    assert by_code.get("/home").status_code == 200, "who has shown a code stays in"
    with transaction():
        assert lose_card(held.id, card.person_id, actor_id=held.clerk_id, now=now())
        texts = sa.select(Notification.text).where(Notification.text.contains("您的验证卡改为"))
        before = db.session.scalars(texts).all()
        meetings.change_time(
            db.session.get_one(Meeting, held.id),
            starts,
            ends,
            "缩短",
            actor_id=held.clerk_id,
            now=now(),
        )
        assert db.session.scalars(texts).all() == before, "a card that is lost is good for no day"


def test_who_leaves_the_meeting_leaves_the_card(app: Flask) -> None:
    held = a_meeting(at="set_up_meeting", cases=1)
    with transaction():
        seat, clerk = held.meeting.members[0], person_here(held.clerk_id)
        meetings.give_cards(held.meeting, [seat.id], b"seed", actor=clerk, now=now())
        meetings.remove_member(held.meeting, seat, actor_id=held.clerk_id, now=now())
        assert cards_of(held.id, now()) == {}


def test_administrators_and_oneself_get_no_card(app: Flask, held: Held) -> None:
    with transaction():
        seat = held.meeting.members[0]
        actor = person_here(held.clerk_id)
        with pytest.raises(Forbidden, match="本人"):
            meetings.give_cards(held.meeting, [seat.id], b"x", actor=seat.person, now=now())
        operations.grant_role(
            seat.person, "system_admin", scope_kind="all", scope_id=None, actor_id=None, now=now()
        )
        assert grants.is_administrator(seat.person_id, now())
        with pytest.raises(Conflict, match="是系统、安全、审计管理员"):
            meetings.give_cards(held.meeting, [seat.id], b"x", actor=actor, now=now())


def test_whose_other_role_asks_for_a_device_gets_no_card(app: Flask, held: Held) -> None:
    with transaction():
        seat, actor = held.meeting.members[0], person_here(held.clerk_id)
        give_role(seat.person, "issuer")
        meetings.give_cards(held.meeting, [seat.id], b"x", actor=actor, now=now())
        second_factor.ask_factor_of({"expert", "issuer"}, actor_id=None, now=now())
        with pytest.raises(Conflict, match="是发证机关，须使用本人的动态验证码"):
            meetings.give_cards(held.meeting, [seat.id], b"x", actor=actor, now=now())
        other = held.meeting.members[1]
        meetings.give_cards(held.meeting, [other.id], b"x", actor=actor, now=now())


def give_role(who: Person, role: str) -> None:
    where: dict[str, Any] = {"scope_kind": "all", "scope_id": None}
    operations.grant_role(who, role, actor_id=None, now=now(), **where)


def test_a_card_stands_for_no_device_of_a_role_that_came_after_it(
    client_for: Open, held: Held
) -> None:
    with transaction():
        second_factor.ask_factor_of({"expert", "process_admin"}, actor_id=None, now=now())
    code = made(client_for, held, 3)[0]
    expert = client_for(None)
    password(expert)
    expert.post("/login/code", {"code": code})
    assert expert.get(f"/meetings/{held.id}").status_code == 200
    with transaction():
        give_role(person_here(held.member_ids[3]), "process_admin")
    assert expert.get("/home").location == "/account/factor"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("王", "王*"), ("王芳", "王*"), ("苏晓禾", "苏*禾"), ("欧阳明月", "欧**月")],
)
def test_a_name_is_shown_in_part(name: str, shown: str) -> None:
    assert mask_name(name) == shown
