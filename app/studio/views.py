"""流程管理: the processes, their diagrams and versions, and the upload of a new one."""

from urllib.parse import quote

from flask import Blueprint, flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.catalogue import jurisdictions
from app.core.clock import now
from app.core.db import begin_writing
from app.core.errors import Invalid, TooLarge
from app.core.http import see_other, writes_late
from app.core.menu import add_entry
from app.core.permissions import requires
from app.core.repeats import answer_repeat
from app.core.uploads import Policy
from app.engine.batches import TOLD_AT_ONCE, Batch
from app.engine.gate.bundle import MAX_FILES
from app.engine.gate.xml import MAX_BYTES
from app.engine.models import ProcessVersion
from app.studio import drawings, moves, operations, queries
from app.studio.forms import PublishForm

bp = Blueprint("studio", __name__)
FILES = Policy(types=("bpmn", "dmn", "xml"), max_bytes=MAX_BYTES, max_count=MAX_FILES)


def tell(batch: Batch, *, done: str, refused: str, nothing: str) -> None:
    """Say how an act on several went: how many were done, and each refusal with its reason."""
    if batch.done:
        flash(done.format(len(batch.done)), "success")
    for number, reason in batch.reasons:
        flash(refused.format(number, reason), "warning")
    if len(batch.refused) > TOLD_AT_ONCE:
        flash(f"另有 {len(batch.refused) - TOLD_AT_ONCE} 个没有处理，仍在列表中", "warning")
    if not batch.done and not batch.refused:
        flash(nothing, "warning")


@bp.app_template_filter("jurisdiction_name")
def jurisdiction_name(key: str) -> str:
    """Return what people call a jurisdiction; the national one has no key."""
    return jurisdictions.get(key).name if key else "全国"


@bp.get("/studio/processes")
@requires("process.manage")
def processes() -> str:
    """Every process in force (流程管理)."""
    versions = queries.current_versions()
    return render_template(
        "studio/processes.html",
        versions=versions,
        counts=queries.running_totals(),
        held=queries.held_counts(versions),
    )


@bp.get("/studio/processes/<int:version_id>")
@requires("process.manage")
def process(version_id: int) -> str:
    """One version: its diagram, every other version, and the upload of the next."""
    return _page(version_id)


def _refused(version: ProcessVersion, judged: operations.Judged) -> str:
    """Show what the gate found, in the diagram as it was uploaded."""
    drawn = drawings.faulty(judged.uploads, judged.verdict.findings)
    return _page(version.id, verdict=judged.verdict, drawings=drawn)


def _page(version_id: int, **more: object) -> str:
    version = queries.version(version_id)
    versions = list(queries.versions_of(version))
    older = [each for each in versions if each.no < version.no]
    contents = queries.contents_of(version)
    return render_template(
        "studio/process.html",
        version=version,
        versions=versions,
        counts=queries.running_counts(versions),
        notes=queries.notes(versions),
        difference=queries.difference(older[0], contents) if older else None,
        contents=contents,
        runs=moves.runs_of(versions),
        called=sorted(queries.called_by(version)),
        callers=queries.callers_of(version),
        titles=queries.titles(),
        policy=FILES,
        **more,
    )


@bp.get("/studio/processes/<int:version_id>/diagram.bpmn")
@requires("process.manage")
def diagram(version_id: int) -> Response:
    """Download the XML of a version, or of a process that it calls."""
    version = queries.version(version_id)
    name = request.args.get("process", "") or version.key
    text = queries.diagram_of(version, name)
    return _file(text, f"{name}-v{version.no}.bpmn", "application/xml")


def _file(text: str, name: str, kind: str) -> Response:
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    return Response(text, mimetype=kind, headers=headers)


@bp.get("/studio/processes/<int:version_id>/tables/<key>.dmn")
@requires("process.manage")
def table(version_id: int, key: str) -> Response:
    """Download a decision table of a version."""
    version = queries.version(version_id)
    text = queries.table_of(version, key)
    return _file(text, f"{key}-v{version.no}.dmn", "application/xml")


@bp.get("/studio/processes/<int:version_id>/forms/<path:key>.yaml")
@requires("process.manage")
def form(version_id: int, key: str) -> Response:
    """Download a form of a version, as it was when that was published."""
    version = queries.version(version_id)
    text = queries.form_of(version, key)
    return _file(text, f"{key.replace('/', '-')}-v{version.no}.yaml", "application/yaml")


@bp.post("/studio/processes/<int:version_id>/check")
@writes_late
@requires("process.manage")
def check(version_id: int) -> Response | tuple[str, int]:
    """Put uploaded files through the gate; show the findings, or go on to what would change.

    The gate takes seconds: nobody waits for it, since only what follows it writes.
    """
    version = queries.version(version_id)
    operations.refuse_overtaken(version)
    try:
        uploads = _uploaded()
    except (Invalid, TooLarge) as error:
        return _page(version_id, refusal=error.message), error.status
    judged = operations.judge(version, uploads, now())
    if not judged.verdict.ok:
        return _refused(version, judged), 422
    if operations.is_unchanged(version, judged):
        return _page(version_id, refusal=operations.UNCHANGED), 422
    kept = operations.store_uploads(uploads)
    begin_writing()
    repeated = answer_repeat()
    if repeated is not None:
        return repeated
    staged = operations.stage_uploads(kept, owner_id=current_user.id, now=now())
    ids = [file.id for file in staged]
    return see_other(url_for("studio.confirm", version_id=version_id, upload=ids))


@bp.get("/studio/processes/<int:version_id>/publish")
@requires("process.manage")
def confirm(version_id: int) -> str:
    """Show what checked files would change, and ask for a note before they are published."""
    ids = request.args.getlist("upload", int)
    return _confirm(queries.version(version_id), ids, PublishForm())


def _confirm(version: ProcessVersion, ids: list[int], form: PublishForm) -> str:
    uploads = operations.staged_uploads(ids, owner_id=current_user.id)
    judged = operations.judge(version, uploads, now())
    if not judged.verdict.ok:
        return _refused(version, judged)
    files = operations.merged(version, judged)
    forms = operations.forms_for(files, version.jurisdiction)
    difference = queries.difference_to(version, files, forms)
    return render_template(
        "studio/confirm.html",
        version=version,
        form=form,
        upload_ids=ids,
        verdict=judged.verdict,
        difference=difference,
        drawings=drawings.changed(judged.placed, difference),
        titles=queries.titles(),
        running=sum(queries.running_counts(queries.versions_of(version)).values()),
        callers=queries.callers_of(version),
    )


@bp.post("/studio/processes/<int:version_id>/publish")
@writes_late
@requires("process.manage")
def publish(version_id: int) -> Response | tuple[str, int]:
    """Publish what was checked as the next version; a faulty note is said at its field."""
    version, form = queries.version(version_id), PublishForm(request.form)
    ids = request.form.getlist("upload", int)
    if not form.validate():
        return _confirm(version, ids, form), 422
    operations.refuse_overtaken(version)
    uploads = operations.staged_uploads(ids, owner_id=current_user.id)
    judged = operations.judge(version, uploads, now())
    begin_writing()
    repeated = answer_repeat()
    if repeated is not None:
        return repeated
    published = operations.publish_upload(
        judged, form.note.data or "", actor_id=current_user.id, now=now()
    )
    flash(f"已发布第 {published.no} 版{_takes_effect(published)}", "success")
    return see_other(url_for("studio.process", version_id=published.id))


def _takes_effect(version: ProcessVersion) -> str:
    """Say when a new version comes into use: that of a called process with its callers."""
    callers = sorted({each.version.title for each in queries.callers_of(version)})
    if not callers:
        return "，此后启动的流程使用新版"
    return f"。“{'”“'.join(callers)}”调用此流程，须在其页面上传同一文件后才使用新版"


def _uploaded() -> dict[str, bytes]:
    """Read no more of an upload than what shows that it is too large."""
    files = [file for file in request.files.getlist("files") if file.filename]
    if len(files) > MAX_FILES:
        raise TooLarge(f"一次最多上传 {MAX_FILES} 个文件")
    names = [file.filename or "" for file in files]
    if len(set(names)) < len(names):
        raise Invalid("上传的文件有重名，请改名或只保留要发布的一个，重新上传")
    contents = (file.stream.read(MAX_BYTES + 1) for file in files)
    return dict(zip(names, contents, strict=True))


# The other jobs have files of their own, which add to the blueprint and to the menu after this.
add_entry("系统管理", "流程管理", "diagram-3", "studio.processes", "process.manage")

from app.studio import (  # noqa: E402
    health_views,
    incident_views,
    instance_views,
    migration_views,
)

__all__ = ["bp", "health_views", "incident_views", "instance_views", "migration_views"]
