"""The open plan of 2026: the golden case in 填报, colleagues at other points of the way."""

from app.core.db import transaction
from app.declarations.queries import get_declaration
from app.demo import approvals, cast, paperwork, planning
from app.demo.stage import Stage, pick, read_data
from app.portfolio.operations import BUSINESS

AT_UNIT = ("A02", "A17")
RETURNED = "A03"
AT_CITY = "A11"
SOLE_ADMINISTRATOR = "A08"
IDLE_DRAFT = "A18"
BARRED = "A15"
DEFECTS = [
    {"section": "training", "text": "2025 年继续教育学时证明缺页", "remedy": "补全证书全部页面"},
    {"section": "files", "text": "身份证背面不清晰", "remedy": "重新扫描后上传"},
    {"section": "merits", "text": "成果奖证书无颁奖单位公章", "remedy": "上传盖章页"},
]
SAME_AWARD = {
    "教学成果奖": {"name": "“问题链”课堂的校本研究", "position": 2, "participants": 5},
}


def play(stage: Stage, committee_id: int) -> int:
    """Play the plan of 2026 up to the day of the demonstration; the golden declaration's id."""
    plan_id = planning.run_plan(stage, committee_id, "plan_2026")
    stage.at(stage.day(-18))
    golden = _golden(stage, plan_id)
    for row in read_data("applicants_2026")["applicant"]:
        cast.enter_applicant(stage, row)
    cast.make_administrator(stage, SOLE_ADMINISTRATOR, "AH08")
    cast.bar(stage, BARRED, since=stage.day(-65), until=stage.day(300))
    stage.at(stage.day(-14))
    # Long enough ago that the unit has published them for five working days: they can be passed.
    sent = {key: _declare(stage, plan_id, key) for key in (*AT_UNIT, RETURNED, AT_CITY)}
    _draft(stage, plan_id, IDLE_DRAFT)
    _move_on(stage, sent)
    stage.at(stage.day(-3))
    _declare(stage, plan_id, SOLE_ADMINISTRATOR)
    stage.at(stage.day(-1))
    paperwork.enter_pending(stage.people["golden"])
    return golden


def _golden(stage: Stage, plan_id: int) -> int:
    person = read_data("golden")["person"]
    person_id = cast.enter_applicant(stage, person)
    items = paperwork.fill_portfolio(stage, person_id, complete=False)
    declaration_id = paperwork.begin_declaration(person_id, plan_id, person["specialty"])
    paperwork.fill_declaration(stage, declaration_id, items, complete=False)
    return declaration_id


def _declare(stage: Stage, plan_id: int, key: str) -> int:
    row = pick(read_data("applicants_2026")["applicant"], key)
    own = SAME_AWARD if key in AT_UNIT else None
    items = paperwork.fill_portfolio(stage, stage.people[key], complete=True, own=own)
    declaration_id = paperwork.begin_declaration(stage.people[key], plan_id, row["specialty"])
    paperwork.fill_declaration(stage, declaration_id, items, complete=True)
    paperwork.submit(stage, declaration_id)
    return declaration_id


def _draft(stage: Stage, plan_id: int, key: str) -> None:
    row = pick(read_data("applicants_2026")["applicant"], key)
    paperwork.begin_declaration(stage.people[key], plan_id, row["specialty"])


def _move_on(stage: Stage, sent: dict[str, int]) -> None:
    stage.at(stage.day(-12))
    returned = {"decision": "return", "opinion": "请一次修改完整", "defects": DEFECTS}
    stage.act(("declaration", sent[RETURNED]), "vet_declaration", returned)
    answers = approvals.recommendation(stage, sent[AT_CITY])
    approvals.pass_unit(stage, sent[AT_CITY], answers)


def finish_golden(stage: Stage, declaration_id: int) -> None:
    """Do what the first check missed: the result, the audit of record 11, two imports."""
    with transaction(write=False):
        declaration = get_declaration(declaration_id)
        person_id = declaration.person_id
        waiting = paperwork.waiting_items(person_id)
    for item_id in waiting:
        passed = {"decision": "pass", "opinion": "情况属实"}
        stage.act((BUSINESS, item_id), "vet_item", passed)
    with transaction():
        declaration = get_declaration(declaration_id)
        paperwork.choose_result(declaration)
        for into, item_id in paperwork.later_items(person_id).items():
            paperwork.take(declaration, into, item_id)
