"""Loading the demonstration, and playing the whole main job from the first field to the paper."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from flask import current_app
from sqlalchemy import select

from app.accounts.models import Credential
from app.accounts.queries import hash_of
from app.core.clock import now, reset_clock
from app.core.db import db, transaction
from app.demo import (
    announcing,
    approvals,
    awards,
    cast,
    finished_case,
    meeting,
    open_case,
    paperwork,
    planning,
    works_case,
)
from app.demo.stage import Stage, read_data

Echo = Callable[[str], object]
ACCOUNTS = "demo-accounts.json"
FIRST_DAY = date(2025, 9, 28)
FIRST_TO_SHOW = ("340000198503129020", "ah06.clerk", "ah06.leader", "ah05.clerk", "ah03.clerk")


def is_demo(folder: Path) -> bool:
    """Tell whether an instance holds the demonstration: nobody really works there."""
    return (folder / ACCOUNTS).exists()


def jurisdiction() -> str:
    """Return whose case the play shows."""
    return str(read_data("units")["jurisdiction"])


def _today() -> date:
    with transaction(write=False):
        return now().date()


def _quiet(_line: str) -> None:
    """Say nothing."""


def load(echo: Echo) -> None:
    """Play both plans into an empty instance, then return to the present."""
    stage = Stage(_quiet, today=_today())
    stage.at(FIRST_DAY)
    cast.enter_units(stage)
    cast.enter_experts(stage)
    stage.at(FIRST_DAY + timedelta(days=1))
    committee_id = planning.enter_committee(stage)
    echo("  2025 年度计划：申报、审核、评审、公示、发证 ...")
    mistaken = finished_case.play(stage, committee_id)
    echo("  2026 年度计划：开放申报，示例申报填报中；另一系列各级审核中 ...")
    works_case.play(stage)
    open_case.play(stage, committee_id)
    awards.ask_replacement(stage, mistaken, "淮城市第五中学（高中部）")
    with transaction():
        reset_clock()
    stage.settle()
    announcing.publish_articles(stage)
    _keep_accounts(stage)


def _keep_accounts(stage: Stage) -> None:
    opened = cast.hand_out_accounts(stage)
    path = Path(current_app.instance_path) / ACCOUNTS
    path.touch(mode=0o600)
    path.write_text(json.dumps(opened, ensure_ascii=False, indent=1), encoding="utf-8")


def _unused() -> set[str | None]:
    live = Credential.activation_expires_at > now()
    return set(db.session.scalars(select(Credential.activation_hash).where(live)))


def accounts_table(folder: Path, address: str) -> str:
    """Return the first demo accounts with their one-time activation links, while unused."""
    path = folder / ACCOUNTS
    if not is_demo(folder):
        return ""
    rows = json.loads(path.read_text(encoding="utf-8"))
    unused = _unused()
    waiting = [row for row in rows if hash_of(row[3]) in unused]
    first = [row for login in FIRST_TO_SHOW for row in waiting if row[0] == login]
    lines = [""]
    if first:
        lines.append("演示账号（请打开链接自行设置密码 / open the link and choose a password）：")
    for login, who, unit, secret in first:
        lines += [f"  {who}  {unit}", f"      {login}  {address}/activate?secret={secret}"]
    lines.append("  申报人用证件号码或登录名登录 / applicants sign in with the identity number")
    lines.append(
        f"  已激活的账号用自己设置的密码登录 / {len(rows) - len(waiting)} used their link"
    )
    lines.append(f"  共 {len(rows)} 个账号，完整列表 / all of them: {path}")
    return "\n".join(lines)


def play(echo: Echo) -> list[str]:
    """Play the main job on an empty instance, a line per step; returns what went wrong."""
    stage = Stage(echo, today=_today())
    stage.at(stage.day(-60))
    cast.enter_units(stage)
    cast.enter_experts(stage)
    committee_id = planning.enter_committee(stage)
    plan_id = planning.run_plan(stage, committee_id, "plan_2026")
    stage.at(stage.day(-18))
    person = read_data("golden")["person"]
    person_id = cast.enter_applicant(stage, person)
    kept = paperwork.fill_portfolio(stage, paperwork.GOLDEN, complete=False)
    declaration_id = paperwork.begin_declaration(person_id, plan_id, person)
    paperwork.fill_declaration(stage, declaration_id, paperwork.GOLDEN, kept, complete=False)
    paperwork.enter_pending(stage, paperwork.GOLDEN)
    failures = _check_twice(stage, declaration_id)
    paperwork.submit(stage, declaration_id)
    approvals.pass_unit(stage, declaration_id, approvals.recommendation(stage, declaration_id))
    approvals.pass_superiors(stage, declaration_id)
    approvals.accept(stage, declaration_id)
    planning.close_plan(stage, "plan_2026")
    _meet(stage, plan_id, declaration_id)
    return failures + _award(stage, declaration_id)


def _check_twice(stage: Stage, declaration_id: int) -> list[str]:
    stage.note("开始检测（第一次）")
    first = paperwork.check(declaration_id)
    paperwork.tell_check(stage, first)
    open_case.finish_golden(stage, declaration_id)
    stage.note("开始检测（补齐后）")
    second = paperwork.check(declaration_id)
    paperwork.tell_check(stage, second)
    failing = [row.no for row in first.rows if not row.passed]
    wrong = [] if failing == [5, 9] else [f"第一次检测应第 5、9 项不通过，实际 {failing}"]
    return wrong if second.passed else [*wrong, "补齐后检测仍未全部通过"]


def _meet(stage: Stage, plan_id: int, declaration_id: int) -> None:
    experts = read_data("experts_2025")["expert"]
    on = stage.moment(read_data("plan")["plan_2026"]["meeting_on"]).date()
    stage.at(on)
    groups = {declaration_id: finished_case.PRIMARY}
    meeting_id = meeting.call_meeting(stage, plan_id, on, groups, experts)
    meeting.review_material(stage, meeting_id, {declaration_id: 88}, experts)
    meeting.vote(stage, meeting_id, {declaration_id: (8, 1, 0)}, experts)
    meeting.confirm(stage, meeting_id)
    awards.wait_out_publicity(stage, meeting_id)
    meeting.end(stage, meeting_id)


def _award(stage: Stage, declaration_id: int) -> list[str]:
    certificate_id = awards.issue(stage, declaration_id)
    failures = _tell_paper(stage, certificate_id)
    request_id = awards.ask_replacement(stage, certificate_id, "云桥区青禾小学（本部）")
    awards.replace(stage, request_id)
    fresh = awards.certificate_id_of(awards.result_of(declaration_id))
    return failures + _tell_paper(stage, fresh)


def _tell_paper(stage: Stage, certificate_id: int) -> list[str]:
    number, paper, genuine = awards.paper_of(certificate_id)
    path = Path(current_app.instance_path) / f"{number}.pdf"
    path.write_bytes(paper)
    stage.note(f"证书 {number}  {path}")
    wrong = [] if paper else [f"证书 {number} 没有生成电子证书"]
    return wrong if genuine else [*wrong, f"证书 {number} 的签名不符"]
