"""What comes of itself while a process waits (到来): messages, signals, times, at borders too."""

from collections.abc import Iterator

from app.engine.contracts import Life
from app.engine.gate.course import Courses
from app.engine.gate.diagram import BPMN, Diagram, Node, local
from app.engine.gate.graph import JOINS
from app.engine.gate.ground import Ground
from app.engine.gate.messages import used_at
from app.engine.gate.places import Fired, Host, Place, Token
from app.engine.moments import rounds_of


class Arrivals(Ground):
    """The diagrams that a process runs through, with what the platform sends to its record."""

    def __init__(self, process: str, life: Life, courses: Courses) -> None:
        super().__init__(process, courses)
        self.life = life
        self._leads: dict[Host, bool] = {}
        self._felt: dict[Host, list[Node]] = {}

    def comes(self, token: Token, ident: str, state: str | None) -> bool:
        """Whether an event of the diagram of a branch may come while the record is in a state."""
        diagram = self.scope(token).diagram
        node = diagram.nodes.get(ident)
        return node is not None and any(self.heard(Place((), state), diagram, node))

    def interruptible(self, here: Place) -> Iterator[tuple[tuple[Host, ...], str, Node]]:
        """Yield the events at the borders of everything that is under way."""
        for hosts, diagram, node in sorted(here.under_way()):
            for event in self.felt_at(self.courses.scopes[diagram].diagram, node):
                if Fired(hosts, diagram, node, event.id) not in here.fired:
                    yield hosts, diagram, event

    def caught(
        self, here: Place, hosts: tuple[Host, ...], diagram: str, event: Node
    ) -> Iterator[Place]:
        """Yield what comes of an event at a border, but for errors, which a branch ends with."""
        drawn = self.courses.scopes[diagram].diagram
        if not any(local(each) == "errorEventDefinition" for each in event.events()):
            for place in self.heard(here, drawn, event):
                yield self.interrupted(place, hosts, diagram, event)

    def heard(self, here: Place, diagram: Diagram, node: Node) -> Iterator[Place]:
        """Yield the place once an event has come, as the platform sends it; times always come."""
        names = [name for _kind, name in used_at(diagram, node)]
        if not names:
            yield here
        for name in names:
            told = self.life.told.get(name)
            if told is None:
                yield here._replace(is_sure=False)
            elif here.state is None:
                yield here
            elif here.state in told:
                yield here._replace(state=told[here.state])

    def interrupted(
        self, here: Place, hosts: tuple[Host, ...], diagram: str, event: Node
    ) -> Place:
        """Return the place once an event took what it stands on away."""
        host = event.element.get("attachedToRef", "")
        inner = (*hosts, (diagram, host))
        gone = here.within(inner)
        own = [t for t in here.tokens if (t.hosts, t.diagram, t.node) == (hosts, diagram, host)]
        gone += own[:1]
        scope = self.courses.scopes[diagram]
        drawn = scope.diagram
        given = scope.set_by(drawn.nodes[host])
        data = frozenset.intersection(*(t.data for t in gone))
        data = frozenset(pair for pair in data if pair[0] not in given)
        come = Token(hosts, diagram, event.id, "", data)
        if event.element.get("cancelActivity") != "false":
            return here.without(gone).having(come)
        # Of two that stand at one place each has its own.
        is_over = len(own) < 2 and self._is_felt(drawn, event) and not _comes_again(event)
        fired = {Fired(hosts, diagram, host, event.id)} if is_over else set()
        return here._replace(fired=here.fired | fired).having(come)

    def felt_at(self, diagram: Diagram, node: str) -> list[Node]:
        """Return the events at the border of a node, but for those that only remind."""
        key = (diagram.id, node)
        if key not in self._felt:
            events = diagram.attached.get(node, ())
            self._felt[key] = [each for each in events if not self._is_reminder(diagram, each)]
        return self._felt[key]

    def _is_reminder(self, diagram: Diagram, event: Node) -> bool:
        """Whether what comes beside a task is nothing to anybody else (提醒).

        It neither touches the record nor comes to a join, and its branch ends by itself: whether
        it came changes nothing of what else can be. What a part leaves to its caller could be
        written over by what such a branch still knows, so that none of a part is one.
        """
        if event.scope != self.process or event.element.get("cancelActivity") != "false":
            return False
        ahead = self.reached(diagram.id, event.id)
        joins = {each.id for each in diagram.of_kind(*JOINS)}
        return not self._is_felt(diagram, event) and not ahead & joins

    def _is_felt(self, diagram: Diagram, event: Node) -> bool:
        """Whether the record or other branches may be touched once an event has come.

        Where nothing is, a second coming tells no more than the first, and to keep in mind which
        have come would only multiply the situations.
        """
        key = (diagram.id, event.id)
        if key not in self._leads:
            behind = [diagram.nodes[each] for each in self.reached(*key) if each in diagram.nodes]
            self._leads[key] = any(
                self.acts(diagram, node) or any(used_at(diagram, node)) for node in behind
            )
        return self._leads[key]


def _comes_again(event: Node) -> bool:
    """Whether an event beside what it stands on comes more than once: no other than cycles do."""
    cycles = event.element.iterfind(f"{BPMN}timerEventDefinition/{BPMN}timeCycle")
    return any(rounds_of((each.text or "").strip(" \"'")) != 1 for each in cycles)
