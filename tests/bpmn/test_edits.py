"""Shipped diagrams as an office edits them: what would silently do the wrong thing is refused."""

from collections.abc import Callable

import pytest

from app.engine.gate import Known
from app.engine.gate.findings import Finding
from app.engine.gate.inspection import inspect
from app.engine.gate.platform import known_here
from tests.bpmn.edits import FOLDER, Edited

TOGETHER = ("declaration.bpmn", "unit_review.bpmn", "superior_review.bpmn")
GATEWAY, FORK = "exclusiveGateway", "parallelGateway"


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """What the platform offers once every room has registered its handlers."""
    from app.factory import create_app

    create_app(str(tmp_path_factory.mktemp("instance")))
    return known_here()


def found(edited: Edited, known: Known) -> tuple[Finding, ...]:
    """What the gate says of a shipped diagram that was edited, beside those that call it."""
    others = TOGETHER if edited.file in TOGETHER else ()
    files = {name: (FOLDER / name).read_bytes() for name in others}
    return inspect({**files, edited.file: edited.bytes()}, known=known).findings


def told(edited: Edited, known: Known) -> list[str]:
    """The severity, rule and element of each finding."""
    return [f"{each.severity} {each.rule} {each.element}" for each in found(edited, known)]


def twice(process: str, task: str, flow: str) -> Edited:
    """A task of people a second time, straight behind the first."""
    return Edited(process).copy(task, "again").lead(flow, source="again").join(task, "again")


def once_more(process: str, task: str, flow: str, end: str, passed: str) -> Edited:
    """A task for another person behind a gateway that lets through what the first consented to."""
    edited = Edited(process).copy(task, "again").lead(flow, source="again")
    edited.say("again", "apart", task)
    edited.draw(GATEWAY, "is_good", task, name="同意？", default=f"is_good_then_{end}")
    return edited.join(task, "is_good").join("is_good", "again", passed).join("is_good", end)


def without_approval() -> Edited:
    """What a meeting reported ends it at once: no certificate would ever begin."""
    edited = Edited("review_meeting").lead("to_report_approval", target="close_meeting")
    return edited.drop("approve_report", "is_report_approved")


def checked_again(save: str) -> Edited:
    """Who recommended without a leader is followed by a second check."""
    edited = Edited("unit_review").copy("vet_declaration", "again").say("again", "save", save)
    edited.say("again", "form", save).say("again", "apart", "vet_declaration")
    edited.copy("is_vetted", "is_checked")
    edited.node("is_checked").set("default", "is_checked_then_unit_review_finished")
    edited.join("is_vetted", "again", 'verdict == "pass"').join("again", "is_checked")
    edited.join("is_checked", "endorse_declaration", 'verdict == "endorse"')
    edited.copy("confirm_termination", "confirm").copy("is_termination_confirmed", "is_over")
    edited.node("is_over").set("default", "is_over_then_again")
    edited.join("is_checked", "confirm", 'verdict == "confirm"').join("confirm", "is_over")
    edited.join("is_over", "again")
    edited.join("is_over", "unit_review_finished", 'verdict == "terminate"')
    return edited.join("is_checked", "unit_review_finished")


def at_once() -> Edited:
    """Two superior clerks at once, of whom the later one's word counts."""
    edited = Edited("superior_review").copy("vet_forwarded", "again")
    edited.draw(FORK, "both", "is_vetted", name="同时").draw(FORK, "all", "is_vetted", name="汇合")
    edited.draw(GATEWAY, "anew", "is_vetted", name="汇合")
    edited.lead("superior_review_started_to_vet_forwarded", target="anew").join("anew", "both")
    edited.lead("is_termination_confirmed_to_vet_forwarded", target="anew")
    edited.lead("vet_forwarded_to_is_vetted", target="all").join("all", "is_vetted")
    return edited.join("both", "vet_forwarded").join("both", "again").join("again", "all")


def publicity_met() -> Edited:
    """A branch comes straight where another waits for the last day, before an inclusive join."""
    edited = Edited("publicity").draw(FORK, "fork", "publicity_ended", name="分头")
    edited.draw(GATEWAY, "met", "end_publicity", name="相遇")
    edited.draw("inclusiveGateway", "joined", "end_publicity", name="汇合")
    edited.lead("publicity_opened_to_publicity_ended", target="fork")
    edited.lead("publicity_ended_to_end_publicity", target="met")
    edited.join("fork", "publicity_ended").join("fork", "met").join("fork", "joined")
    return edited.join("met", "joined").join("joined", "end_publicity")


ENDORSED = ("unit_review", "endorse_declaration", "endorse_declaration_to_unit_review_finished")
FORWARDED = (
    "superior_review",
    "endorse_forwarded",
    "endorse_forwarded_to_superior_review_finished",
)
FAULTY: dict[str, tuple[Callable[[], Edited], str]] = {
    "a leader twice": (lambda: twice(*ENDORSED), "task.state again"),
    "a superior leader twice": (lambda: twice(*FORWARDED), "task.state again"),
    "two superior clerks at once": (at_once, "task.state again"),
    "a recommendation twice in a round": (
        lambda: checked_again("vet_declaration"),
        "task.state again",
    ),
    "a recommendation by who only looks": (
        lambda: (
            Edited("unit_review")
            .say("vet_declaration", "save", "vet_forwarded")
            .say("vet_declaration", "form", "vet_forwarded")
        ),
        "task.state vet_declaration",
    ),
    "a declaration that is finished before its meeting": (
        lambda: Edited("declaration").skip("review_finished"),
        "task.state finish_declaration",
    ),
    "a meeting that is reported before its publicity ends": (
        lambda: Edited("review_meeting").skip("publicity_was_confirmed"),
        "task.state report_meeting",
    ),
    "a ballot before the marks": (
        lambda: Edited("review_meeting").skip("cases_were_confirmed"),
        "task.state prepare_roll",
    ),
    "a publicity that is over on its first day": (
        lambda: Edited("publicity").skip("publicity_ended"),
        "task.early end_publicity",
    ),
    "a publicity that a part of it ends on its first day": (
        lambda: Edited("publicity").skip("publicity_ended").enclose("part", "end_publicity"),
        "task.early end_publicity",
    ),
    "a moment for a length": (
        lambda: Edited("publicity").write(
            "publicity_ended", "timeDate", "publicity_ends", "timeDuration"
        ),
        "expression.value publicity_ended",
    ),
    "a moment of a task's for a length": (
        lambda: Edited("plan_window").write("opening_due", "timeDate", "opens_at", "timeDuration"),
        "expression.value opening_due",
    ),
    "a day that is reckoned for a length": (
        lambda: Edited("declaration").write(
            "mending_ended", "timeDate", "workdays_after(mended_by, 2)", "timeDuration"
        ),
        "expression.value mending_ended",
    ),
    "a scheme that nobody approves": (
        lambda: (
            Edited("review_meeting")
            .lead("to_approval", target="appoint_directors")
            .drop("approve_scheme", "is_scheme_approved")
        ),
        "process.needs review_meeting",
    ),
    "a scheme that is approved once its readers are named": (
        lambda: (
            Edited("review_meeting")
            .lead("to_approval", target="appoint_directors")
            .lead("to_start", target="approve_scheme")
            .lead("scheme_approved", target="start_material_reviews")
        ),
        "task.state appoint_directors",
    ),
    "results that nobody approves": (
        without_approval,
        "process.needs review_meeting",
    ),
    "reported results that wait for their approval": (
        without_approval,
        "task.state close_meeting",
    ),
    **{
        f"a meeting without {step}": (
            lambda step=step: Edited("review_meeting").skip(step),
            "process.needs review_meeting",
        )
        for step in ("appoint_directors", "assign_reviewers", "prepare_roll")
    },
    "an objection that nobody looks into": (
        lambda: Edited("objection").skip("investigate_objection"),
        "process.needs objection",
    ),
    "a deputy's return that the leader writes over": (
        lambda: (
            Edited("material_review")
            .drop("does_deputy_agree")
            .join("confirm_by_deputy", "confirm_by_leader")
        ),
        "task.unread confirm_by_leader",
    ),
    "a publicity that a branch ends early": (publicity_met, "task.early end_publicity"),
    "a question that nobody has answered yet": (
        lambda: Edited("certificate_replacement").skip("vet_replacement"),
        "variable.unset is_vetted_to_decide_replacement",
    ),
    "a returned scheme that goes on": (
        lambda: Edited("review_meeting").lead("scheme_returned", target="appoint_directors"),
        "task.state appoint_directors",
    ),
}
"""Edits with the finding that refuses each."""


@pytest.mark.parametrize("name", FAULTY)
def test_an_edit_that_would_do_the_wrong_thing_is_refused(name: str, known: Known) -> None:
    edit, finding = FAULTY[name]
    assert f"error {finding}" in told(edit(), known)


ASKED: dict[str, tuple[Callable[[], Edited], str]] = {
    "a declaration that nobody can take back from its unit": (
        lambda: Edited("declaration").drop("unit_review_withdrawn"),
        "event.missing unit_review",
    ),
    "a correction that nobody can take back": (
        lambda: Edited("identity_correction").drop("withdrawn_from_unit"),
        "event.missing vet_correction",
    ),
    "an item that nobody can take back": (
        lambda: Edited("portfolio_audit").drop("item_withdrawn", "take_back_item", "taken_back"),
        "event.missing vet_item",
    ),
    "a leader's return that goes on to the director": (
        lambda: Edited("material_review").lead("leader_returned", target="confirm_by_director"),
        "task.unheeded confirm_by_leader",
    ),
    "a filed item that waits for a message of other businesses": (
        lambda: Edited("portfolio_audit").awaiting("wait", "abandoned", "to_end", "approved"),
        "event.unsent wait",
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_may_be_meant_is_asked_about(name: str, known: Known) -> None:
    edit, finding = ASKED[name]
    assert told(edit(), known) == [f"warning {finding}"]


SOUND: dict[str, Callable[[], Edited]] = {
    "a second leader behind a gateway": lambda: once_more(
        *ENDORSED, "unit_review_finished", 'verdict == "pass"'
    ),
    "a second superior leader behind a gateway": lambda: once_more(
        *FORWARDED, "superior_review_finished", 'verdict == "pass"'
    ),
    "some working days behind a moment": lambda: Edited("publicity").write(
        "publicity_ended", "timeDate", "workdays_after(publicity_ends, 2)"
    ),
    "a part that waits before the end of a publicity": lambda: Edited("publicity").enclose(
        "part", "publicity_ended"
    ),
    "a part that waits and then ends a publicity": lambda: Edited("publicity").enclose(
        "part", "publicity_ended", "end_publicity"
    ),
    "marks that no deputy confirms": lambda: (
        Edited("material_review")
        .lead("to_deputy", target="confirm_by_leader")
        .drop("confirm_by_deputy", "does_deputy_agree")
    ),
    "a standard that the director does not confirm": lambda: (
        Edited("review_meeting")
        .lead("to_standard", target="appoint_leaders")
        .drop("confirm_standard", "is_standard_confirmed")
    ),
    "a second look at what was recommended": lambda: checked_again("vet_forwarded"),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_edit_passes(name: str, known: Known) -> None:
    assert told(SOUND[name](), known) == []


WAITED, ENDED = "publicity_ended", "end_publicity"


@pytest.mark.parametrize(
    ("caller", "period", "rules"),
    [
        (Edited("publicity").skip(WAITED).calling(ENDED, "period"), (), []),
        (Edited("publicity").calling(WAITED, "period"), (ENDED,), []),
        (Edited("publicity").calling(ENDED, "period"), (WAITED,), []),
        (Edited("publicity").skip(WAITED).calling(ENDED, "period"), (WAITED,), ["task.early"]),
    ],
    ids=["both are called", "the wait is called", "the end is called", "nobody waits"],
)
def test_a_wait_counts_on_either_side_of_a_call(
    caller: Edited, period: tuple[str, ...], rules: list[str], known: Known
) -> None:
    called = Edited("publicity").skip("confirm_publicity").renamed("period")
    for ident in period:
        called.skip(ident)
    files = {each.file: each.bytes() for each in (caller, called)}
    assert [each.rule for each in inspect(files, known=known).findings] == rules


def test_a_second_check_is_told_which_handler_looks_once_more(known: Known) -> None:
    hints = [each.hint for each in found(checked_again("vet_declaration"), known)]
    assert any("vet_forwarded" in hint for hint in hints)
