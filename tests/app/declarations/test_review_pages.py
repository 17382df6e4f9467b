"""What reviewers see: the list, the material beside the form, the diagram, attachments."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import inspect, select

from app.accounts.operations import set_photo
from app.core import storage, sweeping
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.declarations import access, operations, queries, review_views
from app.declarations.models import Declaration, DeclarationFile
from tests.app.declarations.kit import staff_of, text
from tests.builders.declarations import a_declaration
from tests.builders.flow import do, open_items
from tests.builders.golden_case import RETURN, VET_PASS
from tests.builders.people import a_person, staff
from tests.builders.portfolio import an_upload

Clients = Callable[..., Any]


def test_an_office_sees_it_when_it_has_its_turn_and_keeps_seeing_it(
    app: Flask, client_for: Clients
) -> None:
    declaration = a_declaration()
    district = declaration.unit.reports_to
    assert district is not None
    clerk, above = staff_of(declaration.unit), staff_of(district, "superior_clerk")
    organiser = staff_of(declaration.plan.organiser_unit, "organiser")
    with transaction(write=False):
        task = open_items(("declaration", declaration.id))[0]
    turn = f'href="/tasks/{task.id}">审核</a>'
    assert turn in client_for(clerk).get(f"/declarations/{declaration.id}").text
    assert client_for(above).get(f"/declarations/{declaration.id}").status_code == 404
    seen = client_for(organiser).get(f"/declarations/{declaration.id}")
    assert (seen.status_code, turn in seen.text) == (200, False)
    do(("declaration", declaration.id), "vet_declaration", VET_PASS)
    do(("declaration", declaration.id), "endorse_declaration", {"decision": "pass"})
    for person in (clerk, above):
        page = text(client_for(person).get(f"/declarations/{declaration.id}"))
        assert "340000198503129020" not in page
    with transaction(write=False):
        file_id = queries.files_of(declaration.id)[0].file_id
        evidence = queries.entries_of(declaration.id)[1].version.files[0].file_id
    assert client_for(above).get(f"/files/{file_id}").status_code == 200
    assert client_for(above).get(f"/files/{evidence}").status_code == 200
    with transaction():
        stranger = a_person("别人", roles=[("applicant", "all", None)])
    assert client_for(stranger).get(f"/files/{file_id}").status_code == 404


def test_the_review_list_has_what_waits_and_what_was_done(app: Flask, client_for: Clients) -> None:
    declaration = a_declaration()
    clerk = staff_of(declaration.unit)
    client = client_for(clerk)
    page = text(client.get("/declarations/review"))
    assert "苏晓禾" in page
    assert "/tasks/" in page
    assert "苏晓禾" not in text(client.get("/declarations/review?q=无此人"))
    do(("declaration", declaration.id), "vet_declaration", VET_PASS)
    assert "苏晓禾" not in text(client.get("/declarations/review"))
    assert "苏晓禾" in text(client.get("/declarations/review?tab=done&status=in_review"))
    assert "待审核申报" in text(client.get("/home"))


def test_the_exported_list_calculates_nothing(app: Flask, client_for: Clients) -> None:
    declaration = a_declaration()
    with transaction():
        person = db.session.get_one(type(declaration.person), declaration.person_id)
        person.name = "=cmd|'/c calc'!A1"
        clerk = staff(declaration.unit, "unit_clerk")
    answer = client_for(clerk).get("/declarations/review.csv")
    assert answer.mimetype == "text/csv"
    assert "'=cmd" in answer.text
    assert ",=cmd" not in answer.text


def test_the_exported_list_is_kept_in_the_log_and_says_what_it_lacks(
    app: Flask, client_for: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    declaration = a_declaration()
    clerk = staff_of(declaration.unit)
    browser = client_for(clerk)
    assert "只含前" not in text(browser.get("/declarations/review.csv"))
    ahead = {"Sec-Purpose": "prefetch"}
    assert browser.get("/declarations/review.csv", headers=ahead).status_code == 404
    monkeypatch.setattr(review_views, "EXPORTED", 0)
    assert "名单共 1 条，导出文件只含前 0 条" in text(browser.get("/declarations/review"))
    with transaction(write=False):
        tag = AuditEvent.tag == "declaration:exported"
        kept = db.session.scalars(select(AuditEvent).where(tag)).one()
        assert kept.actor_id == clerk.id
        assert kept.data == {"rows": 1, "units": [declaration.unit_id]}


def test_the_diagram_shows_where_it_stands(app: Flask, client_for: Clients) -> None:
    declaration = a_declaration()
    client = client_for(declaration.person)
    page = text(client.get(f"/declarations/{declaration.id}"))
    assert "单位审核流程" in page
    for process in ("declaration", "unit_review"):
        answer = client.get(f"/declarations/{declaration.id}/diagram/{process}")
        assert answer.status_code == 200
        assert f'id="{process}"' in answer.text
    assert client.get(f"/declarations/{declaration.id}/diagram/nothing").status_code == 404


def test_the_contents_of_the_page_lead_to_the_log_and_the_diagrams(
    app: Flask, client_for: Clients
) -> None:
    declaration = a_declaration()
    page = client_for(declaration.person).get(f"/declarations/{declaration.id}").text
    for anchor in ("log", "diagram-declaration", "diagram-unit_review"):
        assert f'<li><a href="#{anchor}">' in page
        assert f'id="{anchor}"' in page


def test_the_clerk_reads_the_material_beside_the_form(app: Flask, client_for: Clients) -> None:
    declaration = a_declaration()
    clerk = staff_of(declaration.unit)
    with transaction(write=False):
        task = open_items(("declaration", declaration.id))[0]
    client = client_for(clerk)
    page = text(client.get(f"/tasks/{task.id}"))
    assert "单位推荐意见" in page
    assert "小学数学说理课堂" in page
    flat = {k: v for k, v in VET_PASS.items() if k != "decision"}
    short = {**flat, "publicity_to": "2026-11-17", "decision": "pass"}
    refused = client.post(f"/tasks/{task.id}", short)
    assert refused.status_code == 422
    assert "不少于 5 个工作日" in refused.text
    returned = {
        "decision": "return",
        "defects-0-section": "files",
        "defects-0-text": "身份证背面不清晰",
        "defects-0-remedy": "重新扫描",
    }
    assert client.post(f"/tasks/{task.id}", returned).status_code == 303
    applicant = client_for(declaration.person)
    assert "身份证背面不清晰" in text(applicant.get(f"/declarations/{declaration.id}/fill/files"))


def test_everything_a_recommendation_lacks_is_said_in_one_round(
    app: Flask, client_for: Clients
) -> None:
    declaration = a_declaration()
    clerk = staff_of(declaration.unit)
    with transaction(write=False):
        task = open_items(("declaration", declaration.id))[0]
    client = client_for(clerk)
    dates = {"publicity_from": "2026-11-12", "publicity_to": "2026-11-13"}
    refused = client.post(f"/tasks/{task.id}", {"decision": "pass", **dates})
    assert refused.status_code == 422
    for text_ in (
        "单位推荐意见",
        "事业单位请选择是否占用岗位职数",
        "请说明岗位职数的使用情况",
        "开始日期不能早于 2026-11-13",
        "单位内部公示不少于 5 个工作日",
    ):
        assert text_ in told(refused.text), text_
    empty = told(client.post(f"/tasks/{task.id}", {"decision": "pass"}).text)
    assert "请填写公示开始日期" in empty
    assert "请填写公示日期" not in empty
    assert "事业单位请选择是否占用岗位职数" in empty


def told(page: str) -> str:
    """Return the summary of the errors of a page."""
    return page.partition("data-error-summary")[2].partition("</div>")[0]


def test_the_second_person_reads_who_proposed_the_end_and_why(
    app: Flask, client_for: Clients
) -> None:
    declaration = a_declaration()
    proposal = {"decision": "terminate", "opinion": "任职年限不足"}
    do(("declaration", declaration.id), "vet_declaration", proposal)
    leader = staff_of(declaration.unit, "unit_leader")
    with transaction(write=False):
        task = open_items(("declaration", declaration.id))[0]
    client = client_for(leader)
    page = text(client.get(f"/tasks/{task.id}"))
    assert "原因：任职年限不足" in page
    assert f"单位经办人 · {staff_of(declaration.unit).name} · 2026" in page
    assert client.post(f"/tasks/{task.id}", {"decision": "confirm"}).status_code == 303
    applicant = client_for(declaration.person)
    assert "终止原因：任职年限不足" in text(applicant.get(f"/declarations/{declaration.id}"))


def test_a_list_reads_what_it_shows_together(app: Flask) -> None:
    declaration = a_declaration()
    clerk = staff_of(declaration.unit)
    with transaction(write=False):
        reviewer = access.reviewer(clerk.id, now())
        db.session.expunge_all()
        listed = queries.reviewed_by(reviewer, queries.Filters(), waiting=True)
        found = db.session.scalars(listed).one()
        shown = {"person", "unit", "plan", "specialty", "title"}
        assert not shown & set(inspect(found).unloaded)


def test_offices_read_what_was_sent_up_while_it_is_retyped(
    app: Flask, client_for: Clients
) -> None:
    declaration = a_declaration()
    clerk = staff_of(declaration.unit)
    address = f"/declarations/{declaration.id}"
    before = text(client_for(clerk).get(address))
    assert "申报人正在修改" not in before
    do(("declaration", declaration.id), "vet_declaration", RETURN)
    with transaction():
        found = queries.get_declaration(declaration.id)
        kept = str(found.personal["birth_place"])
        operations.save_field(found, "birth_place", ["正在输入的地方"], now=now())
        file = queries.files_of(found.id)[0]
        name, file_id = file.name, file.file_id
        operations.remove_file(found, file.id, now=now())
        assert sweeping.forget_files([file_id]) == [], "nothing takes what is read still"
        entry = queries.entries_of(found.id, "item")[0]
        summary = entry.version.summary
        operations.remove_entry(found, entry.id, now=now())
    page = text(client_for(clerk).get(address))
    assert "申报人正在修改" in page
    assert "正在输入的地方" not in page
    for shown in (kept, name, summary):
        assert shown in page
    assert client_for(clerk).get(f"/files/{file_id}").status_code == 200
    own = text(client_for(found.person).get(address))
    assert "正在输入的地方" in own
    assert "申报人正在修改" not in own


def test_offices_open_nothing_that_was_attached_since(app: Flask, client_for: Clients) -> None:
    declaration = a_declaration()
    do(("declaration", declaration.id), "vet_declaration", RETURN)
    with transaction():
        found = queries.get_declaration(declaration.id)
        known = queries.files_of(found.id)[0]
        slot_id = known.slot_id
        operations.remove_file(found, known.id, now=now())
        upload = an_upload(found.person, "补充材料.png")
        operations.attach_file(found, slot_id, upload.id, now=now())
        person, file_id = found.person, upload.id
    assert client_for(staff_of(declaration.unit)).get(f"/files/{file_id}").status_code == 404
    assert client_for(person).get(f"/files/{file_id}").status_code == 200


def test_offices_keep_the_photo_that_was_sent_up(app: Flask, client_for: Clients) -> None:
    declaration = a_declaration()
    with transaction():
        found = queries.get_declaration(declaration.id)
        vetted = found.person.photo_file_id
        fresh = storage.link(an_upload(found.person, "新照片.png")).id
        set_photo(found.person, fresh, now=now())
        person = found.person
    clerk = client_for(staff_of(declaration.unit))
    page = clerk.get(f"/declarations/{declaration.id}").text
    assert f"/files/{vetted}" in page
    assert f"/files/{fresh}" not in page
    assert clerk.get(f"/files/{vetted}").status_code == 200
    own = client_for(person).get(f"/declarations/{declaration.id}").text
    assert f"/files/{fresh}" in own


def test_a_file_that_another_draft_took_over_stays_open_to_offices(
    app: Flask, client_for: Clients
) -> None:
    declaration = a_declaration()
    do(("declaration", declaration.id), "vet_declaration", RETURN)
    with transaction():
        found = queries.get_declaration(declaration.id)
        sent = queries.files_of(found.id)[0]
        file_id, slot = sent.file_id, sent.slot_id
        operations.remove_file(found, sent.id, now=now())
        facts = ("person_id", "plan_id", "unit_id", "kind", "specialty_id", "title_id")
        same = {fact: getattr(found, fact) for fact in facts}
        draft = Declaration(**same, plan_year=2027, created_at=now(), updated_at=now())
        db.session.add(draft)
        db.session.flush()
        taken = DeclarationFile(
            declaration_id=draft.id, slot_id=slot, file_id=file_id, name="附件", position=1
        )
        db.session.add(taken)
    assert client_for(staff_of(declaration.unit)).get(f"/files/{file_id}").status_code == 200


def test_offices_read_what_was_sent_up_when_it_was_taken_back(
    app: Flask, client_for: Clients
) -> None:
    declaration = a_declaration()
    assert (
        client_for(declaration.person).post(f"/declarations/{declaration.id}/withdraw").status_code
        == 303
    )
    with transaction():
        found = queries.get_declaration(declaration.id)
        operations.save_field(found, "birth_place", ["正在输入的地方"], now=now())
    organiser = staff_of(declaration.plan.organiser_unit, "organiser")
    page = text(client_for(organiser).get(f"/declarations/{declaration.id}"))
    assert "申报人正在修改" in page
    assert "正在输入的地方" not in page
