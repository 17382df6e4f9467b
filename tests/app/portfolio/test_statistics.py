"""业绩统计: the same numbers in charts, tables, lists and files, for those who may see them."""

import io
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import insert, select

from app.accounts.models import Person
from app.core.audit import AuditEvent
from app.core.db import db, transaction
from app.portfolio import queries, statistics
from app.portfolio.models import ItemVersion, PortfolioItem
from app.portfolio.queries import Filters
from app.units.models import ACTIVE, Employment, Unit
from tests.builders import portfolio as build
from tests.builders.people import a_person, a_unit, staff
from tests.builders.statements import statements_sent

Sign = Callable[..., Any]
OWN, OF_UNIT = "/portfolio/statistics", "/portfolio/archive/statistics"


def rows_of(person: Person, unit: Unit, *counted: tuple[str, str, int | None, int]) -> None:
    """Enter so many items of a type, a state and a year, as rows."""
    first = build.an_item(person, "work", files=False)
    version = ItemVersion(
        item_id=first.id, no=1, type_key="work", data={}, summary="", approved_at=first.created_at
    )
    db.session.add(version)
    db.session.flush()
    same = {
        "person_id": person.id,
        "data": {},
        "reviewing_unit_id": unit.id,
        "current_version_id": version.id,
        "created_at": first.created_at,
        "updated_at": first.updated_at,
        "row_version": 1,
        "summary": "示例",
        "words": "",
        "seen_words": "",
        "seen_updated_at": first.updated_at,
    }
    rows = [
        {**same, "type_key": key, "status": status, "occurred_on": day, "seen_occurred_on": day}
        for key, status, year, number in counted
        for day in [year and date(year, 3, 1)] * number
    ]
    db.session.execute(insert(PortfolioItem), rows)
    # The version stays, whose item was only needed for it.
    db.session.execute(
        PortfolioItem.__table__.update()
        .where(PortfolioItem.id == first.id)
        .values(person_id=staff(unit, "unit_leader").id)
    )


@pytest.fixture
def teacher(school: Unit) -> Person:
    """Somebody with items of three types, four states and three years."""
    with transaction():
        person = a_person(unit=school)
        rows_of(
            person,
            school,
            ("paper", "approved", 2024, 3),
            ("paper", "submitted", 2025, 2),
            ("honor", "approved", 2024, 1),
            ("honor", "returned", None, 1),
            ("work", "draft", 2007, 4),
        )
        return person


@pytest.fixture
def colleague(school: Unit) -> Person:
    with transaction():
        person = a_person("柏小满", unit=school)
        rows_of(person, school, ("paper", "approved", 2024, 5))
        return person


def office(unit: Unit, role: str) -> Person:
    with transaction(write=False):
        return staff(unit, role)


def lines(found: list[statistics.Line]) -> dict[str, tuple[int, int]]:
    return {line.label: (line.total, line.number("approved")) for line in found}


def test_items_are_counted_by_type_state_and_year_in_one_reading(teacher: Person) -> None:
    with transaction(write=False):
        tally = statistics.tally_of(queries.items_of(teacher.id, Filters()))
        assert tally.whole.counts == {"approved": 4, "submitted": 2, "returned": 1, "draft": 4}
        assert lines(tally.types) == {"工作经历": (4, 0), "荣誉表彰": (2, 1), "论文": (5, 3)}
        years = {"2025 年": (2, 0), "2024 年": (4, 4), "2007 年": (4, 0), "未注明时间": (1, 0)}
        assert lines(tally.years) == years
        assert list(lines(tally.years)) == list(years)


@pytest.mark.parametrize(
    ("wishes", "total"),
    [
        ({}, 11),
        ({"type_key": "paper"}, 5),
        ({"group": "论文著作科研"}, 5),
        ({"status": "approved"}, 4),
        ({"year": 2024}, 4),
        ({"type_key": "honor", "year": 2024, "status": "approved"}, 1),
        ({"type_key": "unheard"}, 0),
        ({"year": 1999}, 0),
    ],
)
def test_wishes_leave_the_same_items_in_tables_and_in_lists(
    teacher: Person, wishes: dict[str, Any], total: int
) -> None:
    with transaction(write=False):
        mine = Filters(**wishes)
        tally = statistics.tally_of(queries.items_of(teacher.id, Filters()))
        assert tally.matching(mine).whole.total == total
        assert len(db.session.scalars(queries.items_of(teacher.id, mine)).all()) == total


def test_a_unit_counts_by_person_what_it_was_sent(
    school: Unit, teacher: Person, colleague: Person
) -> None:
    with transaction(write=False):
        sent = queries.sent_items([school.id])
        people = statistics.people_of(sent)
        assert lines(people) == {"柏小满": (5, 5), "苏晓禾": (7, 4)}
        for sort, rising, names in (
            ("total", False, ["苏晓禾", "柏小满"]),
            ("approved", True, ["苏晓禾", "柏小满"]),
            ("approved", False, ["柏小满", "苏晓禾"]),
            ("name", False, ["苏晓禾", "柏小满"]),
            ("nothing of the kind", True, ["柏小满", "苏晓禾"]),
        ):
            found = statistics.ordered(people, sort, rising=rising)
            assert [line.label for line in found] == names, sort
        only = statistics.people_of(Filters(year=2025).narrow(sent))
        assert lines(only) == {"苏晓禾": (2, 0)}


def test_a_unit_sees_what_its_people_had_reviewed_elsewhere_and_no_drafts(
    school: Unit, teacher: Person
) -> None:
    with transaction():
        elsewhere = a_unit("岭南小学")
        newcomer = a_person("卜文", unit=school)
        rows_of(newcomer, elsewhere, ("book", "approved", 2020, 2), ("book", "draft", 2020, 3))
        left = a_person("敖正言", unit=school)
        rows_of(left, school, ("patent", "approved", 2021, 1))
        rows_of(left, elsewhere, ("patent", "approved", 2021, 4))
        bound = select(Employment).where(Employment.person_id == left.id)
        db.session.scalars(bound).one().status = "ended"
    with transaction(write=False):
        people = lines(statistics.people_of(queries.sent_items([school.id])))
        assert people == {"卜文": (2, 2), "敖正言": (1, 1), "苏晓禾": (7, 4)}
        there = lines(statistics.people_of(queries.sent_items([elsewhere.id])))
        assert there == {"卜文": (2, 2), "敖正言": (4, 4)}
        for unit, counted in ((school, people), (elsewhere, there)):
            assert {name for _id, name in queries.people_of_units([unit.id])} == set(counted)
        both = statistics.tally_of(queries.sent_items([school.id, elsewhere.id]))
        assert both.whole.total == 7 + 2 + 1 + 4
        assert statistics.tally_of(queries.sent_items([])).whole.total == 0
        assert ACTIVE == "active"


def numbers(page: str, label: str) -> list[int]:
    """The numbers of a line of a table."""
    row = re.search(rf'scope="row">{label}</th>(.*?)</tr>', page, re.DOTALL)
    assert row, label
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row[1], re.DOTALL)
    return [
        int(re.sub(r"<[^>]+>| .*", "", cell.split('<span class="visually')[0])) for cell in cells
    ]


def test_a_person_sees_charts_with_their_tables(teacher: Person, client_for: Sign) -> None:
    page = client_for(teacher).get(OWN).text
    assert numbers(page, "论文") == [5, 3, 2, 0, 0]
    assert numbers(page, "2024 年") == [4, 4, 0, 0, 0]
    assert numbers(page, "合计") == [11, 4, 2, 1, 4]
    assert "已通过，占 36%" in page
    assert 'role="img" aria-label="按类型统计（条形图）：论文 5 项（已通过 3、待审核 2）' in page
    assert 'href="/portfolio?type=paper&amp;status=submitted"' in page
    assert "按人员统计" not in page
    # All years are drawn: what has none stands in the table alone.
    assert ("未注明时间" in page, "其余年份" in page) == (True, False)
    assert "style=" not in page.split("<main")[1]


def test_wishes_narrow_the_page_and_lead_on_with_its_links(
    teacher: Person, client_for: Sign
) -> None:
    page = client_for(teacher).get(f"{OWN}?year=2024&status=").text
    assert numbers(page, "合计") == [4, 4, 0, 0, 0]
    assert 'href="/portfolio?year=2024&amp;type=paper"' in page
    assert 'value="2007"' in page
    nothing = client_for(teacher).get(f"{OWN}?type=patent").text
    assert "没有符合条件的业绩" in nothing


@pytest.mark.parametrize(
    "query", ["?year=99999999999", "?type=%27", "?page=-1&person=x", "?endpoint=x&_scheme=y&by=1"]
)
def test_odd_wishes_do_no_harm(teacher: Person, client_for: Sign, query: str) -> None:
    assert client_for(teacher).get(OWN + query).status_code == 200


def test_newcomers_are_told_what_will_stand_here(school: Unit, client_for: Sign) -> None:
    with transaction():
        newcomer = a_person("卜文", unit=school)
    assert "录入第一项业绩" in client_for(newcomer).get(OWN).text
    assert "还没有职工提交业绩" in client_for(office(school, "unit_clerk")).get(OF_UNIT).text


def test_a_unit_sees_its_people_sorted_and_in_pages(
    school: Unit, teacher: Person, client_for: Sign
) -> None:
    with transaction():
        for number in range(20):
            person = a_person(f"教师{number:02}", unit=school)
            rows_of(person, school, ("honor", "approved", 2020, 1))
    clerk = client_for(office(school, "unit_clerk"))
    page = clerk.get(OF_UNIT).text
    assert numbers(page, "苏晓禾") == [7, 4, 2, 1]
    assert numbers(page, "合计") == [27, 24, 2, 1]
    assert "第 1–20 条，共 21 条" in page
    assert (
        'aria-sort="descending"><a href="/portfolio/archive/statistics?sort=total&amp;way=up'
        in page
    )
    assert f'href="/portfolio/archive?person={teacher.id}&amp;status=returned"' in page
    last = clerk.get(f"{OF_UNIT}?sort=total&way=up&page=2").text
    assert "苏晓禾" in last
    assert "教师00" not in last.split('id="people"')[1]
    one = clerk.get(f"{OF_UNIT}?person={teacher.id}").text
    assert numbers(one, "合计") == [7, 4, 2, 1]


def test_only_offices_of_the_unit_see_its_statistics(
    school: Unit, teacher: Person, client_for: Sign
) -> None:
    with transaction():
        above = a_unit("云桥区教育局", superior=True)
        db.session.get_one(Unit, school.id).parent_id = above.id
    assert client_for(teacher).get(OF_UNIT).status_code == 403
    for path in ("", ".csv", ".xlsx"):
        assert client_for(office(school, "unit_leader")).get(OF_UNIT + path).status_code == 403
        # As in 业绩档案: what a superior unit was not sent is not counted for it.
        assert client_for(None).get(OF_UNIT + path).status_code in {302, 303, 401}
    page = client_for(office(above, "unit_clerk")).get(OF_UNIT).text
    assert "还没有职工提交业绩" in page
    page = client_for(office(above, "unit_clerk")).get(f"{OF_UNIT}?unit={school.id}").text
    assert "苏晓禾" not in page


def test_who_works_for_two_units_chooses_one(
    school: Unit, teacher: Person, client_for: Sign
) -> None:
    with transaction():
        other = a_unit("岭南小学")
        rows_of(a_person("卜文", unit=other), other, ("book", "approved", 2020, 2))
        clerk = a_person("两校", roles=[("unit_clerk", "org", u.id) for u in (school, other)])
    browser = client_for(clerk)
    assert numbers(browser.get(OF_UNIT).text, "合计") == [9, 6, 2, 1]
    page = browser.get(f"{OF_UNIT}?unit={other.id}").text
    assert numbers(page, "合计") == [2, 2, 0, 0]
    assert "/portfolio/archive?" not in page, "which lists both units together"
    assert "苏晓禾" not in page


def table(answer: Any) -> list[list[str]]:
    assert answer.status_code == 200
    return [line.split(",") for line in answer.data.decode("utf-8-sig").splitlines()]


def test_the_files_hold_what_the_page_shows(
    school: Unit, teacher: Person, colleague: Person, client_for: Sign
) -> None:
    mine = table(client_for(teacher).get(f"{OWN}.csv?by=type&year=2024"))
    assert mine == [
        ["业绩类型", "合计", "已通过", "待审核", "已退回", "草稿"],
        ["荣誉表彰", "1", "1", "0", "0", "0"],
        ["论文", "3", "3", "0", "0", "0"],
        ["合计", "4", "4", "0", "0", "0"],
    ]
    assert client_for(teacher).get(f"{OWN}.csv?by=person").status_code == 404
    clerk = office(school, "unit_clerk")
    assert table(client_for(clerk).get(f"{OF_UNIT}.csv?by=person&sort=name&way=up")) == [
        ["姓名", "合计", "已通过", "待审核", "已退回"],
        ["柏小满", "5", "5", "0", "0"],
        ["苏晓禾", "7", "4", "2", "1"],
        ["合计", "12", "9", "2", "1"],
    ]
    book = load_workbook(io.BytesIO(client_for(clerk).get(f"{OF_UNIT}.xlsx").data))
    assert book.sheetnames == ["按类型统计", "按年份统计", "按人员统计"]
    assert [cell.value for cell in list(book["按年份统计"])[-1]] == ["合计", 12, 9, 2, 1]
    with transaction(write=False):
        kept = select(AuditEvent).where(AuditEvent.tag == "portfolio:counted")
        assert [found.actor_id for found in db.session.scalars(kept)] == [clerk.id, clerk.id]


def asked(browser: Any, url: str) -> list[str]:
    """What a page asks of the database, once it has been seen."""
    browser.get(url)
    with statements_sent() as sent:
        assert browser.get(url).status_code == 200
    return sent


@pytest.mark.parametrize("url", ["/portfolio", OWN, "/portfolio/archive", OF_UNIT])
def test_ten_times_the_items_ask_nothing_more(school: Unit, client_for: Sign, url: str) -> None:
    with transaction():
        people = [a_person(f"教师{number}", unit=school) for number in range(3)]
        rows_of(people[0], school, ("paper", "approved", 2024, 2), ("book", "returned", 2024, 1))
    reader = client_for(office(school, "unit_clerk") if "archive" in url else people[0])
    few = asked(reader, url)
    with transaction():
        kinds = ("paper", "honor", "book", "patent", "work")
        for person in people:
            merged = db.session.merge(person), db.session.merge(school)
            rows_of(*merged, *((kind, "returned", 2020, 2) for kind in kinds))
    assert len(asked(reader, url)) == len(few), "\n\n".join(asked(reader, url))


def test_menus_and_home_pages_lead_to_the_statistics(
    school: Unit, teacher: Person, client_for: Sign
) -> None:
    for person, url in ((teacher, OWN), (office(school, "unit_clerk"), OF_UNIT)):
        home = client_for(person).get("/home").text
        assert home.count(f'href="{url}"') == 2, url
    home = client_for(office(school, "unit_leader")).get("/home").text
    assert OF_UNIT not in home
