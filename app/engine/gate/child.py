"""The child process of the sandbox: limits itself, reads a bundle, prints the verdict."""

import contextlib
import json
import math
import pickle
import resource
import sys
from typing import BinaryIO, TextIO

from app.engine.gate.findings import Verdict, refusal
from app.engine.gate.inspection import inspect


def limit(seconds: float, memory: int) -> None:
    """Bound processor time and address space of this process; forbid files and children."""
    wanted = {
        resource.RLIMIT_CPU: math.ceil(seconds),
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
    }
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # Some systems know a limit by name only.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (bounded, bounded))


def answer(request: BinaryIO, response: TextIO) -> None:
    """Judge the bundle that stands in the request."""
    try:
        files, known, key = pickle.load(request)  # noqa: S301 - the parent wrote it
        verdict = inspect(files, known=known, key=key)
        said = _written(verdict)
    except MemoryError:
        said = _written(refusal("gate.memory", "检查所需的内存超过限度", "请拆分流程"))
    response.write(said)


def _written(verdict: Verdict) -> str:
    findings = [finding.as_dict() for finding in verdict.findings]
    return json.dumps({"findings": findings, "process_ids": verdict.process_ids})


if __name__ == "__main__":
    limit(float(sys.argv[1]), int(sys.argv[2]))
    answer(sys.stdin.buffer, sys.stdout)
