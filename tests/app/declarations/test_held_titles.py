"""现有职称: titles approved in the portfolio are taken over, and stay as they were approved."""

from collections.abc import Callable
from typing import Any

import pytest

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.declarations import facts, operations, queries, specs
from app.declarations.holdings import held_now, held_when_sent, kept_of
from app.declarations.models import Declaration, DeclarationSnapshot, PriorTitle
from app.papers.evaluation_form import form_of
from app.portfolio import item_types, withdrawals
from app.portfolio import operations as portfolio
from app.portfolio.item_types import fields_of
from app.portfolio.models import PortfolioItem
from forms.builder import options_of
from tests.builders import portfolio as build
from tests.builders.declarations import a_draft
from tests.builders.flow import do
from tests.builders.people import a_person

pytestmark = pytest.mark.usefixtures("app")
Clients = Callable[..., Any]
HELD = {
    "obtained_by": "评审",
    "category": "教育类",
    "series": "中小学教师",
    "specialty": "小学数学",
    "title": "一级教师",
    "unit": "云桥区青禾小学",
    "issuer": "云桥区人社局",
    "issued_on": "2014-12-28",
    "appointments": [
        {"post": "一级教师", "unit": "云桥区青禾小学", "start": "2015-01-01", "current": True}
    ],
}
REST = {"reviewer": "云桥区中级评委会", "reviewed_on": "2014-12-10"}


def approved(person: Person, **more: Any) -> int:
    """An approved title of the portfolio; its id."""
    version = build.an_approved_item(person, "held_title", data={**HELD, **more})
    return version.item_id


@pytest.fixture
def case() -> Declaration:
    """A draft of somebody who has typed no title yet."""
    found = a_draft()
    with transaction():
        for row in queries.prior_titles_of(found.id):
            operations.delete_prior_title(queries.get_declaration(found.id), row.id, now=now())
    return found


@pytest.fixture
def item(case: Declaration) -> int:
    """The approved title of this person."""
    with transaction():
        return approved(db.session.get_one(Person, case.person_id))


def taken(client_for: Clients, case: Declaration, item: int) -> PriorTitle:
    """The title, once it was taken over."""
    wanted = {"section": "held_title", "item_id": item}
    answer = client_for(case.person).post(f"/declarations/{case.id}/imports", wanted)
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith("/fill/basics#titles")
    with transaction(write=False):
        [row] = queries.prior_titles_of(case.id)
    return row


def test_an_approved_title_is_taken_over_with_its_posts_and_papers(
    client_for: Clients, case: Declaration, item: int
) -> None:
    url = f"/declarations/{case.id}"
    assert "一级教师 小学数学" in client_for(case.person).get(f"{url}/fill/basics").text
    row = taken(client_for, case, item)
    assert row.data["title"] == "一级教师"
    [post] = row.data["appointments"]
    assert (post["name"], post["current"]) == ("一级教师", True)
    with transaction(write=False):
        sent = [file.file_id for file in db.session.get_one(PortfolioItem, item).files]
    assert [file.file_id for file in row.files] == sent
    page = client_for(case.person).get(f"{url}/fill/basics").text
    assert "业绩库导入" in page
    assert "没有可导入的记录" in page


def test_what_the_portfolio_does_not_say_is_typed_and_the_rest_stays(
    client_for: Clients, case: Declaration, item: int
) -> None:
    row = taken(client_for, case, item)
    url = f"/declarations/{case.id}/titles/{row.id}"
    browser = client_for(case.person)
    page = browser.get(url).text
    assert "业绩库中已审核的内容" in page
    assert 'name="reviewed_on"' in page
    assert 'name="title"' not in page
    assert "2015-01-01 至今" in page
    assert browser.post(url, {"reviewer": ""}).status_code == 422
    typed = {**REST, "title": "正高级教师", "series": "卫生"}
    assert browser.post(url, typed).status_code == 303
    with transaction(write=False):
        [kept] = queries.prior_titles_of(case.id)
        assert (kept.data["title"], kept.data["series"]) == ("一级教师", "中小学教师")
        assert kept.data["reviewed_on"] == "2014-12-10"
        assert [file.file_id for file in kept.files] == [file.file_id for file in row.files]


def test_a_title_is_not_reviewed_after_its_certificate_was_issued(
    client_for: Clients, case: Declaration, item: int
) -> None:
    row = taken(client_for, case, item)
    url = f"/declarations/{case.id}/titles/{row.id}"
    late = client_for(case.person).post(url, {**REST, "reviewed_on": "2014-12-29"})
    assert late.status_code == 422
    assert "不晚于发证日期 2014-12-28" in late.text
    same_day = {**REST, "reviewed_on": "2014-12-28"}
    assert client_for(case.person).post(url, same_day).status_code == 303


def test_a_title_may_be_held_by_conversion_here_and_there(case: Declaration) -> None:
    fields = (*specs.prior_title_form(case).fields, *fields_of(item_types.get("held_title")))
    here, there = (options_of(field) for field in fields if field.name == "obtained_by")
    assert here == there
    assert ("转评", "转评") in here


def test_an_empty_list_or_a_blank_is_as_missing_as_in_the_form(case: Declaration) -> None:
    with transaction():
        found = queries.get_declaration(case.id)
        operations.save_prior_title(found, {**HELD, **REST, "reviewer": "  "}, now=now())
        assert specs.lacking_in(held_now(found)) == ["现有职称“一级教师”的评审机构"]


def test_the_row_and_the_message_name_what_is_still_to_be_typed(
    client_for: Clients, case: Declaration
) -> None:
    with transaction():
        found = approved(db.session.get_one(Person, case.person_id), unit=None)
    browser = client_for(case.person)
    row = taken(lambda _person: browser, case, found)
    page = browser.get(f"/declarations/{case.id}/fill/basics").text
    assert "“一级教师”还缺：工作单位、评审机构、评审日期，请点“编辑”补充" in page
    assert "还缺：工作单位、评审机构、评审日期 <a " in page
    assert '<td class="wrap">—</td>' in page
    assert ">None<" not in page
    url = f"/declarations/{case.id}/titles/{row.id}"
    assert browser.post(url, {**REST, "unit": "云桥区青禾小学"}).status_code == 303
    assert "还缺：" not in browser.get(f"/declarations/{case.id}/fill/basics").text


def test_the_check_names_what_is_still_to_be_typed(
    client_for: Clients, case: Declaration, item: int
) -> None:
    row = taken(client_for, case, item)

    def missing() -> list[str]:
        with transaction(write=False):
            found = facts.facts_of(held_now(queries.get_declaration(case.id)), now())
            return [text for text in found["personal"]["missing"] if "现有职称" in text]

    assert missing() == [f"现有职称“一级教师”的{label}" for label in ("评审机构", "评审日期")]
    client_for(case.person).post(f"/declarations/{case.id}/titles/{row.id}", REST)
    assert missing() == []


def test_others_titles_and_unapproved_ones_are_not_taken_and_none_twice(
    client_for: Clients, case: Declaration, item: int
) -> None:
    with transaction():
        own = db.session.get_one(Person, case.person_id)
        foreign = approved(a_person("别人", unit=case.unit))
        pending = build.a_submitted_item(own, "held_title", data=HELD).id
        honour = build.an_approved_item(own, "honor").item_id
    browser, url = client_for(case.person), f"/declarations/{case.id}/imports"
    for other in (foreign, pending, honour):
        wanted = {"section": "held_title", "item_id": other}
        assert browser.post(url, wanted).status_code == 404
    taken(client_for, case, item)
    again = browser.post(url, {"section": "held_title", "item_id": item})
    assert again.status_code == 409
    assert (
        "请先勾选要导入的记录"
        in browser.post(url, {"section": "held_title"}, follow_redirects=True).text
    )
    with transaction():
        case = queries.get_declaration(case.id)
        for _ in range(19):
            operations.save_prior_title(case, {**HELD, **REST}, now=now())
        more = approved(db.session.get_one(Person, case.person_id), title="二级教师")
        with pytest.raises(Invalid, match="最多填写 20 条"):
            operations.import_titles(case, [more], now=now())


def test_the_version_is_kept_and_said_to_every_reader_and_on_paper(
    client_for: Clients, case: Declaration, item: int
) -> None:
    taken(client_for, case, item)
    with transaction():
        owned = db.session.get_one(PortfolioItem, item)
        withdrawals.request_withdrawal(owned, "名称有误", actor=owned.person, now=now())
    do((portfolio.BUSINESS, item), "vet_withdrawal", {"decision": "pass", "opinion": ""})
    said = "本申报使用第 1 版，业绩库中已撤回修改，尚未再次通过审核"
    assert said in client_for(case.person).get(f"/declarations/{case.id}/fill/basics").text
    assert said in client_for(case.person).get(f"/declarations/{case.id}/fill/overview").text
    with transaction(write=False):
        made = form_of(queries.get_declaration(case.id))
        assert made.titles.rows[0][0] == f"一级教师（{said}）"


def test_the_unit_reads_where_it_is_used_and_a_submission_keeps_it(
    client_for: Clients, case: Declaration, item: int
) -> None:
    row = taken(client_for, case, item)
    with transaction(write=False):
        found = queries.get_declaration(case.id)
        assert queries.items_in_use([item]) == {item: [f"{found.plan.year} 年度申报"]}
        sent = DeclarationSnapshot(content={"held": kept_of(held_now(found))})
        [kept] = held_when_sent(found, sent).titles
        assert (kept.item_version_id, kept.data) == (row.item_version_id, row.data)
