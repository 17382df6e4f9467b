"""The pages of imports: handed in, looked at, confirmed whole or not at all, told of."""

import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts import grants
from app.accounts.models import Credential, Notification, Person
from app.accounts.queries import person_by_id_number
from app.accounts.renewing import end_grant
from app.accounts.terms import usual_day
from app.core import audit, jobs
from app.core.clock import now
from app.core.db import current_transaction, db, transaction
from app.core.sheets import POLICY
from app.core.storage import StoredFile
from app.engine.models import Incident
from app.imports import operations, work
from app.imports.models import ImportBatch, ImportRow
from app.imports.operations import KEPT
from app.units import people_import
from app.units.models import Unit
from app.worker import sweep, take_in
from tests.builders.people import a_person, a_unit, an_id_number
from tests.builders.refusals import is_told_in_place
from tests.builders.sheets import a_book, checked, handed_in, imported, read_book

HEADS = [column.label for column in people_import.COLUMNS]


@pytest.fixture
def unit(app: Flask) -> Unit:
    with transaction():
        return a_unit("淮城医科大学", area="340600")


@pytest.fixture
def admin(unit: Unit) -> Person:
    with transaction():
        return a_person("敖正言", roles=[("unit_admin", "org", unit.id)])


@pytest.fixture
def desk(client_for: Any, admin: Person) -> Any:
    return client_for(admin)


def people() -> int:
    with transaction(write=False):
        return db.session.scalar(select(func.count(Person.id))) or 0


def last_batch() -> ImportBatch:
    return db.session.scalars(select(ImportBatch).order_by(ImportBatch.id.desc())).first()  # type: ignore[return-value]


def test_the_template_can_be_filled_in_and_handed_in(desk: Any) -> None:
    answer = desk.get("/imports/template/people")
    assert answer.headers["Content-Disposition"].endswith(".xlsx")
    book = read_book(answer.data)
    assert list(book) == ["人员", "填写示例", "填写说明", "代码表"]
    assert list(book["人员"][0]) == HEADS
    assert "淮城医科大学" in {cell for row in book["代码表"] for cell in row}
    example = list(book["填写示例"][1])
    page = checked(desk, "people", a_book(HEADS, example))
    assert "新增" in desk.get(page).text


def test_faulty_rows_are_shown_taken_away_mended_and_handed_in_again(desk: Any) -> None:
    good, other = an_id_number(), an_id_number()
    content = a_book(HEADS, ["林晓禾", good], ["邱", "123"], ["", other])
    page = checked(desk, "people", content)
    shown = desk.get(page).text
    assert ("请填写姓名" in shown, "证件号码有误，请核对" in shown) == (True, True)
    only = desk.get(f"{page}?state=faulty").text
    assert "林晓禾" not in only.partition('id="rows-title"')[2]
    rows = read_book(desk.get(f"{page}/faulty").data)["人员"]
    assert rows[0][-1] == "错误原因"
    assert rows[2][1] == other
    assert rows[2][-1] == "姓名：请填写姓名"
    mended = a_book(rows[0], ["苏禾", *rows[2][1:]])
    assert "新增" in desk.get(checked(desk, "people", mended)).text


def test_faulty_rows_are_left_out_knowingly_only(desk: Any) -> None:
    page = checked(desk, "people", a_book(HEADS, ["林晓禾", an_id_number()], ["邱", "1"]))
    before = people()
    refused = desk.post(f"{page}/confirm", {})
    assert is_told_in_place(refused, "有 1 行有误", "林晓禾")
    assert desk.post(f"{page}/confirm", {"leave_out": "yes"}).status_code == 303
    desk.forget()
    take_in()
    assert people() == before + 1
    with transaction(write=False):
        batch = last_batch()
        assert batch.counts == {"new": 1, "changed": 0, "same": 0, "faulty": 1}
        assert batch.report == [["淮城医科大学", 1, 0, 0, 1]]
    # What was confirmed once is done once.
    assert desk.post(f"{page}/confirm", {"leave_out": "yes"}).status_code == 409


def test_a_file_without_one_good_row_is_never_confirmed(desk: Any) -> None:
    page = checked(desk, "people", a_book(HEADS, ["邱", "1"]))
    assert "可以先导入" not in desk.get(page).text
    assert desk.post(f"{page}/confirm", {"leave_out": "yes"}).status_code == 422


@pytest.mark.parametrize("place", range(4))
def test_a_formula_is_told_at_its_cell_and_the_other_rows_are_taken(
    desk: Any, unit: Unit, place: int
) -> None:
    formula = ["邱", an_id_number(), "", unit.name]
    formula[place] = '=HYPERLINK("http://bad.example","x")'
    content = a_book(HEADS, formula, ["林晓禾", an_id_number(), "", unit.name], text=False)
    page = checked(desk, "people", content)
    shown = desk.get(f"{page}?state=faulty").text
    assert ("单元格是公式" in shown, f"有误的列：{HEADS[place]}" in shown) == (True, True)
    assert ("HYPERLINK" in shown, "请填写" in shown) == (False, False)
    faulty = read_book(desk.get(f"{page}/faulty").data)["人员"]
    assert faulty[1][-1].startswith(f"{HEADS[place]}：单元格是公式")
    before = people()
    assert desk.post(f"{page}/confirm", {"leave_out": "yes"}).status_code == 303
    desk.forget()
    take_in()
    assert people() == before + 1


def test_the_report_adds_up(desk: Any, unit: Unit) -> None:
    with transaction():
        a_unit("第三医院", parent=unit, area="340600")
        known = an_id_number()
        a_person("盛夏", id_number=known, unit=unit)
    rows = [
        ["林", an_id_number(), "", "第三医院"],
        ["李", an_id_number()],
        ["盛夏", known],
        ["邱", "1"],
    ]
    content = a_book(HEADS, *rows)
    page = imported(desk, "people", content, leave_out=True)
    book = read_book(desk.get(f"{page}/report").data)
    assert book["对账"] == [
        ("单位", "新增", "有变更", "已有且一致", "未导入", "合计"),
        ("淮城医科大学", 1, 0, 1, 1, 3),
        ("第三医院", 1, 0, 0, 0, 1),
        ("合计", 2, 0, 1, 1, 4),
    ]
    facts = dict(book["导入信息"])
    assert facts["文件摘要（SHA-256）"] == hashlib.sha256(content).hexdigest()
    assert facts["导入人"] == "敖正言"
    assert [row[2] for row in book["逐行结果"][1:]] == ["新增", "新增", "已有且一致", "未导入"]
    listed = desk.get("/imports").text
    assert ("名单.xlsx" in listed, hashlib.sha256(content).hexdigest()[:12] in listed) == (
        True,
        True,
    )
    assert (known in str(book), known in desk.get(page).text) == (False, False)


def test_what_changed_after_the_look_is_refused_whole(desk: Any, unit: Unit) -> None:
    taken, free = an_id_number(), an_id_number()
    page = checked(desk, "people", a_book(HEADS, ["林", free], ["李", taken]))
    with transaction():
        other = a_unit("云桥区青禾小学", area="340602")
        a_person("李", id_number=taken, unit=other)
    before = people()
    desk.post(f"{page}/confirm", {})
    desk.forget()
    take_in()
    assert people() == before
    shown = desk.get(page).text
    assert ("没有写入任何内容" in shown, "请本人登录后申请绑定" in shown) == (True, True)
    with transaction(write=False):
        assert last_batch().counts == {"new": 1, "changed": 0, "same": 0, "faulty": 1}
        assert db.session.scalar(select(func.count(Notification.id))) == 1


def test_who_lost_the_role_meanwhile_imports_nothing(desk: Any, admin: Person) -> None:
    page = checked(desk, "people", a_book(HEADS, ["林", an_id_number()]))
    desk.post(f"{page}/confirm", {})
    desk.forget()
    with transaction():
        from app.accounts.models import RoleGrant

        grant = db.session.scalars(select(RoleGrant).filter_by(person_id=admin.id)).one()
        end_grant(grant, actor_id=admin.id, now=now())
    before = people()
    take_in()
    assert people() == before
    assert desk.get(page).status_code == 403


def test_rows_are_opened_before_the_writing_begins(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    real = work.loaded
    monkeypatch.setattr(
        work, "loaded", lambda batch: (seen.append(current_transaction().write), real(batch))[1]
    )
    imported(desk, "people", a_book(HEADS, ["林晓禾", an_id_number()]))
    assert seen == [False, False]


def test_what_is_confirmed_anew_meanwhile_is_left_to_its_own_job(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = checked(desk, "people", a_book(HEADS, ["林晓禾", an_id_number()]))
    desk.post(f"{page}/confirm", {})
    desk.forget()
    before, batch_id = people(), int(page.rpartition("/")[2])
    real = operations.hold

    def confirmed_anew(batch: ImportBatch) -> None:
        batch.round += 1
        db.session.flush()
        real(batch)

    with monkeypatch.context() as patch:
        patch.setattr(operations, "hold", confirmed_anew)
        work.run({"batch": batch_id})
    assert people() == before
    work.run({"batch": batch_id})
    assert people() == before + 1


def test_a_failure_writes_nothing_and_can_be_tried_again(
    client_for: Any, admin: Person, monkeypatch: pytest.MonkeyPatch, at: Any
) -> None:
    desk = client_for(admin)
    rows = [["林晓禾", an_id_number()] for _ in range(3)]
    page = checked(desk, "people", a_book(HEADS, *rows))
    desk.post(f"{page}/confirm", {})
    desk.forget()
    before = people()
    right = people_import.enrol

    def fails(entrants: Any, **values: Any) -> Any:
        right(entrants, **values)
        msg = "the disk is full"
        raise OSError(msg)

    monkeypatch.setattr(people_import, "enrol", fails)
    for _ in range(jobs.MAX_ATTEMPTS):
        with transaction(write=False):
            moment = now()
        take_in()
        at(moment + timedelta(hours=1))
    assert people() == before
    desk = client_for(admin)
    assert "多次尝试未能办理，没有写入任何内容" in desk.get(page).text
    monkeypatch.setattr(people_import, "enrol", right)
    assert desk.post(f"{page}/retry").status_code == 303
    with transaction(write=False):
        assert set(db.session.scalars(select(Incident.status))) == {"resolved"}
    desk.forget()
    take_in()
    assert people() == before + 3
    assert desk.post(f"{page}/retry").status_code == 409


def test_activation_codes_are_made_when_they_are_handed_out(
    desk: Any, client_for: Any, unit: Unit
) -> None:
    numbers = [an_id_number(), an_id_number()]
    content = a_book(HEADS, ["林晓禾", numbers[0]], ["苏禾", numbers[1]])
    page = imported(desk, "people", content)
    assert "有 2 个新开通的账号尚未激活" in desk.get(page).text
    first = codes_after(desk, page)
    assert [row[0] for row in first] == ["林晓禾", "苏禾"]
    assert numbers[0] not in str(first)
    used = client_for(None)
    password = {"secret": first[0][4], "password": "Qinghe-2026", "again": "Qinghe-2026"}
    assert used.post("/activate", password).status_code == 303
    second = codes_after(desk, page)
    assert [row[0] for row in second] == ["苏禾"]
    stale = client_for(None).post("/activate", {**password, "secret": first[1][4]})
    assert stale.status_code == 422
    with transaction():
        person = person_by_id_number(numbers[1])
        assert person
        from app.accounts.operations import grant_role

        grant_role(person, "expert", scope_kind="all", scope_id=None, actor_id=None, now=now())
    assert desk.post(f"{page}/codes").status_code == 409


def test_whoever_waits_for_an_office_gets_no_code_by_an_import(desk: Any, unit: Unit) -> None:
    number = an_id_number()
    page = imported(desk, "people", a_book(HEADS, ["林晓禾", number]))
    with transaction():
        person = person_by_id_number(number)
        assert person
        proposal = grants.Proposal("security_admin", None, usual_day(now()), "接任")
        proposer = a_person("石一鸣", roles=[("system_admin", "all", None)])
        grants.propose_grant(person, proposal, actor=proposer, now=now())
    assert "尚未激活" not in desk.get(page).text
    assert desk.post(f"{page}/codes").status_code == 409


def test_who_entered_by_sign_on_gets_no_code(desk: Any) -> None:
    number = an_id_number()
    page = imported(desk, "people", a_book(HEADS, ["林晓禾", number]))
    with transaction():
        person = person_by_id_number(number)
        assert person
        about = ("person", person.id)
        audit.record("account:identity_linked", subject=about, actor_id=person.id, now=now())
    assert "尚未激活" not in desk.get(page).text
    assert desk.post(f"{page}/codes").status_code == 409


def codes_after(desk: Any, page: str) -> list[list[str]]:
    answer = desk.post(f"{page}/codes")
    assert answer.status_code == 200, answer.text
    return [list(row) for row in read_book(answer.data)["激活码"][1:]]


def test_only_the_units_administrators_see_and_only_who_handed_in_acts(
    desk: Any, client_for: Any, unit: Unit
) -> None:
    with transaction():
        other = a_unit("云桥区青禾小学", area="340602")
        colleague = a_person("同事", roles=[("unit_admin", "org", unit.id)])
        foreign = a_person("外人", roles=[("unit_admin", "org", other.id)])
        clerk = a_person("经办", roles=[("unit_clerk", "org", unit.id)])
    page = checked(desk, "people", a_book(HEADS, ["林晓禾", an_id_number()]))
    seen = client_for(colleague)
    assert seen.get(page).status_code == 200
    assert "确认导入</h2>" not in seen.get(page).text
    for act in ("confirm", "drop", "retry", "codes"):
        assert seen.post(f"{page}/{act}").status_code == 403, act
    assert seen.get(f"{page}/faulty").status_code == 403
    for person, status in ((foreign, 403), (clerk, 403), (None, 302)):
        assert client_for(person).get(page).status_code == status
        assert client_for(person).get("/imports").status_code in {status, 200}
    assert "名单.xlsx" not in client_for(foreign).get("/imports").text
    assert client_for(foreign).get(f"/imports/new/people?unit={unit.id}").status_code == 403
    refused = handed_in(client_for(foreign), "people", a_book(HEADS), unit=unit.id)
    assert refused.status_code == 403
    assert desk.get("/imports/new/nothing").status_code == 404
    assert desk.get("/imports/999999").status_code == 404
    with transaction(write=False):
        file_id = last_batch().file_id
    assert seen.get(f"/files/{file_id}").status_code in {403, 404}


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (a_book(["姓名", "电话"], ["林", "1"]), 422, "缺少列：居民身份证号码；不认识的列：电话"),
        (a_book([*HEADS, "姓名"], ["林"]), 422, "重复的列：姓名"),
        (a_book(HEADS), 422, "只有标题，没有数据"),
        (b"%PDF-1.7", 422, "不是电子表格"),
        (b"", 422, "文件是空的"),
        (a_book([*HEADS[:2], "=1+1"], ["林"], text=False), 422, "其第 3 列有误：单元格是公式"),
    ],
    ids=["headings", "double", "empty", "pdf", "no bytes", "formula"],
)
def test_a_file_of_another_shape_is_refused_in_its_place(
    desk: Any, content: bytes, status: int, said: str
) -> None:
    answer = handed_in(desk, "people", content)
    assert (answer.status_code, said in answer.text) == (status, True), answer.text
    assert "data-send" in answer.text
    with transaction(write=False):
        assert db.session.scalar(select(func.count(ImportBatch.id))) == 0
        assert db.session.scalar(select(func.count(StoredFile.id))) == 0


def test_a_file_that_is_too_large_is_refused_in_its_place(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert POLICY.max_bytes == 10 * 2**20
    monkeypatch.setattr("app.core.sheets.POLICY", replace(POLICY, max_bytes=2048))
    answer = handed_in(desk, "people", b"x" * 2049)
    assert (answer.status_code, "不超过 2 KB" in answer.text) == (413, True)


def test_no_file_at_all_is_told_in_its_place(desk: Any) -> None:
    answer = desk.post("/imports/new/people")
    assert (answer.status_code, "请选择要导入的文件" in answer.text) == (422, True)


def test_an_import_can_be_given_up_and_old_ones_are_forgotten(
    client_for: Any, admin: Person, at: Any
) -> None:
    desk = client_for(admin)
    given_up = checked(desk, "people", a_book(HEADS, ["林晓禾", an_id_number()]))
    done = imported(desk, "people", a_book(HEADS, ["苏禾", an_id_number()]))
    waits = checked(desk, "people", a_book(HEADS, ["李禾", an_id_number()]))
    assert desk.post(f"{done}/drop").status_code == 409
    assert desk.post(f"{given_up}/drop").status_code == 303
    desk.forget()
    with transaction(write=False):
        moment = now()
        assert db.session.scalar(select(func.count(ImportRow.id))) == 2
    at(moment + KEPT + timedelta(days=1))
    sweep()
    with transaction(write=False):
        assert db.session.scalar(select(func.count(ImportRow.id))) == 0
        assert db.session.scalar(select(func.count(StoredFile.id))) == 0
        batches = db.session.scalars(select(ImportBatch).order_by(ImportBatch.id))
        found = [batch.status for batch in batches]
    assert found == ["dropped", "done", "dropped"]
    desk = client_for(admin)
    assert "逐行结果保留 30 天" in desk.get(done).text
    assert "合计" in str(read_book(desk.get(f"{done}/report").data)["对账"])
    assert desk.get(waits).status_code == 200


def test_each_account_of_an_import_has_a_login_of_its_own(desk: Any) -> None:
    imported(desk, "people", a_book(HEADS, *(["林", an_id_number()] for _ in range(40))))
    with transaction(write=False):
        logins = list(db.session.scalars(select(Credential.login)))
    assert len(set(logins)) == len(logins)
    assert sum(bool(re.fullmatch(r"u\d{9}", login)) for login in logins) == 40
