"""The list of a unit's staff: their accounts, and their terms, marked near the end and renewed."""

from datetime import date, timedelta
from typing import Any

import pytest

from app.accounts.models import Person, RoleGrant
from app.accounts.operations import grant_role
from app.accounts.renewing import end_grant
from app.accounts.terms import last_day
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.instants import end_of
from app.units import operations
from app.units.models import Unit
from tests.builders.people import a_person, a_unit, disable
from tests.conftest import START


def a_clerk(unit: Unit, until: date, *, role: str = "unit_clerk") -> Person:
    with transaction():
        clerk = a_person("邬小棠", roles=[(role, "org", unit.id)])
        held = db.session.query(RoleGrant).filter_by(person_id=clerk.id).one()
        held.valid_to = end_of(until)
        return clerk


def terms_of(person: Person) -> list[date | None]:
    with transaction(write=False):
        held = db.session.query(RoleGrant).filter_by(person_id=person.id)
        return [last_day(grant.valid_to) for grant in held]


def test_the_form_of_new_staff_offers_the_usual_term(client_for: Any, admin: Person) -> None:
    browser = client_for(admin)
    assert 'value="2029-11-23"' in browser.get("/staff/new").text
    form = {"name": "卜文", "login": "bowen", "role": "unit_clerk", "until": "2027-06-30"}
    assert browser.post("/staff/new", form).status_code == 303
    with transaction(write=False):
        made = db.session.query(Person).filter_by(name="卜文").one()
    assert terms_of(made) == [date(2027, 6, 30)]


def test_who_ends_soon_is_marked_and_renewed_by_a_button(
    client_for: Any, admin: Person, unit: Unit
) -> None:
    clerk, browser = a_clerk(unit, date(2026, 12, 1)), client_for(admin)
    page = browser.get("/staff").text
    assert "2026-12-01" in page
    assert page.count("即将到期") == 2, "his badge, and the button for all"
    assert f"/staff/{clerk.id}/renew" in page
    assert browser.post(f"/staff/{clerk.id}/renew").status_code == 303
    assert terms_of(clerk) == [date(2029, 11, 23)]
    page = browser.get("/staff").text
    assert "即将到期" not in page
    assert f"/staff/{clerk.id}/renew" not in page
    with transaction(write=False):
        event = db.session.query(AuditEvent).filter_by(tag="role:renewed").one()
    assert (event.actor_id, event.data["before"]) == (admin.id, "2026-12-01")
    again = browser.post(f"/staff/{clerk.id}/renew")
    assert (again.status_code, "暂不需要续期" in again.text) == (409, True)


def test_all_whose_terms_end_soon_are_renewed_at_once(
    client_for: Any, admin: Person, unit: Unit
) -> None:
    browser = client_for(admin)
    assert browser.post("/staff/renew").status_code == 409
    soon = [a_clerk(unit, date(2026, 12, day)) for day in (1, 9)]
    later = a_clerk(unit, date(2027, 6, 30))
    given = a_clerk(unit, date(2026, 12, 1), role="superior_clerk")
    assert "即将到期的全部续期" in browser.get("/staff").text
    assert browser.post("/staff/renew").status_code == 303
    assert [terms_of(each) for each in soon] == [[date(2029, 11, 23)]] * 2
    assert terms_of(later) == [date(2027, 6, 30)]
    assert terms_of(given) == [date(2026, 12, 1)]
    assert "全部续期" not in browser.get("/staff").text


def test_nobody_renews_their_own_nor_what_others_gave(
    client_for: Any, admin: Person, unit: Unit
) -> None:
    given = a_clerk(unit, date(2026, 12, 1), role="superior_clerk")
    with transaction():
        other = a_person("舒乐平", roles=[("unit_admin", "org", a_unit("第二小学").id)])
    browser = client_for(admin)
    assert browser.post(f"/staff/{admin.id}/renew").status_code == 409
    assert browser.post(f"/staff/{given.id}/renew").status_code == 404
    assert browser.post(f"/staff/{other.id}/renew").status_code == 404
    assert client_for(given).post(f"/staff/{admin.id}/renew").status_code == 403
    assert terms_of(given) == [date(2026, 12, 1)]


def test_what_has_ended_is_not_renewed(
    client_for: Any, admin: Person, unit: Unit, at: Any
) -> None:
    clerk = a_clerk(unit, date(2026, 12, 1))
    at(START.replace(month=12, day=2))
    assert client_for(admin).post(f"/staff/{clerk.id}/renew").status_code == 404


def row_of(page: str, name: str) -> str:
    return next(row for row in page.split("<tr>") if name in row)


def test_the_list_tells_login_and_state_and_offers_a_reset_only_where_it_is_given(
    client_for: Any, admin: Person, unit: Unit
) -> None:
    with transaction():
        clerk = a_person("邬小棠", roles=[("unit_clerk", "org", unit.id)])
        more = [("unit_leader", "org", unit.id), ("expert", "all", None)]
        busy = a_person("解明德", roles=more)
        disable(busy)
    browser = client_for(admin)
    page = browser.get("/staff").text
    mine, others = row_of(page, "邬小棠"), row_of(page, "解明德")
    assert f"person{clerk.id}" in mine
    assert "待激活" in mine
    assert f"/staff/{clerk.id}/reset" in mine
    assert "已停用" in others
    assert "由系统管理员重置" in others
    assert f"/staff/{busy.id}/reset" not in others
    assert browser.post(f"/staff/{busy.id}/reset").status_code == 403
    assert browser.post(f"/staff/{clerk.id}/reset").status_code == 303


def test_the_list_of_the_own_people_offers_no_reset_that_is_refused(
    client_for: Any, admin: Person, unit: Unit
) -> None:
    with transaction():
        teacher, expert = a_person("苏晓禾", unit=unit), a_person("卓逸尘", unit=unit)
        grant_role(expert, "expert", scope_kind="all", scope_id=None, actor_id=None, now=now())
    page = client_for(admin).get("/staff/applicants").text
    assert f"/staff/{teacher.id}/reset" in page
    assert f"/staff/{expert.id}/reset" not in page
    assert "由系统管理员重置" in page


def test_who_left_while_all_are_renewed_is_skipped_and_named(
    client_for: Any, admin: Person, unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever took the roles came first by the lock, and a moment later by the clock."""
    stays, leaves, gone = (a_clerk(unit, date(2026, 12, day)) for day in (1, 2, 3))
    lock = operations.lock_roles_of

    def lock_late(*ids: int) -> None:
        lock(*ids)
        for person, later in ((leaves, timedelta(seconds=5)), (gone, timedelta())):
            grant = db.session.query(RoleGrant).filter_by(person_id=person.id).one()
            if grant.ended_at is None:
                end_grant(grant, actor_id=admin.id, now=now() + later)

    monkeypatch.setattr(operations, "lock_roles_of", lock_late)
    browser = client_for(admin)
    answer = browser.post("/staff/renew")
    assert answer.status_code == 303
    page = browser.get(answer.location).text
    assert f"{leaves.name}没有续期：该授权已终止" in page
    assert f"{gone.name}没有续期：已不在本单位任职" in page
    assert "1 名工作人员的角色已续期" in page
    assert terms_of(stays) == [date(2029, 11, 23)]
