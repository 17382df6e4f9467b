"""Lists of publicity and objections: read in few statements, and taken away as tables."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.results import operations, views
from app.results.models import Publicity, Result
from tests.builders import results as build
from tests.builders.people import a_person, a_unit
from tests.builders.statements import statements_sent

Enter = Callable[..., Any]


def statements_of(read: Callable[[], Any]) -> int:
    """How many statements a request costs."""
    with statements_sent() as sent:
        assert read().status_code == 200
    return len(sent)


def object_times(published: build.Published, times: int) -> None:
    with transaction():
        for number in range(times):
            operations.file_objection(
                published.publicity,
                published.result(number % len(published.result_ids)),
                name=f"方{number}",
                contact="fang@example.com",
                text=f"第 {number} 件反映的论文署名问题",
                now=now(),
            )


def test_the_list_of_objections_costs_the_same_for_three_and_for_twelve(
    app: Flask, client_for: Enter
) -> None:
    published = build.a_publicity(cases=6)
    organiser = client_for(build.person(published.organiser_id))
    object_times(published, 3)
    few = statements_of(lambda: organiser.get("/objections"))
    object_times(published, 9)
    assert statements_of(lambda: organiser.get("/objections")) == few
    table = statements_of(lambda: organiser.get("/objections.csv"))
    assert table <= few + 6


def test_a_published_list_costs_the_same_for_three_and_for_twelve(
    app: Flask, client_for: Enter
) -> None:
    costs = []
    for cases in (3, 12):
        published = build.a_publicity(cases=cases)
        object_times(published, cases)
        leader = client_for(build.person(published.leader_id))
        page = statements_of(lambda p=published, b=leader: b.get(f"/publicity/{p.id}"))
        table = statements_of(lambda p=published, b=leader: b.get(f"/publicity/{p.id}/list.csv"))
        costs.append((page, table))
    assert costs[0] == costs[1]


def test_the_list_of_publicities_costs_the_same_for_one_and_for_four(
    app: Flask, client_for: Enter
) -> None:
    build.a_publicity()
    visitor = client_for()
    few = statements_of(lambda: visitor.get("/publicity"))
    for _ in range(3):
        build.a_publicity()
    with transaction(write=False):
        assert len({p.plan_id for p in db.session.scalars(select(Publicity))}) == 4
    assert statements_of(lambda: visitor.get("/publicity")) == few


def test_the_organiser_takes_the_list_away_and_that_is_kept(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity(cases=2)
    build.object_to(published)
    answer = client_for(build.person(published.leader_id)).get(
        f"/publicity/{published.id}/list.csv"
    )
    lines = answer.get_data(as_text=True).lstrip("\ufeff").splitlines()
    assert lines[0].startswith("序号,申报编号,姓名,工作单位")
    assert len(lines) == 3
    assert "核查中 1 件,公示中" in lines[1]
    assert "无,公示中" in lines[2]
    with transaction(write=False):
        kept = db.session.scalars(
            select(AuditEvent).where(AuditEvent.tag == "publicity:exported")
        ).one()
        assert kept.actor_id == published.leader_id


def test_the_register_of_objections_is_taken_away(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity()
    build.investigate(build.object_to(published))
    organiser = client_for(build.person(published.organiser_id))
    assert "/objections.csv" in organiser.get("/objections").text
    table = organiser.get("/objections.csv").get_data(as_text=True)
    for told in (build.COMPLAINT["name"], build.COMPLAINT["text"], "已调阅原件", "核查中"):
        assert told in table


def test_a_register_that_does_not_hold_all_says_so_and_names_every_unit(
    app: Flask, client_for: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = build.a_publicity(cases=2)
    for place in range(2):
        build.object_to(published, place)
    with transaction():
        elsewhere = a_unit("别处教育局", kind="机关", clerk=False, leader=False).id
        units = sorted([published.unit_id, elsewhere])
        posts = [("organiser", "org", unit) for unit in units]
        both = a_person("两处组建", roles=[*posts])
    browser = client_for(both)
    assert "只含前" not in browser.get("/objections").text
    assert "只含前" not in browser.get("/objections.csv").text
    monkeypatch.setattr(views, "EXPORTED", 1)
    assert "名单共 2 条，导出文件只含前 1 条" in browser.get("/objections").text
    lines = browser.get("/objections.csv").text.splitlines()
    assert lines[-1] == "名单共 2 条，导出文件只含前 1 条"
    assert len(lines) == 3
    with transaction(write=False):
        kept = select(AuditEvent.data).where(AuditEvent.tag == "objection:exported")
        assert [data["units"] for data in db.session.scalars(kept)] == [units, units]


def test_nobody_else_takes_them_away(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity()
    with transaction():
        elsewhere = a_unit("别处教育局", kind="机关", clerk=False, leader=False)
        stranger = a_person("别处组建", roles=[("organiser", "org", elsewhere.id)])
        applicant = db.session.get_one(Result, published.result_ids[0]).declaration.person
    address = f"/publicity/{published.id}/list.csv"
    assert client_for(stranger).get(address).status_code == 403
    assert client_for(applicant).get(address).status_code == 403
    assert client_for().get(address).status_code == 302
    assert address not in client_for(stranger).get(f"/publicity/{published.id}").text


def test_a_browser_that_only_looks_ahead_is_given_no_list(app: Flask, client_for: Enter) -> None:
    published = build.a_publicity()
    leader = client_for(build.person(published.leader_id))
    ahead = {"Sec-Purpose": "prefetch"}
    for address in (f"/publicity/{published.id}/list.csv", "/objections.csv"):
        assert leader.get(address, headers=ahead).status_code == 404
