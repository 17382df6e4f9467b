"""Bundles that cost much, or would if they were let in, and the rules that say so."""

from collections.abc import Callable
from itertools import pairwise

from tests.engine.gate_builder import (
    PARTS,
    Drawing,
    element,
    flow,
    gateway,
    loop,
    service,
)
from tests.engine.gate_faults import SPOILED, between, voting

Files = dict[str, bytes]
MEGABYTE = 1024 * 1024


def alone(content: bytes) -> Files:
    return {"sample.bpmn": content}


def laughing() -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE x [<!ENTITY l0 "lol">{entities}]><x>&l9;</x>'.encode()


def ring(size: int) -> Files:
    """Processes that call each other in a circle."""
    drawings = {}
    for number in range(size):
        target = f"p{(number + 1) % size}"
        call = element("callActivity", "call", name="调用", calledElement=target)
        other = between(Drawing(process_id=f"p{number}", parts=dict(PARTS)), "call", call)
        drawings[f"p{number}.bpmn"] = other.bytes()
    return drawings


def call_chain(size: int) -> Files:
    """Processes of which each calls the next."""
    files = {}
    for number in range(size):
        drawing = Drawing(process_id=f"p{number}", parts=dict(PARTS))
        call = element("callActivity", "call", name="调用", calledElement=f"p{number + 1}")
        calling = drawing if number == size - 1 else between(drawing, "call", call)
        files[f"p{number}.bpmn"] = calling.bytes()
    return files


def asked_by_many(rows: int, tasks: int) -> Files:
    """A long table that many tasks ask."""
    asking = element(
        "businessRuleTask",
        "{0}",
        "<bpmn:extensionElements><spiffworkflow:calledDecisionId>find_grade"
        "</spiffworkflow:calledDecisionId></bpmn:extensionElements>",
        name="评级",
    )
    names = [f"ask_{number}" for number in range(tasks)]
    steps = "".join(map(asking.format, names)) + "".join(flow(*pair) for pair in pairwise(names))
    drawing = Drawing().with_(
        steps=steps, publish_to_end=flow("publish", names[0]), last=flow(names[-1], "end")
    )
    return {**alone(drawing.bytes()), "find_grade.dmn": long_table(rows, "senior")}


def long_table(rows: int, answer: str) -> bytes:
    """A table that answers with a text, in which {0} stands for the number of the row."""
    row = (
        '<rule id="r{0}"><inputEntry id="i{0}"><text>? &gt; {0}</text></inputEntry>'
        f'<outputEntry id="o{{0}}"><text>"{answer}"</text></outputEntry></rule>'
    )
    table = (
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d"'
        ' namespace="d"><decision id="find_grade" name="评级"><decisionTable id="t"'
        ' hitPolicy="FIRST"><input id="i"><inputExpression id="ie"><text>amount</text>'
        '</inputExpression></input><output id="o" name="grade"/>'
        + "".join(map(row.format, range(rows)))
        + "</decisionTable></decision></definitions>"
    )
    return table.encode()


def many_conditions(count: int, parts: int) -> Files:
    """Branches of which each compares many times with what a long table can answer."""
    asking = element(
        "businessRuleTask",
        "publish",
        "<bpmn:extensionElements><spiffworkflow:calledDecisionId>find_grade"
        "</spiffworkflow:calledDecisionId></bpmn:extensionElements>",
        name="评级",
    )
    text = " or ".join(['grade == "g999"'] * parts)
    drawing = Drawing().with_(
        publish=asking,
        publish_to_end=flow("publish", "which"),
        which=gateway("which", "which_to_end"),
        which_to_end=flow("which", "end"),
        branches="".join(flow("which", "fill", text, ident=f"way_{n}") for n in range(count)),
    )
    return {**alone(drawing.bytes()), "find_grade.dmn": long_table(1_000, "g{0}")}


def counting(count: str) -> Files:
    marker = loop(f"<bpmn:loopCardinality>{count}</bpmn:loopCardinality>")
    return alone(voting(marker).bytes())


def forks(depth: int) -> Files:
    """Parallel forks in a row, which double what the engine foresees each time."""
    rows = "".join(
        element("parallelGateway", f"fork{n}")
        + service(f"a{n}")
        + service(f"b{n}")
        + element("parallelGateway", f"join{n}")
        + flow(f"fork{n}", f"a{n}")
        + flow(f"fork{n}", f"b{n}")
        + flow(f"a{n}", f"join{n}")
        + flow(f"b{n}", f"join{n}")
        + flow(f"join{n}", f"fork{n + 1}" if n < depth - 1 else "end")
        for n in range(depth)
    )
    drawing = Drawing().with_(publish_to_end=flow("publish", "fork0"), rows=rows)
    return alone(drawing.bytes())


def chain(process: str) -> bytes:
    """A process as long as may be, with a gateway behind every other step."""
    names = [f"step_{number}" for number in range(180)]
    steps = "".join(map(service, names)) + "".join(flow(*pair) for pair in pairwise(names))
    drawing = Drawing(process_id=process, parts=dict(PARTS)).with_(
        steps=steps, publish_to_end=flow("publish", names[0]), last=flow(names[-1], "end")
    )
    return drawing.bytes()


def nested(depth: int) -> bytes:
    return b"<a>" * depth + b"</a>" * depth


HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nothing": ("file.empty", lambda: b""),
    "an image": ("file.binary", lambda: b"\x89PNG\r\n\x1a\n\x00" + bytes(range(256)) * 99),
    "fifty megabytes": ("file.size", lambda: b"<a>" + b" " * (50 * MEGABYTE)),
    "a hundred thousand levels": ("xml.depth", lambda: nested(100_000)),
    "a billion laughs": ("xml.doctype", laughing),
    "a hundred thousand elements": (
        "xml.elements", lambda: b"<a>" + b"<b/>" * 100_000 + b"</a>"
    ),
}  # fmt: skip

COSTLY: dict[str, tuple[set[str], Callable[[], Files]]] = {
    "hostile files of every kind": (
        {rule for rule, _content in HOSTILE.values()},
        lambda: {f"{name}.bpmn": content() for name, (_rule, content) in HOSTILE.items()},
    ),
    "a circle of calls": ({"call.cycle"}, lambda: ring(8)),
    "an endless automatic loop": (
        {"graph.automatic_loop"},
        lambda: alone(SPOILED["an endless automatic loop"].drawing.bytes()),
    ),
    "a thousand million instances": ({"expression.value"}, lambda: counting("1000000000")),
    "forks upon forks": ({"graph.too_many_paths"}, lambda: forks(30)),
    "a chain of thirty calls": (set(), lambda: call_chain(30)),
    "a long table that many tasks ask": (set(), lambda: asked_by_many(1_500, 150)),
    "more conditions than can be held against values": (
        {"condition.effort"}, lambda: many_conditions(700, 100)
    ),
    "as many long processes as may be": (
        set(), lambda: {f"p{n}.bpmn": chain(f"p{n}") for n in range(8)}
    ),
}  # fmt: skip
