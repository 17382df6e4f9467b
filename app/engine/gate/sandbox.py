"""The sandbox (沙箱): a bundle is judged in a child process with limits of time and memory.

Our rules refuse all that is known to hang or to exhaust memory. The limits are for what is not
known: the XML and schema libraries and the engine's parser are other people's code.
"""

import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from app.engine.gate.findings import Finding, Verdict, refusal
from app.engine.gate.known import Known
from app.engine.gate.xml import MAX_BYTES

SECONDS = 3
"""Processor time of the child; on a machine that does little else a verdict takes no longer."""
PATIENCE = 4
"""How many times its processor time a child may take by the clock, on a busy machine."""
MEMORY = 400 * 1024 * 1024
"""Address space of the child; it needs 80 MB to begin with."""
CHILD = "app.engine.gate.child"

_ROOT = Path(__file__).resolve().parents[3]
_PASSED_ON = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")
_TOO_LONG = frozenset({-signal.SIGXCPU, -signal.SIGKILL})


def check(
    files: Mapping[str, bytes],
    *,
    known: Known,
    key: str | None = None,
    seconds: float = SECONDS,
    memory: int = MEMORY,
) -> Verdict:
    """Return the verdict of `inspect` on a bundle, or that it cost too much; never raises.

    With `key`, the bundle must hold that process; without, each file is named after its process.
    """
    clipped = {name: content[: MAX_BYTES + 1] for name, content in files.items()}
    command = [sys.executable, "-B", "-m", CHILD, str(seconds), str(memory)]
    try:
        child = subprocess.run(  # noqa: S603 - our own module
            command,
            check=False,
            cwd=_ROOT,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            input=pickle.dumps((clipped, known, key)),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds * PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return _too_long()
    if child.returncode in _TOO_LONG:
        return _too_long()
    return _understood(child)


def _too_long() -> Verdict:
    hint = "请拆分流程，减少分支和元素"
    return refusal("gate.time", "检查所需的时间超过限度", hint)


def _understood(child: subprocess.CompletedProcess[bytes]) -> Verdict:
    """Return what a child said. It read hostile files: its words are data, never code."""
    try:
        said = json.loads(child.stdout)
        findings = tuple(Finding(**fields) for fields in said["findings"])
        return Verdict(findings, tuple(said["process_ids"]))
    except (ValueError, TypeError, LookupError):
        message = f"检查没有完成（检查进程退出，代码 {child.returncode}）"
        return refusal("gate.unfinished", message, "请拆分流程，或用流程设计器重新画出")
