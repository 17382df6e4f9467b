"""Asking the publish gate about files (发布检查), with what is in force beside them.

The page of a process and the command line ask the same question: would these files, in their
places among those in force, make sound processes, those that call them included?
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from app.core.clock import now as present
from app.core.db import transaction
from app.core.errors import NotFound
from app.engine.definitions import ROOT, bundle_of
from app.engine.gate import Finding, Known, Verdict, check, published_in
from app.engine.gate.platform import known_here
from app.engine.models import ProcessVersion
from app.studio.queries import callers_of, current_versions, homes

REFUSALS = "gate."
"""How the rules begin by which the gate gives up on files, or is too busy to look at them."""


def in_force(process: ProcessVersion) -> dict[str, bytes]:
    """Return the files that a version runs with. Raises NotFound."""
    return {name: text.encode() for name, text in bundle_of(process).files.items()}


def known_for(jurisdiction: str, now: datetime) -> Known:
    """Return what the gate must know on the pages of a jurisdiction's processes."""
    return known_here(jurisdiction=jurisdiction, homes=homes(), at=now)


def verdict_on(
    uploads: Mapping[str, bytes],
    versions: Sequence[ProcessVersion],
    *,
    known: Known,
    key: str | None,
    now: datetime,
) -> Verdict:
    """Return the verdict on files in their places among those of the versions in force.

    What calls these processes is judged with them: it takes them over with its next version.
    """
    files = {name: data for version in versions for name, data in _texts(version).items()}
    verdict = check(uploads, known=known, key=key, in_force=files or None)
    findings = verdict.findings
    if verdict.ok:
        # What could not be judged is told once, of however many callers.
        findings = (*findings, *dict.fromkeys(_said_of_callers(uploads, versions, now)))
    uploaded = {name: file for file, name in verdict.names}
    told = tuple(_told(each, uploaded) for each in findings)
    return replace(verdict, findings=(*_claimed_twice(verdict), *told))


def _said_of_callers(
    uploads: Mapping[str, bytes], versions: Sequence[ProcessVersion], now: datetime
) -> Iterator[Finding]:
    """Refuse what its callers in force could not be published with.

    What is wrong with a caller anyway, such as a date that has passed since, is not held against
    the part. Where the gate could not judge, nobody knows: that is told as the gate says it.
    """
    callers = {
        each.version.id: each.version
        for version in versions
        for each in callers_of(version)
        if each.is_newest and each.version not in versions
    }
    places = {caller.jurisdiction for caller in callers.values()}
    known = {place: known_for(place, now) for place in places}
    for caller in callers.values():
        ask = partial(
            check, known=known[caller.jurisdiction], key=caller.key, in_force=in_force(caller)
        )
        found = _errors(ask(uploads))
        alone = _errors(ask({})) if found else []
        unjudged = [each for each in (*found, *alone) if each.rule.startswith(REFUSALS)]
        yield from unjudged or (_of_caller(each, caller) for each in found if each not in alone)


def _errors(verdict: Verdict) -> list[Finding]:
    """Return what forbids a caller; that an upload has no place in it is no fault of either."""
    return [
        each
        for each in verdict.findings
        if each.severity == "error" and each.rule != "bundle.stray"
    ]


def _of_caller(finding: Finding, caller: ProcessVersion) -> Finding:
    message = f"与调用它的“{caller.title}”合在一起不能办理：{finding.message}"
    both = f"两个流程要一起改的，请在“{caller.title}”的页面一并上传"
    return replace(finding, message=message, hint=f"{finding.hint}；{both}")


def _claimed_twice(verdict: Verdict) -> Iterator[Finding]:
    """Two uploads of one place: one of them would be lost, and nobody said which."""
    files: dict[str, list[str]] = {}
    for file, name in verdict.names:
        files.setdefault(name, []).append(file)
    for name, claimants in files.items():
        if len(claimants) > 1:
            both = "”和“".join(sorted(claimants))
            yield Finding(
                "gate.one_file_a_process",
                name.removesuffix(".bpmn"),
                claimants[0],
                f"“{both}”是同一个流程，只能有一个",
                "请只保留要发布的一个，重新上传",
                file=claimants[0],
            )


def _told(finding: Finding, uploaded: Mapping[str, str]) -> Finding:
    """Name the files of a finding as they were uploaded, not as they are kept."""
    return replace(
        finding,
        element=uploaded.get(finding.element, finding.element),
        name=uploaded.get(finding.name, finding.name),
        file=uploaded.get(finding.file, finding.file),
    )


def judge_files(files: Mapping[str, bytes]) -> Verdict:
    """Return the verdict of the command line: nationwide files, named after their processes.

    They may call what is published; before a setup that is what is shipped.
    """
    names = {Path(name).stem for name in files}
    try:
        with transaction(write=False):
            published, at = current_versions(), present()
            bundles = [_texts(version) for version in published]
            versions = [v for v in published if v.key in names and not v.jurisdiction]
            known = _knowing(bundles, known_here(at=at))
            return verdict_on(files, versions, known=known, key=None, now=at)
    except DatabaseError:
        shipped = (ROOT / "bpmn").glob("*.bpmn")
        bundles = [{each.name: each.read_bytes() for each in shipped}]
        return check(files, known=_knowing(bundles, known_here()))


def _knowing(bundles: Sequence[Mapping[str, bytes]], known: Known) -> Known:
    found = [published_in(files, known) for files in bundles]
    return replace(known, processes={k: v for each in found for k, v in each.items()})


def _texts(version: ProcessVersion) -> dict[str, bytes]:
    try:
        return in_force(version)
    except NotFound:  # told by check-invariants
        return {}
