"""The applicant's pages: filling, checking, submitting, and whom they are shown to."""

import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.core import storage
from app.core.clock import now
from app.core.db import db, transaction
from app.declarations import queries
from app.declarations.models import Declaration
from app.portfolio.models import PortfolioItem
from tests.app.declarations.kit import staff_of, text
from tests.builders.declarations import (
    a_declaration,
    a_draft,
    a_pdf,
    a_photo,
    approved_item,
    golden_declaration,
    standard_item,
    start,
)
from tests.builders.flow import open_items
from tests.builders.golden_case import CLOSES, LATER, PRIOR_TITLE
from tests.builders.people import a_person, a_unit, staff
from tests.builders.portfolio import a_picture, an_upload
from tests.builders.refusals import is_told_in_place

Clients = Callable[..., Any]
Clock = Callable[[datetime], None]


@pytest.fixture
def case(app: Flask) -> Any:
    return a_draft()


def autosave(client: Any, declaration: Declaration, name: str, value: str) -> Any:
    return client.post(
        f"/declarations/{declaration.id}/autosave",
        {"name": name, "value": value},
        headers={"Accept": "application/json"},
    )


def test_every_section_opens_with_its_marks(client_for: Clients, case: Declaration) -> None:
    client = client_for(case.person)
    assert client.get(f"/declarations/{case.id}/fill").status_code == 303
    wanted = {
        "basics": "修改专业",
        "work": "云桥区青禾小学",
        "education": "最高学历",
        "training": "继续教育",
        "assessment": "考核结果",
        "files": "承诺书-签名.jpg",
        "merits": "教育教学类表彰",
        "attachments": "个人免冠照片",
        "overview": "单位推荐意见",
        "submit": "开始检测",
    }
    for section, word in wanted.items():
        page = text(client.get(f"/declarations/{case.id}/fill/{section}"))
        assert word in page, section
        assert "（未完成）" in page
    assert "340000********9020" in text(client.get(f"/declarations/{case.id}/fill/overview"))


def test_a_field_is_saved_on_its_own_and_years_are_adjusted_with_a_notice(
    client_for: Clients, case: Declaration
) -> None:
    client = client_for(case.person)
    answer = autosave(client, case, "specialty_years", "21")
    assert answer.json["values"] == {"specialty_years": "19"}
    assert "专业年限不能超过工作年限" in answer.json["notice"]
    assert autosave(client, case, "salary_grade", "专技七级").json["saved"]
    wrong = autosave(client, case, "work_years", "很久")
    assert wrong.status_code == 422
    assert wrong.json["errors"] == {"work_years": ["请填写整数"]}
    assert autosave(client, case, "name", "别人").status_code == 404
    with transaction(write=False):
        found = queries.get_declaration(case.id)
        assert found.personal["salary_grade"] == "专技七级"
        assert found.personal["specialty_years"] == 19


def test_the_whole_form_can_be_saved_and_names_its_faults(
    client_for: Clients, case: Declaration
) -> None:
    client = client_for(case.person)
    values = {**case.personal, **case.teaching, "work_started_on": "2007-13-01"}
    answer = client.post(f"/declarations/{case.id}/fill/basics", values)
    assert answer.status_code == 422
    assert "不是有效的日期" in answer.text
    values["work_started_on"] = "2007-08-01"
    assert client.post(f"/declarations/{case.id}/fill/basics", values).status_code == 303


def test_a_field_is_judged_with_those_that_its_rule_reads(
    client_for: Clients, case: Declaration
) -> None:
    """While it is typed, and when the whole form is saved."""
    client = client_for(case.person)

    def typed(name: str, value: str, **beside: list[str]) -> Any:
        sent = {"name": name, "value": value, "beside": json.dumps(beside)}
        return client.post(
            f"/declarations/{case.id}/autosave", sent, headers={"Accept": "application/json"}
        )

    assert case.teaching["teaching_years"] == 19
    said = typed("rural_years", "25").json["errors"]["rural_years"]
    assert said == ["不能大于教龄（19）"]
    assert typed("rural_years", "25", teaching_years=["30"]).json["judged"] == {}
    assert typed("teaching_years", "30").json["judged"] == {"rural_years": []}
    told = typed("teaching_years", "20").json["judged"]
    assert told == {"rural_years": ["不能大于教龄（20）"]}
    whole = {**case.personal, **case.teaching, "teaching_years": "5", "rural_years": "6"}
    answer = client.post(f"/declarations/{case.id}/fill/basics", whole)
    assert (answer.status_code, "不能大于教龄（5）" in answer.text) == (422, True)
    with transaction(write=False):
        kept = queries.get_declaration(case.id).teaching
    assert (kept["teaching_years"], kept["rural_years"]) == (5, 25), "what holds is kept"


def test_the_photo_is_the_persons_and_must_be_cropped(
    app: Flask, client_for: Clients, case: Declaration
) -> None:
    with transaction():
        photo = a_photo(db.session.get_one(type(case.person), case.person_id))
        foreign = a_photo(a_person("别人"))
        other = an_upload(case.person, "风景.jpg")
    client = client_for(case.person)
    assert autosave(client, case, "photo", str(photo.id)).json["saved"]
    assert autosave(client, case, "photo", str(foreign.id)).status_code == 404
    refused = autosave(client, case, "photo", str(other.id))
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["photo"])
    assert client.get(f"/files/{photo.id}").status_code == 200


def test_titles_held_already_are_rows(client_for: Clients, case: Declaration) -> None:
    client = client_for(case.person)
    base = f"/declarations/{case.id}/titles"
    assert "聘用情况" in text(client.get(f"{base}/new"))
    assert client.post(f"{base}/new", {"title": "二级教师"}).status_code == 422
    flat = {k: v for k, v in PRIOR_TITLE.items() if k != "appointments"}
    assert client.post(f"{base}/new", {**flat, "title": "二级教师"}).status_code == 303
    with transaction(write=False):
        first, second = queries.prior_titles_of(case.id)
    assert client.post(f"{base}/{second.id}/up").status_code == 303
    with transaction(write=False):
        assert [r.id for r in queries.prior_titles_of(case.id)] == [second.id, first.id]
    assert "一级教师" in text(client.get(f"{base}/{first.id}"))
    assert client.post(f"{base}/{second.id}/delete").status_code == 303
    assert client.post(f"{base}/{second.id}/delete").status_code == 404


def test_imports_are_locked_once_only_and_removable(
    app: Flask, client_for: Clients, case: Declaration
) -> None:
    with transaction():
        person = db.session.get_one(type(case.person), case.person_id)
        fresh = approved_item(person, "honor", {"name": "校先进", "date": "2023-09"})
        stranger = a_person("别人", unit=case.unit)
        foreign = approved_item(stranger, "honor", {"name": "他人荣誉", "date": "2023-09"})
        item = queries.categories_of(case)[0].items[0]
        pending = db.session.query(PortfolioItem).filter_by(type_key="teaching_guidance").one()
    client = client_for(person)
    url = f"/declarations/{case.id}/imports"
    page = text(client.get(f"/declarations/{case.id}/fill/merits"))
    assert "校先进" in page
    assert LATER["指导青年教师方面"][1]["mentee"] not in page
    wanted = {"standard_item_id": item.id, "item_id": fresh}
    assert client.post(url, wanted).status_code == 303
    assert client.post(url, wanted).status_code == 409
    assert client.post(url, {**wanted, "item_id": foreign}).status_code == 404
    assert client.post(url, {**wanted, "item_id": pending.id}).status_code == 404
    assert client.post(url, {"section": "work", "item_id": foreign}).status_code == 404
    assert client.post(url, {"standard_item_id": 999999, "item_id": fresh}).status_code == 404
    with transaction(write=False):
        first, second = queries.entries_of(case.id, "item", item.id)
    entry = f"/declarations/{case.id}/entries"
    assert client.post(f"{entry}/{second.id}/up").status_code == 303
    with transaction(write=False):
        assert [e.id for e in queries.entries_of(case.id, "item", item.id)] == [
            second.id,
            first.id,
        ]
    assert client.post(f"{entry}/{second.id}/remove").status_code == 303
    assert client.post(f"{entry}/{second.id}/remove").status_code == 404
    assert "校先进" in text(client.get("/portfolio"))
    assert client.post(url, wanted).status_code == 303


def test_a_maximum_of_an_item_is_kept(app: Flask, client_for: Clients, case: Declaration) -> None:
    with transaction():
        person = db.session.get_one(type(case.person), case.person_id)
        ids = [
            approved_item(person, "book", {"title": f"教学论著{n}", "published": "2024-03"})
            for n in range(3)
        ]
        item = queries.categories_of(case)[4].items[1]
    browser = client_for(person)
    answer = browser.post(
        f"/declarations/{case.id}/imports",
        {"standard_item_id": item.id, "item_id": [str(i) for i in ids]},
    )
    assert "最多导入 3 条" in browser.get(answer.location).text


def test_an_empty_dialog_names_what_can_be_imported(
    client_for: Clients, case: Declaration
) -> None:
    client = client_for(case.person)
    merits = text(client.get(f"/declarations/{case.id}/fill/merits"))
    with transaction(write=False):
        item = standard_item(queries.get_declaration(case.id).plan, "主持并完成课题研究")
    dialog = merits.partition(f'id="import-item-{item.id}"')[2].partition('class="modal fade"')[0]
    assert "此处可导入的业绩类型：<strong>课题/项目</strong>" in dialog
    assert 'href="/portfolio/new/project"' in dialog
    assert "教育经历</strong>" in text(client.get(f"/declarations/{case.id}/fill/education"))


def test_the_template_of_a_slot_is_downloaded_beside_it(
    client_for: Clients, case: Declaration
) -> None:
    with transaction():
        plan = queries.get_declaration(case.id).plan
        organiser = staff(plan.organiser_unit, "organiser")
        stored = storage.keep(
            a_pdf(), "承诺书模板.pdf", "application/pdf", owner_id=organiser.id, now=now()
        )
        plan.slots[0].template_file_id = storage.link(stored).id
    client = client_for(case.person)
    address = f"/files/{stored.id}?download=1"
    assert f'href="{address}"' in text(client.get(f"/declarations/{case.id}/fill/files"))
    answer = client.get(address)
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"]


def test_results_and_flags_are_chosen_in_the_declaration(
    client_for: Clients, case: Declaration
) -> None:
    client = client_for(case.person)
    with transaction(write=False):
        assessed = queries.entries_of(case.id, "assessment")[0]
        studied = queries.entries_of(case.id, "education")[0]
    for result in ("优秀", "基本合格", "不定等次", "不合格", "合格"):
        assert autosave(client, case, f"result-{assessed.id}", result).json["saved"]
        assert f'value="{result}"' in text(client.get(f"/declarations/{case.id}/fill/assessment"))
    assert autosave(client, case, f"result-{assessed.id}", "优异").status_code == 422
    assert autosave(client, case, f"result-{studied.id}", "合格").status_code == 404
    assert autosave(client, case, "highest", str(studied.id)).json["saved"]
    assert autosave(client, case, "highest", str(assessed.id)).status_code == 404


def upload(client: Any, declaration: Declaration, slot: Any, content: bytes, name: str) -> Any:
    data = {"file": (io.BytesIO(content), name)}
    return client.post(f"/declarations/{declaration.id}/files/{slot.id}", data)


def test_attachments_keep_to_their_slots(client_for: Clients, case: Declaration) -> None:
    client = client_for(case.person)
    slot = case.plan.slots[0]
    assert upload(client, case, slot, b"MZ not a picture", "承诺书.jpg").status_code == 422
    assert upload(client, case, slot, a_pdf(), "承诺书第二页.pdf").status_code == 303
    full = upload(client, case, slot, a_picture(), "第三页.png")
    assert full.status_code == 422
    assert "最多上传 2 个" in full.text
    with transaction(write=False):
        file = queries.files_of(case.id)[0]
    base = f"/declarations/{case.id}/attachments/{file.id}"
    assert client.post(f"{base}/rename", {"name": "手写签名承诺书"}).status_code == 303
    assert is_told_in_place(client.post(f"{base}/rename", {"name": " "}), "请填写附件名称")
    assert "手写签名承诺书.jpg" in text(client.get(f"/declarations/{case.id}/fill/files"))
    assert client.post(f"{base}/remove").status_code == 303
    assert client.post(f"{base}/remove").status_code == 404
    with transaction(write=False):
        left = queries.files_of(case.id)[0]
    assert client.post(f"/declarations/{case.id}/attachments/{left.id}/remove").status_code == 303
    chosen = {"乙.png": a_picture(), "甲.pdf": a_pdf()}
    sent = {"file": [(io.BytesIO(content), name) for name, content in chosen.items()]}
    assert client.post(f"/declarations/{case.id}/files/{slot.id}", sent).status_code == 303
    with transaction(write=False):
        assert [each.name for each in queries.files_of(case.id)][:2] == list(chosen)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a/b", "附件名称不能含有"),
        ("../", "附件名称不能含有"),
        ("长" * 117, "附件名称不超过 116 个字"),
    ],
)
def test_what_is_no_name_is_refused_and_changes_nothing(
    client_for: Clients, case: Declaration, name: str, said: str
) -> None:
    with transaction(write=False):
        file = queries.files_of(case.id)[0]
    address, client = (
        f"/declarations/{case.id}/attachments/{file.id}/rename",
        client_for(case.person),
    )
    assert is_told_in_place(client.post(address, {"name": name}), said)
    assert client.get(address).location == f"/declarations/{case.id}/fill/files"
    with transaction(write=False):
        assert queries.files_of(case.id)[0].name == file.name


def test_saving_what_is_incomplete_says_what_is_still_missing(
    client_for: Clients, case: Declaration
) -> None:
    client = client_for(case.person)
    page = f"/declarations/{case.id}/fill/basics"
    values = {**case.personal, **case.teaching, "birth_place": "", "stage": ""}
    assert client.post(page, values).status_code == 303
    assert "已保存，还有必填项未填写：出生地、任教学段" in text(client.get(page))


def test_the_check_blocks_the_submission_until_it_passes(
    app: Flask, client_for: Clients, case: Declaration
) -> None:
    client = client_for(case.person)
    page = text(client.get(f"/declarations/{case.id}/fill/submit?checked=1"))
    assert "申报信息不完善,无法提交" in page
    assert page.count("去修改") == 2
    assert "提醒（不影响提交）" in page
    refused = client.post(f"/declarations/{case.id}/submit")
    assert refused.status_code == 422
    assert "未填写年度考核结果" in refused.text


def test_submitting_twice_is_refused_and_says_so(app: Flask, client_for: Clients) -> None:
    declaration = a_declaration(at="fill_declaration")
    client = client_for(declaration.person)
    page = text(client.get(f"/declarations/{declaration.id}/fill/submit?checked=1"))
    assert "全部检测通过" in page
    first = client.post(f"/declarations/{declaration.id}/submit", {"request_key": "k1"})
    assert first.status_code == 303
    same = client.post(f"/declarations/{declaration.id}/submit", {"request_key": "k1"})
    assert (same.status_code, same.location) == (303, first.location)
    again = client.post(f"/declarations/{declaration.id}/submit")
    assert again.status_code == 409
    assert autosave(client, declaration, "health", "良好").status_code == 409
    assert client.get(f"/declarations/{declaration.id}/fill/basics").status_code == 303


def test_a_late_submission_is_refused_with_the_deadline(
    app: Flask, client_for: Clients, at: Clock
) -> None:
    declaration = a_declaration(at="fill_declaration")
    at(CLOSES + timedelta(seconds=1))
    answer = client_for(declaration.person).post(f"/declarations/{declaration.id}/submit")
    assert answer.status_code == 409
    assert "2026-12-01 17:30" in answer.text


def test_withdrawing_is_offered_until_the_unit_has_opened_it(
    app: Flask, client_for: Clients
) -> None:
    declaration = a_declaration()
    client = client_for(declaration.person)
    page = text(client.get("/declarations"))
    assert "尚未查看，可以撤回" in page
    clerk = staff_of(declaration.unit)
    with transaction(write=False):
        task = open_items(("declaration", declaration.id))[0]
    assert client_for(clerk).get(f"/tasks/{task.id}").status_code == 200
    page = text(client.get(f"/declarations/{declaration.id}"))
    assert "云桥区青禾小学单位经办人已于" in page
    refused = client.post(f"/declarations/{declaration.id}/withdraw")
    assert refused.status_code == 409


def test_a_withdrawn_one_is_a_draft_again(app: Flask, client_for: Clients) -> None:
    declaration = a_declaration()
    client = client_for(declaration.person)
    assert client.post(f"/declarations/{declaration.id}/withdraw").status_code == 303
    assert "修改专业" in text(client.get(f"/declarations/{declaration.id}/fill/basics"))
    assert client.post(f"/declarations/{declaration.id}/delete").status_code == 409


def test_a_draft_can_be_deleted_and_started_again(app: Flask, client_for: Clients) -> None:
    with transaction():
        draft = golden_declaration()
        draft_id, person, plan = draft.id, draft.person, draft.plan
    client = client_for(person)
    assert client.post(f"/declarations/{draft_id}/delete").status_code == 303
    assert client.get(f"/declarations/{draft_id}").status_code == 404
    with transaction():
        assert open_items(("declaration", draft_id)) == []
        start(db.session.merge(person), db.session.merge(plan))


def test_the_specialty_changes_within_the_plan_only(
    app: Flask, client_for: Clients, case: Declaration
) -> None:
    other = next(s for s in case.plan.specialties if s.name == "小学语文")
    client = client_for(case.person)
    url = f"/declarations/{case.id}/specialty"
    assert client.post(url, {"specialty_id": other.id}).status_code == 303
    assert client.post(url, {"specialty_id": 99999}).status_code == 422
    with transaction(write=False):
        assert queries.get_declaration(case.id).specialty.name == "小学语文"


def test_foreign_declarations_do_not_exist(app: Flask, client_for: Clients) -> None:
    declaration = a_declaration()
    with transaction():
        stranger = golden_like(declaration)
        elsewhere = a_unit("淮城市第五中学")
    for person in (stranger, staff_of(elsewhere)):
        client = client_for(person)
        assert client.get(f"/declarations/{declaration.id}").status_code == 404
    client = client_for(stranger)
    for path in ("fill", "fill/basics", "titles/new"):
        assert client.get(f"/declarations/{declaration.id}/{path}").status_code == 404
    for path in ("autosave", "submit", "withdraw", "delete", "imports", "specialty"):
        assert client.post(f"/declarations/{declaration.id}/{path}").status_code == 404


def golden_like(declaration: Declaration) -> Any:
    unit = db.session.get_one(type(declaration.unit), declaration.unit_id)
    return a_person("别人", unit=unit)
