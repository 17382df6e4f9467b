"""The sandbox: any file gets a verdict within the limits of the child, and we survive.

The limits are measured where the system enforces them: by processor time and memory of the
children, never by the clock, which other work on the machine slows down.
"""

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.engine.gate import sandbox
from app.engine.gate.findings import Verdict
from app.engine.gate.sandbox import MEMORY, NO_MEMORY, SECONDS, check
from tests.engine.gate_builder import KNOWN, Drawing
from tests.engine.gate_costs import COSTLY

ROOT = Path(__file__).resolve().parents[2]
SOUND = {"sample.bpmn": Drawing().bytes()}
PROMISED_SECONDS = 5
PROMISED_MEMORY = 512 * 1024 * 1024


def rules_of(verdict: Verdict) -> set[str]:
    return {finding.rule for finding in verdict.findings}


def misbehaving(
    monkeypatch: pytest.MonkeyPatch, act: str, *, seconds: float = 1, patience: float = 1000
) -> set[str]:
    """The rules of the verdict of a child that does `act`."""
    monkeypatch.setattr(sandbox, "CHILD", "tests.engine.gate_child")
    monkeypatch.setattr(sandbox, "PATIENCE", patience)
    monkeypatch.setenv("LD_LIBRARY_PATH", act)
    verdict = check(SOUND, known=KNOWN, seconds=seconds)
    assert not verdict.ok
    return rules_of(verdict)


def test_the_limits_are_within_what_is_promised() -> None:
    assert SECONDS < PROMISED_SECONDS
    assert MEMORY < PROMISED_MEMORY


def test_a_sound_diagram_passes_in_the_child_as_it_does_here() -> None:
    verdict = check(SOUND, known=KNOWN)
    assert (verdict.findings, verdict.process_ids) == ((), ("sample",))


@pytest.mark.parametrize(
    ("act", "seconds", "rule"),
    [
        ("spin", 1, "gate.time"),
        ("eat", 60, "gate.memory"),
        ("eat_all", 60, "gate.memory"),
        ("crash", 60, "gate.unfinished"),
        ("mumble", 60, "gate.unfinished"),
    ],
)
def test_a_child_that_goes_too_far_is_ended_and_named(
    act: str, seconds: float, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert misbehaving(monkeypatch, act, seconds=seconds) == {rule}


def test_a_child_that_does_not_listen_is_killed_a_second_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert misbehaving(monkeypatch, "spin_deaf") == {"gate.memory"}
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 3


def test_a_machine_without_time_is_not_held_against_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert misbehaving(monkeypatch, "sleep", patience=1) == {"gate.busy"}


def test_a_machine_without_processes_is_not_held_against_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_command: object, **_options: object) -> None:
        raise BlockingIOError

    monkeypatch.setattr(subprocess, "run", refuse)
    assert rules_of(check(SOUND, known=KNOWN)) == {"gate.busy"}


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        (-signal.SIGXCPU, "gate.time"),
        (-signal.SIGKILL, "gate.memory"),
        (NO_MEMORY, "gate.memory"),
        (-signal.SIGSEGV, "gate.unfinished"),
        (1, "gate.unfinished"),
        (0, "gate.unfinished"),
    ],
)
def test_the_end_of_a_child_tells_the_limit(code: int, rule: str) -> None:
    child = subprocess.CompletedProcess([], code, stdout=b"half a sen")
    assert rules_of(sandbox._understood(child)) == {rule}


@pytest.mark.parametrize(
    "said", [b"", b"[]", b"null", b'{"findings": [{"rule": 1}]}', b"\xff", b'{"findings": 3}']
)
def test_words_of_a_child_that_are_no_verdict_are_none(said: bytes) -> None:
    child = subprocess.CompletedProcess([], 0, stdout=said)
    assert rules_of(sandbox._understood(child)) == {"gate.unfinished"}


def test_the_child_is_bound_in_time_memory_files_and_children() -> None:
    script = (
        "import json, resource as r, sys; from app.engine.gate.child import bound"
        "; bound(2.5, 10**9)"
        "; print(json.dumps({n: r.getrlimit(getattr(r, 'RLIMIT_' + n)) for n in sys.argv[1:]}))"
    )
    names = ["CPU", "AS", "FSIZE", "CORE", "NPROC"]
    command = [sys.executable, "-c", script, *names]
    said = subprocess.run(command, check=True, cwd=ROOT, capture_output=True).stdout
    none = {name: [0, 0] for name in ("FSIZE", "CORE", "NPROC")}
    assert json.loads(said) == {"CPU": [3, 4], "AS": [10**9, 10**9], **none}


MEASURE = """
import json, resource
from app.engine.gate.sandbox import check
from tests.engine.gate_builder import KNOWN
from tests.engine.gate_costs import COSTLY
before = 0.0
for name, (_rules, files) in COSTLY.items():
    rules = sorted({finding.rule for finding in check(files(), known=KNOWN).findings})
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = used.ru_utime + used.ru_stime
    print(json.dumps([name, rules, seconds - before, used.ru_maxrss * 1024]))
    before = seconds
"""


def test_whatever_the_files_there_is_a_verdict_within_the_limits() -> None:
    command = [sys.executable, "-c", MEASURE]
    said = subprocess.run(command, check=True, cwd=ROOT, capture_output=True).stdout
    measured = {name: rest for name, *rest in map(json.loads, said.splitlines())}
    assert {name: set(rules) for name, (rules, *_used) in measured.items()} == {
        name: rules for name, (rules, _files) in COSTLY.items()
    }
    assert max(seconds for _rules, seconds, _memory in measured.values()) < SECONDS
    assert max(memory for _rules, _seconds, memory in measured.values()) < MEMORY
