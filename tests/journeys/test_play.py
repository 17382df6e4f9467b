"""The demonstration plays the whole main job on an empty instance, on either database."""

from pathlib import Path

from flask import Flask
from sqlalchemy import func, select

from app import worker
from app.catalogue.operations import load_reference_data
from app.certificates.models import Certificate
from app.core.db import db, transaction
from app.core.invariants import check_all
from app.demo import show
from app.engine.models import Incident, ProcessInstance
from app.experts.models import ExpertProfile


def test_the_whole_job_is_played_and_told(app: Flask) -> None:
    """One play, as it takes a while: its papers, its words, its people, and no law broken."""
    with transaction():
        load_reference_data(2027)
    told: list[str] = []
    assert show.play(told.append) == []
    worker.seal()
    with transaction(write=False):
        papers = _papers(app, told)
        made = list(db.session.scalars(select(Certificate).order_by(Certificate.id)))
        assert [each.status for each in made] == ["replaced", "active"]
        assert [f"{each.number}.pdf" for each in made] == [paper.name for paper in papers]
        assert made[1].replaces_id == made[0].id
        _every_step_is_told_in_the_order_of_the_office("\n".join(told))
        _every_expert_has_what_an_identity_number_says()
        assert check_all() == []
        assert db.session.scalar(select(func.count(Incident.id))) == 0
        running = select(ProcessInstance.process_key).where(ProcessInstance.status == "running")
        assert set(db.session.scalars(running)) <= {"plan_window"}


def _papers(app: Flask, told: list[str]) -> list[Path]:
    papers = [Path(line.rsplit("  ", 1)[-1]) for line in told if line.startswith("— 证书 ")]
    assert len(papers) == 2
    for paper in papers:
        assert paper.parent == Path(app.instance_path)
        assert paper.read_bytes().startswith(b"%PDF-")
    return papers


def _every_step_is_told_in_the_order_of_the_office(text: str) -> None:
    steps = (
        "计划配置", "业绩审核", "审核申报材料", "单位领导审定", "复核上报材料", "受理申报材料",
        "方案审核", "主审打分", "投票关闭与计票", "公示结果确认",
        "上报评审结果", "评审结果审核", "发证", "发证机关办理",
    )  # fmt: skip
    places = [text.find(step) for step in steps[1:]]
    assert -1 not in places
    assert places == sorted(places)
    assert "  5 ✗" in text
    assert "  9 ✗" in text


def _every_expert_has_what_an_identity_number_says() -> None:
    experts = [each.person for each in db.session.scalars(select(ExpertProfile))]
    assert len(experts) == 11
    assert {person.gender for person in experts} == {"男", "女"}
    assert all(person.birth_date for person in experts)
