"""What a figure is, how time is taken, and what this machine's time is worth."""

import ast
import json
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import median

PROGRAM = "\n".join(
    f"def act{i}(a, b={i}):\n    if a > b and not b:\n        return [x * {i} for x in a]\n"
    f"    return {{'name': a.name, 'rest': (b, '{i}', f'{{a}}')}}\n"
    for i in range(40)
)
CALIBRATION = Path(__file__).with_name("calibration.json")


@dataclass(frozen=True)
class Figure:
    """One measured figure. It is good while it does not pass its limit."""

    name: str
    value: float
    unit: str
    limit: float
    # What it is compared with, in its own unit: a peer, or a measure of the same run.
    baseline: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the limit holds."""
        return self.value <= self.limit

    def line(self) -> str:
        """The figure as a line of JSON."""
        ratio = round(self.value / self.baseline, 3) if self.baseline else None
        return json.dumps({**asdict(self), "ratio": ratio, "ok": self.ok}, ensure_ascii=False)


def tell(measured: Callable[[Path], Iterable[Figure]]) -> int:
    """Print each figure as soon as it is measured, in a folder; 1 when one does not hold."""
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        for figure in measured(Path(folder)):
            print(figure.line(), flush=True)
            missed += not figure.ok
    return 1 if missed else 0


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes by the clock: the work is the database's too."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def cpu_ms(work: Callable[[], object]) -> float:
    """CPU time of one call: other processes on the machine do not count."""
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000


def fixed_loop() -> int:
    """Always the same work, as wide in code and memory as a request: read a program, write it."""
    return len(ast.unparse(ast.parse(PROGRAM)))


def loop_ms() -> float:
    """How long the fixed loop takes here and now."""
    fixed_loop()
    return median(cpu_ms(fixed_loop) for _ in range(15))


@cache
def _reference_ms() -> float:
    known: float = json.loads(CALIBRATION.read_text("utf-8"))["fixed_loop_ms"]
    return known


def clock_ms(work: Callable[[], object]) -> float:
    """How long one call takes by the clock."""
    return seconds(work) * 1000


def scaled_ms(
    work: Callable[[], object], timed: Callable[[Callable[[], object]], float] = cpu_ms
) -> float:
    """Time of one call, CPU time if not said otherwise, on the machine of calibration.json.

    The fixed loop is timed just before and after: neighbours slow a processor for a while.
    """
    before = cpu_ms(fixed_loop)
    took = timed(work)
    return took * _reference_ms() * 2 / (before + cpu_ms(fixed_loop))
