"""Mail (邮件): written into an outbox with the act it tells of, sent by the worker.

What a letter says is sealed while it waits, since it may hold a one-time link, and forgotten once
it was sent. A server that cannot be reached is tried again with growing pauses; what is given up
stands among the failed jobs.
"""

import secrets
import smtplib
import ssl
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import CheckConstraint, String, Text, delete
from sqlalchemy.orm import Mapped, mapped_column

from app.core import crypto, jobs
from app.core.clock import now as clock_now
from app.core.db import Instant, Model, db, pk, transaction
from app.core.errors import DomainError

SEND, LANE = "send_mail", "mail"
FIRST_PAUSE = timedelta(minutes=1)
TIMEOUT = 20
KEPT_FOR = timedelta(days=30)
PORTS = {"starttls": 587, "tls": 465, "none": 25}


class MailNotSent(DomainError):
    """The mail server could not be reached, or refused a letter."""

    default = "邮件没有发出"


class OutgoingMail(Model):
    """A letter that waits, or that was sent; of the latter only that it was."""

    __tablename__ = "outgoing_mail"
    __table_args__ = (
        CheckConstraint(
            "(sent_at IS NULL) = (body_sealed IS NOT NULL)", name="what_was_sent_is_forgotten"
        ),
    )

    id: Mapped[int] = pk()
    address: Mapped[str] = mapped_column(String(120))
    subject: Mapped[str] = mapped_column(String(120))
    body_sealed: Mapped[str | None] = mapped_column(Text, info=crypto.SEALED)
    created_at: Mapped[datetime] = mapped_column(Instant, index=True)
    sent_at: Mapped[datetime | None] = mapped_column(Instant)


@dataclass(frozen=True)
class MailFolder:
    """Where the letters of a demonstration lie, which sends none."""

    path: Path
    sender: str = "demo@localhost"

    def deliver(self, message: EmailMessage) -> None:
        """Lay a letter down as plain text, to be read by who looks after the demonstration."""
        self.path.mkdir(mode=0o700, exist_ok=True)
        number, _, written = message["Message-ID"].strip("<>").partition("@")[0].partition(".")
        place = self.path / f"{written}-{number}.txt"
        place.touch(mode=0o600)
        head = f"收件人：{message['To']}\n主题：{message['Subject']}\n\n"
        place.write_text(head + message.get_content(), encoding="utf-8")


@dataclass(frozen=True)
class MailServer:
    """Where letters are handed in, and as whom."""

    host: str
    port: int
    sender: str
    security: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)

    def deliver(self, message: EmailMessage) -> None:
        """Hand a letter in; MailNotSent says what went wrong, and not to whom it should go."""
        try:
            with closing(_connected(self)) as smtp:
                if self.user:
                    smtp.login(self.user, self.password)
                smtp.send_message(message)
                # The letter is delivered: how the server says goodbye changes nothing.
                with suppress(smtplib.SMTPException, OSError):
                    smtp.quit()
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            raise MailNotSent(f"邮件服务器拒绝了收件地址（{codes[0]}）") from None
        except smtplib.SMTPResponseException as error:
            raise MailNotSent(f"邮件服务器拒绝了邮件（{error.smtp_code}）") from None
        except (smtplib.SMTPException, OSError) as error:
            raise MailNotSent(f"无法连接邮件服务器（{type(error).__name__}）") from None


def server_of(values: Mapping[str, str]) -> MailServer | None:
    """Read the mail server from SMTP_HOST and its companions; None without a host.

    ValueError for a kind of encryption that is not known, or without a sender.
    """
    host = values.get("SMTP_HOST", "")
    if not host:
        return None
    security = values.get("SMTP_SECURITY", "starttls")
    if security not in PORTS:
        msg = f"SMTP_SECURITY is one of {', '.join(PORTS)}"
        raise ValueError(msg)
    user = values.get("SMTP_USER", "")
    sender = values.get("MAIL_FROM", user)
    if "@" not in sender:
        msg = "MAIL_FROM is the address that letters come from"
        raise ValueError(msg)
    port = int(values.get("SMTP_PORT", PORTS[security]))
    return MailServer(host, port, sender, security, user, values.get("SMTP_PASSWORD", ""))


def mail_server() -> MailServer | MailFolder | None:
    """Return what takes the letters of this instance; None where nothing does."""
    found: MailServer | MailFolder | None = current_app.config["MAIL_SERVER"]
    return found


def mail_folder() -> str:
    """Return where the letters of a demonstration lie; empty where they are really sent."""
    found = mail_server()
    return str(found.path) if isinstance(found, MailFolder) else ""


def post(address: str, subject: str, body: str, *, now: datetime) -> None:
    """Put a letter into the outbox, in the transaction of what it tells of."""
    letter = OutgoingMail(
        address=address, subject=subject, body_sealed=crypto.seal(body), created_at=now
    )
    db.session.add(letter)
    db.session.flush()
    # SQLite gives the number of a letter that was swept to the next one.
    jobs.enqueue(SEND, {"mail": letter.id}, key=f"mail:{secrets.token_hex(8)}", now=now)


def _send(payload: Mapping[str, Any]) -> None:
    """Hand a letter in; nothing is locked meanwhile. Twice at worst, with the same Message-ID."""
    with transaction(write=False):
        letter = db.session.get(OutgoingMail, payload["mail"])
        if letter is None or letter.body_sealed is None:
            return
        server = mail_server()
        if server is None:
            raise MailNotSent("没有设置邮件服务器（SMTP_HOST）")
        message = _message(letter, crypto.unseal(letter.body_sealed), server.sender)
    server.deliver(message)
    with transaction():
        sent = db.session.get_one(OutgoingMail, payload["mail"])
        sent.sent_at, sent.body_sealed = clock_now(), None


jobs.register_job(SEND, pause=FIRST_PAUSE, lane=LANE)(_send)


def _message(letter: OutgoingMail, body: str, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = sender, letter.address
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.created_at)
    domain = sender.rpartition("@")[2]
    message["Message-ID"] = f"<{letter.id}.{letter.created_at:%Y%m%d%H%M%S%f}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body)
    return message


def _connected(server: MailServer) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if server.security == "tls":
        return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT, context=context)
    smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT)
    if server.security == "starttls":
        smtp.starttls(context=context)
    return smtp


def sweep_mail(now: datetime) -> None:
    """Forget letters of the past, sent or not."""
    db.session.execute(delete(OutgoingMail).where(OutgoingMail.created_at < now - KEPT_FOR))
