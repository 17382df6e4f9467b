"""个人业绩库: the pages of a person's portfolio."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flask import Blueprint, flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from app.core import brought
from app.core.clock import now
from app.core.db import begin_writing
from app.core.errors import Conflict, Invalid
from app.core.faults import shown_on
from app.core.http import noted, page_of, safe_next, see_other, writes_late
from app.core.menu import add_entry
from app.core.numbers import ids_in
from app.core.overtaken import overtaken
from app.core.permissions import requires
from app.core.repeats import answer_repeat
from app.core.signed_out import wants_json
from app.core.typed import texts_of
from app.engine import runtime
from app.portfolio import (
    adding,
    archive,
    attachments,
    beside_views,
    desk,
    duplicates,
    entry_views,
    item_types,
    listing_views,
    merging,
    operations,
    queries,
    reading,
    sent_files,
    several,
    sorting,
    statistics_views,
    version_views,
    vetting,
    withdrawal_views,
    withdrawals,
)
from app.portfolio.asked import item_for, offered
from app.portfolio.models import STATES, TONES, PortfolioItem
from app.units.flow import flow_log
from app.units.queries import open_binding, unit_of
from forms import AnswersForm, FormSpec, build

bp = Blueprint("portfolio", __name__)
bp.app_template_filter("when")(item_types.when_of)
archive.add_pages(bp)
beside_views.add_pages(bp)
desk.add_pages(bp)
version_views.add_pages(bp)
withdrawal_views.add_pages(bp)
adding.add_pages(bp)
listing_views.add_pages(bp)
entry_views.add_pages(bp)
statistics_views.add_pages(bp)
PAGE_SIZE = 10
SENT = "已提交审核，单位办理后会立即通知您"


@bp.get("/portfolio")
@requires("portfolio.list")
def index(told: several.Told | None = None) -> str:
    """个人业绩库: the tree with counts, and the items that match."""
    filters = archive.filters_from(request.args)
    found = queries.items_of(current_user.id, filters)
    items = sorting.in_order(found, request.args.get("sort", ""))
    page = page_of(queries.with_opinions(items), size=PAGE_SIZE)
    return render_template(
        "portfolio/index.html",
        tree=queries.tree_of_person(current_user.id),
        page=page,
        filters=filters,
        orders=sorting.ORDERS,
        years=queries.years_of(current_user.id),
        usages=queries.usages_of([item.id for item in page.items]),
        waiting=several.count(several.open_among(found)),
        most=several.LIMITS,
        told=told,
        **_common(),
    )


@bp.post("/portfolio")
@requires("portfolio.create")
@shown_on(index)
def do_many() -> Response | tuple[str, int]:
    """批量提交审核 and 批量删除草稿; the list names what was refused and why."""
    act = request.form.get("act", "")
    told = several.do_each(_chosen(), act, actor=current_user, now=now())
    if told.refused:
        return index(told), 422
    flash(told.summary, "success")
    return see_other(safe_next(request.form.get("next"), url_for("portfolio.index")))


def _chosen() -> list[int]:
    """Return the items that were ticked, or all open ones of the list, on other pages too.

    Raises Invalid when the list is no longer the one that was ticked as a whole.
    """
    if not request.form.get("all"):
        return [int(i) for i in request.form.getlist("id") if i.isdecimal()]
    found = several.open_among(
        queries.items_of(current_user.id, archive.filters_from(request.args))
    )
    there = several.count(found)
    if request.form.get("waiting", type=int) != there:
        raise Invalid(f"列表刚刚有变化，现有 {there} 项草稿和退回的业绩。请核对后再办理")
    return several.first_of(found, request.form.get("act", ""))


def _common() -> dict[str, Any]:
    return {
        "types": {kind.key: kind for kind in item_types.all_types()},
        "kind_of": item_types.of,
        "states": STATES,
        "tones": TONES,
        "unit": unit_of(current_user.id),
        "binding": open_binding(current_user.id),
        "lacking": queries.lacking_types(current_user.id),
    }


@bp.get("/portfolio/new")
@requires("portfolio.create")
def choose() -> str:
    """新增业绩: which type."""
    return render_template(
        "portfolio/choose.html", tree=queries.tree_of_person(current_user.id), **_common()
    )


@bp.get("/portfolio/new/<type_key>")
@requires("portfolio.create")
def prepare(type_key: str) -> str:
    """What a type asks for, before anything is begun."""
    return render_template("portfolio/prepare.html", kind=offered(type_key), **_common())


@bp.post("/portfolio/new/<type_key>")
@requires("portfolio.create")
def create(type_key: str) -> Response:
    """Begin an item: from here on every field is kept as it is typed."""
    item = operations.begin_item(offered(type_key).key, actor=current_user, now=now())
    return see_other(url_for("portfolio.show", item_id=item.id))


@bp.get("/portfolio/<int:item_id>")
@requires("portfolio.view")
def show(item_id: int) -> str:
    """An item: to be typed by its owner, or to be read."""
    item = item_for(item_id, "portfolio.view")
    if item.person_id == current_user.id and item.can_edit:
        return _edit_page(item, build(_spec(item))(data=operations.answers_of(item)))
    is_mine, task = item.person_id == current_user.id, archive.open_tasks([item.id]).get(item.id)
    page = render_template(
        "portfolio/show.html",
        item=item,
        evidence=reading.evidence_of(item),
        duplicates=duplicates.duplicates_shown_to(current_user, item.person_id, [item.id], now()),
        log=flow_log((operations.BUSINESS, item.id)),
        usages=queries.usages_of([item.id]).get(item.id, []),
        is_mine=is_mine,
        task=task,
        may_take_back=is_mine
        and runtime.may_withdraw((operations.BUSINESS, item.id), item.person_id),
        withdrawal=queries.last_withdrawal(item.id),
        reviewer=vetting.reviewer_of(item, now()),
        **_common(),
    )
    withdrawal_views.note_opened(task)
    return noted(page, operations.BUSINESS, item_id)


def _spec(item: PortfolioItem) -> FormSpec:
    return item_types.form_of(item_types.get(item.type_key), item.person, now())


def _edit_page(item: PortfolioItem, form: AnswersForm, problem: str = "") -> str:
    kind = item_types.get(item.type_key)
    return render_template(
        "portfolio/edit.html",
        item=item,
        kind=kind,
        form=form,
        problem=problem,
        is_outdated=item.type_version not in {None, kind.version},
        slots={slot.name: slot for slot in reading.slots_of(kind, reading.file_rows(item))},
        rounds=reading.rounds_of(item.submissions),
        log=flow_log((operations.BUSINESS, item.id)),
        **_common(),
    )


@bp.post("/portfolio/<int:item_id>")
@writes_late
@requires("portfolio.edit")
def save(item_id: int) -> Response | tuple[str, int]:
    """Keep the whole form, and submit it when 提交审核 was pressed.

    A page without scripts sends files with it; others wait only once these are cleaned.
    """
    sent = sent_files.NONE
    if brought.are_there():
        sent = sent_files.cleaned(item_for(item_id, "portfolio.edit"), actor=current_user)
    begin_writing()
    return answer_repeat() or _save(item_id, sent)


def _save(item_id: int, sent: sent_files.Sent) -> Response | tuple[str, int]:
    wants_review = request.form.get("decision") == "submit"
    item = _locked(item_id, sends_on=wants_review)
    if not item.can_edit:
        return _closed(item)
    form, disputes = build(_spec(item))(request.form), merging.disputes_in(item, request.form)
    disputes.show_on(form)
    if disputes.are_open:
        told = {**disputes.told, **sent.lost}
        return _edit_page(item, _with_faults(form, told), overtaken("这项业绩")), 409
    try:
        faults = _keep(item, request.form, sent, but=disputes.given_up)
        if wants_review and not faults:
            operations.submit_item(item, actor=current_user, now=now())
        elif wants_review:
            faults = {**operations.faults_of(item, now()), **_whole(form, faults)}
    except Invalid as error:
        faults = error.errors or {"": [error.message]}
    except Conflict as error:
        return _edit_page(item, form, error.message), error.status
    if faults:
        return _edit_page(item, _with_faults(form, faults)), 422
    flash(SENT if wants_review else "已保存草稿", "success")
    target = "portfolio.index" if wants_review else "portfolio.show"
    return see_other(url_for(target, item_id=None if wants_review else item.id))


def _closed(item: PortfolioItem) -> tuple[str, int]:
    """Say that another page has sent the item on, with what was typed on this one."""
    page = render_template(
        "overtaken.html",
        message=f"这项业绩现为“{STATES[item.status]}”，不能再修改。本页没有保存，也没有提交。",
        lost=merging.unsaved_in(item, request.form),
        url=url_for("portfolio.show", item_id=item.id),
        label="查看这项业绩",
    )
    return page, Conflict.status


def _locked(item_id: int, *, sends_on: bool) -> PortfolioItem:
    """Lock an item; its process comes first where it is sent on, as in every step."""
    if sends_on:
        runtime.hold((operations.BUSINESS, item_id))
    return item_for(item_id, "portfolio.edit", for_update=True)


def _keep(
    item: PortfolioItem,
    posted: MultiDict[str, str],
    sent: sent_files.Sent,
    *,
    but: Collection[str],
) -> dict[str, list[str]]:
    kind = item_types.get(item.type_key)
    form = build(kind.form.optional())(posted)
    names = [field.name for field in item_types.fields_of(kind) if field.name not in but]
    values = {name: _value(form, name, posted) for name in names}
    faults = operations.save_fields(item, values, actor=current_user, now=now())
    removed = ids_in(posted.getlist("remove"))
    for slot in kind.slots:
        ids = [i for i in ids_in(posted.getlist(slot.name)) if i not in removed]
        attachments.place_files(item, slot.name, ids, actor=current_user, now=now())
    return {**faults, **sent_files.attach(item, sent, actor=current_user, now=now())}


def _whole(form: Any, faults: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the faults with all that the form says of a table: its rows have several.

    Nothing else is judged by it: files that came beside the form are in the item, not in it.
    """
    tables = [name for name in faults if name in form and form[name].spec.type == "rows"]
    for name in tables:
        form[name].validate(form)
    told = {name: texts_of(form[name]) or faults[name] for name in tables}
    return {**faults, **told}


def _value(form: AnswersForm, name: str, posted: MultiDict[str, str]) -> Any:
    """Return the answer, or the text as it was typed where no answer can be read from it."""
    field: Any = form[name]
    if field.spec.type == "rows":
        return json.loads(field.texts()[0])
    return posted.get(name) if field.process_errors else field.to_json()


def _with_faults(form: AnswersForm, faults: Mapping[str, Sequence[str]]) -> AnswersForm:
    for name, texts in faults.items():
        if name in form:
            # The cells of a table that was read through say it themselves.
            if not any(row.errors for row in getattr(form[name], "entries", ())):
                form[name].errors = list(texts)
        else:
            form.form_errors = [*form.form_errors, *texts]
    return form


@bp.post("/portfolio/<int:item_id>/files/<slot>/<int:file_id>/name")
@requires("portfolio.edit")
@shown_on(lambda item_id, slot, file_id: show(item_id))
def rename(item_id: int, slot: str, file_id: int) -> Response | dict[str, Any]:
    """Give an attachment another name."""
    item = item_for(item_id, "portfolio.edit", for_update=True)
    typed = request.form.get("name", "")
    file = attachments.rename_file(item, slot, file_id, typed, actor=current_user, now=now())
    if wants_json():
        return {"name": file.name}
    flash("附件已重命名", "success")
    return see_other(url_for("portfolio.show", item_id=item.id))


@bp.post("/portfolio/<int:item_id>/delete")
@requires("portfolio.edit")
def delete(item_id: int) -> Response:
    """Delete a draft."""
    item = item_for(item_id, "portfolio.edit", for_update=True)
    operations.delete_item(item, actor=current_user, now=now())
    flash("草稿已删除", "success")
    return see_other(url_for("portfolio.index"))


@bp.post("/portfolio/<int:item_id>/copy")
@requires("portfolio.edit")
def copy(item_id: int) -> Response:
    """Begin another item with the same content."""
    item = item_for(item_id, "portfolio.edit")
    twin = operations.copy_item(item, actor=current_user, now=now())
    flash("已复制为新的草稿，请修改后提交", "success")
    return see_other(url_for("portfolio.show", item_id=twin.id))


@bp.post("/portfolio/<int:item_id>/withdraw")
@requires("portfolio.edit")
@shown_on(show)
def withdraw(item_id: int) -> Response:
    """Ask the unit to open an approved item for change (撤回申请)."""
    item = item_for(item_id, "portfolio.edit", for_update=True)
    reason = request.form.get("reason", "")
    withdrawals.request_withdrawal(item, reason, actor=current_user, now=now())
    flash("撤回申请已提交，单位同意后即可修改", "success")
    return see_other(url_for("portfolio.show", item_id=item.id))


add_entry("个人申报", "个人业绩库", "collection", "portfolio.index", "portfolio.list")
add_entry("单位审核", "业绩档案", "archive", "portfolio.archive", "portfolio.archive")
add_entry("个人申报", "业绩统计", "bar-chart", "portfolio.person_statistics", "portfolio.list")
add_entry(
    "单位审核", "单位业绩统计", "bar-chart", "portfolio.unit_statistics", "portfolio.archive"
)
