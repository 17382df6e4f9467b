"""What breaks out of the engine's own sandbox, and a bundle run past the gate to see it fail."""

import datetime
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.script_engine import python_environment
from SpiffWorkflow.util.task import TaskState

from app.engine import environment, events, moments
from app.engine.diagrams import parse
from app.engine.environment import Engine
from tests.engine.kit import NOON

ESCAPES = {
    "import": "import os\nos.system('touch x')",
    "import by name": "__import__('os').system('touch x')",
    "open": "open('x','w').write('x')",
    "subclasses": "().__class__.__base__.__subclasses__()",
    "a generator's frame": "[x for x in g.gi_frame.f_back]",
    "a traceback's frame": "try:\n  1/0\nexcept Exception as e:\n  e.__traceback__.tb_frame",
    "a traceback by getattr": "getattr(e,'__trace'+'back__').tb_frame",
    "json's modules": "json.codecs.sys.modules['os'].system('touch x')",
    "json's open": "json.codecs.open('x','w')",
    "datetime's modules": "datetime.sys.modules['os'].system('touch x')",
    "re's modules": "re.enum.sys.modules['os'].system('touch x')",
    "str.format": "'{0.__class__.__base__}'.format(())",
    "a lambda's globals": "(lambda: 0).__globals__['__builtins__']",
    "a builtin's self": "len.__self__.__import__('os').system('touch x')",
    "a helper's globals": "helper.__globals__['os'].system('touch x')",
    "a chain of objects": "decl.repo.session.execute('x')",
    "a power": "9**9**9",
    "an endless loop": "while True: pass",
    "much text": "'a'*(10**10)",
}


class Escaped(BaseException):
    """Something ran that no diagram may run; nothing on the way can mistake it for an error."""


def escaped(*_arguments: object, **_named: object) -> None:
    raise Escaped


RICH = {
    "json": json,
    "datetime": datetime,
    "re": re,
    "e": ValueError("e"),
    "g": (number for number in (1, 2)),
    "helper": lambda: 0,
    "decl": SimpleNamespace(repo=SimpleNamespace(session=SimpleNamespace(execute=escaped))),
}
"""More than task data can ever hold: what the escapes are looking for."""
DATA = {"amount": 1, "decision": "pass", "voters": ["1", "2"], "e": 1, "g": [1], "json": {}}
ROUNDS = 4


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Raise Escaped where Python would be run; yields the texts the engine wanted evaluated."""
    wanted: list[str] = []
    evaluate = environment.evaluate

    def asked(text: str, variables: Any) -> Any:
        wanted.append(text)
        return evaluate(text, variables)

    with monkeypatch.context() as patch, moments.bound(NOON):
        patch.setattr(environment, "evaluate", asked)
        for name in ("eval", "exec"):
            patch.setattr(python_environment, name, escaped, raising=False)
        for name in ("os.system", "os.popen", "os.posix_spawn", "subprocess.Popen"):
            patch.setattr(name, escaped)
        yield wanted


def run_unjudged(files: dict[str, bytes]) -> None:
    """Let the runtime's own parser and engine run a bundle that no gate has seen.

    People do their tasks, the message and the signal come, times come. Raises what stops it.
    """
    specs = parse(files, "sample")
    engine = Engine(lambda _task: None)
    workflow = BpmnWorkflow(specs.process, dict(specs.called), script_engine=engine)
    workflow.task_tree.data.update(DATA)
    for _round in range(ROUNDS):
        workflow.do_engine_steps()
        workflow.refresh_timers()
        for task in workflow.get_tasks(state=TaskState.READY, manual=True):
            task.data.update(DATA)
            task.run()
        for event in (events.message("withdrawn"), events.signal("called_off")):
            workflow.catch(event)
