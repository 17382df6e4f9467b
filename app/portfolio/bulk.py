"""批量审核: one opinion for up to 500 items, each with its own line in its own log (FJ-U-08).

What is asked is kept; the first items are decided at once, the others by the worker, a few in a
transaction. Each row is marked with its decision, so nothing is done twice however often it is
tried, and whoever closes the page finds out later how it went.
"""

import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from app.accounts.models import Person
from app.accounts.operations import notify
from app.accounts.queries import live_grants
from app.core import audit, jobs, phrases
from app.core.clock import now as clock_now
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.core.records import RecordChoices
from app.engine import incidents
from app.engine.batches import complete_each
from app.engine.incidents import StepFailed
from app.engine.models import WorkItem
from app.engine.task_forms import spec_of
from app.portfolio import vetting
from app.portfolio.bulk_models import RowState, VetBatch, VetRow
from app.portfolio.duplicates import hinted_among
from app.portfolio.models import PASS, RETURN, PortfolioItem
from app.portfolio.queries import seen_among, units_where
from forms import build

LIMIT, AT_ONCE = 500, 20
LANE, JOB = "vetting", "vet_portfolio"
NOT_YOURS = "已办结，或不再由您审核"
WORDS = {PASS: "通过", RETURN: "退回"}


def ask(
    task_ids: Collection[int], decision: str, opinion: str, *, actor: Person, now: datetime
) -> VetBatch:
    """Keep one decision for the items of many tasks, and carry out the first of them.

    Raises Invalid without tasks or a decision, for too many, and for a return without an opinion.
    """
    if len(task_ids) > LIMIT:
        raise Invalid(f"一次最多审核 {LIMIT} 项，现选了 {len(task_ids)} 项，请分批办理")
    mine = vetting.among(vetting.waiting_for(actor.id, now), task_ids)
    wanted = _known(task_ids, actor, now)
    if decision not in WORDS or not wanted:
        raise Invalid("请先勾选待审核的业绩，再点“批量通过”或“批量退回”")
    if decision == RETURN and not opinion.strip():
        raise Invalid("批量退回时请填写退回意见", field="opinion")
    batch = VetBatch(
        person_id=actor.id,
        decision=decision,
        opinion=opinion.strip()[:500],
        total=len(wanted),
        asked_at=now,
    )
    db.session.add(batch)
    db.session.flush()
    hinted = _hinted(mine.values(), actor, now)
    db.session.add_all(_row(batch, task, mine, hinted) for task in wanted)
    db.session.flush()
    subject = ("vet_batch", batch.id)
    audit.record(
        "portfolio:batch_asked",
        subject=subject,
        actor_id=actor.id,
        now=now,
        decision=decision,
        count=len(wanted),
    )
    advance(batch, now=now)
    if batch.finished_at is None:
        jobs.enqueue(JOB, {"batch": batch.id}, key=job_key(batch.id), now=now)
    return batch


def _known(task_ids: Collection[int], actor: Person, now: datetime) -> Sequence[WorkItem]:
    """Return the tasks of these about items the actor's units were sent; others are as none."""
    found = select(WorkItem).join(PortfolioItem, PortfolioItem.id == WorkItem.business_id)
    asked = found.where(WorkItem.id.in_(set(task_ids)), *vetting.OF_VETTING)
    tasks = db.session.scalars(asked.order_by(WorkItem.id)).all()
    seen = seen_among(
        [task.business_id for task in tasks], units_where(live_grants(actor.id, now))
    )
    return [task for task in tasks if task.business_id in seen]


def _hinted(tasks: Iterable[WorkItem], actor: Person, now: datetime) -> set[int]:
    return hinted_among(actor, [task.business_id for task in tasks], now)


def hinted_in(task_ids: Collection[int], *, actor: Person, now: datetime) -> Sequence[WorkItem]:
    """Return those of these tasks of somebody whose items have hints (重复申报提示)."""
    mine = vetting.among(vetting.waiting_for(actor.id, now), task_ids)
    hinted = _hinted(mine.values(), actor, now)
    return [task for task in mine.values() if task.business_id in hinted]


def _row(
    batch: VetBatch, task: WorkItem, mine: Mapping[int, WorkItem], hinted: Collection[int]
) -> VetRow:
    row = VetRow(batch_id=batch.id, work_item_id=task.id, item_id=task.business_id)
    row.is_hinted = task.business_id in hinted
    if task.id in mine:
        row.title = task.title
    else:
        row.state, row.reason = RowState.REFUSED, NOT_YOURS
    return row


def job_key(batch_id: int) -> str:
    """Return the key of the job that carries a batch out."""
    return f"{JOB}:{batch_id}"


def advance(batch: VetBatch, *, now: datetime) -> None:
    """Decide on the next few items of a batch; who may no longer decide is refused."""
    rows = {row.work_item_id: row for row in db.session.scalars(_next(batch.id))}
    # Read at once, and held: each decision finds what it needs in the session.
    held = vetting.loaded({row.item_id for row in rows.values()})
    tasks = vetting.among(vetting.waiting_for(batch.person_id, now), rows)
    answers = {"decision": batch.decision, "opinion": batch.opinion}
    apart = {number: why for number, task in tasks.items() if (why := _apart(task, answers, now))}
    together = [task for number, task in tasks.items() if number not in apart]
    told = complete_each(together, answers, actor_id=batch.person_id, now=now)
    del held
    refused = apart | {number: error.message for number, error in told.refused.items()}
    for number, row in rows.items():
        reason = refused.get(number, "") if number in tasks else NOT_YOURS
        row.state, row.reason = RowState.REFUSED if reason else RowState.DONE, reason
    db.session.flush()
    if not counts_of(batch.id)[RowState.WAITING]:
        _finish(batch, now)


def _apart(task: WorkItem, answers: Mapping[str, str], now: datetime) -> str:
    """Return why a task is to be done by itself: its own form asks more than one opinion."""
    try:
        spec = spec_of(task)
    except StepFailed as error:
        incidents.record(error, now)
        return error.message
    form = build(spec, choices=RecordChoices(task.business_type, task.business_id))(data=answers)
    form.validate()
    asked = "；".join(f"{label}：{said}" for _id, label, said in form.problems())
    return f"须逐项审核。{asked}" if asked or not spec.batch else ""


def phrases_for(tasks: Iterable[WorkItem], person_id: int) -> Sequence[str]:
    """Return the ready opinions of the forms by which tasks are decided, one's own first."""
    shipped: dict[str, Sequence[str]] = {}
    for task in tasks:
        with contextlib.suppress(StepFailed, KeyError):
            spec = spec_of(task)
            shipped[spec.key] = spec.field("opinion").phrases
    own = [each.text for form in shipped for each in phrases.phrases_of(person_id, form)]
    return list(dict.fromkeys([*own, *(text for texts in shipped.values() for text in texts)]))


def _next(batch_id: int) -> Select[tuple[VetRow]]:
    waiting = select(VetRow).where(VetRow.batch_id == batch_id, VetRow.state == RowState.WAITING)
    return waiting.order_by(VetRow.work_item_id).limit(AT_ONCE)


def _finish(batch: VetBatch, now: datetime) -> None:
    batch.finished_at = now
    db.session.flush()
    if batch.total > AT_ONCE:
        notify(batch.person_id, summary_of(batch), url=f"/portfolio/batches/{batch.id}", now=now)


def summary_of(batch: VetBatch) -> str:
    """Return in one sentence how a batch went."""
    counts = counts_of(batch.id)
    said = f"批量{WORDS[batch.decision]}：已{WORDS[batch.decision]} {counts[RowState.DONE]} 项业绩"
    refused = counts[RowState.REFUSED]
    return said + (f"，{refused} 项未办理" if refused else "")


def counts_of(batch_id: int) -> dict[str, int]:
    """Return how many items of a batch stand in which state."""
    rows = db.session.execute(
        select(VetRow.state, func.count())
        .where(VetRow.batch_id == batch_id)
        .group_by(VetRow.state)
    ).tuples()
    return {**dict.fromkeys(RowState, 0), **dict(rows.all())}


def hints_of(batch_id: int) -> int:
    """Return how many items of a batch had hints when they were decided on."""
    hinted = select(func.count()).where(VetRow.batch_id == batch_id, VetRow.is_hinted)
    return db.session.scalar(hinted) or 0


def rows_of(batch_id: int, state: str = "") -> Select[tuple[VetRow]]:
    """Select the items of a batch, what was refused first."""
    rows = select(VetRow).where(VetRow.batch_id == batch_id)
    if state in set(RowState):
        rows = rows.where(VetRow.state == state)
    return rows.order_by((VetRow.state == RowState.REFUSED).desc(), VetRow.work_item_id)


def under_way(person_id: int) -> Sequence[VetBatch]:
    """Return the batches of a person that are not finished, the latest first."""
    open_ones = select(VetBatch).where(
        VetBatch.person_id == person_id, VetBatch.finished_at.is_(None)
    )
    return db.session.scalars(open_ones.order_by(VetBatch.id.desc())).all()


@jobs.register_job(JOB, lane=LANE)
def carry_out(payload: Mapping[str, Any]) -> None:
    """Decide on what is left of a batch, a few items in a transaction."""
    finished = False
    while not finished:
        with transaction():
            batch = db.session.get_one(VetBatch, int(payload["batch"]), with_for_update=True)
            if batch.finished_at is None:
                advance(batch, now=clock_now())
            finished = batch.finished_at is not None
