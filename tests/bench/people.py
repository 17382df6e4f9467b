"""Figures of a province's people: searching ten thousand units and listing a million people.

`python -m tests.bench.people` measures these alone.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from app.accounts.models import Credential, Person
from app.core.db import db, transaction
from app.units.models import Employment, Unit
from tests.bench.figures import Figure, tell
from tests.bench.world import asker, p95_ms, rows_like, served
from tests.builders.people import a_person, a_unit
from tests.conftest import START, set_clock
from tests.throwaway_postgres import running_server

UNITS, PEOPLE = 10_000, 1_000_000
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
    with running_server() as server, served(folder, server) as app:
        people = _province()
        for name, (who, path) in LISTS.items():
            ask = asker(app, people[who], path, "pager", "第 1")
            yield Figure(name, p95_ms(ask), "ms", 50)


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
    return people


if __name__ == "__main__":
    sys.exit(tell(figures))
