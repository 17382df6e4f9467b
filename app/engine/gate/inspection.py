"""The inspection (检查) itself: all rules over one bundle, in this very process.

The order matters: bytes, tree, elements and paths, schema, and only then the engine itself.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from app.engine.gate.bundle import places_of, read_bundle, set_strays_aside
from app.engine.gate.checks import (
    check_calls,
    check_decisions,
    check_diagram,
    check_names,
    check_schemas,
    check_states,
)
from app.engine.gate.dryrun import dry_run
from app.engine.gate.findings import Verdict, refusal, verdict_of
from app.engine.gate.known import Known
from app.engine.gate.publishing import courses_of, with_bundle
from app.engine.gate.states import without_echoes

_REDRAW = "请拆分流程，或用流程设计器重新画出"


def inspect(
    files: Mapping[str, bytes],
    *,
    known: Known,
    key: str | None = None,
    uploaded: Collection[str] = (),
) -> Verdict:
    """Return the verdict on a bundle; hostile files get one too, so this never raises.

    With `key`, the bundle must hold that process, and it must need what was `uploaded`; without,
    each file is named after its process.
    """
    try:
        return _inspect(files, known, key, uploaded)
    except MemoryError:
        return refusal("gate.memory", "检查所需的内存超过限度", _REDRAW)
    except Exception as error:
        return refusal("gate.unfinished", f"检查没有完成（{type(error).__name__}）", _REDRAW)


def inspect_over(
    files: Mapping[str, bytes],
    in_force: Mapping[str, bytes],
    *,
    known: Known,
    key: str | None = None,
) -> Verdict:
    """Return the verdict on the files in force with these in their places.

    A file takes the place of its process or decision, whatever a browser called it.
    """
    names = places_of(files, in_force)
    placed = {names[file]: content for file, content in files.items()}
    verdict = inspect({**in_force, **placed}, known=known, key=key, uploaded=placed.keys())
    return replace(verdict, names=tuple(names.items()))


def _inspect(
    files: Mapping[str, bytes], known: Known, key: str | None, uploaded: Collection[str]
) -> Verdict:
    bundle = read_bundle(files)
    findings = bundle.findings
    if key is not None:
        findings.extend(set_strays_aside(bundle, key, uploaded, known))
    known = with_bundle(known, bundle.diagrams)
    findings.extend(check_names(bundle, key))
    courses = courses_of(bundle, known)
    for diagram in bundle.diagrams:
        findings.extend(check_diagram(diagram, known, bundle, courses))
    findings.extend(check_decisions(bundle, known))
    findings.extend(check_calls(bundle, known))
    findings.extend(check_states(bundle, known, courses, list(findings)))
    findings = without_echoes(findings)
    findings.extend(check_schemas(bundle))
    if all(finding.severity != "error" for finding in findings):
        findings.extend(dry_run(bundle.diagrams, files, known))
    return verdict_of(findings, [diagram.id for diagram in bundle.diagrams])
