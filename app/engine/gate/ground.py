"""What stands where the branches of a process are (所在环节): a task, a join, a call."""

from collections.abc import Iterator

from app.engine.contracts import Move
from app.engine.gate.course import Courses, World
from app.engine.gate.decisions import asked_by
from app.engine.gate.diagram import DECISIONS, Diagram, Node, local
from app.engine.gate.graph import JOINS, edges_of, reach
from app.engine.gate.known import Known, Published
from app.engine.gate.places import Host, Place, Token
from app.engine.gate.tasks import PEOPLES
from app.engine.gate.values import deal_of
from app.engine.gate.variables import Variables
from app.engine.joins import holds

HOLDING = frozenset({"callActivity", "subProcess"})
WAITING = frozenset({*PEOPLES, "receiveTask", "intermediateCatchEvent", "eventBasedGateway"})
_FINAL = frozenset({"terminateEventDefinition", "errorEventDefinition"})
_MAX_DEPTH = 6
_UNKNOWN = (Move(()), False)


class Ground:
    """The diagrams that a process runs through, for the record of one process."""

    def __init__(self, process: str, courses: Courses) -> None:
        self.process = process
        self.courses = courses
        self._ahead: dict[Host, set[str]] = {}
        self._inlets_ahead: dict[tuple[str, str, str], set[str]] = {}

    def scope(self, token: Token) -> Variables:
        """Return the diagram of a branch with its variables."""
        return self.courses.scopes[token.diagram]

    def node(self, token: Token) -> Node:
        """Return the node where a branch stands."""
        return self.scope(token).diagram.nodes[token.node]

    def is_join(self, token: Token) -> bool:
        """Whether a branch stands where it waits for others."""
        diagram, node = self.scope(token).diagram, self.node(token)
        return node.kind in JOINS and len(diagram.incoming[node.id]) > 1

    def waits(self, token: Token) -> bool:
        """Whether a branch goes on only once somebody acts, or something comes."""
        if not token.node:
            return True
        node = self.node(token)
        return node.kind in WAITING or (node.kind in HOLDING and self.inside(token) is None)

    def inside(self, token: Token) -> tuple[str, str] | None:
        """Return the diagram and scope that a call or subprocess opens, None where unknown."""
        node = self.node(token)
        together = node.loop is not None and node.loop.get("isSequential") != "true"
        if together or len(token.hosts) >= _MAX_DEPTH:
            return None
        if node.kind == "subProcess":
            return token.diagram, node.id
        called = node.element.get("calledElement", "")
        return (called, called) if called in self.courses.scopes else None

    def entered(
        self, hosts: tuple[Host, ...], diagram: str, scope: str, data: World
    ) -> Iterator[Token]:
        """Yield the branches with which a process or subprocess begins."""
        for node in self.courses.scopes[diagram].diagram.inside(scope):
            if node.kind == "startEvent":
                yield Token(hosts, diagram, node.id, "", data)

    def is_faulty(self, token: Token) -> bool:
        """Whether a branch stands at a decision, or a table, in which a fault was found."""
        node, diagram = self.node(token), self.scope(token).diagram
        if node.kind == "businessRuleTask":
            table = self.courses.tables.get(asked_by(node))
            return table is not None and any(file == table.file for file, _ in self.courses.faulty)
        flows = diagram.outgoing[node.id] if node.kind in DECISIONS else []
        drawn = [node.id, *(flow.id for flow in flows)] if flows else []
        return any((diagram.file, ident) in self.courses.faulty for ident in drawn)

    def reached(self, diagram: str, node: str) -> set[str]:
        """Return the nodes that a branch may come to from here."""
        if (diagram, node) not in self._ahead:
            edges = edges_of(self.courses.scopes[diagram].diagram)
            self._ahead[(diagram, node)] = reach([node], edges)
        return self._ahead[(diagram, node)]

    def may_come(self, here: Place, join: Token) -> bool:
        """Whether another branch holds an inclusive join, by the engine's own rule."""
        filled = self._filled(here, join)
        empty = self._inlets(join) - filled
        return any(holds(reached, empty, filled) for reached in self._coming(here, join))

    def stays_shut(self, here: Place, token: Token, join: str) -> bool:
        """Whether a join still waits for other branches once this one has come.

        Of an inclusive one that is not said where another may come by the same inlet: then it
        matters who comes first.
        """
        diagram, come = self.scope(token).diagram, token._replace(node=join)
        rest = here.without([token])
        if diagram.nodes[join].kind != "parallelGateway":
            own, filled = self._ahead_to(come, token.node), self._filled(rest, come)
            others = self._coming(rest, come)
            is_apart = not own & filled.union(*others)
            taken = filled | own
            empty = self._inlets(come) - taken
            return is_apart and any(holds(reached, empty, taken) for reached in others)
        there = {t.via for t in rest.tokens if (t.hosts, t.node) == (come.hosts, join)}
        return len(diagram.incoming[join]) > len(there) + 1

    def _inlets(self, join: Token) -> set[str]:
        return {flow.source for flow in self.scope(join).diagram.incoming[join.node]}

    def _filled(self, here: Place, join: Token) -> set[str]:
        """Return the inlets of a join by which branches have come that lie there."""
        place = (join.hosts, join.diagram, join.node)
        come = {t.via for t in here.tokens if (t.hosts, t.diagram, t.node) == place}
        flows = self.scope(join).diagram.incoming[join.node]
        return {flow.source for flow in flows if flow.id in come}

    def _coming(self, here: Place, join: Token) -> list[set[str]]:
        """Return the inlets that each other branch may come to, and what interrupts it."""
        found = []
        for token in here.within(join.hosts):
            deeper = token.hosts[len(join.hosts) :]
            node = deeper[0][1] if deeper else token.node
            if node and node != join.node:
                events = self.scope(join).diagram.attached.get(node, ())
                found += [self._ahead_to(join, each) for each in (node, *(e.id for e in events))]
        return found

    def _ahead_to(self, join: Token, node: str) -> set[str]:
        """Return the inlets of a join that a branch may come to from a node, not through it."""
        key = (join.diagram, join.node, node)
        if key not in self._inlets_ahead:
            diagram = self.scope(join).diagram
            on = {**edges_of(diagram), join.node: list[str]()}
            on[node] = [flow.target for flow in diagram.outgoing[node]]
            self._inlets_ahead[key] = reach([node], on) & self._inlets(join)
        return self._inlets_ahead[key]

    def taken(self, token: Token) -> tuple[Move, ...]:
        """Return how a task moves the record of this process; none where it asks for no state."""
        deal = deal_of(self.node(token), self.scope(token).known)
        is_ours = deal is not None and self.process in deal.contract.serves
        return deal.contract.moves if deal is not None and is_ours else ()

    def acts(self, diagram: Diagram, node: Node) -> bool:
        """Whether a node may touch the record, or the other branches, once a branch is there."""
        is_final = any(local(each) in _FINAL for each in node.events())
        moves = self.taken(Token((), diagram.id, node.id, "", frozenset()))
        return node.kind in HOLDING or is_final or bool(moves)

    def left_by(self, token: Token, state: str | None) -> Iterator[tuple[Move, bool]]:
        """Yield what becomes of the record in a call that is not looked into, and whether surely.

        A published process tells it (`Published.moves`); one without a task that moves the record
        leaves it as it is. Of several instances nobody knows.
        """
        node, known = self.node(token), self.scope(token).known
        called = known.processes.get(node.element.get("calledElement", ""))
        if node.loop is not None or called is None or node.kind != "callActivity":
            yield _UNKNOWN
        elif not self._moves_anything(called, known):
            yield Move((), state or ""), True
        else:
            told = [move for move in called.moves.get(self.process, ()) if state in move.before]
            yield from ((move, True) for move in told) if told else iter([_UNKNOWN])

    def _moves_anything(self, called: Published, known: Known) -> bool:
        named = [known.services[name] for name in called.services & known.services.keys()]
        named += [known.saves[name] for name in called.saves & known.saves.keys()]
        return any(each.moves and self.process in each.serves for each in named)
