"""填报: the pages of a declaration's sections, with the marks of the check beside them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flask import render_template, request, url_for
from werkzeug.wrappers import Response

from app.catalogue import jurisdictions
from app.core.clock import now
from app.core.errors import Conflict, NotFound
from app.core.http import see_other
from app.core.overtaken import Disputes
from app.core.permissions import requires
from app.core.uploads import Policy, register_policy
from app.declarations import facts, operations, overview, queries, specs
from app.declarations.defects import Located, located
from app.declarations.holdings import Holdings, held_now
from app.declarations.models import Declaration
from app.declarations.operations.holding import HELD_TITLE
from app.declarations.operations.importing import RESULTS
from app.declarations.web import bp, own
from app.plans.models import PlanSlot
from app.portfolio.models import ItemVersion
from app.portfolio.queries import approved_items
from forms import AnswersForm, build
from rules.report import Report

NAVIGATION = (
    (
        "个人信息",
        (
            ("basics", "基本信息"),
            ("work", "工作经历"),
            ("education", "学历教育"),
            ("training", "继续教育"),
            ("assessment", "年度考核"),
            ("files", "附件上传"),
        ),
    ),
    ("申报业绩", (("merits", "申报业绩"),)),
    ("结果一览表", (("attachments", "附件一览表"), ("overview", "申报一览表"))),
    ("提交审核", (("submit", "提交审核"),)),
)
SECTIONS = {key: title for _group, lines in NAVIGATION for key, title in lines}
ORDER = list(SECTIONS)
HINTS = {
    "work": "导入业绩库中已通过单位审核的工作经历。导入的内容不能在此修改，只能移除后重新导入。",
    "education": "导入后请设定学历标记。",
    "training": "导入业绩库中已通过单位审核的继续教育记录。",
    "assessment": "导入后请逐条选择考核结果。",
}
Page = dict[str, Any]


def section_of(anchor: str) -> str:
    """Return the section of the page where a row of the check is mended."""
    return "merits" if anchor.startswith("item:") else anchor if anchor in SECTIONS else "basics"


def marks_of(report: Report) -> dict[str, bool]:
    """Return for each checked section whether it is complete."""
    marks: dict[str, bool] = {}
    for row in report.rows:
        section = section_of(row.anchor)
        marks[section] = marks.get(section, True) and row.passed
    return marks


@bp.get("/declarations/<int:declaration_id>/fill")
@requires("declaration.fill")
def fill(declaration_id: int) -> Response:
    """Lead to the first section."""
    found = own(declaration_id)
    if not found.is_editable:
        return see_other(url_for("declarations.show", declaration_id=found.id))
    return see_other(address(found, "basics"))


def address(found: Declaration, section: str, anchor: str = "") -> str:
    """Return the address of a section, and a place in it."""
    target = "declarations.section"
    return url_for(target, declaration_id=found.id, section=section, _anchor=anchor or None)


@bp.get("/declarations/<int:declaration_id>/fill/<section>")
@requires("declaration.fill")
def section(declaration_id: int, section: str) -> str | Response:
    """One section of the declaration."""
    found = own(declaration_id)
    if section not in SECTIONS:
        raise NotFound
    if not found.is_editable:
        return see_other(url_for("declarations.show", declaration_id=found.id))
    return section_page(found, section)


def section_page(
    found: Declaration,
    section: str,
    *,
    errors: Mapping[str, list[str]] | None = None,
    said: Disputes | None = None,
    **more: Any,
) -> str:
    """Render a section with the marks of the check; `errors` and `said` stand at their fields."""
    held = held_now(found)
    report = facts.check(found, held, now=now())
    place = ORDER.index(section)
    template = section if section not in queries.TYPES_OF_SECTION else "entries"
    page = {**PAGES[template](held, section), **more}
    defects = located(found, queries.open_defects(found.id))
    forms = [form for form in (page.get("personal"), page.get("teaching")) if form]
    (said or Disputes()).show_on(*forms)
    _show_at_fields(forms, errors or {}, defects)
    return render_template(
        f"declarations/fill/{template}.html",
        declaration=found,
        section=section,
        navigation=NAVIGATION,
        marks=marks_of(report),
        report=report,
        defects=defects,
        told=told_of(defects),
        before=ORDER[place - 1] if place else None,
        after=ORDER[place + 1] if place + 1 < len(ORDER) else None,
        titles=SECTIONS,
        hint=HINTS.get(section, ""),
        last_moment=operations.last_moment(found),
        **page,
    )


def _show_at_fields(
    forms: Sequence[Any], errors: Mapping[str, list[str]], defects: Sequence[Located]
) -> None:
    """Put what was refused just now and what the offices said at the fields it is about."""
    told = told_of(defects)
    for form in forms:
        for name, texts in errors.items():
            if name in form:
                form[name].errors = texts
        for each in defects:
            if each.defect.field in form:
                form[each.defect.field].notes = told[each.anchor]


def told_of(defects: Sequence[Located]) -> dict[str, list[str]]:
    """Return what the offices said, by the place of the pages beside which it stands."""
    told: dict[str, list[str]] = {}
    for each in defects:
        text = (
            f"{each.defect.text}（{each.defect.remedy}）"
            if each.defect.remedy
            else each.defect.text
        )
        told.setdefault(each.anchor, []).append(f"{each.defect.unit.name}：{text}")
    return told


def forms_of(found: Declaration) -> tuple[AnswersForm, AnswersForm | None]:
    """Return the forms with what is stored, or with what was posted just now."""
    teaching = specs.teaching_form(found)
    posted = request.form if request.method == "POST" and request.form else None
    return (
        build(specs.held_to(specs.personal_form(found), found, now()))(
            posted, data=found.personal
        ),
        build(specs.held_to(teaching, found, now()))(posted, data=found.teaching)
        if teaching
        else None,
    )


def _basics(held: Holdings, _section: str) -> Page:
    found = held.declaration
    personal, teaching = forms_of(found)
    settings = jurisdictions.get(found.plan.jurisdiction)
    return {
        "declared": overview.declared_of(held),
        "personal_spec": specs.personal_form(found),
        "personal": personal,
        "teaching_spec": specs.teaching_form(found),
        "teaching": teaching,
        "prior_titles": held.titles,
        "lacking": {row.id: specs.lacking_of(held, row) for row in held.titles},
        "older": held.older,
        "held_titles": _titles_to_import(held),
        "photo": held.photo,
        "specialties": [
            each
            for each in found.plan.specialties
            if settings.change_of_specialty == "title" or each.title_id == found.title_id
        ],
        "problem": "",
        "needs_titles": found.unit.is_public_institution,
    }


def _entries(held: Holdings, section: str) -> Page:
    types = queries.types_for(section, None)
    settings = jurisdictions.get(held.plan.jurisdiction)
    return {
        "block": overview.block_of_part(held, section),
        "importable": _importable(held, types),
        "results": RESULTS,
        "asks_qualifying": settings.education_flag == "qualifying",
    }


def _titles_to_import(held: Holdings) -> list[ItemVersion]:
    taken = {row.item_id for row in held.titles}
    approved = approved_items(held.person.id, (HELD_TITLE,))
    return [version for version in approved if version.item_id not in taken]


def _importable(held: Holdings, type_keys: Iterable[str]) -> list[ItemVersion]:
    return queries.importable_items(held.declaration, type_keys, held.entries)


def _merits(held: Holdings, _section: str) -> Page:
    blocks = overview.blocks_of_standard(held)
    items = [group.item for block in blocks for group in block.groups if group.item]
    approved = _importable(held, {key for item in items for key in item.accepts})
    offers = {item.id: [v for v in approved if v.type_key in item.accepts] for item in items}
    return {"blocks": blocks, "offers": offers}


def _files(held: Holdings, _section: str) -> Page:
    slots = [(slot, [f for f in held.files if f.slot_id == slot.id]) for slot in held.plan.slots]
    describe = {"describe": lambda slot: policy_of(slot).describe()}
    return {"slots": slots, "refused": {}, **describe}


def _overview(held: Holdings, _section: str) -> Page:
    return {"overview": overview.overview_of(held)}


def _submit(held: Holdings, _section: str) -> Page:
    checked = bool(request.args.get("checked"))
    return {"checked": checked, "section_of": section_of, "problem": _lateness(held.declaration)}


def _lateness(found: Declaration) -> str:
    held = facts.faults_of_choice(found.person_id, found.plan, found.title)
    if held:
        return "；".join(held)
    try:
        operations.check_deadline(found, now())
    except Conflict as error:
        return error.message
    return ""


PAGES: dict[str, Callable[[Holdings, str], Page]] = {
    "basics": _basics,
    "entries": _entries,
    "merits": _merits,
    "files": _files,
    "attachments": _overview,
    "overview": _overview,
    "submit": _submit,
}


def policy_of(slot: PlanSlot) -> Policy:
    """Return what a slot accepts."""
    return Policy(tuple(slot.types), slot.max_bytes, slot.max_count)


PRIOR_TITLE_POLICY = Policy(types=("jpg", "docx"), max_count=10)
register_policy({"prior_title": PRIOR_TITLE_POLICY}.get)
