"""表格导入: a template of every type, judged by the rules of its form, taken whole and once."""

import zipfile
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import func, select

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.imports.files import template_sheets
from app.imports.kinds import Place, Row, judge
from app.imports.models import ImportBatch, RowState
from app.portfolio import item_types, operations
from app.portfolio.models import PortfolioItem
from app.portfolio.sheet_import import MOST_ROWS, Items, kind_of
from app.units.models import Unit
from app.worker import take_in
from tests.builders import portfolio as build
from tests.builders.people import a_person
from tests.builders.refusals import is_told_in_place
from tests.builders.sheets import a_book, checked, handed_in, imported, read_book

HONORS = ["荣誉名称", "荣誉级别", "授予单位", "授予年月", "个人排名", "参与人数"]
HONOR = ["优秀教师", "市厅级", "市教育局", "2024-09", "1", "3"]


@pytest.fixture
def teacher(school: Unit) -> Person:
    with transaction():
        return a_person(unit=school)


@pytest.fixture
def desk(client_for: Any, teacher: Person) -> Any:
    return client_for(teacher)


def items(person: Person) -> list[PortfolioItem]:
    with transaction(write=False):
        mine = select(PortfolioItem).filter_by(person_id=person.id).order_by(PortfolioItem.id)
        return list(db.session.scalars(mine))


def judged(person: Person, type_key: str, *rows: dict[str, str]) -> list[Row]:
    """Rows of a type by the names of its fields, as they are judged for somebody."""
    kind = kind_of(type_key)
    assert kind
    found = [Row(no, cells) for no, cells in enumerate(rows, 2)]
    with transaction(write=False):
        judge(kind, found, Place(None, db.session.get_one(Person, person.id), now()))
    return found


def cells_of(kind: Items) -> dict[str, str]:
    return {column.name: column.example for column in kind.columns if column.example}


def test_the_example_of_every_template_is_in_order(teacher: Person) -> None:
    for each in item_types.all_types():
        kind = Items(each)
        labels = [column.label for column in kind.columns]
        assert len(set(labels)) == len(labels), each.key
        (row,) = judged(teacher, each.key, cells_of(kind))
        blank = {column.name for column in kind.columns if not column.example}
        assert {name for name, _ in row.faults} <= blank, (each.key, row.faults)
        with transaction(write=False):
            sheets = template_sheets(kind, Place(None, teacher, now()))
        assert sheets[0].name == each.title


def test_a_template_offers_the_lists_of_its_form(desk: Any) -> None:
    answer = desk.get("/imports/template/item-paper")
    assert answer.status_code == 200
    book = load_workbook(BytesIO(answer.data))
    assert book.sheetnames == ["论文", "填写示例", "填写说明", "代码表"]
    rules = book["论文"].data_validations.dataValidation
    offered = {str(rule.sqref): rule.formula1 for rule in rules}
    heads = [cell.value for cell in book["论文"][1]]
    column = "ABCDEFGHIJKLMNOP"[heads.index("刊物排名")]
    assert offered[f"{column}2:{column}1000"].startswith("'代码表'!$")
    codes = list(book["代码表"].values)
    assert "SCI" in {row[codes[0].index("刊物排名")] for row in codes}
    told = {row[0]: row for row in book["填写说明"].values}
    assert told["论文名称"][1] == "必填"
    assert "千字" in told["字数"][2]


def test_a_type_whose_title_no_sheet_may_bear_has_a_template_too(desk: Any) -> None:
    answer = desk.get("/imports/template/item-project")
    assert read_book(answer.data).keys() >= {"课题_项目"}
    assert "/" not in answer.headers["Content-Disposition"].removeprefix("attachment; ")
    assert desk.get("/imports/new/item-project").status_code == 200
    assert desk.get("/imports/new/item-medal").status_code == 404


def test_a_type_of_another_series_is_refused_as_where_it_is_entered(desk: Any) -> None:
    said = "“病案和专题报告”供卫生技术人员系列填报，请先在“个人信息”中选择该职称系列"
    for answer in (
        desk.get("/portfolio/new/health_case"),
        desk.get("/imports/new/item-health_case"),
        desk.get("/imports/template/item-health_case"),
        desk.post("/imports/new/item-health_case", {}),
    ):
        assert (answer.status_code, said in answer.text) == (403, True)


def test_every_row_becomes_a_draft_and_none_twice(desk: Any, teacher: Person) -> None:
    other = [*HONOR[:-2], "", ""]
    book = a_book(HONORS, HONOR, ["师德标兵", *other[1:]])
    page = imported(desk, "item-honor", book)
    drafts = items(teacher)
    assert [(i.status, i.summary, i.occurred_on.year) for i in drafts] == [  # type: ignore[union-attr]
        ("draft", "优秀教师", 2024),
        ("draft", "师德标兵", 2024),
    ]
    assert drafts[0].data["position"] == 1
    assert "已生成 2 项草稿" in desk.get(page).text
    assert "师德标兵" in desk.get("/portfolio?type=honor&status=draft").text
    assert "逐行结果" in read_book(desk.get(f"{page}/report").data)
    again = checked(desk, "item-honor", book)
    assert "没有需要写入的内容" in desk.get(again).text
    assert "已导入过" in desk.get(again).text
    desk.post(f"{again}/confirm", {})
    desk.forget()
    take_in()
    assert len(items(teacher)) == 2


def test_what_was_changed_since_is_not_made_again(desk: Any, teacher: Person) -> None:
    imported(desk, "item-honor", a_book(HONORS, HONOR))
    (draft,) = items(teacher)
    answer = desk.post(f"/portfolio/{draft.id}/fields", {"name": "issuer", "value": "省教育厅"})
    assert answer.status_code == 200
    (row,) = judged(
        teacher,
        "honor",
        dict(
            zip(
                ("name", "level", "issuer", "date", "position", "participants"), HONOR, strict=True
            )
        ),
    )
    assert (row.state, row.subject_id) == (RowState.SAME, draft.id)


def test_the_form_says_what_is_wrong_with_which_cell(teacher: Person) -> None:
    good = {"name": "甲", "level": "省部级", "issuer": "乙", "date": "2024-09"}

    def said(**cells: str) -> list[tuple[str, str]]:
        (row,) = judged(teacher, "honor", {**good, **cells})
        return row.faults

    assert said() == []
    assert said(name="") == [("name", "请填写荣誉名称")]
    assert [text[:3] for _, text in said(level="", date="")] == ["请填写"] * 2
    assert said(name="字" * 101) == [("name", "不能超过 100 个字，现有 101 个字")]
    assert said(level="银河级") == [("level", "请选择列表中的选项")]
    assert said(date="2024-13") == [("date", "不是有效的年月，应如 2026-11")]
    assert said(date="2024.1") == [("date", "不是有效的年月，应如 2026-11")]
    assert said(date="2100-01")[0][0] == "date"
    assert said(position="4", participants="3")[0][0] == "position"
    assert said(position="1.5") == [("position", "请填写整数")]
    assert "变成了科学计数法" in said(document_no="1.2E+17")[0][1]


def test_an_address_in_a_cell_leads_to_the_web_only(teacher: Person) -> None:
    cells = cells_of(Items(item_types.get("paper")))
    (row,) = judged(teacher, "paper", {**cells, "verify_url": "javascript:alert(1)"})
    said = "网址应以 http:// 或 https:// 开头，如 https://www.example.com/paper/1"
    assert row.faults == [("verify_url", said)]


@pytest.mark.parametrize("typed", ["2024-9", "2024年9月", "2024/09", "2024.09", "2024-09-01"])
def test_a_month_may_be_written_as_people_write_it(teacher: Person, typed: str) -> None:
    cells = {"name": "甲", "level": "省部级", "issuer": "乙", "date": typed}
    (row,) = judged(teacher, "honor", cells)
    assert row.found.data["date"] == "2024-09"


def test_boxes_and_conditions_are_read_as_the_form_does(teacher: Person) -> None:
    cells = {**cells_of(Items(item_types.get("patent"))), "number": "ZL 2021 1 0000001.6"}
    (row,) = judged(teacher, "patent", {**cells, "transformed": "是", "benefit": ""})
    assert row.faults == [("benefit", "请填写转化效益")]
    (row,) = judged(teacher, "patent", {**cells, "transformed": "有"})
    assert row.faults == [("transformed", "已转化请填写“是”或“否”")]
    (row,) = judged(teacher, "patent", {**cells, "transformed": "否"})
    assert "transformed" not in row.found.data


def test_the_same_achievement_is_told_before_it_is_taken_twice(teacher: Person) -> None:
    paper = {**cells_of(Items(item_types.get("paper"))), "issn": "1000-0011"}
    first, second = judged(teacher, "paper", paper, {**paper, "words": "3.5"})
    assert (first.note, second.faults) == ("", [])
    assert second.note == "业绩与第 2 行相同，请核对是否重复"
    with transaction():
        build.an_item(
            db.session.merge(teacher),
            "paper",
            data={"title": paper["title"], "issn": paper["issn"]},
        )
    (row,) = judged(teacher, "paper", paper)
    assert (row.state, row.faults) == (RowState.NEW, [])
    assert row.note == "业绩库已有这一项（草稿），内容与此不同，请核对是否重复"
    honor = {"name": "甲", "level": "省部级", "issuer": "乙", "date": "2024-09"}
    first, second = judged(teacher, "honor", honor, honor)
    assert second.faults == [("", "内容与第 2 行重复")]


def test_a_namesake_is_pointed_out(teacher: Person) -> None:
    honor = {"name": "优秀教师", "level": "省部级", "issuer": "乙", "date": "2024-09"}
    with transaction():
        build.an_item(db.session.merge(teacher), "honor", data={**honor, "issuer": "丙"})
    (row,) = judged(teacher, "honor", honor)
    assert (row.state, row.note) == (
        RowState.NEW,
        "业绩库已有名称和时间相同的一项，请核对是否重复",
    )


def test_a_mark_that_one_item_alone_has_is_refused_elsewhere(teacher: Person) -> None:
    cells = {
        **cells_of(Items(item_types.get("education"))),
        "verification_code": "123456789012",
        "verification_until": "2199-12-31",
        "marks": "第一学历、最高学历",
    }
    other = {**cells, "school": "另一所学校", "marks": "最高学历"}
    first, second = judged(teacher, "education", cells, other)
    assert (first.faults, second.faults) == ([], [("marks", "“最高学历”已用于第 2 行")])
    with transaction():
        person = db.session.merge(teacher)
        operations.create_item("education", actor=person, now=now(), data=first.found.data)
    (row,) = judged(teacher, "education", other)
    assert [name for name, _ in row.faults] == ["marks"]
    assert "请先在那一项中更改" in row.faults[0][1]


def test_rows_in_error_hold_up_the_file_until_they_are_left_out(
    desk: Any, teacher: Person
) -> None:
    page = checked(desk, "item-honor", a_book(HONORS, HONOR, ["", *HONOR[1:]]))
    shown = desk.get(page).text
    assert "请填写荣誉名称" in shown
    refused = desk.post(f"{page}/confirm", {})
    assert is_told_in_place(refused, "有 1 行有误", "优秀教师")
    assert items(teacher) == []
    assert desk.post(f"{page}/confirm", {"leave_out": "yes"}).status_code == 303
    desk.forget()
    take_in()
    assert [item.summary for item in items(teacher)] == ["优秀教师"]


@pytest.mark.parametrize("place", range(len(HONORS)))
def test_a_cell_with_a_formula_costs_its_row_alone(desk: Any, teacher: Person, place: int) -> None:
    formula = ["师德标兵", *HONOR[1:]]
    formula[place] = "=1+1"
    page = checked(desk, "item-honor", a_book(HONORS, formula, HONOR, text=False))
    shown = desk.get(f"{page}?state=faulty").text
    assert ("单元格是公式" in shown, f"有误的列：{HONORS[place]}<" in shown) == (True, True)
    assert desk.post(f"{page}/confirm", {"leave_out": "yes"}).status_code == 303
    desk.forget()
    take_in()
    assert [item.summary for item in items(teacher)] == ["优秀教师"]


def a_bomb() -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (101 * 2**20))
    return target.getvalue()


def test_what_is_no_table_of_the_type_is_refused_at_once(desk: Any) -> None:
    def answer(content: bytes) -> tuple[int, str]:
        found = handed_in(desk, "item-honor", content)
        return found.status_code, found.text

    many = a_book(HONORS, *[HONOR] * (MOST_ROWS + 1))
    assert answer(many)[0] == 413
    assert f"超过 {MOST_ROWS} 行" in answer(many)[1]
    assert answer(a_book(HONORS))[0] == 422
    status, text = answer(a_book(["荣誉名称", "奖金"], ["甲", "1"]))
    assert (status, "不认识的列：奖金" in text, "缺少列" in text) == (422, True, True)
    assert answer(b"%PDF-1.4")[0] == 422
    assert answer(a_bomb())[0] == 413


def test_a_file_is_nobody_elses(desk: Any, client_for: Any, school: Unit, app: Flask) -> None:
    page = checked(desk, "item-honor", a_book(HONORS, HONOR))
    with transaction():
        colleague = a_person("苏禾", unit=school)
        admin = a_person("敖正言", roles=[("unit_admin", "org", school.id)])
    for other in (colleague, admin):
        browser = client_for(other)
        assert browser.get(page).status_code == 403
        assert browser.post(f"{page}/confirm", {}).status_code == 403
    assert client_for(admin).get("/imports/new/item-honor").status_code == 403
    assert "名单.xlsx" in desk.get("/portfolio/import").text
    assert "名单.xlsx" not in client_for(colleague).get("/portfolio/import").text
    assert desk.post(f"{page}/drop", {}).headers["Location"].endswith("/portfolio/import")
    with transaction(write=False):
        assert db.session.scalar(select(func.count(ImportBatch.id))) == 1


def test_what_stands_under_no_heading_is_told_and_not_imported(desk: Any, teacher: Person) -> None:
    book = a_book([*HONORS, "", "错误原因"], [*HONOR, "备注在这里", "旧的原因", "更远"])
    page = checked(desk, "item-honor", book)
    told = "第 2 行第 7 列、第 2 行第 9 列的内容所在的列没有标题"
    assert f"{told}，不会导入" in desk.get(page).text
    assert desk.post(f"{page}/confirm", {}).status_code == 303
    desk.forget()
    take_in()
    assert f"{told}，没有导入" in desk.get(page).text
    assert "没有标题" not in desk.get(checked(desk, "item-honor", a_book(HONORS, HONOR))).text
    assert [item.data.get("note") for item in items(teacher)] == [None]
