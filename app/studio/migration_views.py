"""流程迁移: what a new version would change for instances under way, moving them, going back."""

from collections.abc import Sequence

from flask import render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.queries import names_of
from app.core.clock import now
from app.core.db import db
from app.core.errors import DomainError, NotFound
from app.core.http import page_of, see_other
from app.core.permissions import requires
from app.engine import health, migration
from app.engine.models import ProcessVersion
from app.studio import moves, queries, running
from app.studio.models import MigrationMove, MoveStatus
from app.studio.views import bp, tell

BATCH_LIMIT = 200
WORDS = {
    MoveStatus.WAITING: ("等待迁移", "info"),
    MoveStatus.MOVED: ("已迁移", "success"),
    MoveStatus.REFUSED: ("没有迁移", "warning"),
    moves.UNDONE: ("已撤销", "secondary"),
}


@bp.get("/studio/processes/<int:version_id>/migrate")
@requires("process.migrate")
def preview(version_id: int) -> str:
    """What moving would change for each instance of a version; nothing is written."""
    return _preview(queries.version(version_id))


def _preview(source: ProcessVersion, fault: str = "") -> str:
    targets = moves.targets_of(source)
    target = _target(targets)
    page = page_of(moves.living(source))
    return render_template(
        "studio/migrate.html",
        source=source,
        targets=targets,
        target=target,
        page=page,
        fault=fault,
        forecasts={
            each.id: migration.forecast(each, target, now()) for each in page.items if target
        },
        records=running.titles_of({running.business_of(each) for each in page.items}),
        node_name=running.node_name,
        difference=queries.difference(source, queries.contents_of(target)) if target else None,
        titles=queries.titles(),
        reason=request.form.get("reason", ""),
    )


def _target(targets: Sequence[ProcessVersion]) -> ProcessVersion | None:
    """Return the version asked for, or else the newest; None when there is no other."""
    wanted = request.values.get("to", None, int)
    if wanted is None:
        return targets[0] if targets else None
    found = [each for each in targets if each.id == wanted]
    if not found:
        raise NotFound("没有可以迁移到的这个版本")
    return found[0]


@bp.post("/studio/processes/<int:version_id>/migrate")
@requires("process.migrate")
def migrate(version_id: int) -> Response | tuple[str, int]:
    """Ask for the chosen instances to be moved; a job does it while a page tells how far it is."""
    source = queries.version(version_id)
    target = _target(moves.targets_of(source))
    if target is None:
        raise NotFound("没有可以迁移到的版本")
    chosen = None if request.form.get("all") else request.form.getlist("id", int)
    try:
        run = moves.start_run(
            source,
            target,
            chosen,
            reason=request.form.get("reason", ""),
            actor_id=current_user.id,
            now=now(),
        )
    except DomainError as error:
        db.session.rollback()
        return _preview(queries.version(version_id), error.message), error.status
    return see_other(url_for("studio.migration_run", run_id=run.id))


@bp.get("/studio/migrations/<int:run_id>")
@requires("process.migrate")
def migration_run(run_id: int) -> str:
    """How far a migration is, and what came of each instance."""
    return _run_page(run_id)


def _run_page(run_id: int, fault: str = "") -> str:
    run = moves.run(run_id)
    counts = moves.count(run_id)
    page = page_of(moves.moves(run_id, request.args.get("status", "")))
    undone_by = moves.undone_by(page.items)
    names = names_of([run.actor_id, *undone_by.values()])
    return render_template(
        "studio/migration.html",
        run=run,
        page=page,
        fault=fault,
        counts=counts,
        stopped=health.stopped(now()) if MoveStatus.WAITING in counts else "",
        goes_on=moves.goes_on_at(run_id) if MoveStatus.WAITING in counts else None,
        words=WORDS,
        records=running.titles_of({running.business_of(each.instance) for each in page.items}),
        undoable={each.instance_id for each in page.items if _can_go_back(each)},
        actor=names.get(run.actor_id, ""),
        undone_by={number: names.get(who or 0, "命令行") for number, who in undone_by.items()},
        reason=request.form.get("reason", ""),
    )


def _can_go_back(move: MigrationMove) -> bool:
    return migration.is_undoable(move.migration, move.instance)


@bp.post("/studio/migrations/<int:run_id>")
@requires("process.migrate")
def undo_migration(run_id: int) -> Response | tuple[str, int]:
    """Take chosen instances back; who has gone on since stays."""
    moves.run(run_id)
    ids = request.form.getlist("id", int)[:BATCH_LIMIT]
    reason = request.form.get("reason", "")
    try:
        batch = moves.undo_moves(run_id, ids, reason=reason, actor_id=current_user.id, now=now())
    except DomainError as error:
        db.session.rollback()
        return _run_page(run_id, error.message), error.status
    tell(
        batch,
        done="已撤销 {} 个实例的迁移",
        refused="实例 {}：没有撤销，{}",
        nothing="请先勾选要撤销迁移的实例",
    )
    return see_other(url_for("studio.migration_run", run_id=run_id))
