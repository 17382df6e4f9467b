"""What process admins do to running instances on the server: the commands of the engine."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import click
from sqlalchemy import select

from app.accounts.queries import credential_by_name, holders
from app.core.clock import ZONE, now
from app.core.db import db, transaction
from app.core.errors import DomainError
from app.core.instance import in_instance
from app.engine import care, deadlines, health, incidents, migration
from app.engine.handlers import Scope
from app.engine.models import Incident, ProcessInstance, ProcessVersion, Timer, WorkItem
from app.studio import acts, queries, running, troubles

_by = click.option("--by", "login", default="", help="login of the process admin who acts")
_reason = click.option("--reason", required=True, help="why; people read it in the flow log")


def _person_id(login: str) -> int:
    account = credential_by_name(login)
    if account is None:
        raise click.ClickException(f"没有账号“{login}”")
    return account.person_id


def _actor_id(login: str) -> int | None:
    """Return who acts; nobody is named where the server itself does."""
    if not login:
        return None
    found = _person_id(login)
    if found not in holders("process_admin", "all", None, now()):
        raise click.ClickException(f"“{login}”不是流程管理员")
    return found


def _found(table: Any, number: int, word: str) -> Any:
    row = db.session.get(table, number)
    if row is None:
        raise click.ClickException(f"没有{word} {number}")
    return row


def _do(act: Callable[[], str]) -> None:
    """Run an act in a transaction and say what it did; a refusal is said and exits with 1."""
    try:
        with transaction():
            said = act()
    except DomainError as error:
        raise click.ClickException(incidents.describe(error)) from error
    click.echo(said)


@click.command("incidents")
@in_instance
def list_incidents() -> None:
    """List the incidents nobody has dealt with: number, moment, times, record, place, cause."""
    with transaction(write=False):
        found = troubles.troubles(incidents.open_incidents())
        titles = queries.titles()
        for each in found:
            of = each.incident
            when = f"{of.id}\t{of.last_at:%Y-%m-%d %H:%M}\t{of.times} 次"
            click.echo(f"{when}\t{each.title}\t{_place(each, titles)}\t{of.message}")
    click.echo(f"{len(found)} 个未处理的异常" if found else "没有未处理的异常")


def _place(trouble: troubles.Trouble, titles: Mapping[str, str]) -> str:
    """Return where something stopped, as people call it, with the number for the commands."""
    of, parts = trouble.incident, [titles.get(trouble.process, trouble.process)]
    parts += [f"第 {trouble.version.no} 版"] if trouble.version else []
    parts += [f"环节“{running.place_name(of)}”"] if of.node else []
    parts += [f"实例 {of.instance_id}"] if of.instance_id else []
    return "，".join(part for part in parts if part) or "-"


@click.command("retry-incident")
@click.argument("number", type=int)
@_by
@in_instance
def retry_incident(number: int, login: str) -> None:
    """Try again what an incident stopped, and close it; a person's step is taken again by them."""

    def act() -> str:
        incident = _found(Incident, number, "异常")
        again = care.retry(incident, actor_id=_actor_id(login), now=now())
        if again:
            return f"异常 {number} 已重试并关闭"
        return f"异常 {number} 已标为已处理，请通知办理人重新提交"

    _do(act)


def _act_on(
    word: str, operation: Callable[..., None], number: int, *, reason: str, login: str
) -> None:
    def act() -> str:
        instance = _found(ProcessInstance, number, "流程实例")
        operation(instance, reason=reason, actor_id=_actor_id(login), now=now())
        return f"流程实例 {number} 已{word}"

    _do(act)


@click.command()
@click.argument("number", type=int)
@_reason
@_by
@in_instance
def suspend(number: int, reason: str, login: str) -> None:
    """Halt an instance."""
    _act_on("暂停", acts.suspend, number, reason=reason, login=login)


@click.command()
@click.argument("number", type=int)
@_reason
@_by
@in_instance
def resume(number: int, reason: str, login: str) -> None:
    """Let a suspended instance go on."""
    _act_on("恢复", acts.resume, number, reason=reason, login=login)


@click.command()
@click.argument("number", type=int)
@_reason
@_by
@in_instance
def cancel(number: int, reason: str, login: str) -> None:
    """End an instance where it stands."""
    _act_on("作废", care.cancel, number, reason=reason, login=login)


@click.command()
@click.argument("number", type=int)
@click.option("--to", "target", required=True, help="a login, or org:ID, or meeting:ID")
@click.option("--elsewhere", is_flag=True, help="the task may leave its unit for another")
@_reason
@_by
@in_instance
def reassign(number: int, target: str, *, elsewhere: bool, reason: str, login: str) -> None:
    """Give an open task to a person, a unit or a meeting of its jurisdiction."""

    def act() -> str:
        item = _found(WorkItem, number, "任务")
        to = _scope(target)
        acts.hand_over(
            item, to, reason=reason, actor_id=_actor_id(login), now=now(), elsewhere=elsewhere
        )
        return f"任务 {number}（{item.name}）已转办"

    _do(act)


def _scope(target: str) -> Scope:
    kind, _, number = target.partition(":")
    if kind == "org" and number.isdecimal():
        return Scope("org", int(number))
    if kind == "meeting" and number.isdecimal():
        return Scope("meeting", int(number))
    return Scope("person", _person_id(target))


@click.command("timers")
@click.argument("number", type=int)
@in_instance
def list_timers(number: int) -> None:
    """List the deadlines that an instance waits for: number, moment, node."""
    with transaction(write=False):
        _found(ProcessInstance, number, "流程实例")
        of_instance = select(Timer).where(Timer.instance_id == number).order_by(Timer.due_at)
        waiting = db.session.scalars(of_instance).all()
        for timer in waiting:
            click.echo(f"{timer.id}\t{timer.due_at:%Y-%m-%d %H:%M}\t{timer.node}")
    if not waiting:
        click.echo(f"流程实例 {number} 没有等待的时限")


@click.command("move-timer")
@click.argument("number", type=int)
@click.option("--to", "written", required=True, help="a moment such as 2026-11-20 17:30")
@_reason
@_by
@in_instance
def move_timer(number: int, written: str, reason: str, login: str) -> None:
    """Move the deadline that an instance waits for."""
    try:
        due = datetime.strptime(written, "%Y-%m-%d %H:%M").replace(tzinfo=ZONE)
    except ValueError:
        said = f"时间“{written}”不能识别，请写成 2026-11-20 17:30 的样子"
        raise click.ClickException(said) from None

    def act() -> str:
        deadlines.move_timer(number, due, reason=reason, actor_id=_actor_id(login), now=now())
        return f"时限 {number} 已改为 {due:%Y-%m-%d %H:%M}"

    _do(act)


def _version(key: str, no: int, jurisdiction: str) -> ProcessVersion:
    version = db.session.scalars(
        select(ProcessVersion).where(
            ProcessVersion.key == key,
            ProcessVersion.no == no,
            ProcessVersion.jurisdiction == jurisdiction,
        )
    ).first()
    if version is None:
        raise click.ClickException(f"流程“{key}”没有第 {no} 版")
    return version


@click.command("migrate-process")
@click.argument("key")
@click.option("--from", "source", type=int, required=True, help="number of the version")
@click.option("--to", "target", type=int, required=True, help="number of the version")
@click.option("--jurisdiction", default="", help="empty: the national process")
@click.option("--reason", default="", help="move the instances; without it nothing is changed")
@_by
@in_instance
def migrate_process(**given: Any) -> None:
    """Tell what moving the instances of a version would change; with --reason, move them."""
    try:
        with transaction(write=False):
            area = given["jurisdiction"]
            source = _version(given["key"], given["source"], area)
            target = _version(given["key"], given["target"], area)
            ids, actor_id, moment = (source.id, target.id), _actor_id(given["login"]), now()
            for each in migration.preview(source, target, moment):
                kept = "、".join(f"{node} {due:%Y-%m-%d %H:%M}" for node, due in each.timers)
                told = f"可迁移\t时限 {kept or '-'}" if each.ok else "；".join(each.reasons)
                click.echo(f"实例 {each.instance_id}\t{told}")
    except DomainError as error:
        raise click.ClickException(incidents.describe(error)) from error
    if given["reason"]:
        reason = given["reason"]
        done = migration.migrate_all(*ids, reason=reason, actor_id=actor_id, now=moment)
        click.echo(f"已迁移 {len(done.moved)} 个，未迁移 {len(done.refused)} 个")


@click.command("undo-migration")
@click.argument("number", type=int)
@_reason
@_by
@in_instance
def undo_migration(number: int, reason: str, login: str) -> None:
    """Move an instance back to where its last migration found it."""
    _act_on("撤销迁移", _undo, number, reason=reason, login=login)


def _undo(instance: ProcessInstance, **given: Any) -> None:
    migration.undo(instance, **given)


@click.command("engine-health")
@in_instance
def engine_health() -> None:
    """Tell whether processes move by themselves; exit 1 when the worker is dead."""
    with transaction(write=False):
        found = health.health(now())
    click.echo(found.said)
    click.echo(f"到期未触发的时限 {found.due_timers}，待送达的消息 {found.due_messages}")
    click.echo(f"未处理的异常 {found.open_incidents}，暂停中的流程 {found.suspended}")
    raise SystemExit(1 if found.is_dead else 0)


COMMANDS = (
    list_incidents,
    retry_incident,
    suspend,
    resume,
    cancel,
    reassign,
    list_timers,
    move_timer,
    migrate_process,
    undo_migration,
    engine_health,
)
