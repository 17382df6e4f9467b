"""In which states of its record each task of the shipped processes is reached, and each end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.engine import handlers
from app.engine.contracts import Contract
from app.engine.gate import Known
from app.engine.gate.bundle import read_bundle
from app.engine.gate.platform import known_here
from app.engine.gate.publishing import courses_of, with_bundle
from app.engine.gate.ways import Ways

FOLDER = Path(__file__).resolve().parents[2] / "bpmn"
NATIONAL = {path.name: path.read_bytes() for path in sorted(FOLDER.glob("*.bpmn"))}
END = ""
STATES: dict[str, dict[str, str]] = {
    "certificate_issue": {
        "prepare_certificate": "confirmed",
        "provide_photo": "awaiting_photo",
        "issue_certificate": "awaiting_issue",
        "make_certificate": "agreed",
        "": "active",
    },
    "certificate_replacement": {
        "vet_replacement": "pending",
        "mend_replacement": "returned",
        "decide_replacement": "pending",
        "replace_certificate": "granted",
        "": "approved refused",
    },
    "certificate_revocation": {
        "confirm_revocation": "proposed",
        "revoke_certificate": "confirmed",
        "": "refused revoked",
    },
    "declaration": {
        "fill_declaration": "draft returned",
        "give_up_declaration": "draft returned",
        "vet_declaration": "in_review",
        "withdraw_declaration": (
            "at_organiser at_superior end_proposed end_proposed_above in_review to_endorse"
        ),
        "confirm_termination": "end_proposed end_proposed_above end_proposed_last",
        "return_declaration": "to_return",
        "endorse_declaration": "to_endorse",
        "find_next_level": "endorsed vetted",
        "accept_declaration": "at_organiser",
        "vet_forwarded": "at_superior",
        "terminate_declaration": "to_terminate",
        "endorse_forwarded": "to_endorse",
        "finish_declaration": "reviewed",
        "": "deleted given_up judged terminated",
    },
    "identity_correction": {
        "decide_correction": "pending",
        "mend_correction": "returned",
        "vet_correction": "pending",
        "withdraw_correction": "pending",
        "": "ended granted refused",
    },
    "material_review": {
        "score_case": "scored waiting",
        "confirm_by_deputy": "scored",
        "confirm_by_leader": "scored",
        "confirm_by_director": "scored",
        "": "agreed",
    },
    "objection": {
        "investigate_objection": "open",
        "decide_objection": "open",
        "": "decided",
    },
    "plan_window": {
        "configure_plan": "draft",
        "check_plan": "checking",
        "publish_plan": "checked",
        "open_plan": "published",
        "close_plan": "open",
        "": "closed",
    },
    "portfolio_audit": {
        "vet_item": "submitted",
        "mend_item": "returned",
        "approve_item": "passed",
        "take_back_item": "submitted",
        "": "approved draft",
    },
    "portfolio_withdrawal": {
        "vet_withdrawal": "submitted",
        "release_item": "passed",
        "": "draft refused",
    },
    "post_approval": {
        "vet_posts": "pending",
        "mend_posts": "returned",
        "": "dropped in_force",
    },
    "publicity": {
        "end_publicity": "open",
        "confirm_publicity": "ended",
        "": "confirmed",
    },
    "review_meeting": {
        "set_up_meeting": "preparing",
        "approve_scheme": "settled",
        "appoint_directors": "schemed",
        "confirm_standard": "schemed",
        "appoint_leaders": "schemed",
        "assign_reviewers": "schemed",
        "start_material_reviews": "schemed",
        "prepare_roll": "read_all",
        "open_ballot": "rolled",
        "close_ballot": "voting",
        "confirm_result": "counted",
        "publish_result": "confirmed",
        "open_publicity": "confirmed",
        "report_meeting": "cleared confirmed",
        "close_meeting": "approved reported",
        "approve_report": "reported_public",
        "": "closed",
    },
    "unit_binding": {
        "vet_binding": "pending",
        "withdraw_binding": "pending",
        "mend_binding": "returned",
        "": "active withdrawn",
    },
    "unit_change": {
        "vet_unit_change": "pending",
        "mend_unit_change": "returned",
        "": "approved dropped",
    },
    "unit_registration": {
        "vet_registration": "pending",
        "mend_registration": "returned",
        "lapse_registration": "returned",
        "": "approved lapsed",
    },
}
"""By process and task; what stands under no task are the states in which the process ends."""


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """What the platform offers once every room has registered its handlers."""
    from app.factory import create_app

    create_app(str(tmp_path_factory.mktemp("instance")))
    return known_here()


def ways_of(process: str, known: Known) -> Ways:
    bundle = read_bundle(NATIONAL)
    known = with_bundle(known, bundle.diagrams)
    life = known.matters[process].life
    assert life is not None
    ways = Ways(process, life, courses_of(bundle, known))
    ways.play()
    return ways


@pytest.mark.parametrize("process", STATES)
def test_each_task_is_reached_in_exactly_these_states(process: str, known: Known) -> None:
    ways = ways_of(process, known)
    found: dict[str, set[str | None]] = {END: {place.state for place in ways.finished}}
    for place in ways.next:
        assert place.is_sure
        for token in place.tokens:
            if ways.taken(token):
                found.setdefault(token.node, set()).add(place.state)
    expected = {node: set(states.split()) for node, states in STATES[process].items()}
    assert found == expected
    assert ways.is_complete
    assert not ways.failed
    assert not ways.ended


def test_every_process_that_the_platform_starts_tells_the_states_of_its_record(
    known: Known,
) -> None:
    assert {key for key, matter in known.matters.items() if matter.life} == STATES.keys()


def test_every_life_can_be_seen_in_the_record_itself(known: Known) -> None:
    """What contracts say of states is held against this whenever a handler has run."""
    assert STATES.keys() <= handlers.standing.names()
    for key in STATES:
        life = known.matters[key].life
        assert life is not None
        assert life.shown.keys() <= life.states.keys(), key


def contracts(known: Known) -> Iterator[tuple[str, Contract]]:
    yield from known.saves.items()
    yield from known.services.items()


def test_handlers_speak_of_states_and_outcomes_that_there_are(known: Known) -> None:
    for name, contract in contracts(known):
        lives = [known.matters[key].life for key in contract.serves]
        states = {state for life in lives if life for state in life.states}
        for move in contract.moves:
            assert {*move.before, move.after} - {""} <= states, name
            assert move.gives.keys() <= (contract.gives or {}).keys(), name


def test_every_save_of_a_process_with_states_says_in_which_it_acts(known: Known) -> None:
    silent = {
        name
        for name, contract in contracts(known)
        if contract.serves and name in known.saves and not contract.moves
    }
    assert silent == set()


def test_lives_end_in_states_of_their_own(known: Known) -> None:
    for matter in known.matters.values():
        if matter.life is not None:
            told = matter.life.told.values()
            named = {state for each in told for pair in each.items() for state in pair}
            assert {*matter.life.ends, *named} <= matter.life.states.keys()
