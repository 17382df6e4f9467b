"""批量导入: choosing what, handing a file in, looking at it, confirming it, the report."""

from flask import Blueprint, flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.models import Person
from app.core import sheets
from app.core.children import Busy
from app.core.clock import now
from app.core.db import db
from app.core.errors import DomainError, Invalid, NotFound, TooLarge
from app.core.faults import shown_on
from app.core.http import grants, marks_viewed, page_of, see_other, writes_late
from app.core.menu import add_entry
from app.core.permissions import authorize, requires
from app.core.sheets_child import MOST_ROWS
from app.core.tables import Sheet, note_export, workbook_answer
from app.core.uploads import read_limited
from app.imports import codes, operations, queries
from app.imports.files import faulty_sheet, report_sheets, template_sheets
from app.imports.kinds import Kind, Place, kind_called, place_names
from app.imports.models import BATCH_WORDS, ROW_WORDS, ImportBatch
from app.imports.progress import done_of
from app.imports.work import progress_of

bp = Blueprint("imports", __name__, url_prefix="/imports")
PAGE_SIZE = 20


def import_kind(name: str) -> Kind:
    """Return the kind that an import is of."""
    found = kind_called(name)
    if found is None:
        raise NotFound
    return found


@bp.app_template_global("import_label")
def import_label(batch: ImportBatch) -> str:
    """Return what was imported, as pages call it."""
    found = kind_called(batch.kind)
    return found.label if found else "（已停用）"


def _me() -> Person:
    return db.session.get_one(Person, current_user.id)


def _wanted(name: str) -> ImportBatch:
    """Return what is to be imported, as an import that nobody has handed in yet."""
    kind = import_kind(name)
    held = queries.units_for(kind, grants())
    unit_id = request.args.get("unit", type=int) or (held[0] if held else None)
    wanted = ImportBatch(kind=kind.name, unit_id=unit_id if kind.at_unit else None)
    authorize("import.start", current_user, wanted, now())
    if kind.own:
        kind.own.admit(current_user.id)
    return wanted


def _place(wanted: ImportBatch) -> Place:
    return Place(wanted.unit_id, _me(), now())


def _batch(batch_id: int, action: str) -> ImportBatch:
    batch = db.session.get(ImportBatch, batch_id)
    if batch is None:
        raise NotFound
    authorize(action, current_user, batch, now())
    return batch


@bp.get("")
@requires("import.list")
def index() -> str:
    """What the person may import, and what was imported."""
    page = page_of(queries.batches_for(grants()), size=PAGE_SIZE)
    kinds = queries.offered(grants())
    places = {kind.name: _places(kind) for kind in kinds}
    return render_template(
        "imports/index.html", kinds=kinds, places=places, page=page, words=BATCH_WORDS
    )


def _places(kind: Kind) -> list[tuple[int | None, str]]:
    if not kind.at_unit:
        return [(None, "")]
    unit_ids = queries.units_for(kind, grants())
    names = place_names(unit_ids)
    return [(unit_id, names[unit_id]) for unit_id in unit_ids]


def _place_name(batch: ImportBatch) -> str:
    return place_names([batch.unit_id])[batch.unit_id] if batch.unit_id else ""


@bp.get("/new/<kind>")
@requires("import.start")
def new(kind: str) -> str:
    """Where a file is handed in."""
    return _new_page(_wanted(kind))


def _new_page(wanted: ImportBatch, fault: str = "") -> str:
    kind = import_kind(wanted.kind)
    return render_template(
        "imports/new.html",
        kind=kind,
        unit_id=wanted.unit_id,
        place_name=_place_name(wanted),
        policy=sheets.POLICY,
        most_rows=kind.own.most_rows if kind.own else MOST_ROWS,
        fault=fault,
    )


@bp.post("/new/<kind>")
@writes_late
@requires("import.start")
def hand_in(kind: str) -> Response | tuple[str, int]:
    """Keep a file and have it checked; what is no table of this shape is refused at once."""
    wanted = _wanted(kind)
    name, unit_id = wanted.kind, wanted.unit_id
    try:
        batch = operations.hand_in(import_kind(name), unit_id, _sent(), actor=_me(), now=now())
    except (Invalid, TooLarge, Busy) as refused:
        return _refused(name, unit_id, refused)
    return see_other(url_for("imports.show", batch_id=batch.id))


def _sent() -> operations.Upload:
    """Return the file of this request, read; Invalid, TooLarge or Busy otherwise."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise Invalid("请选择要导入的文件", field="file")
    content = read_limited(sent.stream, sheets.POLICY)
    return operations.Upload(sent.filename, content, sheets.read_sheet(content))


def _refused(name: str, unit_id: int | None, refused: DomainError) -> tuple[str, int]:
    db.session.rollback()
    wanted = ImportBatch(kind=name, unit_id=unit_id)
    return _new_page(wanted, refused.message), refused.status


@bp.get("/template/<kind>")
@requires("import.start")
def template(kind: str) -> Response:
    """The template of a kind (模板): headings, then the code lists and an example."""
    wanted = _wanted(kind)
    found = import_kind(wanted.kind)
    return workbook_answer(f"{found.label}导入模板", template_sheets(found, _place(wanted)))


@bp.get("/<int:batch_id>")
@requires("import.view")
def show(batch_id: int) -> str:
    """How far an import is: under way, to be confirmed with all its rows, or its report."""
    batch = _batch(batch_id, "import.view")
    kind = import_kind(batch.kind)
    state = request.args.get("state", "")
    page = page_of(queries.rows_of(batch, state), size=PAGE_SIZE)
    return render_template(
        "imports/show.html",
        batch=batch,
        kind=kind,
        place_name=_place_name(batch),
        page=page,
        cells={row.id: queries.cells_of(row) for row in page.items},
        words=ROW_WORDS,
        stands=BATCH_WORDS,
        failed=queries.has_failed(batch),
        done=done_of(progress_of(batch.id)) if batch.is_under_way else 0,
        mine=batch.person_id == current_user.id,
        waiting_codes=codes.count(batch, now()),
    )


@bp.post("/<int:batch_id>/confirm")
@requires("import.act")
@shown_on(show)
def confirm(batch_id: int) -> Response:
    """Have all rows that are in order written, or none (确认导入)."""
    batch = _batch(batch_id, "import.act")
    leave_out = request.form.get("leave_out") == "yes"
    operations.confirm(batch, leave_out=leave_out, actor=_me(), now=now())
    return see_other(url_for("imports.show", batch_id=batch.id))


@bp.post("/<int:batch_id>/retry")
@requires("import.act")
def retry(batch_id: int) -> Response:
    """Have the worker try again what it gave up."""
    batch = _batch(batch_id, "import.act")
    operations.try_again(batch, actor=_me(), now=now())
    return see_other(url_for("imports.show", batch_id=batch.id))


@bp.post("/<int:batch_id>/drop")
@requires("import.act")
def drop(batch_id: int) -> Response:
    """Give an import up; nothing was written."""
    batch = _batch(batch_id, "import.act")
    operations.drop(batch, actor=_me(), now=now())
    flash("已放弃，没有写入任何内容", "success")
    own = import_kind(batch.kind).own
    return see_other(url_for(own.home if own else "imports.index"))


def _note(batch: ImportBatch, rows: int, what: str) -> None:
    note_export("import:exported", subject=("import", batch.id), rows=rows, list=what)


@bp.get("/<int:batch_id>/faulty")
@marks_viewed
@requires("import.act")
def faulty(batch_id: int) -> Response:
    """The faulty rows with their reasons, to be mended and handed in again."""
    batch = _batch(batch_id, "import.act")
    _note(batch, batch.faulty, "有误的行")
    sheet = faulty_sheet(import_kind(batch.kind), batch)
    return workbook_answer(f"{batch.file_name.rpartition('.')[0]}-有误的行", [sheet])


@bp.get("/<int:batch_id>/report")
@marks_viewed
@requires("import.view")
def report(batch_id: int) -> Response:
    """The reconciliation report (对账报告) as a file."""
    batch = _batch(batch_id, "import.view")
    kind = import_kind(batch.kind)
    _note(batch, batch.total, "对账报告")
    return workbook_answer(f"{kind.label}导入对账报告-{batch.id}", report_sheets(kind, batch))


@bp.post("/<int:batch_id>/codes")
@requires("import.act")
def activation_codes(batch_id: int) -> Response:
    """Make the activation codes of the accounts that nobody has entered yet, as a list."""
    batch = _batch(batch_id, "import.act")
    rows = codes.renew(batch, actor=_me(), now=now())
    sheet = Sheet("激活码", codes.HEADS, rows, codes.WIDTHS)
    return workbook_answer(f"激活码-{batch.id}", [sheet])


ICON = "file-earmark-arrow-up"
for group, role in (
    ("单位审核", "unit_admin"),
    ("评审组织", "organiser"),
    ("证书", "issuer"),
    ("系统管理", "system_admin"),
):
    add_entry(group, "批量导入", ICON, "imports.index", "import.list", roles={role}, order=80)
