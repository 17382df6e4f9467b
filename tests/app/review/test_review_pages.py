"""The pages of a meeting, for every seat and at every point of its course."""

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from app.core.db import db, transaction
from app.core.repeats import RequestKey
from app.core.storage import link
from app.review import queries
from app.review.ballots import BallotRoll
from tests.builders.flow import open_items
from tests.builders.people import a_person, person
from tests.builders.portfolio import an_upload
from tests.builders.review import Held, a_meeting, case_ids, cast_as, play, recuse_a_listener

Sign = Callable[..., Any]


def url(held: Held, part: str = "") -> str:
    return f"/meetings/{held.id}{part}"


def statuses(browser: Any, held: Held, *parts: str) -> list[int]:
    return [browser.get(url(held, part)).status_code for part in parts]


def task_of(held: Held, node: str, case_id: int | None = None) -> str:
    with transaction(write=False):
        business = ("case", case_id) if case_id else held.business
        return f"/tasks/{open_items(business, node)[0].id}"


def test_the_clerk_sets_a_meeting_up_page_by_page(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="set_up_meeting")
    clerk = client_for(person(held.clerk_id))
    assert clerk.get("/meetings").status_code == 200
    assert clerk.get(url(held)).status_code == 200
    for part in ("groups", "members", "cases", "indicators", "recusals", "scheme"):
        assert clerk.get(url(held, f"/set-up?part={part}")).status_code == 200
    added = clerk.post(url(held, "/groups"), {"name": "第三组", "size": "5"})
    assert added.status_code == 303
    small = clerk.post(url(held, "/groups"), {"name": "第四组", "size": "2"})
    assert small.status_code == 422
    assert "每组不少于 3 名专家" in small.text
    assert 'value="第四组"' in small.text
    short = clerk.post(url(held, "/set-up"), {"scheme": "按方案"})
    assert short.status_code == 422
    assert "第三组现有 0 名专家" in short.text


def test_a_new_meeting_starts_its_process(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="set_up_meeting")
    with transaction(write=False):
        plan_id, committee_id = held.meeting.plan_id, held.meeting.committee_id
    clerk = client_for(person(held.clerk_id))
    assert clerk.get("/meetings/new").status_code == 200
    data = {
        "plan_id": str(plan_id),
        "committees": str(committee_id),
        "name": "第二次会议",
        "place": "二号会议室",
        "starts_on": "2026-12-01",
        "starts_time": "09:00",
        "ends_on": "2026-12-02",
        "ends_time": "17:30",
    }
    late = clerk.post(
        "/meetings/new", {**data, "starts_on": "2028-01-01", "ends_on": "2028-01-02"}
    )
    assert late.status_code == 422
    assert "备案有效期" in late.text
    made = clerk.post("/meetings/new", data)
    assert made.status_code == 303
    assert clerk.get(made.location).status_code == 200


def test_each_task_shows_its_page(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="approve_scheme")
    leader = client_for(person(held.leader_id))
    shown = leader.get(task_of(held, "approve_scheme"))
    assert shown.status_code == 200
    assert "权重" in shown.text
    play(held, "approve_scheme")

    clerk = client_for(person(held.clerk_id))
    assert clerk.get(url(held, "/directors")).status_code == 200
    none = clerk.post(url(held, "/directors"), {})
    assert none.status_code == 422
    chosen = {"director_id": str(held.director_id), "deputy_id": str(held.member_ids[-1])}
    assert clerk.post(url(held, "/directors"), chosen).status_code == 303

    director = client_for(person(held.director_id))
    assert director.get(task_of(held, "confirm_standard")).status_code == 200
    play(held, "confirm_standard")
    assert director.get(url(held, "/leaders")).status_code == 200
    with transaction(write=False):
        groups = [(group.id, group.members[1].person_id) for group in held.meeting.groups]
    assert director.post(url(held, "/leaders"), {}).status_code == 422
    leaders = {f"leader-{group}": str(person_id) for group, person_id in groups}
    assert director.post(url(held, "/leaders"), leaders).status_code == 303

    for _, person_id in groups:
        browser = client_for(person(person_id))
        assert browser.get(url(held, "/assign")).status_code == 200
        assert browser.post(url(held, "/assign"), {"do": "finish"}).status_code == 422
        assert browser.post(url(held, "/assign"), {"do": "evenly"}).status_code == 303
        assert browser.post(url(held, "/assign"), {"do": "finish"}).status_code == 303


def test_who_was_ticked_stays_ticked_when_the_choice_is_refused(
    app: Flask, client_for: Sign
) -> None:
    held = a_meeting(at="appoint_directors")
    clerk = client_for(person(held.clerk_id))
    both = str(held.director_id)
    twice = [both, *(str(each) for each in held.member_ids[-2:])]
    wrong = clerk.post(url(held, "/directors"), {"director_id": both, "deputy_id": twice})
    assert wrong.status_code == 422
    assert "主任不能同时担任副主任" in wrong.text
    assert "副主任至多 2 名" in wrong.text
    assert _ticked(wrong.text) == [both, *sorted(twice, key=int)]
    play(held, "appoint_directors")
    play(held, "confirm_standard")
    director = client_for(person(held.director_id))
    with transaction(write=False):
        group = held.meeting.groups[0]
        group_id, leader = group.id, group.members[1].person_id
    half = director.post(url(held, "/leaders"), {f"leader-{group_id}": str(leader)})
    assert half.status_code == 422
    assert "请为第2组指定组长" in half.text
    assert _ticked(half.text) == [str(leader)]


def test_the_main_reviewer_scores_beside_the_material(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="score_case")
    with transaction(write=False):
        case = held.meeting.cases[0]
        case_id, reviewer = case.id, case.main_reviewer_id
        lines = [(line.id, line.is_veto, line.max_score) for line in held.meeting.indicators]
    browser = client_for(person(reviewer or 0))
    task = task_of(held, "score_case", case_id)
    assert browser.get(task).status_code == 200
    data = _scored_too_high(lines)
    over = browser.post(task, data)
    assert over.status_code == 422
    assert _messages(over.text) == {
        "scores-1-value-error": "教育教学工作：分值应为 0–60 的整数",
        "scores-2-value-error": "教研科研：分值应为 0–40 的整数",
    }
    assert '<a href="#scores-1-value">教育教学工作：分值应为 0–60 的整数</a>' in over.text
    assert "第 1 行" not in over.text
    assert 'value="61"' in over.text
    bad = browser.post(
        task, {**data, "scores-1-value": "8.5", "scores-2-value": "", "opinion": ""}
    )
    assert bad.status_code == 422
    assert 'value="8.5"' in bad.text
    assert _messages(bad.text) == {
        "scores-1-value-error": "教育教学工作：请填写整数",
        "scores-2-value-error": "教研科研：请填写分值",
    }
    veto = browser.post(task, {**data, "scores-0-value": "1"})
    assert _messages(veto.text)["scores-0-comment-error"] == "师德与育人：一票否决须说明理由"
    assert '<option value="1" selected>' in veto.text
    good = {k: ("30" if k.endswith("value") and v != "0" else v) for k, v in data.items()}
    assert browser.post(task, good).status_code == 303
    with transaction(write=False):
        assert queries.case(case_id).total_score == 60
    deputy = client_for(person(_deputy(case_id)))
    assert "业绩突出" in deputy.get(task_of(held, "confirm_by_deputy", case_id)).text


def _scored_too_high(lines: Sequence[tuple[int, bool, int]]) -> dict[str, str]:
    """Return what the main reviewer sends: a point more than each line of the table can give."""
    data = {"decision": "pass", "opinion": "业绩突出"}
    for place, (line_id, is_veto, top) in enumerate(lines):
        data |= {
            f"scores-{place}-indicator": str(line_id),
            f"scores-{place}-value": "0" if is_veto else str(top + 1),
            f"scores-{place}-comment": "",
        }
    return data


def _ticked(text: str) -> list[str]:
    return re.findall(r'value="(\d+)"[^>]* checked', text)


def _messages(text: str) -> dict[str, str]:
    found = re.findall(r'id="(scores-\d+-\w+-error)" data-error>([^<]*)</div>', text)
    return {place: told for place, told in found if told}


def _deputy(case_id: int) -> int:
    with transaction(write=False):
        return queries.case(case_id).deputy_reviewer_id or 0


def test_the_roll_shows_the_count_against_the_quorum(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="prepare_roll")
    clerk = client_for(person(held.clerk_id))
    assert "还差 6 人达到法定人数" in clerk.get(url(held, "/roll")).text
    clerk.post(url(held, "/check-in"), {"do": "all", "present": "1"})
    assert "可以生成票源" in clerk.get(url(held, "/roll")).text
    made = clerk.post(url(held, "/roll"), {"supervisor_id": str(held.supervisor_id)})
    assert made.status_code == 303
    assert "未领取" in clerk.get(url(held, "/roll")).text


def test_a_code_is_shown_once_and_lets_the_director_open(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="open_ballot")
    director = client_for(person(held.director_id))
    task = task_of(held, "open_ballot")
    refused = director.post(task, {"decision": "pass"})
    assert refused.status_code == 409
    assert "尚未领取密钥码" in refused.text
    for holder in (held.director_id, held.clerk_id, held.supervisor_id):
        browser = client_for(person(holder))
        assert browser.get(url(held, "/key")).status_code == 200
        shown = browser.post(url(held, "/key"))
        assert shown.status_code == 200
        assert "data-code" in shown.text
        assert "data-code" not in browser.get(url(held, "/key")).text
    assert director.get(task).status_code == 200
    assert director.post(task, {"decision": "pass"}).status_code == 303
    assert client_for(person(held.member_ids[3])).get(url(held, "/key")).status_code == 403


def test_an_expert_casts_once_and_nothing_of_the_choices_is_kept(
    app: Flask, client_for: Sign
) -> None:
    held = a_meeting(at="close_ballot")
    expert = client_for(person(held.member_ids[2]))
    order = case_ids(held)
    page = expert.get(url(held, "/ballot"))
    assert page.status_code == 200
    assert "request_key" not in page.text.split('class="ballot"')[1].split("</form>")[0]
    short = expert.post(url(held, "/ballot"), {f"case-{order[0]}": "y"})
    assert short.status_code == 422
    assert "还有 2 份材料未表决" in short.text
    with transaction(write=False):
        before = db.session.scalar(select(func.count(RequestKey.id)))
    full = {f"case-{case_id}": "y" for case_id in order}
    assert expert.post(url(held, "/ballot"), full).status_code == 303
    assert "您的选票已投入票箱" in expert.get(url(held, "/ballot")).text
    assert expert.post(url(held, "/ballot"), full).status_code == 409
    with transaction(write=False):
        assert db.session.scalar(select(func.count(RequestKey.id))) == before


def test_no_result_is_seen_before_the_close(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="close_ballot")
    order = case_ids(held)
    with transaction():
        applicant = queries.case(order[0]).declaration.person
        applicant.photo_file_id = link(an_upload(applicant)).id
    cast_as(held, held.member_ids[1], dict.fromkeys(order, "y"), Random(1))
    viewers = (held.clerk_id, held.leader_id, held.supervisor_id, held.director_id)
    for viewer in viewers:
        browser = client_for(person(viewer))
        assert browser.get(url(held, "/results")).status_code == 409
        assert "已投票" in browser.get(url(held, "/voted")).text
        case = browser.get(url(held, f"/cases/{order[0]}")).text
        assert "表决结果" not in case
        files = set(re.findall(r'/files/\d+(?=")', case))
        assert {browser.get(file).status_code for file in files} == {200}, viewer
    clerk = client_for(person(held.clerk_id))
    wrong = {f"code-{held.director_id}": "0" * 20, f"code-{held.clerk_id}": "0" * 20}
    refused = clerk.post(url(held, "/close"), wrong)
    assert refused.status_code == 422
    assert "密钥码不正确" in refused.text
    right = {f"code-{h}": held.codes[h] for h in (held.clerk_id, held.supervisor_id)}
    assert clerk.post(url(held, "/close"), right).status_code == 303
    counted = clerk.get(url(held, "/results"))
    assert counted.status_code == 200
    director = client_for(person(held.director_id))
    assert "计票结果" in director.get(task_of(held, "confirm_result")).text


def test_strangers_and_other_roles_are_kept_out(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="close_ballot")
    with transaction():
        stranger = a_person("外会专家", roles=[("expert", "all", None)])
        applicant = a_person("申报者", roles=[("applicant", "all", None)])
        other_clerk = a_person("外单位经办", roles=[("meeting_clerk", "org", 999_999)])
    parts = ("", "/ballot", "/results", "/voted", "/key", f"/cases/{case_ids(held)[0]}")
    assert set(statuses(client_for(stranger), held, *parts)) == {404}
    assert set(statuses(client_for(applicant), held, *parts)) <= {403, 404}
    assert set(statuses(client_for(other_clerk), held, "", "/set-up", "/roll", "/close")) == {404}
    expert = client_for(person(held.member_ids[4]))
    assert set(statuses(expert, held, "/set-up", "/roll", "/close", "/leaders")) == {403}
    clerk = client_for(person(held.clerk_id))
    assert clerk.get(url(held, "/ballot")).status_code == 403


def test_a_recused_expert_does_not_open_the_case(app: Flask, client_for: Sign) -> None:

    held = a_meeting(at="score_case")
    case_id, person_id = recuse_a_listener(held)
    browser = client_for(person(person_id))
    assert browser.get(url(held, f"/cases/{case_id}")).status_code == 404
    assert "您已回避" in browser.get(url(held)).text


def test_absent_members_see_no_ballot(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="close_ballot", present=7)
    absent = client_for(person(held.member_ids[8]))
    assert absent.get(url(held, "/ballot")).status_code == 403
    assert absent.get("/home").status_code == 200
    present = client_for(person(held.member_ids[2]))
    assert "待投票" in present.get("/home").text
    with transaction(write=False):
        assert db.session.scalar(select(func.count()).select_from(BallotRoll)) == 9


def test_the_list_opens_on_the_tab_that_has_something(app: Flask, client_for: Sign) -> None:
    held = a_meeting(at="set_up_meeting")
    clerk = client_for(person(held.clerk_id))
    link = f'href="/meetings/{held.id}"'
    assert link in clerk.get("/meetings").text
    with transaction():
        queries.meeting(held.id).status = "closed"
    assert link in clerk.get("/meetings").text
    assert "当前没有活跃的评审会议" in clerk.get("/meetings?tab=active").text
    assert link in clerk.get("/meetings?tab=past").text
