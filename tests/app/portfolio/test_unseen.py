"""An attachment that could not be compared is no silence: reviewers are told."""

import io
from typing import Any

import pytest

from app.accounts.models import Person
from app.core import cleaning, storage
from app.core.children import Busy
from app.core.clock import now
from app.core.db import db, transaction
from app.core.lookalikes import UnseenPaper
from app.core.uploads import Policy
from app.portfolio import attachments, operations
from tests.builders import portfolio as build
from tests.builders.declarations import a_pdf


def test_a_reviewer_is_told_what_could_not_be_compared(
    monkeypatch: pytest.MonkeyPatch, clerk: Person, teacher: Person, client_for: Any
) -> None:
    def busy(*_words: Any, **_more: Any) -> None:
        raise Busy

    monkeypatch.setattr(cleaning, "run_child", busy)
    with transaction():
        owner = db.session.merge(teacher)
        item = build.an_item(owner)
        paper = storage.stage(
            io.BytesIO(a_pdf()), "证书.pdf", Policy(), owner_id=owner.id, now=now()
        )
        attachments.attach_file(item, "certificate", paper.id, actor=owner, now=now())
        operations.submit_item(item, actor=owner, now=now())
        url = f"/portfolio/{item.id}"
    reviewer = client_for(clerk)
    assert "附件“证书.pdf”未能比对，平台稍后再试" in reviewer.get(url).text
    assert "未能比对" not in client_for(teacher).get(url).text
    with transaction():
        db.session.query(UnseenPaper).update({"due_at": None})
    assert "未能比对，多次尝试未能读取页面，请人工核对" in reviewer.get(url).text
    with transaction():
        db.session.query(UnseenPaper).delete()
    assert "未能比对" not in reviewer.get(url).text
