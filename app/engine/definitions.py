"""Definitions: publishing versions, and the bundle that an instance is pinned to.

A bundle is everything a run can meet: the process, the processes it calls, their decision tables
and the forms of their nodes. It is stored once by the hash of its content and never changes.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import orjson
import sqlalchemy as sa
import zstandard
from sqlalchemy.exc import IntegrityError

from app.core.db import db, insert_into
from app.core.errors import Conflict, NotFound
from app.engine.diagrams import (
    NS,
    DefinitionError,
    Node,
    Specs,
    closure,
    is_table,
    parse,
    read_nodes,
    read_xml,
)
from app.engine.incidents import blamed_on
from app.engine.models import (
    ProcessInstance,
    ProcessVersion,
    SpecBundle,
    VersionStatus,
    WorkItem,
)

__all__ = [
    "Bundle",
    "DefinitionError",
    "Node",
    "Specs",
    "bundle_of",
    "closure",
    "current_version",
    "form_text",
    "load_shipped",
    "nodes",
    "pack",
    "parse",
    "publish_version",
    "read_nodes",
    "read_xml",
    "xml_for",
]

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Bundle:
    """The content of a spec bundle, ready to run."""

    process: str
    files: Mapping[str, str]
    forms: Mapping[str, str]
    specs: Specs
    nodes: tuple[Node, ...]

    @cached_property
    def _places(self) -> dict[tuple[str, str], Node]:
        return {(node.container, node.id): node for node in self.nodes}

    def node(self, container: str, node_id: str) -> Node | None:
        """Return the node drawn in a process or subprocess; None for the engine's own tasks."""
        return self._places.get((container, node_id))


def pack(process_id: str, files: Mapping[str, bytes], forms: Mapping[str, str]) -> bytes:
    """Return the content of a bundle; equal input gives equal bytes."""
    texts = {name: content.decode() for name, content in files.items()}
    content = {"process": process_id, "files": texts, "forms": dict(forms)}
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def publish_version(
    key: str,
    jurisdiction: str,
    files: Mapping[str, bytes],
    forms: Mapping[str, str],
    *,
    actor_id: int | None,
    now: datetime,
) -> ProcessVersion:
    """Publish the next version of process `key`; `files` may hold more than it needs.

    Raises DefinitionError, and Conflict when another version comes at the same moment. Whether the
    diagram is fit to run is the publish gate's question.
    """
    needed = closure(files, key)
    specs = parse(needed, key)
    named = {node.properties.get("form", "") for node in read_nodes(needed)}
    content = pack(key, needed, {name: text for name, text in forms.items() if name in named})
    version = ProcessVersion(
        key=key,
        jurisdiction=jurisdiction,
        no=_last_number(key, jurisdiction) + 1,
        title=specs.process.description or key,
        bundle_hash=_store(content),
        published_by=actor_id,
        published_at=now,
    )
    db.session.add(version)
    try:
        db.session.flush()
    except IntegrityError as error:  # two take the next number at once: the constraint decides
        raise Conflict("此流程刚刚发布了另一个版本，请刷新后重试") from error
    return version


def _last_number(key: str, jurisdiction: str) -> int:
    newest = sa.select(sa.func.max(ProcessVersion.no)).where(
        ProcessVersion.key == key, ProcessVersion.jurisdiction == jurisdiction
    )
    return db.session.scalar(newest) or 0


def _store(content: bytes) -> str:
    digest = _digest(content)
    if db.session.get(SpecBundle, digest) is None:
        kept = insert_into(SpecBundle).values(hash=digest, content=zstandard.compress(content))
        db.session.execute(kept.on_conflict_do_nothing(index_elements=["hash"]))
    return digest


def current_version(key: str, jurisdiction: str) -> ProcessVersion:
    """Return the version in force, the jurisdiction's own before the national one.

    Raises NotFound.
    """
    version = db.session.scalars(
        sa.select(ProcessVersion)
        .where(
            ProcessVersion.key == key,
            ProcessVersion.jurisdiction.in_({jurisdiction, ""}),
            ProcessVersion.status == VersionStatus.PUBLISHED,
        )
        .order_by(ProcessVersion.jurisdiction.desc(), ProcessVersion.no.desc())
        .limit(1)
    ).first()
    if version is None:
        raise NotFound(f"流程“{key}”尚未发布")
    return version


def bundle_of(subject: ProcessInstance | ProcessVersion) -> Bundle:
    """Return the bundle that an instance or a version is pinned to; read once a process.

    Raises NotFound when it is gone or cannot be read.
    """
    known = _bundles.get(subject.bundle_hash)
    if known is None:
        row = db.session.get(SpecBundle, subject.bundle_hash)
        if row is None:
            raise NotFound(f"流程定义 {subject.bundle_hash[:12]} 已丢失")
        known = _bundles.setdefault(subject.bundle_hash, _read(row))
    return known


def is_stored(digest: str) -> bool:
    """Tell whether a bundle lies in the database as it was published: its content has its hash."""
    row = db.session.get(SpecBundle, digest, populate_existing=True)
    try:
        return row is not None and _digest(zstandard.decompress(row.content)) == digest
    except zstandard.ZstdError:
        return False


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# Live specs by the hash of their content, for all threads; a deployment has dozens.
_bundles: dict[str, Bundle] = {}


def _read(row: SpecBundle) -> Bundle:
    try:
        return _unpack(row.content)
    except Exception as error:
        raise NotFound(f"流程定义 {row.hash[:12]} 无法读取") from error


def _unpack(content: bytes) -> Bundle:
    fields = orjson.loads(zstandard.decompress(content))
    files = {name: text.encode() for name, text in fields["files"].items()}
    return Bundle(
        process=fields["process"],
        files=MappingProxyType(fields["files"]),
        forms=MappingProxyType(fields["forms"]),
        specs=parse(files, fields["process"]),
        nodes=read_nodes(files),
    )


def form_text(item: WorkItem) -> str:
    """Return the form of a work item as it was when its process version was published.

    Raises StepFailed when it has none, so that an incident tells of it.
    """
    with blamed_on(item, NotFound):
        text = bundle_of(item.instance).forms.get(item.form or "")
        if text is None:
            raise NotFound(f"任务“{item.name}”没有表单“{item.form}”")
        return text


def xml_for(instance: ProcessInstance, process: str | None = None) -> str:
    """Return the diagram of an instance, or of a process it calls. Raises NotFound."""
    bundle = bundle_of(instance)
    wanted = process or bundle.process
    for text in bundle.files.values():
        root = read_xml(text.encode())
        if any(p.get("id") == wanted for p in root.iterfind("b:process", NS)):
            return text
    raise NotFound(f"没有流程“{wanted}”的流程图")


def nodes(version: ProcessVersion) -> tuple[Node, ...]:
    """Return the flow nodes of a version and of the processes it calls."""
    return bundle_of(version).nodes


def load_shipped(now: datetime, root: Path = ROOT) -> list[ProcessVersion]:
    """Publish the processes that come with the program where their content changed.

    bpmn/<jurisdiction>/ and forms/<jurisdiction>/ override the national files by name; a
    jurisdiction whose process comes out like the national one gets no version of its own, and
    loses the shipped one it had.
    """
    national = _files(root / "bpmn")
    published = [v for key in _keys(national) if (v := _ship(key, "", national, root, now=now))]
    for jurisdiction in _jurisdictions(root):
        files = {**national, **_files(root / "bpmn" / jurisdiction)}
        for key in _keys(files):
            version = _ship(key, jurisdiction, files, root, now=now)
            published += [version] if version else []
    return published


def _ship(
    key: str, jurisdiction: str, files: Mapping[str, bytes], root: Path, *, now: datetime
) -> ProcessVersion | None:
    needed = closure(files, key)
    forms = _forms(needed, root / "forms", jurisdiction)
    digest = _digest(pack(key, needed, forms))
    shipped = _last_shipped(key, jurisdiction)
    if jurisdiction:
        nationwide = _last_shipped(key, "")
        if nationwide is not None and nationwide.bundle_hash == digest:
            if shipped is not None:
                shipped.status = VersionStatus.RETIRED
            return None
    if shipped and shipped.bundle_hash == digest and shipped.status == VersionStatus.PUBLISHED:
        return None
    return publish_version(key, jurisdiction, needed, forms, actor_id=None, now=now)


def _last_shipped(key: str, jurisdiction: str) -> ProcessVersion | None:
    return db.session.scalars(
        sa.select(ProcessVersion)
        .where(
            ProcessVersion.key == key,
            ProcessVersion.jurisdiction == jurisdiction,
            ProcessVersion.published_by.is_(None),
        )
        .order_by(ProcessVersion.no.desc())
        .limit(1)
    ).first()


def _keys(files: Mapping[str, bytes]) -> list[str]:
    return sorted(Path(name).stem for name in files if not is_table(name))


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.glob("*"))
        if path.suffix.lower() in {".bpmn", ".dmn"}
    }


def _jurisdictions(root: Path) -> list[str]:
    folders = [*(root / "bpmn").glob("*/"), *(root / "forms").glob("*/")]
    return sorted({folder.name for folder in folders if not folder.name.startswith("_")})


def _forms(files: Mapping[str, bytes], folder: Path, jurisdiction: str) -> dict[str, str]:
    found = {}
    for key in {node.properties.get("form") for node in read_nodes(files)} - {None, ""}:
        own, national = folder / jurisdiction / f"{key}.yaml", folder / f"{key}.yaml"
        path = own if own.exists() else national
        if path.exists():
            found[str(key)] = path.read_text("utf-8")
    return found
