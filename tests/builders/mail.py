"""A real mail server in a process of its own, and what it received."""

import email
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from app.core.mail import MailServer


class PostOffice:
    """A running mail server, whose letters lie in a folder."""

    def __init__(self, port: int, folder: Path) -> None:
        self.server = MailServer("127.0.0.1", port, "zhiping@example.cn", "none")
        self.folder = folder

    def letters(self) -> list[EmailMessage]:
        """What was received, the oldest first."""
        found = sorted((self.folder / "new").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        return [email.message_from_bytes(p.read_bytes(), policy=default) for p in found]  # type: ignore[misc]


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


@contextmanager
def post_office(folder: Path, *options: str) -> Iterator[PostOffice]:
    """Start a mail server, and stop it afterwards."""
    port = free_port()
    command = [sys.executable, "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{port}", *options]
    command += ["-c", "aiosmtpd.handlers.Mailbox", str(folder / "mail")]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield PostOffice(port, folder / "mail")
    finally:
        running.terminate()
        running.wait(10)
