"""People: identity numbers are sealed and unique, roles have terms, bars have days."""

import io
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from PIL import Image

from app.accounts import operations, queries
from app.accounts.models import Notification, Person
from app.core import storage
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.core.uploads import PHOTO, Policy
from tests.app.core.test_uploads import a_pdf, a_picture
from tests.builders.locks import locks_on
from tests.builders.people import a_person
from tests.builders.refusals import is_told_in_place
from tests.builders.unscripted import chosen, form_on
from tests.conftest import START

NUMBER = "340000198503129020"


def test_an_identity_number_is_sealed_masked_and_found(app: Flask) -> None:
    with transaction():
        person = a_person("苏晓禾", id_number=NUMBER)
        assert person.masked_id_number == "340000********9020"
        assert person.id_number == NUMBER
        assert queries.person_by_id_number(NUMBER) is person
        row = db.session.execute(sa.text("SELECT * FROM person")).one()
    assert NUMBER not in str(row)


def test_an_identity_number_belongs_to_one_person(app: Flask) -> None:
    with transaction():
        a_person("苏晓禾", id_number=NUMBER)
        with pytest.raises(Invalid, match="已存在"):
            a_person("卜文", id_number=NUMBER)


def test_a_role_holds_for_its_term_only(app: Flask) -> None:
    with transaction():
        person, moment = a_person("敖正言"), now()
        operations.grant_role(
            person,
            "expert",
            scope_kind="meeting",
            scope_id=1,
            actor_id=None,
            now=moment,
            until=moment + timedelta(days=3),
        )
        held = [queries.live_grants(person.id, moment + timedelta(days=d)) for d in (-1, 0, 2, 3)]
        assert [bool(grants) for grants in held] == [False, True, True, False]


@pytest.mark.parametrize(
    ("on", "barred"),
    [(date(2025, 12, 31), False), (date(2026, 1, 1), True), (date(2028, 12, 31), True),
     (date(2029, 1, 1), False)],
)  # fmt: skip
def test_a_bar_counts_from_its_first_day_to_the_day_before_its_end(
    app: Flask, on: date, barred: bool
) -> None:
    with transaction():
        person = a_person()
        operations.bar_person(
            person,
            since=date(2026, 1, 1),
            until=date(2029, 1, 1),
            reason="学术不端",
            actor_id=None,
            now=START,
        )
        db.session.flush()
        assert db.session.query(AuditEvent).filter_by(tag="person:barred").count() == 1
        assert (queries.is_barred(person.id, on) is not None) is barred


def test_messages_wait_under_the_bell_until_they_are_read(
    app: Flask, client_for: Callable[..., Any]
) -> None:
    with transaction():
        person = a_person()
        operations.notify(person.id, "申报已受理", url="/home", now=START)
        operations.notify(a_person("卜文").id, "别人的消息", url="/home", now=START)
    browser = client_for(person)
    page = browser.get("/notifications").text
    assert "申报已受理" in page
    assert "别人的消息" not in page
    browser.post("/notifications/read")
    with transaction(write=False):
        assert queries.unread_count(person.id) == 0
        left = sa.select(sa.func.count(Notification.id)).where(Notification.read_at.is_(None))
        assert db.session.scalar(left) == 1


def test_a_profile_shows_the_masked_number(app: Flask, client_for: Callable[..., Any]) -> None:
    with transaction():
        person: Person = a_person("苏晓禾", id_number=NUMBER)
    page = client_for(person).get("/account").text
    assert "340000********9020" in page
    assert NUMBER not in page


def test_a_photo_must_be_chosen_and_be_ones_own(
    app: Flask, client_for: Callable[..., Any]
) -> None:
    with transaction():
        person = a_person("苏晓禾")
    browser = client_for(person)
    assert is_told_in_place(browser.post("/account/photo"), "请先选择并裁剪照片")
    assert browser.post("/account/photo", {"photo": 4711}).status_code == 404
    wide = io.BytesIO()
    Image.new("RGB", (900, 300)).save(wide, "JPEG")
    refused = form_on(browser, "/account", "file-photo").to(
        browser, {"file-photo": chosen("宽.jpg", wide.getvalue())}
    )
    said = "宽.jpg：照片（900×300）比例不符，应为 5:7 的证件照，请裁剪后上传；分辨率过低"
    assert is_told_in_place(refused, f'id="photo-refused" data-photo-error>{said}')
    assert refused.text.count("宽.jpg") == 1


def test_only_what_was_cropped_as_a_photo_becomes_the_certificates_photo(
    app: Flask, client_for: Callable[..., Any]
) -> None:
    with transaction():
        person = a_person("苏晓禾")
        ids = [
            storage.stage(io.BytesIO(sent), name, policy, owner_id=person.id, now=now()).id
            for sent, name, policy in (
                (a_pdf(), "a.pdf", Policy()),
                (a_picture(), "a.jpg", Policy()),
                (a_picture(), "a.jpg", PHOTO),
            )
        ]
    browser = client_for(person)
    with locks_on("person") as locks:
        answers = [browser.post("/account/photo", {"photo": number}).status_code for number in ids]
    assert answers == [422, 422, 303]
    assert locks == ["UPDATE"], "of two pages that change it one comes after the other"
