"""添加: the ways into a portfolio other than typing one field after another."""

import io
from collections.abc import Callable, Collection

from flask import Blueprint, flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.models import Person
from app.core import storage
from app.core.children import Busy
from app.core.clock import now
from app.core.db import begin_writing, db
from app.core.errors import DomainError, Invalid, NotFound, TooLarge
from app.core.faults import shown_on
from app.core.http import is_looked_at, page_of, see_other, writes_late
from app.core.numbers import ids_in
from app.core.permissions import requires
from app.core.storage import StoredFile
from app.imports.models import BATCH_WORDS
from app.imports.queries import own_batches
from app.portfolio import carrying, queries, sheet_import
from app.portfolio import literature as bib
from app.portfolio.models import STATES, TONES, PortfolioItem

PAGE_SIZE = 10
FORGOTTEN = "预览已过期，请重新粘贴或上传题录"
Page = str | tuple[str, int]


def add_pages(bp: Blueprint) -> None:
    """Add the pages to the room's blueprint."""
    bp.get("/portfolio/import")(import_sheets)
    bp.get("/portfolio/carry")(carry)
    bp.post("/portfolio/carry")(carry_over)
    bp.get("/portfolio/literature")(literature)
    bp.post("/portfolio/literature")(read_literature)
    bp.post("/portfolio/literature/one")(read_one)
    bp.get("/portfolio/literature/<int:file_id>")(preview_literature)
    bp.post("/portfolio/literature/<int:file_id>")(take_literature)
    bp.app_template_global("year_after")(year_after)
    bp.app_template_global("others_of_year")(carrying.others_of_year)


@requires("portfolio.create")
def import_sheets() -> str:
    """表格导入: the templates of the types, and the files that were imported."""
    return render_template(
        "portfolio/import.html",
        tree=queries.tree_of_person(current_user.id),
        page=page_of(own_batches(current_user.id, sheet_import.FAMILY), size=PAGE_SIZE),
        words=BATCH_WORDS,
        most_rows=sheet_import.MOST_ROWS,
    )


def _chosen() -> list[int]:
    return ids_in(request.values.getlist("id"))


def year_after(item: PortfolioItem) -> int:
    """Return the year to which an item may be carried over; 0 where there is none yet."""
    return carrying.year_after(item, now())


@requires("portfolio.create")
def carry() -> str:
    """从上一年复制: the items of the year before that come every year."""
    years = carrying.years_to(current_user.id, now())
    year = request.values.get("year", type=int) or (years[0] if years else 0)
    early = carrying.not_yet(year, now())
    sources = [] if early else carrying.sources_for(current_user.id, year)
    return render_template(
        "portfolio/carry.html",
        years=years,
        year=year,
        sources=carrying.marked(sources, _chosen()),
        early=early,
        types=carrying.types_for(current_user.id),
        states=STATES,
        tones=TONES,
    )


@requires("portfolio.create")
@shown_on(carry)
def carry_over() -> Response:
    """Make drafts of what was chosen, with or without its attachments."""
    year = request.form.get("year", 0, type=int)
    chosen = _chosen()
    made = carrying.carry_over(
        chosen,
        year,
        with_files=request.form.get("files") == "yes",
        actor=current_user,
        now=now(),
    )
    flash(_said(len(made), len(set(chosen)) - len(made), year), "success" if made else "warning")
    return see_other(url_for("portfolio.index", status="draft", year=year))


def _said(made: int, passed: int, year: int) -> str:
    again = f"{passed} 项此前已复制过，没有重复生成" if passed else ""
    new = f"已生成 {year} 年的 {made} 项草稿，请核对内容并补充附件后提交审核" if made else ""
    return "；".join(filter(None, (new, again)))


@requires("portfolio.create")
def literature(fault: str = "") -> str:
    """文献导入: where a bibliography is pasted or sent, or one paper is typed."""
    return render_template("portfolio/literature.html", fault=fault, ways=bib.ACCEPTED)


def _told(page: Callable[[], Response | Page], *more: type[DomainError]) -> Response | Page:
    """Return a page, or where a bibliography is sent with what this one is too much for.

    So for `more` refusals too, of a page that has no form of its own to show them on.
    """
    told: tuple[type[DomainError], ...] = (NotFound, TooLarge, Busy, *more)
    try:
        return page()
    except told as refused:
        db.session.rollback()
        return literature(refused.message), refused.status


def _keep(text: str, *, is_typed: bool = False) -> Response:
    """Keep what was sent for as long as an upload waits: its preview has an address of its own."""
    _read(text)
    content = io.BytesIO(text.encode("utf-8", "replace"))
    kept = storage.store_known(content, "文献题录.txt", bib.MEDIA_TYPE)
    begin_writing()
    file = storage.lay(kept, owner_id=current_user.id, now=now())
    typed = 1 if is_typed else None
    return see_other(url_for("portfolio.preview_literature", file_id=file.id, typed=typed))


def _kept(file_id: int) -> str:
    """Return what one has sent; NotFound where it is somebody else's, or forgotten."""
    file = db.session.get(StoredFile, file_id)
    is_mine = file is not None and file.owner_id == current_user.id
    if file is None or not is_mine or file.media_type != bib.MEDIA_TYPE:
        raise NotFound(FORGOTTEN)
    return storage.read_bytes(file).decode()


def _read(text: str) -> bib.Bibliography:
    """Read a bibliography; the child that does so may take long, and needs no connection."""
    db.session.rollback()
    return bib.read_text(text)


@requires("portfolio.create")
def preview_literature(file_id: int) -> Response | Page:
    """What a bibliography that was sent would give, to be chosen from.

    For what a browser only looks ahead at nothing is read (NotFound).
    """
    if not is_looked_at():
        raise NotFound

    def page() -> str:
        text = _kept(file_id)
        return _preview(file_id, text, _read(text))

    return _told(page, Invalid)


def _preview(
    file_id: int,
    text: str,
    found: bib.Bibliography,
    picked: Collection[int] | None = None,
    fault: str = "",
) -> str:
    return render_template(
        "portfolio/literature_preview.html",
        file_id=file_id,
        text=text,
        is_typed="typed" in request.args,
        found=found,
        candidates=bib.candidates(found, actor=_me(), now=now()),
        picked=picked,
        fault=fault,
        words=bib.KIND_WORDS,
        stands=bib.STANDS,
    )


def _me() -> Person:
    return db.session.get_one(Person, current_user.id)


def _pasted() -> str:
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return request.form.get("text", "")
    return bib.decoded(sent.stream.read(bib.MOST_BYTES + 1))


@writes_late
@requires("portfolio.create")
@shown_on(literature)
def read_literature() -> Response | Page:
    """Keep a pasted text or a file, and go on to its preview."""
    return _told(lambda: _keep(_pasted()))


@writes_late
@requires("portfolio.create")
@shown_on(literature)
def read_one() -> Response | Page:
    """Keep one paper that was typed by its DOI and the like, and go on to its preview."""
    return _told(lambda: _keep(bib.as_text(bib.checked_paper(request.form)), is_typed=True))


@writes_late
@requires("portfolio.create")
def take_literature(file_id: int) -> Response | Page:
    """Make drafts of the chosen entries."""
    picked = set(ids_in(request.form.getlist("pick")))
    return _told(lambda: _take(file_id, picked), Invalid)


def _take(file_id: int, picked: set[int]) -> Response | Page:
    text = _kept(file_id)
    found = _read(text)
    begin_writing()
    try:
        made = bib.take(found, picked, actor=_me(), now=now())
    except bib.NothingTaken as error:
        db.session.rollback()
        return _preview(file_id, text, found, picked, error.message), error.status
    flash(f"已生成 {len(made)} 项草稿，请补充缺少的内容和附件后提交审核", "success")
    return see_other(url_for("portfolio.index", status="draft"))
