"""业绩统计: the pages that count a person's items and a unit's, and the files made of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from app.core.charts import Chart
from app.core.db import db
from app.core.errors import NotFound
from app.core.http import Page, grants, marks_viewed, page_from
from app.core.permissions import requires
from app.core.tables import Sheet, note_export, table_answer, workbook_answer
from app.portfolio import queries, statistics
from app.portfolio.archive import REVIEW_STATES, filters_from
from app.portfolio.models import STATES
from app.portfolio.queries import Filters
from app.portfolio.statistics import TOTAL, Line, Tally
from app.units.models import Unit
from forms.items import CATEGORIES

PAGE_SIZE = 20
UP, DOWN = "up", "down"
SUM = "合计"
WISHES = ("group", "type", "status", "year", "person")
WIDTHS = (24, 10, 10, 10, 10, 10)


@dataclass(frozen=True)
class Place:
    """Whose items are counted: the words, the states that are seen, and what lies where."""

    heading: str
    states: tuple[str, ...]
    page: str
    csv: str
    workbook: str
    list: str
    list_heading: str


OWN = Place(
    "业绩统计",
    statistics.ORDER,
    *("portfolio.person_statistics", "portfolio.person_csv", "portfolio.person_workbook"),
    *("portfolio.index", "个人业绩库"),
)
OF_UNIT = Place(
    "单位业绩统计",
    tuple(key for key in statistics.ORDER if key in REVIEW_STATES),
    *("portfolio.unit_statistics", "portfolio.unit_csv", "portfolio.unit_workbook"),
    *("portfolio.archive", "业绩档案"),
)


@dataclass(frozen=True)
class Table:
    """One of the tables: its key, its title, what its lines are called, and its chart."""

    key: str
    title: str
    head: str
    lines: Sequence[Line]
    chart: Chart


def add_pages(bp: Blueprint) -> None:
    """Add the pages to the room's blueprint."""
    bp.get("/portfolio/statistics")(person_statistics)
    bp.get("/portfolio/statistics.csv")(person_csv)
    bp.get("/portfolio/statistics.xlsx")(person_workbook)
    bp.get("/portfolio/archive/statistics")(unit_statistics)
    bp.get("/portfolio/archive/statistics.csv")(unit_csv)
    bp.get("/portfolio/archive/statistics.xlsx")(unit_workbook)


def _wishes() -> Filters:
    """Read what is to be counted: words to search for are none of it."""
    return replace(filters_from(request.args), text="")


def _tables(tally: Tally) -> list[Table]:
    return [
        Table("type", "按类型统计", "业绩类型", tally.types, tally.chart_of_types),
        Table("year", "按年份统计", "年份", tally.years, tally.chart_of_years),
    ]


def _people(lines: Sequence[Line]) -> Table:
    chart = statistics.drawn(lines[:PAGE_SIZE], OF_UNIT.states, has_scale=False)
    return Table("person", "按人员统计", "姓名", lines, chart)


def _page(place: Place, whole: Tally, tally: Tally, people: Page[Line] | None = None) -> str:
    units = _units() if people else ()
    return render_template(
        "portfolio/statistics.html",
        place=place,
        asked=_asked(),
        leads=_leads,
        tally=tally,
        tables=_tables(tally) + ([_people(people.items)] if people else []),
        people=people,
        states={key: STATES[key] for key in place.states},
        years=[(year, line.label) for line in whole.years for year in line.wish.values()],
        types=[(line.wish["type"], line.label) for line in whole.types],
        groups=[(group, group) for group in CATEGORIES],
        units=units,
        choosers=_choosers(units) if people else [],
        sort=request.args.get("sort", TOTAL),
        way=request.args.get("way", DOWN),
    )


def _asked() -> dict[str, Any]:
    """Return what the address asks for, but for the page of the list."""
    known = (*WISHES, "unit", "sort", "way")
    return {key: request.args[key] for key in known if request.args.get(key)}


def _leads(place: Place, **wish: Any) -> str | None:
    """Return where the list shows what a number counts; None where no list is of one unit."""
    asked = {key: value for key, value in _asked().items() if key in WISHES}
    return None if request.args.get("unit") else url_for(place.list, **{**asked, **wish})


@requires("portfolio.list")
def person_statistics() -> str:
    """业绩统计 of one's own items (FJ-P-10)."""
    whole = _own()
    return _page(OWN, whole, whole.matching(_wishes()))


def _own() -> Tally:
    mine = queries.items_of(current_user.id, Filters())
    return replace(statistics.tally_of(mine), states=OWN.states)


@requires("portfolio.list")
def person_csv() -> Response:
    """One table of one's own statistics."""
    return _csv(OWN, _tables(_own().matching(_wishes())))


@requires("portfolio.list")
def person_workbook() -> Response:
    """Every table of one's own statistics."""
    return _workbook(OWN, _tables(_own().matching(_wishes())))


@requires("portfolio.archive")
def unit_statistics() -> str:
    """业绩统计 of what the units this person works for have been sent (业绩档案)."""
    filters = _wishes()
    whole, people = _sent(filters)
    return _page(OF_UNIT, whole, whole.matching(filters), page_from(people, size=PAGE_SIZE))


def _sent(filters: Filters) -> tuple[Tally, list[Line]]:
    """Count what the chosen units were sent: all of it, and by person what is asked for."""
    sent = queries.sent_items(_chosen(), request.args.get("person", type=int))
    rising = request.args.get("way", DOWN) == UP
    people = statistics.people_of(filters.narrow(sent))
    in_order = statistics.ordered(people, request.args.get("sort", TOTAL), rising=rising)
    return replace(statistics.tally_of(sent), states=OF_UNIT.states), in_order


def _units() -> Sequence[Unit]:
    return db.session.scalars(select(Unit).where(Unit.id.in_(queries.units_where(grants())))).all()


def _chosen() -> list[int]:
    """Return the units that are counted: the one that was asked for, or all of them."""
    wanted = request.args.get("unit", type=int)
    return [unit_id for unit_id in queries.units_where(grants()) if wanted in {None, unit_id}]


def _choosers(units: Sequence[Unit]) -> list[dict[str, Any]]:
    """Return the filters that only a unit has: its people, and which unit if there are several."""
    people = [(each.id, each.name) for each in queries.people_of_units(_chosen())]
    found: list[dict[str, Any]] = [
        {"name": "person", "label": "职工", "choices": people, "search": True}
    ]
    if len(units) < 2:
        return found
    named = [(unit.id, unit.name) for unit in units]
    return [{"name": "unit", "label": "单位", "choices": named}, *found]


@marks_viewed
@requires("portfolio.archive")
def unit_csv() -> Response:
    """One table of the unit's statistics. Who took it is kept."""
    return _csv(OF_UNIT, _taken())


@marks_viewed
@requires("portfolio.archive")
def unit_workbook() -> Response:
    """Every table of the unit's statistics. Who took them is kept."""
    return _workbook(OF_UNIT, _taken())


def _taken() -> list[Table]:
    filters = _wishes()
    whole, people = _sent(filters)
    subject = ("person", current_user.id)
    note_export("portfolio:counted", subject=subject, rows=len(people), units=_chosen())
    return [*_tables(whole.matching(filters)), _people(people)]


def _csv(place: Place, tables: Iterable[Table]) -> Response:
    wanted = request.args.get("by", "type")
    for table in tables:
        if table.key == wanted:
            name = f"{place.heading}-{table.title}"
            return table_answer(name, _heads(place, table), _rows(place, table))
    raise NotFound("没有这种统计")


def _workbook(place: Place, tables: Iterable[Table]) -> Response:
    sheets = [
        Sheet(table.title, _heads(place, table), _rows(place, table), WIDTHS) for table in tables
    ]
    return workbook_answer(place.heading, sheets)


def _heads(place: Place, table: Table) -> list[str]:
    return [table.head, SUM, *(STATES[key] for key in place.states)]


def _rows(place: Place, table: Table) -> list[list[object]]:
    """The lines of a table and their sum."""
    keys = (TOTAL, *place.states)
    rows: list[list[object]] = [
        [line.label, *(line.number(key) for key in keys)] for line in table.lines
    ]
    return [*rows, [SUM, *(sum(line.number(key) for line in table.lines) for key in keys)]]
