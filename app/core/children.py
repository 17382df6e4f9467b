"""Child processes that work on what others wrote, so that the server keeps none of its harm."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from app.core.errors import DomainError, Invalid, TooLarge

_ROOT = Path(__file__).resolve().parents[2]
_PASSED_ON = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")

# Two children at a time leave memory and a processor to the others; who waits holds up a thread of
# the server, so nobody waits long.
_turn = threading.BoundedSemaphore(2)
TURN_SECONDS = 8


class Busy(DomainError):
    """No process could be begun."""

    status = 503
    default = "服务器太忙，没有来得及处理文件，请过几分钟再上传"
    retry_after: int | None = 5


class TooSlow(TooLarge):
    """A process did not come to its end in time: nor will it with the same file."""

    default = "处理文件的时间过长，没有完成，请压缩、拆分或重新导出后再上传"


def run_child(
    module: str,
    *words: str,
    given: bytes | IO[bytes],
    patience: float,
    target: IO[bytes] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run one of our modules; return how it ended and what it printed.

    Two run at a time in a server, whatever they work on: who gets no turn in time is told Busy,
    whose file takes too long TooSlow. It is given the bytes or the file as its standard input,
    none of our secrets, and may write into the target. Its words are data: it has read hostile
    files.
    """
    feed: dict[str, Any] = {"input": given} if isinstance(given, bytes) else {"stdin": given}
    with _our_turn():
        try:
            return subprocess.run(  # noqa: S603 - our own module
                [sys.executable, "-B", "-m", module, *words],
                check=False,
                cwd=_ROOT,
                env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=() if target is None else (target.fileno(),),
                timeout=patience,
                **feed,
            )
        except subprocess.TimeoutExpired as error:
            raise TooSlow from error
        except OSError as error:
            raise Busy from error


def heard(said: bytes, costly: str, field: str) -> dict[str, Any]:
    """Return what a child answered: it has read what is hostile, and its words are data.

    Invalid or TooLarge as it refused; TooLarge with these words where a limit cut it short.
    """
    try:
        answer: dict[str, Any] = json.loads(said)
    except ValueError as error:
        raise TooLarge(costly, field=field) from error
    if "refused" in answer:
        refusal = TooLarge if answer["status"] == TooLarge.status else Invalid
        raise refusal(str(answer["refused"]), field=field)
    return answer


@contextmanager
def _our_turn() -> Iterator[None]:
    if not _turn.acquire(timeout=TURN_SECONDS):
        raise Busy
    try:
        yield
    finally:
        _turn.release()
