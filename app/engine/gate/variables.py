"""Which names the task data can hold at a node (变量): start data and earlier outcomes."""

import keyword
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache

from app.engine.gate.diagram import (
    ACTIVITIES,
    BPMN,
    DECISIONS,
    SPIFF,
    Diagram,
    Node,
    ends_well,
    local,
)
from app.engine.gate.elements import Rule
from app.engine.gate.findings import Finding, quoted
from app.engine.gate.known import Known
from app.engine.gate.matters import matters_of
from app.engine.gate.values import united, values_set_in
from rules.conditions import Values

RESERVED = frozenset({"typename"})
"""Defect 6: a key of this name makes an instance unloadable."""

_WORD = re.compile(r"[^\W\d]\w*")
_DATA_NAMES = (f"{BPMN}inputDataItem", f"{BPMN}outputDataItem")
_OUTPUT_NAME = f"{BPMN}loopDataOutputRef"


class Variables:
    """Answers which names are set before a node, by walking the diagram backwards."""

    def __init__(
        self, diagram: Diagram, known: Known, decisions: Mapping[str, Mapping[str, Values]]
    ) -> None:
        self.diagram = diagram
        self.known = known
        self.decisions = decisions
        self._answers: dict[str, frozenset[str]] = {}
        self._added: dict[str, set[str]] = {}
        self._values: dict[tuple[str, frozenset[str]], dict[str, Values]] = {}

    def at(self, node: Node) -> frozenset[str]:
        """Return the names that some way to this node has set."""
        if node.id not in self._answers:
            self._answers[node.id] = self._names_at(node)
        return self._answers[node.id]

    def _names_at(self, node: Node) -> frozenset[str]:
        names = set(self.diagram.inputs) | self.known.variables
        for ident in self._earlier(node.id):
            names |= self.set_by(self.diagram.nodes[ident])
        holder = self.diagram.nodes.get(node.scope)
        while holder is not None:
            names |= items_of(holder)
            holder = self.diagram.nodes.get(holder.scope)
        return frozenset(names)

    def set_by(self, node: Node) -> set[str]:
        """Return the names a node adds: declared, called, decided or received."""
        if node.id not in self._added:
            self._added[node.id] = self._set_by(node)
        return self._added[node.id]

    def _set_by(self, node: Node) -> set[str]:
        if gathers(node):
            return {node.loop.findtext(_OUTPUT_NAME) or ""} - {""}
        return self.set_in(node)

    def set_in(self, node: Node) -> set[str]:
        """Return the names that a task adds to its own data, one of several included."""
        names = set(node.outcomes)
        called = self.known.processes.get(node.element.get("calledElement", ""))
        if called is not None:
            names |= called.outcomes
        return names | self.decisions.get(_asked(node), {}).keys()

    def values_at(self, node: Node, names: Collection[str] | None = None) -> dict[str, Values]:
        """Return what names can be here that handlers, forms and tables alone have written.

        Without `names`, those that are asked for here. What counts is who wrote last on each way.
        """
        asked = words_at(self.diagram, node) if names is None else frozenset(names)
        key = (node.id, asked)
        if key not in self._values:
            written, kept = self.last_written(self._before(node.id), asked)
            self._values[key] = self._united(node, written, kept)
        return self._values[key]

    def values_in(self, node: Node) -> dict[str, Values]:
        """Return what names can be that are asked for while a multi-instance node is under way."""
        asked = words_at(self.diagram, node)
        written, kept = self.last_written(self._before(node.id), asked)
        given = [(self.set_in(node), self._own(node))]
        given += [(self.set_by(each), self.given(each)) for each in self.diagram.inside(node.id)]
        for names, values in given:
            for name in names & asked:
                written[name].append(values.get(name))
        return self._united(node, written, kept)

    def last_written(
        self, before: Iterable[str], names: Collection[str]
    ) -> tuple[dict[str, list[Values]], set[str]]:
        """Return by name what may have been written last on the ways that lead up to some nodes.

        The names beside it are those that some way has not written since the process began.
        """
        written: dict[str, list[Values]] = {name: [] for name in names}
        kept, passed = set[str](), dict[str, set[str]]()
        waiting = [(ident, {*names}) for ident in before]
        while waiting:
            ident, open_ = waiting.pop()
            open_ = open_ - passed.get(ident, set())
            node = self.diagram.nodes.get(ident)
            if node is None or not open_:
                continue
            passed.setdefault(ident, set()).update(open_)
            given = self.given(node)
            for name in open_ & self.set_by(node):
                written[name].append(given.get(name))
            open_ = open_ - self._surely_set_by(node)
            if node.kind == "startEvent" and node.scope == self.diagram.id:
                kept |= open_
            waiting.extend((each, open_) for each in self._led_from(node))
        return written, kept

    def _united(
        self, at: Node, written: Mapping[str, list[Values]], kept: Collection[str]
    ) -> dict[str, Values]:
        """Return what each name can be, of what was written and what is as it began."""
        first = {**dict.fromkeys(self.diagram.inputs), **self._started}
        found = {
            name: [*values, *([first[name]] if name in kept and name in first else [])]
            for name, values in written.items()
        }
        free = self._free(at)
        return {name: united(each) for name, each in found.items() if each and name not in free}

    def _surely_set_by(self, node: Node) -> set[str] | frozenset[str]:
        """Return the names that are written anew whenever a node is passed."""
        if node.loop is not None:  # A list may be empty.
            return set()
        called = self.known.processes.get(node.element.get("calledElement", ""))
        return self.set_by(node) if called is None else called.sets

    def _led_from(self, node: Node) -> list[str]:
        """Return the nodes just before the end of a node: the ends of a part are."""
        if node.kind != "subProcess" or gathers(node):
            return self._before(node.id)
        ends = [each.id for each in self.diagram.inside(node.id) if ends_well(each)]
        return ends if node.loop is None else [*ends, *self._before(node.id)]

    def given(self, node: Node) -> Mapping[str, Values]:
        """Return what a node leaves behind, by name; what it gathers is a list."""
        return dict.fromkeys(self.set_by(node), list) if gathers(node) else self._own(node)

    def _own(self, node: Node) -> Mapping[str, Values]:
        return values_set_in(node, self.known, self.decisions, _asked(node))

    @cached_property
    def _started(self) -> dict[str, Values]:
        """What the platform starts the process with, of a kind that is known."""
        matters = [self.known.matters[key] for key in matters_of(self.diagram, self.known)]
        given = [(name, each) for matter in matters for name, each in matter.gives.items()]
        kinds = {name: each for name, each in given if isinstance(each, type)}
        return {name: kinds[name] for name in self.diagram.inputs if name in kinds}

    def _free(self, node: Node) -> set[str]:
        """Return the names that can be anything: the day, items of lists."""
        free = {*self.known.variables}
        holder: Node | None = node
        while holder is not None:
            free |= items_of(holder)
            holder = self.diagram.nodes.get(holder.scope)
        return free

    def _earlier(self, ident: str) -> set[str]:
        found: set[str] = set()
        waiting = self._before(ident)
        while waiting:
            here = waiting.pop()
            if here in self.diagram.nodes and here not in found:
                found.add(here)
                waiting.extend(self._before(here))
                if not gathers(self.diagram.nodes[here]):
                    waiting.extend(node.id for node in self.diagram.inside(here))
        return found

    def _before(self, ident: str) -> list[str]:
        """Return the nodes just before; an interrupted activity has set nothing yet."""
        node = self.diagram.nodes[ident]
        sources = [flow.source for flow in self.diagram.incoming.get(ident, ())]
        if node.kind == "boundaryEvent":
            host = self.diagram.nodes.get(node.element.get("attachedToRef", ""))
            return self._before(host.id) if host and host.kind in ACTIVITIES else []
        if node.kind == "startEvent" and node.scope in self.diagram.nodes:
            return self._before(node.scope)
        return sources


def _asked(node: Node) -> str:
    return str(node.element.findtext(f".//{SPIFF}calledDecisionId", ""))


@lru_cache(maxsize=512)
def words_of(text: str) -> frozenset[str]:
    """Return the words of an expression, the names of its variables among them."""
    return frozenset(_WORD.findall(text))


def words_at(diagram: Diagram, node: Node) -> frozenset[str]:
    """Return the words of what is asked at a node: conditions, times, lists."""
    flows = diagram.outgoing[node.id] if node.kind in DECISIONS else ()
    parts = [*node.events(), *([] if node.loop is None else [node.loop])]
    texts = [text for part in parts for text in part.itertext()]
    asked = [flow.condition or "" for flow in flows]
    return frozenset[str]().union(*(words_of(text) for text in [*texts, *asked]))


def gathers(node: Node) -> bool:
    """Whether a multi-instance node gathers answers in a collection: it keeps nothing else."""
    tags = (_OUTPUT_NAME, f"{BPMN}outputDataItem")
    return node.loop is not None and all(node.loop.find(tag) is not None for tag in tags)


def items_of(node: Node) -> set[str]:
    """Return the item names a multi-instance node gives its instances: the engine uses the ids."""
    if node.loop is None:
        return set()
    items = (node.loop.find(tag) for tag in _DATA_NAMES)
    return {item.get("id", "") for item in items if item is not None}


def outcomes_of(diagram: Diagram) -> frozenset[str]:
    """Return every name the nodes of a process declare."""
    return frozenset(name for node in diagram.nodes.values() for name in node.outcomes)


def values_of(diagram: Diagram, known: Known, names: frozenset[str]) -> dict[str, Values]:
    """Return what the outcomes of a process can be for who calls it, once it has ended."""
    ends = [each.id for each in diagram.inside(diagram.id) if ends_well(each)]
    written, _kept = Variables(diagram, known, {}).last_written(ends, names)
    return {name: united(values) for name, values in written.items() if values}


def usable_names(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard defect 6 and shadowing: data must not be named like a function or the engine's own."""
    for subject, name in _written_names(diagram):
        reason = name_trouble(name, known)
        if reason:
            hint = "请换一个名称，如 decision"
            yield diagram.find("variable.name", subject, f"变量名“{name}”{reason}", hint)


def name_trouble(name: str, known: Known) -> str:
    """Return what is wrong with a variable name, or an empty text."""
    if not name.isidentifier() or len(name) > 100:
        return "不是合法的名称"
    if keyword.iskeyword(name) or name in {"true", "false", "null"}:
        return "是保留字"
    if name.startswith("_") or name in RESERVED:
        return "是引擎保留的"
    if name in known.functions or name in known.variables:
        return "与函数或系统变量重名"
    return ""


def check_inputs(diagram: Diagram, known: Known, variables: Variables) -> Iterator[Finding]:
    """Guard the run: a called process works on the caller's data, which must hold its inputs."""
    for node in diagram.of_kind("callActivity"):
        called = known.processes.get(node.element.get("calledElement", ""))
        missing = called.inputs - variables.at(node) - items_of(node) if called else frozenset()
        if missing:
            listed = "、".join(sorted(missing))
            message = f"被调用的流程需要 {quoted(listed)}，这里还没有"
            hint = "请由前面节点的 outcomes 或流程的 inputs 声明"
            yield diagram.find("call.inputs", node, message, hint)


def items_named_alike(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the reader: the engine takes the id of an item, people read its name."""
    for tag in _DATA_NAMES:
        for item in diagram.root.iter(tag):
            ident, name = item.get("id", ""), item.get("name") or item.get("id", "")
            if ident != name:
                message = f"多实例的每一项编号是“{ident}”，名称却是“{name}”，表达式里用的是编号"
                yield diagram.find("loop.item", item, message, "请让编号与名称相同")


def one_output(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the run: a collection without an item gathers nothing, an item without one neither."""
    for node in diagram.nodes.values():
        parts = [] if node.loop is None else [local(part) for part in node.loop]
        if ("loopDataOutputRef" in parts) != ("outputDataItem" in parts):
            message = "输出集合与输出项要同时填写"
            yield diagram.find("loop.output", node, message, "请补全另一项，或两项都删除")


def _written_names(diagram: Diagram) -> Iterator[tuple[object, str]]:
    for name in diagram.inputs:
        yield diagram.process, name
    for node in diagram.nodes.values():
        for name in node.outcomes:
            yield node, name
    for tag in _DATA_NAMES:
        for element in diagram.root.iter(tag):
            yield element, element.get("id", "")
            yield element, element.get("name") or element.get("id", "")
    for element in diagram.root.iter(_OUTPUT_NAME):
        yield element, element.text or ""


RULES: tuple[Rule, ...] = (usable_names, items_named_alike, one_output)
