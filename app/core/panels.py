"""Home-page panels: what a room wants a person to see first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Line:
    """A row of a panel: text, a smaller note, a status word with its tone, perhaps an address."""

    text: str
    url: str
    note: str = ""
    status: str = ""
    tone: str = "secondary"


@dataclass(frozen=True)
class Tab:
    """A choice among the lists of a panel: its word, where it leads, whether it is shown."""

    label: str
    url: str
    active: bool = False


@dataclass(frozen=True)
class Panel:
    """A titled box on the home page; a picture stands beside its lines."""

    title: str
    lines: Sequence[Line]
    empty: str = "暂无数据"
    more_url: str = ""
    action_label: str = ""
    action_url: str = ""
    tabs: Sequence[Tab] = ()
    picture: str = ""


Provider = Callable[[Any, set[str], datetime], Panel | None]
_providers: list[tuple[int, Provider]] = []


def register_panel(order: int) -> Callable[[Provider], Provider]:
    """Register a provider (person, roles, now) -> Panel or None; lower orders come first."""

    def keep(provider: Provider) -> Provider:
        if provider not in [known for _, known in _providers]:
            _providers.append((order, provider))
            _providers.sort(key=lambda pair: pair[0])
        return provider

    return keep


def panels_for(person: Any, roles: set[str], now: datetime) -> list[Panel]:
    """Return the panels that have something to say to this person."""
    made = [provider(person, roles, now) for _, provider in _providers]
    return [panel for panel in made if panel is not None]
