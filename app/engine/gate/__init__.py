"""The publish gate (发布检查): whether an uploaded bundle of diagrams may be published.

Every rule is a small function whose docstring says which defect of the engine it guards against.
The order matters: bytes, tree, elements and paths, schema, and only then the engine itself.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from app.engine.gate.bundle import (
    check_calls,
    check_decisions,
    check_diagram,
    check_names,
    check_schemas,
    read_bundle,
    with_bundle,
)
from app.engine.gate.dryrun import dry_run
from app.engine.gate.findings import Finding, Verdict, verdict_of
from app.engine.gate.known import Known, Published
from app.engine.gate.xml import MAX_BYTES

__all__ = ["Finding", "Known", "Published", "Verdict", "check", "lint_files", "published_in"]


def check(files: Mapping[str, bytes], *, known: Known, key: str | None = None) -> Verdict:
    """Return the verdict on a bundle; hostile files get one too, so this never raises.

    With `key`, the bundle must hold that process; without, each file is named after its process.
    """
    try:
        return _check(files, known, key)
    except Exception as error:
        message = f"检查没有完成（{type(error).__name__}）"
        hint = "请用流程设计器重新画出流程"
        return Verdict((Finding("gate.unfinished", "", "上传的文件", message, hint),))


def _check(files: Mapping[str, bytes], known: Known, key: str | None) -> Verdict:
    bundle = read_bundle(files)
    known = with_bundle(known, bundle.diagrams)
    findings = bundle.findings
    findings.extend(check_names(bundle, key))
    for diagram in bundle.diagrams:
        findings.extend(check_diagram(diagram, known, bundle))
    findings.extend(check_decisions(bundle, known))
    findings.extend(check_calls(bundle, known))
    findings.extend(check_schemas(bundle))
    if all(finding.severity != "error" for finding in findings):
        findings.extend(dry_run(bundle.diagrams, files, known))
    return verdict_of(findings, [diagram.id for diagram in bundle.diagrams])


def published_in(files: Mapping[str, bytes]) -> dict[str, Published]:
    """Return what the gate must know of these published diagrams."""
    diagrams = read_bundle(files).diagrams
    processes = with_bundle(Known(), diagrams).processes
    return {diagram.id: processes[diagram.id] for diagram in diagrams}


def lint_files(paths: Iterable[Path], *, known: Known | None = None) -> list[dict[str, object]]:
    """Check files together as one bundle; returns one row a file for the command line."""
    places = list(paths)
    files = {path.name: _read_limited(path) for path in places}
    verdict = check(files, known=known or Known.of_platform())
    rows: list[dict[str, object]] = []
    for path in places:
        findings = [finding for finding in verdict.findings if finding.file in {path.name, ""}]
        ok = all(finding.severity != "error" for finding in findings)
        rows.append(
            {"file": str(path), "ok": ok, "findings": [found.as_dict() for found in findings]}
        )
    return rows


def _read_limited(path: Path) -> bytes:
    """Read no more of a file than what shows that it is too large."""
    with path.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)
