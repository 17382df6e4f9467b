"""业绩档案: what the people of a unit have submitted."""

from collections.abc import Sequence
from datetime import MAXYEAR, MINYEAR

from flask import Blueprint, render_template, request
from flask_login import current_user
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from app.core.clock import now
from app.core.db import db
from app.core.http import grants, page_by_ids
from app.core.permissions import requires
from app.engine.models import WorkItem
from app.portfolio import bulk, duplicates, item_types, queries, vetting
from app.portfolio.models import STATES, TONES
from app.portfolio.queries import Filters
from app.portfolio.sight import read_sent, seen_of
from app.portfolio.vetting import Tasks
from app.units.models import Unit

PAGE_SIZE = 10
REVIEW_STATES = {key: label for key, label in STATES.items() if key != "draft"}


def add_pages(bp: Blueprint) -> None:
    """Add the page of the unit to the room's blueprint."""
    bp.get("/portfolio/archive")(archive)


def filters_from(args: MultiDict[str, str]) -> Filters:
    """Read the filters of a list from its address."""
    return Filters(
        type_key=args.get("type", ""),
        group=args.get("group", ""),
        status=args.get("status", ""),
        year=_year(args.get("year", "")),
        text=args.get("q", ""),
    )


def _year(text: str) -> int | None:
    """Return a year that a date can have, or None."""
    year = int(text) if len(text) <= len(str(MAXYEAR)) and text.isdecimal() else 0
    return year if year >= MINYEAR else None


@requires("portfolio.archive")
def archive() -> str:
    """业绩档案 of the units this person works for (FJ-U-06..08)."""
    units, there = queries.units_where(grants()), vetting.waiting_in(shown_tasks())
    filters, person = filters_from(request.args), request.args.get("person", type=int)
    page = page_by_ids(queries.items_for_units(units, filters, person), size=PAGE_SIZE)
    read_sent(page.items)
    tree = queries.tree_of_units(units, person)
    return render_template(
        "portfolio/archive.html",
        tree=tree,
        chosen=queries.chosen_of(tree, filters),
        page=page,
        filters=filters,
        people=queries.people_of_units(units),
        seen_of=seen_of,
        types={kind.key: kind for kind in item_types.all_types()},
        withdrawals=_asked_back(),
        waiting=there.count,
        listed=there.mark,
        batches=[(each, bulk.counts_of(each.id)) for each in bulk.under_way(current_user.id)],
        most=bulk.LIMIT,
        **_to_do([item.id for item in page.items]),
        units=db.session.scalars(select(Unit).where(Unit.id.in_(units))).all(),
        states=REVIEW_STATES,
        tones=TONES,
    )


def _to_do(item_ids: Sequence[int]) -> dict[str, object]:
    """Return what can be done of the items of a page, and those of them that are halted."""
    found = open_tasks(item_ids)
    tasks = {number: task for number, task in found.items() if not task.is_halted}
    return {
        "tasks": tasks,
        "halted": found.keys() - tasks.keys(),
        "hinted": duplicates.hinted_among(current_user, list(tasks), now()),
        "phrases": bulk.phrases_for(tasks.values(), current_user.id),
    }


def _asked_back() -> int:
    """Count the requests to take items back that wait for this person."""
    asked = vetting.waiting_for(current_user.id, now(), "vet_withdrawal", halted=False)
    return vetting.waiting_in(asked).count


def open_tasks(item_ids: Sequence[int]) -> dict[int, WorkItem]:
    """Return the review tasks of items that wait for this person, by item, halted ones too."""
    return vetting.tasks_of(vetting.waiting_for(current_user.id, now()), item_ids)


def shown_tasks() -> Tasks:
    """Select what can be done of the list in the address: its tasks, the oldest first."""
    owner = request.args.get("person", type=int)
    mine = vetting.waiting_for(current_user.id, now(), halted=False)
    units = queries.units_where(grants())
    return vetting.narrowed(mine, filters_from(request.args), units, owner)
