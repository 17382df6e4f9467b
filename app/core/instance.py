"""Whether there is an instance at all: commands that look into one make none."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import inspect

from app.core.db import db

F = TypeVar("F", bound=Callable[..., Any])


class NoInstance(click.ClickException):
    """There is no database here yet."""

    exit_code = 2

    def __init__(self) -> None:
        """Say where it was looked for and what to do."""
        folder = current_app.instance_path
        super().__init__(
            f"{folder} 中还没有建立实例：请先运行 make run，或用 INSTANCE=目录 指定已有的实例\n"
            f"no instance in {folder}: run `make run` first, or name one with INSTANCE"
        )


def require_instance() -> None:
    """Raise NoInstance unless the database is there with its tables; nothing is created."""
    address = db.engine.url
    is_file = address.get_backend_name() == "sqlite"
    if is_file and not Path(address.database or "").exists():
        raise NoInstance
    if not inspect(db.engine).has_table("process_version"):
        raise NoInstance


def in_instance(command: F) -> F:
    """Run a flask command in the application's context, and only where there is an instance."""

    @with_appcontext
    @wraps(command)
    def run(*given: Any, **named: Any) -> Any:
        require_instance()
        return command(*given, **named)

    return cast("F", run)
