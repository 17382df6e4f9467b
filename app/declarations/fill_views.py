"""填报: what a declaration's pages write: autosave, import, attach, 修改专业, submit."""

from typing import Any

from flask import flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.catalogue import jurisdictions
from app.core import receiving, storage
from app.core.brought import are_there, brings_files
from app.core.clock import now
from app.core.db import begin_writing, db
from app.core.errors import Conflict, Invalid, NotFound, TooLarge
from app.core.faults import shown_on
from app.core.http import see_other, writes_late
from app.core.overtaken import disputes, overtaken
from app.core.permissions import requires
from app.core.repeats import answer_repeat
from app.core.signed_out import wants_json
from app.declarations import operations, queries, specs
from app.declarations.fill_pages import address, forms_of, policy_of, section_page
from app.declarations.models import STATUS_WORDS, Declaration, EntrySection, PriorTitle
from app.declarations.operations.attaching import slot_of
from app.declarations.operations.common import refuse_unless_editable
from app.declarations.operations.holding import HELD_TITLE
from app.declarations.web import bp, own
from app.engine import runtime


@bp.post("/declarations/<int:declaration_id>/autosave")
@requires("declaration.fill")
def autosave(declaration_id: int) -> dict[str, Any]:
    """Keep one field as soon as it was typed (自动保存)."""
    found = own(declaration_id, lock=True)
    name, values = request.form.get("name", ""), request.form.getlist("value")
    if _keep_mark(found, name, values[0] if values else ""):
        return {"saved": True}
    saved = operations.save_field(
        found,
        name,
        values,
        now=now(),
        row_version=request.form.get("row_version", type=int),
        beside=request.form.get("beside", ""),
    )
    return {
        "saved": True,
        "values": saved.values,
        "notice": saved.notice,
        "judged": saved.judged,
        "row_version": found.row_version,
    }


@bp.get("/declarations/<int:declaration_id>/autosave")
@requires("declaration.fill")
def kept(declaration_id: int) -> dict[str, Any]:
    """Return what is kept of 基本信息, for a page that another one has overtaken."""
    found = own(declaration_id)
    refuse_unless_editable(found)
    forms: Any = [form for form in forms_of(found) if form is not None]
    values = {field.name: field.texts() for form in forms for field in form}
    return {"row_version": found.row_version, "values": values}


def _keep_mark(found: Declaration, name: str, value: str) -> bool:
    """Keep what is said of an imported record (考核结果、学历标记); False for anything else."""
    if name.startswith("result-"):
        operations.set_result(found, _number(name.removeprefix("result-")), value)
        return True
    if name in {"highest", "qualifying"}:
        operations.set_education_flag(found, _number(value), name)
        return True
    return False


@bp.post("/declarations/<int:declaration_id>/fill/<section>")
@requires("declaration.fill")
@shown_on(lambda declaration_id, section: section_page(own(declaration_id), section))
def save_marks(declaration_id: int, section: str) -> Response:
    """Keep all that is said of the imported records, for browsers without scripts."""
    found = own(declaration_id, lock=True)
    if section not in queries.TYPES_OF_SECTION:
        raise NotFound
    for name, value in request.form.items():
        _keep_mark(found, name, value)
    flash("已保存", "success")
    return see_other(address(found, section))


def _number(text: str) -> int:
    if not text.isdecimal():
        raise NotFound("该记录不存在，请刷新页面")
    return int(text)


def _typed_basics(declaration_id: int) -> str:
    """基本信息 with what was typed."""
    found = own(declaration_id)
    refuse_unless_editable(found)
    return section_page(found, "basics")


@bp.post("/declarations/<int:declaration_id>/fill/basics")
@requires("declaration.fill")
@brings_files(_typed_basics, of=own)
def save_basics(declaration_id: int) -> str | Response | tuple[str, int]:
    """Keep the whole form of 基本信息 (保存个人信息)."""
    found = own(declaration_id, lock=True)
    if not found.is_editable:
        return _closed(found)
    # It is the account's, and in dispute with nothing of this page: the form brings it only once.
    errors = _keep_photo(found)
    said = disputes(
        operations.differing_fields(found, request.form),
        request.form,
        is_stale=request.form.get("row_version", found.row_version, type=int) != found.row_version,
    )
    if said.are_open:
        problem = overtaken("这份申报")
        return section_page(found, "basics", errors=errors, said=said, problem=problem), 409
    notice, faults = operations.save_form(found, request.form, but=said.given_up, now=now())
    errors |= faults
    if notice:
        flash(notice, "warning")
    if errors:
        return section_page(found, "basics", errors=errors, said=said), 422
    missing = specs.missing_labels(found)
    if missing:
        flash(f"已保存，还有必填项未填写：{'、'.join(missing)}", "warning")
    else:
        flash("已保存", "success")
    return see_other(address(found, "basics"))


def _closed(found: Declaration) -> tuple[str, int]:
    """Say that another page has sent the declaration up, with what was typed on this one."""
    page = render_template(
        "overtaken.html",
        message=f"这份申报现为“{STATUS_WORDS[found.status][0]}”，不能再修改，本页没有保存。",
        lost=operations.unsaved_fields(found, request.form),
        url=url_for("declarations.show", declaration_id=found.id),
        label="查看这份申报",
    )
    return page, Conflict.status


def _keep_photo(found: Declaration) -> dict[str, list[str]]:
    """Keep the photo that the form brought, and return its faults; a script has sent its own."""
    if not are_there():
        return {}
    try:
        operations.save_field(found, "photo", request.form.getlist("photo"), now=now())
    except Invalid as error:
        return error.errors
    return {}


@bp.post("/declarations/<int:declaration_id>/specialty")
@requires("declaration.fill")
def change_specialty(declaration_id: int) -> Response:
    """修改专业 within the plan."""
    found = own(declaration_id, lock=True)
    settings = jurisdictions.get(found.plan.jurisdiction)
    lost = operations.change_specialty(
        found,
        request.form.get("specialty_id", 0, type=int),
        keep_title=settings.change_of_specialty != "title",
        now=now(),
    )
    flash("申报专业已修改", "success")
    if lost:
        flash(f"评审标准随之变化，{lost} 条已导入的业绩不再适用，已移除，请重新导入", "warning")
    return see_other(address(found, "basics"))


@bp.post("/declarations/<int:declaration_id>/imports")
@requires("declaration.fill")
def import_items(declaration_id: int) -> Response:
    """Import approved portfolio items into a section or an item of the standard."""
    found = own(declaration_id, lock=True)
    item_id = request.form.get("standard_item_id", type=int)
    section = EntrySection.ITEM if item_id else request.form.get("section", "")
    if section not in {EntrySection.ITEM, HELD_TITLE, *queries.TYPES_OF_SECTION}:
        raise NotFound
    wanted = request.form.getlist("item_id", type=int)
    try:
        if section == HELD_TITLE:
            _tell_titles(found, operations.import_titles(found, wanted, now=now()))
        else:
            made = operations.import_items(
                found, section, wanted, standard_item_id=item_id, now=now()
            )
            flash(f"已导入 {len(made)} 条", "success")
    except Invalid as error:
        flash(error.message, "warning")
    return see_other(_back(found, section, item_id))


def _tell_titles(found: Declaration, made: list[PriorTitle]) -> None:
    """Say how many titles came, and what the portfolio does not know of them."""
    flash(f"已导入 {len(made)} 条", "success")
    for row in made:
        if lacking := specs.lacking_of(found, row):
            flash(f"“{row.data['title']}”还缺：{'、'.join(lacking)}，请点“编辑”补充", "warning")


def _back(found: Declaration, section: str, standard_item_id: int | None) -> str:
    if section == EntrySection.ITEM:
        return address(found, "merits", f"item-{standard_item_id}")
    if section == HELD_TITLE:
        return address(found, "basics", "titles")
    return address(found, section)


@bp.post("/declarations/<int:declaration_id>/entries/<int:entry_id>/<verb>")
@requires("declaration.fill")
def change_entry(declaration_id: int, entry_id: int, verb: str) -> Response:
    """Remove an import, or move it up or down."""
    found = own(declaration_id, lock=True)
    steps = {"up": -1, "down": 1}
    if verb == "remove":
        entry = operations.remove_entry(found, entry_id, now=now())
        flash("已移除，业绩库中的记录不受影响", "success")
    elif verb in steps:
        entry = operations.move_entry(found, entry_id, steps[verb])
    else:
        raise NotFound
    return see_other(_back(found, entry.section, entry.standard_item_id))


@bp.get("/declarations/<int:declaration_id>/files/<int:slot_id>")
@requires("declaration.fill")
def slot(declaration_id: int, slot_id: int) -> Response:
    """Lead to a slot: a refused upload leaves this address in the browser."""
    return see_other(address(own(declaration_id), "files", f"slot-{slot_id}"))


@bp.post("/declarations/<int:declaration_id>/files/<int:slot_id>")
@writes_late
@requires("declaration.fill")
def upload(declaration_id: int, slot_id: int) -> Response | dict[str, Any] | str | tuple[str, int]:
    """Take uploads into a slot; what it does not take is said beside it, on the page."""
    try:
        return _upload(declaration_id, slot_id)
    except (Invalid, TooLarge) as error:
        if wants_json():
            raise
        db.session.rollback()
        refused = {slot_id: error.message}
        return section_page(own(declaration_id), "files", refused=refused), error.status


def _upload(declaration_id: int, slot_id: int) -> Response | dict[str, Any]:
    """Clean the uploads first, since only then others must wait; keep all of them or none."""
    found = own(declaration_id)
    refuse_unless_editable(found)
    policy, owner_id = policy_of(slot_of(found, slot_id)), current_user.id
    sent = receiving.sent_as("file")
    if not sent:
        raise Invalid("请选择要上传的文件", field="file")
    prepared = [receiving.prepared(each, policy) for each in sent]
    begin_writing()
    repeated = answer_repeat()
    if repeated is not None:
        return repeated
    found = own(declaration_id, lock=True)
    for kept in prepared:
        stored = storage.lay(kept, owner_id=owner_id, now=now())
        operations.attach_file(found, slot_id, stored.id, now=now())
    if wants_json():
        url = f"/files/{stored.id}"
        return {"id": stored.id, "name": stored.name, "size": stored.size, "url": url}
    return see_other(address(found, "files", f"slot-{slot_id}"))


@bp.get("/declarations/<int:declaration_id>/attachments/<int:attachment_id>/<verb>")
@requires("declaration.fill")
def changed_file(declaration_id: int, attachment_id: int, verb: str) -> Response:
    """Lead to the attachments: a refused name leaves this address in the browser."""
    return see_other(address(own(declaration_id), "files"))


@bp.post("/declarations/<int:declaration_id>/attachments/<int:attachment_id>/<verb>")
@requires("declaration.fill")
@shown_on(lambda declaration_id, **_: section_page(own(declaration_id), "files"))
def change_file(declaration_id: int, attachment_id: int, verb: str) -> Response:
    """Rename or remove an attachment."""
    found = own(declaration_id, lock=True)
    if verb == "rename":
        name = request.form.get("name", "")
        file = operations.rename_file(found, attachment_id, name, now=now())
        flash(f"已重命名为 {file.name}", "success")
    elif verb == "remove":
        operations.remove_file(found, attachment_id, now=now())
        flash("附件已移除", "success")
    else:
        raise NotFound
    return see_other(address(found, "files"))


@bp.post("/declarations/<int:declaration_id>/submit")
@requires("declaration.fill")
def submit(declaration_id: int) -> str | Response | tuple[str, int]:
    """提交审核: the check, the deadline and the state are judged in this very transaction."""
    found = own(declaration_id)
    waiting = [i for i in queries.open_items_of(found.id) if i.node == "fill_declaration"]
    if not waiting:
        raise Conflict("该申报已提交，请勿重复提交")
    try:
        runtime.complete(waiting[0], {}, actor_id=current_user.id, now=now())
    except Invalid:
        return section_page(found, "submit", checked=True), 422
    flash("申报已提交，单位审核后会通知您", "success")
    return see_other(url_for("declarations.show", declaration_id=found.id))
