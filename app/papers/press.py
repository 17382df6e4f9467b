"""The press (印制进程): documents are drawn in a child process, and no worker keeps the memory.

One child serves a process until it has been idle for a while; the first document after that waits
a second for the next one. The child ends with its parent.
"""

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, cast

from app.core.errors import DomainError
from app.papers.drawing import BrokenDocument, RefusedResource
from app.papers.fonts import MissingFont, MissingGlyph

SECONDS = 60
"""How long a document may take by the clock."""
IDLE_SECONDS = 30
"""How long a child waits for the next document."""
WAIT_SECONDS = 20
"""How long a document waits for those before it."""
MEMORY = 1024 * 1024 * 1024
"""How much address space a child may take: five times what a form of many pages does."""
CHILD = "app.papers.press_child"
RAISED = {each.__name__: each for each in (MissingGlyph, MissingFont, RefusedResource)}

_ROOT = Path(__file__).resolve().parents[2]
_PASSED_ON = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "TMPDIR")


class PressBusy(DomainError):
    """Documents before it take too long."""

    status = 503
    default = "正在印制的文档较多，请稍后再试"


class _Ended(Exception):
    """The child went away before it answered: idle, or too much for it."""


class Press:
    """A child process that draws one document after another."""

    def __init__(self) -> None:
        """Start no child yet."""
        self.seconds: float = SECONDS
        self.idle_seconds: float = IDLE_SECONDS
        self.wait_seconds: float = WAIT_SECONDS
        self.memory = MEMORY
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def draw(self, source: str, *, strict: bool = False) -> tuple[bytes, str]:
        """Return what `drawing.draw` does, raising what it raises.

        Raises BrokenDocument for a document that takes too long or ends the child, PressBusy
        when those before it keep it waiting.
        """
        request = json.dumps({"source": source, "strict": strict}).encode() + b"\n"
        if not self._lock.acquire(timeout=self.wait_seconds):
            raise PressBusy
        try:
            return self._drawn(request)
        except _Ended:
            raise BrokenDocument("文档没有印制完成：耗时或内存超过限度") from None
        finally:
            self._lock.release()

    def _drawn(self, request: bytes) -> tuple[bytes, str]:
        is_fresh = self._child is None or self._child.poll() is not None
        begun = time.monotonic()
        try:
            return self._asked(request)
        except _Ended:
            # It may have gone for idleness just now: a new one tells.
            if is_fresh or time.monotonic() - begun >= self.seconds:
                raise
        self.close()
        return self._asked(request)

    def _asked(self, request: bytes) -> tuple[bytes, str]:
        child = self._running()
        requests, answers = cast("IO[bytes]", child.stdin), cast("IO[bytes]", child.stdout)
        watch = threading.Timer(self.seconds, child.kill)
        watch.start()
        try:
            requests.write(request)
            requests.flush()
            said = json.loads(answers.readline() or b"{}")
            content = answers.read(said.get("size", 0))
        except (OSError, ValueError) as error:
            raise _Ended from error
        finally:
            watch.cancel()
        if not said or len(content) < said.get("size", 0):
            raise _Ended
        if "error" in said:
            raise RAISED.get(said["error"], BrokenDocument)(said["text"])
        return content, said["missing"]

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._child = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-B", "-m", CHILD, str(self.idle_seconds), str(self.memory)],
                cwd=_ROOT,
                env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._child

    def close(self) -> None:
        """End the child, if there is one."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            with contextlib.suppress(OSError):
                child.communicate()


press = Press()
atexit.register(press.close)
