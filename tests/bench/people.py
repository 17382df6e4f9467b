"""Figures of a province's people: searching ten thousand units and listing a million people.

`python -m tests.bench.people` measures these alone.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Credential, Person
from app.core.clock import now
from app.core.db import Base, db, transaction
from app.factory import create_app
from app.units.models import Employment, Unit
from tests.bench.figures import Figure
from tests.bench.http import signed_in
from tests.bench.scale import seconds
from tests.builders.people import a_person, a_unit
from tests.conftest import SETTINGS, START, set_clock
from tests.storms.ground import fresh_url
from tests.throwaway_postgres import running_server

UNITS, PEOPLE = 10_000, 1_000_000
ASKED = 40
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"
GIVEN = "晓禾明远正言文涛海沧若水向晚长宁"
LISTS = {
    "unit_search_among_10000_p95_ms": ("admin", "/admin/units?q=青禾"),
    "units_for_binding_among_10000_p95_ms": ("applicant", "/binding?q=青禾"),
    "people_list_among_1000000_p95_ms": ("admin", "/admin/accounts"),
    "people_of_a_unit_among_1000000_p95_ms": ("keeper", "/staff/applicants"),
    "people_bound_to_a_unit_among_1000000_p95_ms": ("keeper", "/binding/requests?q=赵"),
}
"""Each figure with who asks for which page."""


def figures(folder: Path) -> Iterator[Figure]:
    """Measure on PostgreSQL, pages as they are served, the database warm."""
    with running_server() as server, fresh_url(folder, server) as url:
        app = create_app(str(folder / "people"), SQLALCHEMY_DATABASE_URI=url, **SETTINGS)
        with app.app_context():
            db.create_all()
            people = _province()
            for name, (who, path) in LISTS.items():
                yield Figure(name, _p95_ms(app, people[who], path), "ms", 50)
            db.session.remove()
            db.engine.dispose()


def _p95_ms(app: Flask, person_id: int, path: str) -> float:
    browser = signed_in(app, person_id)

    def ask() -> None:
        answer = browser.get(path)
        assert answer.status_code == 200, answer.status_code
        assert "pager" in answer.text or "第 1" in answer.text

    ask()
    took = sorted(seconds(ask) for _ in range(ASKED))
    return round(took[ASKED * 95 // 100 - 1] * 1000, 1)


def _province() -> dict[str, int]:
    """Enter units and people as rows like the first ones; who looks at them."""
    with transaction():
        set_clock(START)
        unit = a_unit("云桥区青禾小学")
        keeper = a_person("敖正言", roles=[("unit_admin", "org", unit.id)])
        admin = a_person("石一鸣", roles=[("system_admin", "all", None)])
        pattern = a_person("苏晓禾", unit=unit, roles=[("applicant", "all", None)])
        person_id = a_person("卜文", roles=[("applicant", "all", None)]).id
        first, people = unit.id, {"keeper": keeper.id, "admin": admin.id, "applicant": person_id}
        account = db.session.scalars(
            sa.select(Credential.id).where(Credential.person_id == pattern.id)
        ).one()
        bound = db.session.scalars(
            sa.select(Employment.id).where(Employment.person_id == pattern.id)
        ).one()
        of_person = "1000000 + n"
        spelt = (
            f"substr('{SURNAMES}', 1 + n % {len(SURNAMES)}, 1) || "
            f"substr('{GIVEN}', 1 + (n / 16) % {len(GIVEN)}, 1) || "
            f"substr('{GIVEN}', 1 + (n / 256) % {len(GIVEN)}, 1)"
        )
        rows_like(Unit, first, UNITS, id=of_person, name="'第' || n || '中学'", credit_code="NULL")
        rows_like(
            Person, pattern.id, PEOPLE,
            id=of_person, name=spelt, id_number_sealed="NULL", id_number_hash="NULL",
        )  # fmt: skip
        rows_like(
            Credential, account, PEOPLE,
            id=of_person, person_id=of_person, login="'u' || n", activation_hash="'a' || n",
        )  # fmt: skip
        place = f"CASE WHEN n <= 200 THEN {first} ELSE 1000000 + n % {UNITS} + 1 END"
        rows_like(Employment, bound, PEOPLE, id=of_person, person_id=of_person, unit_id=place)
        db.session.execute(
            sa.text("UPDATE unit SET name = '青禾' || name WHERE id > 1000000 AND id % 100 = 0")
        )
    with transaction():
        db.session.execute(sa.text("ANALYZE"))
        assert now() is not None
    return people


def rows_like(table: type[Base], like: int, count: int, **own: str) -> None:
    """Insert `count` rows like one, but for the columns that have an expression of n."""
    columns = [column.name for column in table.__table__.c]
    values = ", ".join(own.get(name, f'"{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    db.session.execute(
        sa.text(
            f'INSERT INTO "{table.__table__.name}" ({names}) SELECT {values} '
            f'FROM "{table.__table__.name}", generate_series(1, :count) n WHERE id = :like'
        ),
        {"count": count, "like": like},
    )


def main() -> int:
    """Print the figures; 1 when one does not hold."""
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        for figure in figures(Path(folder)):
            print(figure.line(), flush=True)
            missed += not figure.ok
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
