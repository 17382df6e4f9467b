"""The plan of another series elsewhere: its window is closed, its material lies at four levels.

It goes on beside the schools' plan, at its own days; each applicant's row says how many offices
have passed the declaration, and whether the next one has returned it.
"""

from typing import Any

from app.declarations.queries import BUSINESS
from app.demo import approvals, cast, paperwork, planning
from app.demo.stage import Stage, read_data

BOOK = "works"
DEFECTS = [
    {
        "section": "basics:salary_grade",
        "text": "工资级别未填写具体等级",
        "remedy": "按聘任文件填写",
    },
    {"section": "files", "text": "社保缴费证明缺少近三个月", "remedy": "重新下载后上传"},
    {"section": "merits", "text": "优秀勘察设计奖未附排名页", "remedy": "上传盖章的排名页"},
]
SENT, MOVED = -13, -2


def play(stage: Stage) -> None:
    """Open the plan, and arrange what happens under it until the day of the demonstration."""
    stage.at(stage.day(-55))
    cast.enter_units(stage, BOOK, BOOK)
    committee_id = planning.enter_committee(stage, BOOK)
    plan_id = planning.run_plan(stage, committee_id, "plan", BOOK)
    stage.meanwhile(stage.day(SENT), lambda: _declare(stage, plan_id))


def _declare(stage: Stage, plan_id: int) -> None:
    sent = []
    for row in read_data(BOOK)["applicant"]:
        key = row["id"]
        person_id = cast.enter_applicant(stage, row)
        kept = paperwork.fill_portfolio(stage, key)
        declaration_id = paperwork.begin_declaration(person_id, plan_id, row)
        paperwork.fill_declaration(stage, declaration_id, key, kept)
        paperwork.submit(stage, declaration_id)
        sent.append((declaration_id, row))
    stage.meanwhile(stage.day(MOVED), lambda: _move_on(stage, sent))


def _move_on(stage: Stage, sent: list[tuple[int, dict[str, Any]]]) -> None:
    for declaration_id, row in sent:
        if not row["passed_by"]:
            continue
        since = stage.day(SENT)
        answers = approvals.recommendation(stage, declaration_id, since=since)
        approvals.pass_unit(stage, declaration_id, answers)
        approvals.pass_superiors(stage, declaration_id, levels=row["passed_by"] - 1)
        if row["is_returned"]:
            returned = {"decision": "return", "opinion": "请一次补正完整", "defects": DEFECTS}
            stage.act((BUSINESS, declaration_id), "vet_forwarded", returned)
