"""Whether each task finds its record in a state that it takes, and each end leaves it finished.

What a contract takes and leaves (`Contract.moves`) is followed on every way from the start of a
process (`ways.py`), through the processes that it calls, past times and messages.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, cast

from app.engine.contracts import Life, Move
from app.engine.gate.course import Courses
from app.engine.gate.findings import Finding, Severity, quoted
from app.engine.gate.graph import reach
from app.engine.gate.ground import WAITING
from app.engine.gate.known import Known
from app.engine.gate.matters import matters_of
from app.engine.gate.messages import used_at
from app.engine.gate.places import Met, Place, Token
from app.engine.gate.tasks import PEOPLES
from app.engine.gate.ways import Ways

_STATE = "task.state"


def states_as_needed(process: str, courses: Courses, known: Known) -> Iterator[Finding]:
    """Guard the records: a task in a state that it does not take can never be done.

    What is too much to follow is refused: nobody could say that it ends well.
    """
    if process in courses.scopes:
        for ways in _ways_of(process, courses, known):
            yield from _found_on(ways, courses)


def _ways_of(process: str, courses: Courses, known: Known) -> Iterator[Ways]:
    """Yield the ways of a process, and of a part whose whole is not looked at itself."""
    for key in sorted(matters_of(courses.scopes[process].diagram, known)):
        life = known.matters[key].life
        if life is not None and (key == process or key not in courses.scopes):
            yield Ways(key, life, courses, part="" if key == process else process)


def _found_on(ways: Ways, courses: Courses) -> Iterator[Finding]:
    ways.play()
    for met in _worst([*ways.failed, *_met_in_vain(ways)]):
        yield _not_taken(met, ways, ways.life.states)
    for met in _worst(list(_starved(ways))):
        yield _held(met, courses)
    for met in _worst(ways.ended if ways.part == ways.process else []):
        yield _unfinished(met, courses, ways.life)
    yield from _not_offered(ways)
    for met in _worst(list(_turning(ways))):
        yield _endless(met, courses)
    if not ways.is_complete:
        message = "同时进行的分支和事件组合太多，无法逐一核对业务在每个环节的状态"
        hint = "请把会改变业务状态的环节移到汇合之后，减少同时进行的分支和非中断的边界事件"
        diagram = courses.scopes[ways.part].diagram
        yield diagram.find("state.unfollowed", diagram.process, message, hint)


def without_echoes(findings: list[Finding]) -> list[Finding]:
    """Leave out the state of a task whose way in another rule has refused: it is one fault."""
    said = {(each.file, each.element) for each in findings if each.rule == "task.twice"}
    return [
        each for each in findings if each.rule != _STATE or (each.file, each.element) not in said
    ]


def _worst(found: list[Met]) -> list[Met]:
    """Return each task or end once for each kind of state, the sure ones before the others."""
    told: dict[tuple[str, str], Met] = {}
    for met in sorted(found, key=lambda each: (not each.is_sure, each.state)):
        told.setdefault((met.diagram, met.node), met)
    return list(told.values())


def _met_in_vain(ways: Ways) -> Iterator[Met]:
    """Yield the tasks and events that wait while their record is in another state.

    It is sure where nothing else can move the record, no other branch and no event at a border,
    where whatever anybody does leaves the task behind for ever, or where the task would be done
    all the same, since its handler cannot tell (`_is_unseen`).
    """
    dead = _dead(ways)
    for place in ways.next:
        acting = [token for token in place.tokens if token.node]
        for token in acting:
            if is_open_in_vain(ways, token, place.state):
                is_alone = len(acting) == 1 and not ways.next[place]
                is_done = place in ways.settled and _is_unseen(ways, token, place.state or "")
                is_sure = place.is_sure and (is_alone or is_done or place in dead)
                yield Met(token.diagram, token.node, place.state or "", is_sure)


def _is_unseen(ways: Ways, token: Token, state: str) -> bool:
    """Whether a task does not take a state and is done in it: what was decided is overruled."""
    taken = (each for move in ways.taken(token) for each in move.before)
    return any(ways.life.are_alike(state, each) for each in taken)


def _starved(ways: Ways) -> Iterator[Met]:
    """Yield the joins at which a process stops: what they wait for has gone another way."""
    over = {place._replace(is_sure=True) for place in ways.finished}
    for place, following in ways.next.items():
        held = [token for token in place.tokens if token.node]
        is_over = following or place._replace(is_sure=True) in over
        if held and not is_over and all(map(ways.is_join, held)):
            for token in held:
                yield Met(token.diagram, token.node, place.state or "", place.is_sure)


def _turning(ways: Ways) -> Iterator[Met]:
    """Yield where a process comes to go round for ever, though each task on the way can be done.

    Whatever stops there is told by itself.
    """
    dead = {place for place in _dead(ways) if place.is_sure}
    if not all(ways.next[place] for place in dead):
        return
    stopped = [*ways.failed, *ways.ended, *_met_in_vain(ways), *_starved(ways)] if dead else []
    back = {each for place in ways.next.keys() - dead for each in ways.next[place]}
    begun = next(iter(ways.next), None)
    for place in dead if not stopped else ():
        if place in back or place == begun:
            for token in place.tokens:
                if token.node:
                    yield Met(token.diagram, token.node, place.state or "", is_sure=True)


def _endless(met: Met, courses: Courses) -> Finding:
    diagram = courses.scopes[met.diagram].diagram
    message = "从这里往下，每个环节都能办理，但无论怎样办理都走不到结束，会一直绕圈"
    hint = "请检查后面各环节要等的业务状态由哪一步给出，缺少的环节请补画"
    return diagram.find("end.unreached", diagram.nodes[met.node], message, hint)


def _held(met: Met, courses: Courses) -> Finding:
    diagram = courses.scopes[met.diagram].diagram
    message = "有一条来路的分支会走到别处，这里一直等它，流程将停滞"
    hint = "请让每条进入的分支都走到这里；中途离开的，请改用终止结束事件，或先汇合再离开"
    node, severity = diagram.nodes[met.node], _severity(met)
    return diagram.find("gateway.starved", node, message, hint, severity=severity)


def _not_offered(ways: Ways) -> Iterator[Finding]:
    """Ask about what people may look for and nothing hears, such as taking back what was sent."""
    told: dict[tuple[str, str, str], Place] = {}
    whole = ways.settled if ways.part == ways.process else set[Place]()
    for place in sorted(whole, key=str):
        offered = [name for name, states in ways.life.offers.items() if place.state in states]
        missing = {*offered} - (_heard_at(ways, place) if offered else set())
        waiting = [token for token in place.tokens if token.node]
        for name in sorted(missing) if waiting and place.is_sure else ():
            first = [*waiting[0].hosts, (waiting[0].diagram, waiting[0].node)][0]
            told.setdefault((*first, name), place)
    for (drawn, node, name), place in told.items():
        diagram = ways.courses.scopes[drawn].diagram
        word = ways.life.states[place.state or ""]
        message = f"业务“{word}”时可以发来消息“{name}”，这里没有接收它的事件，本人办理不了"
        hint = f"请在这里附上接收 {name} 的消息边界事件；确实不提供的不必改"
        yield diagram.find("event.missing", diagram.nodes[node], message, hint, severity="warning")


def _heard_at(ways: Ways, place: Place) -> set[str]:
    """Return the messages that some event waits for in a situation."""
    events = [(drawn, event) for _hosts, drawn, event in ways.interruptible(place)]
    for token in place.tokens:
        if token.node:
            diagram, node = ways.scope(token).diagram, ways.node(token)
            waiting = [node.id, *(flow.target for flow in diagram.outgoing[node.id])]
            ahead = waiting if node.kind == "eventBasedGateway" else waiting[:1]
            events += [
                (diagram.id, diagram.nodes[each]) for each in ahead if each in diagram.nodes
            ]
    scopes = ways.courses.scopes
    return {name for of, event in events for _, name in used_at(scopes[of].diagram, event)}


def _severity(met: Met) -> Severity:
    return "error" if met.is_sure else "warning"


def is_open_in_vain(ways: Ways, token: Token, state: str | None) -> bool:
    """Whether a branch waits for people or an event that can do nothing in this state."""
    node = ways.node(token)
    if state is None or node.kind not in WAITING:
        return False
    if node.kind in PEOPLES:
        moves = ways.taken(token)
        return bool(moves) and not any(state in move.before for move in moves)
    flows = ways.scope(token).diagram.outgoing[node.id]
    awaited = [flow.target for flow in flows] if node.kind == "eventBasedGateway" else [node.id]
    return not any(ways.comes(token, ident, state) for ident in awaited)


def _dead(ways: Ways) -> set[Place]:
    """Return the places from which no end is reached, whatever happens."""
    if not ways.is_complete:
        return set()
    back: dict[Place, list[Place]] = {}
    for place, following in ways.next.items():
        for each in following:
            back.setdefault(each._replace(is_sure=True), []).append(place._replace(is_sure=True))
    over = [place._replace(is_sure=True) for place in ways.finished]
    alive = reach(over, back)
    return {place for place in ways.next if place._replace(is_sure=True) not in alive}


def _not_taken(met: Met, ways: Ways, words: Mapping[str, str]) -> Finding:
    diagram = ways.courses.scopes[met.diagram].diagram
    token = Token((), met.diagram, met.node, "", frozenset())
    taken = dict.fromkeys(state for move in ways.taken(token) for state in move.before)
    listed = "、".join(f"“{words[state]}”" for state in taken if state in words)
    come = "走到" if met.is_sure else "可能走到"
    sources = "、".join(f"“{each}”" for each in _came_from(met, ways))
    way = f"从{sources}{come}这里时业务" if sources else f"业务{come}这里时"
    there = f"{way}是“{words[met.state]}”"
    hint = "请检查前面的分支、定时和消息事件通向哪里，缺少的环节请补画"
    node, rule = diagram.nodes[met.node], _STATE
    message = f"{there}，这里只办理{listed}的业务，无法办理，流程将停滞"
    if node.kind in PEOPLES and _is_unseen(ways, token, met.state):
        message = f"{there}，这里只办理{listed}的业务；照样能办理，前面的决定或等待就不算数了"
        hint = "请先用排他网关按前面的决定分开走，或补画要等待的事件" + _behind(ways, token)
    if _has_decided(met, ways):
        own = quoted(node.name or node.id)
        hint = (
            f"“{own}”已经作出决定，不能回来再作第二次：请把复核画在它之前，"
            "或在复核不同意时转给另画的说明任务，说明后再回到复核"
        )
        later = diagram.nodes.get(_led_back(met, ways))
        if later is not None:
            come = "会" if met.is_sure else "可能"
            message = f"从这里{come}回到“{own}”，那时业务已是“{words[met.state]}”，“{own}”只办理"
            node, message = later, f"{message}{listed}的业务，无法办理，流程将停滞"
    if not taken:
        rule, message = "event.state", f"{there}，这里等待的事件这时不会来，流程将停滞"
    return diagram.find(rule, node, message, hint, severity=_severity(met))


def _came_from(met: Met, ways: Ways) -> list[str]:
    """Return the names of what leads to a task just when its record is in a wrong state."""
    found = set()
    for place, following in ways.next.items():
        for each in following if place.state is not None else ():
            come = Counter(each.tokens) - Counter(place.tokens)
            if each.state == met.state and any(_is_at(token, met) for token in come):
                found |= {t.node for t in Counter(place.tokens) - Counter(each.tokens) if t.node}
    nodes = ways.courses.scopes[met.diagram].diagram.nodes
    return [quoted(nodes[each].name or each) for each in sorted(found) if each in nodes]


def _is_at(token: Token, met: Met) -> bool:
    return (token.diagram, token.node) == (met.diagram, met.node)


def _has_decided(met: Met, ways: Ways) -> bool:
    """Whether a task is come back to, whose own decision has put its record into that state."""
    for place, following in ways.next.items():
        acting = [token for token in place.tokens if _is_at(token, met)]
        for token in acting:
            moves = [move for move in ways.taken(token) if place.state in move.before]
            if any(move.after == met.state and move.gives for move in moves) and following:
                return True
    return False


def _led_back(met: Met, ways: Ways) -> str:
    """Return the last task of people on the way back to a task: what was drawn behind it."""
    back: dict[Place, list[Place]] = {}
    for place, following in ways.next.items():
        for each in following:
            back.setdefault(each._replace(is_sure=True), []).append(place._replace(is_sure=True))
    waiting = [each for each in back if each.state == met.state and _holds(each, met)]
    for here in waiting:
        # Who has put the record into that state stands before what leads back.
        for place in (each for each in back.get(here, ()) if each.state == met.state):
            gone = Counter(place.tokens) - Counter(here.tokens)
            acted = [t for t in gone if t.node and ways.node(t).kind in PEOPLES]
            later = [t.node for t in acted if t.diagram == met.diagram and t.node != met.node]
            if later:
                return min(later)
            if not acted and place not in waiting:
                waiting.append(place)
    return ""


def _holds(place: Place, met: Met) -> bool:
    return any(_is_at(token, met) for token in place.tokens)


def _behind(ways: Ways, token: Token) -> str:
    """Return which save handlers look at a record once more behind this one, words of a hint."""
    saves = ways.scope(token).known.saves
    own = saves[ways.node(token).properties["save"]]
    left = {move.after for move in own.moves if own.gives}
    alike = [
        name
        for name, each in saves.items()
        if (each.serves, each.takes, each.roles) == (own.serves, own.takes, own.roles)
        if each.moves != own.moves and any(left & {*move.before} for move in each.moves)
    ]
    return f"；要再审核一次，保存处理可用 {'、'.join(sorted(alike))}" if alike else ""


def _unfinished(met: Met, courses: Courses, life: Life) -> Finding:
    diagram = courses.scopes[met.diagram].diagram
    ends = "、".join(f"“{life.states[state]}”" for state in life.ends)
    come = "会" if met.is_sure else "可能"
    message = f"流程{come}在业务还是“{life.states[met.state]}”时结束于此，以后没有人能再办理"
    hint = f"请接着画出办理的环节，到业务{ends}时再结束"
    node = diagram.nodes[met.node]
    return diagram.find("end.state", node, message, hint, severity=_severity(met))


def moves_through(process: str, key: str, courses: Courses, known: Known) -> tuple[Move, ...]:
    """Return how the record of `key` may stand once a part of it has ended, by every state before.

    Where not every way could be followed surely, or one ends in a fault, nothing is known of a
    state.
    """
    life, found = known.matters[key].life, list[Move]()
    for state in life.states if life else ():
        ways = Ways(key, cast("Life", life), courses, part=process, first=state)
        ways.wanted = known.processes[process].outcomes
        ways.play()
        is_known = ways.is_complete and not ways.failed
        if is_known and all(place.state and place.is_sure for place in ways.finished):
            ends = {(place.state, data) for place, data in ways.finished.items()}
            for after, data in sorted(ends, key=str):
                found.append(Move((state,), after or "", dict(cast("Any", data))))
    return tuple(found)
