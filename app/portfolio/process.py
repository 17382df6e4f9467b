"""What the portfolio tells the engine, the inbox and the file store."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.accounts.models import Person
from app.accounts.queries import live_grants
from app.accounts.tasks import holds_task
from app.core.clock import now as clock_now
from app.core.db import db
from app.core.panels import Line, Panel, register_panel
from app.core.permissions import STAFF, VETTERS, register_predicate
from app.core.records import register_record, register_sight, register_subject
from app.core.storage import StoredFile, register_reader
from app.engine import handlers
from app.engine.contracts import Contract, Life, moves, parting
from app.engine.handlers import Card, Outcomes, Scope, Step
from app.engine.models import WorkItem
from app.engine.runtime import WITHDRAWN
from app.engine.standing import by_status
from app.people.known import KnownKind, of_person, register_known
from app.portfolio import (
    cancelling,
    decisions,
    duplicates,
    item_types,
    operations,
    queries,
    reading,
    sight,
    vetting,
    withdrawals,
)
from app.portfolio.models import (
    APPROVED,
    DRAFT,
    PASS,
    RETURN,
    RETURNED,
    STATES,
    SUBMITTED,
    PortfolioItem,
)
from app.units.models import Unit
from app.units.moving import register_under_way, reviewers_of
from app.units.operations import STAFF_ROLES

PASSED, REFUSED = "passed", "refused"
AUDIT = handlers.matter(
    operations.PROCESS,
    "业绩审核",
    needs=("vet_item", "approve_item"),
    life=Life(
        {
            SUBMITTED: "待审核",
            PASSED: "审核通过，尚未入库",
            RETURNED: "已退回",
            APPROVED: "已入库",
            DRAFT: "已撤回提交",
        },
        ends=(APPROVED, DRAFT),
        shown={PASSED: (SUBMITTED,)},
        told={WITHDRAWN: {SUBMITTED: SUBMITTED}},
        offers={WITHDRAWN: (SUBMITTED,)},
    ),
)
WITHDRAWAL = handlers.matter(
    withdrawals.PROCESS,
    "业绩撤回",
    needs=("vet_withdrawal", "release_item"),
    life=Life(
        {
            SUBMITTED: "待审核",
            PASSED: "同意撤回，尚未退还",
            REFUSED: "不同意撤回",
            DRAFT: "可以修改",
        },
        ends=(REFUSED, DRAFT),
        shown=dict.fromkeys((SUBMITTED, PASSED, REFUSED), (APPROVED,)),
    ),
)
WORDS = {"pass": "通过", "return": "退回"}
NEXT_STEPS = {
    RETURNED: "请按退回意见修改后重新提交",
    DRAFT: "填好后提交单位审核",
    SUBMITTED: "等待单位审核",
    APPROVED: "可在申报时导入",
}


def _item(step: Step) -> PortfolioItem:
    return queries.item_of(step.business_id)


def _actor(step: Step) -> Person:
    return db.session.get_one(Person, step.actor_id)


@handlers.save(
    "vet_item",
    Contract(
        AUDIT,
        gives={"decision": WORDS},
        roles=VETTERS,
        scopes=("item_owners_unit",),
        moves=parting("decision", (SUBMITTED,), {PASS: PASSED, RETURN: RETURNED}),
    ),
)
def vet_item(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """Keep the unit's decision (业绩审核); a return goes to the owner at once."""
    decision, opinion = str(answers["decision"]), str(answers.get("opinion") or "")
    decisions.vet_item(_item(step), decision, opinion, actor=_actor(step), now=step.now)
    word = {handlers.OUTCOME_WORD: WORDS[decision], handlers.OPINION: opinion}
    return {"decision": decision, **word}


@handlers.service(
    "approve_item",
    Contract(
        AUDIT,
        moves=moves((PASSED,), APPROVED),
    ),
)
def approve_item(step: Step) -> Outcomes:
    """Make what passed the next immutable version."""
    version = decisions.approve_item(_item(step), now=step.now)
    return {handlers.OUTCOME_WORD: f"第 {version.no} 版入库"}


@handlers.service("take_back_item", Contract(AUDIT, moves=moves((SUBMITTED,), DRAFT)))
def take_back_item(step: Step) -> Outcomes:
    """Make what its owner took back a draft again (撤回提交)."""
    cancelling.take_back(_item(step), now=step.now)
    return {handlers.OUTCOME_WORD: "本人撤回"}


@handlers.save(
    "mend_item",
    Contract(
        AUDIT,
        roles=("applicant",),
        scopes=("item_owner",),
        moves=moves((RETURNED,), SUBMITTED),
    ),
)
def mend_item(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """Submit a returned item again; its owner has typed it on its own page."""
    del answers
    operations.send_item(_item(step), actor=_actor(step), now=step.now)
    return {handlers.OUTCOME_WORD: "重新提交"}


@handlers.save(
    "vet_withdrawal",
    Contract(
        WITHDRAWAL,
        gives={"decision": WORDS},
        roles=VETTERS,
        scopes=("item_owners_unit",),
        moves=parting("decision", (SUBMITTED,), {PASS: PASSED, RETURN: REFUSED}),
    ),
)
def vet_withdrawal(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """Keep the unit's word on a request to change an approved item (撤回申请)."""
    decision, opinion = str(answers["decision"]), str(answers.get("opinion") or "")
    withdrawals.vet_withdrawal(_item(step), decision, opinion, actor=_actor(step), now=step.now)
    word = "同意撤回" if decision == PASS else "不同意"
    return {"decision": decision, handlers.OUTCOME_WORD: word, handlers.OPINION: opinion}


@handlers.service(
    "release_item",
    Contract(
        WITHDRAWAL,
        moves=moves((PASSED,), DRAFT),
    ),
)
def release_item(step: Step) -> Outcomes:
    """Open the item for change."""
    withdrawals.release_item(_item(step), now=step.now)
    return {handlers.OUTCOME_WORD: "可以修改"}


@handlers.scope(
    "item_owners_unit", Contract((*AUDIT, *WITHDRAWAL), roles=STAFF, usual=STAFF_ROLES)
)
def item_owners_unit(step: Step) -> Scope:
    """The unit that vets: the owner's own, or the one above where they are its only clerk."""
    item = _item(step)
    return Scope("org", item.reviewing_unit_id, about_id=item.person_id)


@handlers.scope(
    "item_owner", Contract((*AUDIT, *WITHDRAWAL), roles=("applicant",), one_person=True)
)
def item_owner(step: Step) -> Scope:
    """The person whose item it is."""
    return Scope("person", _item(step).person_id)


@handlers.page("mend_item", Contract(AUDIT))
def mend_page(item: WorkItem) -> str:
    """Where a returned item is mended: its own page."""
    return f"/portfolio/{item.business_id}"


@handlers.ending(operations.BUSINESS)
def end_review(step: Step, reason: str) -> None:
    """End what the process was about: the vetting of the item, or the request to change it."""
    is_withdrawal = step.instance.process_key == withdrawals.PROCESS
    end = cancelling.cancel_withdrawal if is_withdrawal else cancelling.cancel_review
    item = queries.item_of(step.business_id, for_update=True)
    end(item, reason, actor_id=step.actor_id, now=step.now)


handlers.standing(operations.PROCESS)(by_status(PortfolioItem))
handlers.standing(withdrawals.PROCESS)(by_status(PortfolioItem))


@handlers.presenter(operations.BUSINESS)
def card(item_id: int) -> Card:
    """How an item stands in task lists."""
    item = queries.item_of(item_id)
    name = item_types.of(item).title
    title = f"{item.person.name} · {name} · {sight.seen_of(item).summary or '未填写'}"
    return Card(title, title, f"/portfolio/{item_id}")


@register_subject(operations.BUSINESS)
def subject(item_id: int) -> tuple[int, str]:
    """Whom an item is about."""
    item = queries.item_of(item_id)
    return item.person_id, f"业绩：{sight.seen_of(item).summary[:60]}"


@register_record(operations.BUSINESS)
def record(item_id: int, person: Any) -> dict[str, Any]:
    """Return what the reviewer reads beside the form."""
    item = queries.item_of(item_id)
    return {
        "summary_template": "portfolio/_evidence.html",
        "evidence": reading.evidence_of(item),
        "duplicates": duplicates.duplicates_shown_to(
            person, item.person_id, [item_id], clock_now()
        ),
        "withdrawal": queries.open_withdrawal(item_id),
        "uses": queries.usages_of([item_id]).get(item_id, []),
        "waiting": vetting.waiting_in(
            vetting.waiting_for(person.id, clock_now(), halted=False)
        ).count,
    }


def _units_of_reviewer(person_id: int) -> list[int]:
    return queries.units_where(live_grants(person_id, clock_now()))


@register_reader
def reviewers_read_attachments(person_id: int, file: StoredFile) -> bool:
    """Let the clerks of the unit, and whose task an item is, open what was submitted."""
    units = _units_of_reviewer(person_id)
    if units and queries.reviewers_items_with_file(file.id, units):
        return True
    return holds_task(
        person_id, operations.BUSINESS, queries.items_sent_with(file.id), clock_now()
    )


@register_predicate("may_see_item")
def may_see_item(person: Person, item: PortfolioItem, _now: Any) -> bool:
    """Tell whether the item is one's own, was sent to one's unit, or is one's task."""
    if person.id == item.person_id:
        return True
    units = _units_of_reviewer(person.id)
    is_sent = bool(queries.seen_among([item.id], units))
    return is_sent or holds_task(person.id, operations.BUSINESS, [item.id], clock_now())


@register_sight(operations.BUSINESS)
def sees_item(item_id: int, person: Person, now: datetime) -> bool:
    """Tell whether the page of an item opens for somebody who had its task."""
    return may_see_item(person, queries.item_of(item_id), now)


@register_predicate("owns_item")
def owns_item(person: Person, item: PortfolioItem, _now: Any) -> bool:
    """Tell whether the item is one's own."""
    return person.id == item.person_id


@register_predicate("is_anothers_claim")
def is_anothers_claim(person: Person, owner_id: int, _now: Any) -> bool:
    """Tell whether the claims are somebody else's: nobody learns what doubles their own."""
    return person.id != owner_id


@register_under_way
def items_of_person(person_id: int, unit: Unit) -> tuple[int, str]:
    """Items of somebody that are audited where they were sent to, wherever their owner goes."""
    return queries.submitted_to(person_id, reviewers_of(unit)), "项业绩审核"


@register_under_way
def withdrawals_of_person(person_id: int, unit: Unit) -> tuple[int, str]:
    """Requests of somebody to change approved items, decided where they were sent to."""
    return queries.asked_of(person_id, reviewers_of(unit)), "份业绩撤回申请"


@register_panel(40)
def portfolio_panel(person: Any, roles: set[str], _now: datetime) -> Panel | None:
    """业绩统计: tell an applicant how many items stand in which state, and what comes next."""
    if "applicant" not in roles:
        return None
    counts = queries.status_counts(person.id)
    lines = [
        Line(f"{STATES[key]} {counts[key]} 项", f"/portfolio?status={key}", word)
        for key, word in NEXT_STEPS.items()
        if key in counts
    ]
    return Panel(
        "业绩统计",
        lines,
        empty="业绩库还是空的。平时就可以录入业绩，申报时直接导入",
        more_url="/portfolio/statistics",
        action_label="新增业绩",
        action_url="/portfolio/new",
    )


def _told_of(item: PortfolioItem) -> dict[str, str]:
    lines = reading.lines_of(item_types.of(item), item.data)
    return {line.label: line.text for line in lines if line.text}


register_known(
    20,
    KnownKind(
        "业绩",
        of_person(PortfolioItem),
        {
            "类型": lambda i: item_types.of(i).title,
            "摘要": lambda i: i.summary,
            "状态": lambda i: STATES[i.status],
            "填写内容": _told_of,
            "附件编号": lambda i: sorted({file.file_id for file in (*i.files, *i.sent_files)}),
            "修改时间": lambda i: i.updated_at,
        },
        "/portfolio",
    ),
)
