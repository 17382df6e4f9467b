"""The modules of the home pages: five of a person, three of a unit, with real figures."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask

from app.core.clock import now
from app.core.db import db, transaction
from app.declarations.models import ReviewOpinion
from app.notices import operations as writing
from app.notices.models import Kind
from tests.builders.declarations import a_declaration, a_draft
from tests.builders.flow import do
from tests.builders.golden_case import RETURN, VET_PASS
from tests.builders.people import a_person, a_unit, staff
from tests.builders.plans import a_plan, an_organiser

Clients = Callable[..., Any]


def module(page: str, title: str) -> str:
    """The part of a home page that a module is."""
    return page.split(f'aria-label="{title}"')[1].split("</section>", maxsplit=1)[0]


def figure(page: str, label: str) -> int:
    """The number beside a line of the statistics."""
    part = module(page, "审核统计情况").split(f">{label}</a>")[1].split("</li>")[0]
    return int(part.rpartition("</span>")[0].rpartition(">")[2].split()[0])


def test_a_person_has_five_modules_with_their_own_figures(app: Flask, client_for: Clients) -> None:
    declaration = a_declaration()
    page = client_for(declaration.person).get("/home").text
    mine = module(page, "我的申报情况")
    for text in ("2026年度", "常规申报", "中小学教师", "小学数学", "审核中"):
        assert text in mine
    assert "待办任务" in page
    assert "340000********9020" in module(page, "个人基本信息")
    assert "云桥区青禾小学" in module(page, "个人基本信息")
    assert "已通过" in module(page, "业绩统计")
    plans = re.sub(r"</?span[^>]*>", "", module(page, "最新计划信息"))
    for text in ("2026 年度", "高级", "评审委员会", "申报 2026-11-03 至 2026-12-01 17:30"):
        assert text in plans


def test_an_own_declaration_waits_with_its_plan_and_deadline(
    app: Flask, client_for: Clients
) -> None:
    draft = a_draft()
    tasks = client_for(draft.person).get("/home").text.split("全部待办")[1].split("</section>")[0]
    assert f">{draft.plan.name}</a>" in tasks
    assert f"截止 {draft.plan.closes_at:%Y-%m-%d}" in tasks
    assert "继续填报" in tasks
    assert draft.person.name not in tasks


def test_every_module_of_a_newcomer_says_the_next_step(app: Flask, client_for: Clients) -> None:
    with transaction():
        newcomer = a_person("卜文", roles=[("applicant", "all", None)])
    page = client_for(newcomer).get("/home").text
    assert "没有待办任务" in page
    assert "尚未绑定单位" in module(page, "个人基本信息")
    assert "去绑定单位" in module(page, "第一步：绑定单位")
    assert "查看评审计划" in module(page, "我的申报情况")
    assert "新增业绩" in module(page, "业绩统计")
    assert "暂无职称评审计划" in module(page, "最新计划信息")
    assert "暂无通知公告和政策文件" in module(page, "最新职称信息")


def test_plans_of_other_kinds_stand_behind_the_second_tab(app: Flask, client_for: Clients) -> None:
    with transaction():
        plan = a_plan()
        other = a_plan(plan.committee, name="2026年度职称确认", kind="确认")
        assert other.kind == "确认"
        teacher = a_person(unit=a_unit())
    browser = client_for(teacher)
    first = module(browser.get("/home").text, "最新计划信息")
    assert "2026年度淮城市" in first
    assert "2026年度职称确认" not in first
    for asked, is_other in (("other", True), ("review", False), ("x", False)):
        shown = module(browser.get(f"/home?plans={asked}").text, "最新计划信息")
        assert ("2026年度职称确认" in shown) is is_other
        assert ("2026年度淮城市" in shown) is not is_other


def test_a_units_figures_count_what_waits_and_what_was_decided(
    app: Flask, client_for: Clients, at: Any
) -> None:
    declaration = a_declaration()
    with transaction():
        clerk = staff(db.session.merge(declaration.unit, load=False), "unit_clerk")
        stranger = staff(declaration.plan.organiser_unit, "organiser")
        admin = a_person("敖正言", roles=[("unit_admin", "org", declaration.unit_id)])
    page = client_for(clerk).get("/home").text
    assert figure(page, "待办任务") == 1
    assert "最新职称信息" in client_for(admin).get("/home").text
    of_admin = module(client_for(admin).get("/home").text, "审核统计情况")
    assert "本单位待办任务" in of_admin
    for address in re.findall('href="([^"]+)"', of_admin):
        assert client_for(admin).get(address).status_code == 200
    assert "无超期" in module(page, "审核统计情况")
    before = figure(page, "本年度已审核业绩")
    assert before > 0
    assert figure(page, "本年度退回") == 0
    at(now_in_a_month())
    assert "其中超期 1 项" in module(client_for(clerk).get("/home").text, "审核统计情况")
    do(("declaration", declaration.id), "vet_declaration", RETURN)
    page = client_for(clerk).get("/home").text
    assert figure(page, "待办任务") == 0
    assert figure(page, "本年度退回") == 1
    assert "审核统计情况" not in client_for(stranger).get("/home").text


def now_in_a_month() -> Any:
    with transaction(write=False):
        return now() + timedelta(days=30)


def test_a_passed_declaration_is_counted(app: Flask, client_for: Clients) -> None:
    declaration = a_declaration()
    with transaction(write=False):
        clerk = staff(db.session.merge(declaration.unit, load=False), "unit_clerk")
    do(("declaration", declaration.id), "vet_declaration", VET_PASS)
    assert figure(client_for(clerk).get("/home").text, "本年度审核通过") == 1
    with transaction():
        opinion = db.session.query(ReviewOpinion).filter_by(declaration_id=declaration.id).one()
        told = {c.name: getattr(opinion, c.name) for c in ReviewOpinion.__table__.columns}
        db.session.add(ReviewOpinion(**{**told, "id": None, "stage": "审定"}))
    assert figure(client_for(clerk).get("/home").text, "本年度审核通过") == 1


def test_the_news_are_those_of_ones_own_jurisdiction(app: Flask, client_for: Clients) -> None:
    with transaction():
        author = staff(an_organiser(), "organiser")
        for place, title in (("anhui", "本省通知"), ("fujian", "外省通知"), ("", "全平台通知")):
            told = {"title": title, "category": "其他", "body": "正文"}
            made = writing.write_article(Kind.NOTICE, place, told, [], actor=author, now=now())
            writing.publish_article(made, at=None, actor=author, now=now())
        unit = a_unit()
        teacher, clerk = a_person(unit=unit), staff(unit, "unit_clerk")
    for person in (teacher, clerk):
        news = module(client_for(person).get("/home").text, "最新职称信息")
        assert "本省通知" in news
        assert "全平台通知" in news
        assert "外省通知" not in news
