"""Spreadsheets that people hand in: read as text in a child process with limits (批量导入)."""

from dataclasses import dataclass, field

from app.core.children import heard, run_child
from app.core.uploads import MEDIA_TYPES, Policy

SECONDS = 20
"""Processor time that reading may take; 20,000 rows of ten cells take three seconds."""
PATIENCE = 60
"""How long it may take by the clock, on a machine that is busy with other things."""
MEMORY = 512 * 2**20
CHILD = "app.core.sheets_child"
COSTLY = "读取文件所需的时间或内存超过限度，请只保留数据，去掉格式和多余的工作表后再上传"
POLICY = Policy(types=("xlsx", "csv"), max_count=1)


@dataclass
class SheetRow:
    """A row that is not empty: its number in the sheet, its cells, what is wrong with which."""

    no: int
    cells: list[str]
    faults: dict[int, str] = field(default_factory=dict)

    def at(self, place: int) -> str:
        """Return the text of a cell, empty beyond the last."""
        return self.cells[place] if place < len(self.cells) else ""


def media_type(content: bytes) -> str:
    """Return the media type of a spreadsheet that was read."""
    return MEDIA_TYPES["xlsx"] if content.startswith(b"PK") else "text/csv"


def read_sheet(content: bytes, *, seconds: int = SECONDS, memory: int = MEMORY) -> list[SheetRow]:
    """Return the rows of the first sheet of an .xlsx or .csv file.

    Invalid for what is no plain table: other formats, merged cells, passwords, external entities;
    TooLarge for too many rows or bytes; Busy when there is no process for it. What is wrong with
    a cell alone, such as a formula, is told with its row.
    """
    child = run_child(CHILD, str(seconds), str(memory), given=content, patience=PATIENCE)
    return [
        SheetRow(no, cells, {int(place): text for place, text in faults.items()})
        for no, cells, faults in heard(child.stdout, COSTLY, "file")["rows"]
    ]
