"""信息记录与导出: what is known of the person, who looked at it, all of it as a file."""

from flask import flash, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db
from app.core.http import page_of, see_other
from app.core.menu import add_entry
from app.core.permissions import requires
from app.people import exports, known, sight
from app.people.models import ExportStatus
from app.people.web import bp

PAGE_SIZE = 15


@bp.get("/account/data")
@requires("account.profile")
def data() -> str:
    """All records of the person by kind, who read their files, and their exports."""
    page = page_of(sight.sights_of(current_user.id), size=PAGE_SIZE)
    made = exports.exports_of(current_user.id)
    return render_template(
        "people/data.html",
        counts=known.counts_of(current_user.id),
        page=page,
        sights=sight.told(list(page.items)),
        exports=made,
        failed={export.id for export in made if exports.has_failed(export)},
        waiting=any(export.status == ExportStatus.WAITING for export in made),
    )


@bp.post("/account/data/export")
@requires("account.profile")
def export_data() -> Response:
    """Have everything made into one file."""
    person: Person = db.session.get_one(Person, current_user.id)
    exports.request_export(person, now=now())
    flash("已开始生成，完成后会通知您，文件保留 7 天", "success")
    return see_other(url_for("people.data"))


add_entry("工作台", "信息记录与导出", "database", "people.data", "account.profile", order=55)
