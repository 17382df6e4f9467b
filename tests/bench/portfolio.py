"""Figures of a province's portfolios: pages of a person and of a unit among a million items.

`python -m tests.bench.portfolio` measures these alone.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from app.accounts.models import Person
from app.core import search
from app.core.clock import now
from app.core.db import Base, db, transaction
from app.engine import definitions
from app.engine.models import WorkItem
from app.portfolio import item_types
from app.portfolio.models import STATES, SUMMARY_LENGTH, ItemSubmission, PortfolioItem
from app.units.models import Employment, Unit
from tests.bench.figures import Figure, tell
from tests.bench.world import asker, p95_ms, rows_like, served
from tests.builders import portfolio as build
from tests.builders.people import a_person, a_unit, staff
from tests.conftest import START, set_clock
from tests.throwaway_postgres import running_server

UNITS, STAFF, EACH, OWN, COPIES = 100, 500, 20, 300, 10_000
LIMIT_MS = 100
PAGES = {
    "portfolio_of_300_items_p95_ms": ("owner", "/portfolio"),
    "portfolio_search_in_300_items_p95_ms": ("owner", "/portfolio?status=returned&q=青禾"),
    "statistics_of_300_items_p95_ms": ("owner", "/portfolio/statistics"),
    "archive_of_10000_among_1000000_p95_ms": ("clerk", "/portfolio/archive"),
    "archive_search_of_10000_among_1000000_p95_ms": (
        "clerk",
        "/portfolio/archive?type=paper&status=submitted&q=青禾",
    ),
    "archive_search_by_words_of_10000_among_1000000_p95_ms": (
        "clerk",
        "/portfolio/archive?q=青禾",
    ),
    "archive_search_for_nothing_of_10000_among_1000000_p95_ms": (
        "clerk",
        "/portfolio/archive?q=查无此项",
    ),
    "statistics_of_10000_among_1000000_p95_ms": ("clerk", "/portfolio/archive/statistics"),
    "review_of_an_item_like_10000_others_p95_ms": ("clerk", "/portfolio/{waiting}"),
}
"""Each figure with who asks for which page."""
SHOWN = ("合计", "pager", "没有符合条件的业绩", "超过 20 处")


def figures(folder: Path) -> Iterator[Figure]:
    """Measure on PostgreSQL, pages as they are served, the database warm."""
    with running_server() as server, served(folder, server) as app:
        people = a_province()
        for name, (who, path) in PAGES.items():
            ask = asker(app, people[who], path.format(**people), *SHOWN)
            yield Figure(name, p95_ms(ask), "ms", LIMIT_MS)


def a_province() -> dict[str, int]:
    """Enter units, their people and the people's items as rows like the first ones."""
    with transaction():
        set_clock(START)
        definitions.load_shipped(now())
        unit = a_unit("云桥区青禾小学")
        clerk = staff(unit, "unit_clerk")
        owner = a_person("苏晓禾", unit=unit)
        item = build.a_submitted_item(owner, "work", data={"unit": "青禾小学"})
        build.vet(item, "return", "请补充证明")
        version = build.an_approved_item(owner, "work").id
        waiting = build.a_submitted_item(owner, "work")
        people = {"clerk": clerk.id, "owner": owner.id, "waiting": waiting.id}
        db.session.flush()
        # What refers to what is right by the making of it: to look it up takes minutes.
        db.session.execute(sa.text("SET LOCAL session_replication_role = replica"))
        _people(unit.id, owner.id)
        with _indexed_afterwards(PortfolioItem):
            _items(item, version)
        task_id = build.review_task(waiting).id
        with _indexed_afterwards(WorkItem):
            _tasks(task_id)
        _copies(waiting.id)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
        # What was entered is on the disk before anything is timed.
        connection.execute(sa.text("CHECKPOINT"))
    return people


@contextmanager
def _indexed_afterwards(table: type[Base]) -> Iterator[None]:
    """Take a table's indexes away while very many rows come, and make them once."""
    indexes: set[sa.Index] = table.__table__.indexes  # type: ignore[attr-defined]
    for index in indexes:
        index.drop(db.session.connection())
    yield
    for index in indexes:
        index.create(db.session.connection())


def _people(unit_id: int, pattern: int) -> None:
    """As many people in each unit, the first unit's among them."""
    person = "1000000 + n"
    account = sa.select(Employment.id).where(Employment.person_id == pattern)
    bound = db.session.scalars(account).one()
    rows_like(Unit, unit_id, UNITS, id=person, name="'第' || n || '中学'", credit_code="NULL")
    rows_like(
        Person, pattern, UNITS * STAFF,
        id=person, name="'教师' || n", id_number_sealed="NULL", id_number_hash="NULL",
    )  # fmt: skip
    place = _unit_of("n", unit_id)
    rows_like(Employment, bound, UNITS * STAFF, id=person, person_id=person, unit_id=place)


def _unit_of(number: str, first: int) -> str:
    """The unit of the person of this number: staff by staff, the first one's first."""
    return f"CASE WHEN {number} <= {STAFF} THEN {first} ELSE 1000000 + {number} / {STAFF} END"


def _items(item: PortfolioItem, version_id: int) -> None:
    """The first person has many of their own; everybody else has a few of every kind and state."""
    keys, states = (
        f"(ARRAY{list(each)})" for each in ([t.key for t in item_types.all_types()], STATES)
    )
    # A person's items lie far from one another, as they come over the years.
    person = f"(1 + n::bigint * 7919 % {UNITS * STAFF})"
    mixed = {
        "id": "1000000 + n",
        "type_key": f"{keys}[1 + n % {len(item_types.all_types())}]",
        "status": f"{states}[1 + n % 7 % {len(STATES)}]",
        "current_version_id": str(version_id),
        "occurred_on": "DATE '2005-03-01' + (n * 37 % 7600)::int",
        "updated_at": "updated_at - n * INTERVAL '1 second'",
    }
    mixed["words"] = _texts()
    mixed |= {f"seen_{name}": mixed[name] for name in ("occurred_on", "updated_at", "words")}
    rows_like(
        PortfolioItem, item.id, UNITS * STAFF * EACH,
        **mixed, person_id=f"1000000 + {person}",
        # Every tenth was reviewed where the person worked before.
        reviewing_unit_id=f"CASE WHEN n / {UNITS * STAFF} % 10 = 0 THEN 1000001 + n % {UNITS - 1} "
        f"ELSE {_unit_of(person, item.reviewing_unit_id or 0)} END",
    )  # fmt: skip
    rows_like(PortfolioItem, item.id, OWN, **mixed | {"id": "3000000 + n"})
    sent = item.submissions[0].id
    rows_like(ItemSubmission, sent, OWN, id="3000000 + n", item_id="3000000 + n")
    rows_like(ItemSubmission, sent, STAFF * EACH, id="1000000 + n", item_id="1000000 + n")


def _texts() -> str:
    """Texts as long as can be typed, of a thousand kinds: one in ten has the words sought."""
    texts = []
    for number in range(1000):
        first = "青禾" if number % 10 == 0 else "梧桐"
        letters = (
            chr(0x4E00 + (number * 61 + place * 97) % 3000) for place in range(SUMMARY_LENGTH - 2)
        )
        texts.append(search.folded(f"工作经历 教师 {first}{''.join(letters)}"))
    return f"(ARRAY{texts})[1 + n * 7 % 1000]"


def _copies(item_id: int) -> None:
    """Very many claim what an item that waits claims."""
    sent = "SELECT :mark, id FROM portfolio_item WHERE id > 1000000 AND status <> 'draft' LIMIT :n"
    told = {"mark": "f" * 64, "n": COPIES, "item": item_id}
    db.session.execute(
        sa.text("INSERT INTO item_mark (mark, item_id) VALUES (:mark, :item)"), told
    )
    db.session.execute(sa.text(f"INSERT INTO item_mark (mark, item_id) {sent}"), told)


def _tasks(pattern: int) -> None:
    """What is submitted waits for the unit that reviews it: so the pages count it."""
    table = WorkItem.__table__
    own = {
        "id": "i.id",
        "task_uuid": "gen_random_uuid()::text",
        "business_id": "i.id",
        "scope_id": "i.reviewing_unit_id",
        "about_id": "i.person_id",
    }
    names = [f'"{each.name}"' for each in table.columns]
    told = [own.get(each.name, f'w."{each.name}"') for each in table.columns]
    db.session.execute(
        sa.text(
            f"INSERT INTO work_item ({', '.join(names)}) SELECT {', '.join(told)} "
            "FROM work_item w, portfolio_item i "
            "WHERE w.id = :pattern AND i.status = 'submitted' AND i.id > 1000000"
        ),
        {"pattern": pattern},
    )


if __name__ == "__main__":
    sys.exit(tell(figures))
