"""Laws of imports."""

from sqlalchemy import func, select

from app.core.db import db
from app.core.invariants import invariant
from app.imports.models import BatchStatus, ImportBatch, ImportRow


@invariant("导入的对账报告与文件行数相符")
def reports_add_up() -> list[str]:
    """What a report counts of the units is what was counted of the rows, state by state."""
    done = select(ImportBatch).where(ImportBatch.status == BatchStatus.DONE)
    broken = []
    for batch in db.session.scalars(done):
        sums = [sum(column) for column in zip(*(line[1:] for line in batch.report), strict=True)]
        if sums != list(batch.counts.values()):
            broken.append(f"导入 {batch.id} 的报告合计 {sums}，应为 {list(batch.counts.values())}")
    return broken


@invariant("导入的逐行结果齐全，或已到期删除")
def rows_are_all_there() -> list[str]:
    """An import has all its rows while its file is kept."""
    counted = (
        select(ImportBatch.id, ImportBatch.total, func.count(ImportRow.id))
        .outerjoin(ImportRow, ImportRow.batch_id == ImportBatch.id)
        .where(ImportBatch.file_id.is_not(None))
        .group_by(ImportBatch.id, ImportBatch.total)
    )
    return [
        f"导入 {key} 有 {found} 行，应为 {total} 行"
        for key, total, found in db.session.execute(counted).tuples()
        if found != total
    ]
