"""The names that a diagram may use because the platform offers them (平台能力)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from app.core.permissions import ROLES
from app.engine import environment, handlers
from forms import FormSpecError, load
from rules.expression import DEFAULT_FUNCTIONS

ROOT = Path(__file__).resolve().parents[3]


Heard = tuple[str, str]
"""What is thrown or caught: "message" or "signal", and its name."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much a process does at once.

    `entry` counts its automatic tasks until the first pause, `step` at most between any two;
    `instances` how many of them one node may open.
    """

    entry: int = 0
    step: int = 0
    instances: int = 1


@dataclass(frozen=True, slots=True)
class Published:
    """What the gate must know of a process that is already published."""

    calls: frozenset[str] = frozenset()
    outcomes: frozenset[str] = frozenset()
    inputs: frozenset[str] = frozenset()
    waits: bool = True
    # With lists of one item, and with lists as long as may be.
    least: Load = Load()
    most: Load = Load()
    throws: frozenset[Heard] = frozenset()
    catches: frozenset[Heard] = frozenset()


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
    # What the platform itself sends.
    sent: frozenset[Heard] = frozenset()
    # The titles of the pages where each process and decision is uploaded, by its id.
    homes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_platform(
        cls,
        processes: Mapping[str, Published] | None = None,
        *,
        jurisdiction: str = "",
        homes: Mapping[str, str] | None = None,
    ) -> Self:
        """Return what this platform offers, once the domains have registered their handlers."""
        return cls(
            forms=form_keys(jurisdiction),
            pages=handlers.page.names(),
            saves=handlers.save.names(),
            services=handlers.service.names(),
            scopes=handlers.scope.names(),
            roles=dict(ROLES),
            processes=processes or {},
            functions=environment.function_names(),
            variables=frozenset({environment.TODAY}),
            sent=frozenset(("message", name) for name in handlers.sent_messages()),
            homes=homes or {},
        )


def form_keys(jurisdiction: str) -> frozenset[str]:
    """Return the keys of the forms that can be shown, national or a jurisdiction's."""
    folders = [ROOT / "forms", *([ROOT / "forms" / jurisdiction] if jurisdiction else [])]
    keys = {path.stem for folder in folders for path in folder.glob("*.yaml")}
    return frozenset(key for key in keys if _is_form(key, jurisdiction))


def _is_form(key: str, jurisdiction: str) -> bool:
    try:
        load(key, jurisdiction)
    except FormSpecError:
        return False
    return True
