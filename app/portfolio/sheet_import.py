"""Items from a spreadsheet (表格导入): a template of every type, judged by its form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy import select

from app.core.db import db
from app.imports.kinds import (
    Column,
    Kind,
    Own,
    Place,
    Row,
    Told,
    refuse_doubles,
    register_family,
)
from app.imports.models import RowState
from app.portfolio import item_types, queries
from app.portfolio.flags import flag_faults
from app.portfolio.item_types import ItemType
from app.portfolio.models import STATES, PortfolioItem
from app.portfolio.operations import create_item
from app.portfolio.origins import answered, hold_portfolio, origin_of
from forms import FieldSpec, build
from forms.cells import advice_on, answer_in, examples_of, fits_cell, labels_of
from forms.fields.simple import TextField

FAMILY, WAY = "item", "sheet"
MOST_ROWS = 500
TAKEN = "已导入过"
UNLIKE = "业绩库已有这一项（{state}），内容与此不同，请核对是否重复"
AGAIN = "业绩与第 {no} 行相同，请核对是否重复"
ALIKE = "业绩库已有名称和时间相同的一项，请核对是否重复"
HELP = (
    "表格的每一行成为一项草稿，附件和表格栏目在草稿中补充后再提交审核。"
    "重复上传同一文件不会重复录入。"
)


@dataclass
class Found:
    """What a row says of an item."""

    data: dict[str, Any]
    origin: str
    summary: str
    occurred_on: date | None
    claims: set[str]


@dataclass
class Kept:
    """What a portfolio holds of a type, by what tells items apart."""

    same: dict[str, int] = field(default_factory=dict)
    claimed: dict[str, str] = field(default_factory=dict)
    alike: set[tuple[str, date | None]] = field(default_factory=set)


class Items:
    """Items of one type, imported by whose they are."""

    action = "portfolio.create"
    at_unit, opens_accounts = False, False
    help = HELP

    def __init__(self, kind: ItemType) -> None:
        """Make the columns of the fields that fit a cell."""
        self.kind = kind
        self.name = f"{FAMILY}-{kind.key}"
        self.label = kind.title
        self.fields = tuple(f for f in item_types.fields_of(kind) if fits_cell(f))
        labels = {each.name: each.label for each in self.fields}
        examples = examples_of(kind.form)
        self.columns: Sequence[Column] = tuple(
            _column(f, labels, examples[f.name]) for f in self.fields
        )
        self.own = Own(
            "portfolio.import_sheets",
            "表格导入",
            "portfolio.index",
            "查看草稿，补充附件",
            {"type": kind.key, "status": "draft"},
            MOST_ROWS,
            partial(queries.refuse_other_series, kind=kind),
        )

    def lists(self, place: Place) -> Mapping[str, Sequence[str]]:
        """Return the options of the fields that have some."""
        return {each.label: labels_of(each) for each in self.fields if labels_of(each)}

    def hold(self, place: Place, changed: Sequence[int]) -> None:
        """Let one file after another be taken into a portfolio."""
        hold_portfolio(place.actor.id)

    def check(self, rows: Sequence[Row], place: Place) -> None:
        """Say of every row what the form says of it, and whether the portfolio has it."""
        form = build(item_types.form_of(self.kind, place.actor, place.now))
        for row in rows:
            row.place = place.actor.name
            row.found = self._understood(row, form)
        kept = self._kept(place.actor.id)
        for row in rows:
            self._compare(row, kept)
        good = [row for row in rows if not row.is_faulty and row.state == RowState.NEW]
        self._refuse_flags(good, place.actor.id)
        _note_claims(good)
        refuse_doubles(
            [row for row in good if not row.is_faulty], "", lambda row: row.found.origin, "内容"
        )

    def write(self, rows: Sequence[Row], place: Place, told: Told) -> None:
        """Make a draft of every new row."""
        for done, row in enumerate(rows, 1):
            if row.state == RowState.NEW:
                found: Found = row.found
                row.subject_id = create_item(
                    self.kind.key,
                    actor=place.actor,
                    now=place.now,
                    data=found.data,
                    origin=found.origin,
                ).id
            told(done)

    def _understood(self, row: Row, form_class: Any) -> Found:
        """Read a row as its form does; what the form refuses is noted at its column."""
        typed: dict[str, Any] = {}
        told = {name for name, _ in row.faults}
        # An empty cell says nothing, as a field that nobody touched: it keeps what it begins with.
        for spec in (spec for spec in self.fields if row[spec.name]):
            try:
                typed[spec.name] = answer_in(spec, row[spec.name])
            except ValueError as fault:
                row.refuse(spec.name, str(fault))
        told |= {name for name, _ in row.faults}
        form = form_class(data=typed)
        form.validate()
        for spec in self.fields:
            if form[spec.name].errors and spec.name not in told:
                row.refuse(spec.name, _said_of(form[spec.name], is_blank=not row[spec.name]))
        data = answered({spec.name: form[spec.name].to_json() for spec in self.fields})
        return Found(
            data,
            origin_of(WAY, self.kind.key, data),
            item_types.summary_of(self.kind, data),
            self.kind.occurred_on(data),
            item_types.marks_of(self.kind, data),
        )

    def _refuse_flags(self, rows: Sequence[Row], person_id: int) -> None:
        """Refuse what one item of a person alone may have where it stands somewhere already."""
        fresh = PortfolioItem(person_id=person_id, type_key=self.kind.key)
        seen: dict[tuple[str, str], int] = {}
        for row in rows:
            for name, texts in flag_faults(fresh, row.found.data).items():
                row.refuse(name, "；".join(texts))
            for flag in self.kind.flags(row.found.data):
                first = seen.setdefault(flag, row.no)
                if first != row.no:
                    row.refuse(flag[0], f"“{flag[1]}”已用于第 {first} 行")

    def _kept(self, person_id: int) -> Kept:
        wanted = select(PortfolioItem).where(
            PortfolioItem.person_id == person_id, PortfolioItem.type_key == self.kind.key
        )
        kept, names = Kept(), [spec.name for spec in self.fields]
        for item in db.session.scalars(wanted):
            data = answered({name: item.data.get(name) for name in names})
            kept.same[origin_of(WAY, self.kind.key, data)] = item.id
            if item.origin:
                kept.same[item.origin] = item.id
            kept.claimed.update(
                dict.fromkeys(item_types.marks_of(self.kind, item.data), STATES[item.status])
            )
            kept.alike.add((item.summary, item.occurred_on))
        return kept

    def _compare(self, row: Row, kept: Kept) -> None:
        found: Found = row.found
        row.state = RowState.NEW
        claimed = next((kept.claimed[c] for c in found.claims if c in kept.claimed), "")
        if found.origin in kept.same:
            row.state, row.subject_id = RowState.SAME, kept.same[found.origin]
            row.note = TAKEN
        elif claimed:
            row.note = UNLIKE.format(state=claimed)
        elif (found.summary, found.occurred_on) in kept.alike:
            row.note = ALIKE


def _note_claims(rows: Sequence[Row]) -> None:
    """Point to what a row above seems to claim already: whether it does, people decide."""
    seen: dict[str, int] = {}
    for row in rows:
        firsts = {seen.setdefault(claim, row.no) for claim in row.found.claims} - {row.no}
        if firsts:
            row.note = row.note or AGAIN.format(no=min(firsts))


def _said_of(field: Any, *, is_blank: bool) -> str:
    """Return what the form refuses of a cell: people fill one in, wherever a page has a list."""
    said = "；".join(map(str, field.errors))
    return said.replace(field.asks, TextField.asks, 1) if is_blank else said


def _column(spec: FieldSpec, labels: Mapping[str, str], example: str) -> Column:
    is_text = spec.type in {"text", "textarea"}
    return Column(
        spec.name,
        spec.label,
        example,
        required=spec.required and spec.default is None,
        most=TextField.limit(spec) if is_text else 20,
        help=advice_on(spec, labels),
        choices=labels_of(spec),
        several=spec.type == "checkbox",
        by_form=True,
    )


def kind_of(type_key: str) -> Kind | None:
    """Return the import of an item type; None where there is no such type."""
    kind = {each.key: each for each in item_types.all_types()}.get(type_key)
    return Items(kind) if kind is not None else None


register_family(FAMILY, kind_of)
