"""The diagrams that are shipped: each passes the gate and says who does what with which form."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.engine import handlers
from app.engine.answers import RECORD_ANSWERS
from app.engine.diagrams import BPMN, Node, read_nodes, read_xml
from app.engine.gate import Known, published_in
from app.engine.gate.inspection import inspect
from app.engine.gate.platform import known_here
from app.engine.gate.sandbox import packed

FOLDER = Path(__file__).resolve().parents[2] / "bpmn"
NATIONAL = {path.name: path.read_bytes() for path in sorted(FOLDER.glob("*.[bd][pm][mn]*"))}
OVERRIDES = sorted(FOLDER.glob("*/*.bpmn"))
NODES = [node for file, text in NATIONAL.items() for node in read_nodes({file: text})]
USER_TASKS = [node for node in NODES if node.kind == "userTask"]
SERVICE_TASKS = [node for node in NODES if node.kind == "serviceTask"]


def name_of(node: Node) -> str:
    return f"{node.process}.{node.id}"


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """What the platform offers once every room has registered its handlers."""
    from app.factory import create_app

    create_app(str(tmp_path_factory.mktemp("instance")))
    return known_here()


def test_some_diagrams_are_shipped() -> None:
    assert NATIONAL


@pytest.mark.parametrize("file", NATIONAL)
def test_every_national_diagram_passes_the_gate(file: str, known: Known) -> None:
    verdict = inspect(NATIONAL, known=known)
    about = [found for found in verdict.findings if found.file in {file, ""}]
    assert [f"{f.rule} {f.element}（{f.name}）：{f.message}" for f in about] == []


@pytest.mark.parametrize("path", OVERRIDES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_override_passes_the_gate_beside_the_national_ones(path: Path, known: Known) -> None:
    verdict = inspect({**NATIONAL, path.name: path.read_bytes()}, known=known)
    assert [f for f in verdict.findings if f.file in {path.name, ""}] == []


def test_the_sandbox_is_given_plain_data_and_loads_no_room(known: Known) -> None:
    loaded = (
        "import pickle, sys, app.engine.gate.child; pickle.load(sys.stdin.buffer); "
        "print(sorted({'sqlalchemy', 'flask', 'wtforms', 'app.people'} & sys.modules.keys()))"
    )
    child = subprocess.run(
        [sys.executable, "-c", loaded],
        input=packed(known),
        capture_output=True,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    assert child.stdout.decode().strip() == "[]"


def test_every_message_that_a_room_sends_is_told_to_the_gate(known: Known) -> None:
    rooms = [path.read_text("utf-8") for path in (FOLDER.parent / "app").glob("*/process.py")]
    sent = {name for text in rooms for name in re.findall(r'\.send\(\s*"(\w+)"', text)}
    assert sent
    assert {("message", name) for name in sent} <= known.sent


def test_every_function_that_diagrams_name_says_what_they_may_count_on(known: Known) -> None:
    rooms = [known.saves, known.pages, known.services, known.scopes]
    contracts = [(n, c) for room in rooms for n, c in room.items() if n != RECORD_ANSWERS]
    assert [name for name, contract in contracts if contract.gives is None] == []
    assert {key for _, contract in contracts for key in contract.serves} == known.matters.keys()
    assert all(contract.serves for _, contract in contracts)
    assert all(contract.roles for contract in known.scopes.values())
    named = [known.pages[name].save or name for name in known.pages]
    assert set(named) <= known.saves.keys()
    for matter in known.matters.values():
        assert {*matter.parts} <= {Path(file).stem for file in NATIONAL}
        assert {*matter.needs} <= known.services.keys() | known.saves.keys()


@pytest.mark.parametrize("node", USER_TASKS, ids=name_of)
def test_every_user_task_says_who_where_and_how_it_is_saved(node: Node, known: Known) -> None:
    properties = node.properties
    assert node.lane == known.roles[properties["role"]]
    assert bool(properties.get("form")) != bool(properties.get("page"))
    assert properties["save"] in handlers.save
    assert properties["scope"] in handlers.scope
    assert properties.get("form", "") in {"", *known.forms}
    assert properties.get("page", "") in {"", *known.pages}


@pytest.mark.parametrize("node", SERVICE_TASKS, ids=name_of)
def test_every_service_task_has_a_handler(node: Node, known: Known) -> None:
    assert known.services
    assert node.properties["handler"] in handlers.service


@pytest.mark.parametrize("file", [name for name in NATIONAL if name.endswith(".bpmn")])
def test_every_node_is_drawn(file: str) -> None:
    root = read_xml(NATIONAL[file], file)
    shapes = {shape.get("bpmnElement") for shape in root.iter("{*}BPMNShape")}
    assert {node.id for node in read_nodes({file: NATIONAL[file]})} <= shapes
    assert root.find(f"{{{BPMN}}}process").get("id") == Path(file).stem


SPOILED = {
    "a save of another process": ('"save" value="vet_item"', '"save" value="vet_withdrawal"'),
    "a form of another process": ('"form" value="vet_item"', '"form" value="vet_withdrawal"'),
    "answers that nobody reads": ('"save" value="vet_item"', '"save" value="record_answers"'),
    "a return that goes on": ('decision == "pass"', 'decision == "return"'),
    "an outcome misspelt": ('"outcomes" value="decision"', '"outcomes" value="decison"'),
    "a handler of another process": ('"approve_item"', '"release_item"'),
    "the owner as the clerk": ('"item_owners_unit"', '"item_owner"'),
    "a value that the form does not give": ('decision == "pass"', 'decision == "passed"'),
    "the word on the button": ('decision == "pass"', 'decision == "通过"'),
    "a text beside a comparison": ('decision == "pass"', 'decision == "pass" or "return"'),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_what_would_fail_at_every_click_is_not_published(fault: str, known: Known) -> None:
    text, name = NATIONAL["portfolio_audit.bpmn"].decode(), "portfolio_audit.bpmn"
    old, new = SPOILED[fault]
    assert old in text
    verdict = inspect({name: text.replace(old, new, 1).encode()}, known=known)
    assert not verdict.ok, fault
    assert inspect({name: text.encode()}, known=known).ok


SWAPPED = {
    "the unit's result": ("pass", 1, "find_next_level"),
    "the superior's result": ("pass", 2, "find_next_level"),
    "the acceptance": ("pass", 3, "review_finished"),
    "the termination": ("terminate", 1, "terminate_declaration"),
}
"""Which of the same conditions of the declaration is turned round, and what it then misleads."""
CALLED = ("declaration.bpmn", "unit_review.bpmn", "superior_review.bpmn")


def _turned(place: str) -> bytes:
    verdict, number, _misled = SWAPPED[place]
    condition = f'verdict == "{verdict}"'
    parts = NATIONAL["declaration.bpmn"].decode().split(condition)
    before, behind = condition.join(parts[:number]), condition.join(parts[number:])
    return f'{before}verdict == "return"{behind}'.encode()


@pytest.mark.parametrize("together", [True, False], ids=["with what it calls", "alone"])
@pytest.mark.parametrize("place", SWAPPED)
def test_a_verdict_is_followed_out_of_the_process_that_is_called(
    place: str, together: bool, known: Known
) -> None:
    files = {name: NATIONAL[name] for name in (CALLED if together else CALLED[:1])}
    known = replace(known, processes=published_in(NATIONAL, known))
    assert inspect(files, known=known).findings == ()
    verdict = inspect({**files, "declaration.bpmn": _turned(place)}, known=known)
    astray = {
        finding.element
        for finding in verdict.findings
        if finding.rule in {"task.state", "event.state"}
    }
    assert SWAPPED[place][2] in astray


TOLD_BY_STATES = [
    ("plan_window", "pass", "return", "publish_plan"),
    ("certificate_revocation", "pass", "refuse", "revoke_certificate"),
    ("certificate_issue", "return", "postpone", "provide_photo"),
    ("certificate_replacement", "return", "refuse", "mend_replacement"),
    ("identity_correction", "return", "refuse", "mend_correction"),
    ("post_approval", "pass", "return", "mend_posts"),
    ("unit_binding", "pass", "return", "mend_binding"),
    ("unit_change", "pass", "return", "mend_unit_change"),
]
"""A decision that is exchanged for another, and the task that then finds its record elsewhere."""


@pytest.mark.parametrize(("process", "old", "new", "misled"), TOLD_BY_STATES)
def test_the_state_alone_tells_of_a_decision_that_leads_astray(
    process: str, old: str, new: str, misled: str, known: Known
) -> None:
    text = NATIONAL[f"{process}.bpmn"].decode()
    known = replace(known, processes=published_in(NATIONAL, known))
    turned = text.replace(f'decision == "{old}"', f'decision == "{new}"')
    found = inspect({f"{process}.bpmn": turned.encode()}, known=known).findings
    assert ("error", "task.state", misled) in {(f.severity, f.rule, f.element) for f in found}


def test_the_processes_that_are_called_are_shipped() -> None:
    published = published_in(NATIONAL)
    called = {name for process in published.values() for name in process.calls}
    assert called <= set(published)
