"""What the process of correcting an identity calls (身份信息更正)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.accounts.hands import able_at
from app.accounts.models import Person
from app.accounts.queries import holders, works_at
from app.accounts.tasks import holds_task
from app.core.clock import now as clock_now
from app.core.db import db
from app.core.permissions import STAFF, VETTERS, register_predicate
from app.core.records import (
    register_record,
    register_sight,
    register_subject,
    register_watcher,
)
from app.core.storage import StoredFile, register_reader
from app.engine.contracts import YES_OR_NO, Contract, Life, moves, parting
from app.engine.handlers import (
    Card,
    Outcomes,
    Scope,
    Step,
    ending,
    matter,
    page,
    presenter,
    save,
    scope,
    service,
    standing,
)
from app.engine.models import ItemStatus, WorkItem
from app.engine.runtime import WITHDRAWN
from app.engine.standing import by_status
from app.people import corrections
from app.people.models import CorrectionStatus, IdentityCorrection
from app.people.queries import corrections_with_file
from app.people.sight import is_noted, note_reading, note_record
from app.site.reading import Watch, register_watch
from app.units.operations import STAFF_ROLES
from app.units.queries import reviewing_unit, unit_of

CORRECTION = "identity_correction"
PENDING, RETURNED, GRANTED, REFUSED, ENDED = (
    CorrectionStatus.PENDING,
    CorrectionStatus.RETURNED,
    CorrectionStatus.GRANTED,
    CorrectionStatus.REFUSED,
    CorrectionStatus.ENDED,
)
CORRECTING = matter(
    CORRECTION,
    "身份信息更正",
    needs=("decide_correction",),
    life=Life(
        {
            PENDING: "办理中",
            RETURNED: "已退回",
            GRANTED: "已更正",
            REFUSED: "不予更正",
            ENDED: "已结束",
        },
        ends=(GRANTED, REFUSED, ENDED),
        told={WITHDRAWN: {PENDING: PENDING}},
        offers={WITHDRAWN: (PENDING,)},
    ),
)
VETS, DECIDES = "unit_clerk", "system_admin"
register_watch(Watch(is_noted, note_reading))
register_watcher(note_record)
WORDS = {"pass": "属实", "return": "退回"}
DECISIONS = {"pass": "同意更正", "return": "退回", "refuse": "不予更正"}


def _correction(business_id: int) -> IdentityCorrection:
    return db.session.get_one(IdentityCorrection, business_id)


def _changed(step: Step) -> IdentityCorrection:
    """Return the request, locked: its process is held before it."""
    made = _correction(step.business_id)
    db.session.refresh(made, with_for_update={"of": IdentityCorrection})
    return made


@service("look_for_unit", Contract(CORRECTING, gives={"has_unit": YES_OR_NO}))
def look_for_unit(step: Step) -> Outcomes:
    """Say whether there is an office that knows the person and can vet the evidence."""
    made = _correction(step.business_id)
    unit = unit_of(made.person_id)
    office = reviewing_unit(unit, made.person_id, step.now) if unit else None
    clerks = able_at("unit_clerk", office.id, step.now) if office else set()
    return {"has_unit": bool(clerks - {made.person_id})}


@scope("correction_unit", Contract(CORRECTING, roles=STAFF, usual=STAFF_ROLES))
def correction_unit(step: Step) -> Scope:
    """The person's unit; its superior when only they would vet."""
    made = _correction(step.business_id)
    unit = unit_of(made.person_id)
    office = reviewing_unit(unit, made.person_id, step.now) if unit else None
    return Scope("org", office.id if office else 0, about_id=made.person_id)


@scope("correction_office", Contract(CORRECTING, roles=("system_admin",)))
def correction_office(step: Step) -> Scope:
    """The system administrators, who keep accounts; never the person."""
    return Scope("all", about_id=_correction(step.business_id).person_id)


@scope("correction_person", Contract(CORRECTING, roles=("applicant",), one_person=True))
def correction_person(step: Step) -> Scope:
    """The person who asked."""
    return Scope("person", _correction(step.business_id).person_id)


@save(
    "vet_correction",
    Contract(
        CORRECTING,
        gives={"decision": WORDS},
        roles=VETTERS,
        scopes=("correction_unit",),
        moves=parting("decision", (PENDING,), {"pass": PENDING, "return": RETURNED}),
    ),
)
def vet_correction(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The unit says whether the evidence is true."""
    decision, opinion = str(answers["decision"]), str(answers.get("opinion") or "")
    act = corrections.pass_correction if decision == "pass" else corrections.return_correction
    act(_changed(step), opinion, actor_id=step.actor_id or 0, now=step.now)
    return {"decision": decision, "_outcome": WORDS[decision], "_note": opinion}


@save(
    "decide_correction",
    Contract(
        CORRECTING,
        gives={"decision": DECISIONS},
        roles=("system_admin",),
        scopes=("correction_office",),
        moves=parting(
            "decision", (PENDING,), {"pass": GRANTED, "return": RETURNED, "refuse": REFUSED}
        ),
    ),
)
def decide_correction(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The system administrator corrects, gives back or refuses."""
    decision, opinion = str(answers["decision"]), str(answers.get("opinion") or "")
    acts = {
        "pass": corrections.grant_correction,
        "return": corrections.return_correction,
        "refuse": corrections.refuse_correction,
    }
    acts[decision](_changed(step), opinion, actor_id=step.actor_id or 0, now=step.now)
    return {"decision": decision, "_outcome": DECISIONS[decision], "_note": opinion}


@save(
    "mend_correction",
    Contract(
        CORRECTING,
        gives={"mending": {"again": "重新提交", "give_up": "放弃申请"}},
        roles=("applicant",),
        scopes=("correction_person",),
        moves=parting("mending", (RETURNED,), {"again": PENDING, "give_up": ENDED}),
    ),
)
def mend_correction(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The person asked again on the request's page, or gives it up there."""
    if answers.get("mending") != "give_up":
        return {"mending": "again", "_outcome": "重新提交"}
    made = _changed(step)
    corrections.end_correction(made, "本人放弃申请", actor_id=step.actor_id, now=step.now)
    return {"mending": "give_up", "_outcome": "放弃申请"}


@service("withdraw_correction", Contract(CORRECTING, moves=moves((PENDING, RETURNED), ENDED)))
def withdraw_correction(step: Step) -> Outcomes:
    """End a request that its person took back."""
    made, tag = _changed(step), "person:correction_withdrawn"
    corrections.end_correction(made, "本人撤回", actor_id=made.person_id, now=step.now, tag=tag)
    return {"_outcome": "本人撤回"}


@page("mend_correction", Contract(CORRECTING))
def mend_correction_page(_item: WorkItem) -> str:
    """Where a returned request is mended."""
    return corrections.PAGE


@ending(CORRECTION)
def end_correction(step: Step, reason: str) -> None:
    """End the request with its process."""
    corrections.end_correction(_changed(step), reason, actor_id=step.actor_id, now=step.now)


standing(CORRECTION)(by_status(IdentityCorrection))


@presenter(CORRECTION)
def card(business_id: int) -> Card:
    """How a request is listed."""
    title = f"{_correction(business_id).name_before} 申请更正身份信息"
    return Card(title, title, f"/corrections/{business_id}")


@register_subject(CORRECTION)
def subject(business_id: int) -> tuple[int, str]:
    """Whom a request is about."""
    return _correction(business_id).person_id, "身份信息更正申请"


@register_record(CORRECTION)
def record(business_id: int, person: Person) -> dict[str, Any]:
    """What the task page shows beside the form."""
    made = _correction(business_id)
    return {
        "summary_template": "people/_correction.html",
        "correction": made,
        "lines": corrections.compared(made),
        "may_unmask": may_unmask_correction(person, made, clock_now()),
    }


def _tasks(made: IdentityCorrection, *, taken: bool = False) -> list[WorkItem]:
    """Return what offices have, or had, to do for a request, or what was `taken` from them.

    A task that the process took from them is theirs no more: what a person takes back (撤回) was
    opened by nobody, and nobody opens it afterwards.
    """
    is_taken = WorkItem.status == ItemStatus.CANCELLED
    tasks = select(WorkItem).where(
        WorkItem.business_type == CORRECTION,
        WorkItem.business_id == made.id,
        is_taken if taken else ~is_taken,
    )
    return list(db.session.scalars(tasks))


def _vetting_units(made: IdentityCorrection, tasks: list[WorkItem], person: Person) -> set[int]:
    """Return the units where a request was to be vetted, or the one of whom it was given to."""
    found = [task for task in tasks if task.role == VETS]
    units = {task.scope_id for task in found if task.scope_kind == "org" and task.scope_id}
    unit = unit_of(made.person_id)
    if unit is not None and any(task.assignee_id == person.id for task in found):
        units.add(unit.id)
    return units


@register_predicate("may_see_correction")
def may_see_correction(person: Person, made: IdentityCorrection, now: datetime) -> bool:
    """Its person, the clerks of the unit that vets or vetted it, the system administrators.

    So may whose task it is.

    These see what is under way, and of what is over what came to them.
    """
    is_own, tasks = person.id == made.person_id, _tasks(made)
    decides = made.is_open and person.id in holders(DECIDES, "all", None, now)
    sees = is_own or decides or _handles(person, made, tasks, now)
    return sees or holds_task(person.id, CORRECTION, [made.id], now)


def _handles(
    person: Person, made: IdentityCorrection, tasks: list[WorkItem], now: datetime
) -> bool:
    """Tell whether some of these tasks of a request came to somebody's office."""
    units = _vetting_units(made, tasks, person)
    decides = any(task.role == DECIDES for task in tasks)
    return any(works_at(person.id, unit, {VETS}, now) for unit in units) or (
        decides and person.id in holders(DECIDES, "all", None, now)
    )


def was_taken(person: Person, made: IdentityCorrection, now: datetime) -> bool:
    """Tell whether a request once came to somebody's office, and was taken from it."""
    return _handles(person, made, _tasks(made, taken=True), now)


@register_sight(CORRECTION)
def sees_correction(business_id: int, person: Person, now: datetime) -> bool:
    """Tell whether the page of a request opens for somebody who had its task."""
    return may_see_correction(person, _correction(business_id), now)


@register_predicate("may_unmask_correction")
def may_unmask_correction(person: Person, made: IdentityCorrection, now: datetime) -> bool:
    """Who handles an open request, never its person: they compare its number with the evidence."""
    asks_for_number = made.is_open and bool(made.id_number_sealed)
    is_other = person.id != made.person_id
    return asks_for_number and is_other and may_see_correction(person, made, now)


@register_reader
def may_read_evidence(person_id: int, file: StoredFile) -> bool:
    """Who may see a request reads its evidence."""
    reader, moment = db.session.get_one(Person, person_id), clock_now()
    return any(may_see_correction(reader, made, moment) for made in corrections_with_file(file.id))
