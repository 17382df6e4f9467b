"""`make bench`: measured speed and memory as lines of JSON; exit 1 when a limit is passed.

Milliseconds are CPU time scaled by a fixed loop that is timed around each sample (calibration.json
says what it took on the machine of reference). `--calibrate` takes this machine as the reference.
"""

import json
import sys
import tempfile
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
from tests.bench.figures import CALIBRATION, Figure, loop_ms, scaled_ms
from tests.builders.people import a_person
from tests.rules.golden import first_run


def check() -> Iterator[Figure]:
    """One 开始检测 of the golden case, the rule set loaded."""
    facts = {"jurisdiction": "anhui", **first_run()}
    rules.evaluate("submission", facts)
    took = median(scaled_ms(lambda: rules.evaluate("submission", facts)) for _ in range(50))
    yield Figure("check_cpu_ms", round(took, 3), "ms", 5)


def measured(folder: Path) -> Iterator[Figure]:
    """Every figure, one after another."""
    yield from check()
    yield from likeness.figures()
    (folder / "engine").mkdir()
    yield from engine.figures(folder / "engine")
    app = http.application(folder)
    yield from http.figures(app)
    with app.app_context():
        with transaction():
            person_id = a_person("敖正言", roles=[("unit_clerk", "all", None)]).id
        yield from worker.figures(app, person_id)
        db.engine.dispose()
    (folder / "scale").mkdir()
    yield from scale.figures(folder / "scale")
    (folder / "imports").mkdir()
    yield from imports.figures(folder / "imports")
    (folder / "audit").mkdir()
    yield from audit.figures(folder / "audit")
    (folder / "people").mkdir()
    yield from people.figures(folder / "people")
    (folder / "portfolio").mkdir()
    yield from portfolio.figures(folder / "portfolio")
    (folder / "uploads").mkdir()
    yield from uploads.figures(folder / "uploads")


def main() -> int:
    """Print the figures; 1 when one does not hold."""
    if "--calibrate" in sys.argv:
        CALIBRATION.write_text(json.dumps({"fixed_loop_ms": round(loop_ms(), 2)}) + "\n", "utf-8")
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        for figure in measured(Path(folder)):
            print(figure.line(), flush=True)
            missed += not figure.ok
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
