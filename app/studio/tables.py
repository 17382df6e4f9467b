"""Decision tables (决策表) of a version, as people read them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from lxml import etree

from app.engine.diagrams import is_table, read_xml

POLICIES = {"FIRST": "取第一个符合的行", "UNIQUE": "只能有一行符合", "COLLECT": "收集所有符合的行"}


class Head(NamedTuple):
    """A column of a decision table: what is asked, or what is answered."""

    key: str
    label: str
    expression: str
    is_answer: bool


class Row(NamedTuple):
    """A rule of a decision table; its cells by the keys of their columns."""

    id: str
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """A decision table (决策表) as people read it."""

    id: str
    name: str
    file: str
    policy: str
    heads: tuple[Head, ...]
    rows: tuple[Row, ...]


def tables_of(files: Mapping[str, bytes]) -> dict[str, Table]:
    """Return the decision tables among files, by the ids of their decisions."""
    return {
        decision.get("id", ""): _table(name, decision)
        for name, content in sorted(files.items())
        if is_table(name)
        for decision in read_xml(content, name).iter("{*}decision")
    }


def _table(file: str, decision: Any) -> Table:
    table = next(decision.iter("{*}decisionTable"))
    heads = tuple(_heads(table))
    policy = table.get("hitPolicy", "UNIQUE")
    return Table(
        id=decision.get("id", ""),
        name=decision.get("name") or decision.get("id", ""),
        file=file,
        policy=POLICIES.get(policy, policy),
        heads=heads,
        rows=tuple(_row(rule, heads) for rule in table.iterchildren("{*}rule")),
    )


def _heads(table: Any) -> Iterator[Head]:
    seen: Counter[str] = Counter()
    for column in table.iterchildren("{*}input", "{*}output"):
        is_answer = etree.QName(column).localname == "output"
        asked = column.get("name", "") if is_answer else _cell(column)
        label = column.get("label") or column.get("name") or asked
        seen[f"{is_answer}{asked}"] += 1
        yield Head(f"{is_answer}{asked}{seen[f'{is_answer}{asked}']}", label, asked, is_answer)


def _row(rule: Any, heads: tuple[Head, ...]) -> Row:
    cells = [_cell(each) for each in rule.iterchildren("{*}inputEntry")]
    cells += [_cell(each) for each in rule.iterchildren("{*}outputEntry")]
    ordered = sorted(heads, key=lambda head: head.is_answer)
    named = dict(zip((head.key for head in ordered), cells, strict=False))
    return Row(rule.get("id", ""), named)


def _cell(element: Any) -> str:
    return next(((each.text or "").strip() for each in element.iter("{*}text")), "")
