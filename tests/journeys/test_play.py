"""The demonstration plays the whole main job on an empty instance, on either database."""

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import worker
from app.catalogue.operations import load_reference_data
from app.certificates.models import Certificate
from app.core.db import db, transaction
from app.core.invariants import check_all
from app.demo import show
from app.engine.models import Incident, ProcessInstance, WorkItem
from app.experts.models import ExpertProfile
from tests.databases import START

pytestmark = pytest.mark.database


@pytest.fixture
def told(app: Flask) -> list[str]:
    """The lines of a play that failed nowhere."""
    with transaction():
        load_reference_data(2027)
    lines: list[str] = []
    assert show.play(lines.append) == []
    return lines


def test_the_play_goes_from_the_portfolio_to_a_replaced_certificate(
    app: Flask, told: list[str]
) -> None:
    papers = [Path(line.rsplit("  ", 1)[-1]) for line in told if line.startswith("— 证书 ")]
    assert len(papers) == 2
    for paper in papers:
        assert paper.parent == Path(app.instance_path)
        assert paper.read_bytes().startswith(b"%PDF-")
    with transaction(write=False):
        made = list(db.session.scalars(select(Certificate).order_by(Certificate.id)))
        assert [each.status for each in made] == ["replaced", "active"]
        assert [f"{each.number}.pdf" for each in made] == [paper.name for paper in papers]
        assert made[1].replaces_id == made[0].id


def test_nobody_in_the_pool_lacks_what_an_identity_number_says(told: list[str]) -> None:
    del told
    with transaction(write=False):
        experts = [each.person for each in db.session.scalars(select(ExpertProfile))]
    assert len(experts) == 11
    assert {person.gender for person in experts} == {"男", "女"}
    assert all(person.birth_date for person in experts)


def test_every_step_is_told_by_role_person_and_outcome(app: Flask, told: list[str]) -> None:
    text = "\n".join(told)
    steps = (
        "计划配置", "业绩审核", "审核申报材料", "单位领导审定", "复核上报材料", "受理申报材料",
        "方案审核", "主审打分", "投票关闭与计票", "公示结果确认",
        "上报评审结果", "评审结果审核", "发证", "发证机关办理",
    )  # fmt: skip
    places = [text.find(step) for step in steps[1:]]
    assert -1 not in places
    assert places == sorted(places), "in the order of the office"
    assert "  5 ✗" in text
    assert "  9 ✗" in text


def test_no_law_is_broken_and_nothing_is_left_over(app: Flask, told: list[str]) -> None:
    del told
    worker.seal()
    with transaction(write=False):
        assert check_all() == []
        assert db.session.scalar(select(func.count(Incident.id))) == 0
        running = select(ProcessInstance.process_key).where(ProcessInstance.status == "running")
        assert set(db.session.scalars(running)) <= {"plan_window"}


def test_nobody_whom_the_demonstration_shows_is_late(app: Flask) -> None:
    with transaction():
        load_reference_data(2027)
    show.load(lambda _line: None)
    with transaction(write=False):
        open_tasks = select(WorkItem).where(WorkItem.status == "open")
        due = {item.node: item.due_at for item in db.session.scalars(open_tasks) if item.due_at}
        early = {node: day for node, day in due.items() if day < START}
        assert early == {}
        assert {"vet_declaration", "vet_forwarded", "vet_item", "vet_replacement"} <= set(due)
