"""业绩清单: what the page shows, narrowed in the same way, on paper and as files."""

import csv
import io
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask
from pypdf import PdfReader
from sqlalchemy import select

from app.accounts.models import Person
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.papers import views as papers
from app.portfolio import listing_views
from app.portfolio.listing import list_of_person, list_of_units
from app.portfolio.models import PortfolioItem
from app.portfolio.queries import Filters
from app.units.models import Unit
from tests.builders import portfolio as build
from tests.builders.people import a_person, a_unit, staff
from tests.builders.sheets import read_book
from tests.builders.statements import statements_sent


@pytest.fixture
def school(app: Flask) -> Unit:
    del app
    with transaction():
        return a_unit("青禾小学")


@pytest.fixture
def teacher(school: Unit, clerk: Person) -> Person:
    """Somebody with an approved honour, a submitted one and a draft."""
    del clerk
    with transaction():
        person = a_person("林晓禾", unit=school)
        build.an_approved_item(person, "honor", data={"name": "优秀教师", "date": "2024-09"})
        build.a_submitted_item(person, "honor", data={"name": "师德标兵", "date": "2025-09"})
        build.an_item(person, "work", data={"unit": "旧单位"}, files=False)
        return person


def lines(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def printed(content: bytes) -> str:
    reader = PdfReader(io.BytesIO(content))
    return "".join("".join(page.extract_text().split()) for page in reader.pages)


def exports() -> int:
    with transaction(write=False):
        tags = db.session.scalars(select(AuditEvent.tag)).all()
        return tags.count("portfolio:exported")


def test_ones_own_list_is_in_the_order_of_the_tree(teacher: Person, client_for: Any) -> None:
    browser = client_for(teacher)
    assert "/portfolio/list?type=honor" in browser.get("/portfolio?type=honor&page=1").text
    page = browser.get("/portfolio/list").text
    assert page.index("旧单位") < page.index("师德标兵") < page.index("优秀教师")
    assert "林晓禾（青禾小学）" in page
    assert "data-print" in page
    narrowed = browser.get("/portfolio/list?status=approved&year=2024&type=honor").text
    assert ("优秀教师" in narrowed, "师德标兵" in narrowed) == (True, False)
    assert "类型：荣誉表彰；状态：已通过；年份：2024" in narrowed
    assert "没有符合条件的业绩" in browser.get("/portfolio/list?q=查无此项").text
    assert browser.get("/portfolio/list?endpoint=x&year=abc").status_code == 200


def test_of_the_items_of_a_list_no_more_is_read_than_is_printed(
    teacher: Person, school: Unit
) -> None:
    person_id, unit_id = teacher.id, school.id
    with transaction(write=False), statements_sent() as sent:
        own = list_of_person(db.session.get_one(Person, person_id), Filters(), now(), most=50)
        of_unit = list_of_units([unit_id], Filters(), None, now(), most=50)
        assert [len(each.entries) for each in (own, of_unit)] == [3, 2]
        assert {entry.name for entry in of_unit.entries} == {"林晓禾"}
    read = [text for text in sent if "occurred_on" in text.partition("FROM")[0]]
    assert len(read) == 2
    assert not any("item_submission" in text for text in sent)
    assert not any("words" in text.partition("FROM")[0] for text in read)


def test_the_files_hold_what_the_page_shows(teacher: Person, client_for: Any) -> None:
    browser = client_for(teacher)
    rows = lines(browser.get("/portfolio/list.csv?type=honor").data)
    assert rows[0][:4] == ["序号", "类别", "类型", "内容"]
    assert [row[3] for row in rows[1:]] == ["师德标兵", "优秀教师"]
    assert rows[2][7:] == ["已通过", f"{_today()}"]
    book = read_book(browser.get("/portfolio/list.xlsx").data)
    assert [row[3] for row in book["个人业绩清单"][1:]][1:] == ["师德标兵", "优秀教师"]
    paper = browser.get("/portfolio/list.pdf?type=honor")
    named = paper.headers["Content-Disposition"].partition("UTF-8''")[2]
    assert unquote(named) == "个人业绩清单.pdf"
    assert paper.headers["Content-Type"] == "application/pdf"
    text = printed(paper.data)
    assert ("优秀教师" in text, "旧单位" in text, "共2项" in text) == (True, False, True)
    assert exports() == 3
    ahead = {"headers": {"Sec-Purpose": "prefetch"}}
    assert browser.get("/portfolio/list.csv", **ahead).status_code == 404
    assert exports() == 3


def _today() -> str:
    with transaction(write=False):
        approved = select(PortfolioItem).filter_by(status="approved")
        version = db.session.scalars(approved).one().current_version
        assert version
        return f"{version.approved_at:%Y-%m-%d}"


def test_a_unit_lists_what_it_was_sent_and_nobody_elses(
    teacher: Person, clerk: Person, client_for: Any
) -> None:
    with transaction():
        other = a_unit("别的学校")
        staff(other, "unit_clerk")
        stranger = a_person("苏禾", unit=other)
        build.a_submitted_item(stranger, "honor", data={"name": "外单位荣誉"})
    desk = client_for(clerk)
    page = desk.get("/portfolio/archive/list").text
    assert ("优秀教师" in page, "旧单位" in page, "外单位荣誉" in page) == (True, False, False)
    assert "青禾小学" in page
    asked = f"person={teacher.id}&status=approved"
    rows = lines(desk.get(f"/portfolio/archive/list.csv?{asked}").data)
    assert [(row[1], row[4]) for row in rows[1:]] == [("林晓禾", "优秀教师")]
    assert "职工：林晓禾；状态：已通过" in desk.get(f"/portfolio/archive/list?{asked}").text
    text = printed(desk.get("/portfolio/archive/list.pdf").data)
    assert ("林晓禾" in text, "外单位荣誉" in text) == (True, False)
    assert desk.get(f"/portfolio/archive/list?person={stranger.id}").text.count("苏禾") == 0
    assert "业绩档案清单" in read_book(desk.get("/portfolio/archive/list.xlsx").data)
    for path in ("list", "list.csv", "list.xlsx", "list.pdf"):
        assert client_for(teacher).get(f"/portfolio/archive/{path}").status_code == 403


def test_a_list_that_is_cut_says_what_it_has_on_its_first_page(
    teacher: Person, client_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction():
        person = db.session.merge(teacher)
        build.an_item(person, "patent", data={"position": 1, "participants": 2}, files=False)
    for module in (listing_views, papers):
        monkeypatch.setattr(module, "PRINTED", 2)
    browser = client_for(teacher)
    cut = (
        "共 4 项，打印和 PDF 只含前 2 项，Excel 和 CSV 含全部；请按类型、年份或人员筛选后分别打印"
    )
    page = browser.get("/portfolio/list").text
    assert cut in page
    paper = browser.get("/portfolio/list.pdf").data
    first = "".join(PdfReader(io.BytesIO(paper)).pages[0].extract_text().split())
    assert "".join(cut.split()) in first
    for said in ("1 项", "共 2 项，以下列出前 1 项", "共 1 项，未列出"):
        assert f">{said}</span>" in page
        assert f"（{said}）".replace(" ", "") in first
    assert ("旧单位" in page, "师德标兵" in page, "优秀教师" in page) == (True, True, False)
    rows = lines(browser.get("/portfolio/list.csv").data)
    assert [row[5] for row in rows[1:]] == ["", "", "", "1/2"]
