"""The flask commands: what they refuse, what they create, how days pass in the demonstration."""

import json
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.accounts.models import Credential
from app.accounts.operations import create_credential, create_person, set_password
from app.accounts.signing_in import hash_password
from app.core.clock import now
from app.core.db import db, transaction
from app.core.jobs import Job
from app.core.mail import MailFolder, MailServer
from app.demo import show
from app.factory import create_app
from tests.databases import SETTINGS


@pytest.mark.parametrize(
    "command", ["process-map", "check-invariants", "clock", "incidents", "engine-health"]
)
def test_looking_into_no_instance_says_so_and_creates_none(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "instance"
    url = f"sqlite:///{folder / 'zhiping.db'}"
    empty = create_app(str(folder), SQLALCHEMY_DATABASE_URI=url, **SETTINGS)
    answer = empty.test_cli_runner().invoke(args=[command])
    assert answer.exit_code == 2
    assert "还没有建立实例" in answer.output
    assert "Traceback" not in answer.output
    assert not folder.exists()


def test_the_database_is_made_where_there_was_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "instance"
    url = f"sqlite:///{folder / 'zhiping.db'}"
    empty = create_app(str(folder), SQLALCHEMY_DATABASE_URI=url, **SETTINGS)
    answer = empty.test_cli_runner().invoke(args=["db", "current"])
    assert answer.exit_code == 0, answer.output
    assert (folder / "zhiping.db").exists()


def test_time_passes_by_command_in_a_demonstration_only(app: Flask) -> None:
    run = app.test_cli_runner().invoke
    refused = run(args=["clock", "+5d"])
    assert (refused.exit_code, "只有演示实例" in refused.output) == (2, True)
    (Path(app.instance_path) / show.ACCOUNTS).write_text("[]")
    for wrong in ("5d", "+5w", "now"):
        assert run(args=["clock", wrong]).exit_code == 2
    with transaction(write=False):
        before = now()
    moved = run(args=["clock", "+5d"])
    assert (moved.exit_code, moved.output.strip()) == (0, "2026-11-28 09:00")
    with transaction(write=False):
        assert timedelta(days=5) <= now() - before < timedelta(days=5, minutes=10)
        asked = db.session.query(Job.key).filter_by(name="warn_of_ends").all()
        assert [key for (key,) in asked] == ["warn_of_ends:2026-11-28"]


def test_a_demonstration_alone_lays_its_letters_into_a_folder(tmp_path: Path) -> None:
    def taker() -> Any:
        return create_app(str(tmp_path), **SETTINGS).config["MAIL_SERVER"]

    assert taker() is None
    (tmp_path / show.ACCOUNTS).write_text("[]")
    assert taker() == MailFolder(tmp_path / "mail")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMTP_HOST", "mail.example.cn")
        patch.setenv("MAIL_FROM", "z@example.cn")
        assert taker() == MailServer("mail.example.cn", 587, "z@example.cn")


def test_activation_links_are_shown_until_they_are_used(app: Flask) -> None:
    rows, ids = [], []
    with transaction():
        for login in ("ah06.clerk", "ah06.leader"):
            person = create_person(name=login, now=now())
            account, secret = create_credential(person, login, now=now())
            rows.append([login, login, "青禾小学", secret])
            ids.append(account.id)
    folder = Path(app.instance_path)
    (folder / show.ACCOUNTS).write_text(json.dumps(rows))
    with transaction(write=False):
        table = show.accounts_table(folder, "http://x")
    assert all(row[3] in table for row in rows)
    with transaction():
        first = db.session.get_one(Credential, ids[0])
        set_password(first, hash_password("Qinghe-2026"), now=now())
    with transaction(write=False):
        table = show.accounts_table(folder, "http://x")
    assert [row[3] in table for row in rows] == [False, True]


def test_a_port_that_is_taken_is_told_before_anything_is_set_up(app: Flask) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        answer = app.test_cli_runner().invoke(args=["up", "--port", str(port)])
    assert (answer.exit_code, f"端口 {port} 被占用" in answer.output) == (1, True)
    assert f"PORT={port + 1}" in answer.output
