"""Figures of a worker process: what it weighs once it has served pages.

Run as a module it is that worker: it serves pages to one person and tells its memory.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from flask import Flask

from tests.bench.figures import Figure

PAGES = 50
HEAVY = ("xhtml2pdf", "reportlab", "pyhanko", "pikepdf", "cv2", "qrcode")
ADDRESSES = ("/", "/home", "/tasks", "/tasks/done", "/plans", "/notifications", "/account")


def figures(app: Flask, person_id: int) -> Iterator[Figure]:
    """Start a worker of its own on the same database and ask it."""
    command = [sys.executable, "-m", "tests.bench.worker", app.instance_path]
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    done = subprocess.run(
        [*command, url, str(person_id)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    told = json.loads(done.stdout.splitlines()[-1])
    yield Figure("worker_rss_mb", told["rss_mb"], "MB", 180)
    yield Figure(
        "worker_heavy_modules", len(told["heavy"]), ",".join(told["heavy"]) or "modules", 0
    )


def serve(instance_path: str, url: str, person_id: int) -> None:
    """Serve pages and print what the process weighs."""
    from app.factory import create_app
    from tests.builders.sessions import sign_in

    app = create_app(instance_path, SQLALCHEMY_DATABASE_URI=url, TESTING=True)
    client = app.test_client()
    sign_in(client, person_id)
    for number in range(PAGES):
        answer = client.get(ADDRESSES[number % len(ADDRESSES)])
        assert answer.status_code == 200, (answer.status_code, answer.request.path)
    heavy = [name for name in HEAVY if name in sys.modules]
    print(json.dumps({"rss_mb": _resident(), "heavy": heavy}))


def _resident() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return round(int(line.split()[1]) / 1024, 1)
    raise LookupError("VmRSS")


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
