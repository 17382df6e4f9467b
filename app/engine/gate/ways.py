"""Every way that a process can take, with the state of its record on it (去路与业务状态).

The process is played with everything that its people, handlers, times and messages may do, as
far as contracts and conditions tell. What cannot be told makes a way unsure, never wrong.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, product
from math import prod

from app.engine.contracts import Life, Move
from app.engine.gate.arrivals import Arrivals
from app.engine.gate.asides import Asides
from app.engine.gate.course import Courses, World
from app.engine.gate.decisions import asked_by
from app.engine.gate.diagram import BPMN, DECISIONS, Flow, local
from app.engine.gate.failures import ANY, errors_of
from app.engine.gate.ground import HOLDING, WAITING
from app.engine.gate.load import written_count
from app.engine.gate.places import Met, Place, Token, are_few, one_of, some_of
from app.engine.gate.tasks import PEOPLES
from app.engine.gate.values import deal_of
from app.engine.gate.variables import gathers
from rules.conditions import TooCostly

_STEP = 4
"""What a situation costs besides its branches."""
_MAX_TOKENS = 60
_MAX_CHOICES = 64


class Ways(Arrivals):
    """Plays a process, its calls included, from its start in a state of the record that it is for.

    Of a part of a process nobody knows in which state it begins.
    """

    def __init__(
        self,
        process: str,
        life: Life,
        courses: Courses,
        *,
        part: str = "",
        first: str | None = None,
    ) -> None:
        super().__init__(process, life, courses)
        self.part = part or process
        self.first = first if part else life.first
        # By place those that come next; the last of a way has none.
        self.next: dict[Place, list[Place]] = {}
        self.failed: list[Met] = []
        self.ended: list[Met] = []
        self.finished: dict[Place, World] = {}
        # Where everything waits for people, times and messages.
        self.settled: set[Place] = set()
        self.is_complete = True
        self.wanted = courses.asked_for
        self._asides = Asides(self, courses.scopes[self.part].diagram)

    def play(self) -> None:
        """Look at every place that can be reached, as far as the work allows (is_complete)."""
        try:
            self._play()
        except TooCostly:
            self.is_complete = False

    def _play(self) -> None:
        start = self.entered((), self.part, self.part, frozenset())
        first = Place(tuple(start), self.first)
        waiting = {True: [first], False: list[Place]()}
        while waiting[True] or waiting[False]:
            here = waiting[bool(waiting[True])].pop()
            if here in self.next or here._replace(is_sure=True) in self.next:
                continue
            self.next[here] = list(dict.fromkeys(self._after(here)))
            self._spend(sum(_STEP + len(place.tokens) for place in self.next[here]))
            for place in self.next[here]:
                waiting[place.is_sure].append(place)

    def _spend(self, steps: int) -> None:
        """Count work for the whole bundle. Raises TooCostly."""
        self.courses.steps -= steps
        if self.courses.steps < 0:
            raise TooCostly

    # What comes next.

    def _after(self, here: Place) -> Iterator[Place]:
        if len(here.tokens) > _MAX_TOKENS:
            self.is_complete = False
            return
        found = self._by_itself(here)
        if found is None:
            self.settled.add(here)
        found = self._aside(here) if found is None else found
        yield from self._by_anybody(here) if found is None else found

    def _by_itself(self, here: Place) -> list[Place] | None:
        """Return what comes of what waits for nobody: the engine runs it before anybody acts."""
        passing = (token for token in here.tokens if not self.waits(token))
        came = (self._automatic(here, token) for token in passing)
        return next((found for found in came if found is not None), None)

    def _aside(self, here: Place) -> list[Place] | None:
        """Return what comes of the first branch whose end changes nothing for all others."""
        token = next((each for each in here.tokens if self._is_aside(here, each)), None)
        if token is None:
            return None
        events = self.felt_at(self.scope(token).diagram, token.node)
        late = (self.caught(here, token.hosts, token.diagram, each) for each in events)
        return [*self._acted(here, token), *chain.from_iterable(late)]

    def _by_anybody(self, here: Place) -> Iterator[Place]:
        """Yield what comes of each thing that people, times and messages may do."""
        for token in dict.fromkeys(here.tokens):
            if token.node:
                yield from self._acted(here, token)
        for hosts, diagram, node in self.interruptible(here):
            yield from self.caught(here, hosts, diagram, node)

    def _is_aside(self, here: Place, token: Token) -> bool:
        if token.hosts or token.diagram != self.part:
            return False
        joins = self._asides.joins.get(token.node)
        return joins is not None and all(self.stays_shut(here, token, each) for each in joins)

    def _automatic(self, here: Place, token: Token) -> list[Place] | None:
        """Return what comes of a branch that waits for nobody; None for one held at a join."""
        if self.is_join(token):
            return self._joined(here, token)
        passed = {
            "endEvent": self._end,
            "serviceTask": self._done,
            "callActivity": self._into,
            "subProcess": self._into,
            "businessRuleTask": self._asked,
        }
        go_on = passed.get(self.node(token).kind, self._through)
        return list(go_on(here.without([token]), token))

    def _through(self, rest: Place, token: Token) -> Iterator[Place]:
        yield from self._left(rest, token, token.data)

    def _into(self, rest: Place, token: Token) -> Iterator[Place]:
        hosts = (*token.hosts, (token.diagram, token.node))
        inside = self.inside(token)
        if inside is not None:
            yield rest.having(*self.entered(hosts, *inside, token.data))
        if written_count(self.node(token)) is None:  # A list may be empty.
            yield from self._left(rest, token, token.data)

    def _asked(self, rest: Place, token: Token) -> Iterator[Place]:
        """Yield what may come of a decision table."""
        courses, scope = self.courses, self.scope(token)
        answers = courses.behind(scope, self.node(token), token.data, courses.followed)
        known = asked_by(self.node(token)) in courses.tables
        rest = rest._replace(is_sure=rest.is_sure and known and len(answers) == 1)
        for world in {self._kept(world) for world in answers}:
            yield from self._left(rest, token, world)

    def _kept(self, world: Iterable[tuple[str, object]]) -> World:
        return frozenset(pair for pair in world if pair[0] in self.wanted)

    def _left(self, rest: Place, token: Token, data: World) -> Iterator[Place]:
        """Yield the places behind a node, by the flows that may be taken together."""
        if self.is_faulty(token):
            self._stop(rest, token)
            return
        for flows, is_sure in self._choices(token, data, rest.state):
            come = [self._moved(token, flow, data) for flow in flows]
            yield rest._replace(is_sure=rest.is_sure and is_sure).having(*filter(None, come))

    def _moved(self, token: Token, flow: Flow, data: World) -> Token | None:
        diagram = self.scope(token).diagram
        if flow.target not in diagram.nodes:
            return None
        moved = token._replace(node=flow.target, via="", data=data)
        return moved._replace(via=flow.id) if self.is_join(moved) else moved

    def _choices(
        self, token: Token, data: World, state: str | None
    ) -> Iterator[tuple[list[Flow], bool]]:
        node, flows = self.node(token), self.scope(token).diagram.outgoing[token.node]
        if node.kind == "eventBasedGateway":
            yield from (([flow], True) for flow in flows if self.comes(token, flow.target, state))
        elif node.kind in DECISIONS and len(flows) > 1:
            default = node.element.get("default", "")
            self._spend(len(flows))
            courses, known = self.courses, dict(data)
            told = [courses.told(flow, known, self.part) for flow in flows if flow.id != default]
            last = [flow for flow in flows if flow.id == default]
            choose = one_of if node.kind == "exclusiveGateway" else some_of
            # What is left out of the combinations is not looked at.
            self.is_complete = self.is_complete and (choose is one_of or are_few(told))
            yield from choose(told, last)
        else:
            yield list(flows), True

    def _joined(self, here: Place, token: Token) -> list[Place] | None:
        """Return what comes of a join once all its branches are there; None before."""
        diagram, node = self.scope(token).diagram, self.node(token)
        beside = [t for t in here.tokens if t.hosts == token.hosts and t.diagram == token.diagram]
        there = [t for t in beside if t.node == token.node]
        if node.kind == "parallelGateway":
            first = {t.via: t for t in there}
            if {flow.id for flow in diagram.incoming[node.id]} - first.keys():
                return None
            there = list(first.values())
        elif self.may_come(here, token):
            return None
        data = frozenset.intersection(*(t.data for t in there))
        return list(self._left(here.without(there), token, data))

    # Ends.

    def _end(self, rest: Place, token: Token) -> Iterator[Place]:
        kinds = {local(event) for event in self.node(token).events()}
        if "errorEventDefinition" in kinds:
            yield from self._thrown(rest, token)
            return
        if "terminateEventDefinition" in kinds:
            rest = rest.without(rest.within(token.hosts))
        within = rest.within(token.hosts)
        over = [t for t in within if t.hosts == token.hosts and not t.node]
        data = frozenset.intersection(token.data, *(t.data for t in over))
        ended = token._replace(node="", data=data)
        rest = rest.without(over)
        if len(within) > len(over):
            yield rest.having(ended)
        elif token.hosts:
            diagram, node = token.hosts[-1]
            yield from self._out(rest, Token(token.hosts[:-1], diagram, node, "", data))
        else:
            self._finish(rest, token)
            yield rest

    def _out(self, rest: Place, host: Token) -> Iterator[Place]:
        """Yield what comes behind the end of a part: of several in turn the next, or what follows.

        How many there are, and whose data stay, is not told.
        """
        node = self.node(host)
        if node.loop is None:
            yield from self._left(rest, host, host.data)
            return
        text = (node.loop.findtext(f"{BPMN}completionCondition") or "").strip()
        over = self.courses.holds(text, dict(host.data), self.courses.followed) if text else False
        given = self.scope(host).set_by(node)
        kept = frozenset(pair for pair in host.data if pair[0] not in given)
        if written_count(node) != 1 and not over:
            yield from self._into(rest, host._replace(data=kept))
        is_sure = rest.is_sure and not given & self.wanted
        yield from self._left(rest._replace(is_sure=is_sure), host, kept)

    def _finish(self, over: Place, token: Token) -> None:
        known = self.finished.get(over, token.data)
        self.finished[over] = known & token.data
        if over.state is not None and over.state not in self.life.ends:
            self.ended.append(Met(token.diagram, token.node, over.state, over.is_sure))

    def _thrown(self, rest: Place, token: Token) -> Iterator[Place]:
        """Yield what comes of an error: the border that catches it, else the end of it all."""
        code = next(errors_of(self.scope(token).diagram, self.node(token)), ANY)
        for depth in range(len(token.hosts) - 1, -1, -1):
            hosts, (diagram, node) = token.hosts[:depth], token.hosts[depth]
            drawn = self.courses.scopes[diagram].diagram
            for event in drawn.attached.get(node, ()):
                codes = set(errors_of(drawn, event))
                if codes & {code, ANY}:
                    yield self.interrupted(rest.having(token), hosts, diagram, event)
                    return
        # Nobody caught it: it ends them all.
        over = rest._replace(tokens=())
        self._finish(over, token)
        yield over

    # What people, times and messages do.

    def _acted(self, here: Place, token: Token) -> Iterator[Place]:
        node, rest = self.node(token), here.without([token])
        if node.kind in PEOPLES:
            yield from self._done(rest, token)
        elif node.kind == "eventBasedGateway":
            yield from self._left(rest, token, token.data)
        elif node.kind in HOLDING:
            given = self.scope(token).set_by(node)
            data = frozenset(pair for pair in token.data if pair[0] not in given)
            for move, is_sure in self.left_by(token, rest.state):
                left = rest._replace(state=move.after or None, is_sure=rest.is_sure and is_sure)
                yield from self._left(left, token, data | self._kept(move.gives.items()))
        elif node.kind in WAITING:
            for place in self.heard(rest, self.scope(token).diagram, node):
                given = self.scope(token).set_by(node)
                data = frozenset(pair for pair in token.data if pair[0] not in given)
                yield from self._left(place, token, data)

    def _done(self, rest: Place, token: Token) -> Iterator[Place]:
        """Yield what comes of a task: by each way that its contract allows in this state."""
        found = list(self._moves(token, rest.state))
        if not found and self.node(token).kind == "serviceTask" and rest.state is not None:
            self.failed.append(Met(token.diagram, token.node, rest.state, rest.is_sure))
            self._stop(rest, token)
        for move in found:
            state = move.after or rest.state
            for data in self._data(token, move):
                yield from self._left(rest._replace(state=state), token, data)

    def _stop(self, rest: Place, token: Token) -> None:
        """Follow a branch no further whose fault was told; what hangs on it was not."""
        self.finished[rest.having(token)] = token.data

    def _moves(self, token: Token, state: str | None) -> Iterator[Move]:
        """Yield the moves that a task can make in a state, as far as its form asks for them."""
        moves = self.taken(token)
        deal = deal_of(self.node(token), self.scope(token).known)
        gives = (deal.gives if deal else None) or {}
        for move in moves or (Move(()),):
            can_be = (gives.get(name) for name in move.gives)
            chosen = zip(move.gives.values(), can_be, strict=True)
            if (not moves or state is None or state in move.before) and all(
                not isinstance(values, tuple) or value in values for value, values in chosen
            ):
                yield move

    def _data(self, token: Token, move: Move) -> Iterator[World]:
        """Yield what may be known behind a task that made this move."""
        node, variables = self.node(token), self.scope(token)
        given = variables.set_by(node)
        kept = frozenset(pair for pair in token.data if pair[0] not in given)
        if gathers(node):
            yield kept
            return
        fixed = self._kept(move.gives.items())
        open_ = {
            name: values
            for name, values in variables.given(node).items()
            if name in self.wanted and name not in move.gives and isinstance(values, tuple)
        }
        while prod(map(len, open_.values())) > _MAX_CHOICES:
            open_.popitem()
        for chosen in product(*open_.values()):
            yield kept | fixed | frozenset(zip(open_, chosen, strict=True))
