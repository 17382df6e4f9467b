"""The diagrams that are shipped: each passes the gate and says who does what with which form."""

import re
from pathlib import Path

import pytest

from app.engine import handlers
from app.engine.diagrams import BPMN, Node, read_nodes, read_xml
from app.engine.gate import Known, published_in
from app.engine.gate.inspection import inspect

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
    return Known.of_platform()


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


def test_every_message_that_a_room_sends_is_told_to_the_gate(known: Known) -> None:
    rooms = [path.read_text("utf-8") for path in (FOLDER.parent / "app").glob("*/process.py")]
    sent = {name for text in rooms for name in re.findall(r'\.send\(\s*"(\w+)"', text)}
    assert sent
    assert {("message", name) for name in sent} <= known.sent


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


def test_the_processes_that_are_called_are_shipped() -> None:
    published = published_in(NATIONAL)
    called = {name for process in published.values() for name in process.calls}
    assert called <= set(published)
