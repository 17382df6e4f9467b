"""What the gate must know of processes once they are published (发布后可知)."""

from collections.abc import Mapping
from dataclasses import replace

from app.engine.gate import elements as element_rules
from app.engine.gate import load, messages, times
from app.engine.gate.assigned import Assigned
from app.engine.gate.bundle import Bundle
from app.engine.gate.course import Courses
from app.engine.gate.diagram import Diagram
from app.engine.gate.failures import failing
from app.engine.gate.graph import reach
from app.engine.gate.known import Known, Published
from app.engine.gate.matters import matters_of
from app.engine.gate.pauses import at_once
from app.engine.gate.states import moves_through
from app.engine.gate.variables import Variables, outcomes_of, values_of


def with_bundle(known: Known, diagrams: list[Diagram]) -> Known:
    """Return what is known once these diagrams are published."""
    drawn = {diagram.id: diagram for diagram in diagrams}
    for name in _called_first({name: diagram.calls for name, diagram in drawn.items()}):
        entry = _publish(drawn[name], known)
        known = replace(known, processes={**known.processes, name: entry})
    return known


def _called_first(calls: Mapping[str, frozenset[str]]) -> list[str]:
    """Return the names so that each comes after what it calls; circles have no such order."""
    return sorted(calls, key=lambda name: len(reach([name], calls)))


def _publish(diagram: Diagram, known: Known) -> Published:
    called = [known.processes.get(name, Published()) for name in diagram.calls]
    outcomes = outcomes_of(diagram).union(*(each.outcomes for each in called))
    services = _named(diagram, "handler").union(*(each.services for each in called))
    published = Published(
        diagram.calls,
        outcomes,
        frozenset(diagram.inputs),
        values=values_of(diagram, known, outcomes),
        services=services,
        saves=_named(diagram, "save").union(*(each.saves for each in called)),
        waits=False,
        throws=messages.thrown(diagram),
        catches=messages.caught(diagram),
        errors=messages.errors_in(diagram, known, diagram.id),
    )
    if not is_small(diagram) or not has_sound_ids(diagram, known):
        return published
    outlook = at_once(diagram, diagram.id, known)
    return replace(
        published,
        sets=Assigned(Variables(diagram, known, {}), outcomes).at_the_end(),
        early=times.early_in(diagram, known),
        awaited=times.awaited_in(diagram, known),
        failed_after=times.failed_after(diagram, known),
        waits=not outlook.is_over,
        hasty=frozenset(c for c in published.errors if failing(diagram.id, c) in outlook.out),
        least=load.least(diagram, known),
        most=load.most(diagram, known),
    )


def _named(diagram: Diagram, key: str) -> frozenset[str]:
    named = (node.properties.get(key, "") for node in diagram.nodes.values())
    return frozenset(name for name in named if name)


def is_small(diagram: Diagram) -> bool:
    """Whether the diagram is within the limits that the rules on paths are written for."""
    few_nodes = len(diagram.nodes) <= element_rules.MAX_NODES
    return few_nodes and len(diagram.flows) <= element_rules.MAX_FLOWS


def has_sound_ids(diagram: Diagram, known: Known) -> bool:
    """Whether each node has an id of its own, which the rules on paths go by."""
    rules = (element_rules.unique_ids, element_rules.usable_ids)
    return not any(finding for rule in rules for finding in rule(diagram, known))


def courses_of(bundle: Bundle, known: Known) -> Courses:
    """Return where decisions lead in the diagrams that the rules on paths may look at."""
    outputs = {name: decision.values(known) for name, decision in bundle.decisions.items()}
    scopes = {
        diagram.id: Variables(diagram, known, outputs)
        for diagram in bundle.diagrams
        if is_small(diagram) and has_sound_ids(diagram, known)
    }
    return Courses(scopes, bundle.decisions, bundle.effort)


def with_moves(bundle: Bundle, known: Known) -> Known:
    """Return what is known once these processes tell what they do to the records of others."""
    courses, processes = courses_of(bundle, known), dict(known.processes)
    for name, scope in courses.scopes.items():
        wholes = matters_of(scope.diagram, known) - {name}
        moves = {key: moves_through(name, key, courses, known) for key in wholes}
        processes[name] = replace(processes[name], moves=moves)
    return replace(known, processes=processes)
