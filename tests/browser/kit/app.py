"""A small application that shows every part of the kit, with a server that can be told to fail."""

import io
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flask import Flask, flash, redirect, render_template, request, send_file
from flask_wtf import CSRFProtect
from jinja2 import StrictUndefined
from PIL import Image

from app.core.assets import DIST, init_assets
from app.core.clock import ZONE
from app.core.faults import page_path
from app.core.http import CSP
from forms import build, parse

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SPEC = parse((HERE / "form.yaml").read_text("utf-8"), "kit")
STATES = [("待办", "warning"), ("审核中", "info"), ("已通过", "success"), ("已退回", "danger")]
UNITS = ["市第一人民医院", "江东机械制造有限公司", "江东理工大学"]
NAMES = ["王建国", "李秀英", "张伟", "刘洋", "陈静", "杨帆", "赵敏", "黄丽华", "周杰", "吴晓明"]


@dataclass
class Server:
    """What the server received, and how it is to answer."""

    saved: list[tuple[str, list[str], str]] = field(default_factory=list)
    posted: list[dict[str, list[str]]] = field(default_factory=list)
    failing: bool = False
    uploads: list[tuple[str, bytes]] = field(default_factory=list)


def a_menu() -> list[dict[str, Any]]:
    items = [("inbox", "我的待办", 12, True), ("check2-square", "我的已办", 0, False)]
    more = [("file-earmark-text", "申报管理"), ("people", "人员管理"), ("bar-chart", "统计报表")]
    return [
        {
            "label": "任务中心",
            "items": [
                {"icon": i, "label": text, "url": "/", "badge": n, "active": active}
                for i, text, n, active in items
            ],
        },
        {
            "label": "业务管理",
            "items": [
                {"icon": i, "label": text, "url": "/", "badge": 0, "active": False}
                for i, text in more
            ],
        },
    ]


def _rows() -> list[SimpleNamespace]:
    return [
        SimpleNamespace(
            number=f"ZC2026-{1000 + n}",
            name=name,
            unit=UNITS[n % 3],
            specialty="工程技术·机械",
            level="副高级",
            step="单位审核",
            due=f"2026-11-{20 + n}",
            due_tone=("danger", "warning")[n] if n < 2 else "",
            status=STATES[n % 4][0],
            tone=STATES[n % 4][1],
        )
        for n, name in enumerate(NAMES)
    ]


def _entries() -> list[dict[str, Any]]:
    return [
        {
            "at": datetime(2026, 11, 16, 9, 12, tzinfo=ZONE),
            "name": "填写申报材料",
            "role_name": "申报人",
            "actor_name": "李秀英",
            "outcome": "提交",
        },
        {
            "at": datetime(2026, 11, 17, 15, 40, tzinfo=ZONE),
            "name": "单位审核",
            "role_name": "单位经办人",
            "actor_name": "王建国",
            "outcome": "退回修改",
            "note": "继续教育学时证明缺 2025 年度。\n请补充后重新提交。",
        },
        {"at": None, "name": "补正材料", "role_name": "申报人", "open": True},
    ]


def kit_app() -> Flask:
    folders = [str(ROOT / "templates"), str(HERE / "templates")]
    app = Flask("kit", template_folder=folders[0], static_folder=str(DIST.parent))
    app.config.update(SECRET_KEY="kit", TESTING=True, SITE_NAME="职称申报评审平台")
    app.jinja_loader.searchpath.append(folders[1])  # type: ignore[union-attr]
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(request_key=lambda: "key", page_path=page_path, file_faults=dict)
    CSRFProtect(app)
    init_assets(app)
    app.extensions["kit"] = Server()
    me = SimpleNamespace(id=7, name="李审核", role_label="单位经办人")
    app.context_processor(lambda: {"me": me, "unread": 3, "menu": a_menu()})
    _pages(app, app.extensions["kit"])
    _services(app, app.extensions["kit"])

    @app.after_request
    def strict(response: Any) -> Any:
        response.headers["Content-Security-Policy"] = CSP
        return response

    return app


def _pages(app: Flask, server: Server) -> None:
    @app.get("/")
    def listing() -> str:
        page = SimpleNamespace(items=_rows(), number=1, size=10, total=128, more=False)
        return render_template("kit_list.html", page=page, total=128)

    @app.post("/bulk")
    def bulk() -> Any:
        server.posted.append(request.form.to_dict(flat=False))
        flash(f"已办理 {len(request.form.getlist('id'))} 项", "success")
        return redirect("/", 303)

    @app.route("/form", methods=["GET", "POST"])
    def form() -> Any:
        filled = build(SPEC)(request.form or None)
        if request.method == "POST":
            server.posted.append(request.form.to_dict(flat=False))
            if not filled.validate():
                return render_template("kit_form.html", form=filled, spec=SPEC), 422
            flash("已提交", "success")
            return redirect("/", 303)
        return render_template("kit_form.html", form=filled, spec=SPEC)

    @app.get("/flow")
    def flow() -> str:
        files = [
            {"id": 1, "name": "毕业证书.png", "size": 245000, "media_type": "image/png"},
            {"id": 2, "name": "业绩证明.pdf", "size": 1845000, "media_type": "application/pdf"},
        ]
        return render_template("kit_flow.html", files=files, entries=_entries())

    @app.get("/missing")
    def missing() -> Any:
        text = "地址有误、内容已被移除，或不在您的办理范围内"
        return render_template(
            "errors/error.html", code=404, title="页面不存在", message=text
        ), 404


def _services(app: Flask, server: Server) -> None:
    @app.post("/save")
    def save() -> Any:
        if server.failing:
            return {"error": "系统出错"}, 500
        name, values = request.form["name"], request.form.getlist("value")
        if name == "id_number" and len(values[0]) != 18:
            return {"errors": {name: ["请输入 18 位身份证号"]}}, 422
        server.saved.append((name, values, request.form["row_version"]))
        adjusted = {name: values[0].strip()} if name == "full_name" else {}
        return {"saved": True, "values": adjusted, "row_version": len(server.saved) + 1}

    @app.post("/files")
    def upload() -> Any:
        file = request.files["file"]
        if (file.filename or "").startswith("bad"):
            return {"error": "文件内容与扩展名不符"}, 422
        content = file.read()
        size = len(content)
        server.uploads.append((file.mimetype, content))
        return {
            "id": 100 + len(server.uploads),
            "name": file.filename,
            "size": size,
            "url": "/files/1",
        }

    @app.get("/files/<int:number>")
    def read(number: int) -> Any:
        picture = io.BytesIO()
        Image.new("RGB", (600, 400), (40, 90 + number, 160)).save(picture, "PNG")
        picture.seek(0)
        return send_file(picture, "image/png")

    @app.get("/sample.bpmn")
    def sample() -> Any:
        return send_file(HERE / "sample.bpmn", "application/xml")
