"""The expert pool in the browser: entered, found, changed, by who organises committees."""

from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.accounts.queries import live_grants
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.experts.models import ExpertProfile
from app.experts.operations import remove_expert
from app.experts.queries import in_pool
from app.review.models import Meeting
from app.review.operations.members import add_member
from app.review.queries import available_experts
from tests.builders.locks import locks_on
from tests.builders.people import a_person, a_unit
from tests.builders.plans import a_committee
from tests.builders.refusals import is_told_in_place
from tests.builders.review import a_meeting_called
from tests.builders.secrets import activated, secret_after
from tests.conftest import Browser

NUMBER = "340000198503129020"
NEW = {
    "name": "苏晓禾",
    "id_number": NUMBER,
    "unit_name": "云桥区第二中学",
    "specialty": "高中数学",
    "committee_id": "",
}
PASSWORD = {"password": "Qinghe-2026", "again": "Qinghe-2026"}


@pytest.fixture
def organiser(app: Flask, client_for: Any) -> Browser:
    """The browser of who organises a committee."""
    with transaction():
        unit = a_unit("淮城市教育局", kind="机关")
        person = a_person("葛蔓青", roles=[("organiser", "org", unit.id)])
    browser: Browser = client_for(person)
    return browser


def test_who_takes_an_expert_out_holds_what_the_person_holds_first(app: Flask) -> None:
    """As whoever decides on a renewal does: neither waits for the other, none is missed."""
    with transaction():
        actor = a_person("葛蔓青")
        person = a_person("苏晓禾", roles=[("expert", "all", None)])
        profile = ExpertProfile(person_id=person.id, unit_name="云桥区第二中学", specialty="数学")
        db.session.add(profile)
        db.session.flush()
        with locks_on("person") as locks:
            remove_expert(profile, "已退休", actor=actor, now=now())
    assert locks[0] == "NO KEY UPDATE"


def test_an_expert_is_entered_activated_and_sees_the_meetings(
    organiser: Browser, client_for: Any
) -> None:
    secret = secret_after(organiser, organiser.post("/experts/new", NEW))
    visitor = client_for(None)
    activated(visitor, secret)
    assert visitor.get("/meetings").status_code == 200
    for query in ("q=晓禾", "unit=第二中学", "specialty=数学"):
        assert "苏晓禾" in organiser.get(f"/experts?{query}").text
    assert "没有符合条件的专家" in organiser.get("/experts?q=别人").text


def test_who_is_known_keeps_the_account(organiser: Browser, client_for: Any) -> None:
    with transaction():
        known = a_person("苏晓禾", id_number=NUMBER, roles=[("applicant", "all", None)])
    assert organiser.post("/experts/new", NEW).status_code == 303
    with transaction(write=False):
        assert {g.role for g in live_grants(known.id, now())} == {"applicant", "expert"}
    assert "入选评审专家库" in client_for(known).get("/notifications").text
    assert "已在专家库中" in organiser.post("/experts/new", NEW).text


def test_who_is_an_expert_of_a_meeting_only_is_entered_for_all(organiser: Browser) -> None:
    with transaction():
        known = a_person("苏晓禾", id_number=NUMBER, roles=[("expert", "meeting", 7)])
    assert organiser.post("/experts/new", NEW).status_code == 303
    with transaction(write=False):
        assert known.id in in_pool(now())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "请填写姓名"),
        ({"id_number": "340000198503129021"}, "证件号码有误"),
        ({"phone": "123"}, "手机号码"),
        ({"specialty": " "}, "请填写专业"),
        ({"committee_id": "99"}, "请选择评委会"),
    ],
)
def test_what_does_not_hold_is_said_at_its_field(
    organiser: Browser, change: dict[str, str], words: str
) -> None:
    answer = organiser.post("/experts/new", {**NEW, **change})
    assert (answer.status_code, words in answer.text) == (422, True)
    with transaction(write=False):
        assert db.session.query(ExpertProfile).count() == 0


def test_a_number_of_another_name_is_refused(organiser: Browser) -> None:
    with transaction():
        a_person("别人", id_number=NUMBER)
    answer = organiser.post("/experts/new", NEW)
    assert (answer.status_code, "与姓名不符" in answer.text) == (422, True)


def test_an_expert_moves_to_another_unit(organiser: Browser) -> None:
    organiser.post("/experts/new", NEW)
    with transaction(write=False):
        profile_id = db.session.query(ExpertProfile.id).scalar()
    assert 'value="云桥区第二中学"' in organiser.get(f"/experts/{profile_id}/edit").text
    moved = {"unit_name": "淮城市第五中学", "specialty": "高中数学", "committee_id": ""}
    assert organiser.post(f"/experts/{profile_id}/edit", moved).status_code == 303
    assert "淮城市第五中学" in organiser.get("/experts").text


def entered(organiser: Browser) -> int:
    """The entry that an organiser made of a new expert."""
    organiser.post("/experts/new", NEW)
    with transaction(write=False):
        return int(db.session.query(ExpertProfile.id).scalar())


MOVED = {"unit_name": "淮城市第五中学", "specialty": "高中数学", "committee_id": ""}


def test_what_the_pool_says_is_changed_by_its_own_organiser_only(
    organiser: Browser, client_for: Any
) -> None:
    profile_id = entered(organiser)
    with transaction():
        other = a_unit("洛城市教育局", kind="机关")
        person = a_person("阮知秋", roles=[("organiser", "org", other.id)])
    stranger = client_for(person)
    assert "苏晓禾" in stranger.get("/experts").text
    assert f"/experts/{profile_id}/edit" not in stranger.get("/experts").text
    assert stranger.get(f"/experts/{profile_id}/edit").status_code == 403
    assert stranger.post(f"/experts/{profile_id}/edit", MOVED).status_code == 403
    with transaction(write=False):
        kept = db.session.get_one(ExpertProfile, profile_id)
        assert kept.unit_name == "云桥区第二中学"


def test_a_fault_of_a_change_is_said_at_its_field(organiser: Browser) -> None:
    profile_id = entered(organiser)
    answer = organiser.post(f"/experts/{profile_id}/edit", {**MOVED, "unit_name": ""})
    assert answer.status_code == 422
    assert "请填写工作单位" in answer.text
    assert "退库" in answer.text


def test_the_organiser_of_an_experts_committee_changes_the_entry(
    app: Flask, client_for: Any
) -> None:
    with transaction():
        committee = a_committee()
        person = a_person("阮知秋", roles=[("organiser", "org", committee.organiser_unit_id)])
        expert = a_person("苏晓禾", roles=[("expert", "all", None)])
        profile = ExpertProfile(
            person_id=expert.id,
            unit_name="云桥区第二中学",
            specialty="高中数学",
            committee_id=committee.id,
        )
        db.session.add(profile)
    browser = client_for(person)
    change = {**MOVED, "committee_id": str(committee.id)}
    assert browser.post(f"/experts/{profile.id}/edit", change).status_code == 303


def test_the_log_keeps_what_stood_before_and_after_a_change(organiser: Browser) -> None:
    organiser.post(f"/experts/{entered(organiser)}/edit", MOVED)
    with transaction(write=False):
        event = db.session.query(AuditEvent).filter_by(tag="expert:changed").one()
        assert event.data == {
            "before": {"unit_name": "云桥区第二中学"},
            "after": {"unit_name": "淮城市第五中学"},
        }


def test_who_leaves_the_pool_is_offered_no_seat_and_may_be_entered_again(
    organiser: Browser,
) -> None:
    profile_id = entered(organiser)
    with transaction():
        meeting_id = a_meeting_called().meeting.id

    def offered() -> bool:
        with transaction(write=False):
            meeting = db.session.get_one(Meeting, meeting_id)
            return "苏晓禾" in {person.name for person, _ in available_experts(meeting, now())}

    leave = f"/experts/{profile_id}/remove"
    assert is_told_in_place(organiser.post(leave, {"reason": " "}), "请填写退库理由")
    assert offered()
    assert organiser.post(leave, {"reason": "已退休"}).status_code == 303
    assert not offered()
    assert "已退库" in organiser.get("/experts").text
    assert organiser.post(leave, {"reason": "已退休"}).status_code == 409
    with transaction(write=False):
        event = db.session.query(AuditEvent).filter_by(tag="expert:removed").one()
        assert event.data == {"reason": "已退休"}
    assert organiser.post("/experts/new", NEW).status_code == 303
    assert offered()


def test_who_left_the_pool_is_not_seated(organiser: Browser) -> None:
    profile_id = entered(organiser)
    organiser.post(f"/experts/{profile_id}/remove", {"reason": "已退休"})
    with transaction():
        meeting = a_meeting_called().meeting
        person = db.session.get_one(ExpertProfile, profile_id).person
        with pytest.raises(Invalid, match="不在评审专家库中"):
            add_member(meeting, person, None, actor_id=person.id, now=now())


def test_an_expert_leaves_by_their_own_organiser_only(organiser: Browser, client_for: Any) -> None:
    profile_id = entered(organiser)
    with transaction():
        other = a_unit("洛城市教育局", kind="机关")
        person = a_person("阮知秋", roles=[("organiser", "org", other.id)])
    refused = client_for(person).post(f"/experts/{profile_id}/remove", {"reason": "别的理由"})
    assert refused.status_code == 403


def test_the_pool_is_for_organisers(app: Flask, client_for: Any) -> None:
    with transaction():
        person: Person = a_person("苏晓禾", roles=[("expert", "all", None)])
    assert client_for(person).get("/experts").status_code == 403
