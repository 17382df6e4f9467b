"""岗位核准信息: entered once with the stamped table, then changed by a process only (FJ-U-22)."""

from collections.abc import Sequence

from flask import flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.core.brought import brings_files
from app.core.clock import now
from app.core.errors import Conflict, Invalid, NotFound
from app.core.faults import judged, show_faults
from app.core.http import page_of, see_other
from app.core.permissions import requires
from app.units import asking, posts
from app.units.code_lists import POST_LEVELS
from app.units.flow import flow_log
from app.units.forms import PostForm
from app.units.models import PENDING, RETURNED, Unit
from app.units.post_models import PostCount, PostSheet
from app.units.post_process import POSTS
from app.units.posts import PostLine
from app.units.vetting import AGAIN
from app.units.web import administered, bp

PAGE = "mend_posts"
STATES = {
    "pending": ("待审核", "warning"),
    "returned": ("已退回", "danger"),
    "in_force": ("生效", "success"),
    "replaced": ("已被替代", "secondary"),
    "dropped": ("已放弃", "secondary"),
}


def _counted() -> Unit:
    """Return the own unit, whose posts are counted; there is no such page for others."""
    unit = administered("unit.settings")
    if not unit.is_public_institution:
        raise NotFound
    return unit


@bp.get("/unit/posts")
@requires("unit.settings")
def post_sheets() -> str:
    """The unit's approved posts, what fills them, and the form of what is to come."""
    unit = _counted()
    asked = posts.waiting_sheet(unit.id)
    said = _numbers(asked.counts if asked else posts.lines_of(unit.id))
    if asked is not None and asked.status == RETURNED:
        said |= {"file": str(asked.file_id), "reason": asked.reason}
    return _page(PostForm(data=said), unit)


def _numbers(rows: Sequence[PostCount | PostLine]) -> dict[str, str]:
    """Return approved and filled posts as the form gives them: those that count, or are asked."""
    by_level = {row.level: row for row in rows}
    said = {}
    for number, level in enumerate(POST_LEVELS):
        if level in by_level:
            said[f"approved_{number}"] = str(by_level[level].approved)
            said[f"occupied_{number}"] = str(by_level[level].occupied)
    return said


def _page(form: PostForm, unit: Unit) -> str:
    asked, in_force = posts.waiting_sheet(unit.id), posts.sheet_in_force(unit.id)
    form.reason.flags.required = in_force is not None
    return render_template(
        "units/posts.html",
        unit=unit,
        form=form,
        levels=list(enumerate(POST_LEVELS)),
        lines=posts.lines_of(unit.id),
        sheet=in_force,
        asked=asked,
        locked=asked is not None and asked.status == PENDING,
        log=flow_log((POSTS, asked.id)) if asked else [],
        page=page_of(posts.sheets_of(unit.id), size=5),
        states=STATES,
    )


@bp.post("/unit/posts")
@requires("unit.settings")
@brings_files(lambda: _page(PostForm(request.form), _counted()), of=_counted)
def submit_posts() -> Response | tuple[str, int]:
    """Submit the posts: the first time they count at once, later the office above vets them."""
    unit, form, moment = _counted(), PostForm(request.form), now()
    asked = posts.waiting_sheet(unit.id)
    if asked is not None:
        asking.hold((POSTS, asked.id), asked)
    if judged(form, lambda: _check(unit, form)):
        try:
            sheet = posts.submit_sheet(unit, form.entry(), actor=current_user, now=moment)
        except Invalid as error:
            show_faults(form, error)
        else:
            if sheet.status == PENDING:
                _send(sheet, unit)
            waits = f"，等待{sheet.office.name}审核" if sheet.office else "，即日起生效"
            flash(f"岗位核准信息已提交{waits}", "success")
            return see_other(url_for("units.post_sheets", unit=unit.id))
    return _page(form, unit), 422


def _check(unit: Unit, form: PostForm) -> None:
    faults, _ = posts.faults_of(unit, form.entry(), current_user)
    if faults:
        raise Invalid(errors=faults)


def _send(sheet: PostSheet, unit: Unit) -> None:
    asking.send(
        "post_approval",
        (POSTS, sheet.id),
        PAGE,
        again={"decision": AGAIN},
        jurisdiction=unit.jurisdiction,
        actor_id=current_user.id,
        now=now(),
    )


@bp.post("/unit/posts/drop")
@requires("unit.settings")
def drop_posts() -> Response:
    """Give a returned change of posts up (放弃变更)."""
    unit = _counted()
    asked = posts.waiting_sheet(unit.id)
    given_up = asked is not None and asking.give_up(
        (POSTS, asked.id), asked, PAGE, actor_id=current_user.id, now=now()
    )
    if not given_up:
        raise Conflict("没有被退回的岗位信息变更")
    flash("已放弃岗位信息变更", "success")
    return see_other(url_for("units.post_sheets", unit=unit.id))
