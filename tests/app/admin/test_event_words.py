"""Every audit event that the code can write has a name on the auditor's page."""

import ast
import re
from pathlib import Path

import app
from app.accounts.event_words import ACCOUNT_EVENTS
from app.admin.event_words import DATA, said
from app.admin.words import AREAS, EVENTS, SUBJECTS, event_name
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


def calls_in(path: Path) -> list[ast.Call]:
    names = {"record", "record_event", "note_export", "_note", "change", "_record"}
    calls = (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call))
    return [n for n in calls if getattr(n.func, "attr", getattr(n.func, "id", "")) in names]


ROOT = Path(app.__file__).parent
# The demonstration says nothing of its own: it plays the operations of the rooms.
SOURCES = [p for p in ROOT.rglob("*.py") if "demo" not in p.relative_to(ROOT).parts]


def test_every_event_has_a_name() -> None:
    written = {tag for path in SOURCES for tag in tags_in(path)} | FROM_STATES
    assert {"declaration:in_meeting", "plan:saved", "portfolio:copied"} <= written
    assert sorted(tag for tag in written if event_name(tag) == tag) == []
    assert sorted(tag for tag in written if tag.split(":")[0] not in AREAS) == []
    assert sorted(set(EVENTS) - written) == []


def test_everything_an_event_keeps_has_a_name() -> None:
    words = [word for path in SOURCES for n in calls_in(path) for word in n.keywords]
    kept = {word.arg for word in words if word.arg} - {"subject", "actor", "actor_id", "now"}
    assert {"before", "scope", "fields"} <= kept
    assert sorted(kept - set(DATA)) == []


def test_every_record_that_events_are_about_has_a_name() -> None:
    words = [word for path in SOURCES for n in calls_in(path) for word in n.keywords]
    pairs = [w.value for w in words if w.arg == "subject" and isinstance(w.value, ast.Tuple)]
    kinds = {str(p.elts[0].value) for p in pairs if isinstance(p.elts[0], ast.Constant)}
    assert {"person", "plan"} <= kinds
    assert sorted(kinds - {*AREAS, *SUBJECTS}) == []


def test_what_an_event_keeps_is_said_in_words() -> None:
    assert said({"mended_by": "2026-12-01 23:59"}, {}) == {"补正截止时间": "2026-12-01 23:59"}
    kept = {
        "role": "issuer",
        "scope": "org:3",
        "fields": ["post", "closes_at"],
        "type": "work",
        "decision": "return",
        "before": {"unit_name": "青禾小学", "committee_id": None},
    }
    assert list(said(kept, {}).values()) == [
        "发证机关",
        "单位 3",
        "从事工作及岗位、个人提交截止",
        "工作经历",
        "退回",
        "工作单位 青禾小学，评委会编号 无",
    ]


def test_the_own_log_has_a_word_for_whatever_the_auditor_has() -> None:
    areas = ("account:", "person:", "role:")
    assert {tag for tag in EVENTS if tag.startswith(areas)} <= ACCOUNT_EVENTS.keys()


def test_who_had_a_task_and_who_gets_it_are_told_by_kind() -> None:
    data = {"tasks": [665], "given_by": "org:6", "given_to": "person:14"}
    assert said(data, {}) == {"任务编号": "665", "原办理": "单位 6", "转给": "人员 14"}
