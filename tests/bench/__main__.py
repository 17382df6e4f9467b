"""`make bench`: measured speed and memory as lines of JSON; exit 1 when a limit is passed.

Milliseconds are CPU time scaled by a fixed loop that is timed around each sample (calibration.json
says what it took on the machine of reference). `--calibrate` takes this machine as the reference.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import rules
from app.core.db import db, transaction
from tests.bench import (
    audit,
    engine,
    http,
    imports,
    likeness,
    people,
    portfolio,
    scale,
    uploads,
    worker,
)
from tests.bench.figures import CALIBRATION, Figure, loop_ms, scaled_ms, tell
from tests.builders.people import a_person
from tests.rules.golden import first_run

OF_A_PROVINCE = {
    "scale": scale.figures,
    "imports": imports.figures,
    "audit": audit.figures,
    "people": people.figures,
    "portfolio": portfolio.figures,
    "uploads": uploads.figures,
}
"""What is measured on databases of its own, last."""


def check() -> Iterator[Figure]:
    """One 开始检测 of the golden case, the rule set loaded."""
    facts = {"jurisdiction": "anhui", **first_run()}
    rules.evaluate("submission", facts)
    took = median(scaled_ms(lambda: rules.evaluate("submission", facts)) for _ in range(50))
    yield Figure("check_cpu_ms", round(took, 3), "ms", 5)


def measured(folder: Path) -> Iterator[Figure]:
    """Every figure, one after another, each room's in a folder of its own."""
    yield from check()
    yield from likeness.figures()
    yield from engine.figures(_room(folder, "engine"))
    app = http.application(folder)
    yield from http.figures(app)
    with app.app_context():
        with transaction():
            person_id = a_person("敖正言", roles=[("unit_clerk", "all", None)]).id
        yield from worker.figures(app, person_id)
        db.engine.dispose()
    for name, figures in OF_A_PROVINCE.items():
        yield from figures(_room(folder, name))


def _room(folder: Path, name: str) -> Path:
    room = folder / name
    room.mkdir()
    return room


def main() -> int:
    """Print the figures; 1 when one does not hold."""
    if "--calibrate" in sys.argv:
        CALIBRATION.write_text(json.dumps({"fixed_loop_ms": round(loop_ms(), 2)}) + "\n", "utf-8")
    return tell(measured)


if __name__ == "__main__":
    sys.exit(main())
