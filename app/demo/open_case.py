"""The open plan of 2026: the golden case in 填报, colleagues at other points of the way.

Who stands where is `stand` in data/applicants_2026.toml.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.core.clock import now
from app.core.db import transaction
from app.declarations import operations
from app.declarations.queries import BUSINESS as DECLARATION
from app.declarations.queries import files_of, get_declaration
from app.demo import approvals, cast, paperwork, planning
from app.demo.stage import Stage, read_data
from app.portfolio.operations import BUSINESS

SOLE_ADMINISTRATOR = "A08"
BARRED = "A15"
NOTHING = {"barred", "retired"}
DEFECTS = [
    {"section": "basics:salary_grade", "text": "工资级别与聘任文件不一致", "remedy": "按聘文更正"},
    {"section": "files", "text": "身份证背面不清晰", "remedy": "重新扫描后上传"},
    {"section": "merits", "text": "成果奖证书无颁奖单位公章", "remedy": "上传盖章页"},
]
NO_LONGER_EMPLOYED = {
    "decision": "terminate",
    "opinion": "申报人已于上月调离教学岗位，不属于本计划评审范围",
}


def play(stage: Stage, committee_id: int) -> int:
    """Play the plan of 2026 up to the day of the demonstration; the golden declaration's id."""
    plan_id = planning.run_plan(stage, committee_id, "plan_2026")
    stage.at(stage.day(-18))
    golden = _golden(stage, plan_id)
    for row in _applicants():
        cast.enter_applicant(stage, row)
    cast.make_administrator(stage, SOLE_ADMINISTRATOR, "AH08")
    cast.bar(stage, BARRED, since=stage.day(-65), until=stage.day(300))
    kept = {
        row["id"]: paperwork.fill_portfolio(stage, row["id"])
        for row in _applicants()
        if row["stand"] not in NOTHING
    }
    stage.at(stage.day(-17))
    sent = _declare(stage, plan_id, kept, "at_superior")
    # Long enough ago that their unit can have published them, and none is overdue.
    stage.at(stage.day(-11))
    sent |= _declare(stage, plan_id, kept, "at_unit", "returned", "terminating")
    _move_on(stage, plan_id, sent)
    stage.at(stage.day(-3))
    _declare(stage, plan_id, kept, "sole_administrator")
    stage.at(stage.day(-2))
    for declaration_id in sent["terminating"]:
        stage.act((DECLARATION, declaration_id), "vet_declaration", NO_LONGER_EMPLOYED)
    _mend_two(sent["returned"][0])
    stage.at(stage.day(-1))
    paperwork.enter_pending(stage, paperwork.GOLDEN)
    return golden


def _applicants(*stands: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_data("applicants_2026")["applicant"]
    return [row for row in rows if not stands or row["stand"] in stands]


def _golden(stage: Stage, plan_id: int) -> int:
    person = read_data("golden")["person"]
    person_id = cast.enter_applicant(stage, person)
    kept = paperwork.fill_portfolio(stage, paperwork.GOLDEN, complete=False)
    declaration_id = paperwork.begin_declaration(person_id, plan_id, person)
    paperwork.fill_declaration(stage, declaration_id, paperwork.GOLDEN, kept, complete=False)
    return declaration_id


def _declare(
    stage: Stage, plan_id: int, kept: Mapping[str, paperwork.Kept], *stands: str
) -> dict[str, list[int]]:
    """Declare for whom the data lets stand there; the declarations by where they stand."""
    made: dict[str, list[int]] = {}
    for row in _applicants(*stands):
        key = row["id"]
        declaration_id = paperwork.begin_declaration(stage.people[key], plan_id, row)
        paperwork.fill_declaration(stage, declaration_id, key, kept[key])
        paperwork.submit(stage, declaration_id)
        made.setdefault(row["stand"], []).append(declaration_id)
    return made


def _move_on(stage: Stage, plan_id: int, sent: Mapping[str, Sequence[int]]) -> None:
    stage.at(stage.day(-9))
    for row in _applicants("idle_draft"):
        declaration_id = paperwork.begin_declaration(stage.people[row["id"]], plan_id, row)
        paperwork.begin_typing(stage, declaration_id, row["id"])
    stage.at(stage.day(-4))
    for declaration_id in sent["at_superior"]:
        answers = approvals.recommendation(stage, declaration_id, since=stage.day(-17))
        approvals.pass_unit(stage, declaration_id, answers)
    returned = {"decision": "return", "opinion": "请一次修改完整", "defects": DEFECTS}
    for declaration_id in sent["returned"]:
        stage.act((DECLARATION, declaration_id), "vet_declaration", returned)


def _mend_two(declaration_id: int) -> None:
    """Mend two of the three defects: the grade that was typed and the scan; the seal is left."""
    with transaction():
        declaration = get_declaration(declaration_id)
        operations.save_field(declaration, "salary_grade", ["专技九级"], now=now())
        scan = next(f for f in files_of(declaration.id) if "身份证" in f.slot.name)
        operations.remove_file(declaration, scan.id, now=now())
        lines = (declaration.person.name, "重新扫描")
        file_id = paperwork.upload(declaration.person, "身份证正反面", lines=lines)
        operations.attach_file(declaration, scan.slot_id, file_id, now=now())


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
