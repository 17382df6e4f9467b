"""What the processes of registration and change of units call (单位注册, 单位变更)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app.accounts.models import Person
from app.core.db import db
from app.core.permissions import STAFF, VETTERS
from app.core.records import register_record
from app.engine.contracts import Contract, Life, Moment, moves, parting
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
from app.engine.models import WorkItem
from app.engine.standing import by_status
from app.units import changing, evidence, registering
from app.units.models import (
    APPROVED,
    DROPPED,
    LAPSED,
    PENDING,
    RETURNED,
    UnitChange,
    UnitRegistration,
)
from app.units.operations import STAFF_ROLES
from app.units.vetting import AGAIN, DROP, MENDED, VETTED, mend, vet

REGISTRATION, CHANGE = "unit_registration", "unit_change"
REGISTERING = matter(
    REGISTRATION,
    "单位注册",
    needs=("vet_registration",),
    life=Life(
        {PENDING: "待审核", RETURNED: "已退回", APPROVED: "已通过", LAPSED: "已终止"},
        ends=(APPROVED, LAPSED),
    ),
)
CHANGING = matter(
    CHANGE,
    "单位变更",
    needs=("vet_unit_change",),
    life=Life(
        {PENDING: "待审核", RETURNED: "已退回", APPROVED: "已通过", DROPPED: "已放弃"},
        ends=(APPROVED, DROPPED),
    ),
)
DECIDED = parting("decision", (PENDING,), {"pass": APPROVED, "return": RETURNED})
MENDED_WITHIN = timedelta(days=30)
"""How long a returned registration waits to be mended."""


def _registration(step: Step) -> UnitRegistration:
    return db.session.get_one(UnitRegistration, step.business_id)


@scope("registration_office", Contract(REGISTERING, roles=STAFF, usual=VETTERS))
def registration_office(step: Step) -> Scope:
    """Who vets the unit: the superior that it names, or the department of its area (FJ-U-03)."""
    return Scope("org", _registration(step).office_id)


@scope("registrant", Contract(REGISTERING, roles=("applicant", "unit_admin"), one_person=True))
def registrant(step: Step) -> Scope:
    """Who asked: the unit's administrator to be."""
    return Scope("person", _registration(step).person_id)


@save(
    "vet_registration",
    Contract(
        REGISTERING,
        gives={**VETTED, "mended_by": Moment},
        roles=VETTERS,
        scopes=("registration_office",),
        moves=DECIDED,
    ),
)
def vet_registration(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The office's decision on a registration."""
    outcomes = vet(step, answers, registering.decide, _registration(step))
    return {**outcomes, "mended_by": (step.now + MENDED_WITHIN).isoformat()}


@save(
    "mend_registration",
    Contract(
        REGISTERING,
        scopes=("registrant",),
        moves=moves((RETURNED,), PENDING),
    ),
)
def mend_registration(_step: Step, _answers: Mapping[str, Any]) -> Outcomes:
    """The registrant sent it again; it was changed on its page."""
    return {"_outcome": "重新提交"}


@page("mend_registration", Contract(REGISTERING))
def mend_registration_page(_item: WorkItem) -> str:
    """Where a returned registration is mended, by its receipt."""
    return "/unit/register/state"


@service(
    "lapse_registration",
    Contract(REGISTERING, waits_for="mended_by", moves=moves((PENDING, RETURNED), LAPSED)),
)
def lapse_registration(step: Step) -> Outcomes:
    """End a registration that nobody mended in time."""
    # How long that was is not said: the date may have been moved (改期).
    reason = "退回后逾期未修改，注册申请已终止"
    registering.lapse(_registration(step), reason, actor_id=None, now=step.now)
    return {"_outcome": "注册已终止"}


@ending(REGISTRATION)
def end_registration(step: Step, reason: str) -> None:
    """End a registration with its process."""
    asked = _registration(step)
    db.session.refresh(asked, with_for_update={"of": UnitRegistration})
    registering.lapse(asked, reason, actor_id=step.actor_id, now=step.now)


standing(REGISTRATION)(by_status(UnitRegistration))
standing(CHANGE)(by_status(UnitChange))


@presenter(REGISTRATION)
def registration_card(business_id: int) -> Card:
    """How a registration is listed."""
    title = f"{db.session.get_one(UnitRegistration, business_id).name} 申请注册"
    return Card(title, title, "/unit/registrations")


@register_record(REGISTRATION)
def registration_record(business_id: int, _person: Person) -> dict[str, Any]:
    """What the office sees beside the form."""
    asked = db.session.get_one(UnitRegistration, business_id)
    return {
        "summary_template": "units/_registration.html",
        "registration": asked,
        "login": registering.login_told(asked),
        "evidence": evidence.files_of((REGISTRATION, business_id)),
    }


def _change(step: Step) -> UnitChange:
    return db.session.get_one(UnitChange, step.business_id)


@scope("change_office", Contract(CHANGING, roles=STAFF, usual=VETTERS))
def change_office(step: Step) -> Scope:
    """Who decides on a change: the superior that takes the unit in; never who asked for it."""
    asked = _change(step)
    return Scope("org", asked.office_id, excluded_id=asked.requested_by)


@scope("changing_unit", Contract(CHANGING, roles=STAFF, usual=STAFF_ROLES))
def changing_unit(step: Step) -> Scope:
    """The unit that wants to change."""
    return Scope("org", _change(step).unit_id)


@save(
    "vet_unit_change",
    Contract(CHANGING, gives=VETTED, roles=VETTERS, scopes=("change_office",), moves=DECIDED),
)
def vet_unit_change(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The office's decision on a change."""
    return vet(step, answers, changing.decide, _change(step))


@save(
    "mend_unit_change",
    Contract(
        CHANGING,
        gives=MENDED,
        # Its page is the administrator's.
        roles=("unit_admin",),
        scopes=("changing_unit",),
        moves=parting("decision", (RETURNED,), {AGAIN: PENDING, DROP: DROPPED}),
    ),
)
def mend_unit_change(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The unit asks again, as it wrote on its page, or asks no more (放弃)."""
    return mend(step, answers, changing.drop, _change(step))


@page("mend_unit_change", Contract(CHANGING))
def mend_change_page(item: WorkItem) -> str:
    """Where a returned change is mended."""
    asked = db.session.get_one(UnitChange, item.business_id)
    return f"/unit/change?unit={asked.unit_id}"


@ending(CHANGE)
def end_change(step: Step, reason: str) -> None:
    """End a change with its process."""
    asked = _change(step)
    db.session.refresh(asked, with_for_update={"of": UnitChange})
    changing.drop(asked, reason, actor_id=step.actor_id, now=step.now)


@presenter(CHANGE)
def change_card(business_id: int) -> Card:
    """How a change is listed."""
    asked = db.session.get_one(UnitChange, business_id)
    title = f"{asked.unit.name} 申请变更单位信息"
    return Card(title, title, f"/unit/change?unit={asked.unit_id}")


@register_record(CHANGE)
def change_record(business_id: int, _person: Person) -> dict[str, Any]:
    """What the office sees beside the form: every line that would change, before and after."""
    asked = db.session.get_one(UnitChange, business_id)
    return {
        "summary_template": "units/_change.html",
        "change": asked,
        "evidence": evidence.files_of((CHANGE, business_id)),
        "lines": changing.lines_of(asked),
    }
