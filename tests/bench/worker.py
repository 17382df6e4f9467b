"""Figures of a worker process: what it weighs once it has served pages.

Run as a module it is that worker: it serves pages to one person and tells its memory.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from app.core.db import db, transaction
from app.declarations.models import Declaration
from tests.bench.figures import Figure

PAGES = 50
FORMS = 3
HEAVY = ("xhtml2pdf", "reportlab", "pyhanko", "pikepdf", "cv2", "qrcode")
ADDRESSES = ("/", "/home", "/tasks", "/tasks/done", "/plans", "/notifications", "/account")


def figures(app: Flask, person_id: int) -> Iterator[Figure]:
    """Start a worker of its own on the same database and ask it; a declaration was sent up."""
    command = [sys.executable, "-m", "tests.bench.worker", app.instance_path]
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    ids = [str(number) for number in (person_id, *_submitted())]
    done = subprocess.run([*command, url, *ids], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    told = json.loads(done.stdout.splitlines()[-1])
    yield Figure("worker_rss_mb", told["rss_mb"], "MB", 180)
    yield Figure("worker_rss_after_form_mb", told["printed_rss_mb"], "MB", 180)
    yield Figure(
        "worker_heavy_modules", len(told["heavy"]), ",".join(told["heavy"]) or "modules", 0
    )


def _submitted() -> tuple[int, int]:
    """Return a declaration that was sent up, and whose it is."""
    with transaction(write=False):
        sent = select(Declaration.id, Declaration.person_id)
        found = db.session.execute(sent.where(Declaration.submitted_at.is_not(None))).first()
        assert found is not None
        return found[0], found[1]


def serve(
    instance_path: str, url: str, person_id: int, declaration_id: int, applicant_id: int
) -> None:
    """Serve pages and an evaluation form, and print what the process weighs."""
    from app.factory import create_app
    from tests.builders.sessions import sign_in

    app = create_app(instance_path, SQLALCHEMY_DATABASE_URI=url, TESTING=True)
    client = app.test_client()
    sign_in(client, person_id)
    for number in range(PAGES):
        answer = client.get(ADDRESSES[number % len(ADDRESSES)])
        assert answer.status_code == 200, (answer.status_code, answer.request.path)
    told = {"rss_mb": _resident()}
    client = app.test_client()
    sign_in(client, applicant_id)
    for _ in range(FORMS):
        answer = client.get(f"/declarations/{declaration_id}/evaluation-form")
        assert answer.data.startswith(b"%PDF-"), answer.status_code
    told["printed_rss_mb"] = _resident()
    print(json.dumps({**told, "heavy": [name for name in HEAVY if name in sys.modules]}))


def _resident() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return round(int(line.split()[1]) / 1024, 1)
    raise LookupError("VmRSS")


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6]))
