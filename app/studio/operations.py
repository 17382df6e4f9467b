"""Publishing a new version of a process: through the gate, never around it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from app.core import audit
from app.core.errors import Conflict, Invalid, NotFound
from app.core.storage import StoredFile, keep, owned_file, read_bytes
from app.engine.definitions import bundle_of, publish_version
from app.engine.diagrams import read_nodes
from app.engine.gate import Known, Verdict, check, process_id_in
from app.engine.models import ProcessVersion
from app.studio.queries import PUBLISHED_TAG, newest_version
from forms import FormSpecError, source

DIAGRAM_TYPE = "application/xml"


def stage_uploads(
    uploads: Mapping[str, bytes], *, owner_id: int, now: datetime
) -> list[StoredFile]:
    """Keep files that passed the gate until they are published; they are swept otherwise."""
    return [
        keep(content, name, DIAGRAM_TYPE, owner_id=owner_id, now=now)
        for name, content in uploads.items()
    ]


def staged_uploads(file_ids: Sequence[int], *, owner_id: int) -> dict[str, bytes]:
    """Return what `stage_uploads` kept. Raises NotFound for foreign, swept and other files."""
    files = [owned_file(file_id, owner_id) for file_id in file_ids]
    if not files or any(file.media_type != DIAGRAM_TYPE for file in files):
        raise NotFound("上传的流程文件已过期，请重新上传")
    return {file.name: read_bytes(file) for file in files}


def merged(process: ProcessVersion, uploads: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of the next version: the uploaded ones over those in force.

    A file is named after its process, whatever the browser called it.
    """
    files = {name: text.encode() for name, text in bundle_of(process).files.items()}
    for name, content in uploads.items():
        files[_file_name(name, content)] = content
    return files


def _file_name(name: str, content: bytes) -> str:
    process_id = process_id_in(content)
    return f"{process_id}.bpmn" if process_id else name


def judge(process: ProcessVersion, uploads: Mapping[str, bytes]) -> Verdict:
    """Return the gate's verdict on the version that these uploads would make (发布检查)."""
    known = Known.of_platform(jurisdiction=process.jurisdiction)
    if not uploads:
        return check({}, known=known)
    return check(merged(process, uploads), known=known, key=process.key)


def publish_upload(
    process: ProcessVersion,
    uploads: Mapping[str, bytes],
    note: str,
    *,
    actor_id: int,
    now: datetime,
) -> ProcessVersion:
    """Publish the uploads as the next version; running instances keep theirs.

    Raises Invalid when the gate refuses them or the note is missing, Conflict when another
    version came in between: the uploads were compared with `process`, and would undo that one.
    """
    if process.id != newest_version(process).id:
        raise Conflict("此流程已有更新的版本，请在最新版本的页面重新上传")
    if not note.strip():
        raise Invalid("请填写版本说明", field="note")
    if not judge(process, uploads).ok:
        raise Invalid("流程没有通过发布检查，请修改后重新上传")
    files = merged(process, uploads)
    version = publish_version(
        process.key,
        process.jurisdiction,
        files,
        _forms(files, process.jurisdiction),
        actor_id=actor_id,
        now=now,
    )
    subject = ("process_version", version.id)
    audit.record(PUBLISHED_TAG, subject=subject, actor_id=actor_id, now=now, note=note.strip())
    return version


def _forms(files: Mapping[str, bytes], jurisdiction: str) -> dict[str, str]:
    keys = {node.properties.get("form", "") for node in read_nodes(files)} - {""}
    try:
        return {key: source(key, jurisdiction) for key in sorted(keys)}
    except FormSpecError as error:
        raise Invalid(str(error)) from error
