"""What one version changes against another: nodes, decision tables and forms, in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from app.studio.reading import Contents, Piece, Way
from app.studio.sheets import Form
from app.studio.tables import Head, Row, Table

ADDED, REMOVED, CHANGED = "新增", "删除", "修改"
TONES = {ADDED: "success", REMOVED: "danger", CHANGED: "warning"}


class Edit(NamedTuple):
    """One thing that reads otherwise (修改): what it is, how it was and how it is."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class NodeChange:
    """A node, or a process as a whole, that came, went or reads otherwise."""

    word: str
    piece: Piece
    edits: Sequence[Edit] = ()


@dataclass(frozen=True)
class Line:
    """A row of a table: how its cells were and are, by the keys of the columns.

    What was removed has no number.
    """

    word: str
    number: int
    before: Mapping[str, str]
    after: Mapping[str, str]


@dataclass(frozen=True)
class TableChange:
    """A decision table that came, went or reads otherwise; `lines` are all its rows."""

    word: str
    table: Table
    edits: Sequence[Edit]
    heads: Sequence[Head]
    lines: Sequence[Line]


@dataclass(frozen=True)
class FormChange:
    """A form that came, went or asks otherwise."""

    word: str
    form: Form
    edits: Sequence[Edit]


@dataclass(frozen=True)
class Difference:
    """All that a version adds, removes or changes."""

    nodes: Sequence[NodeChange]
    tables: Sequence[TableChange]
    forms: Sequence[FormChange]

    def __bool__(self) -> bool:
        return bool(self.nodes or self.tables or self.forms)

    def ids(self, word: str) -> list[str]:
        """Return the ids of the nodes that were added, removed or changed."""
        return [each.piece.node.id for each in self.nodes if each.word == word]


def between(old: Contents, new: Contents) -> Difference:
    """Compare what two versions hold; nodes by their place in the diagrams."""
    tables = [_table_change(*pair) for pair in _pairs(old.tables, new.tables)]
    forms = [_form_change(*pair) for pair in _pairs(old.forms, new.forms)]
    return Difference(list(_node_changes(old, new)), tables, forms)


def _pairs(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield what differs, with its word: first what came, then what went, then what changed.

    What came or went stands on both sides.
    """
    yield from ((ADDED, new[key], new[key]) for key in new if key not in old)
    yield from ((REMOVED, old[key], old[key]) for key in old if key not in new)
    yield from ((CHANGED, old[key], new[key]) for key in new if old.get(key, new[key]) != new[key])


def _edits(old: Mapping[str, str], new: Mapping[str, str]) -> list[Edit]:
    labels = [*new, *(label for label in old if label not in new)]
    told = [Edit(label, old.get(label, ""), new.get(label, "")) for label in labels]
    return [edit for edit in told if edit.before != edit.after]


def _node_changes(old: Contents, new: Contents) -> Iterator[NodeChange]:
    for word, before, after in _pairs(old.pieces, new.pieces):
        if word != CHANGED:
            nothing = Piece(after.node, {})
            both = (nothing, after) if word == ADDED else (before, nothing)
            # What it is called stands above it.
            told = [edit for edit in _said_edits(*both) if edit.label != "名称"]
            yield NodeChange(word, after, told)
        elif edits := list(_node_edits(before, after)):
            yield NodeChange(word, after, edits)


def _node_edits(before: Piece, after: Piece) -> Iterator[Edit]:
    if before.kind != after.kind:
        yield Edit("类型", before.kind, after.kind)
    yield from (edits := list(_said_edits(before, after)))
    if edits or before.node.mark == after.node.mark:
        return
    if after.asks:
        yield Edit("决策表的内容", "见下面的对照", "见下面的对照")
    elif before.kind == after.kind:
        yield Edit("连线或事件的编号", "与现在不同", "有变化，不影响办理")


def _said_edits(before: Piece, after: Piece) -> Iterator[Edit]:
    """Yield what is said otherwise, and where it goes on otherwise."""
    yield from _edits(before.said, after.said)
    yield from _way_edits(before.ways, after.ways)


def _way_edits(old: Mapping[str, Way], new: Mapping[str, Way]) -> Iterator[Edit]:
    """Yield where it goes on otherwise; that what follows has another name is told there."""
    for key in dict.fromkeys([*new, *old]):
        before, after = (each[key].rule if key in each else "" for each in (old, new))
        if before != after:
            yield Edit(f"下一步“{(new.get(key) or old[key]).name}”", before, after)


def _table_change(word: str, old: Table, new: Table) -> TableChange:
    keys = {head.key for head in new.heads}
    heads = [*new.heads, *(head for head in old.heads if head.key not in keys)]
    rows = (() if word == ADDED else old.rows, () if word == REMOVED else new.rows)
    return TableChange(word, new, _edits(_said(old), _said(new)), heads, list(_lines(*rows)))


def _said(table: Table) -> dict[str, str]:
    """What is said of a table beside its rows."""
    columns = {
        f"{'结果' if head.is_answer else '条件'}列“{head.label}”": head.expression
        for head in table.heads
    }
    return {"名称": table.name, "命中规则": table.policy, **columns}


def _lines(old: Sequence[Row], new: Sequence[Row]) -> Iterator[Line]:
    """Yield the rows of both; those at the same place between rows that stayed are one row."""
    matcher = SequenceMatcher(
        a=[_key(row) for row in old], b=[_key(row) for row in new], autojunk=False
    )
    for _, i, last, j, end in matcher.get_opcodes():
        both = min(last - i, end - j)
        for step in range(both):
            yield _line(j + step + 1, old[i + step], new[j + step])
        for row in old[i + both : last]:
            yield Line(REMOVED, 0, row.cells, {})
        for number, row in enumerate(new[j + both : end], j + both + 1):
            yield Line(ADDED, number, {}, row.cells)


def _key(row: Row) -> object:
    return row.id or tuple(row.cells.items())


def _line(number: int, old: Row, new: Row) -> Line:
    return Line(CHANGED if old.cells != new.cells else "", number, old.cells, new.cells)


def _form_change(word: str, old: Form, new: Form) -> FormChange:
    return FormChange(word, new, _edits(old.said, new.said))
