"""Waits that leave the record alone (旁办): in which order they end changes nothing.

A process with ten people at once who only read could go through a thousand situations. Whoever
neither moves the record nor leads on to what does is let act first, so that there are ten.
"""

from functools import cached_property

from app.engine.gate.arrivals import Arrivals
from app.engine.gate.diagram import Diagram, Node
from app.engine.gate.graph import edges_of, on_a_cycle
from app.engine.gate.ground import WAITING
from app.engine.gate.messages import used_at
from app.engine.gate.places import Token


class Asides:
    """The waits of one diagram whose ends may come in any order, with the joins behind them."""

    def __init__(self, ground: Arrivals, diagram: Diagram) -> None:
        self.ground = ground
        self.diagram = diagram

    def _token(self, node: Node) -> Token:
        return Token((), self.diagram.id, node.id, "", frozenset())

    @cached_property
    def joins(self) -> dict[str, set[str]]:
        """By wait, the joins that it may come to before anything else is waited for."""
        found = {}
        for node in self.diagram.nodes.values():
            joins = self._joins_behind(node) if self._is_quiet(node) else None
            if joins is not None:
                found[node.id] = joins
        # What could turn for ever would keep all others from their turn.
        nodes = self.diagram.nodes.values()
        passed = {each.id for each in nodes if each.kind not in WAITING} | found.keys()
        turning = set(on_a_cycle(passed, edges_of(self.diagram)))
        return {ident: joins for ident, joins in found.items() if ident not in turning}

    def _is_quiet(self, node: Node) -> bool:
        """Whether a wait ends, by itself or by a time, whatever the state of the record is."""
        is_timed = all(
            each.element.get("cancelActivity") != "false" and not list(used_at(self.diagram, each))
            for each in self.ground.felt_at(self.diagram, node.id)
        )
        is_heard = bool(list(used_at(self.diagram, node))) or node.kind == "eventBasedGateway"
        is_still = not is_heard and not self.ground.taken(self._token(node))
        return node.kind in WAITING and is_timed and is_still

    def _joins_behind(self, wait: Node) -> set[str] | None:
        """Return the joins behind a wait; None where something moves the record before them."""
        joins, seen = set[str](), set[str]()
        events = [each.id for each in self.ground.felt_at(self.diagram, wait.id)]
        waiting = [flow.target for at in (wait.id, *events) for flow in self.diagram.outgoing[at]]
        while waiting:
            node = self.diagram.nodes.get(waiting.pop())
            if node is None or node.id in seen or node.kind in WAITING:
                continue
            seen.add(node.id)
            if self.ground.is_join(self._token(node)):
                joins.add(node.id)
            elif self.ground.acts(self.diagram, node):
                return None
            else:
                waiting += [flow.target for flow in self.diagram.outgoing[node.id]]
        return joins
