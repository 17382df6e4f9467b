"""The evaluation form: when it appears, who may print it, and what it must not tell early."""

import dataclasses
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from flask import Flask

from app.catalogue import jurisdictions
from app.core.clock import now
from app.core.db import db, transaction
from app.declarations import operations
from app.declarations.models import Declaration, Status
from app.declarations.operations import finishing
from app.declarations.queries import entries_of, get_declaration
from app.papers import evaluation_form as form
from app.papers.decisions import vote_on
from tests.builders.declarations import a_declaration
from tests.builders.flow import do
from tests.builders.golden_case import RETURN
from tests.builders.papers import pages_of, text_of
from tests.builders.people import a_person
from tests.builders.review import a_meeting, case_ids, cast_as, play


def address(declaration: Declaration) -> str:
    return f"/declarations/{declaration.id}/evaluation-form"


def applicant(declaration_id: int) -> Any:
    with transaction(write=False):
        return db.session.get_one(Declaration, declaration_id).person


def test_the_form_shows_the_declaration_and_what_every_office_wrote(
    app: Flask, client_for: Callable[..., Any]
) -> None:
    declaration = a_declaration("accepted")
    answer = client_for(applicant(declaration.id)).get(address(declaration))
    assert answer.status_code == 200
    assert answer.content_type == "application/pdf"
    text = text_of(answer.data)
    for shown in (
        "专业技术资格评审表",
        "苏晓禾",
        "340000********9020",
        "淮城师范学院",
        "数学教师",
        "《小学数学说理课堂》",
        "区优秀教师",
        "合格",
        "经公示无异议，同意推荐",
        "占用副高级岗位1个",
        "云桥区教育体育局",
        "受理人：",
    ):
        assert shown in text, shown
    assert "198503129020" not in text


def test_the_form_prints_what_was_sent_up_and_not_what_is_being_typed(app: Flask) -> None:
    declaration_id = a_declaration().id
    do(("declaration", declaration_id), "vet_declaration", RETURN)
    with transaction():
        found = get_declaration(declaration_id)
        before = form.form_of(found)
        operations.save_field(found, "birth_place", ["正在输入的地方"], now=now())
        for entry in entries_of(found.id, "item"):
            operations.remove_entry(found, entry.id, now=now())
        after = form.form_of(found)
    assert "2025-10" in [row[3] for row in before.merits.rows], "what began in 2023 came of it"
    assert (after.basics, after.merits) == (before.basics, before.merits)


def test_there_is_no_form_before_the_declaration_is_sent_up(
    app: Flask, client_for: Callable[..., Any]
) -> None:
    declaration = a_declaration("fill_declaration")
    answer = client_for(applicant(declaration.id)).get(address(declaration))
    assert answer.status_code == 409
    assert "请先提交申报" in answer.text


def test_some_jurisdictions_print_it_only_for_those_who_passed(
    app: Flask, client_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    declaration = a_declaration("accepted")
    late = dataclasses.replace(jurisdictions.get("anhui"), evaluation_form_appears="passing")
    monkeypatch.setattr(jurisdictions, "get", lambda _id: late)
    browser = client_for(applicant(declaration.id))
    assert browser.get(address(declaration)).status_code == 409
    with transaction():
        db.session.get_one(Declaration, declaration.id).status = Status.PASSED
    assert browser.get(address(declaration)).status_code == 200


def test_a_stranger_learns_nothing_of_it(app: Flask, client_for: Callable[..., Any]) -> None:
    declaration = a_declaration("accepted")
    with transaction():
        stranger = a_person("尤路人", roles=[("applicant", "all", None)])
    assert client_for(stranger).get(address(declaration)).status_code == 404


def counted() -> int:
    """A declaration whose ballot is counted, with the director still to confirm."""
    held = a_meeting(at="close_ballot")
    choices = dict.fromkeys(case_ids(held), "y")
    for person_id in held.member_ids:
        cast_as(held, person_id, choices, Random(person_id))
    play(held, "close_ballot")
    with transaction():
        declaration = held.meeting.cases[0].declaration
        declaration.status = Status.PASSED
        assert vote_on(declaration) is None
    play(held, "confirm_result")
    return declaration.id


def test_the_count_is_printed_only_once_the_result_is_confirmed(app: Flask) -> None:
    declaration_id = counted()
    with transaction():
        declaration = db.session.get_one(Declaration, declaration_id)
        vote = vote_on(declaration)
        assert vote is not None
        assert (vote.members, vote.present, vote.yes, vote.no, vote.passed) == (9, 9, 9, 0, True)
        declaration.status = Status.IN_MEETING
        assert vote_on(declaration) is None


def test_what_was_revoked_keeps_the_vote_on_paper_and_says_why(
    app: Flask, client_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    declaration_id = counted()
    late = dataclasses.replace(jurisdictions.get("anhui"), evaluation_form_appears="passing")
    monkeypatch.setattr(jurisdictions, "get", lambda _id: late)
    with transaction():
        declaration = db.session.get_one(Declaration, declaration_id)
        finishing.revoke_declaration(declaration, "业绩材料不实", now=now())
    with transaction(write=False):
        declaration = db.session.get_one(Declaration, declaration_id)
        assert form.form_of(declaration).counts == ["9", "9", "9", "0", "0", "0"]
    answer = client_for(applicant(declaration_id)).get(address(declaration))
    assert answer.status_code == 200
    text = text_of(answer.data)
    assert "通过（评审结果已撤销）" in text
    assert "评审结果已撤销。原因：业绩材料不实" in text


def test_many_records_run_over_pages_under_their_heading(app: Flask) -> None:
    declaration_id = a_declaration("accepted").id
    with transaction(write=False):
        made = form.form_of(db.session.get_one(Declaration, declaration_id))
        rows = [[str(no), "教学成果奖", "成果" * 40, "2023-06", "1/3"] for no in range(33)]
        many = dataclasses.replace(made, merits=dataclasses.replace(made.merits, rows=rows))
        pdf = form.render_evaluation_form(many)
    text = text_of(pdf)
    assert f"第4页，共{pages_of(pdf)}页" in text
    assert text.count("四、主要业绩") > 2
    assert text.count("九、评委会意见") == 1, "what the committee signs stands on one page"
    assert made.counts == ("",) * 6
    assert made.conclusion == ""
