"""Mail: handed in to a real server, tried again with growing pauses, forgotten once sent."""

import smtplib
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask

from app import worker
from app.core import jobs, looking, mail
from app.core.clock import now
from app.core.db import db, transaction
from app.core.jobs import Job
from app.core.mail import MailServer, OutgoingMail
from app.imports.queries import CHECK
from tests.builders.mail import PostOffice, free_port, post_office
from tests.builders.people import a_person
from tests.conftest import START

BODY = "链接：https://zhiping.cn/reset?secret=x"


@pytest.fixture
def office(app: Flask, tmp_path: Path) -> Iterator[PostOffice]:
    with post_office(tmp_path) as running:
        app.config["MAIL_SERVER"] = running.server
        yield running


def posted() -> None:
    with transaction():
        mail.post(
            "su@example.cn", "重置密码", "链接：https://zhiping.cn/reset?secret=x", now=now()
        )


def state() -> tuple[str, int, str]:
    with transaction(write=False):
        job = db.session.scalars(sa.select(Job)).one()
        return job.status, job.attempts, job.last_error


def test_a_letter_arrives_and_what_it_said_is_forgotten(app: Flask, office: PostOffice) -> None:
    posted()
    with transaction(write=False):
        waiting = db.session.scalars(sa.select(OutgoingMail)).one()
        assert "secret" not in str(waiting.body_sealed)
    worker.drain()
    letter = office.letters()[0]
    assert (letter["To"], letter["From"]) == ("su@example.cn", "zhiping@example.cn")
    assert letter["Subject"] == "重置密码"
    assert BODY in letter.get_content()
    with transaction(write=False):
        sent = db.session.scalars(sa.select(OutgoingMail)).one()
        assert (sent.body_sealed, sent.sent_at is not None) == (None, True)
    assert worker.send() == 0


@pytest.mark.parametrize("error", [TimeoutError(), smtplib.SMTPResponseException(451, b"later")])
def test_a_letter_is_sent_however_the_server_says_goodbye(
    app: Flask, office: PostOffice, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    say = smtplib.SMTP.docmd

    def stumbling(smtp: smtplib.SMTP, cmd: str, args: str = "") -> Any:
        if cmd.upper() == "QUIT":
            raise error
        return say(smtp, cmd, args)

    monkeypatch.setattr(smtplib.SMTP, "docmd", stumbling)
    posted()
    worker.drain()
    assert len(office.letters()) == 1
    with transaction(write=False):
        assert db.session.scalars(sa.select(OutgoingMail.sent_at)).one() is not None


def test_nothing_is_sent_of_what_was_undone(app: Flask, office: PostOffice) -> None:
    with transaction() as unit:
        mail.post("su@example.cn", "重置密码", BODY, now=now())
        unit.rollback_only = True
    worker.drain()
    assert office.letters() == []


def test_a_server_that_is_away_is_tried_again_with_growing_pauses(
    app: Flask, tmp_path: Path, at: Callable[..., None]
) -> None:
    app.config["MAIL_SERVER"] = MailServer("127.0.0.1", free_port(), "z@example.cn", "none")
    posted()
    tried = []
    for minute in range(40):
        at(START + timedelta(minutes=minute, seconds=30))
        tried += [minute] * worker.send()
    assert tried == [0, 3, 8, 17, 34]
    status, attempts, error = state()
    assert (status, attempts) == ("failed", 5)
    assert "无法连接邮件服务器" in error
    assert "su@example.cn" not in error


def test_a_dead_letter_stands_on_the_page_of_failed_jobs_and_can_be_sent_again(
    app: Flask, client_for: Any, tmp_path: Path, at: Callable[..., None]
) -> None:
    app.config["MAIL_SERVER"] = None
    posted()
    for minute in (1, 4, 9, 18, 35):
        at(START + timedelta(minutes=minute))
        worker.send()
    with transaction():
        keeper = a_person("宓流程", roles=[("process_admin", "all", None)])
        job_id = db.session.scalar(sa.select(Job.id))
    browser = client_for(keeper)
    page = browser.get("/studio/incidents/jobs").text
    assert "发送邮件" in page
    assert "SMTP_HOST" in page
    with post_office(tmp_path) as office:
        app.config["MAIL_SERVER"] = office.server
        assert browser.post(f"/studio/incidents/jobs/{job_id}").status_code == 303
        worker.drain()
        assert len(office.letters()) == 1


def test_a_slow_mail_server_holds_up_no_other_job(app: Flask) -> None:
    posted()
    assert worker.tick() == 0
    assert state()[:2] == ("waiting", 0)


def test_an_import_holds_up_no_letter(app: Flask, office: PostOffice) -> None:
    posted()
    with transaction():
        jobs.enqueue(CHECK, {"batch": 0}, key="before", now=now() - timedelta(hours=1))
    assert worker.send() == 1
    assert len(office.letters()) == 1
    with transaction(write=False):
        waiting = db.session.scalars(sa.select(Job).where(Job.name == CHECK)).one()
        assert (waiting.status, waiting.attempts) == ("waiting", 0)


def test_the_scheduler_sends_apart_from_its_other_chores(app: Flask) -> None:
    scheduler = worker.start_scheduler(app)
    try:
        chores = [job.args[1] for job in scheduler.get_jobs()]
    finally:
        scheduler.shutdown(wait=True)
    assert {
        worker.tick,
        worker.send,
        worker.take_in,
        worker.seal,
        worker.sweep,
        worker.vet,
        looking.look_again,
    } == set(chores) - {worker.ask_once}


def test_the_scheduler_asks_for_the_warnings_of_ends_when_it_starts(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()
    monkeypatch.setattr(worker, "ask_once", asked.set)
    scheduler = worker.start_scheduler(app)
    try:
        assert asked.wait(20)
        # It is taken off the list a moment later, which must not meet the end of the scheduler.
        while any(job.args[1] == asked.set for job in scheduler.get_jobs()):
            continue
    finally:
        scheduler.shutdown(wait=True)


def a_certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    day = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(day - timedelta(days=1))
        .not_valid_after(day + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, secret


def test_letters_go_encrypted_and_to_a_server_that_proves_its_name(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: Callable[..., None]
) -> None:
    certificate, key = a_certificate(tmp_path)
    options = ("--tlscert", str(certificate), "--tlskey", str(key))
    with post_office(tmp_path, *options) as office:
        app.config["MAIL_SERVER"] = replace(office.server, host="localhost", security="starttls")
        posted()
        worker.send()
        assert "SSLCertVerificationError" in state()[2]
        assert office.letters() == []
        trusting = ssl.create_default_context(cafile=str(certificate))
        monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)
        at(START + timedelta(minutes=3))
        worker.send()
        assert len(office.letters()) == 1


def test_the_server_is_told_by_the_environment() -> None:
    assert mail.server_of({}) is None
    found = mail.server_of(
        {"SMTP_HOST": "mail.cn", "SMTP_USER": "a@mail.cn", "SMTP_PASSWORD": "p"}
    )
    assert found == MailServer("mail.cn", 587, "a@mail.cn", "starttls", "a@mail.cn", "p")
    tls = mail.server_of({"SMTP_HOST": "m", "SMTP_SECURITY": "tls", "MAIL_FROM": "a@b.cn"})
    assert tls is not None
    assert tls.port == 465


@pytest.mark.parametrize(
    "wrong", [{"SMTP_SECURITY": "ssl3", "MAIL_FROM": "a@b.cn"}, {"MAIL_FROM": "nobody"}, {}]
)
def test_a_wrong_setting_stops_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="is"):
        mail.server_of({"SMTP_HOST": "mail.cn", **wrong})


def test_old_letters_are_forgotten(app: Flask, at: Callable[..., None]) -> None:
    posted()
    at(START + timedelta(days=31))
    with transaction():
        mail.sweep_mail(now())
        assert db.session.scalars(sa.select(OutgoingMail)).all() == []
