"""Building the application: settings, rooms, and the checks that stop a wrong start."""

import importlib
import os
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask, request
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined
from markupsafe import Markup
from werkzeug.middleware.proxy_fix import ProxyFix

from app import cli
from app.core import faults, http
from app.core.assets import init_assets
from app.core.blobs import place_of
from app.core.brought import init_brought
from app.core.clock import now
from app.core.db import db
from app.core.mail import MailFolder, server_of
from app.core.permissions import unregistered_predicates
from app.core.repeats import init_repeats
from app.demo.show import is_demo
from app.engine import incidents
from app.inbox.menu import init_menu
from forms import period

ROOT = Path(__file__).resolve().parents[1]
# The words of the public menu, the page each leads to, and where else it is the current one.
PUBLIC_MENU = (
    ("首页", "/"),
    ("通知公告", "/notices"),
    ("政策文件", "/policies"),
    ("评审计划", "/plans"),
    ("公示", "/publicity", "/objections"),
    ("证书查询", "/verify"),
    ("单位注册", "/unit/register"),
)
ROOMS = (
    "accounts",
    "imports",
    "units",
    "catalogue",
    "site",
    "openid",
    "people",
    "notices",
    "portfolio",
    "committees",
    "plans",
    "declarations",
    "experts",
    "review",
    "results",
    "certificates",
    "papers",
    "inbox",
    "studio",
    "admin",
)


# The server's eight threads and the worker's: a file of SQLite is slow to open and to close.
CONNECTIONS = 10


class WrongStart(RuntimeError):
    """The code does not hold together: an endpoint without an action, say."""


def create_app(instance_path: str | None = None, **settings: Any) -> http.ZhipingApp:
    """Return the application; `settings` override the instance's config.py."""
    folder = Path(instance_path or os.environ.get("INSTANCE") or ROOT / "instance").resolve()
    app = http.ZhipingApp(
        "app",
        instance_path=str(folder),
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "app" / "static"),
    )
    _configure(app, folder, settings)
    db.init_app(app)
    _init_migrations(app, folder)
    CSRFProtect(app)
    _init_sign_in(app)
    http.init_http(app)
    init_repeats(app)
    faults.init_faults(app)
    init_brought(app)
    init_assets(app)
    _init_templates(app)
    _register_rooms(app)
    init_menu(app)
    app.failure_notes.append(incidents.note_failed_step)
    cli.register(app)
    _check(app)
    return app


def _init_migrations(app: Flask, folder: Path) -> None:
    """Let the database be made where there is no folder for it yet."""
    migrate = Migrate(app, db, directory=str(ROOT / "app" / "migrations"), compare_type=True)

    @migrate.configure  # type: ignore[untyped-decorator]
    def make_room(config: Any) -> Any:
        folder.mkdir(parents=True, exist_ok=True)
        return config


def _configure(app: Flask, folder: Path, settings: dict[str, Any]) -> None:
    app.config.update(
        SQLALCHEMY_DATABASE_URI=database_url(folder),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_NAME="zhiping",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=8),
        SESSION_REFRESH_EACH_REQUEST=False,
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(days=365),  # built files have hashed names
        MAX_CONTENT_LENGTH=64 * 2**20,
        MAX_FORM_MEMORY_SIZE=2 * 2**20,
        WTF_CSRF_TIME_LIMIT=None,
        PUBLIC_URL=os.environ.get("PUBLIC_URL", "http://127.0.0.1:8000"),
        TRUSTED_PROXIES=int(os.environ.get("TRUSTED_PROXIES", "0")),
        MAIL_SERVER=server_of(os.environ) or _letters_of_demo(folder),
        # Files lie in the instance's folder, or in an S3-compatible store.
        FILES_S3=place_of(os.environ),
        # Whether a provider of identities may stand on this very machine, without TLS (trials).
        OPENID_LOCAL=False,
        # What the platform is called on its pages, such as the name of its province before it.
        SITE_NAME=os.environ.get("SITE_NAME", "职称申报评审平台"),
    )
    app.config.from_pyfile(str(folder / "config.py"), silent=True)
    app.config.update(settings)
    proxies = app.config["TRUSTED_PROXIES"]
    if proxies:
        # Behind proxies the lockout by address must see the visitor, not the proxy.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=0
        )
    # A server that was restarted is noticed before a request fails on it.
    is_sqlite = app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite")
    pool = {"pool_size": CONNECTIONS, "pool_pre_ping": not is_sqlite}
    app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", pool)
    app.config["SESSION_COOKIE_SECURE"] |= app.config["PUBLIC_URL"].startswith("https://")
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def _letters_of_demo(folder: Path) -> MailFolder | None:
    """Return where the letters of a demonstration without a mail server lie; None otherwise."""
    return MailFolder(folder / "mail") if is_demo(folder) else None


def database_url(folder: Path) -> str:
    """Return DATABASE_URL, with the driver we install, or the instance's SQLite file."""
    url = os.environ.get("DATABASE_URL") or f"sqlite:///{folder / 'zhiping.db'}"
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _init_sign_in(app: Flask) -> None:
    from app.accounts import queries, sessions  # noqa: PLC0415 - rooms are wired here

    # Templates know the person as `me`; a page of refusal is rendered without a database too.
    login = LoginManager(app, add_context_processor=False)
    login.session_protection = None
    login.user_loader(sessions.load_person)
    app.extensions["zhiping.grants"] = queries.live_grants


def _init_templates(app: Flask) -> None:
    app.jinja_env.filters.update(
        day=_day, moment=_moment, whole_days=_whole_days, filesize=_filesize, period=period
    )

    def common() -> dict[str, Any]:
        return {
            "now": http.unless_down(now, None),
            "public_menu": [
                {"label": label, "url": places[0], "active": _is_at(places)}
                for label, *places in PUBLIC_MENU
            ],
        }

    app.context_processor(common)


def _is_at(places: list[str]) -> bool:
    """Tell whether the page of this request is one of these, or lies below one of them."""
    return any(
        request.path == place or (place != "/" and request.path.startswith(f"{place}/"))
        for place in places
    )


def _day(value: Any) -> str:
    return value.strftime("%Y-%m-%d") if value else ""


def _moment(value: datetime | None) -> str:
    return value.strftime("%Y-%m-%d %H:%M") if value else ""


_DAY = re.compile(r"(\d{4}-\d{2}-\d{2}(?: \d{2}:\d{2})?)")
_WHOLE = Markup('<span class="text-nowrap">{}</span>')


def _whole_days(text: str) -> Markup:
    """Return a sentence whose days and times stay on one line each: browsers break at hyphens."""
    parts = enumerate(_DAY.split(text))
    return Markup("").join(_WHOLE.format(part) if at % 2 else part for at, part in parts)


def _filesize(size: int) -> str:
    return f"{size / 2**20:.1f} MB" if size >= 2**20 else f"{max(1, size // 1024)} KB"


def _register_rooms(app: Flask) -> None:
    """Import every room's process and views; a room may lack either."""
    for room in ROOMS:
        for part in ("models", "process", "views"):
            if not (ROOT / "app" / room / f"{part}.py").exists():
                continue
            module = importlib.import_module(f"app.{room}.{part}")
            if part == "views":
                app.register_blueprint(module.bp)


def _check(app: Flask) -> None:
    undeclared = http.undeclared_endpoints(app)
    if undeclared:
        msg = f"endpoints without an action: {', '.join(undeclared)}"
        raise WrongStart(msg)
    missing = unregistered_predicates()
    if missing:
        msg = f"predicates that no room registered: {', '.join(sorted(missing))}"
        raise WrongStart(msg)
