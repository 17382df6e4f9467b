"""从上一年复制: items that come every year, carried over as drafts, each once."""

from datetime import date, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.accounts.models import Person
from app.core.clock import ZONE, now
from app.core.db import db, transaction
from app.core.errors import Conflict, Invalid
from app.portfolio import carrying, operations
from app.portfolio.models import PortfolioItem
from app.units.models import Unit
from tests.builders import portfolio as build
from tests.builders.people import a_person
from tests.builders.refusals import is_told_in_place


@pytest.fixture
def teacher(school: Unit) -> Person:
    with transaction():
        return a_person(unit=school)


@pytest.fixture
def last(teacher: Person) -> int:
    """Last year's training, with its certificate."""
    with transaction():
        data = {"year": a_year() - 1, "hours_public": 0, "hours_professional": 60}
        return build.an_item(db.session.merge(teacher), "training", data=data).id


def a_year() -> int:
    return datetime.now(ZONE).year


def carried(person: Person, *ids: int, year: int = 0, files: bool = False) -> list[PortfolioItem]:
    with transaction():
        made = carrying.carry_over(
            ids, year or a_year(), with_files=files, actor=db.session.merge(person), now=now()
        )
        for item in made:
            _ = item.files
        return made


def test_only_types_dated_by_a_year_come_every_year(app: Flask) -> None:
    del app
    keys = {kind.key for kind in carrying.yearly_types()}
    assert keys >= {"assessment", "training", "health_workload"}
    assert keys.isdisjoint({"work", "paper", "honor"})


def test_the_year_moves_and_attachments_stay_behind(teacher: Person, last: int) -> None:
    (draft,) = carried(teacher, last)
    assert (draft.status, draft.occurred_on) == ("draft", date(a_year(), 12, 31))
    assert (draft.data["year"], draft.data["hours_professional"]) == (a_year(), 60)
    assert draft.data["hours_public"] == 0
    assert draft.files == []


def test_attachments_come_along_where_it_is_asked(teacher: Person, last: int) -> None:
    (draft,) = carried(teacher, last, files=True)
    assert [file.slot for file in draft.files] == ["certificate"]


def test_other_days_are_told_anew(teacher: Person) -> None:
    kind = carrying.yearly_types()[0]
    field = carrying.year_field(kind)
    months = [f.name for f in kind.form.fields if f.type in carrying.DAYS]
    moved = carrying._moved(kind, {field: 2024, **dict.fromkeys(months, "2024-05")}, 2025)
    assert moved == {field: 2025}


def test_nothing_is_carried_over_twice(teacher: Person, last: int) -> None:
    (draft,) = carried(teacher, last)
    assert carried(teacher, last) == []
    with transaction(write=False):
        (source,) = carrying.sources_for(teacher.id, a_year())
        assert source.taken is not None
        assert (source.taken.id, source.others) == (draft.id, 1)
        assert carrying.marked([source], [last]) == [(source, False)]


def test_the_database_refuses_a_second_one(teacher: Person, last: int) -> None:
    (draft,) = carried(teacher, last)
    with pytest.raises(IntegrityError), transaction():
        operations.create_item(
            "training", actor=db.session.merge(teacher), now=now(), origin=draft.origin
        )


def test_a_deleted_draft_may_be_made_again(teacher: Person, last: int) -> None:
    (draft,) = carried(teacher, last)
    with transaction():
        person = db.session.merge(teacher)
        operations.delete_item(
            db.session.get_one(PortfolioItem, draft.id), actor=person, now=now()
        )
    assert len(carried(teacher, last)) == 1


def test_the_page_offers_what_the_person_may_have_and_no_year_to_come(
    teacher: Person, last: int, client_for: Any
) -> None:
    browser = client_for(teacher)
    page = browser.get("/portfolio/carry").text
    assert ("继续教育" in page, "手术" in page, "临床" in page) == (True, False, False)
    assert "复制到" in page
    with transaction():
        data = {"year": a_year(), "hours_public": 0, "hours_professional": 60}
        build.an_item(db.session.merge(teacher), "training", data=data)
    early = browser.get(f"/portfolio/carry?year={a_year() + 1}").text
    assert f"{a_year() + 1} 年尚未到来，不能复制" in early
    assert "data-bulk-button" not in early


def test_what_cannot_be_carried_over_is_refused(teacher: Person, school: Unit, last: int) -> None:
    with pytest.raises(Invalid, match="请先勾选"):
        carried(teacher)
    with pytest.raises(Invalid, match="尚未到来"):
        carried(teacher, last, year=a_year() + 1)
    with pytest.raises(Conflict, match="已有变化"):
        carried(teacher, last, year=a_year() - 1)
    with transaction():
        other = a_person("苏禾", unit=school)
    with pytest.raises(Conflict, match="已有变化"):
        carried(other, last)


def test_the_page_offers_last_year_and_makes_drafts(
    teacher: Person, last: int, client_for: Any
) -> None:
    browser = client_for(teacher)
    page = browser.get("/portfolio/carry").text
    assert f"复制到 {a_year()} 年" in page
    assert f'value="{last}"' in page
    refused = browser.post("/portfolio/carry", {"year": a_year()})
    assert is_told_in_place(refused, "请先勾选要复制的业绩", "继续教育")
    sent = {"year": a_year(), "id": [last]}
    answer = browser.post("/portfolio/carry", sent)
    assert answer.status_code == 303
    assert f"已生成 {a_year()} 年的 1 项草稿" in browser.get(answer.location).text
    again = browser.post("/portfolio/carry", sent)
    assert "1 项此前已复制过" in browser.get(again.location).text
    with transaction(write=False):
        mine = select(PortfolioItem).filter_by(person_id=teacher.id)
        assert len(db.session.scalars(mine).all()) == 2
    assert "已复制" in browser.get("/portfolio/carry").text
    assert browser.get("/portfolio/carry?year=99999").status_code == 200


def test_who_has_nothing_of_last_year_is_told_so(teacher: Person, client_for: Any) -> None:
    assert "没有可以复制的业绩" in client_for(teacher).get("/portfolio/carry").text


def test_an_item_leads_to_its_copy_for_the_next_year(teacher: Person, client_for: Any) -> None:
    with transaction():
        sent = build.a_submitted_item(
            db.session.merge(teacher), "assessment", data={"year": a_year() - 1}
        ).id
    browser = client_for(teacher)
    onward = f"/portfolio/carry?year={a_year()}&amp;id={sent}"
    assert onward in browser.get(f"/portfolio/{sent}").text
    page = browser.get(onward.replace("&amp;", "&")).text
    assert page.count(" checked") == 1
