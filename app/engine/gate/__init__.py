"""The publish gate (发布检查): whether an uploaded bundle of diagrams may be published.

Every rule is a small function whose docstring says which defect of the engine it guards against;
docs/gate.md lists them all. `check` judges in a child process with limits, so that no file can
hang or exhaust the process that asks; what the platform offers is in `platform`, which the child
does without.
"""

from collections.abc import Mapping

from app.engine.gate.bundle import read_bundle
from app.engine.gate.findings import Finding, Verdict
from app.engine.gate.known import Known, Published
from app.engine.gate.publishing import with_bundle, with_moves
from app.engine.gate.sandbox import check

__all__ = [
    "Finding",
    "Known",
    "Published",
    "Verdict",
    "check",
    "published_in",
]


def published_in(files: Mapping[str, bytes], known: Known | None = None) -> dict[str, Published]:
    """Return what the gate must know of these published diagrams, beside what is `known`."""
    bundle = read_bundle(files)
    processes = with_moves(bundle, with_bundle(known or Known(), bundle.diagrams)).processes
    return {diagram.id: processes[diagram.id] for diagram in bundle.diagrams}
