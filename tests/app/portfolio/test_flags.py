"""第一学历, 最高学历, 参评学历 and 合格学历 each stand in one education of a person (CZ-22)."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.portfolio import operations
from app.portfolio.models import ItemFlag, PortfolioItem
from tests.builders import portfolio as build
from tests.builders.people import a_person, a_unit

pytestmark = pytest.mark.usefixtures("app")
Sign = Callable[..., Any]


def an_education(person: Person, *marks: str, school: str = "淮城师范学院") -> PortfolioItem:
    data = {"school": school, "marks": list(marks), "end": "2007-06", "start": "2003-09"}
    return build.an_item(person, "education", data=data)


def a_teacher() -> Person:
    return a_person(unit=a_unit())


def mark(item: PortfolioItem, *marks: str) -> dict[str, list[str]]:
    return operations.save_fields(item, {"marks": list(marks)}, actor=item.person, now=now())


def test_a_mark_stands_in_one_item_and_says_where() -> None:
    with transaction():
        teacher = a_teacher()
        an_education(teacher, "第一学历", "最高学历")
        other = an_education(teacher, school="江南理工大学")
        faults = mark(other, "最高学历", "参评学历")
        assert list(faults) == ["marks"]
        assert "“最高学历”已用于“淮城师范学院 示例 博士研究生”（草稿）" in faults["marks"][0]
        assert "marks" not in other.data or not other.data["marks"]
        assert not mark(other, "参评学历")


def test_a_mark_that_was_taken_back_is_free() -> None:
    with transaction():
        teacher = a_teacher()
        first, other = an_education(teacher, "最高学历"), an_education(teacher, school="乙")
        assert not mark(first)
        assert not mark(other, "最高学历")
        assert mark(first, "最高学历")


def test_a_mark_of_an_approved_item_says_how_to_free_it() -> None:
    with transaction():
        teacher = a_teacher()
        data = {"marks": ["最高学历"], "end": "2007-06", "start": "2003-09"}
        build.an_approved_item(teacher, "education", data=data)
        faults = mark(an_education(teacher, school="乙"), "最高学历")
        assert "（已通过），请先申请撤回" in faults["marks"][0]


def test_others_have_marks_of_their_own_and_a_deleted_draft_frees_its() -> None:
    with transaction():
        one, two = a_teacher(), a_person("柏小满", unit=a_unit("二小"))
        mine = an_education(one, "最高学历")
        assert not mark(an_education(two), "最高学历")
        operations.delete_item(mine, actor=one, now=now())
        assert not mark(an_education(one, school="乙"), "最高学历")


def test_a_copy_has_none_of_them() -> None:
    with transaction():
        item = an_education(a_teacher(), "第一学历")
        twin = operations.copy_item(item, actor=item.person, now=now())
        assert twin.data["school"] == item.data["school"]
        assert not twin.data.get("marks")


def test_the_database_refuses_a_second_one() -> None:
    with transaction():
        teacher = a_teacher()
        first, other = an_education(teacher, "最高学历"), an_education(teacher, school="乙")
        flag = first.flags[0]
        db.session.add(
            ItemFlag(
                person_id=flag.person_id,
                item_id=other.id,
                type_key=flag.type_key,
                field=flag.field,
                value=flag.value,
            )
        )
        with pytest.raises(IntegrityError):
            db.session.flush()
        db.session.rollback()


def test_the_page_keeps_what_was_ticked_and_says_it_at_the_field(client_for: Sign) -> None:
    with transaction():
        teacher = a_teacher()
        an_education(teacher, "最高学历")
        item = an_education(teacher, school="乙")
        form = {**item.data, "marks": ["最高学历"], "row_version": item.row_version}
    page = client_for(teacher).post(f"/portfolio/{item.id}", form)
    assert page.status_code == 422
    assert "“最高学历”已用于" in page.text.partition('id="marks-error"')[2].partition("</div>")[0]
    assert 'value="最高学历" id="marks-2" checked' in page.text
