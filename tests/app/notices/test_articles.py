"""Notices and policies: written by staff, read by everybody from their time on."""

import io
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from PIL import Image

from app.accounts.models import Person
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, Invalid
from app.core.invariants import check_all
from app.notices import operations
from app.notices.markdown import rendered
from app.notices.models import Article, Kind
from tests.builders.people import a_person
from tests.builders.plans import an_instant, an_organiser
from tests.builders.refusals import is_told_in_place

NOTICE = {
    "title": "关于做好2026年度申报工作的通知",
    "jurisdiction": "anhui",
    "category": "申报通知",
    "body": "各单位：\n\n请于 **12月1日** 前提交。",
}
POLICY = {
    "title": "职称评审管理办法",
    "jurisdiction": "anhui",
    "category": "综合管理",
    "document_no": "人社规〔2026〕3号",
    "issuer": "省人力资源和社会保障厅",
    "effective_from": "2026-01-01",
    "effective_until": "2026-11-23",
    "body": "第一条 为规范职称评审。",
}


@dataclass
class Office:
    """Who keeps articles and who does not."""

    clerk: Person
    stranger: Person
    system: Person
    applicant: Person


@pytest.fixture
def office(app: Flask) -> Office:
    from app.accounts.queries import people_with_role

    with transaction():
        home, away = an_organiser("淮城市教育局"), an_organiser("榕城市教育局")
        away.jurisdiction = "fujian"
        clerks = [people_with_role("organiser", "org", unit.id, now())[0] for unit in (home, away)]
        return Office(
            *clerks,
            a_person("庾一鸣", roles=[("system_admin", "all", None)]),
            a_person("苏晓禾", roles=[("applicant", "all", None)]),
        )


def an_article(
    clerk: Person, values: dict[str, Any] = NOTICE, kind: Kind = Kind.NOTICE, **more: Any
) -> int:
    """A draft."""
    with transaction():
        given = {**values, **more}
        place = str(given["jurisdiction"])
        made = operations.write_article(kind, place, given, [], actor=clerk, now=now())
        return made.id


def publish(article_id: int, by: Person, at: datetime | None = None) -> None:
    with transaction():
        article = db.session.get_one(Article, article_id)
        operations.publish_article(article, at=at, actor=by, now=now())


def test_what_a_clerk_publishes_everybody_reads(client_for: Any, office: Office) -> None:
    clerk, visitor = client_for(office.clerk), client_for(None)
    answer = clerk.post("/articles/new/notice", NOTICE)
    assert answer.status_code == 303
    assert NOTICE["title"] in clerk.get(answer.location).text
    assert NOTICE["title"] not in visitor.get("/notices").text
    assert visitor.get("/notices/1").status_code == 404
    assert clerk.post(f"{answer.location}/publish").status_code == 303
    page = visitor.get("/notices/1").text
    assert "<strong>12月1日</strong>" in page
    assert NOTICE["title"] in visitor.get("/notices").text
    assert NOTICE["title"] in visitor.get("/").text
    with transaction(write=False):
        tags = db.session.scalars(sa.select(AuditEvent.tag).order_by(AuditEvent.id))
        assert list(tags)[-2:] == ["article:created", "article:published"]


def test_an_article_appears_when_its_time_comes(client_for: Any, office: Office, at: Any) -> None:
    article_id = an_article(office.clerk)
    clerk, visitor = client_for(office.clerk), client_for(None)
    form = {"later": "1", "publish_at": "2026-11-24T08:00"}
    assert clerk.post(f"/articles/{article_id}/publish", form).status_code == 303
    assert "定时发布" in clerk.get("/articles?state=waiting").text
    at(an_instant("2026-11-24T07:59:59"))
    assert visitor.get(f"/notices/{article_id}").status_code == 404
    at(an_instant("2026-11-24T08:00:00"))
    assert visitor.get(f"/notices/{article_id}").status_code == 200


@pytest.mark.parametrize(
    ("moment", "fault"),
    [
        ("", "请选择发布的日期和时间"),
        ("明天", "请选择发布的日期和时间"),
        ("2026-11-20T08:00", "发布时间应晚于现在"),
    ],
)
def test_a_time_of_publication_lies_ahead(
    client_for: Any, office: Office, moment: str, fault: str
) -> None:
    article_id = an_article(office.clerk)
    form = {"later": "1", "publish_at": moment}
    answer = client_for(office.clerk).post(f"/articles/{article_id}/publish", form)
    assert is_told_in_place(answer, fault, NOTICE["title"])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"title": ""}, "请填写标题"),
        ({"title": "长" * 121}, "不能超过 120 个字"),
        ({"category": "小道消息"}, "请选择列表中的选项"),
        ({"body": " "}, "请填写正文"),
        ({"jurisdiction": "fujian"}, "请选择列表中的选项"),
        ({"jurisdiction": "all"}, "请选择列表中的选项"),
    ],
)
def test_a_faulty_article_is_shown_again(
    client_for: Any, office: Office, change: dict[str, str], fault: str
) -> None:
    answer = client_for(office.clerk).post("/articles/new/notice", {**NOTICE, **change})
    kept = NOTICE["title"] if "title" not in change else "请于"
    assert is_told_in_place(answer, fault, kept)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"document_no": ""}, "请填写文号"),
        ({"effective_until": "2025-12-31"}, "失效日期不能早于施行日期"),
        ({"effective_from": "某日"}, "不是有效的日期"),
    ],
)
def test_a_policy_needs_its_number_and_days_that_fit(
    client_for: Any, office: Office, change: dict[str, str], fault: str
) -> None:
    answer = client_for(office.clerk).post("/articles/new/policy", {**POLICY, **change})
    assert is_told_in_place(answer, fault, POLICY["title"], "第一条")


def test_a_policy_is_out_of_force_the_day_after_its_last(
    client_for: Any, office: Office, at: Any
) -> None:
    article_id = an_article(office.clerk, POLICY, Kind.POLICY)
    publish(article_id, office.clerk)
    visitor = client_for(None)
    assert "现行有效" in visitor.get(f"/policies/{article_id}").text
    assert POLICY["title"] in visitor.get("/policies?validity=valid").text
    at(an_instant("2026-11-24T00:00:00"))
    assert "已于 2026-11-23 失效" in visitor.get(f"/policies/{article_id}").text
    assert POLICY["title"] not in visitor.get("/policies?validity=valid").text
    assert POLICY["title"] in visitor.get("/policies?validity=ended").text


def test_a_policy_that_begins_later_is_not_in_force_yet(
    client_for: Any, office: Office, at: Any
) -> None:
    form = {**POLICY, "effective_from": "2026-12-01", "effective_until": ""}
    article_id = an_article(office.clerk, form, Kind.POLICY)
    publish(article_id, office.clerk)
    visitor = client_for(None)
    page = visitor.get(f"/policies/{article_id}").text
    assert ("尚未施行" in page, "自 2026-12-01 起施行" in page) == (True, True)
    assert "尚未施行" in visitor.get("/").text
    assert POLICY["title"] not in visitor.get("/policies?validity=valid").text
    assert POLICY["title"] in visitor.get("/policies?validity=coming").text
    at(an_instant("2026-12-01T00:00:00"))
    assert "现行有效" in visitor.get(f"/policies/{article_id}").text
    assert POLICY["title"] in visitor.get("/policies?validity=valid").text
    assert "尚未施行" not in visitor.get("/").text


def test_the_home_page_says_which_policy_has_ended(
    client_for: Any, office: Office, at: Any
) -> None:
    publish(an_article(office.clerk, POLICY, Kind.POLICY), office.clerk)
    assert "已失效" not in client_for(None).get("/").text
    at(an_instant("2026-11-24T00:00:00"))
    assert "已失效" in client_for(None).get("/").text
    assert "已失效" in client_for(office.applicant).get("/home").text


def test_lists_are_searched_in_title_text_and_number(client_for: Any, office: Office) -> None:
    for article_id in (an_article(office.clerk), an_article(office.clerk, title="办证大厅100%通")):
        publish(article_id, office.clerk)
    policy = an_article(office.clerk, POLICY, Kind.POLICY)
    publish(policy, office.clerk)
    visitor = client_for(None)
    for query, found in {
        "q=12月1日": 2,
        "q=办证": 1,
        "q=100%25": 1,
        "q=1_0": 0,
        "category=申报通知": 2,
        "category=证书办理": 0,
        "year=2026": 2,
        "year=2025": 0,
        "year=99999": 2,
        "year=x": 2,
        "place=fujian": 0,
        "page=7": 2,
    }.items():
        said = f"共 {found} 条" if found else "没有符合条件的通知公告"
        assert said in visitor.get(f"/notices?{query}").text, query
    assert "没有符合条件的通知公告" in visitor.get("/notices?q=无此").text
    assert POLICY["title"] in visitor.get("/policies?q=3号").text
    assert visitor.get(f"/notices/{policy}").status_code == 404


def test_pinned_ones_stand_first(client_for: Any, office: Office, at: Any) -> None:
    old = an_article(office.clerk, title="旧而要紧")
    publish(old, office.clerk)
    at(an_instant("2026-11-25T09:00:00"))
    new = an_article(office.clerk, title="新的")
    publish(new, office.clerk)
    clerk, visitor = client_for(office.clerk), client_for(None)
    page = visitor.get("/notices").text
    assert page.index("新的") < page.index("旧而要紧")
    assert clerk.post(f"/articles/{old}/pin", {"pinned": "1"}).status_code == 303
    page = visitor.get("/notices").text
    assert page.index("旧而要紧") < page.index("新的")
    assert clerk.post(f"/articles/{old}/pin", {"pinned": "1"}).status_code == 409
    assert clerk.post(f"/articles/{old}/pin", {"pinned": "0"}).status_code == 303


def test_the_public_reads_the_old_words_until_the_new_ones_are_published(
    client_for: Any, office: Office
) -> None:
    article_id = an_article(office.clerk)
    publish(article_id, office.clerk)
    clerk, visitor = client_for(office.clerk), client_for(None)
    changed = {**NOTICE, "body": "期限延长。"}
    assert clerk.post(f"/articles/{article_id}/edit", changed).status_code == 303
    assert "期限延长" not in visitor.get(f"/notices/{article_id}").text
    assert "有未发布的修改" in clerk.get("/articles").text
    with pytest.raises(Invalid, match="只能立即发布"):
        publish(article_id, office.clerk, an_instant("2027-01-01T08:00"))
    publish(article_id, office.clerk)
    assert "期限延长" in visitor.get(f"/notices/{article_id}").text
    with transaction(write=False):
        assert check_all() == []
        db.session.get_one(Article, article_id).latest_no = 3
        db.session.flush()
        assert [line.split("：")[1] for line in check_all()] == [f"文章 {article_id} 的版本不连续"]
        db.session.rollback()
    assert "请于" in clerk.get(f"/articles/{article_id}?version=1").text
    assert clerk.get(f"/articles/{article_id}?version=9").status_code == 404
    with pytest.raises(Conflict, match="没有未发布的修改"):
        publish(article_id, office.clerk)


def test_a_draft_is_written_over_and_a_shown_version_is_kept(
    client_for: Any, office: Office
) -> None:
    article_id = an_article(office.clerk)
    clerk = client_for(office.clerk)
    clerk.post(f"/articles/{article_id}/edit", {**NOTICE, "title": "改过一次"})
    with transaction(write=False):
        assert [v.title for v in db.session.get_one(Article, article_id).versions] == ["改过一次"]
    assert (
        "内容没有变化"
        in clerk.client.post(
            f"/articles/{article_id}/edit",
            data={**NOTICE, "title": "改过一次", "csrf_token": clerk.token()},
            follow_redirects=True,
        ).text
    )


def test_a_published_article_is_withdrawn_with_a_reason(client_for: Any, office: Office) -> None:
    article_id = an_article(office.clerk)
    clerk, visitor = client_for(office.clerk), client_for(None)
    url = f"/articles/{article_id}"
    assert clerk.post(f"{url}/withdraw", {"reason": "有误"}).status_code == 409
    publish(article_id, office.clerk)
    assert is_told_in_place(clerk.post(f"{url}/withdraw", {"reason": " "}), "请填写撤下的理由")
    assert clerk.post(f"{url}/withdraw", {"reason": "有误"}).status_code == 303
    assert visitor.get(f"/notices/{article_id}").status_code == 404
    assert clerk.post(f"{url}/pin", {"pinned": "1"}).status_code == 409
    assert clerk.post(f"{url}/delete").status_code == 409
    assert clerk.post(f"{url}/publish").status_code == 303
    assert visitor.get(f"/notices/{article_id}").status_code == 200


def test_only_a_draft_is_deleted(client_for: Any, office: Office) -> None:
    article_id = an_article(office.clerk)
    clerk = client_for(office.clerk)
    assert clerk.post(f"/articles/{article_id}/delete").status_code == 303
    assert clerk.get(f"/articles/{article_id}").status_code == 404


def test_each_keeps_the_articles_of_their_jurisdiction(client_for: Any, office: Office) -> None:
    article_id = an_article(office.clerk)
    expected = {office.clerk: 200, office.system: 200, office.stranger: 403, office.applicant: 403}
    for person, status in expected.items():
        browser = client_for(person)
        assert browser.get(f"/articles/{article_id}").status_code == status
        assert browser.get(f"/articles/{article_id}/edit").status_code == status
        if status == 403:
            for act in ("publish", "withdraw", "pin", "delete", "edit"):
                assert browser.post(f"/articles/{article_id}/{act}", NOTICE).status_code == 403
    assert client_for(office.applicant).get("/articles").status_code == 403
    assert NOTICE["title"] not in client_for(office.stranger).get("/articles").text
    assert client_for(office.system).get("/articles?q=申报工作").status_code == 200


def test_the_system_administrator_publishes_for_the_whole_platform(
    client_for: Any, office: Office
) -> None:
    answer = client_for(office.system).post(
        "/articles/new/notice", {**NOTICE, "jurisdiction": "all"}
    )
    article_id = int(answer.location.rsplit("/", 1)[1])
    publish(article_id, office.system)
    assert "全平台" in client_for(None).get(f"/notices/{article_id}").text
    assert client_for(office.clerk).get(f"/articles/{article_id}").status_code == 403


def a_picture_sent(browser: Any, name: str, size: int = 20) -> int:
    picture = io.BytesIO()
    Image.new("RGB", (size, 20)).save(picture, "PNG")
    picture.seek(0)
    sent = browser.post("/files?policy=article", {"file": (picture, name)})
    return int(sent.json["id"])


def test_files_are_shown_in_the_order_in_which_they_were_attached(
    client_for: Any, office: Office
) -> None:
    clerk = client_for(office.clerk)
    first, second = a_picture_sent(clerk, "甲.png"), a_picture_sent(clerk, "乙.png", 21)
    made = clerk.post("/articles/new/notice", {**NOTICE, "files": [second, first]})
    article_id = int(made.location.rsplit("/", 1)[1])
    publish(article_id, office.clerk)
    shown = client_for(None).get(f"/notices/{article_id}").text
    assert 0 < shown.index("乙.png") < shown.index("甲.png")


def test_a_file_is_read_with_the_article_that_shows_it(client_for: Any, office: Office) -> None:
    clerk, visitor = client_for(office.clerk), client_for(None)
    file_id = a_picture_sent(clerk, "流程.png")
    made = clerk.post("/articles/new/notice", {**NOTICE, "files": file_id})
    article_id = int(made.location.rsplit("/", 1)[1])
    url = f"/notices/{article_id}/files/{file_id}"
    assert visitor.get(url).status_code == 404
    publish(article_id, office.clerk)
    assert "流程.png" in visitor.get(f"/notices/{article_id}").text
    assert visitor.get(url).content_type == "image/png"
    assert visitor.get(f"/notices/{article_id}/files/{file_id + 1}").status_code == 404
    assert client_for(office.system).get(f"/files/{file_id}").status_code == 200
    assert client_for(office.applicant).get(f"/files/{file_id}").status_code == 404
    # Another clerk's upload is not theirs to attach.
    refused = client_for(office.system).post("/articles/new/notice", {**NOTICE, "files": file_id})
    assert refused.status_code == 404


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;"),
        ("[点我](javascript:alert(1))", "[点我](javascript:alert(1))"),
        ("![图](https://a.example/x.png)", "!<a"),
        ("# 大标题", "<h2>大标题</h2>"),
        ("| 甲 | 乙 |\n|---|---|\n| 1 | 2 |", "<td>1</td>"),
        ("<img src=x onerror=alert(1)>", "&lt;img"),
    ],
)
def test_a_text_carries_no_script_and_no_picture(text: str, html: str) -> None:
    made = rendered(text)
    assert html in made
    assert "<script" not in made
    assert "<img" not in made
    assert 'href="javascript' not in made


def test_a_preview_keeps_nothing(client_for: Any, office: Office) -> None:
    answer = client_for(office.clerk).post("/articles/new/notice", {**NOTICE, "preview": "1"})
    assert "正文预览" in answer.text
    assert "<strong>12月1日</strong>" in answer.text
    with transaction(write=False):
        assert db.session.query(Article).count() == 0
