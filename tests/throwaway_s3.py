"""An S3-speaking server for one test run: moto's, in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from minio import Minio

PATIENCE = 60
BUCKET = "zhiping-files"
KEYS = {"S3_BUCKET": BUCKET, "S3_ACCESS_KEY": "tests", "S3_SECRET_KEY": "tests-secret"}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _await(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert server.poll() is None, "the S3 server has ended"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    msg = "the S3 server does not answer"
    raise TimeoutError(msg)


def _client(address: str) -> "Minio":
    from minio import Minio

    return Minio(
        address,
        access_key=KEYS["S3_ACCESS_KEY"],
        secret_key=KEYS["S3_SECRET_KEY"],
        secure=False,
        region="us-east-1",
    )


def empty(settings: dict[str, str]) -> None:
    """Remove what lies in the bucket: one server serves the tests of a whole run."""
    client = _client(urlsplit(settings["S3_ENDPOINT"]).netloc)
    for each in client.list_objects(BUCKET, recursive=True):
        client.remove_object(BUCKET, each.object_name or "")


@contextmanager
def running_server() -> Iterator[dict[str, str]]:
    """Yield the settings of a fresh server with its bucket."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": str(2**20)},
    )
    try:
        _await(server, port)
        _client(f"127.0.0.1:{port}").make_bucket(BUCKET)
        yield {"S3_ENDPOINT": f"http://127.0.0.1:{port}", **KEYS}
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
