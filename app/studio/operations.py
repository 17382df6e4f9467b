"""Publishing a new version of a process: through the gate, never around it."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.core import audit
from app.core.errors import Conflict, Invalid, NotFound
from app.core.storage import Kept, StoredFile, lay, owned_file, read_bytes, store_known
from app.engine.definitions import closure, pack, publish_version
from app.engine.diagrams import read_nodes
from app.engine.gate import Verdict, check
from app.engine.models import ProcessVersion
from app.studio import judging
from app.studio.queries import PUBLISHED_TAG, last_version_id, newest_version
from app.studio.queries import version as version_of
from forms import FormSpecError, source

UNCHANGED = "上传的流程与当前版本完全相同，无需发布"
DIAGRAM_TYPE = "application/xml"


def store_uploads(uploads: Mapping[str, bytes]) -> list[Kept]:
    """Put the bytes of files that passed the gate into the store, before anything is written."""
    return [store_known(io.BytesIO(each), name, DIAGRAM_TYPE) for name, each in uploads.items()]


def stage_uploads(kept: Sequence[Kept], *, owner_id: int, now: datetime) -> list[StoredFile]:
    """Keep files that passed the gate until they are published; they are swept otherwise."""
    return [lay(each, owner_id=owner_id, now=now) for each in kept]


def staged_uploads(file_ids: Sequence[int], *, owner_id: int) -> dict[str, bytes]:
    """Return what `stage_uploads` kept. Raises NotFound for foreign, swept and other files."""
    files = [owned_file(file_id, owner_id) for file_id in file_ids]
    if not files or any(file.media_type != DIAGRAM_TYPE for file in files):
        raise NotFound("上传的流程文件已过期，请重新上传")
    return {file.name: read_bytes(file) for file in files}


@dataclass(frozen=True)
class Judged:
    """Uploads and the gate's verdict on the version that they would make."""

    process: int
    uploads: Mapping[str, bytes]
    verdict: Verdict
    # The newest version of any process when the gate looked: what it knew of the platform.
    seen: int

    @property
    def placed(self) -> dict[str, bytes]:
        """The uploads under the names that the gate found: each after its process."""
        return {name: self.uploads[file] for file, name in self.verdict.names}


def merged(process: ProcessVersion, judged: Judged) -> dict[str, bytes]:
    """Return the files of the next version: the uploaded ones over those in force.

    What the process no longer calls or asks is not among them.
    """
    return closure({**judging.in_force(process), **judged.placed}, process.key)


def judge(process: ProcessVersion, uploads: Mapping[str, bytes], now: datetime) -> Judged:
    """Ask the gate about the version that these uploads would make (发布检查).

    It takes seconds: a request asks before it writes. Nothing uploaded is read here, only there.
    """
    seen = last_version_id()
    known = judging.known_for(process.jurisdiction, now)
    if uploads:
        verdict = judging.verdict_on(uploads, [process], known=known, key=process.key, now=now)
    else:
        verdict = check({}, known=known)
    return Judged(process.id, uploads, verdict, seen)


def is_unchanged(process: ProcessVersion, judged: Judged) -> bool:
    """Tell whether what passed the gate would make the same version once more."""
    files = merged(process, judged)
    content = pack(process.key, files, forms_for(files, process.jurisdiction))
    return hashlib.sha256(content).hexdigest() == process.bundle_hash


def refuse_overtaken(process: ProcessVersion) -> None:
    """Raise Conflict for a version that is not the newest: an upload would undo the newer one."""
    if process.id != newest_version(process).id:
        raise Conflict(
            "此流程已有更新的版本，请在最新版本的页面重新上传",
            hint="刚才上传的没有发布。从流程管理打开此流程，就是最新的版本。",
        )


def publish_upload(judged: Judged, note: str, *, actor_id: int, now: datetime) -> ProcessVersion:
    """Publish what was judged as the next version; running instances keep theirs.

    Raises Invalid when the gate refuses it, the note is missing or nothing changes, Conflict when
    another version of this or of another process came in between: the verdict was on what there
    was before.
    """
    process = version_of(judged.process)
    refuse_overtaken(process)
    if judged.seen != last_version_id():
        raise Conflict(
            "检查期间有其他流程发布了新版本，请再次点击“发布”",
            hint="刚才上传的没有发布，检查过的文件仍然保留。",
        )
    if not note.strip():
        raise Invalid("请填写版本说明", field="note")
    if not judged.verdict.ok:
        raise Invalid("流程没有通过发布检查，请修改后重新上传")
    if is_unchanged(process, judged):
        raise Invalid(UNCHANGED)
    files = merged(process, judged)
    version = publish_version(
        process.key,
        process.jurisdiction,
        files,
        forms_for(files, process.jurisdiction),
        actor_id=actor_id,
        now=now,
    )
    subject = ("process_version", version.id)
    audit.record(PUBLISHED_TAG, subject=subject, actor_id=actor_id, now=now, note=note.strip())
    return version


def forms_for(files: Mapping[str, bytes], jurisdiction: str) -> dict[str, str]:
    """Return the forms that diagrams name, as they are written now. Raises Invalid."""
    keys = {node.properties.get("form", "") for node in read_nodes(files)} - {""}
    try:
        return {key: source(key, jurisdiction) for key in sorted(keys)}
    except FormSpecError as error:
        raise Invalid(str(error)) from error
