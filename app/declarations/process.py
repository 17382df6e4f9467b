"""What declarations tell the engine, the inbox, the file store and the portfolio."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from app.accounts.models import Person
from app.core.clock import now as clock_now
from app.core.db import db
from app.core.permissions import ORGANISERS, STAFF, VETTERS, register_predicate
from app.core.records import register_record, register_sight, register_subject
from app.core.storage import StoredFile, register_reader
from app.declarations import access, operations, overview, queries, specs
from app.declarations.contracts import (
    ACCEPTED,
    AT_ORGANISER,
    AT_SUPERIOR,
    CONFIRMED,
    CONSENTED,
    COURSE,
    EDITABLE,
    ENDORSED,
    FORWARDED,
    IN_REVIEW,
    JUDGED,
    MENDED_BY,
    REVIEWED,
    TO_RETURN,
    TO_TERMINATE,
    UNDER_WAY,
    VETTED,
    WORDS,
)
from app.declarations.models import Declaration, Status
from app.declarations.operations.reviewing import VETTING
from app.declarations.operations.starting import ABANDONED, PROCESS
from app.declarations.queries import BUSINESS
from app.declarations.snapshots import title_line
from app.engine import handlers
from app.engine.contracts import YES_OR_NO, Contract, Move, moves, parting
from app.engine.handlers import OPINION, OUTCOME_WORD, Card, Outcomes, Scope, Step
from app.engine.models import WorkItem
from app.engine.standing import kept
from app.people.known import KnownKind, of_person, register_known
from app.portfolio.queries import register_usage
from app.units.code_lists import POST_OF_TITLE
from app.units.posts import lines_of
from forms import display_all

Answers = Mapping[str, Any]
Faults = dict[str, list[str]]
handlers.sends({ABANDONED: "申报人删除草稿"})


def _locked(step: Step) -> Declaration:
    return queries.get_declaration(step.business_id, for_update=True)


def _actor(step: Step) -> Person:
    return db.session.get_one(Person, step.actor_id)


def _said(verdict: str, answers: Answers, *, passed: str = "通过") -> Outcomes:
    word = passed if verdict == "pass" else WORDS[verdict]
    note = str(answers.get("opinion") or "")
    for row in answers.get("defects") or [] if verdict == "return" else []:
        note += f"\n· {row.get('text')}" + (f"（{row['remedy']}）" if row.get("remedy") else "")
    return {"verdict": verdict, OUTCOME_WORD: word, OPINION: note.strip()}


@handlers.save(
    "submit_declaration",
    Contract(
        COURSE,
        roles=("applicant",),
        scopes=("declaration_applicant",),
        moves=moves(EDITABLE, Status.IN_REVIEW),
    ),
)
def submit_declaration(step: Step, answers: Answers) -> Outcomes:
    """Send the declaration up; what was typed lies in its tables already."""
    del answers
    snapshot = operations.submit_declaration(_locked(step), now=step.now)
    return {OUTCOME_WORD: "提交" if snapshot.no == 1 else f"第 {snapshot.no} 次提交"}


@handlers.save("vet_declaration", VETTED)
def vet_declaration(step: Step, answers: Answers) -> Outcomes:
    """Keep the unit's recommendation, return or proposal to end."""
    verdict = operations.vet_declaration(_locked(step), answers, actor=_actor(step), now=step.now)
    return _said(verdict, answers)


@handlers.check("vet_declaration")
def faults_of_vetting(declaration_id: int, answers: Answers, now: datetime) -> Faults:
    """Say what a recommendation lacks, beside what its form lacks."""
    found = queries.get_declaration(declaration_id)
    if answers.get("decision") != "pass" or found.current_unit is None:
        return {}
    return operations.recommendation_faults(found, answers, now)


@handlers.save("vet_forwarded", FORWARDED)
def vet_forwarded(step: Step, answers: Answers) -> Outcomes:
    """Keep a superior office's opinion."""
    verdict = operations.vet_forwarded(_locked(step), answers, actor=_actor(step), now=step.now)
    return _said(verdict, answers)


def _endorsed_at(stage: str) -> Callable[[Step, Answers], Outcomes]:
    """Return the handler of a leader's step, known by its own name however a task is named."""

    def endorse(step: Step, answers: Answers) -> Outcomes:
        verdict = operations.endorse_declaration(
            _locked(step), answers, stage=stage, actor=_actor(step), now=step.now
        )
        return _said(verdict, answers)

    return endorse


for _stage in ("endorse_declaration", "endorse_forwarded"):
    handlers.save(_stage, ENDORSED)(_endorsed_at(_stage))


@handlers.save("confirm_termination", CONFIRMED)
def confirm_termination(step: Step, answers: Answers) -> Outcomes:
    """Keep the second person's word on a termination."""
    verdict = operations.confirm_termination(
        _locked(step), answers, actor=_actor(step), now=step.now
    )
    return _said(verdict, answers)


@handlers.save("accept_declaration", ACCEPTED)
def accept_declaration(step: Step, answers: Answers) -> Outcomes:
    """Keep the organiser's acceptance, return or proposal to end."""
    verdict = operations.accept_declaration(
        _locked(step), answers, actor=_actor(step), now=step.now
    )
    return _said(verdict, answers, passed="受理")


@handlers.service(
    "find_next_level",
    Contract(
        COURSE,
        gives={"has_next_level": YES_OR_NO},
        moves=parting(
            "has_next_level",
            CONSENTED,
            {True: AT_SUPERIOR, False: AT_ORGANISER},
        ),
    ),
)
def find_next_level(step: Step) -> Outcomes:
    """Hand the declaration to the next office above, or to the organiser."""
    declaration = _locked(step)
    found = operations.move_up(declaration, now=step.now)
    office = declaration.current_unit.name if declaration.current_unit else ""
    return {"has_next_level": found, OUTCOME_WORD: f"报送{office}"}


def _mended_by(declaration: Declaration) -> Outcomes:
    return {"mended_by": operations.mended_by(declaration).isoformat()}


@handlers.service(
    "return_declaration",
    Contract(
        COURSE,
        gives=MENDED_BY,
        moves=moves((*IN_REVIEW, TO_RETURN), Status.RETURNED),
    ),
)
def return_declaration(step: Step) -> Outcomes:
    """Give the declaration back to the applicant."""
    declaration = _locked(step)
    operations.return_declaration(declaration, now=step.now)
    return {**_mended_by(declaration), OUTCOME_WORD: "已退回申报人"}


@handlers.service(
    "withdraw_declaration",
    Contract(
        COURSE,
        gives=MENDED_BY,
        moves=(Move(UNDER_WAY, Status.DRAFT), Move(UNDER_WAY, Status.RETURNED)),
    ),
)
def withdraw_declaration(step: Step) -> Outcomes:
    """Make the declaration a draft again."""
    declaration = _locked(step)
    operations.withdraw_declaration(declaration, now=step.now)
    return _mended_by(declaration)


@handlers.service(
    "give_up_declaration",
    Contract(
        COURSE,
        gives={"given_up": YES_OR_NO, **MENDED_BY},
        waits_for="mended_by",
        moves=(
            *moves(EDITABLE, Status.GIVEN_UP, given_up=True),
            *moves((*EDITABLE, *UNDER_WAY), given_up=False),
        ),
    ),
)
def give_up_declaration(step: Step) -> Outcomes:
    """End what was not sent up in its days, unless they were prolonged."""
    declaration = _locked(step)
    ended = operations.give_up_declaration(declaration, now=step.now)
    word = declaration.ended_reason if ended else "截止时间已延期"
    return {"given_up": ended, **_mended_by(declaration), OUTCOME_WORD: word}


def _prolong(step: Step, due: datetime) -> datetime:
    return operations.prolong_mending(_locked(step), due, actor_id=step.actor_id, now=step.now)


handlers.keeps_time(
    BUSINESS,
    tuple(MENDED_BY),
    handlers.KeptTime(
        lambda number: operations.why_mending_is_fixed(queries.get_declaration(number)), _prolong
    ),
)


@handlers.service(
    "terminate_declaration",
    Contract(COURSE, moves=moves((TO_TERMINATE,), Status.TERMINATED)),
)
def terminate_declaration(step: Step) -> Outcomes:
    """End the declaration for this year."""
    operations.terminate_declaration(_locked(step), now=step.now)
    return {OUTCOME_WORD: "已终止"}


@handlers.service(
    "finish_declaration",
    Contract(COURSE, moves=moves((REVIEWED,), JUDGED)),
)
def finish_declaration(step: Step) -> Outcomes:
    """Enter the confirmed result that the meeting sent."""
    outcome = str(step.data.get("outcome") or "")
    operations.finish_declaration(_locked(step), outcome, now=step.now)
    return {OUTCOME_WORD: "评审通过" if outcome == "passed" else "评审未通过"}


@handlers.scope("declaration_applicant", Contract(COURSE, roles=("applicant",), one_person=True))
def declaration_applicant(step: Step) -> Scope:
    """The person whose declaration it is."""
    return Scope("person", queries.get_declaration(step.business_id).person_id)


def _second_office(declaration: Declaration, unit_id: int | None) -> Scope:
    """An office that may have to confirm a termination: without the applicant and its proposer."""
    proposer = operations.proposer(declaration)
    return Scope("org", unit_id, excluded_id=proposer, about_id=declaration.person_id)


@handlers.scope("current_unit", Contract(COURSE, roles=STAFF, usual=VETTERS))
def current_unit(step: Step) -> Scope:
    """The office where the declaration lies now, without the applicant and who vetted it there."""
    declaration = queries.get_declaration(step.business_id)
    vetter = None if step.save in VETTING else operations.vetter(declaration)
    return Scope(
        "org", declaration.current_unit_id, excluded_id=vetter, about_id=declaration.person_id
    )


@handlers.scope("termination_confirmer", Contract(COURSE, roles=STAFF, usual=VETTERS))
def termination_confirmer(step: Step) -> Scope:
    """The office whose leader is the second person of a termination."""
    declaration = queries.get_declaration(step.business_id)
    office = operations.termination_confirmer(declaration, step.now)
    return _second_office(declaration, office.id if office else declaration.current_unit_id)


@handlers.scope("plans_organiser", Contract(COURSE, roles=STAFF, usual=ORGANISERS))
def plans_organiser(step: Step) -> Scope:
    """The unit that organises the committee of the plan."""
    declaration = queries.get_declaration(step.business_id)
    return _second_office(declaration, declaration.plan.organiser_unit_id)


@handlers.page("fill_declaration", Contract(COURSE, save="submit_declaration"))
def fill_page(item: WorkItem) -> str:
    """Where a declaration is filled in."""
    return f"/declarations/{item.business_id}/fill"


@handlers.ending(BUSINESS)
def cancel_declaration(step: Step, reason: str) -> None:
    """End the declaration with its process."""
    operations.cancel_declaration(_locked(step), reason, actor_id=step.actor_id, now=step.now)


@handlers.standing(PROCESS)
def standing_of_declaration(declaration_id: int) -> str:
    """The status of a declaration."""
    return kept(queries.get_declaration(declaration_id)).status


@handlers.presenter(BUSINESS)
def card(declaration_id: int) -> Card:
    """How a declaration stands in task lists."""
    found = queries.get_declaration(declaration_id)
    names = (found.person, found.specialty, found.title, found.unit_as_sent)
    title = " · ".join(each.name for each in names)
    words = f"{title} {found.number or ''} {found.plan.name}"
    return Card(title, words, f"/declarations/{declaration_id}")


@register_subject(BUSINESS)
def subject(declaration_id: int) -> tuple[int, str]:
    """Whom a declaration is about."""
    found = queries.get_declaration(declaration_id)
    return found.person_id, f"职称申报：{found.title.name}"


@register_record(BUSINESS)
def context(declaration_id: int, person: Any) -> dict[str, Any]:
    """Return what a reviewer reads beside the form."""
    found = queries.get_declaration(declaration_id)
    return {
        "summary_template": "declarations/_material.html",
        **overview.material_of(found, reader=person, now=clock_now()),
        # Read only where the page of the unit's review asks for it.
        "posts": partial(lines_of, found.unit_id, but=found.id),
        "post_level": POST_OF_TITLE.get(found.title.level, ""),
    }


@register_reader
def viewers_read_attachments(person_id: int, file: StoredFile) -> bool:
    """Let whoever may see a declaration open what is attached to it."""
    person = db.session.get(Person, person_id)
    found = access.declarations_with_file(file.id)
    return person is not None and any(
        access.is_attachment_read_by(person, declaration, file.id, clock_now())
        for declaration in found
    )


def _predicate(name: str, judge: Callable[[Person, Declaration, datetime], bool]) -> None:
    register_predicate(name)(judge)


_predicate("owns_declaration", lambda person, found, _now: found.person_id == person.id)
_predicate("may_see_declaration", access.is_seen_by)


@register_sight(BUSINESS)
def sees_declaration(declaration_id: int, person: Any, now: datetime) -> bool:
    """Tell whether the page of a declaration opens for somebody who had its task."""
    return access.is_seen_by(person, queries.get_declaration(declaration_id), now)


register_usage(queries.items_in_use)


def _filled_in(place: int, declaration: Declaration) -> dict[str, str]:
    filled = specs.filled_in(declaration)[place : place + 1]
    told = (pair for spec, data in filled for pair in display_all(spec, data))
    return {label: text for label, text in told if text}


register_known(
    30,
    KnownKind(
        "职称申报",
        of_person(Declaration),
        {
            "申报编号": lambda d: d.number,
            "计划": lambda d: d.plan.name,
            "申报形式": lambda d: d.kind,
            "专业": lambda d: d.specialty.name,
            "职称": lambda d: d.title.name,
            "状态": lambda d: d.status_word,
            "个人信息": partial(_filled_in, 0),
            "专业信息": partial(_filled_in, 1),
            "现有职称": lambda d: [title_line(row) for row in queries.prior_titles_of(d.id)],
            "提交时间": lambda d: d.submitted_at,
        },
        "/declarations",
    ),
)
