"""Figures of imports: ten thousand people from a workbook, into an empty base and once more.

`python -m tests.bench.imports` measures these alone.
"""

import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import sqlalchemy as sa
from stdnum.cn import ric

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.core.sheets import read_sheet
from app.imports import operations, work
from app.imports.kinds import kind_called
from app.imports.models import BatchStatus, ImportBatch
from app.units.people_import import COLUMNS
from tests.bench.figures import Figure, seconds, tell
from tests.bench.world import served
from tests.builders.people import a_person, a_unit
from tests.builders.sheets import a_book
from tests.conftest import START, set_clock
from tests.throwaway_postgres import running_server

ROWS = 10_000


def figures(folder: Path) -> Iterator[Figure]:
    """Measure on PostgreSQL: reading, checking and writing, as one after another they are."""
    with running_server() as server, served(folder, server):
        unit_id, person_id = _desk()
        content = _workbook()
        for name in ("import_of_10000_people_s", "import_of_10000_known_people_s"):
            took = seconds(lambda: _import(content, unit_id, person_id))
            yield Figure(name, round(took, 1), "s", 60)
        with transaction(write=False):
            made = [batch.counts for batch in db.session.scalars(sa.select(ImportBatch))]
        assert [(each["new"], each["same"]) for each in made] == [(ROWS, 0), (0, ROWS)], made


def _desk() -> tuple[int, int]:
    with transaction():
        set_clock(START)
        unit = a_unit("淮城医科大学", area="340600")
        return unit.id, a_person("敖正言", roles=[("unit_admin", "org", unit.id)]).id


def _number(place: int) -> str:
    born = date(1970, 1, 1) + timedelta(days=place % 9000)
    body = f"340000{born:%Y%m%d}{place // 9000:03d}"
    return body + ric.calc_check_digit(body + "0")


def _workbook() -> bytes:
    rows = [[f"林晓禾{n}", _number(n), f"138{n:08d}"] for n in range(ROWS)]
    return a_book([column.label for column in COLUMNS], *rows)


def _import(content: bytes, unit_id: int, person_id: int) -> None:
    kind = kind_called("people")
    assert kind
    upload = operations.Upload("名单.xlsx", content, read_sheet(content))
    with transaction(write=False):
        actor = db.session.get_one(Person, person_id)
        batch_id = operations.hand_in(kind, unit_id, upload, actor=actor, now=now()).id
    work.check({"batch": batch_id})
    with transaction():
        actor, batch = (
            db.session.get_one(table, key)
            for table, key in ((Person, person_id), (ImportBatch, batch_id))
        )
        operations.confirm(batch, leave_out=False, actor=actor, now=now())
    work.run({"batch": batch_id})
    with transaction(write=False):
        assert db.session.get_one(ImportBatch, batch_id).status == BatchStatus.DONE


if __name__ == "__main__":
    sys.exit(tell(figures))
