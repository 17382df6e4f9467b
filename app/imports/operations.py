"""Writes of imports: handing a file in, confirming it, giving it up, forgetting it."""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from app.accounts.models import Person
from app.core import audit, jobs, storage, sweeping
from app.core.db import begin_writing, db
from app.core.errors import Conflict, Invalid, TooLarge
from app.core.sheets import SheetRow, media_type
from app.core.storage import StoredFile
from app.engine.incidents import close_job
from app.imports.kinds import Kind
from app.imports.models import BatchStatus, ImportBatch, ImportRow
from app.imports.queries import LOST, has_failed, job_of, sealed

KEPT = timedelta(days=30)
"""How long the file and the content of its rows are kept; the report stays."""
IGNORED = ("错误原因",)
"""The column that the platform adds to the rows that it gives back."""
A_DAY = timedelta(days=1)
UNDER_WAY = (BatchStatus.CHECKING, BatchStatus.RUNNING)
NAMED = 10
"""How many of the cells that are not read are named."""
NO_ROWS = "表格只有标题，没有数据"


@dataclass(frozen=True)
class Upload:
    """A file that was handed in, as it came and as it was read."""

    name: str
    content: bytes
    rows: Sequence[SheetRow]


def table_of(kind: Kind, rows: Sequence[SheetRow]) -> list[tuple[int, dict[str, str]]]:
    """Return number and cells of every row by the names of the kind's columns.

    Invalid says which headings are missing, unknown, unreadable or there twice, and when there is
    no row;
    TooLarge, when there are more than the kind takes.
    """
    places = _places(kind, rows[0])
    if len(rows) == 1:
        raise Invalid(NO_ROWS, field="file")
    if kind.own and len(rows) - 1 > kind.own.most_rows:
        raise TooLarge(f"数据超过 {kind.own.most_rows} 行，请拆分成几个文件分别导入", field="file")
    return [(row.no, _cells(row, places)) for row in rows[1:]]


def _places(kind: Kind, head: SheetRow) -> dict[str, int]:
    for place, fault in head.faults.items():
        raise Invalid(f"第 {head.no} 行是标题，其第 {place + 1} 列有误：{fault}", field="file")
    known = {column.label: column.name for column in kind.columns}
    labels = [label.strip(" *＊") for label in head.cells]
    missing = [c.label for c in kind.columns if c.required and c.label not in labels]
    unknown = [label for label in labels if label and label not in {*known, *IGNORED}]
    double = list(dict.fromkeys(each for each in labels if each and labels.count(each) > 1))
    faults = [
        f"{what}：{'、'.join(found[:10])}"
        for what, found in (("缺少列", missing), ("不认识的列", unknown), ("重复的列", double))
        if found
    ]
    if faults:
        raise Invalid(f"第 {head.no} 行不是模板的标题。{'；'.join(faults)}", field="file")
    return {known[label]: place for place, label in enumerate(labels) if label in known}


def _unread(rows: Sequence[SheetRow]) -> str:
    """Return in words which cells stand under no heading; nothing of them is read."""
    headed = {place for place, label in enumerate(rows[0].cells) if label.strip(" *＊")}
    found = [
        f"第 {row.no} 行第 {place + 1} 列"
        for row in rows[1:]
        for place in sorted(
            {place for place, text in enumerate(row.cells) if text} | {*row.faults}
        )
        if place not in headed
    ]
    more = f" 等 {len(found)} 处" if len(found) > NAMED else ""
    return f"{'、'.join(found[:NAMED])}{more}" if found else ""


def _cells(row: SheetRow, places: dict[str, int]) -> dict[str, str]:
    cells = {name: row.at(place) for name, place in places.items() if row.at(place)}
    lost = [(name, row.faults[place]) for name, place in places.items() if place in row.faults]
    return {**cells, LOST: json.dumps(lost, ensure_ascii=False)} if lost else cells


def hand_in(
    kind: Kind, unit_id: int | None, upload: Upload, *, actor: Person, now: datetime
) -> ImportBatch:
    """Keep a file with its rows, and have it checked. Invalid for a table of another shape.

    Called in a unit of work that has only read: sealing thousands of rows takes a while.
    """
    found = table_of(kind, upload.rows)
    rows = [{"no": no, "cells_sealed": sealed(cells)} for no, cells in found]
    content = io.BytesIO(upload.content)
    kept = storage.store_known(content, upload.name, media_type(upload.content))
    begin_writing()
    file = storage.lay(kept, owner_id=actor.id, now=now)
    batch = ImportBatch(
        kind=kind.name,
        unit_id=unit_id,
        status=BatchStatus.CHECKING,
        person_id=actor.id,
        file_id=storage.link(file).id,
        file_name=file.name,
        sha256=hashlib.sha256(upload.content).hexdigest(),
        total=len(rows),
        unread=_unread(upload.rows),
        round=0,
        report=[],
        uploaded_at=now,
    )
    db.session.add(batch)
    db.session.flush()
    db.session.execute(insert(ImportRow), [{"batch_id": batch.id, **row} for row in rows])
    _note("import:uploaded", batch, actor.id, now)
    ask_for_work(batch, now=now)
    return batch


def ask_for_work(batch: ImportBatch, *, now: datetime) -> None:
    """Have the worker check an import, or write it, as its status says."""
    batch.round += 1
    db.session.flush()
    key = job_of(batch)
    jobs.enqueue(key.partition(":")[0], {"batch": batch.id}, key=key, now=now)


def _note(tag: str, batch: ImportBatch, actor_id: int | None, now: datetime) -> None:
    audit.record(
        tag,
        subject=("import", batch.id),
        actor_id=actor_id,
        now=now,
        kind=batch.kind,
        unit=batch.unit_id,
        rows=batch.total,
        digest=batch.sha256,
    )


def hold(batch: ImportBatch) -> None:
    """Let what is decided of an import be decided one after another."""
    db.session.refresh(batch, with_for_update={"of": ImportBatch})


def confirm(batch: ImportBatch, *, leave_out: bool, actor: Person, now: datetime) -> None:
    """Have the rows written (确认导入), all of those that are not faulty, or none.

    Conflict unless it waits for that; Invalid where faulty rows are not left out knowingly, and
    where nothing would be written.
    """
    hold(batch)
    if batch.status != BatchStatus.READY:
        raise Conflict("该文件不在待确认状态，请刷新页面查看最新状态")
    if batch.total == batch.faulty:
        raise Invalid("所有行都有误，请修改后重新上传", field="leave_out")
    if batch.faulty and not leave_out:
        raise Invalid(
            f"有 {batch.faulty} 行有误，请修改后重新上传，或确认不导入这些行", field="leave_out"
        )
    batch.status, batch.message = BatchStatus.RUNNING, ""
    _note("import:confirmed", batch, actor.id, now)
    ask_for_work(batch, now=now)


def try_again(batch: ImportBatch, *, actor: Person, now: datetime) -> None:
    """Have the worker try once more what it gave up; Conflict where it did not."""
    hold(batch)
    if not has_failed(batch):
        raise Conflict("该文件正在办理，请刷新页面查看最新状态")
    # Another round has another job: nobody would close what was told of this one.
    close_job(job_of(batch), actor.id, now)
    ask_for_work(batch, now=now)


def drop(batch: ImportBatch, *, actor: Person, now: datetime) -> None:
    """Give an import up before it is written (放弃导入).

    Its rows are forgotten, and the file with the next sweep, like one that nobody linked.
    """
    hold(batch)
    if batch.status != BatchStatus.READY and not has_failed(batch):
        raise Conflict("该文件正在办理或已导入，不能放弃")
    close_job(job_of(batch), actor.id, now)
    file = db.session.get(StoredFile, batch.file_id or 0)
    if file is not None:
        file.status = storage.STAGED
    batch.status, batch.message, batch.file_id = BatchStatus.DROPPED, "", None
    _forget_rows([batch])
    _note("import:dropped", batch, actor.id, now)


def finish(batch: ImportBatch, report: list[list[object]], *, now: datetime) -> None:
    """Note that an import was written, and what became of its rows by unit."""
    batch.status, batch.finished_at, batch.report = BatchStatus.DONE, now, report
    db.session.flush()
    _note("import:finished", batch, batch.person_id, now)


def _forget_rows(batches: Sequence[ImportBatch]) -> None:
    db.session.flush()
    ids = [batch.id for batch in batches]
    db.session.execute(delete(ImportRow).where(ImportRow.batch_id.in_(ids)))


def _forget(batches: Sequence[ImportBatch]) -> list[str]:
    """Forget the files of imports and what stood in their rows; returns the bytes' hashes."""
    files = [batch.file_id for batch in batches if batch.file_id]
    for batch in batches:
        batch.file_id = None
    _forget_rows(batches)
    return sweeping.forget_files(files)


def sweep_imports(now: datetime) -> list[str]:
    """Forget files and rows after thirty days; returns the hashes of their bytes.

    What was not confirmed by then is given up with them; who confirms has one day more.
    """
    old = select(ImportBatch).where(
        ImportBatch.file_id.is_not(None),
        ImportBatch.uploaded_at < now - KEPT,
        ImportBatch.status.not_in(UNDER_WAY) | (ImportBatch.uploaded_at < now - KEPT - A_DAY),
    )
    # What somebody confirms just now is no longer old when its lock is free.
    held = old.limit(50).with_for_update(skip_locked=True, of=ImportBatch)
    found = list(db.session.scalars(held.execution_options(populate_existing=True)))
    hashes = _forget(found)
    waiting = [batch.id for batch in found if batch.status != BatchStatus.DONE]
    over = update(ImportBatch).where(ImportBatch.id.in_(waiting))
    db.session.execute(over.values(status=BatchStatus.DROPPED))
    return hashes
