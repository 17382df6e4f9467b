"""The pages of the portfolio, as their owner, their unit and strangers meet them."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.engine.incidents import open_incidents
from app.people.models import PersonSeries
from app.portfolio import attachments, decisions, operations, queries
from app.portfolio.models import PortfolioItem
from app.units.models import Unit
from tests.builders import portfolio as build
from tests.builders.people import a_person, a_unit, staff
from tests.builders.plans import a_series
from tests.builders.refusals import is_told_in_place

Sign = Callable[..., Any]


@pytest.fixture
def teacher(school: Unit) -> Person:
    with transaction():
        return a_person(unit=school)


def a_draft(person: Person, type_key: str = "work", **data: Any) -> PortfolioItem:
    with transaction():
        return build.an_item(db.session.merge(person), type_key, data=data)


def sent(person: Person, type_key: str = "work", **data: Any) -> PortfolioItem:
    with transaction():
        return build.a_submitted_item(db.session.merge(person), type_key, data=data)


def fresh(item: PortfolioItem) -> PortfolioItem:
    with transaction(write=False):
        db.session.expire_all()
        found = queries.item_of(item.id)
        _ = found.files, found.person, found.submissions
        return found


def typed(item: PortfolioItem, **changes: Any) -> dict[str, Any]:
    now_typed = {**fresh(item).data, **changes}
    return {**now_typed, "row_version": fresh(item).row_version}


def test_an_empty_portfolio_says_what_to_do_next(teacher: Person, client_for: Sign) -> None:
    page = client_for(teacher).get("/portfolio").text
    assert "业绩库还是空的" in page
    assert "录入第一项业绩" in page


def test_the_list_shows_counts_states_and_filters(teacher: Person, client_for: Sign) -> None:
    a_draft(teacher, unit="青禾小学", post="数学教师")
    sent(teacher, "honor")
    browser = client_for(teacher)
    page = browser.get("/portfolio").text
    assert "青禾小学 数学教师" in page
    assert "待审核" in page
    assert "(1/0)" in page
    assert "青禾小学" not in browser.get("/portfolio?type=honor").text.split('id="list"')[1]
    assert "没有符合条件的业绩" in browser.get("/portfolio?q=查无此项").text


def test_a_type_says_what_it_asks_for(teacher: Person, client_for: Sign) -> None:
    browser = client_for(teacher)
    assert "论著" in browser.get("/portfolio/new").text
    assert "书号" in browser.get("/portfolio/new/book").text
    assert browser.get("/portfolio/new/medal").status_code == 404


def test_beginning_an_item_opens_its_form(teacher: Person, client_for: Sign) -> None:
    browser = client_for(teacher)
    begun = browser.post("/portfolio/new/book")
    assert begun.status_code == 303
    page = browser.get(begun.location)
    assert page.status_code == 200
    assert "提交审核" in page.text
    assert "data-autosave" in page.text


def test_one_field_is_kept_as_it_is_typed(teacher: Person, client_for: Sign) -> None:
    item = a_draft(teacher)
    seen = item.row_version
    answer = client_for(teacher).post(
        f"/portfolio/{item.id}/fields",
        {"name": "post", "value": "语文教师", "row_version": seen},
    )
    assert answer.json == {"saved": True, "row_version": seen + 1, "judged": {}}
    assert fresh(item).data["post"] == "语文教师"


def test_a_stale_page_is_told_and_overwrites_nothing(teacher: Person, client_for: Sign) -> None:
    item = a_draft(teacher, post="教师")
    browser, url = client_for(teacher), f"/portfolio/{item.id}/fields"
    field = {"name": "post", "row_version": item.row_version}
    assert browser.post(url, {**field, "value": "甲"}).status_code == 200
    json = {"headers": {"Accept": "application/json"}}
    refused = browser.post(url, {**field, "value": "乙"}, **json)
    assert refused.status_code == 409
    assert "另一个页面" in refused.json["error"]
    assert fresh(item).data["post"] == "甲"


def test_a_stale_form_keeps_what_was_typed_on_the_page(teacher: Person, client_for: Sign) -> None:
    item = a_draft(teacher, post="教师")
    posted = {**typed(item), "post": "我刚写的岗位", "row_version": item.row_version - 1}
    page = client_for(teacher).post(f"/portfolio/{item.id}", posted)
    assert page.status_code == 409
    assert "我刚写的岗位" in page.text
    assert "另一页面已保存为“教师”" in page.text
    assert page.text.count("另一页面已") == 1, "at the one field that differs"
    assert 'name="disputed" value="post"' in page.text
    again = {**posted, "row_version": item.row_version, "disputed": "post"}

    def press(choice: str = "", **more: Any) -> Any:
        version = fresh(item).row_version
        answer = {**again, "row_version": version, "chosen-post": choice, **more}
        return client_for(teacher).post(f"/portfolio/{item.id}", answer)

    undecided = press()
    assert undecided.status_code == 409
    assert "我刚写的岗位" in undecided.text
    assert fresh(item).data["post"] == "教师", "no second press overwrites"
    assert press("ours", row_version=item.row_version - 1).status_code == 409, "it moved again"
    incomplete = press("kept", unit="", content="", decision="submit")
    assert incomplete.status_code == 422
    assert re.search(r'name="chosen-post" value="kept"[^>]* checked', incomplete.text)
    assert fresh(item).data["post"] == "教师"
    assert press("ours").status_code == 303
    assert fresh(item).data["post"] == "我刚写的岗位"


def test_a_stale_form_that_says_the_same_is_saved(teacher: Person, client_for: Sign) -> None:
    item = a_draft(teacher, post="教师")
    posted = {**typed(item), "row_version": item.row_version - 1}
    assert client_for(teacher).post(f"/portfolio/{item.id}", posted).status_code == 303


def test_an_unreadable_field_is_refused_with_its_reason(teacher: Person, client_for: Sign) -> None:
    item = a_draft(teacher)
    answer = client_for(teacher).post(
        f"/portfolio/{item.id}/fields",
        {"name": "start", "value": "去年"},
        headers={"Accept": "application/json"},
    )
    assert answer.status_code == 422
    assert "start" in answer.json["errors"]


def test_an_incomplete_submission_keeps_typed_values_and_marks_the_rest(
    teacher: Person, client_for: Sign
) -> None:
    item = a_draft(teacher)
    posted = typed(item, post="", content="二十年一线教学", start="不是年月", decision="submit")
    page = client_for(teacher).post(f"/portfolio/{item.id}", posted)
    assert page.status_code == 422
    assert "二十年一线教学" in page.text
    assert "不是年月" in page.text
    assert "有内容需要修改" in page.text
    assert fresh(item).data["content"] == "二十年一线教学"
    assert fresh(item).status == "draft"


def test_a_wrong_field_hides_neither_what_is_empty_nor_what_is_not_attached(
    teacher: Person, client_for: Sign
) -> None:
    item = a_draft(teacher, "book")
    form = {"title": "小学数学说理课堂", "isbn": "978-7-00-000000-9", "decision": "submit"}
    answer = client_for(teacher).post(f"/portfolio/{item.id}", form)
    assert answer.status_code == 422
    for name in ("isbn", "publisher", "published", "cover", "copyright"):
        beside = answer.text.partition(f'id="{name}-error"')[2].partition("</div>")[0]
        assert beside.partition(">")[2].strip(), name
    assert 'value="978-7-00-000000-9"' in answer.text


def test_a_complete_item_goes_to_the_unit(teacher: Person, client_for: Sign) -> None:
    item = a_draft(teacher)
    done = client_for(teacher).post(f"/portfolio/{item.id}", typed(item, decision="submit"))
    assert (done.status_code, done.location) == (303, "/portfolio")
    assert fresh(item).status == "submitted"


def test_a_person_without_a_unit_may_type_and_is_told_what_to_do(
    app: Flask, client_for: Sign
) -> None:
    del app
    with transaction():
        loner = a_person("于谨言", roles=[("applicant", "all", None)])
    browser, item = client_for(loner), a_draft(loner)
    page = browser.get(f"/portfolio/{item.id}").text
    assert "去绑定单位" in page
    assert browser.post(f"/portfolio/{item.id}", typed(item, post="讲师")).status_code == 303
    refused = browser.post(f"/portfolio/{item.id}", typed(item, note="新备注", decision="submit"))
    assert refused.status_code == 409
    assert "绑定单位" in refused.text
    assert fresh(item).data["note"] == "新备注"


def test_uploads_go_into_their_slot_and_out_again(teacher: Person, client_for: Sign) -> None:
    item = a_draft(teacher)
    browser = client_for(teacher)
    url = f"/portfolio/{item.id}/files/proof"
    answer = browser.post(url, {"file": (io.BytesIO(build.a_picture()), "任职证明.png")})
    assert answer.status_code == 200, answer.text
    assert answer.json["name"] == "任职证明.png"
    assert [f.name for f in fresh(item).files] == ["任职证明.png"]
    renamed = browser.post(f"{url}/{answer.json['id']}/name", {"name": "聘书"})
    assert renamed.status_code == 303
    assert [f.name for f in fresh(item).files] == ["聘书.png"]
    gone = browser.post(f"/portfolio/{item.id}/fields", {"name": "proof", "value": ""})
    assert gone.status_code == 200
    assert fresh(item).files == []


def test_an_upload_of_another_kind_is_refused(teacher: Person, client_for: Sign) -> None:
    item = a_draft(teacher)
    answer = client_for(teacher).post(
        f"/portfolio/{item.id}/files/proof", {"file": (io.BytesIO(b"MZ program"), "a.exe")}
    )
    assert answer.status_code == 422
    assert fresh(item).files == []


def test_what_is_wrong_in_a_row_is_said_once_in_the_summary_and_once_in_its_place(
    teacher: Person, client_for: Sign
) -> None:
    with transaction():
        item = build.an_item(db.session.merge(teacher), "held_title")
    row = {"post": "一级教师", "unit": "青禾小学", "start": "2015-01-01", "end": "2014-01-01"}
    typed = {f"appointments-0-{name}": value for name, value in row.items()}
    answer = client_for(teacher).post(f"/portfolio/{item.id}", {**typed, "decision": "submit"})
    assert answer.status_code == 422
    assert answer.text.count("不能早于聘用开始日期") == 2


def test_a_returned_item_shows_the_opinion_on_top(teacher: Person, client_for: Sign) -> None:
    item = sent(teacher)
    with transaction():
        build.vet(queries.item_of(item.id), "return", "任职证明缺盖章页")
    page = client_for(teacher).get(f"/portfolio/{item.id}").text
    assert "任职证明缺盖章页" in page
    assert "重新提交审核" in page


@pytest.mark.parametrize("path", ["", "/fields", "/files/proof", "/delete", "/copy"])
def test_a_strangers_item_does_not_exist(
    school: Unit, teacher: Person, client_for: Sign, path: str
) -> None:
    item = a_draft(teacher)
    with transaction():
        other = a_person("柏小满", unit=db.session.merge(school))
    browser = client_for(other)
    assert browser.get(f"/portfolio/{item.id}").status_code == 404
    assert browser.post(f"/portfolio/{item.id}{path}", {"name": "post"}).status_code == 404


def test_the_unit_reads_what_was_sent_and_no_drafts(
    school: Unit, teacher: Person, client_for: Sign
) -> None:
    draft, item = a_draft(teacher), sent(teacher)
    with transaction():
        clerk = staff(school, "unit_clerk")
        foreign = staff(a_unit("岭南小学"), "unit_clerk")
    assert client_for(clerk).get(f"/portfolio/{item.id}").status_code == 200
    assert client_for(clerk).get(f"/portfolio/{draft.id}").status_code == 404
    assert client_for(foreign).get(f"/portfolio/{item.id}").status_code == 404


def test_applicants_have_no_archive(teacher: Person, client_for: Sign) -> None:
    assert client_for(teacher).get("/portfolio/archive").status_code == 403


def test_the_archive_shows_own_people_only(
    school: Unit, teacher: Person, client_for: Sign
) -> None:
    sent(teacher, post="数学教师")
    with transaction():
        clerk = staff(school, "unit_clerk")
        other = a_unit("岭南小学")
        stranger = staff(other, "unit_clerk")
        build.a_submitted_item(a_person("柏小满", unit=other), "work", data={"post": "校医"})
    page = client_for(clerk).get("/portfolio/archive").text
    assert "数学教师" in page
    assert "校医" not in page
    assert "批量通过" in page
    assert "校医" in client_for(stranger).get("/portfolio/archive").text


def test_many_items_are_decided_with_one_opinion_each_in_its_own_log(
    school: Unit, teacher: Person, client_for: Sign
) -> None:
    items = [sent(teacher, post=f"岗位{n}") for n in range(3)]
    with transaction():
        clerk = staff(school, "unit_clerk")
    done = client_for(clerk).post(
        "/portfolio/archive",
        {"id": last_tasks(*items[:2]), "decision": "pass", "opinion": "情况属实"},
    )
    assert done.status_code == 303
    assert [fresh(i).status for i in items] == ["approved", "approved", "submitted"]
    with transaction(write=False):
        from app.units.flow import flow_log

        for item in items[:2]:
            said = [e.note for e in flow_log((operations.BUSINESS, item.id)) if e.note]
            assert said == ["情况属实"]


def test_a_step_that_fails_in_a_batch_is_recorded_and_stops_no_other(
    school: Unit, teacher: Person, client_for: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [sent(teacher, post=f"岗位{n}") for n in range(2)]
    with transaction():
        clerk = staff(school, "unit_clerk")
    decide = decisions.vet_item

    def fail_first(item: PortfolioItem, *args: Any, **values: Any) -> Any:
        if item.id == items[0].id:
            raise LookupError("编号规则缺失")
        return decide(item, *args, **values)

    monkeypatch.setattr(decisions, "vet_item", fail_first)
    browser = client_for(clerk)
    answer = browser.post(
        "/portfolio/archive", {"id": last_tasks(*items), "decision": "pass", "opinion": "属实"}
    )
    assert answer.status_code == 303
    assert [fresh(i).status for i in items] == ["submitted", "approved"]
    assert "异常已记录" in browser.get(answer.location).text
    with transaction(write=False):
        [incident] = open_incidents()
        assert incident.message == "编号规则缺失"


def last_tasks(*items: PortfolioItem) -> list[int]:
    with transaction(write=False):
        return build.last_tasks(item.id for item in items)


def test_a_batch_return_needs_an_opinion(school: Unit, teacher: Person, client_for: Sign) -> None:
    item = sent(teacher)
    with transaction():
        clerk = staff(school, "unit_clerk")
    answer = client_for(clerk).post(
        "/portfolio/archive", {"id": last_tasks(item), "decision": "return"}
    )
    [task] = last_tasks(item)
    ticked = (
        f'value="{task}" aria-label="选择 {item.person.name} {item.summary}" data-pick checked'
    )
    assert is_told_in_place(answer, "批量退回时请填写退回意见", ticked)
    none = client_for(clerk).post("/portfolio/archive", {"decision": "return", "opinion": "缺页"})
    assert is_told_in_place(none, "请先勾选待审核的业绩", "缺页")
    assert fresh(item).status == "submitted"


def test_another_units_clerk_decides_nothing(teacher: Person, client_for: Sign) -> None:
    item = sent(teacher)
    with transaction():
        foreign = staff(a_unit("岭南小学"), "unit_clerk")
    client_for(foreign).post("/portfolio/archive", {"id": last_tasks(item), "decision": "pass"})
    assert fresh(item).status == "submitted"


def test_the_task_page_shows_the_evidence_beside_the_form(
    school: Unit, teacher: Person, client_for: Sign
) -> None:
    item = a_draft(teacher, "assessment", year=2025)
    with transaction():
        owner, clerk = db.session.merge(teacher), staff(school, "unit_clerk")
        paper = build.attach(queries.item_of(item.id), "form", "考核表.pdf")
        picture = queries.item_of(item.id).files[0].file_id
        attachments.place_files(
            queries.item_of(item.id), "form", [paper, picture], actor=owner, now=now()
        )
        operations.submit_item(queries.item_of(item.id), actor=owner, now=now())
        task = build.review_task(queries.item_of(item.id))
    browser = client_for(clerk)
    page = browser.get(f"/tasks/{task.id}").text
    seen = re.sub(r"<[^>]*>", "", page)
    assert page.index("考核表.pdf") < page.index("证明.png"), "as their owner has put them"
    assert (seen.count("考核表.pdf"), seen.count("在此查看")) == (1, 1)
    assert "社保缴费单位" not in seen, "what is asked for with another proof only"
    assert "退回修改" in page
    refused = browser.post(f"/tasks/{task.id}", {"decision": "return", "opinion": ""})
    assert refused.status_code == 422
    done = browser.post(f"/tasks/{task.id}", {"decision": "return", "opinion": "缺盖章页"})
    assert done.status_code == 303
    assert fresh(item).status == "returned"


def test_a_draft_can_be_deleted_and_an_item_copied(teacher: Person, client_for: Sign) -> None:
    draft, item = a_draft(teacher), sent(teacher, "honor")
    browser = client_for(teacher)
    assert browser.post(f"/portfolio/{draft.id}/delete").location == "/portfolio"
    assert browser.get(f"/portfolio/{draft.id}").status_code == 404
    assert browser.post(f"/portfolio/{item.id}/delete").status_code == 409
    twin = browser.post(f"/portfolio/{item.id}/copy")
    assert "草稿" in browser.get(twin.location).text


def test_the_home_page_counts_the_portfolio(teacher: Person, client_for: Sign) -> None:
    sent(teacher)
    page = client_for(teacher).get("/home").text
    assert "业绩统计" in page
    assert "待审核 1 项" in page


def test_an_approved_item_is_asked_back_from_its_page(
    school: Unit, teacher: Person, client_for: Sign
) -> None:
    with transaction():
        version = build.an_approved_item(db.session.merge(teacher), "work")
        clerk, url = staff(school, "unit_clerk"), f"/portfolio/{version.item_id}"
    browser = client_for(teacher)
    assert "申请撤回修改" in browser.get(url).text
    refused = browser.post(f"{url}/withdraw", {"reason": ""})
    assert is_told_in_place(refused, "请填写撤回原因", '<details class="card mb-3" open>')
    assert browser.post(f"{url}/withdraw", {"reason": "岗位变动"}).status_code == 303
    assert "撤回申请已提交" in browser.get(url).text
    assert "1 项撤回申请" in client_for(clerk).get("/portfolio/archive").text


@pytest.mark.parametrize("year", ["10000", "-5", "0", "²", "9" * 30])
def test_a_year_that_no_date_has_filters_nothing(
    teacher: Person, client_for: Sign, year: str
) -> None:
    assert client_for(teacher).get(f"/portfolio?year={year}").status_code == 200


def test_a_page_that_another_has_overtaken_takes_no_upload_out(
    teacher: Person, client_for: Sign
) -> None:
    item = a_draft(teacher, "honor")
    slot = fresh(item).files[0].slot
    with transaction():
        owner = db.session.merge(teacher)
        first, second = (build.an_upload(owner, f"{name}.png").id for name in ("甲", "乙"))
    browser, address = client_for(teacher), f"/portfolio/{item.id}/fields"
    field = {"name": slot, "row_version": fresh(item).row_version}
    assert browser.post(address, {**field, "value": first}).status_code == 200
    assert browser.post(address, {**field, "value": second}).status_code == 409
    assert [file.file_id for file in fresh(item).files] == [first]


def choose_series(person: Person, name: str) -> None:
    with transaction():
        series_id = a_series(name).id
        db.session.add(PersonSeries(person_id=person.id, place=1, series_id=series_id))


def test_only_people_of_the_health_series_are_offered_what_is_special_to_it(
    teacher: Person, client_for: Sign
) -> None:
    browser = client_for(teacher)
    for url in ("/portfolio", "/portfolio/new"):
        assert 'health_workload"' not in browser.get(url).text
    assert "行业专用" not in browser.get("/portfolio/new").text
    refused = browser.post("/portfolio/new/health_case")
    assert (refused.status_code, "供卫生技术人员系列填报" in refused.text) == (403, True)
    choose_series(teacher, "卫生技术人员")
    page = browser.get("/portfolio/new").text
    assert ("行业专用" in page, "/portfolio/new/health_case" in page) == (True, True)
    for url in ("/portfolio", "/portfolio/new"):
        assert "卫生技术人员系列设有专用业绩" in browser.get(url).text
    a_draft(teacher, "health_workload", year=2025)
    assert "系列设有专用业绩" not in browser.get("/portfolio").text


def test_the_check_counts_what_the_unit_has_approved_of_the_own_series(teacher: Person) -> None:
    a_draft(teacher, "health_workload", year=2025)
    with transaction():
        assert queries.approved_special(teacher.id, "中小学教师") == ([], 0)
        build.an_approved_item(db.session.merge(teacher), "health_case")
        kinds, count = queries.approved_special(teacher.id, "卫生技术人员")
        assert [kind.title for kind in kinds] == ["临床工作量", "病案和专题报告", "手术和操作"]
        assert count == 1


def test_every_fault_of_a_row_is_said_at_once_with_its_column(
    teacher: Person, client_for: Sign
) -> None:
    item = a_draft(teacher, "held_title")
    row = {"post": "", "unit": "青禾小学", "start": "2025-09-01", "end": "2024-09-01"}
    sent = {f"appointments-0-{name}": text for name, text in row.items()}
    answer = client_for(teacher).post(f"/portfolio/{item.id}", {**sent, "decision": "submit"})
    assert answer.status_code == 422
    assert 'appointments-0-post">评聘情况第 1 行 · 聘用名称</a>：请填写聘用名称<' in answer.text
    assert 'appointments-0-end">评聘情况第 1 行 · 聘用结束日期</a>：不能早于' in answer.text
