"""Whether what people decide makes a difference (决定是否算数).

A form offers verdicts: each is asked for by something before the next one writes over it, and a
return does not go where a consent goes.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from app.engine.contracts import Answered, Contract
from app.engine.gate.course import Courses
from app.engine.gate.diagram import Diagram, Node
from app.engine.gate.findings import Finding, Severity, quoted
from app.engine.gate.tasks import PEOPLES
from app.engine.gate.trails import ANYTHING, Trail, Trails
from app.engine.gate.values import deal_of, worded
from app.engine.gate.variables import Variables

_UNREAD = "task.unread"
_ASK = "请先用排他网关按前面的决定分开走；只是填写意见的，请换成没有决定选项的表单"
_REFUSAL = re.compile("退|不|驳|拒|暂缓|return|refuse|reject")
"""What people write on the buttons by which they do not consent."""


class Said(NamedTuple):
    """What people may say at a task that no handler heeds by itself, in the words of the form."""

    node: Node
    name: str
    # Those that the handler leaves in one state of the record.
    words: tuple[Any, ...]
    # All that may be said, for which the words may be few.
    offered: int
    called: Mapping[Any, str]


def verdicts_are_heeded(variables: Variables, courses: Courses) -> Iterator[Finding]:
    """Guard who decides: a word that nothing asks for is no word, whoever wrote it.

    Whose handler tells two verdicts apart by the state of the record has heeded them by that.
    """
    trails, told = Trails(variables, courses), set[tuple[str, str]]()
    for node in variables.diagram.of_kind(*PEOPLES):
        for said in _said_at(variables, node):
            walked = {word: Trail(trails, node, said.name, word) for word in said.words}
            for finding in _found(said, walked, trails):
                if (finding.element, finding.severity) not in told:
                    told.add((finding.element, finding.severity))
                    yield finding


def _said_at(variables: Variables, node: Node) -> Iterator[Said]:
    """Yield what may be said at a task, apart where its handler leaves the record apart."""
    deal = deal_of(node, variables.known)
    if deal is None or node.loop is not None:
        return
    form = variables.known.forms.get(node.properties.get("form", ""))
    for name, given in (deal.contract.gives or {}).items():
        values = (deal.gives or {}).get(name, ())
        words = given if isinstance(given, Mapping) else {}
        said = Said(node, name, (ANYTHING,), 1, {**words, **(form.words if form else {})})
        if given is Answered and not isinstance(values, tuple):
            yield said
        elif isinstance(values, tuple) and (given is Answered or deal.contract.moves):
            for alike in _alike(deal.contract, name, values):
                yield said._replace(words=tuple(alike), offered=len(values))


def _alike(contract: Contract, name: str, values: Collection[object]) -> Iterator[list[object]]:
    """Yield the verdicts that leave the record in one state."""
    found: dict[object, list[object]] = {}
    for value in values:
        moves = (move for move in contract.moves if move.gives.get(name, value) == value)
        left = {(state, move.after or state) for move in moves for state in move.before}
        found.setdefault(frozenset(left), []).append(value)
    yield from (alike for alike in found.values() if len(alike) > 1)


def _found(said: Said, walked: Mapping[Any, Trail], trails: Trails) -> Iterator[Finding]:
    diagram = trails.diagram
    joined = set[str]().union(*(each.joins for each in walked.values()))
    for join in sorted(joined):
        beside = trails.beside(said.node, join, said.name)
        if beside:
            yield _hidden(diagram, said, join, beside[0])
    if not any(trail.is_asked for trail in walked.values()):
        yield from _unread(diagram, said, walked.values())
        return
    lost = set[str]().union(*(each.lost for each in walked.values()))
    for ident in sorted(lost):
        yield _overwritten(diagram, said, ident, "有的来路上，", "warning")
    yield from _unheeded(diagram, said, walked)


def _name(node: Node) -> str:
    return quoted(node.name or node.id)


def _overwritten(
    diagram: Diagram, said: Said, ident: str, where: str = "", severity: Severity = "error"
) -> Finding:
    word = f"“{_name(said.node)}”作出的决定（{said.name}）"
    message = f"{where}{word}还没有条件用到，就被这里改写，等于没有作出"
    return diagram.find(_UNREAD, diagram.nodes[ident], message, _ASK, severity=severity)


def _unread(diagram: Diagram, said: Said, walked: Collection[Trail]) -> Iterator[Finding]:
    over = set[str]().union(*(each.over for each in walked))
    for ident in sorted(over):
        yield _overwritten(diagram, said, ident)
    if not over and any(each.met for each in walked):
        message = f"这里的决定（{said.name}）后面没有条件用到，选什么都一样往下走，等于没有作出"
        yield diagram.find(_UNREAD, said.node, message, _ASK)


def _hidden(diagram: Diagram, said: Said, join: str, beside: Node) -> Finding:
    both = "和".join(sorted(f"“{_name(each)}”" for each in (said.node, beside)))
    message = f"{both}同时办理，都写“{said.name}”，汇合后只剩后办的一个，先退回的会被后通过的盖掉"
    hint = "请改成先后办理，或在汇合之前各用排他网关按决定分开走"
    return diagram.find(_UNREAD, diagram.nodes[join], message, hint)


def _unheeded(diagram: Diagram, said: Said, walked: Mapping[Any, Trail]) -> Iterator[Finding]:
    """Ask about verdicts that lead to the same; those of one meaning may."""
    alike: dict[object, list[Any]] = {}
    for word, trail in walked.items():
        alike.setdefault(frozenset(trail.met), []).append(word)
    for words in alike.values():
        refusals = [each for each in words if _REFUSAL.search(said.called.get(each) or str(each))]
        if len(words) > 1 and (len(words) == said.offered or 0 < len(refusals) < len(words)):
            listed = worded(tuple(words), said.called)
            message = f"这里选 {listed}，后面走的完全一样，等于没有区别"
            hint = "请把退回的分支连到要重新办理的环节；只作参考、本来就不影响去向的不必改"
            yield diagram.find("task.unheeded", said.node, message, hint, severity="warning")
