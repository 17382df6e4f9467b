"""The flask commands: serving, playing the demonstration, looking inside, checking."""

import errno
import itertools
import json
import logging
import os
import re
import socket
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade
from sqlalchemy import select

from app import worker
from app.accounts.grants import in_office
from app.accounts.models import Credential, Person
from app.accounts.operations import create_credential, create_person, grant_role
from app.accounts.queries import credential_by_login
from app.accounts.second_factor import FIRST_FACTOR_ROLES, ask_factor_of
from app.accounts.sessions import activation_link
from app.catalogue.operations import load_reference_data
from app.core import audit
from app.core.clock import now, set_clock
from app.core.db import db, transaction
from app.core.instance import in_instance
from app.core.invariants import check_all
from app.core.permissions import ADMINISTRATORS
from app.demo import show
from app.engine import definitions
from app.engine.gate.lint import lint_files
from app.engine.models import ProcessVersion
from app.studio.commands import COMMANDS
from app.studio.judging import judge_files

FIRST_ADMINISTRATORS = (
    ("sys.admin", "系统管理员", "system_admin"),
    ("sec.admin", "安全管理员", "security_admin"),
    ("aud.admin", "审计管理员", "audit_admin"),
    ("proc.admin", "流程管理员", "process_admin"),
)
THREADS = 8
# Until the first release the first migration is written anew with the tables.
OLD_INSTANCE = (
    "此实例的数据库由另一个开发版本创建，不能升级："
    "请用 INSTANCE=目录 另建实例，或移走 instance/ 后重新启动"
)


def register(app: Flask) -> None:
    """Add the commands to an application."""
    for command in (
        up,
        setup,
        play,
        clock,
        process_map,
        check_invariants,
        lint_process,
        *COMMANDS,
    ):
        app.cli.add_command(command)


def _quiet_migrations() -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)


def prepare_database() -> None:
    """Migrate, and load what every instance needs: titles, calendar, processes."""
    _quiet_migrations()
    try:
        upgrade()
    except SystemExit as error:  # how Flask-Migrate ends when it finds no way
        raise click.ClickException(OLD_INSTANCE) from error
    with transaction():
        load_reference_data(now().year + 1)
        definitions.load_shipped(now())


def open_first_accounts() -> list[tuple[str, str, str]]:
    """Open the first administrators of an empty instance: login, name, activation secret.

    Later only those of the three offices that nobody holds any more, or nobody who can sign in:
    their term ran out, and nobody else could give them anew.
    """
    with transaction():
        is_empty = db.session.scalar(select(Credential.id).limit(1)) is None
        opened = []
        for login, name, role in FIRST_ADMINISTRATORS:
            if is_empty or (role in ADMINISTRATORS and not in_office(role, now(), timedelta())):
                opened.append(_open_administrator(login, name, role))
        if is_empty:
            ask_factor_of(FIRST_FACTOR_ROLES, actor_id=None, now=now())
        return opened


def _open_administrator(login: str, name: str, role: str) -> tuple[str, str, str]:
    names = itertools.chain([login], (f"{login}{number}" for number in itertools.count(2)))
    free = next(each for each in names if credential_by_login(each) is None)
    person = create_person(name=name, now=now())
    _, secret = create_credential(person, free, now=now())
    grant_role(person, role, scope_kind="all", scope_id=None, actor_id=None, now=now())
    return free, name, secret


@click.command()
@click.option("--demo/--no-demo", "with_demo", default=True, help="load the demonstration")
@with_appcontext
def setup(*, with_demo: bool) -> None:
    """Prepare the database, and fill it on the first start."""
    click.echo("准备数据库 / preparing the database ...")
    prepare_database()
    with transaction(write=False):
        is_empty = db.session.scalar(select(Credential.id).limit(1)) is None
    if with_demo and is_empty:
        click.echo("载入演示数据（约一分钟） / playing the demonstration, about a minute ...")
        show.load(click.echo)
    else:
        _print_links(open_first_accounts())


def _print_links(opened: list[tuple[str, str, str]]) -> None:
    """Print where each first administrator sets a password; the secrets are kept nowhere."""
    if opened:
        click.echo("管理员的激活链接，只显示这一次，请妥善保存 / shown once, keep them safe:")
    for login, name, secret in opened:
        click.echo(f"  {login:<12}{name}  {activation_link(secret)}")


@click.command()
@click.option("--port", default=8000, show_default=True)
@click.option("--demo/--no-demo", "with_demo", default=True, help="load the demonstration")
@click.pass_context
def up(context: click.Context, port: int, *, with_demo: bool) -> None:
    """Set the instance up and serve it, with the worker inside."""
    _refuse_taken(port)
    address = f"http://127.0.0.1:{port}"
    # Certificates print where they are verified; here that is where it is served.
    current_app.config["PUBLIC_URL"] = os.environ.setdefault("PUBLIC_URL", address)
    context.invoke(setup, with_demo=with_demo)
    folder = Path(current_app.instance_path)
    with transaction(write=False):
        click.echo(show.accounts_table(folder, address))
    click.echo(f"\n  {address}   (Ctrl+C 停止 / to stop)\n")
    sys.stdout.flush()
    command = [sys.executable, "-m", "gunicorn", "--config", "python:app.serving"]
    command += ["--bind", f"127.0.0.1:{port}", "--threads", str(THREADS), "wsgi:application"]
    os.execv(sys.executable, command)  # noqa: S606 - our own server


def _refuse_taken(port: int) -> None:
    """Say in words that something else serves there, before anything is set up."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as fault:
            if fault.errno != errno.EADDRINUSE:
                raise
            told = f"端口 {port} 被占用，请换一个：make run PORT={port + 1} / port {port} is taken"
            raise click.ClickException(told) from fault


@click.command()
@click.option("--jurisdiction", default="", help="refuse unless the play is of this one")
@click.option("--here", is_flag=True, help="in this instance, which must be empty")
@click.pass_context
def play(context: click.Context, jurisdiction: str, *, here: bool) -> None:
    """Play the whole main job without a browser, a line per step.

    It plays in a scratch instance whose folder is kept, so that its papers can be looked at.
    """
    known = show.jurisdiction()
    if jurisdiction not in {"", known}:
        raise click.BadParameter(f"只有 {known} 的演示数据", param_hint="--jurisdiction")
    if here:
        context.exit(_play())
    folder = tempfile.mkdtemp(prefix="zhiping-play-")
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "play", "--here"]
    played = subprocess.run(command, check=False, env=os.environ | {"INSTANCE": folder})  # noqa: S603
    context.exit(played.returncode)


def _play() -> int:
    prepare_database()
    with transaction(write=False):
        if db.session.scalar(select(Person.id).limit(1)) is not None:
            # Playing moves the clock of the instance.
            raise click.ClickException("此实例已有数据，不能在此演示 / this instance is not empty")
    failures = show.play(click.echo)
    with transaction():
        audit.seal_events()
    with transaction(write=False):
        failures += check_all()
    for failure in failures:
        click.echo(f"FAILED  {failure}", err=True)
    click.echo("有环节未走通" if failures else "所有环节均已走通，数据一致性检查通过")
    return 1 if failures else 0


STEP = re.compile(r"\+(\d{1,3})([dh])")


@click.command()
@click.argument("step", default="")
@in_instance
def clock(step: str) -> None:
    """Say what time the demonstration has; +5d or +3h lets days or hours pass in it.

    What falls due meanwhile happens. Refused where people really work.
    """
    if not show.is_demo(Path(current_app.instance_path)):
        raise click.UsageError("只有演示实例的时间可以拨快 / only the demonstration's time moves")
    found = STEP.fullmatch(step)
    if step and not found:
        raise click.BadParameter("写作 +5d（天）或 +3h（小时）", param_hint="STEP")
    if found:
        size = int(found[1])
        with transaction():
            set_clock(now() + (timedelta(days=size) if found[2] == "d" else timedelta(hours=size)))
        worker.ask_once()
        worker.drain()
    with transaction(write=False):
        click.echo(f"{now():%Y-%m-%d %H:%M}")


@click.command("process-map")
@in_instance
def process_map() -> None:
    """Print process, task, lane, form or page, save handler and template of every user task."""
    with transaction(write=False):
        versions = db.session.scalars(
            select(ProcessVersion).order_by(ProcessVersion.key, ProcessVersion.no)
        ).all()
        latest = {(v.key, v.jurisdiction): v for v in versions}
        for version in latest.values():
            for node in definitions.nodes(version):
                if node.process == version.key and node.kind == "userTask":
                    click.echo("\t".join(_map_row(version, node)))


def _map_row(version: ProcessVersion, node: definitions.Node) -> list[str]:
    named = node.properties
    form = named.get("form")
    template = Path(current_app.template_folder or "") / "tasks" / f"{form}.html"
    shown = f"tasks/{form}.html" if form and template.exists() else "tasks/_default.html"
    return [
        f"{version.jurisdiction or '-'}/{version.key} v{version.no}",
        node.id,
        node.name,
        node.lane or "",
        f"form={form}" if form else f"page={named.get('page')}",
        named.get("save", "record_answers"),
        shown if form else "-",
    ]


@click.command("check-invariants")
@in_instance
def check_invariants() -> None:
    """Check that the stored data holds together; exit 1 and name what does not."""
    with transaction(write=False):
        broken = check_all()
    for line in broken:
        click.echo(line, err=True)
    click.echo(f"{len(broken)} 处不一致" if broken else "数据一致性检查通过")
    raise SystemExit(1 if broken else 0)


@click.command("lint-process")
@click.argument("files", nargs=-1, required=True, type=click.Path())
@with_appcontext
def lint_process(files: tuple[str, ...]) -> None:
    """Judge process files by the publish gate: one JSON line a file, exit 1 if any is not ok."""
    lines = lint_files([Path(name) for name in files], judge=judge_files)
    for line in lines:
        click.echo(json.dumps(line, ensure_ascii=False))
    raise SystemExit(0 if all(line["ok"] for line in lines) else 1)
