"""Limits that a child process sets itself before it works on what others wrote."""

import contextlib
import resource
from collections.abc import Mapping

_NONE = resource.RLIM_INFINITY


def limit(wanted: Mapping[int, tuple[int, int]]) -> None:
    """Set limits of this process, soft and hard by kind; what is limited more stays so."""
    for kind, (soft, hard) in wanted.items():
        given = resource.getrlimit(kind)[1]
        bounds = (soft, hard) if given == _NONE else (min(soft, given), min(hard, given))
        # Some systems know a limit by name only.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, bounds)


def limit_reading(seconds: int, memory: int, *, written: int = 0) -> None:
    """Limit what works on one file: it begins no process, and writes so many bytes at the most."""
    limit(
        {
            resource.RLIMIT_CPU: (seconds, seconds + 1),
            resource.RLIMIT_AS: (memory, memory),
            resource.RLIMIT_FSIZE: (written, written),
            resource.RLIMIT_CORE: (0, 0),
            resource.RLIMIT_NPROC: (0, 0),
        }
    )
