"""Every office has a term: asked for, usual, renewed in time, and told of before it ends."""

import contextlib
import re
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from app import cli, worker
from app.accounts.models import GrantRequest, Notification, Person, RoleGrant
from app.accounts.operations import create_credential, create_person, grant_role
from app.accounts.queries import live_grants
from app.accounts.renewing import end_grant
from app.accounts.terms import last_day, usual_day
from app.admin import ending
from app.admin.ending import warn_of_ends
from app.admin.operations import propose_renewals
from app.core.clock import now
from app.core.db import db, transaction
from app.core.instants import end_of
from tests.app.admin.test_grants import decide, last_request, propose, roles_of
from tests.builders.people import a_person, a_unit
from tests.builders.statements import statements_sent
from tests.conftest import START, Browser

SOON = date(2026, 12, 1)


@pytest.fixture
def person(app: Flask) -> Person:
    with transaction():
        a_unit("青禾小学")
        return a_person("卜文")


def terms_of(person: Person) -> list[tuple[str, date | None]]:
    with transaction(write=False):
        held = db.session.query(RoleGrant).filter_by(person_id=person.id)
        return [(grant.role, last_day(grant.valid_to)) for grant in held.order_by(RoleGrant.id)]


def told(person: Person) -> list[str]:
    with transaction(write=False):
        mine = db.session.query(Notification.text).filter_by(person_id=person.id)
        return [text for (text,) in mine.order_by(Notification.id)]


def holding(role: str, until: date, *, name: str = "舒乐平", unit: str = "") -> Person:
    with transaction():
        person = create_person(name=name, now=now())
        create_credential(person, f"p{person.id}", now=now())
        scope = ("org", a_unit(unit).id) if unit else ("all", None)
        grant_role(
            person, role, scope_kind=scope[0], scope_id=scope[1], actor_id=None, now=now(),
            until=end_of(until),
        )  # fmt: skip
        return person


@pytest.mark.parametrize(("role", "term"), [("applicant", None), ("expert", date(2029, 11, 23))])
def test_a_role_lasts_the_usual_term_unless_it_is_no_office(
    person: Person, role: str, term: date | None
) -> None:
    with transaction():
        here = db.session.get_one(Person, person.id)
        grant_role(here, role, scope_kind="all", scope_id=None, actor_id=None, now=now())
    assert terms_of(person) == [(role, term)]


def test_the_database_takes_no_office_without_a_term(person: Person) -> None:
    values = {"person_id": person.id, "role": "issuer", "scope_kind": "org", "scope_id": 1}
    with pytest.raises(IntegrityError, match="an_office_has_a_term"), transaction():
        db.session.add(RoleGrant(**values, valid_from=now()))
    with transaction():
        asked = {"reason": "来函", "proposed_by": a_person("阚二").id, "proposed_at": now()}
    with pytest.raises(IntegrityError, match="an_office_has_a_term"), transaction():
        db.session.add(GrantRequest(**values, **asked))


def test_the_form_offers_the_usual_term_and_says_so(security: Browser, person: Person) -> None:
    page = security.get(f"/admin/grants/people/{person.id}").text
    assert 'value="2029-11-23"' in page
    assert "默认 3 年，最长 5 年" in page


@pytest.mark.parametrize(
    ("until", "words"),
    [("", "请填写截止日期"), ("2026-11-23", "应晚于今天"), ("2031-11-24", "最迟为 2031-11-23")],
)
def test_a_term_is_asked_for_and_is_not_too_long(
    security: Browser, person: Person, until: str, words: str
) -> None:
    answer = propose(security, person, until=until)
    assert (answer.status_code, words in answer.text) == (422, True)
    assert 'value="青禾小学"' in answer.text


def test_to_apply_for_titles_needs_no_term(
    security: Browser, system: Browser, person: Person
) -> None:
    assert propose(security, person, role="applicant", unit="", until="").status_code == 303
    assert decide(system, "confirm").status_code == 303
    assert terms_of(person) == [("applicant", None)]


def test_a_renewal_is_confirmed_by_another_and_moves_the_term(
    security: Browser, system: Browser, person: Person
) -> None:
    propose(security, person, until="2027-11-30")
    decide(system, "confirm")
    shorter = propose(security, person, until="2027-06-30")
    assert (shorter.status_code, "续期的截止日期须更晚" in shorter.text) == (422, True)
    assert propose(security, person, until="2028-11-30").status_code == 303
    assert terms_of(person) == [("unit_admin", date(2027, 11, 30))]
    assert decide(system, "confirm").status_code == 303
    assert terms_of(person) == [("unit_admin", date(2028, 11, 30))]
    assert "您的角色单位管理员已续期至 2028-11-30" in told(person)
    assert last_request().status == "confirmed"


def test_an_office_is_renewed_without_losing_its_password(
    security: Browser, system: Browser, client_for: Any
) -> None:
    auditor = holding("audit_admin", SOON, name="闵景行")
    browser = client_for(auditor)
    assert propose(security, auditor, role="audit_admin", unit="").status_code == 303
    assert "立即失效" not in system.get("/admin/grants/requests").text
    answer = decide(system, "confirm")
    assert answer.status_code == 303
    assert "已失效" not in system.get(answer.location).text
    assert terms_of(auditor) == [("audit_admin", date(2027, 11, 30))]
    assert browser.get("/admin/audit").status_code == 200


def test_who_holds_and_who_renews_are_told_once_before_the_end(app: Flask, at: Any) -> None:
    keeper = holding("unit_admin", date(2028, 1, 1), name="敖正言", unit="青禾小学")
    with transaction():
        unit_id = db.session.query(RoleGrant.scope_id).filter_by(person_id=keeper.id).scalar()
        clerk = a_person("邬小棠", roles=[("unit_clerk", "org", unit_id)])
        grant = db.session.query(RoleGrant).filter_by(person_id=clerk.id).one()
        grant.valid_to = end_of(date(2027, 1, 10))
    guard = holding("security_admin", date(2028, 1, 1), name="阚双全")
    issuer = holding("issuer", date(2027, 1, 12), name="葛蔓青", unit="人社局")
    worker.sweep()
    worker.drain()
    assert told(clerk) == []
    at(START + timedelta(days=25))
    for _ in range(2):
        worker.sweep()
        worker.drain()
    assert told(clerk) == [
        "您的角色单位经办人（青禾小学）2027-01-10到期，需继续任职的请在此之前联系单位管理员续期"
    ]
    assert ["邬小棠：单位经办人（青禾小学）2027-01-10" in text for text in told(keeper)] == [True]
    assert ["葛蔓青" in text and "邬小棠" not in text for text in told(guard)] == [True]
    assert ["联系安全管理员" in text for text in told(issuer)] == [True]


def test_what_was_renewed_is_told_of_again_before_its_new_end(
    security: Browser, system: Browser, at: Any
) -> None:
    auditor = holding("audit_admin", SOON)
    assert warn_of_ends(START.date()) == 1
    assert warn_of_ends(START.date()) == 0
    propose(security, auditor, role="audit_admin", unit="", until="2027-02-01")
    decide(system, "confirm")
    at(START + timedelta(days=60))
    assert warn_of_ends((START + timedelta(days=60)).date()) == 1


@pytest.mark.parametrize("broken", ["邬小棠", "柏小满", "敖正言"])
def test_a_warning_that_fails_keeps_the_others_and_is_tried_again(
    app: Flask, at: Any, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """The holder, another holder or who renews cannot be told the first time."""
    keeper = holding("unit_admin", date(2028, 1, 1), name="敖正言", unit="青禾小学")
    with transaction():
        unit_id = db.session.query(RoleGrant.scope_id).filter_by(person_id=keeper.id).scalar()
        clerks = [
            a_person(name, roles=[("unit_clerk", "org", unit_id)]) for name in ("邬小棠", "柏小满")
        ]
        for grant in db.session.query(RoleGrant).filter_by(role="unit_clerk"):
            grant.valid_to = end_of(SOON)
    everybody = [*clerks, keeper]
    lost = next(each.id for each in everybody if each.name == broken)
    notify = ending.notify

    def fails(person_id: int, *args: Any, **values: Any) -> None:
        if person_id == lost:
            raise RuntimeError
        notify(person_id, *args, **values)

    monkeypatch.setattr(ending, "notify", fails)
    with contextlib.suppress(RuntimeError):
        warn_of_ends(START.date())
    worker.drain()
    first = clerks[0]
    assert len(told(first)) == (first.id != lost)
    monkeypatch.setattr(ending, "notify", notify)
    at(START + timedelta(minutes=1))
    for _ in range(2):
        warn_of_ends(START.date())
        worker.drain()
    assert [len(told(each)) for each in everybody] == [1, 1, 1]
    assert all(name in told(keeper)[0] for name in ("邬小棠", "柏小满"))


def test_who_renews_gets_one_letter_a_day_for_a_unit(app: Flask, at: Any) -> None:
    """A day's job that comes late, or again, tells nothing of the next day and nothing twice."""
    keeper = holding("unit_admin", date(2028, 1, 1), name="敖正言", unit="青禾小学")
    with transaction():
        place = db.session.query(RoleGrant.scope_id).filter_by(person_id=keeper.id).scalar()
        first, second = (
            a_person(name, roles=[("unit_clerk", "org", place)]) for name in ("卜文", "晏清")
        )
        early, late = (
            db.session.query(RoleGrant).filter_by(person_id=each.id).one()
            for each in (first, second)
        )
        early.valid_to = late.valid_to = end_of(SOON)
        late.warned_at = now() + timedelta(days=1)
    warn_of_ends(START.date())
    worker.drain()
    assert [("卜文" in text, "晏清" in text) for text in told(keeper)] == [(True, False)]
    with transaction():
        db.session.get_one(RoleGrant, early.id).valid_to = end_of(date(2028, 1, 1))
        db.session.get_one(RoleGrant, late.id).warned_at = now() + timedelta(minutes=1)
    at(START + timedelta(days=1))
    warn_of_ends(START.date())
    worker.drain()
    assert len(told(keeper)) == 1
    assert len(told(first)) == 1
    assert told(second) == []


def test_who_can_renew_is_asked_for_once_for_a_unit(app: Flask) -> None:
    holding("unit_admin", date(2028, 1, 1), name="敖正言", unit="青禾小学")
    with transaction():
        place = db.session.query(RoleGrant.scope_id).filter_by(role="unit_admin").scalar()
        for name in ("卜文", "晏清", "邬小棠"):
            person = a_person(name, roles=[("unit_clerk", "org", place)])
            mine = db.session.query(RoleGrant).filter_by(person_id=person.id).one()
            mine.valid_to, mine.warned_at = end_of(SOON), now()
    with transaction(write=False), statements_sent() as sent:
        letters = list(ending._letters(START.date(), now()))
    assert len(letters) == 1
    assert sum("role_grant.role = " in each for each in sent) == 1


def test_several_terms_are_proposed_anew_at_once(
    security: Browser, system: Browser, app: Flask
) -> None:
    """Each is confirmed by another administrator; one's own and what waits already is told."""
    people = [holding("expert", SOON, name=name) for name in ("舒乐平", "葛蔓青")]
    propose(security, people[0], role="expert", unit="", until="2028-11-30")
    assert "批量续期" not in security.get("/admin/grants").text
    page = security.get("/admin/grants?state=expiring").text
    ids = re.findall(r'name="id" value="(\d+)"', page)
    assert (len(ids), "批量续期" in page) == (2, True)
    silent = security.post("/admin/grants/renew", {"id": ids, "reason": " "})
    assert (silent.status_code, "请填写授权理由" in silent.text) == (422, True)
    assert silent.text.count(" checked") == 2
    none = security.post("/admin/grants/renew", {"reason": "续聘"})
    assert (none.status_code, "请勾选" in none.text) == (422, True)
    answer = security.post("/admin/grants/renew", {"id": ids, "reason": "续聘"})
    told = security.get(answer.location).text
    assert ("已提出 1 项续期" in told, "舒乐平的评审专家没有提出续期" in told) == (True, True)
    assert terms_of(people[1]) == [("expert", SOON)]
    assert decide(system, "confirm").status_code == 303
    assert terms_of(people[1]) == [("expert", date(2029, 11, 23))]


def test_several_renewals_are_confirmed_at_once_but_no_new_role(
    security: Browser, system: Browser, person: Person, client_for: Any
) -> None:
    people = [holding("expert", SOON, name=name) for name in ("舒乐平", "葛蔓青")]
    for each in people:
        propose(security, each, role="expert", unit="", until="2028-11-30")
    propose(security, person)
    url = "/admin/grants/requests/confirm"
    page = system.get("/admin/grants/requests").text
    offered = re.findall(r'name="id" value="(\d+)"', page)
    assert len(offered) == 2
    folded = re.findall(r'<details class="card mb-3"([^>]*)><summary[^>]*>([^：]+)：', page)
    assert folded == [("", "葛蔓青"), ("", "舒乐平")], "not the new role beside them"
    silent = system.post(f"/admin/grants/requests/{offered[1]}", {"decision": "refuse"})
    opened = re.findall(r'<details class="card mb-3" open><summary[^>]*>([^：]+)：', silent.text)
    assert (silent.status_code, opened) == (422, ["舒乐平"])
    none = system.post(url, {})
    assert (none.status_code, "请勾选" in none.text) == (422, True)
    answer = system.post(url, {"id": [*offered, str(last_request().id)]})
    told = system.get(answer.location).text
    assert ("已同意 2 项续期" in told, "不是续期，请单独复核" in told) == (True, True)
    assert [terms_of(each) for each in people] == [[("expert", date(2028, 11, 30))]] * 2
    assert terms_of(person) == []
    assert security.post(url, {"id": offered}).status_code == 403
    with transaction():
        auditor = a_person("郎书恒", roles=[("audit_admin", "all", None)])
    log = client_for(auditor).get("/admin/audit?q=role:renewed").text
    words = f"角色：评审专家；范围：全平台；修改前：{SOON}；截止：2028-11-30"
    assert (log.count("续期授权"), log.count(words)) == (2, 2)


def test_the_administrators_are_warned_of_an_office_that_ends(app: Flask, client_for: Any) -> None:
    guard = holding("security_admin", date(2028, 1, 1))
    holding("system_admin", SOON)
    holding("audit_admin", date(2028, 1, 1))
    page = client_for(guard).get("/home").text
    assert "系统管理员的任期即将全部到期" in page
    assert "审计管理员的任期" not in page
    assert "安全管理员的任期" not in page


def test_an_office_that_ran_out_is_filled_by_the_operator(
    app: Flask, client_for: Any, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "prepare_database", lambda: None)
    cli.open_first_accounts()
    assert cli.open_first_accounts() == []
    with transaction():
        system = db.session.query(RoleGrant).filter_by(role="system_admin").one()
        system.valid_to = end_of(SOON)
        lost = db.session.query(RoleGrant).filter_by(role="process_admin").one()
        lost.valid_to = end_of(SOON)
    at(START + timedelta(days=20))
    assert _grants(system.person_id) == []
    printed = app.test_cli_runner().invoke(args=["setup"]).output
    assert "sys.admin2" in printed
    assert "sec.admin" not in printed
    assert "proc.admin" not in printed
    with transaction(write=False):
        ends = db.session.query(RoleGrant.valid_to).filter_by(role="system_admin").all()
        assert max(end for (end,) in ends) == end_of(usual_day(now()))
    assert "activate" not in app.test_cli_runner().invoke(args=["setup"]).output


def _grants(person_id: int) -> list[Any]:
    with transaction(write=False):
        return live_grants(person_id, now())


def test_what_ends_soon_is_marked_and_filtered(
    security: Browser, system: Browser, person: Person
) -> None:
    propose(security, person, until="2026-12-01")
    decide(system, "confirm")
    assert roles_of(person) == {"unit_admin"}
    page = security.get("/admin/grants?state=expiring").text
    assert "即将到期" in page
    assert "卜文" in page


def test_what_has_ended_is_not_proposed_anew_from_an_old_page(
    security: Browser, app: Flask
) -> None:
    """One was taken since the page was read, another ran out."""
    people = [holding("expert", SOON, name=name) for name in ("舒乐平", "葛蔓青")]
    ids = re.findall(r'name="id" value="(\d+)"', security.get("/admin/grants?state=expiring").text)
    with transaction():
        taken = db.session.query(RoleGrant).filter_by(person_id=people[0].id).one()
        end_grant(taken, actor_id=people[1].id, now=now())
    answer = security.post("/admin/grants/renew", {"id": ids, "reason": "续聘"})
    page = security.get(answer.location).text
    assert "舒乐平的评审专家没有提出续期：该授权已终止" in page
    assert "已提出 1 项续期" in page
    with transaction():
        held = [db.session.get_one(RoleGrant, int(each)) for each in ids]
        actor = db.session.query(Person).filter_by(name="阚双全").one()
        late = end_of(SOON) + timedelta(days=1)
        assert propose_renewals(held, "续聘", actor=actor, now=late) == (
            0, {grant.id: "该授权已终止" for grant in held}
        )  # fmt: skip
    with transaction(write=False):
        assert [r.person_id for r in db.session.query(GrantRequest)] == [people[1].id]


def test_a_proposed_renewal_that_the_unit_outran_is_closed_with_words(
    security: Browser, system: Browser, client_for: Any
) -> None:
    keeper = holding("unit_admin", date(2028, 1, 1), name="敖正言", unit="青禾小学")
    with transaction():
        unit_id = db.session.query(RoleGrant.scope_id).filter_by(person_id=keeper.id).scalar()
        clerk = a_person("邬小棠", roles=[("unit_clerk", "org", unit_id)])
        db.session.query(RoleGrant).filter_by(person_id=clerk.id).one().valid_to = end_of(SOON)
    assert propose(security, clerk, role="unit_clerk", until="2027-11-30").status_code == 303
    page = system.get("/admin/grants/requests").text
    assert "邬小棠：单位经办人（续期）" in page
    assert "2026-12-01，续期至 2027-11-30" in page
    assert "单位经办人角色（青禾小学）续期，到 2027-11-30 为止" in page
    assert client_for(keeper).post(f"/staff/{clerk.id}/renew").status_code == 303
    asked = last_request()
    assert (asked.status, asked.decided_by) == ("withdrawn", keeper.id)
    why = "单位已续期至 2029-11-23，无需再复核"
    assert why in system.get("/admin/grants/requests?status=withdrawn").text
    assert "邬小棠" not in system.get("/admin/grants/requests").text
    with transaction(write=False):
        proposer = db.session.get_one(Person, asked.proposed_by)
    assert any("邬小棠的单位经办人续期已撤回：" + why in text for text in told(proposer))


def test_a_proposal_that_lasts_longer_than_the_unit_renewed_still_waits(
    security: Browser, client_for: Any
) -> None:
    keeper = holding("unit_admin", date(2028, 1, 1), name="敖正言", unit="青禾小学")
    with transaction():
        unit_id = db.session.query(RoleGrant.scope_id).filter_by(person_id=keeper.id).scalar()
        clerk = a_person("邬小棠", roles=[("unit_clerk", "org", unit_id)])
        db.session.query(RoleGrant).filter_by(person_id=clerk.id).one().valid_to = end_of(SOON)
    propose(security, clerk, role="unit_clerk", until="2031-11-01")
    assert client_for(keeper).post(f"/staff/{clerk.id}/renew").status_code == 303
    assert last_request().status == "waiting"


def test_a_term_that_ended_by_itself_is_told_once(app: Flask, at: Any) -> None:
    expert = holding("expert", SOON)
    for days in (10, 11):
        at(START + timedelta(days=days))
        warn_of_ends((START + timedelta(days=days)).date())
    assert [text for text in told(expert) if "已到期终止" in text] == [
        "您的角色评审专家（全平台）2026-12-01已到期终止"
    ]


def test_a_renewal_that_waits_lapses_with_the_role(security: Browser, system: Browser) -> None:
    person = holding("issuer", SOON, unit="淮城市人社局")
    propose(security, person, role="issuer", unit="淮城市人社局", until="2028-11-30")
    asked = last_request()
    assert asked.renews_id is not None
    with transaction(write=False):
        grant_id = db.session.query(RoleGrant.id).filter_by(person_id=person.id).scalar()
    assert security.post(f"/admin/grants/{grant_id}/end", {"reason": "调离"}).status_code == 303
    lapsed = last_request()
    assert (lapsed.status, lapsed.decided_by) == ("lapsed", None)
    page = system.get("/admin/grants/requests?status=lapsed").text
    assert "该角色已终止（调离）" in page
    assert "舒乐平" not in system.get("/admin/grants/requests").text
    late = system.post(f"/admin/grants/requests/{asked.id}", {"decision": "confirm"})
    assert late.status_code == 409
    assert roles_of(person) == set(), "it never became a proposal of a new role"
    with transaction(write=False):
        proposer = db.session.get_one(Person, asked.proposed_by)
    assert any("舒乐平的发证机关续期已失效：该角色已终止" in text for text in told(proposer))


def signed_in_anew(client_for: Any, name: str) -> Browser:
    with transaction(write=False):
        person = db.session.query(Person).filter_by(name=name).one()
    browser: Browser = client_for(person)
    return browser


def test_a_renewal_of_a_term_that_ran_out_gives_nothing_and_is_closed(
    security: Browser, system: Browser, client_for: Any, at: Any
) -> None:
    person = holding("issuer", SOON, unit="淮城市人社局")
    propose(security, person, role="issuer", unit="淮城市人社局", until="2028-11-30")
    asked = last_request()
    at(START + timedelta(days=9))
    system = signed_in_anew(client_for, "庾一鸣")
    assert "本续期不再有效，将自动失效" in system.get("/admin/grants/requests").text
    late = system.post(f"/admin/grants/requests/{asked.id}", {"decision": "confirm"})
    assert (late.status_code, "本申请不再有效" in late.text) == (409, True)
    assert roles_of(person) == set()
    warn_of_ends((START + timedelta(days=9)).date())
    lapsed = last_request()
    assert (lapsed.status, "重新提出授权" in lapsed.opinion) == ("lapsed", True)


def test_a_role_is_proposed_anew_after_its_renewal_waited_too_long(
    security: Browser, client_for: Any, at: Any
) -> None:
    person = holding("issuer", SOON, unit="淮城市人社局")
    propose(security, person, role="issuer", unit="淮城市人社局", until="2028-11-30")
    at(START + timedelta(days=9))
    security = signed_in_anew(client_for, "阚双全")
    again = propose(security, person, role="issuer", unit="淮城市人社局", until="2028-11-30")
    assert again.status_code == 303
    with transaction(write=False):
        states = db.session.query(GrantRequest.status, GrantRequest.renews_id)
        assert [(s, bool(r)) for s, r in states.order_by(GrantRequest.id)] == [
            ("lapsed", True),
            ("waiting", False),
        ]
