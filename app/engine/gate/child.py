"""The child process of the sandbox: limits itself, reads a bundle, prints the verdict."""

import json
import math
import os
import pickle
import resource
import sys
from typing import BinaryIO, TextIO

from app.core.limits import limit
from app.engine.gate.findings import Verdict
from app.engine.gate.inspection import inspect, inspect_over
from app.engine.gate.sandbox import NO_MEMORY


def bound(seconds: float, memory: int) -> None:
    """Bound processor time and address space of this process; forbid files and children."""
    allowed = math.ceil(seconds)
    limit(
        {
            # At the first comes SIGXCPU; SIGKILL at the second is for who does not listen.
            resource.RLIMIT_CPU: (allowed, allowed + 1),
            resource.RLIMIT_AS: (memory, memory),
            resource.RLIMIT_FSIZE: (0, 0),
            resource.RLIMIT_CORE: (0, 0),
            resource.RLIMIT_NPROC: (0, 0),
        }
    )


def answer(request: BinaryIO, response: TextIO) -> None:
    """Judge the bundle that stands in the request."""
    files, in_force, known, key = pickle.load(request)  # noqa: S301 - the parent wrote it
    if in_force is None:
        verdict = inspect(files, known=known, key=key)
    else:
        verdict = inspect_over(files, in_force, known=known, key=key)
    response.write(_written(verdict))


def _written(verdict: Verdict) -> str:
    findings = [finding.as_dict() for finding in verdict.findings]
    ids, names = verdict.process_ids, verdict.names
    return json.dumps({"findings": findings, "process_ids": ids, "names": names})


def main(seconds: str, memory: str) -> None:
    """Judge the bundle of the standard input within these limits."""
    bound(float(seconds), int(memory))
    try:
        answer(sys.stdin.buffer, sys.stdout)
        sys.stdout.flush()
    except MemoryError:
        # Leaving in good order may want memory too.
        os._exit(NO_MEMORY)


if __name__ == "__main__":
    main(*sys.argv[1:])
