"""`python -m tests.sweep FOLDER`: print the table as a loaded demonstration behaves now.

For whoever changes who gets in: read the difference line by line before keeping it. FOLDER is the
instance folder of a demonstration on SQLite; it is worked on as a copy, put back after every act.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from app.core.clock import now
from app.core.db import db, transaction
from app.core.permissions import ACTIONS
from app.factory import create_app
from tests.builders.sessions import sign_in
from tests.conftest import Browser
from tests.databases import SETTINGS
from tests.sweep import world
from tests.sweep.routes import Door, Sweep, doors, each_page_drawn_once


def _try(sweep: Sweep, door: Door, file: Path, kept: Path) -> set[str]:
    with transaction(write=False):
        address = door.address(sweep.app)
    found = set()
    for who in sorted(sweep.allowed(door)):
        if sweep.gets_in(door, who, address):
            found.add(who)
        if door.method != "GET":
            db.session.remove()
            db.engine.dispose()
            shutil.copy(kept, file)
    return found


def _rows(sweep: Sweep, file: Path, kept: Path) -> dict[str, list[str]]:
    rows = {}
    for door in doors(sweep.app):
        found = _try(sweep, door, file, kept)
        has_predicate = ACTIONS[door.action(sweep.app)].predicate
        if has_predicate or found != sweep.allowed(door):
            rows[door.name] = [who for who in world.CAST if who in found]
    return rows


def main(folder: str) -> None:
    """Print the rows that the table of permissions does not say already."""
    with tempfile.TemporaryDirectory() as place:
        instance = Path(place) / "instance"
        shutil.copytree(folder, instance)
        file = next(instance.glob("*.db"))
        # As in tests there is no mail server, so that nobody is offered what needs one.
        settings = {**SETTINGS, "MAIL_SERVER": None}
        app = create_app(str(instance), SQLALCHEMY_DATABASE_URI=f"sqlite:///{file}", **settings)

        def client_for(person: Any) -> Browser:
            client = app.test_client()
            if person is not None:
                sign_in(client, person.id)
            return Browser(client)

        with app.app_context():
            with transaction():
                world.add_what_is_missing(now())
            sweep = Sweep(app, client_for)
            db.session.remove()
            db.engine.dispose()
            kept = Path(place) / "kept.db"
            shutil.copy(file, kept)
            with each_page_drawn_once():
                rows = _rows(sweep, file, kept)
            yaml.safe_dump(rows, sys.stdout, sort_keys=False, width=100, default_flow_style=None)


if __name__ == "__main__":
    main(sys.argv[1])
