"""Which business a diagram is about (事项), and what the platform offers for it."""

from collections.abc import Mapping

from app.engine.contracts import Contract
from app.engine.gate.diagram import Diagram
from app.engine.gate.graph import reach
from app.engine.gate.known import Known


def matters_of(diagram: Diagram, known: Known) -> frozenset[str]:
    """Return the started processes that a diagram is part of; none where nobody knows."""
    if diagram.id in known.matters:
        return frozenset({diagram.id})
    calls = {name: published.calls for name, published in known.processes.items()}
    return frozenset(
        key
        for key, matter in known.matters.items()
        if diagram.id in matter.parts or diagram.id in reach([key], calls)
    )


def fitting(diagram: Diagram, known: Known, table: Mapping[str, Contract]) -> list[str]:
    """Return the names of the functions that were made for the business of a diagram."""
    ours = matters_of(diagram, known)
    return sorted(name for name, contract in table.items() if ours.intersection(contract.serves))
