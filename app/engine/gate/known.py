"""The names that a diagram may use because the platform offers them (平台能力)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from app.core.permissions import ROLES
from app.engine import environment, handlers
from rules.expression import DEFAULT_FUNCTIONS

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Published:
    """What the gate must know of a process that is already published."""

    calls: frozenset[str] = frozenset()
    outcomes: frozenset[str] = frozenset()
    inputs: frozenset[str] = frozenset()
    waits: bool = True


@dataclass(frozen=True, slots=True)
class Known:
    """Forms, pages, handlers, roles (id -> lane name) and processes that exist."""

    forms: frozenset[str] = frozenset()
    pages: frozenset[str] = frozenset()
    saves: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    roles: Mapping[str, str] = field(default_factory=dict)
    processes: Mapping[str, Published] = field(default_factory=dict)
    functions: frozenset[str] = DEFAULT_FUNCTIONS
    variables: frozenset[str] = frozenset({"today"})

    @classmethod
    def of_platform(cls, processes: Mapping[str, Published] | None = None) -> Self:
        """Return what this platform offers, once the domains have registered their handlers."""
        return cls(
            forms=form_keys(ROOT / "forms"),
            pages=handlers.page.names(),
            saves=handlers.save.names(),
            services=handlers.service.names(),
            scopes=handlers.scope.names(),
            roles=dict(ROLES),
            processes=processes or {},
            functions=environment.function_names(),
            variables=frozenset({environment.TODAY}),
        )


def form_keys(folder: Path) -> frozenset[str]:
    """Return the keys of the forms in a folder, national or a jurisdiction's."""
    return frozenset(path.stem for path in folder.rglob("*.yaml"))
