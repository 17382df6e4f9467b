"""What every page shares: one transaction a request, refusals, headers, paging."""

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from flask import Flask, Response, current_app, g, redirect, render_template, request
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy import Select, func, select
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from app.core.clock import now
from app.core.crypto import instance_key
from app.core.db import current_transaction, db, transaction
from app.core.errors import (
    Conflict,
    DomainError,
    Forbidden,
    HandedOver,
    Invalid,
    NotFound,
    SignedOut,
    StalePage,
)
from app.core.faults import sent_fields
from app.core.permissions import Grant, role_allows, was_judged
from app.core.records import note_seen
from app.core.signed_out import SAFE_METHODS, ask_to_sign_in, lacks_session, wants_json

# What PostgreSQL calls them; SQLite raises OverflowError, and says UNIQUE in words.
NUMBER_TOO_LARGE, UNIQUE_BROKEN = "22003", "23505"
LAST_PAGE = 10**9
FILE_SENT, FORM_KEY = "file_sent", re.compile(r"[\w-]{1,40}", re.ASCII)
"""A short cookie that names the form whose answer was a file, and what such a name looks like."""
"""No list has as many pages, and every database counts to where the next begins."""
T = TypeVar("T")
V = TypeVar("V", bound=Callable[..., Any])

CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'self'; form-action 'self'"
)


class ZhipingApp(Flask):
    """Flask, with every request inside one transaction."""

    def __init__(self, *args: Any, **values: Any) -> None:
        """Start without anybody to tell about failures."""
        super().__init__(*args, **values)
        self.failure_notes: list[Callable[[Exception, datetime], None]] = []

    @property
    def secret_key(self) -> str | bytes:  # type: ignore[override]
        """The key of sessions, made at first use: looking at a folder makes no instance of it."""
        return self.config["SECRET_KEY"] or instance_key("session")

    def full_dispatch_request(self) -> Response:
        """Read in a reading transaction, write in a writing one; a refusal rolls back."""
        if request.endpoint == "static":
            return super().full_dispatch_request()
        self._receive()
        with transaction(write=self._writes()):
            return super().full_dispatch_request()

    def _receive(self) -> None:
        """Read what was sent before the transaction: a slow sender must not hold up the others."""
        if request.method in SAFE_METHODS or request.routing_exception is not None:
            return
        most = getattr(self.view_functions.get(request.endpoint or ""), "takes_bytes", None)
        # What cannot be read is refused within the transaction, where refusals are rendered.
        with contextlib.suppress(HTTPException):
            request.max_content_length = most or current_app.config["MAX_CONTENT_LENGTH"]
            _ = request.get_data() if most else request.form

    def _writes(self) -> bool:
        """Opening a task marks it as viewed; looking ahead (HEAD, prefetch) does not."""
        view = self.view_functions.get(request.endpoint or "")
        if request.method not in SAFE_METHODS:
            late = getattr(view, "writes_late", False)
            return not (late() if callable(late) else late)
        return is_looked_at() and getattr(view, "writes", False)

    def handle_user_exception(self, e: Exception) -> Any:
        """Undo what the request had written; then note the failure and render the refusal."""
        db.session.rollback()
        if request.endpoint == "static":
            # Files are served without a transaction; the page that says what is missing has one.
            with transaction(write=False):
                return super().handle_user_exception(e)
        if current_transaction().write:
            for note in self.failure_notes:
                note(e, now())
        return super().handle_user_exception(e)

    def handle_exception(self, e: Exception) -> Response:
        """Render what nobody expected, in a transaction that only reads."""
        with transaction(write=False):
            return super().handle_exception(e)


@dataclass(frozen=True)
class Page(Generic[T]):
    """A page of a list; `number` counts from 1. There may be `more` than the total counts."""

    items: Sequence[T]
    number: int
    size: int
    total: int
    more: bool = False

    @property
    def first(self) -> int:
        """Place of the first row shown, from 1; 0 when empty."""
        return (self.number - 1) * self.size + 1 if self.total else 0


def request_page() -> int:
    """Return the page number that the address asks for, at least 1 and so that it can be read."""
    return min(max(1, request.args.get("page", 1, type=int) or 1), LAST_PAGE)


def page_of(
    query: Select[tuple[T]],
    *,
    page: int | None = None,
    size: int = 20,
    most: int | None = None,
) -> Page[T]:
    """Run a select for one page of entities; a page past the end shows the last one.

    Of lists that may have millions of rows, give `most`: so many are counted and paged through,
    and who looks further narrows the search.
    """
    count = _count(query.order_by(None).limit(most + 1 if most else None))
    total = min(count, most or count)
    number = min(page or request_page(), max(1, -(-total // size)))
    items = db.session.scalars(query.limit(size).offset((number - 1) * size)).all()
    return Page(items, number, size, total, more=count > total)


def page_by_ids(query: Select[tuple[T]], *, page: int | None = None, size: int = 20) -> Page[T]:
    """Run a select for one page of entities, of which an index knows all that it asks for.

    The index is looked through once, to count and to find the page, and no other records are read
    than those that are shown.
    """
    number = page or request_page()
    id_ = query.column_descriptions[0]["entity"].id
    found = query.with_only_columns(id_, func.count().over())
    rows = db.session.execute(found.limit(size).offset((number - 1) * size)).tuples().all()
    if not rows and number > 1:
        last = -(-_count(query.with_only_columns(id_).order_by(None)) // size)
        return page_by_ids(query, page=max(1, last), size=size)
    items = db.session.scalars(query.where(id_.in_([row[0] for row in rows]))).all()
    return Page(items, number, size, rows[0][1] if rows else 0)


def _count(query: Select[Any]) -> int:
    return db.session.scalar(select(func.count()).select_from(query.subquery())) or 0


def page_from(found: Sequence[T], *, size: int = 20) -> Page[T]:
    """Return one page of what has been read whole; a page past the end shows the last one."""
    number = min(request_page(), max(1, -(-len(found) // size)))
    return Page(found[(number - 1) * size : number * size], number, size, len(found))


def is_looked_at() -> bool:
    """Tell whether somebody reads the page; a browser that looks ahead has read nothing."""
    return request.method == "GET" and "prefetch" not in request.headers.get("Sec-Purpose", "")


def noted(page: str, business_type: str, business_id: int) -> str:
    """Return a page that was drawn, and note that somebody read the record it shows.

    Last, for that writes: others would wait for the page to be drawn.
    """
    if is_looked_at():
        note_seen(business_type, business_id, current_user.id, now())
    return page


def marks_viewed(view: V) -> V:
    """Declare that reading this page writes that it was read."""
    view.writes = True  # type: ignore[attr-defined]
    return view


def writes_late(view: V) -> V:
    """Declare that this view prepares much and calls begin_writing itself."""
    view.writes_late = True  # type: ignore[attr-defined]
    return view


def note_late_writing(view: V, when: Callable[[], bool]) -> V:
    """Declare that this view prepares much and calls begin_writing itself in some requests."""
    view.writes_late = when  # type: ignore[attr-defined]
    return view


def safe_next(target: str | None, default: str) -> str:
    """Return a path of this site to go on to; anything else gives the default."""
    if not target or not target.startswith("/") or target.startswith("//"):
        return default
    # Browsers read \ as / and drop control characters: both could lead elsewhere.
    return target if target.isprintable() and "\\" not in target else default


def see_other(location: str) -> BaseResponse:
    """Redirect after a write (303), so that reloading repeats nothing."""
    return redirect(location, code=303)


def grants() -> tuple[Grant, ...]:
    """Return the live grants of the person of this request, loaded once."""
    if "grants" not in g:
        loader: Callable[..., Any] = current_app.extensions["zhiping.grants"]
        g.grants = tuple(loader(current_user.id, now())) if current_user.is_authenticated else ()
    return g.grants  # type: ignore[no-any-return]


def action_of(endpoint: str) -> str:
    """Return the action that an endpoint declares."""
    return str(vars(current_app.view_functions[endpoint])["action"])


def check_action() -> BaseResponse | None:
    """Refuse a request whose action none of the person's roles allows."""
    if request.endpoint is None or request.endpoint == "static":
        return None
    action = action_of(request.endpoint)
    roles = {grant.role for grant in grants()}
    if role_allows(action, roles, signed_in=current_user.is_authenticated):
        return None
    if not current_user.is_authenticated:
        return ask_to_sign_in()
    raise Forbidden(MESSAGES[403])


def check_subject(response: Response) -> Response:
    """Make sure that an action with a predicate was judged on its record."""
    if request.endpoint in {None, "static"} or response.status_code >= 400:
        return response
    action = action_of(request.endpoint or "")
    if not was_judged(action) and current_user.is_authenticated:
        msg = f"{request.endpoint} never authorized {action} on its record"
        raise RuntimeError(msg)
    return response


def undeclared_endpoints(app: Flask) -> list[str]:
    """Return endpoints that declare no action."""
    return [
        name
        for name, view in app.view_functions.items()
        if name != "static" and not hasattr(view, "action")
    ]


def add_headers(response: Response) -> Response:
    """Headers that every answer carries."""
    response.headers.setdefault("Content-Security-Policy", CSP)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    if request.endpoint != "static" or response.status_code >= 400:
        response.headers.setdefault("Cache-Control", "no-store")
        response.vary.add("Cookie")
    _mark_file(response)
    return response


def _mark_file(response: Response) -> None:
    """Tell the page of a form that its answer was a file: it stays, and its button wakes again.

    A script reads the mark and takes it away (assets/js/submit.js).
    """
    is_file = response.headers.get("Content-Disposition", "").startswith("attachment")
    # The form is read for files alone: what broke off on its way cannot be.
    key = request.form.get("request_key", "") if is_file and request.method == "POST" else ""
    if FORM_KEY.fullmatch(key):
        response.set_cookie(
            FILE_SENT, key, max_age=60, samesite="Strict", secure=request.is_secure
        )


TITLES = {
    400: "请求有误",
    401: "登录已失效",
    403: "没有权限",
    404: "页面不存在",
    405: "不支持的操作",
    409: "操作未完成",
    413: "文件过大",
    422: "内容有误",
    500: "系统出错",
    503: "暂时不可用",
}


def unless_down(read: Callable[[], T], otherwise: T) -> T:
    """Read what the frame of every page shows; a page of refusal does without the database."""
    try:
        return read()
    except SQLAlchemyError:
        if not g.get("refusing"):
            raise
        db.session.rollback()
        return otherwise


Refusal = tuple[str | dict[str, Any], int, dict[str, str]]


def refuse(error: DomainError) -> Refusal:
    """Render a refusal: JSON for scripts, else a page with the next step."""
    again = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    if wants_json():
        told = {"error": error.message, "errors": getattr(error, "errors", {})}
        return told, error.status, again
    g.refusing = True
    title = TITLES.get(error.status, "操作未完成")
    page = render_template(
        "errors/error.html",
        code=error.status,
        title=title,
        message=error.message,
        hint=error.hint,
        fields=sent_fields() if isinstance(error, SignedOut) else [],
        onward=error if isinstance(error, HandedOver) else None,
    )
    return page, error.status, again


MESSAGES = {
    400: "请求不完整或已过期，请返回上一页刷新后重试",
    403: "您没有访问此页面的权限",
    404: "地址有误、内容已被移除，或不在您的办理范围内",
    405: "此地址不支持该操作",
    413: "上传的内容超过限制，请压缩后重试",
    500: "系统出错，操作没有生效，请稍后重试；如多次出现请联系管理员",
}


def refuse_http(error: HTTPException) -> Any:
    """Render werkzeug's refusals in the same way."""
    code = error.code or 500
    if error.response is not None:
        return error.response
    if isinstance(error, CSRFError) and lacks_session(action_of(request.endpoint or "")):
        return refuse(SignedOut())
    if isinstance(error, CSRFError) and current_user.is_authenticated and sent_fields():
        return refuse(StalePage())
    described = DomainError(MESSAGES.get(code, DomainError.default))
    described.status = code
    return refuse(described)


def refuse_number(_error: Exception) -> Any:
    """No record has a number that the database cannot hold."""
    return refuse(NotFound(MESSAGES[404]))


def refuse_data(error: DataError) -> Any:
    """Refuse what a column cannot hold: a number that no record has, or a text too long."""
    if getattr(error.orig, "sqlstate", "") == NUMBER_TOO_LARGE:
        return refuse_number(error)
    return refuse(Invalid("填写的内容过长或含有无法保存的字符，请修改后重试"))


def refuse_second(error: IntegrityError) -> Any:
    """Two requests wanted the same at once, and a constraint let one of them; others are bugs."""
    told = str(error.orig)
    if getattr(error.orig, "sqlstate", "") != UNIQUE_BROKEN and "UNIQUE" not in told:
        raise error
    current_app.logger.warning("refused by a constraint: %s", told.splitlines()[0])
    return refuse(Conflict("刚刚已有相同的操作，请刷新页面查看最新状态"))


def init_http(app: Flask) -> None:
    """Wire requests: permission, headers and refusals."""
    app.before_request(check_action)
    app.after_request(add_headers)
    app.after_request(check_subject)
    app.register_error_handler(DomainError, refuse)
    app.register_error_handler(HTTPException, refuse_http)
    app.register_error_handler(OverflowError, refuse_number)
    app.register_error_handler(DataError, refuse_data)
    app.register_error_handler(IntegrityError, refuse_second)
