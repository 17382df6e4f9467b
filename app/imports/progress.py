"""How far a transaction is, told outside of it: a small file, since its rows are not seen yet."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import current_app


def _place(key: str) -> Path:
    return Path(current_app.instance_path) / "progress" / key


@contextmanager
def progress(key: str) -> Iterator[Callable[[int], None]]:
    """Give what is called with how much is done; it is forgotten at the end."""
    path = _place(key)
    path.parent.mkdir(parents=True, exist_ok=True)

    def tell(done: int) -> None:
        partial = path.with_suffix(".new")
        partial.write_text(str(done), "utf-8")
        partial.replace(path)

    try:
        yield tell
    finally:
        path.unlink(missing_ok=True)


def done_of(key: str) -> int:
    """Return how much is done, 0 where nothing is under way."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        return int(_place(key).read_text("utf-8"))
    return 0
