"""What a process fails with, and what catches that (出错)."""

from collections.abc import Iterator

from app.engine.gate.diagram import Diagram, Node, local

ANY = ""
"""The code of a boundary event that names no code: the engine lets it catch each error."""


def errors_of(diagram: Diagram, node: Node) -> Iterator[str]:
    """Yield the errors that an event names, by the code that the engine compares."""
    for event in node.events():
        if local(event) == "errorEventDefinition":
            yield diagram.error_codes.get(event.get("errorRef", ""), "")


def catching(diagram: Diagram, node: Node, code: str) -> list[str]:
    """Return the events that catch an error, at the nearest border around it that does."""
    here: Node | None = node
    while here is not None:
        events = [
            event.id
            for event in diagram.attached.get(here.id, ())
            if {code, ANY} & set(errors_of(diagram, event))
        ]
        if events:
            return events
        here = diagram.nodes.get(here.scope)
    return [failing(diagram.id, code)]


def failing(process: str, code: str) -> str:
    """Return what stands for the failing of a process; no id looks like it."""
    return f"{process} fails: {code}"
