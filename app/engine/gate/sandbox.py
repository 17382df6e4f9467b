"""The sandbox (沙箱): a bundle is judged in a child process with limits of time and memory.

Our rules refuse all that is known to hang or to exhaust memory. The limits are for what is not
known: the XML and schema libraries and the engine's parser are other people's code.
"""

import io
import json
import pickle
import signal
import subprocess
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from app.core.children import Busy, TooSlow, run_child
from app.engine.gate.findings import Finding, Verdict, refusal
from app.engine.gate.known import Known
from app.engine.gate.xml import MAX_BYTES

SECONDS = 4
"""Processor time of the child; on a machine that does little else a verdict takes no longer."""
PATIENCE = 8
"""How many times its processor time a child may take by the clock, on a machine that is busy
with other things. What a file costs is bounded by processor time alone, which others do not use
up; the clock is for a child that gets none of it."""
MEMORY = 400 * 1024 * 1024
"""Address space of the child; it needs 80 MB to begin with."""
NO_MEMORY = 77
"""How the child ends when not even its answer can be put together; nothing else ends so."""
CHILD = "app.engine.gate.child"

_SPLIT = "请拆分流程，减少分支和元素"


def check(
    files: Mapping[str, bytes],
    *,
    known: Known,
    key: str | None = None,
    in_force: Mapping[str, bytes] | None = None,
    seconds: float = SECONDS,
    memory: int = MEMORY,
) -> Verdict:
    """Return the verdict of `inspect` on a bundle, or that it cost too much; never raises.

    With `key`, the bundle must hold that process; without, each file is named after its process.
    With `in_force`, the files are judged in their places among these; `names` tells the places.
    """
    clipped = {name: content[: MAX_BYTES + 1] for name, content in files.items()}
    given = packed((clipped, in_force, known, key))
    patience = seconds * PATIENCE
    try:
        child = run_child(CHILD, str(seconds), str(memory), given=given, patience=patience)
    except (Busy, TooSlow):
        return refusal("gate.busy", "服务器太忙，没有来得及检查", "请过几分钟再上传")
    return _understood(child)


class _Plain(pickle.Pickler):
    """Packs the states of a room as the texts they are: the child shall not load the room."""

    def reducer_override(self, given: Any) -> Any:
        """Tell how a value is to be made again."""
        return (str, (given.value,)) if isinstance(given, StrEnum) else NotImplemented


def packed(given: object) -> bytes:
    """Return plain data as the child reads it."""
    stream = io.BytesIO()
    _Plain(stream).dump(given)
    return stream.getvalue()


def _understood(child: subprocess.CompletedProcess[bytes]) -> Verdict:
    """Return what a child said, or which limit ended it.

    It read hostile files: its words are data, never code.
    """
    if child.returncode == -signal.SIGXCPU:
        return refusal("gate.time", "检查所需的时间超过限度", _SPLIT)
    # A kill from without is the system's, when memory is short.
    if child.returncode in {NO_MEMORY, -signal.SIGKILL}:
        return refusal("gate.memory", "检查所需的内存超过限度", _SPLIT)
    try:
        said = json.loads(child.stdout)
        findings = tuple(Finding(**fields) for fields in said["findings"])
        names = tuple((str(file), str(name)) for file, name in said["names"])
        return Verdict(findings, tuple(said["process_ids"]), names)
    except (ValueError, TypeError, LookupError):
        message = f"检查没有完成（检查进程退出，代码 {child.returncode}）"
        return refusal("gate.unfinished", message, "请拆分流程，或用流程设计器重新画出")
