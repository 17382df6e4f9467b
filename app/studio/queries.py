"""What the studio shows: processes, their versions, what runs, and what a version changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from app.core.audit import AuditEvent
from app.core.db import db
from app.core.errors import NotFound
from app.engine.definitions import bundle_of
from app.engine.diagrams import is_table, read_xml
from app.engine.models import InstanceStatus, ProcessInstance, ProcessVersion, VersionStatus
from app.studio.comparing import Difference, between
from app.studio.reading import Contents, contents
from app.studio.tables import tables_of

RUNNING = (InstanceStatus.RUNNING, InstanceStatus.SUSPENDED)
PUBLISHED_TAG = "process:published"


def current_versions() -> Sequence[ProcessVersion]:
    """Return the newest published version of each process of each jurisdiction."""
    newest = (
        sa.select(sa.func.max(ProcessVersion.id))
        .where(ProcessVersion.status == VersionStatus.PUBLISHED)
        .group_by(ProcessVersion.jurisdiction, ProcessVersion.key)
    )
    found = sa.select(ProcessVersion).where(ProcessVersion.id.in_(newest))
    return db.session.scalars(
        found.order_by(ProcessVersion.key, ProcessVersion.jurisdiction)
    ).all()


def titles() -> dict[str, str]:
    """Return what people call each process, by its key."""
    return {each.key: each.title for each in current_versions()}


def homes() -> dict[str, str]:
    """Return the titles of the pages where each process and decision is uploaded, by its id."""
    versions = current_versions()
    titles = {each.key: [each.title] for each in versions}
    for each in versions:
        for decision_id in _decided_by(each):
            titles.setdefault(decision_id, []).append(each.title)
    return {
        key: "".join(f"“{title}”" for title in dict.fromkeys(of)) for key, of in titles.items()
    }


def _decided_by(process: ProcessVersion) -> list[str]:
    try:
        files = bundle_of(process).files
    except NotFound:  # told on its own page
        return []
    tables = [read_xml(text.encode(), name) for name, text in files.items() if is_table(name)]
    return [each.get("id", "") for root in tables for each in root.iter("{*}decision")]


def version(version_id: int) -> ProcessVersion:
    """Return a version. Raises NotFound."""
    found = db.session.get(ProcessVersion, version_id)
    if found is None:
        raise NotFound
    return found


def versions_of(process: ProcessVersion) -> Sequence[ProcessVersion]:
    """Return every version of the same process and jurisdiction, the newest first."""
    found = sa.select(ProcessVersion).where(
        ProcessVersion.key == process.key, ProcessVersion.jurisdiction == process.jurisdiction
    )
    return db.session.scalars(found.order_by(ProcessVersion.no.desc())).all()


def newest_version(process: ProcessVersion) -> ProcessVersion:
    """Return the newest version of the same process and jurisdiction."""
    return versions_of(process)[0]


def last_version_id() -> int:
    """Return the id of what was published last, of any process."""
    return db.session.scalar(sa.select(sa.func.max(ProcessVersion.id))) or 0


def running_counts(versions: Sequence[ProcessVersion]) -> dict[int, int]:
    """Return how many instances still run on each version."""
    counted = (
        sa.select(ProcessInstance.version_id, sa.func.count())
        .where(
            ProcessInstance.version_id.in_([each.id for each in versions]),
            ProcessInstance.status.in_(RUNNING),
        )
        .group_by(ProcessInstance.version_id)
    )
    counts: dict[int, int] = {each.id: 0 for each in versions}
    counts.update({row[0]: row[1] for row in db.session.execute(counted)})
    return counts


def running_totals() -> dict[tuple[str, str], int]:
    """Return how many instances run of each process, by jurisdiction and key, on any version."""
    counted = (
        sa.select(ProcessVersion.jurisdiction, ProcessVersion.key, sa.func.count())
        .join(ProcessInstance, ProcessInstance.version_id == ProcessVersion.id)
        .where(ProcessInstance.status.in_(RUNNING))
        .group_by(ProcessVersion.jurisdiction, ProcessVersion.key)
    )
    return {(row[0], row[1]): row[2] for row in db.session.execute(counted)}


@dataclass(frozen=True)
class Caller:
    """A version that calls a process (调用活动): it carries the called one inside it."""

    version: ProcessVersion
    is_newest: bool
    running: int
    # The called process as it lies in there: the number of its version, None for none of them.
    carries: int | None


def callers_of(called: ProcessVersion) -> list[Caller]:
    """Return the versions in force or in use that call a process, with what runs on each.

    A called process has no instances of its own: its steps belong to those of its callers, as it
    was when they were published.
    """
    versions, newest = versions_of(called), {each.id for each in current_versions()}
    found = _holding(called, _in_use())
    counts = running_counts(found)
    return [
        Caller(each, each.id in newest, counts[each.id], _carried(bundle_of(each).files, versions))
        for each in sorted(found, key=lambda each: (each.key, each.jurisdiction, -each.no))
    ]


def held_counts(versions: Sequence[ProcessVersion]) -> dict[int, int]:
    """Return how many running instances of other processes call each of these."""
    in_use = _in_use()
    counts = running_counts(in_use)
    return {v.id: sum(counts[each.id] for each in _holding(v, in_use)) for v in versions}


def _in_use() -> list[ProcessVersion]:
    living = sa.select(ProcessInstance.version_id).where(ProcessInstance.status.in_(RUNNING))
    in_use = sa.select(ProcessVersion).where(ProcessVersion.id.in_(living))
    known = {each.id: each for each in (*current_versions(), *db.session.scalars(in_use))}
    return list(known.values())


def _holding(called: ProcessVersion, known: Sequence[ProcessVersion]) -> list[ProcessVersion]:
    """Return which versions call a process: the national one serves who has none of their own."""
    found = [each for each in known if _calls(each, called.key)]
    if not found:
        return []
    own = sa.select(ProcessVersion.jurisdiction).where(ProcessVersion.key == called.key)
    served = set(db.session.scalars(own.distinct())) - {called.jurisdiction}
    return [
        each
        for each in found
        if each.jurisdiction == called.jurisdiction
        or (not called.jurisdiction and each.jurisdiction not in served)
    ]


def called_by(process: ProcessVersion) -> set[str]:
    """Return the keys of the processes that a version calls. Raises NotFound."""
    return {node.process for node in bundle_of(process).nodes} - {process.key}


def _calls(process: ProcessVersion, key: str) -> bool:
    try:
        return key in called_by(process)
    except NotFound:  # told on its own page, and of no use on another's
        return False


def _carried(files: Mapping[str, str], versions: Sequence[ProcessVersion]) -> int | None:
    """Return which version of a called process lies in the bundle of its caller."""
    for each in versions:
        try:
            if bundle_of(each).files.items() <= files.items():
                return each.no
        except NotFound:
            continue
    return None


def notes(versions: Sequence[ProcessVersion]) -> dict[int, str]:
    """Return the notes written when versions were published."""
    events = db.session.scalars(
        sa.select(AuditEvent).where(
            AuditEvent.tag == PUBLISHED_TAG,
            AuditEvent.subject_type == "process_version",
            AuditEvent.subject_id.in_([each.id for each in versions]),
        )
    )
    return {event.subject_id: str(event.data.get("note", "")) for event in events}


def diagram_of(process: ProcessVersion, name: str = "") -> str:
    """Return the XML of a version, or of a process that it calls. Raises NotFound."""
    wanted = name or process.key
    for file, text in bundle_of(process).files.items():
        root = read_xml(text.encode(), file)
        if any(found.get("id") == wanted for found in root.iterfind("{*}process")):
            return text
    raise NotFound


def table_of(process: ProcessVersion, key: str) -> str:
    """Return the XML of a decision table of a version. Raises NotFound."""
    files = bundle_of(process).files
    tables = tables_of({name: text.encode() for name, text in files.items()})
    if key not in tables:
        raise NotFound("此版本没有这张决策表")
    return files[tables[key].file]


def form_of(process: ProcessVersion, key: str) -> str:
    """Return the text of a form of a version. Raises NotFound."""
    forms = bundle_of(process).forms
    if key not in forms:
        raise NotFound("此版本没有这个表单")
    return forms[key]


def contents_of(process: ProcessVersion) -> Contents:
    """Return what a version holds, as people read it. Raises NotFound."""
    bundle = bundle_of(process)
    return contents({name: text.encode() for name, text in bundle.files.items()}, bundle.forms)


def difference(old: ProcessVersion, new: Contents) -> Difference:
    """Compare what a version holds with one before it."""
    return between(contents_of(old), new)


def difference_to(
    process: ProcessVersion, files: Mapping[str, bytes], forms: Mapping[str, str]
) -> Difference:
    """Compare checked files with the version that they would replace."""
    return between(contents_of(process), contents(files, forms))
