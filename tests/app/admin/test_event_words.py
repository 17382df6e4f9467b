"""Every audit event that the code can write has a name on the auditor's page."""

import ast
import re
from pathlib import Path

import app
from app.admin.words import AREAS, EVENTS, event_name
from app.certificates.models import ReplacementStatus, RevocationStatus
from app.plans.models import PlanStatus
from app.results.models import ObjectionStatus
from app.review.models import MeetingStatus

TAG = re.compile(r"[a-z]+:[a-z_]+")
VERB = re.compile(r"[a-z_]*[a-z]")
NO_TAGS = {"b:process", "wsgi:application"}
# What writes the events of a room, by the place of the verb among its arguments.
WRITERS = {
    "portfolio": {"record_event": 1},
    "plans": {"record": 0, "change": 1},
    "declarations": {"record": 0, "_note": 1},
    "certificates": {"_record": 0},
}
AREA_OF = {
    "portfolio": "portfolio",
    "plans": "plan",
    "declarations": "declaration",
    "certificates": "certificate",
}
# Verbs that are values: of a state that was reached, or of the stage that judged.
FROM_STATES = {
    *(f"plan:{status}" for status in PlanStatus if status not in {"draft", "checking", "checked"}),
    *(f"certificate:replacement_{status}" for status in ReplacementStatus if status != "pending"),
    *(f"certificate:revocation_{status}" for status in RevocationStatus),
    *(f"objection:{status}" for status in ObjectionStatus if status != "open"),
    *(f"meeting:{status}" for status in (MeetingStatus.REPORTED, MeetingStatus.CLOSED)),
    "declaration:endorse_declaration",
    "declaration:endorse_forwarded",
    "publicity:exported",
    "objection:exported",
}


def tags_in(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    texts = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    found = {text for text in texts if TAG.fullmatch(text)} - NO_TAGS
    room = path.relative_to(ROOT).parts[0]
    for call in (n for n in nodes if isinstance(n, ast.Call)):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        place = WRITERS.get(room, {}).get(name)
        if place is not None and len(call.args) > place:
            verbs = [n.value for n in ast.walk(call.args[place]) if isinstance(n, ast.Constant)]
            found |= {
                f"{AREA_OF[room]}:{v}" for v in verbs if re.fullmatch("[a-z_]*[a-z]", str(v))
            }
    return found


ROOT = Path(app.__file__).parent


def test_every_event_has_a_name() -> None:
    written = {tag for path in ROOT.rglob("*.py") for tag in tags_in(path)} | FROM_STATES
    assert {"declaration:in_meeting", "plan:saved", "portfolio:copied"} <= written
    assert sorted(tag for tag in written if event_name(tag) == tag) == []
    assert sorted(tag for tag in written if tag.split(":")[0] not in AREAS) == []
    assert sorted(set(EVENTS) - written) == []
