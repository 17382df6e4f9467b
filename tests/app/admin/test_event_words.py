"""Every audit event that the code can write has a name on the auditor's page."""

import ast
import dataclasses
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import app
from app.accounts.event_words import ACCOUNT_EVENTS
from app.admin.event_words import DATA, places_in, said
from app.admin.words import AREAS, EVENTS, SUBJECTS, event_name
from app.certificates.facts import CHANGEABLE
from app.certificates.models import Ground, ReplacementStatus, RevocationStatus
from app.experts.operations import Expertise
from app.imports.kinds import kinds
from app.notices.models import Kind as Article
from app.openid.keeping import ProviderFacts
from app.plans.models import PlanStatus
from app.plans.operations import READERS
from app.results.models import ObjectionStatus
from app.review.exports import LISTS
from app.review.models import MeetingStatus
from app.units import tree
from app.units.own_data import OwnData
from forms.items import item_types

TAG = re.compile(r"[a-z]+:[a-z_]+")
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
    nodes = nodes_of(tree_of(path))
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
# The demonstration says nothing of its own: it plays the operations of the rooms.
SOURCES = [p for p in ROOT.rglob("*.py") if "demo" not in p.relative_to(ROOT).parts]
# What is called like a writer of the audit log and is another thing.
OTHERS = {"incidents.record", "_log.record"}
# What writers are told beside what the event keeps; `admit` is the name of another act too.
TOLD = {"subject", "actor", "actor_id", "now", "sealed", "said", "about", "keeper_id"}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def nodes_of(part: ast.AST) -> list[ast.AST]:
    return list(ast.walk(part))


@cache
def called(call: ast.Call) -> str:
    return "" if ast.unparse(call.func) in OTHERS else ast.unparse(call.func).rpartition(".")[2]


def functions_in(path: Path) -> list[ast.FunctionDef]:
    return [n for n in nodes_of(tree_of(path)) if isinstance(n, ast.FunctionDef)]


def calls_of(part: ast.AST, names: set[str]) -> list[ast.Call]:
    return [n for n in nodes_of(part) if isinstance(n, ast.Call) and called(n) in names]


def writers_of(path: Path, names: set[str]) -> set[str]:
    """Names of the functions that hand what they are told (`**data`) on to a writer."""
    found = set()
    for made in functions_in(path):
        more = made.args.kwarg.arg if made.args.kwarg else None
        handed = {
            ast.unparse(word.value)
            for call in calls_of(made, names)
            for word in call.keywords
            if word.arg is None
        }
        # As they are, or with more around them: {"kind": ..., **data}.
        dicts = [n for n in nodes_of(made) if isinstance(n, ast.Dict) and None in n.keys]
        parts = {
            ast.unparse(v)
            for d in dicts
            for k, v in zip(d.keys, d.values, strict=True)
            if k is None
        }
        if more and (more in handed or (handed and more in parts)):
            found.add(made.name)
    return found


@cache
def all_writers() -> dict[Path, set[str]]:
    """By file, what its functions call to write events: found anew until nothing is added."""
    shared, names = {"record", "record_event", "note_export", "note"}, dict[Path, set[str]]()
    shared |= {"unmask_id_number", "unmask"}
    while True:
        names = {path: shared | writers_of(path, shared) for path in SOURCES}
        names = {path: own | writers_of(path, own) for path, own in names.items()}
        public = {n for own in names.values() for n in own if not n.startswith("_")}
        if public <= shared:
            return names
        shared |= public


def keys_in(path: Path) -> set[str]:
    """What the events of a file keep: keywords, and the keys of dicts handed on as **dicts.

    Such a dict is made in the same function, or in one of the file that is called for it.
    """
    found, known = set[str](), {each.name: each for each in functions_in(path)}
    for made in functions_in(path):
        calls = calls_of(made, all_writers()[path])
        found |= {word.arg for call in calls for word in call.keywords if word.arg}
        handed = [word.value for call in calls for word in call.keywords if word.arg is None]
        if handed:
            named = {getattr(n.func, "id", "") for n in handed if isinstance(n, ast.Call)}
            makers = [made, *(known[name] for name in named & set(known))]
            dicts = [n for each in makers for n in nodes_of(each) if isinstance(n, ast.Dict)]
            keys = [k.value for d in dicts for k in d.keys if isinstance(k, ast.Constant)]
            found |= {str(key) for key in keys}
    return found - TOLD


def test_every_event_has_a_name() -> None:
    written = {tag for path in SOURCES for tag in tags_in(path)} | FROM_STATES
    assert {"declaration:in_meeting", "plan:saved", "portfolio:copied"} <= written
    assert sorted(tag for tag in written if event_name(tag) == tag) == []
    assert sorted(tag for tag in written if tag.split(":")[0] not in AREAS) == []
    assert sorted(set(EVENTS) - written) == []


def test_everything_an_event_keeps_has_a_name() -> None:
    kept = {key for path in SOURCES for key in keys_in(path)}
    assert {"before", "scope", "fields", "given_to", "meeting", "request"} <= kept
    assert sorted(kept - set(DATA)) == []


def test_every_record_that_events_are_about_has_a_name() -> None:
    calls = [call for path in SOURCES for call in calls_of(tree_of(path), all_writers()[path])]
    words = [word for call in calls for word in call.keywords]
    pairs = [w.value for w in words if w.arg == "subject" and isinstance(w.value, ast.Tuple)]
    kinds = {str(p.elts[0].value) for p in pairs if isinstance(p.elts[0], ast.Constant)}
    assert {"person", "plan"} <= kinds
    assert sorted(kinds - {*AREAS, *SUBJECTS}) == []


def test_what_an_event_keeps_is_said_in_words() -> None:
    assert said("", {"mended_by": "2026-12-01 23:59"}, {}) == {"补正截止时间": "2026-12-01 23:59"}
    kept = {
        "role": "issuer",
        "scope": "org:3",
        "fields": ["post"],
        "type": "work",
        "decision": "return",
        "before": {"unit_name": "青禾小学", "committee_id": None},
    }
    assert list(said("portfolio:edited", kept, {}).values()) == [
        "发证机关",
        "单位 3",
        "从事工作及岗位",
        "工作经历",
        "退回",
        "工作单位 青禾小学，评委会编号 无",
    ]


def test_the_own_log_has_a_word_for_whatever_the_auditor_has() -> None:
    areas = ("account:", "person:", "role:")
    assert {tag for tag in EVENTS if tag.startswith(areas)} <= ACCOUNT_EVENTS.keys()


def test_who_had_a_task_and_who_gets_it_are_told_by_kind() -> None:
    data = {"tasks": [665], "given_by": "org:6", "given_to": "person:14"}
    assert said("", data, {}) == {"任务编号": "665", "原办理": "单位 6", "转给": "人员 14"}


def raw(kept: dict[str, Any]) -> list[str]:
    """What an auditor would read of this in the words of programs."""
    return [text for text in said("", kept, {}).values() if re.search("[a-z]{3}", text)]


def test_what_is_imported_and_published_is_told_in_words() -> None:
    for kind in (*(each.name for each in kinds()), *Article):
        assert raw({"kind": kind}) == [], kind
    told = said("", {"kind": "people", "version": 2, "publish_at": "2026-12-01 08:00"}, {})
    assert told == {"类别": "人员", "版本": "2", "发布时间": "2026-12-01 08:00"}


def names_of(facts: type) -> set[str]:
    return {each.name for each in dataclasses.fields(facts)}


def fields_said(tag: str, *names: str) -> list[str]:
    """What an auditor reads of fields that an event names."""
    return said(tag, {"fields": names}, {})["修改的内容"].split("、")


@pytest.mark.parametrize(
    ("tag", "names"),
    [
        ("certificate:replacement_requested", {*CHANGEABLE}),
        ("person:corrected", {"name", "id_number"}),
        ("person:profile_saved", {"phone", "gender", "series"}),
        ("plan:saved", {*READERS}),
        ("provider:changed", names_of(ProviderFacts)),
        ("unit:completed", names_of(OwnData)),
    ],
)
def test_every_field_that_an_event_names_has_a_label(tag: str, names: set[str]) -> None:
    assert sorted(names & {*fields_said(tag, *names)}) == []


def test_a_field_is_called_as_in_the_form_of_its_event() -> None:
    for kind in item_types().values():
        labels = {field.name: field.label for field in kind.form.fields}
        told = said("portfolio:edited", {"fields": [*labels], "type": kind.key}, {})
        assert told["修改的内容"] == "、".join(labels.values())
    assert fields_said("provider:changed", "issuer", "name") == ["issuer 地址", "名称"]
    assert fields_said("plan:saved", "name", "kind") == ["计划名称", "计划类型"]
    assert fields_said("person:corrected", "name") == ["姓名"]
    assert fields_said("person:profile_saved", "address") == ["通讯地址"]
    assert fields_said("unit:completed", "address") == ["通信地址"]


def test_every_value_of_a_list_has_words() -> None:
    lists = {"ground": Ground, "list": LISTS, "stage": ("main", "deputy", "leader", "director")}
    assert [raw({key: value}) for key, values in lists.items() for value in values] == [
        [] for values in lists.values() for _ in values
    ]
    entered = {name: getattr(FACTS, name, None) for name in tree.ENTERED}
    assert raw({"before": entered, "after": dataclasses.asdict(WORKPLACE)}) == []


FACTS = tree.UnitFacts("青禾小学", "用人单位", "事业单位", "340602", "anhui")
WORKPLACE = Expertise("青禾小学", "小学语文", None)


def test_people_are_named_wherever_their_ids_stand() -> None:
    names = {("person", 7): "宓清川", ("person", 8): "荀知远"}
    kept = {"former": 7, "successor": 8, "leaders": {"3": 7}, "readers": {"5": [7, 8]}}
    assert set(names) == set(places_in(kept))
    assert list(said("", kept, names).values()) == [
        "宓清川（人员 7）",
        "荀知远（人员 8）",
        "3 宓清川（人员 7）",
        "5 宓清川（人员 7）、荀知远（人员 8）",
    ]


def test_moments_are_written_as_people_write_them() -> None:
    told = said("", {"before": ["2026-11-30T09:00:00+08:00", "2026-12-01"], "note": "T 恤"}, {})
    assert list(told.values()) == ["2026-11-30 09:00、2026-12-01", "T 恤"]
