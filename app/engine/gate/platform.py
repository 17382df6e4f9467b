"""What this platform offers to diagrams, once the domains have registered their handlers."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from app.core.permissions import ROLES
from app.engine import environment, handlers
from app.engine.gate.known import Asking, Known, Published
from forms import FormSpecError, decisions_of, load

ROOT = Path(__file__).resolve().parents[3]


def known_here(
    processes: Mapping[str, Published] | None = None,
    *,
    jurisdiction: str = "",
    homes: Mapping[str, str] | None = None,
    at: datetime | None = None,
) -> Known:
    """Return what a diagram may use here: published processes, a jurisdiction's forms beside."""
    return Known(
        forms=forms_of(jurisdiction),
        pages=handlers.page.contracts(),
        saves=handlers.save.contracts(),
        services=handlers.service.contracts(),
        scopes=handlers.scope.contracts(),
        matters=handlers.matters(),
        roles=dict(ROLES),
        processes=processes or {},
        functions=environment.function_names(),
        variables=frozenset({environment.TODAY}),
        sent=frozenset(("message", name) for name in handlers.sent_messages()),
        carried=handlers.carried(),
        homes=homes or {},
        at=at,
    )


def forms_of(jurisdiction: str) -> dict[str, Asking]:
    """Return the forms that can be shown, national or a jurisdiction's, by their keys."""
    folders = [ROOT / "forms", *([ROOT / "forms" / jurisdiction] if jurisdiction else [])]
    keys = {path.stem for folder in folders for path in folder.glob("*.yaml")}
    read = ((key, _read(key, jurisdiction)) for key in keys)
    return {key: asking for key, asking in read if asking is not None}


def _read(key: str, jurisdiction: str) -> Asking | None:
    try:
        form = load(key, jurisdiction)
    except FormSpecError:
        return None
    words = decisions_of(form)
    return Asking(form.saved_by, None if words is None else tuple(words), words or {})
