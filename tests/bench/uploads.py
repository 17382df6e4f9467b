"""Figures of uploads: how much a server grows while ten files of ten megabytes come and go.

The server is the one that `make run` starts, in a process of its own; what its children need for
cleaning is theirs, two at a time. `python -m tests.bench.uploads` measures these alone.
"""

import base64
import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pikepdf
import requests
from PIL import Image

from app.core.db import db, transaction
from app.core.parts import PART
from app.factory import ROOT, create_app
from tests.bench.figures import Figure, tell
from tests.bench.http import signed_in
from tests.builders.people import a_person
from tests.conftest import SETTINGS
from tests.throwaway_s3 import free_port

FILES, MEGABYTE = 10, 2**20
AT_ONCE = 3
PATIENCE = 60


def figures(folder: Path) -> Iterator[Figure]:
    """Send photos and papers, in parts and whole, three at a time as a browser does; read them."""
    app = create_app(str(folder / "instance"), **SETTINGS)
    with app.app_context():
        Path(app.instance_path).mkdir()
        db.create_all()
        with transaction():
            person_id = a_person("苏晓禾", roles=[("applicant", "all", None)]).id
        browser = signed_in(app, person_id)
        token = browser.token()
        cookie = browser.client.get_cookie(app.config["SESSION_COOKIE_NAME"])
        assert cookie is not None
        headers = {"Cookie": f"{cookie.key}={cookie.value}", "X-CSRFToken": token}
        db.session.remove()
        db.engine.dispose()
    headers["Accept"] = "application/json"
    files = [_photo(n) if n % 2 else _paper() for n in range(FILES)]
    with _serving(app.instance_path) as (address, process):
        sender = _Sender(address, headers)
        for content in (_paper(MEGABYTE // 2), _photo(1, 1200)):
            sender.whole(content)
        before = _memory(process, "VmRSS")
        Path(f"/proc/{process}/clear_refs").write_text("5")
        with ThreadPoolExecutor(AT_ONCE) as threads:
            ways = [sender.in_parts if n % 3 else sender.whole for n in range(FILES)]
            urls = list(threads.map(lambda way, content: way(content), ways, files))
            sizes = list(threads.map(sender.read, urls))
        peak = _memory(process, "VmHWM")
    assert min(sizes) > MEGABYTE, sizes
    yield Figure("uploads_rss_growth_mb", round(peak - before, 1), "MB", 50)
    yield Figure("uploads_rss_peak_mb", round(peak, 1), "MB", 180)


def _photo(number: int, width: int = 3800) -> bytes:
    """About ten megabytes of a camera: twelve million pixels."""
    target = io.BytesIO()
    picture = Image.effect_noise((width, width * 3 // 4), 100 + number).convert("RGB")
    picture.save(target, "JPEG", quality=95)
    return target.getvalue()


def _paper(size: int = 10 * MEGABYTE - 4096) -> bytes:
    target, pdf = io.BytesIO(), pikepdf.new()
    pdf.add_blank_page()
    pdf.Root.Scan = pdf.make_stream(os.urandom(size))
    pdf.save(target)
    return target.getvalue()


class _Sender:
    """Somebody's browser."""

    def __init__(self, address: str, headers: dict[str, str]) -> None:
        self.address, self.headers = address, headers

    def whole(self, content: bytes) -> str:
        """Send a file in a form."""
        sent = requests.post(
            f"{self.address}/files", files={"file": ("证书", content)}, headers=self.headers
        )
        return self._kept(sent)

    def in_parts(self, content: bytes) -> str:
        """Send a file by tus."""
        told = {
            "Upload-Length": str(len(content)),
            "Upload-Metadata": "filename " + base64.b64encode("证书".encode()).decode(),
        }
        begun = requests.post(f"{self.address}/files", headers={**self.headers, **told})
        begun.raise_for_status()
        place = self.address + begun.headers["Location"]
        for offset in range(0, len(content), PART):
            headers = {**self.headers, "Upload-Offset": str(offset)}
            headers["Content-Type"] = "application/offset+octet-stream"
            part = content[offset : offset + PART]
            requests.patch(place, data=part, headers=headers).raise_for_status()
        data = {"upload": place.rpartition("/")[2]}
        return self._kept(requests.post(f"{self.address}/files", data=data, headers=self.headers))

    def _kept(self, answer: requests.Response) -> str:
        assert answer.status_code == 200, answer.text
        return f"{self.address}{answer.json()['url']}"

    def read(self, url: str) -> int:
        """Read a file to its end; how long it is."""
        return len(requests.get(url, headers=self.headers).content)


@contextmanager
def _serving(instance: str) -> Iterator[tuple[str, int]]:
    """Serve as `flask up` does; the address, and the process that answers."""
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "gunicorn", "--config", "python:app.serving"]
    command += ["--bind", address, "--threads", "8", "wsgi:application"]
    master = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "INSTANCE": instance})
    try:
        yield f"http://{address}", _worker(master, f"http://{address}")
    finally:
        master.terminate()
        master.wait(PATIENCE)


def _worker(master: subprocess.Popen[bytes], address: str) -> int:
    until = time.monotonic() + PATIENCE
    children = Path(f"/proc/{master.pid}/task/{master.pid}/children")
    while time.monotonic() < until:
        with suppress(requests.ConnectionError):
            requests.get(f"{address}/healthz").raise_for_status()
            return int(children.read_text().split()[0])
        time.sleep(0.1)
    msg = "the server does not answer"
    raise TimeoutError(msg)


def _memory(process: int, what: str) -> float:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    raise LookupError(what)


if __name__ == "__main__":
    sys.exit(tell(figures))
