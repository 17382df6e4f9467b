"""平台入口: the lasting addresses that a department's own site links to (AH-P-01)."""

from flask import current_app, render_template, url_for

from app.accounts.qr import qr_square
from app.admin.views import bp
from app.core.menu import add_entry
from app.core.permissions import requires

ENTRIES = (
    ("所有人", "首页", "site.home"),
    ("所有人", "登录", "accounts.login"),
    ("所有人", "证书查询", "certificates.verify"),
    ("申报人", "职称申报", "declarations.index"),
    ("申报人", "个人注册", "people.registration"),
    ("单位、审核部门和评审专家", "待办任务", "inbox.tasks"),
    ("单位", "单位注册", "units.registration"),
)
"""Whom a page is for, what it is called, its endpoint. Who is not signed in is led through it."""


@bp.get("/entries")
@requires("site.entries")
def entries() -> str:
    """What to put on the department's site, for each kind of user: address, link, QR code."""
    base = str(current_app.config["PUBLIC_URL"]).rstrip("/")
    found = [(who, label, base + url_for(endpoint)) for who, label, endpoint in ENTRIES]
    rows = [(*entry, qr_square(entry[-1])) for entry in found]
    return render_template("admin/entries.html", rows=rows)


add_entry("系统管理", "平台入口", "signpost-2", "admin.entries", "site.entries", order=58)
