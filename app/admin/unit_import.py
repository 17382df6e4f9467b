"""Importing units, their superiors in the same sheet or on the platform (批量导入单位)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.accounts.opening import chunks
from app.admin.unit_plan import CIRCLE, Plan, goes_round
from app.catalogue import jurisdictions
from app.core.db import db
from app.imports.kinds import NO, YES, Column, Place, Row, Told, refuse_doubles, register_kind
from app.imports.models import RowState
from app.units import areas, tree
from app.units.code_lists import KINDS, TYPES
from app.units.entering import Entry, by_level, enter_units
from app.units.models import Unit
from app.units.registered import Together

CAUSE = "批量导入"
OUTSIDE = "属地不在所属地区内"
NAMES = {
    "name": "名称",
    "type": "类型",
    "kind": "性质",
    "area_code": "属地",
    "jurisdiction": "所属地区",
    "parent_id": "上级单位",
    "reports_to_id": "上报单位",
    "credit_code": "统一社会信用代码",
    "has_leader": "单位领导",
}
COLUMNS = (
    Column("name", "单位名称", "云桥区青禾小学", required=True),
    Column("type", "单位类型", "用人单位", required=True, choices=TYPES),
    Column("kind", "单位性质", "事业单位", required=True, choices=KINDS),
    Column("area_code", "属地", "340602", required=True, help="六位行政区划代码或全称，见代码表"),
    Column("credit_code", "统一社会信用代码", "", most=30, help="没有或与上级共用的不填"),
    Column(
        "parent",
        "上级单位",
        "",
        most=300,
        help="名称或统一社会信用代码，可以是本文件中的单位，前后不限；重名的写“上级/名称”",
    ),
    Column("reports_to", "审核后上报", "", most=300, help="审核链上的下一个单位，留空为上级单位"),
    Column("jurisdiction", "所属地区", "", most=60, help="有上级单位的可留空，与上级相同"),
    Column("has_leader", "有无领导", YES, choices=(YES, NO), help="留空为“是”：由领导审定"),
)


@dataclass
class Found:
    """What a row says of a unit."""

    unit: Unit
    facts: tree.UnitFacts


@cache
def _area_codes() -> dict[str, str]:
    return {areas.path_of(code): code for code in areas.names()}


@cache
def _jurisdictions() -> dict[str, str]:
    return {jurisdictions.get(each).name: each for each in jurisdictions.all_ids()}


class Units:
    """Units of the tree, entered by the system administrator."""

    name, label, action = "units", "单位", "import.units"
    at_unit, opens_accounts, own = False, False, None
    columns: Sequence[Column] = COLUMNS
    help = "登记单位及上下级关系。上级单位可以在同一文件中，前后顺序不限。"

    def lists(self, place: Place) -> Mapping[str, Sequence[str]]:
        """Return what may stand in the columns."""
        offered = areas.choices(code[:2] for code in areas.names())
        return {
            "单位类型": TYPES,
            "单位性质": KINDS,
            "所属地区": tuple(_jurisdictions()),
            "属地代码": tuple(code for code, _ in offered),
            "属地": tuple(path for _, path in offered),
        }

    def hold(self, place: Place, changed: Sequence[int]) -> None:
        """Let no other change of the tree come between."""
        tree.hold_tree()

    def check(self, rows: Sequence[Row], place: Place) -> None:
        """Say of every row whether it makes or changes a unit, or what is wrong with it."""
        refuse_doubles(rows, "credit_code", lambda row: row["credit_code"].upper(), "信用代码")
        plan = Plan(rows)
        together = _others(plan)
        _tell_jurisdictions(rows, plan)
        for row in rows:
            row.found = Found(plan.units[row.no], _facts(row, plan))
            plan.reports[row.found.unit] = row.found.facts.reports_to
            _compare(row)
        _refuse_twice(rows)
        for row in rows:
            above = row.found.facts.parent
            row.place = above.name if above else "（无上级单位）"
            _judge(row, plan, together)
        _refuse_below_faulty(rows)

    def write(self, rows: Sequence[Row], place: Place, told: Told) -> None:
        """Enter new units level by level, then change those that were there."""
        fresh = [row.found for row in rows if row.state == RowState.NEW]
        entries = [Entry(found.unit, found.facts) for found in fresh]
        values: dict[str, Any] = {"actor_id": place.actor.id, "now": place.now, "cause": CAUSE}
        done = 0
        for level in by_level(entries):
            for some in chunks(level):
                enter_units(some, **values)
                done += len(some)
                told(done)
        # Whom a unit reports to may have been entered after it.
        for entry in entries:
            entry.fill()
        db.session.flush()
        for row in rows:
            if row.state == RowState.CHANGED:
                tree.change_unit(row.found.unit, row.found.facts, **values)
            row.subject_id = row.found.unit.id


def _others(plan: Plan) -> Together:
    """Return the units as they stand; what the rows would have comes one after another.

    A place that a row would leave is not free yet: others are entered or changed before it.
    """
    together = Together()
    for unit in plan.known:
        together.add(unit, plan.stands_below(unit))
    return together


def _facts(row: Row, plan: Plan) -> tree.UnitFacts:
    """Return what a row says; an empty cell leaves a known unit as it is."""
    unit = plan.units[row.no]
    parent = plan.above(unit)
    reports_to = plan.called(row, "reports_to") if row["reports_to"] else parent
    if unit.id and not row["reports_to"] and not row["parent"]:
        reports_to = unit.reports_to
    area = row["area_code"]
    return tree.UnitFacts(
        name=row["name"],
        type=row["type"],
        kind=row["kind"],
        area_code=_area_codes().get(area, area),
        jurisdiction=_said(row) or unit.jurisdiction or "",
        parent=parent,
        reports_to=reports_to,
        credit_code=row["credit_code"] or unit.credit_code or "",
        has_leader=row["has_leader"] != NO
        if row["has_leader"] or not unit.id
        else unit.has_leader,
    )


def _said(row: Row) -> str:
    said = row["jurisdiction"]
    return _jurisdictions().get(said, said)


def _tell_jurisdictions(rows: Sequence[Row], plan: Plan) -> None:
    """Let new units belong where their rows say, or else where the next superior does."""
    fresh = [(row, plan.units[row.no]) for row in rows if not plan.units[row.no].id]
    for row, unit in fresh:
        unit.jurisdiction = _said(row)
    for _, unit in fresh:
        step, passed = unit, {unit}
        while step is not None and not step.jurisdiction:
            step = plan.above(step)  # type: ignore[assignment]
            if step in passed:
                break
            passed.add(step)
        unit.jurisdiction = (step.jurisdiction if step is not None else "") or ""


def _judge(row: Row, plan: Plan, together: Together) -> None:
    unit, facts = row.found.unit, row.found.facts
    _judge_place(row, facts)
    _refuse_circles(row, unit, plan)
    told = {name for name, _ in row.faults}
    # What stays as it is needs no look at the whole tree.
    is_same = row.state == RowState.SAME
    faults = {} if is_same else tree.faults_of(unit, facts, together)
    for name, texts in faults.items():
        if name not in told:
            row.refuse(name, "；".join(texts))
    if not row.is_faulty:
        together.add(unit, facts.parent, facts)


def _refuse_twice(rows: Sequence[Row]) -> None:
    """Refuse a row that speaks of the same known unit as one above it."""
    seen: dict[Unit, int] = {}
    for row in rows:
        first = seen.setdefault(row.found.unit, row.no)
        if first != row.no:
            row.refuse("name", f"与第 {first} 行是同一个单位")


def _refuse_circles(row: Row, unit: Unit, plan: Plan) -> None:
    if goes_round(unit, plan.above):
        row.refuse("parent", CIRCLE)
    elif goes_round(unit, plan.reports_to):
        row.refuse("reports_to", "上报不能绕回本单位")


def _judge_place(row: Row, facts: tree.UnitFacts) -> None:
    """Refuse a jurisdiction or an area that there is none of; what is above tells of itself."""
    if facts.area_code and facts.area_code not in areas.names():
        row.refuse("area_code", "没有这个属地，应为六位行政区划代码或全称")
    if facts.jurisdiction in jurisdictions.all_ids():
        region = jurisdictions.get(facts.jurisdiction).certificate.region
        if facts.area_code in areas.names() and not facts.area_code.startswith(region):
            row.refuse("area_code", OUTSIDE)
    elif row["jurisdiction"]:
        row.refuse("jurisdiction", "没有这个地区，见代码表")
    elif not row["parent"]:
        row.refuse("jurisdiction", "没有上级单位的，请填写所属地区")


def _compare(row: Row) -> None:
    unit, facts = row.found.unit, row.found.facts
    if not unit.id:
        row.state = RowState.NEW
        return
    wanted = {
        **{name: getattr(facts, name) for name in ("name", "type", "kind", "area_code")},
        "jurisdiction": facts.jurisdiction,
        "parent_id": _key(facts.parent),
        "reports_to_id": _key(facts.reports_to),
        "credit_code": facts.code,
        "has_leader": facts.has_leader,
    }
    changed = [NAMES[name] for name, value in wanted.items() if getattr(unit, name) != value]
    row.note = f"修改{'、'.join(changed)}" if changed else ""
    row.state = RowState.CHANGED if changed else RowState.SAME


def _key(unit: Unit | None) -> int | None:
    """Return a unit's id; what is only entered with the sheet has none, but is not nothing."""
    return (unit.id or 0) if unit is not None else None


def _refuse_below_faulty(rows: Sequence[Row]) -> None:
    """Refuse what would stand below a unit that is not entered."""
    by_unit = {row.found.unit: row for row in rows if not row.found.unit.id}
    changing = True
    while changing:
        changing = False
        for row in rows:
            for column in ("parent", "reports_to"):
                above = by_unit.get(getattr(row.found.facts, column))
                if above is not None and above.is_faulty and not row.is_faulty:
                    row.refuse(column, f"该单位（第 {above.no} 行）有误，改正后才能导入")
                    changing = True


register_kind(Units())
