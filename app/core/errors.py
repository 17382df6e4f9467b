"""Refusals that people read: each has a status code and a Chinese message."""

import re
from collections.abc import Callable, Mapping, Sequence


class DomainError(Exception):
    """An act that the rules refuse. The message is shown as it is."""

    status = 400

    default = "操作未能完成"
    # What to do next, where the page of the status would say something else.
    hint = ""
    # After how many seconds the same request may well succeed; None: asking again is no use.
    retry_after: int | None = None

    def __init__(self, message: str = "", *, field: str | None = None, hint: str = "") -> None:
        """Keep the message and, if known, the form field it belongs to and what to do next."""
        super().__init__(message or self.default)
        self.message = message or self.default
        self.field = field
        self.hint = hint or self.hint


class NotFound(DomainError):
    """No such record, or none that this person may know of."""

    status = 404
    default = "您访问的内容不存在，或已被移除"


class Forbidden(DomainError):
    """The person may not do this."""

    status = 403
    default = "您没有办理此事项的权限"


class SignedOut(DomainError):
    """What was sent came after the session had ended (登录已失效)."""

    status = 401
    default = "登录已失效，刚才提交的内容没有保存"


class StalePage(SignedOut):
    """What was sent came from a page that an earlier session had opened."""

    status = 400
    default = "本页打开后重新登录过，刚才提交的内容没有保存"


class Conflict(DomainError):
    """The record is in another state than the act needs."""

    status = 409
    default = "当前状态不允许此操作"


class StaleTask(Conflict):
    """The task has been done, withdrawn or cancelled meanwhile."""

    default = "该任务已被办理或撤回，请刷新后查看最新状态"


class HandedOver(StaleTask):
    """The task is somebody else's by now; `url` is where the person goes on, `label` its name."""

    def __init__(self, message: str, *, url: str, label: str) -> None:
        """Keep what is said, and where to go."""
        super().__init__(message)
        self.url, self.label = url, label


class TooLarge(DomainError):
    """An upload over the limit of its policy."""

    status = 413
    default = "文件过大"


class Invalid(DomainError):
    """Input that does not hold; `errors` maps field names to messages."""

    status = 422
    default = "填写的内容有误，请按提示修改"

    def __init__(
        self,
        message: str = "",
        *,
        field: str | None = None,
        errors: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Keep the messages by field; without a message of its own, it says them all."""
        self.errors: dict[str, list[str]] = {k: list(v) for k, v in (errors or {}).items()}
        said = "；".join(text for texts in self.errors.values() for text in texts)
        super().__init__(message or said, field=field)
        if field and field not in self.errors:
            self.errors[field] = [self.message]


def gathered(*checks: Callable[[], object]) -> dict[str, list[str]]:
    """Return by field what several checks refuse, so that people read all of it in one round."""
    faults: dict[str, list[str]] = {}
    for check in checks:
        try:
            check()
        except Invalid as error:
            for name, texts in error.errors.items():
                faults.setdefault(name, []).extend(texts)
    return faults


def described(error: Exception) -> str:
    """Return one line about an error: its words if it has Chinese ones, else its kind too.

    Of the database's only the kind, or the law that was broken: its words may quote what was
    written.
    """
    if isinstance(error, DomainError):
        return error.message
    # Children that clean what people upload read this file, and no database.
    from sqlalchemy.exc import IntegrityError, NoResultFound, SQLAlchemyError  # noqa: PLC0415

    kind, said = type(error).__name__, str(error)
    if isinstance(error, NoResultFound):
        return "找不到要处理的记录"
    if isinstance(error, IntegrityError):
        from app.core.laws import law_of  # noqa: PLC0415

        return law_of(error)
    if isinstance(error, SQLAlchemyError):
        return f"数据库错误（{kind}）"
    return said if _CHINESE.search(said) else f"{kind}: {said}"


_CHINESE = re.compile(r"[\u4e00-\u9fff]")
