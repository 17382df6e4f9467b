"""业绩清单: the page to be printed, and the list as a spreadsheet."""

from flask import Blueprint, render_template, request
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import begin_writing, db
from app.core.errors import NotFound
from app.core.http import grants, is_looked_at
from app.core.permissions import requires
from app.core.tables import Sheet, cut_words, note_export, table_answer, workbook_answer
from app.portfolio.archive import filters_from
from app.portfolio.listing import (
    ADVICE,
    EXPORTED,
    PRINTED,
    Listing,
    list_of_person,
    list_of_units,
)
from app.portfolio.queries import units_where

ASKED = ("q", "type", "group", "status", "year", "person")
WIDTHS = {"序号": 8, "内容": 60, "类型": 24}


def add_pages(bp: Blueprint) -> None:
    """Add the pages to the room's blueprint."""
    bp.get("/portfolio/list")(list_page)
    bp.get("/portfolio/list.csv")(list_csv)
    bp.get("/portfolio/list.xlsx")(list_workbook)
    bp.get("/portfolio/archive/list")(archive_page)
    bp.get("/portfolio/archive/list.csv")(archive_csv)
    bp.get("/portfolio/archive/list.xlsx")(archive_workbook)


def own_list(most: int) -> Listing:
    """Return the list of whoever asks, as the address narrows it."""
    person = db.session.get_one(Person, current_user.id)
    return list_of_person(person, filters_from(request.args), now(), most=most)


def archive_list(most: int) -> Listing:
    """Return the list of the units that whoever asks works for, as the address narrows it."""
    person_id = request.args.get("person", type=int)
    units = units_where(grants())
    return list_of_units(units, filters_from(request.args), person_id, now(), most=most)


def note_taken(listing: Listing, answer: Response) -> Response:
    """Note who takes a list away, last: others need not wait while it is made.

    What a browser only looks ahead at is given to nobody (NotFound).
    """
    if not is_looked_at():
        raise NotFound
    begin_writing()
    more = {"units": units_where(grants())} if listing.named else {}
    subject = ("person", current_user.id)
    note_export(
        "portfolio:exported",
        subject=subject,
        rows=len(listing.entries),
        list=listing.title,
        **more,
    )
    return answer


def _page(listing: Listing, back: str) -> str:
    return render_template(
        "portfolio/list.html",
        listing=listing,
        asked={name: request.args[name] for name in ASKED if request.args.get(name)},
        back=back,
    )


def _csv(listing: Listing) -> Response:
    answer = table_answer(
        listing.title, listing.heads, listing.rows, total=listing.total, advice=ADVICE
    )
    return note_taken(listing, answer)


def _workbook(listing: Listing) -> Response:
    cut = cut_words(listing.total, len(listing.entries), ADVICE)
    rows = [*listing.rows, *([(cut,)] if cut else [])]
    widths = [WIDTHS.get(head, 14) for head in listing.heads]
    sheet = Sheet(listing.title, listing.heads, rows, widths)
    return note_taken(listing, workbook_answer(listing.title, [sheet]))


@requires("portfolio.list")
def list_page() -> str:
    """个人业绩清单, to be printed."""
    return _page(own_list(PRINTED), "portfolio.index")


@requires("portfolio.list")
def list_csv() -> Response:
    """个人业绩清单 as CSV."""
    return _csv(own_list(EXPORTED))


@requires("portfolio.list")
def list_workbook() -> Response:
    """个人业绩清单 as a workbook."""
    return _workbook(own_list(EXPORTED))


@requires("portfolio.archive")
def archive_page() -> str:
    """业绩档案清单, to be printed."""
    return _page(archive_list(PRINTED), "portfolio.archive")


@requires("portfolio.archive")
def archive_csv() -> Response:
    """业绩档案清单 as CSV."""
    return _csv(archive_list(EXPORTED))


@requires("portfolio.archive")
def archive_workbook() -> Response:
    """业绩档案清单 as a workbook."""
    return _workbook(archive_list(EXPORTED))
