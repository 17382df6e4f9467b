"""The files of imports: templates, the rows to be mended, reports."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from app.core.db import db
from app.core.tables import Offer, Sheet
from app.imports import queries
from app.imports.kinds import Column, Kind, Place
from app.imports.models import ROW_WORDS, ImportBatch, RowState

WIDTH, WIDE = 18, 28
REASONS = "错误原因"
EXAMPLE, CODES = "填写示例", "代码表"
STATES = {**{name: word for name, (word, _) in ROW_WORDS.items()}, "faulty": "未导入"}


def template_sheets(kind: Kind, place: Place) -> list[Sheet]:
    """Return the template of a kind: where rows are typed, how, and what may stand in them."""
    heads = [column.label for column in kind.columns]
    widths = [WIDE if column.most >= 100 else WIDTH for column in kind.columns]
    lists = kind.lists(place)
    example = [column.example for column in kind.columns]
    sheets = [
        Sheet(kind.label, heads, widths=widths, offers=_offers(kind, lists)),
        Sheet(EXAMPLE, heads, [example], widths),
        Sheet("填写说明", ("列", "是否必填", "说明"), map(_told, kind.columns), (20, 10, 90)),
    ]
    codes = zip_longest(*lists.values(), fillvalue="")
    return [*sheets, Sheet(CODES, list(lists), codes, [28] * len(lists))] if lists else sheets


def _offers(kind: Kind, lists: Mapping[str, Sequence[str]]) -> dict[int, Offer]:
    """Return which columns offer what stands in which column of the code lists, to be chosen."""
    places = {label: place for place, label in enumerate(lists)}
    return {
        place: Offer(CODES, places[column.label], len(lists[column.label]))
        for place, column in enumerate(kind.columns)
        if column.choices and not column.several and column.label in places
    }


def _told(column: Column) -> tuple[str, str, str]:
    choices = f"填写：{'、'.join(column.choices)}" if column.choices else ""
    said = "。".join(filter(None, (column.help, choices)))
    return column.label, "必填" if column.required else "选填", said


def reasons(kind: Kind, faults: Sequence[Sequence[str]]) -> str:
    """Return in one line what is wrong with a row, each with its column."""
    labels = {column.name: column.label for column in kind.columns}
    return "；".join(f"{labels[n]}：{text}" if n in labels else text for n, text in faults)


def faulty_sheet(kind: Kind, batch: ImportBatch) -> Sheet:
    """Return the faulty rows as they came, each with its reasons: to be handed in again."""
    heads = [*(column.label for column in kind.columns), REASONS]
    return Sheet(kind.label, heads, _faulty(kind, batch), [WIDTH] * len(kind.columns) + [60])


def _faulty(kind: Kind, batch: ImportBatch) -> Iterator[list[str]]:
    for row in db.session.scalars(queries.rows_of(batch, RowState.FAULTY)):
        cells = queries.cells_of(row)
        values = [cells.get(column.name, "") for column in kind.columns]
        yield [*values, reasons(kind, row.faults)]


def report_sheets(kind: Kind, batch: ImportBatch) -> list[Sheet]:
    """Return the report of an import: by unit with its totals, what it was, and every row."""
    heads = ("单位", *STATES.values(), "合计")
    by_place = [[name, *counts, sum(counts)] for name, *counts in batch.report]
    total = ["合计", *batch.counts.values(), batch.total]
    facts = (
        ("导入内容", kind.label),
        ("文件", batch.file_name),
        ("文件摘要（SHA-256）", batch.sha256),
        ("导入人", batch.person.name),
        ("上传时间", f"{batch.uploaded_at:%Y-%m-%d %H:%M}"),
        ("完成时间", f"{batch.finished_at:%Y-%m-%d %H:%M}" if batch.finished_at else ""),
    )
    rows = db.session.scalars(queries.rows_of(batch))
    told = ((r.no, r.place, STATES[r.state], r.note, reasons(kind, r.faults)) for r in rows)
    return [
        Sheet("对账", heads, [*by_place, total], (40, 14, 14, 14, 14, 14)),
        Sheet("导入信息", ("项目", "内容"), facts, (24, 70)),
        Sheet("逐行结果", ("行号", "单位", "结果", "变更", REASONS), told, (8, 40, 14, 40, 60)),
    ]
