"""Hostile files: each is refused by a limit that costs little, and nothing ever raises."""

import resource
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.diagrams import closure, parse, read_nodes, read_xml
from app.engine.gate import bundle
from app.engine.gate.inspection import inspect
from app.engine.gate.xml import (
    MAX_ATTRIBUTE_LENGTH,
    MAX_ATTRIBUTES,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_ELEMENTS,
)
from tests.engine.gate_builder import HEAD, KNOWN, PARTS, Drawing, element, flow, service
from tests.engine.test_gate_decisions import DECIDING, table

MEGABYTE = 1024 * 1024


def verdict_on(content: bytes, file: str = "sample.bpmn") -> set[str]:
    verdict = inspect({file: content}, known=KNOWN)
    assert not verdict.ok
    assert all(finding.hint for finding in verdict.findings)
    return {finding.rule for finding in verdict.findings}


def laughing(first: str) -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE x [<!ENTITY l0 "{first}">{entities}]><x>&l9;</x>'.encode()


HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nothing": ("file.empty", lambda: b""),
    "blanks": ("file.empty", lambda: b" \n" * 10),
    "a byte order mark alone": ("file.empty", lambda: b"\xef\xbb\xbf"),
    "fifty megabytes": ("file.size", lambda: b"<a>" + b" " * (50 * MEGABYTE)),
    "one byte too many": ("file.size", lambda: b"<" * (MAX_BYTES + 1)),
    "an image": ("file.binary", lambda: b"\x89PNG\r\n\x1a\n\x00\x00"),
    "UTF-16": ("file.encoding", lambda: "<a/>".encode("utf-16")),
    "UTF-16 of the other kind": (
        "file.encoding",
        lambda: b"\xfe\xff" + "<a/>".encode("utf-16-be"),
    ),
    "UTF-16 without a mark": ("file.binary", lambda: "<a/>".encode("utf-16-le")),
    "GBK": ("file.encoding", lambda: "<a>职称</a>".encode("gbk")),
    "a declared foreign encoding": (
        "file.encoding",
        lambda: b'<?xml version="1.0" encoding="GBK"?><a/>',
    ),
    "a declared UTF-7": ("file.encoding", lambda: b'<?xml version="1.0" encoding="UTF-7"?><a/>'),
    "an encoding declared far from the start": (
        "file.encoding",
        lambda: b'<?xml version="1.0"' + b" " * 900 + b'encoding="latin-1"?><a/>',
    ),
    "plain text": ("xml.malformed", lambda: b"hello"),
    "half a file": ("xml.malformed", lambda: Drawing().bytes()[:900]),
    "an undefined entity": ("xml.malformed", lambda: b"<a>&nothing;</a>"),
    "an unbound prefix": ("xml.malformed", lambda: b"<a:b/>"),
    "a doctype": ("xml.doctype", lambda: b"<!DOCTYPE a><a/>"),
    "an external file": (
        "xml.doctype",
        lambda: b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
    ),
    "a parameter entity": (
        "xml.doctype",
        lambda: b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1/x"> %x;]><a/>',
    ),
    "a billion laughs": ("xml.doctype", lambda: laughing("lol")),
    "a quadratic blow-up": (
        "xml.doctype",
        lambda: b'<!DOCTYPE a [<!ENTITY x "' + b"x" * 50_000 + b'">]><a>' + b"&x;" * 9 + b"</a>",
    ),
    "depth one hundred thousand": (
        "xml.depth",
        lambda: b"<a>" * 100_000 + b"</a>" * 100_000,
    ),
    "one level too deep": (
        "xml.depth",
        lambda: b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
    ),
    "a hundred thousand elements": (
        "xml.elements",
        lambda: b"<a>" + b"<b/>" * 100_000 + b"</a>",
    ),
    "one element too many": ("xml.elements", lambda: b"<a>" + b"<b/>" * MAX_ELEMENTS + b"</a>"),
    "a huge attribute": (
        "xml.attributes",
        lambda: b'<a b="' + b"x" * (MAX_ATTRIBUTE_LENGTH + 1) + b'"/>',
    ),
    "many attributes": (
        "xml.attributes",
        lambda: (
            b"<a " + b" ".join(b'a%d=""' % number for number in range(MAX_ATTRIBUTES + 1)) + b"/>"
        ),
    ),
    "another language": ("xml.root", lambda: b"<html/>"),
    "no process": ("process.count", f"{HEAD}</bpmn:definitions>".encode),
    "two processes": (
        "process.count",
        lambda: (
            Drawing()
            .replacing("</bpmn:process>", '</bpmn:process><bpmn:process id="more"/>')
            .bytes()
        ),
    ),
}


@pytest.mark.parametrize(("rule", "content"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_are_refused(rule: str, content: Callable[[], bytes]) -> None:
    assert verdict_on(content()) == {rule}


@pytest.mark.parametrize(("rule", "content"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_decision_tables_are_refused(rule: str, content: Callable[[], bytes]) -> None:
    expected = "dmn.table" if rule in {"xml.root", "process.count"} else rule
    assert verdict_on(content(), "sample.dmn") == {expected}


def test_refusing_takes_no_memory_to_speak_of() -> None:
    content = HOSTILE["fifty megabytes"][1]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    verdict_on(content)
    verdict_on(HOSTILE["depth one hundred thousand"][1]())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024


def test_no_files_at_all_are_refused() -> None:
    assert [f.rule for f in inspect({}, known=KNOWN).findings] == ["bundle.empty"]


def test_too_many_files_are_refused_unread() -> None:
    files = {f"{number}.bpmn": b"<" for number in range(bundle.MAX_FILES + 1)}
    assert [f.rule for f in inspect(files, known=KNOWN).findings] == ["bundle.size"]


def test_too_much_together_is_refused_unread() -> None:
    files = {f"{number}.bpmn": b"<" * (2 * MEGABYTE) for number in range(3)}
    assert [f.rule for f in inspect(files, known=KNOWN).findings] == ["bundle.size"]


def test_too_many_nodes_together_are_refused_before_the_rules_walk_them() -> None:
    crowd = Drawing().with_(crowd="".join(service(f"s{n}") for n in range(190))).bytes()
    files = {f"p{n}.bpmn": crowd for n in range(bundle.MAX_TOTAL_NODES // 190 + 1)}
    assert [f.rule for f in inspect(files, known=KNOWN).findings] == ["bundle.size"]


def test_the_longest_path_that_is_allowed_can_still_be_parsed() -> None:
    names = [f"step_{number}" for number in range(190)]
    chain = "".join(map(service, names)) + "".join(
        flow(here, there) for here, there in pairwise(names)
    )
    drawing = Drawing().with_(
        chain=chain, publish_to_end=flow("publish", names[0]), last=flow(names[-1], "end")
    )
    assert inspect({"sample.bpmn": drawing.bytes()}, known=KNOWN).findings == ()


def test_a_comment_anywhere_is_no_trouble() -> None:
    drawing = Drawing().replacing("<bpmn:process ", "<!-- 说明 --><bpmn:process ")
    drawing = drawing.replacing("</bpmn:process>", "<!-- 说明 --><?tool x?></bpmn:process>")
    assert inspect({"sample.bpmn": drawing.bytes()}, known=KNOWN).findings == ()


WRITTEN = {
    "a comment": 'decision<!-- or True --> == "a"',
    "an instruction": 'decision<?or True?> == "a"',
    "a section": 'decision <![CDATA[==]]> "a"',
    "letters by number": "decision == &#34;&#x61;&#34;",
    "lines": 'decision\n  == "a"',
}


@pytest.mark.parametrize("condition", WRITTEN.values(), ids=WRITTEN.keys())
def test_the_gate_reads_what_the_engine_parses(condition: str) -> None:
    files = {
        "sample.bpmn": Drawing().with_(is_good_to_fill=flow("is_good", "fill", condition)).bytes()
    }
    assert inspect(files, known=KNOWN).findings == ()
    read = [each.condition for each in bundle.read_bundle(files).diagrams[0].flows]
    spec = parse(files, "sample").process.task_specs["is_good"]
    parsed = [str(asked.args[0]) for asked, _target in spec.cond_task_specs if asked]
    assert parsed == [text for text in read if text]


def test_a_file_that_says_it_is_written_otherwise_is_read_as_it_was_judged() -> None:
    """Whatever stands in the first line: what passes for UTF-8 here is UTF-8 to the engine."""
    for declared in ("latin-1", "UTF-7", "utf-8"):
        text = f'<?xml version="1.0" encoding="{declared}"?><a name="职称+ADw-"/>'
        assert read_xml(text.encode()).get("name") == "职称+ADw-"


CAPITALS = {"sample.BPMN": "find_grade.DMN", "Sample/sample.Bpmn": "find_grade.dmn"}


@pytest.mark.parametrize(("process", "decision"), CAPITALS.items())
def test_names_of_files_may_be_written_in_capitals(process: str, decision: str) -> None:
    files = {process: DECIDING.bytes(), decision: table().encode()}
    assert inspect(files, known=KNOWN).findings == ()
    needed = closure(files, "sample")
    assert set(needed) == set(files)
    assert parse(needed, "sample").process.task_specs["publish"].dmnEngine
    assert {node.id for node in read_nodes(needed)} > {"publish"}


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_random_bytes_get_a_verdict(content: bytes) -> None:
    assert not inspect({"sample.bpmn": content}, known=KNOWN).ok


KINDS = st.sampled_from(
    """process userTask serviceTask exclusiveGateway parallelGateway eventBasedGateway subProcess
    callActivity businessRuleTask startEvent endEvent boundaryEvent intermediateCatchEvent
    sequenceFlow multiInstanceLoopCharacteristics loopCardinality conditionExpression laneSet lane
    flowNodeRef messageEventDefinition timerEventDefinition timeDate extensionElements message
    scriptTask definitions""".split()  # noqa: SIM905 - words read better in prose
)
NAMES = st.sampled_from(["a", "b", "Start", "End", "", "1", "a.b", "职"])
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        ["id", "name", "sourceRef", "targetRef", "default", "attachedToRef", "calledElement"]
    ),
    NAMES,
)
TREES = st.recursive(
    st.tuples(KINDS, ATTRIBUTES, st.just(())),
    lambda children: st.tuples(KINDS, ATTRIBUTES, st.lists(children, max_size=5)),
    max_leaves=30,
)


def written(tree: tuple[str, dict[str, str], list[object]]) -> str:
    kind, attributes, children = tree
    listed = "".join(f' {name}="{value}"' for name, value in attributes.items())
    inner = "".join(map(written, children)) or "x"  # type: ignore[arg-type]
    return f"<bpmn:{kind}{listed}>{inner}</bpmn:{kind}>"


@given(TREES)
@settings(max_examples=200, deadline=None)
def test_random_elements_get_a_verdict(tree: tuple[str, dict[str, str], list[object]]) -> None:
    drawing = Drawing().replacing("</bpmn:process>", f"{written(tree)}</bpmn:process>")
    verdict = inspect({"sample.bpmn": drawing.bytes()}, known=KNOWN)
    assert "gate.unfinished" not in {finding.rule for finding in verdict.findings}


@given(st.lists(st.sampled_from([*PARTS, "twice"]), min_size=1, max_size=6), st.data())
@settings(max_examples=200, deadline=None)
def test_a_diagram_torn_to_pieces_gets_a_verdict(parts: list[str], data: st.DataObject) -> None:
    ends = st.sampled_from(["fill", "vet", "is_good", "publish", "start", "end", "gone"])
    torn = dict.fromkeys(parts, "")
    extra = flow(data.draw(ends), data.draw(ends), ident="extra")
    drawing = Drawing().with_(**torn, extra=extra, more=element("parallelGateway", "more"))
    verdict = inspect({"sample.bpmn": drawing.bytes()}, known=KNOWN)
    assert "gate.unfinished" not in {finding.rule for finding in verdict.findings}
