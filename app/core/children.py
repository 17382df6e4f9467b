"""Child processes that work on what others wrote, so that the server keeps none of its harm."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

from app.core.errors import DomainError

_ROOT = Path(__file__).resolve().parents[2]
_PASSED_ON = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")


class Busy(DomainError):
    """No process could be begun, or it did not come to its end in time."""

    status = 503
    default = "服务器太忙，没有来得及处理文件，请过几分钟再上传"


def run_child(
    module: str,
    *words: str,
    given: bytes | IO[bytes],
    patience: float,
    target: IO[bytes] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run one of our modules; return how it ended and what it printed, Busy when it did not.

    It is given the bytes or the file as its standard input, none of our secrets, and may write
    into the target. Its words are data: it has read hostile files.
    """
    feed: dict[str, Any] = {"input": given} if isinstance(given, bytes) else {"stdin": given}
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
    except (subprocess.TimeoutExpired, OSError) as error:
        raise Busy from error
