"""业绩档案: what the people of a unit have submitted, and deciding on many at once."""

from collections.abc import Sequence
from datetime import MAXYEAR, MINYEAR

from flask import Blueprint, flash, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import func, select
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from app.core.clock import now
from app.core.db import db
from app.core.errors import Invalid
from app.core.faults import shown_on
from app.core.http import grants, page_of, safe_next, see_other
from app.core.permissions import requires
from app.engine.batches import complete_each
from app.engine.models import ItemStatus, WorkItem
from app.portfolio import item_types, operations, queries
from app.portfolio.models import PASS, RETURN, STATES, TONES
from app.portfolio.queries import Filters
from app.units.models import Unit

PAGE_SIZE = 10
VETTERS = ("unit_clerk",)
BATCH_LIMIT = 200
REVIEW_STATES = {key: label for key, label in STATES.items() if key != "draft"}


def add_pages(bp: Blueprint) -> None:
    """Add the pages of the unit to the room's blueprint."""
    bp.get("/portfolio/archive")(archive)
    bp.post("/portfolio/archive")(vet_many)


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
    units = queries.units_where(grants())
    filters, person = filters_from(request.args), request.args.get("person", type=int)
    page = page_of(queries.items_for_units(units, filters, person), size=PAGE_SIZE)
    return render_template(
        "portfolio/archive.html",
        tree=queries.tree_of_units(units, person),
        page=page,
        filters=filters,
        people=queries.people_of_units(units),
        tasks=open_tasks([item.id for item in page.items]),
        types={kind.key: kind for kind in item_types.all_types()},
        withdrawals=_waiting_withdrawals(),
        units=db.session.scalars(select(Unit).where(Unit.id.in_(units))).all(),
        states=REVIEW_STATES,
        tones=TONES,
    )


def open_tasks(item_ids: Sequence[int]) -> dict[int, WorkItem]:
    """Return the review tasks of items that wait for this person, by item."""
    waiting = select(WorkItem).where(
        WorkItem.business_type == operations.BUSINESS,
        WorkItem.business_id.in_(item_ids),
        WorkItem.node == "vet_item",
        WorkItem.status == ItemStatus.OPEN,
        WorkItem.scope_kind == "org",
        WorkItem.scope_id.in_(queries.units_where(grants(), VETTERS)),
    )
    return {task.business_id: task for task in db.session.scalars(waiting)}


def _waiting_withdrawals() -> int:
    """Count the requests to change approved items that wait for this person (撤回申请)."""
    waiting = select(func.count(WorkItem.id)).where(
        WorkItem.node == "vet_withdrawal",
        WorkItem.status == ItemStatus.OPEN,
        WorkItem.scope_kind == "org",
        WorkItem.scope_id.in_(queries.units_where(grants(), VETTERS)),
    )
    return db.session.scalar(waiting) or 0


@requires("portfolio.vet")
@shown_on(archive)
def vet_many() -> Response:
    """批量审核: one opinion for many items, each with its own line in its own log."""
    decision, opinion = request.form.get("decision", ""), request.form.get("opinion", "")
    ids = [int(i) for i in request.form.getlist("id") if i.isdecimal()][:BATCH_LIMIT]
    if decision not in {PASS, RETURN} or not ids:
        raise Invalid("请先勾选待审核的业绩，再点“批量通过”或“批量退回”")
    if decision == RETURN and not opinion.strip():
        raise Invalid("批量退回时请填写退回意见", field="opinion")
    tasks = open_tasks(ids)
    answers = {"decision": decision, "opinion": opinion}
    batch = complete_each(tasks.values(), answers, actor_id=current_user.id, now=now())
    titles = {task.id: task.title for task in tasks.values()}
    if batch.done:
        flash(f"已{'通过' if decision == PASS else '退回'} {len(batch.done)} 项业绩", "success")
    for number, error in batch.refused.items():
        flash(f"{titles[number]}：未办理，{error.message}", "warning")
    if len(ids) > len(tasks):
        flash(f"{len(ids) - len(tasks)} 项已办结或不由您审核，未作处理", "warning")
    return see_other(safe_next(request.form.get("next"), url_for("portfolio.archive")))
