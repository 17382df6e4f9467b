"""岗位核准信息: entered once, locked, changed by a process; what applications take is counted."""

from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from time import sleep
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.core.invariants import check_all
from app.core.storage import StoredFile
from app.declarations import operations
from app.declarations.facts import check
from app.declarations.models import Declaration, Recommendation
from app.declarations.post_use import post_line
from app.engine import care
from app.engine.handlers import Scope
from app.engine.models import ProcessInstance
from app.plans.models import QuotaMode
from app.units import posts
from app.units.models import Unit
from app.units.post_models import PostSheet
from app.units.post_process import POSTS
from tests.builders.declarations import a_declaration
from tests.builders.flow import do, open_items
from tests.builders.golden_case import VET_PASS
from tests.builders.locks import locks_on
from tests.builders.people import a_person, a_unit, staff
from tests.builders.portfolio import an_upload
from tests.builders.refusals import is_told_in_place

URL = "/unit/posts"
DECLARATION = "declaration"


@dataclass
class Case:
    """A school below a bureau, both with an administrator."""

    school: Unit
    admin: Person
    bureau: Person


@pytest.fixture
def case(app: Flask) -> Case:
    with transaction():
        bureau = a_unit("云桥区教体局", kind="机关", type_="主管部门")
        school = a_unit("青禾小学", parent=bureau)
        return Case(
            school,
            a_person("敖正言", roles=[("unit_admin", "org", school.id)]),
            a_person("本局管理员", roles=[("unit_admin", "org", bureau.id)]),
        )


def form(case: Case, **changed: str) -> dict[str, str]:
    with transaction():
        person = db.session.get_one(Person, case.admin.id)
        file = an_upload(person, "岗位核准表.png").id
    said = {"approved_1": "14", "occupied_1": "13", "approved_2": "30", "file": str(file)}
    return {**said, **changed}


def counts(case: Case) -> list[tuple[str, int, int, int]]:
    with transaction(write=False):
        return [
            (line.level, line.approved, line.occupied, line.free)
            for line in posts.lines_of(case.school.id)
        ]


def vet(client_for: Any, who: Person, decision: str, opinion: str = "") -> Any:
    with transaction(write=False):
        sheet = db.session.query(PostSheet).order_by(PostSheet.id.desc()).first()
        task = open_items((POSTS, sheet.id))[0].id
    return client_for(who).post(f"/tasks/{task}", {"decision": decision, "opinion": opinion})


def test_what_was_submitted_counts_at_once_and_is_locked(case: Case, client_for: Any) -> None:
    browser = client_for(case.admin)
    assert "填报岗位核准信息" in browser.get(URL).text
    assert "岗位核准信息" in browser.get("/unit").text
    assert browser.post(URL, form(case)).status_code == 303
    assert counts(case) == [
        ("正高级", 0, 0, 0),
        ("副高级", 14, 13, 1),
        ("中级", 30, 0, 30),
        ("初级", 0, 0, 0),
    ]
    page = browser.get(URL).text
    assert ("申请变更岗位核准信息" in page, "首次填报" in page) == (True, True)
    # Nothing but a change, with a reason, leads further.
    answer = browser.post(URL, form(case))
    assert is_told_in_place(answer, "请填写变更理由")
    reason = browser.get(URL).text.partition('data-field="reason"')[2][:300]
    assert "（必填）" in reason, "said before it is sent, too"
    assert browser.post(URL, form(case, approved_1="20", reason="新批")).status_code == 303
    assert counts(case)[1][1] == 14


def test_a_change_is_vetted_returned_mended_and_replaces(case: Case, client_for: Any) -> None:
    browser = client_for(case.admin)
    browser.post(URL, form(case))
    browser.post(URL, form(case, approved_1="20", reason="淮人社〔2026〕9 号"))
    assert "等待云桥区教体局审核" in browser.get(URL).text
    assert browser.post(URL, form(case, reason="再改")).status_code == 409
    assert vet(client_for, case.admin, "pass").status_code == 403
    assert vet(client_for, case.bureau, "return").status_code == 422
    with transaction(write=False):
        file_id = db.session.query(PostSheet).filter_by(status="pending").one().file_id
    assert client_for(case.bureau).get(f"/files/{file_id}").status_code == 200
    vet(client_for, case.bureau, "return", "盖章不清晰")
    page = browser.get(URL).text
    assert ("盖章不清晰" in page, 'value="20"' in page) == (True, True)
    again = form(case, approved_1="18", reason="更正", file=str(file_id))
    assert browser.post(URL, again).status_code == 303
    vet(client_for, case.bureau, "return", "盖章仍不清晰")
    assert browser.post(URL, form(case, approved_1="18", reason="更正")).status_code == 303
    with transaction(write=False):
        assert db.session.get(StoredFile, file_id) is None, "what was replaced goes"
    assert vet(client_for, case.bureau, "pass").status_code == 303
    assert counts(case)[1] == ("副高级", 18, 13, 5)
    with transaction(write=False):
        states = sorted(sheet.status for sheet in db.session.query(PostSheet))
        assert states == ["in_force", "replaced"]
        assert check_all() == []


def test_a_returned_change_is_given_up(case: Case, client_for: Any) -> None:
    browser = client_for(case.admin)
    assert browser.post(f"{URL}/drop").status_code == 409
    browser.post(URL, form(case))
    browser.post(URL, form(case, approved_1="20", reason="新批"))
    vet(client_for, case.bureau, "return", "无批文")
    assert browser.post(f"{URL}/drop").status_code == 303
    assert counts(case)[1][1] == 14
    with transaction(write=False):
        running = db.session.query(ProcessInstance).filter_by(process_key="post_approval")
        assert running.one().status == "completed"


def test_who_was_given_a_returned_change_mends_it_on_the_units_page(
    case: Case, client_for: Any
) -> None:
    browser = client_for(case.admin)
    browser.post(URL, form(case))
    browser.post(URL, form(case, approved_1="20", reason="新批"))
    vet(client_for, case.bureau, "return", "无批文")
    with transaction():
        second = a_person("校管理员二", roles=[("unit_admin", "org", case.school.id)])
        sheet = db.session.query(PostSheet).filter_by(status="returned").one()
        item = open_items((POSTS, sheet.id))[0]
        to = Scope("person", second.id)
        care.reassign(item, to, reason="专人办理", actor_id=None, now=now())
    address = client_for(second).get(f"/tasks/{item.id}").location
    assert address == f"{URL}?unit={case.school.id}"
    assert client_for(second).get(address).status_code == 200


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"approved_1": "100000"}, "请填写 0 至 99999 的整数"),
        ({"approved_1": "-1"}, "请填写 0 至 99999 的整数"),
        ({"occupied_1": "很多"}, "请填写 0 至 99999 的整数"),
        ({"approved_1": "", "approved_2": ""}, "核定岗位数"),
        ({"file": ""}, "请上传人社部门盖章的岗位核准表"),
        ({"file": "999999"}, "请上传人社部门盖章的岗位核准表"),
    ],
)
def test_what_does_not_hold_is_said_at_its_field(
    case: Case, client_for: Any, change: dict[str, str], words: str
) -> None:
    answer = client_for(case.admin).post(URL, form(case, **change))
    assert is_told_in_place(answer, words)
    assert counts(case) == []


def test_all_that_lacks_is_told_in_one_round(case: Case, client_for: Any) -> None:
    browser = client_for(case.admin)
    faulty = browser.post(URL, form(case, approved_1="十四", file="")).text
    assert ("请填写 0 至 99999 的整数" in faulty, "请上传人社部门盖章" in faulty) == (True, True)
    # What is no number is compared with nothing.
    minus = browser.post(URL, form(case, approved_1="-1", approved_2="", occupied_1="2")).text
    assert "请填写 0 至 99999 的整数" in minus
    assert "已聘 2 人、核定 0 个" not in minus
    browser.post(URL, form(case))
    again = browser.post(URL, form(case, approved_1="12abc", occupied_1="", file="")).text
    for words in ("请填写 0 至 99999 的整数", "请上传人社部门盖章", "请填写变更理由"):
        assert words in again


def test_more_people_than_posts_are_taken_only_when_it_is_said_to_be_true(
    case: Case, client_for: Any
) -> None:
    browser = client_for(case.admin)
    assert "over_is_true" not in browser.get(URL).text
    answer = browser.post(URL, form(case, occupied_1="15"))
    assert is_told_in_place(answer, "副高级已聘 15 人、核定 14 个")
    assert counts(case) == []
    answer = browser.post(URL, form(case, occupied_1="15", over_is_true="y"))
    assert answer.status_code == 303
    page = browser.get(URL).text
    assert ("超岗 1" in page, "副高级 15/14" in page) == (True, True)


def test_a_foreign_file_is_no_stamped_table(case: Case, client_for: Any) -> None:
    with transaction():
        foreign = an_upload(db.session.get_one(Person, case.bureau.id)).id
    answer = client_for(case.admin).post(URL, form(case, file=str(foreign)))
    assert is_told_in_place(answer, "请上传人社部门盖章的岗位核准表")


def test_only_a_public_institution_has_posts_and_only_its_administrator_enters_them(
    case: Case, client_for: Any
) -> None:
    with transaction():
        company = a_unit("澄江公司", kind="企业")
        boss = a_person("企业管理员", roles=[("unit_admin", "org", company.id)])
        clerk = staff(db.session.get_one(Unit, case.school.id), "unit_clerk")
    browser = client_for(boss)
    assert "岗位核准信息" not in browser.get("/unit").text
    for way in ("get", "post"):
        assert getattr(browser, way)(URL).status_code == 404
        assert getattr(browser, way)(f"{URL}?unit={case.school.id}").status_code == 403
        assert getattr(client_for(clerk), way)(URL).status_code == 403


def entered(declaration: Declaration, approved: int, occupied: int) -> None:
    with transaction():
        unit = db.session.get_one(Unit, declaration.unit_id)
        actor = a_person("敖正言", roles=[("unit_admin", "org", unit.id)])
        numbers = dict.fromkeys(("正高级", "中级", "初级"), (0, 0))
        entry = posts.Entry({**numbers, "副高级": (approved, occupied)}, an_upload(actor).id)
        posts.submit_sheet(unit, entry, actor=actor, now=now())


def test_a_recommendation_holds_a_post_until_the_end(app: Flask) -> None:
    declaration = a_declaration()
    entered(declaration, 14, 13)
    do((DECLARATION, declaration.id), "vet_declaration", {**VET_PASS, "uses_post": "yes"})
    with transaction():
        found = db.session.get_one(Declaration, declaration.id)
        line = posts.line_for(found.unit_id, found.title.level)
        assert line is not None
        assert (line.occupied, line.held, line.free) == (13, 1, 0)
        # Nothing is held against itself.
        own = post_line(found)
        assert own is not None
        assert own.free == 1
        found.status, found.updated_at = "passed", now()
        db.session.flush()
        line = posts.line_for(found.unit_id, found.title.level)
        assert line is not None
        assert (line.occupied, line.held, line.free) == (14, 0, 0)
        found.status = "failed"
        db.session.flush()
        line = posts.line_for(found.unit_id, found.title.level)
        assert line is not None
        assert line.free == 1


@pytest.mark.parametrize(("days", "occupied"), [(2, 14), (-2, 13)])
def test_what_passes_after_a_sheet_was_submitted_fills_a_post_beyond_it(
    app: Flask, days: int, occupied: int
) -> None:
    declaration = a_declaration()
    entered(declaration, 14, 13)
    do((DECLARATION, declaration.id), "vet_declaration", {**VET_PASS, "uses_post": "yes"})
    with transaction():
        found = db.session.get_one(Declaration, declaration.id)
        sheet = posts.sheet_in_force(found.unit_id)
        assert sheet is not None
        # A new sheet, submitted after the recommendation and approved a week later.
        sheet.submitted_at = now() + timedelta(days=1)
        sheet.in_force_at = now() + timedelta(days=8)
        found.status, found.updated_at = "passed", sheet.submitted_at + timedelta(days=days)
        db.session.flush()
        line = posts.line_for(found.unit_id, found.title.level)
        assert line is not None
        assert (line.occupied, line.held) == (occupied, 0)


@pytest.mark.parametrize(
    ("mode", "uses_post", "refused"),
    [
        (QuotaMode.BLOCK, "yes", True),
        (QuotaMode.BLOCK, "no", False),
        (QuotaMode.WARN, "yes", False),
        (QuotaMode.OFF, "yes", False),
    ],
)
def test_a_full_quota_blocks_or_warns_as_the_plan_says(
    app: Flask, client_for: Any, mode: QuotaMode, uses_post: str, refused: bool
) -> None:
    declaration = a_declaration()
    entered(declaration, 14, 14)
    with transaction():
        db.session.get_one(Declaration, declaration.id).plan.quota_mode = mode
        clerk = staff(db.session.get_one(Unit, declaration.unit_id), "unit_clerk")
        task = open_items((DECLARATION, declaration.id))[0].id
    page = client_for(clerk).get(f"/tasks/{task}").text
    assert ("岗位使用情况" in page, "副高级岗位已满" in page) == (True, mode != QuotaMode.OFF)
    answer = client_for(clerk).post(f"/tasks/{task}", {**VET_PASS, "uses_post": uses_post})
    assert (answer.status_code == 422) == refused
    with transaction(write=False):
        assert ("核定 14，已聘 14" in answer.text) == refused
        assert db.session.query(Recommendation).count() == (0 if refused else 1)


@pytest.mark.parametrize(
    ("mode", "blocked", "reminded"),
    [
        (QuotaMode.BLOCK, True, False),
        (QuotaMode.WARN, False, True),
        (QuotaMode.OFF, False, False),
    ],
)
def test_the_check_before_submission_looks_at_the_posts_where_the_plan_asks(
    app: Flask, mode: QuotaMode, blocked: bool, reminded: bool
) -> None:
    declaration = a_declaration(at="fill_declaration")
    entered(declaration, 14, 14)
    with transaction():
        found = db.session.get_one(Declaration, declaration.id)
        found.plan.quota_mode = mode
        report = check(found, now=now())
        failed = [row.text for row in report.failures if row.rule == "posts.not_blocked"]
        hints = [row.text for row in report.hints if row.rule == "posts.free"]
        assert (bool(failed), bool(hints)) == (blocked, reminded)
        assert all("核定 14, 已聘 14" in text for text in (*failed, *hints))


def test_a_unit_that_entered_no_posts_is_told_and_not_stopped(app: Flask, client_for: Any) -> None:
    declaration = a_declaration()
    with transaction():
        found = db.session.get_one(Declaration, declaration.id)
        found.plan.quota_mode = QuotaMode.BLOCK
        clerk = staff(found.unit, "unit_clerk")
        task = open_items((DECLARATION, declaration.id))[0].id
        assert operations.recommendation_faults(found, VET_PASS, now()) == {}
    assert "尚未填报岗位核准信息" in client_for(clerk).get(f"/tasks/{task}").text


def test_one_sheet_counts_and_one_change_waits(case: Case, app: Flask) -> None:
    with transaction():
        unit = db.session.get_one(Unit, case.school.id)
        actor = db.session.get_one(Person, case.admin.id)
        counted = dict.fromkeys(("正高级", "副高级", "中级", "初级"), (1, 0))

        def submit(reason: str) -> None:
            entry = posts.Entry(counted, an_upload(actor).id, reason)
            posts.submit_sheet(unit, entry, actor=actor, now=now())

        submit("")
        with pytest.raises(Invalid, match="变更理由"):
            submit("")
        submit("新批")
        assert db.session.query(PostSheet).count() == 2


def test_who_only_refers_to_a_unit_is_not_held_up_by_its_posts(case: Case) -> None:
    numbers = dict.fromkeys(("正高级", "副高级", "中级", "初级"), (5, 5))
    with transaction(), locks_on("unit") as locks:
        unit = db.session.get_one(Unit, case.school.id)
        entry = posts.Entry(numbers, an_upload(case.admin).id)
        posts.submit_sheet(unit, entry, actor=case.admin, now=now())
        posts.line_for(unit.id, "副高级", lock=True)
    assert locks == ["NO KEY UPDATE", "NO KEY UPDATE"]


def test_who_takes_a_post_waits_for_the_sheet_that_is_being_put_in_force(
    case: Case, app: Flask
) -> None:
    numbers = dict.fromkeys(("正高级", "副高级", "中级", "初级"), (5, 5))
    with transaction():
        unit, actor = db.session.get_one(Unit, case.school.id), case.admin
        for reason in ("", "新批"):
            entry = posts.Entry(numbers, an_upload(actor).id, reason)
            sheet = posts.submit_sheet(unit, entry, actor=actor, now=now())
        unit_id, sheet_id, office = unit.id, sheet.id, case.bureau.id
    decided, lines = Event(), []

    def put_in_force() -> None:
        with app.app_context(), transaction():
            change = db.session.get_one(PostSheet, sheet_id)
            posts.decide(change, approve=True, opinion="", actor_id=office, now=now())
            decided.set()
            sleep(0.5)

    def take() -> None:
        decided.wait(timeout=10)
        with app.app_context(), transaction():
            lines.append(posts.line_for(unit_id, "副高级", lock=True))

    acts = [Thread(target=put_in_force), Thread(target=take)]
    for act in acts:
        act.start()
    for act in acts:
        act.join(timeout=20)
    assert [line is not None for line in lines] == [True]


def filled_by(declaration: Declaration) -> tuple[Person, Person]:
    """Fill one post beyond the sheet; the administrators of the unit and of its superior."""
    entered(declaration, 14, 12)
    do((DECLARATION, declaration.id), "vet_declaration", {**VET_PASS, "uses_post": "yes"})
    with transaction():
        found = db.session.get_one(Declaration, declaration.id)
        found.status, found.updated_at = "passed", now() + timedelta(seconds=1)
        school = found.unit
        roles = [("unit_admin", "org", school.parent_id)]
        admin = staff(school, "unit_admin")
        return admin, a_person("本局管理员", roles=roles)


def test_a_change_keeps_the_posts_that_were_filled_since_the_last_sheet(
    app: Flask, client_for: Any, at: Any
) -> None:
    admin, bureau = filled_by(a_declaration())
    with transaction(write=False):
        tomorrow = now() + timedelta(days=1)
    at(tomorrow)
    browser = client_for(admin)
    page = browser.get(URL).text
    occupied = page.partition('name="occupied_1"')
    assert 'value="13"' in occupied[0].rpartition("<input")[2] + occupied[2].partition(">")[0]
    case = Case(admin, admin, bureau)  # type: ignore[arg-type]
    less = form(case, approved_1="20", occupied_1="12", reason="新批")
    assert is_told_in_place(browser.post(URL, less), "副高级填报已聘 12 人、平台现记 13 人")
    assert browser.post(URL, {**less, "fewer_is_true": "y"}).status_code == 303
    with transaction(write=False):
        sheet = db.session.query(PostSheet).filter_by(status="pending").one()
        task = open_items((POSTS, sheet.id))[0].id
    told = client_for(bureau).get(f"/tasks/{task}").text
    assert "副高级填报的已聘人数比平台现记的 13 人少 1 人" in told
    assert vet(client_for, bureau, "return", "请核实").status_code == 303
    assert browser.post(URL, form(case, approved_1="20", reason="更正")).status_code == 303
    assert "平台现记" not in client_for(bureau).get(f"/tasks/{task}").text
