"""异议 sent again: taken in once, only so many from one address, and no word is lost."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts import addresses
from app.core.db import db, transaction
from app.engine.models import ProcessInstance
from app.results import operations, views
from app.results.models import Objection
from app.results.process import OBJECTION
from tests.app.accounts.test_addresses import solved
from tests.builders import results as build

Enter = Callable[..., Any]


def sent(published: build.Published, **changed: str) -> dict[str, str]:
    return {"result_id": str(published.result_ids[0]), **build.COMPLAINT, **changed}


def received() -> tuple[int, int]:
    """How many objections there are, and how many processes look into them."""
    with transaction(write=False):
        objections = db.session.scalar(select(func.count(Objection.id))) or 0
        started = select(func.count(ProcessInstance.id)).where(
            ProcessInstance.business_type == OBJECTION
        )
        return objections, db.session.scalar(started) or 0


def test_a_form_sent_twice_is_one_objection(app: Flask, client_for: Enter) -> None:
    published, visitor = build.a_publicity(), client_for()
    address = f"/publicity/{published.id}/objections"
    for _ in range(2):
        answer = visitor.post(address, sent(published, request_key="form-one"))
        assert answer.status_code == 303
    assert received() == (1, 1)
    assert "无需重复提交" in visitor.get(f"/publicity/{published.id}").text


def test_the_same_words_from_a_second_window_are_the_same_objection(
    app: Flask, client_for: Enter
) -> None:
    published = build.a_publicity()
    address = f"/publicity/{published.id}/objections"
    for key in ("window-one", "window-two"):
        words = sent(published, request_key=key, text=f" {build.COMPLAINT['text']} ")
        assert client_for().post(address, words).status_code == 303
    assert received() == (1, 1)


def test_a_form_sent_again_with_other_words_says_so_and_keeps_them(
    app: Flask, client_for: Enter
) -> None:
    published, visitor = build.a_publicity(), client_for()
    address = f"/publicity/{published.id}/objections"
    visitor.post(address, sent(published, request_key="form-one"))
    answer = visitor.post(
        address, sent(published, request_key="form-one", text="还有第二件事需要反映")
    )
    assert answer.status_code == 409
    assert "此表单已提交过" in answer.text
    assert "还有第二件事需要反映" in answer.text
    assert received() == (1, 1)


def test_another_thing_from_the_same_person_is_another_objection(
    app: Flask, client_for: Enter
) -> None:
    published, visitor = build.a_publicity(cases=2), client_for()
    address = f"/publicity/{published.id}/objections"
    visitor.post(address, sent(published))
    visitor.post(address, sent(published, text="还有第二件事需要反映"))
    visitor.post(address, sent(published, result_id=str(published.result_ids[1])))
    assert received() == (3, 3)


def test_an_address_sends_only_so_many_a_day_and_loses_no_word(
    app: Flask, client_for: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "ADDRESS_LIMIT", 2)
    published, visitor = build.a_publicity(), client_for()
    address = f"/publicity/{published.id}/objections"
    for number in range(2):
        assert (
            visitor.post(
                address, sent(published, text=f"事{number}：论文署名与事实不符")
            ).status_code
            == 303
        )
    answer = visitor.post(address, sent(published, text="第三件事，证据见附件"))
    assert answer.status_code == 429
    assert "同一网络地址" in answer.text
    assert "第三件事，证据见附件" in answer.text
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    told = client_for().post(
        address, sent(published, text="从别处反映的论文署名问题"), environ_overrides=elsewhere
    )
    assert told.status_code == 303
    assert received() == (3, 3)


def test_the_address_itself_is_not_kept(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity()
    client_for().post(f"/publicity/{published.id}/objections", sent(published))
    with transaction(write=False):
        kept = db.session.scalars(select(Objection.address_hash)).one()
    assert kept
    assert "127.0.0.1" not in kept


def test_after_some_objections_an_address_proves_work(
    app: Flask, client_for: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "PREFIX", "00")
    published = build.a_publicity()
    visitor, page = client_for(), f"/publicity/{published.id}"
    for number in range(views.PROOF.free):
        text = f"事{number}：论文署名与事实不符"
        assert visitor.post(f"{page}/objections", sent(published, text=text)).status_code == 303
    more = sent(published, text="第六件事，证据见附件")
    refused = visitor.post(f"{page}/objections", more)
    assert (refused.status_code, "安全验证" in refused.text) == (429, True)
    assert "第六件事，证据见附件" in refused.text
    proof = solved(visitor.get(page).text)
    assert visitor.post(f"{page}/objections", {**more, "proof": proof}).status_code == 303
