"""What the worker does with an import: judges its rows, and writes them whole or not at all.

It has a lane of its own among the jobs: thousands of rows must hold up neither flows nor letters.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import update

from app.accounts.models import Person
from app.accounts.operations import notify
from app.core import jobs
from app.core.clock import now as clock_now
from app.core.db import db, transaction
from app.imports import operations
from app.imports.kinds import Kind, Place, Row, judge, kind_called
from app.imports.models import ROW_WORDS, BatchStatus, ImportBatch, ImportRow, RowState
from app.imports.progress import progress
from app.imports.queries import CHECK, RUN, loaded, may_import

LANE = "imports"
AT_ONCE = 500
MOVED = "确认之后数据有变化，本次没有写入任何内容。请查看重新核对的结果后再确认"
NO_MORE = "您已没有导入的权限，本次没有写入任何内容"


def progress_of(batch_id: int) -> str:
    """Return under which key it is told how far an import is."""
    return f"import-{batch_id}"


def _place(batch: ImportBatch, now: datetime) -> Place:
    return Place(batch.unit_id, db.session.get_one(Person, batch.person_id), now)


def _kind(batch: ImportBatch) -> Kind:
    found = kind_called(batch.kind)
    if found is None:
        msg = f"no room registered the import of {batch.kind}"
        raise LookupError(msg)
    return found


@jobs.register_job(CHECK, lane=LANE)
def check(payload: Mapping[str, Any]) -> None:
    """Judge the rows of a file, and show its person what they would do."""
    with transaction(write=False):
        batch = db.session.get_one(ImportBatch, int(payload["batch"]))
        if batch.status != BatchStatus.CHECKING:
            return
        rows = loaded(batch)
        _judge_all(_kind(batch), rows, _place(batch, clock_now()))
    with transaction():
        batch = db.session.get_one(ImportBatch, int(payload["batch"]))
        operations.hold(batch)
        if batch.status == BatchStatus.CHECKING:
            _show(batch, rows)


def _judge_all(kind: Kind, rows: Sequence[Row], place: Place) -> None:
    """Judge the rows of a file; those in order once more without the others, till all stay so.

    Only they are written: what leans on a faulty row would be refused after it was confirmed.
    """
    judge(kind, rows, place)
    good = [row for row in rows if not row.is_faulty]
    judged = len(rows)
    while good and len(good) < judged:
        judged = len(good)
        judge(kind, good, place)
        good = [row for row in good if not row.is_faulty]


def _show(batch: ImportBatch, rows: Sequence[Row], message: str = "") -> None:
    """Keep what was found of the rows, for the person to look at."""
    _save(rows)
    _count(batch, rows)
    batch.status, batch.message = BatchStatus.READY, message
    db.session.flush()


def _save(rows: Sequence[Row]) -> None:
    for start in range(0, len(rows), AT_ONCE):
        kept = [
            {
                "id": row.id,
                "state": str(row.state),
                "faults": [list(fault) for fault in row.faults],
                "note": row.note[:300],
                "place": row.place[:300],
                "subject_id": row.subject_id,
            }
            for row in rows[start : start + AT_ONCE]
        ]
        db.session.execute(update(ImportRow), kept)


def _count(batch: ImportBatch, rows: Sequence[Row]) -> None:
    counts = Counter(row.state for row in rows)
    batch.fresh, batch.changed = counts[RowState.NEW], counts[RowState.CHANGED]
    batch.same, batch.faulty = counts[RowState.SAME], counts[RowState.FAULTY]


@jobs.register_job(RUN, lane=LANE)
def run(payload: Mapping[str, Any]) -> None:
    """Judge the rows once more and write them, all in one transaction.

    They are opened before it: others who write on SQLite wait for as long as it lasts.
    """
    batch_id = int(payload["batch"])
    with transaction(write=False):
        batch = db.session.get_one(ImportBatch, batch_id)
        if batch.status != BatchStatus.RUNNING:
            return
        confirmed, rows = batch.round, loaded(batch)
    with progress(progress_of(batch_id)) as told, transaction():
        batch = db.session.get_one(ImportBatch, batch_id)
        operations.hold(batch)
        if (batch.status, batch.round) == (BatchStatus.RUNNING, confirmed):
            _write(batch, rows, _place(batch, clock_now()), told)


def _write(batch: ImportBatch, rows: Sequence[Row], place: Place, told: Any) -> None:
    kind = _kind(batch)
    changed = [row.subject_id for row in rows if row.state == RowState.CHANGED and row.subject_id]
    kind.hold(place, changed)
    before = {row.no: (row.state, row.note) for row in rows}
    left_out = [row for row in rows if row.state == RowState.FAULTY]
    wanted = [row for row in rows if row.state != RowState.FAULTY]
    judge(kind, wanted, place)
    refusal = _refusal(batch, wanted, before, place)
    if refusal:
        _judge_all(kind, rows, place)
        _show(batch, rows, refusal)
        notify(batch.person_id, refusal, url=f"/imports/{batch.id}", now=place.now)
        return
    kind.write(wanted, place, told)
    _save(wanted)
    _settle(batch, kind, [*wanted, *left_out], place.now)


def _refusal(
    batch: ImportBatch, rows: Sequence[Row], before: Mapping[int, tuple[str, str]], place: Place
) -> str:
    """Return why what was confirmed is not written: nobody confirmed what is so by now."""
    if not may_import(place.actor, batch.kind, batch.unit_id, place.now):
        return NO_MORE
    unlike = [
        row
        for row in rows
        if row.state != RowState.SAME and (row.state, row.note) != before[row.no]
    ]
    return MOVED if unlike else ""


def _settle(batch: ImportBatch, kind: Kind, rows: Sequence[Row], now: datetime) -> None:
    _count(batch, rows)
    operations.finish(batch, _report(rows), now=now)
    text = f"{kind.label}已导入：新增 {batch.fresh}，变更 {batch.changed}，一致 {batch.same}"
    notify(batch.person_id, text, url=f"/imports/{batch.id}", now=now)


def _report(rows: Sequence[Row]) -> list[list[object]]:
    """Return for every unit its name and how many rows there are of each state."""
    by_place: dict[str, Counter[str]] = {}
    for row in rows:
        by_place.setdefault(row.place, Counter())[row.state] += 1
    return [
        [place or "（未指明）", *(counts[state] for state in ROW_WORDS)]
        for place, counts in sorted(by_place.items())
    ]
