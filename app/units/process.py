"""What the binding process calls (人员注册审核)."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.accounts.models import Person
from app.accounts.queries import live_grants, works_at
from app.accounts.tasks import holds_task
from app.core.clock import now as clock_now
from app.core.db import db
from app.core.errors import Conflict
from app.core.permissions import STAFF, VETTERS, register_predicate
from app.core.records import (
    register_one_by_one,
    register_record,
    register_sight,
    register_subject,
)
from app.engine import runtime
from app.engine.contracts import Contract, Life, moves, parting
from app.engine.definitions import bundle_of
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
from app.engine.models import ProcessInstance, WorkItem
from app.engine.standing import by_status
from app.engine.taking import may_take
from app.units import evidence, people_import, post_process, request_process
from app.units.flow import last_vetting
from app.units.keepers import name_of
from app.units.models import ACTIVE, PENDING, RETURNED, WITHDRAWN, Employment, Unit
from app.units.moving import staying
from app.units.operations import STAFF_ROLES, cancel_binding, decide_binding, withdraw_binding
from app.units.queries import open_tasks_of, reviewing_unit, unit_of
from app.units.vetting import AGAIN, DROP, MENDED, VETTED, vet

BINDING = "employment"
BOUND = matter(
    "unit_binding",
    "人员注册审核",
    needs=("vet_binding",),
    life=Life(
        {PENDING: "待审核", RETURNED: "已退回", ACTIVE: "已通过", WITHDRAWN: "已撤回"},
        ends=(ACTIVE, WITHDRAWN),
        told={runtime.WITHDRAWN: {PENDING: PENDING, RETURNED: RETURNED}},
        offers={runtime.WITHDRAWN: (PENDING,)},
    ),
)
VETTING = "vet_binding"
REVIEWS = ("unit_admin", "unit_clerk")
"""Who of a unit reads the list of those who belong to it or want to."""
UNVERIFIED = "本人自行注册，姓名和证件号码未经核验，须逐个与身份证件核对"
__all__ = ["people_import", "post_process", "request_process"]


def _binding(business_id: int) -> Employment:
    return db.session.get_one(Employment, business_id)


@scope("binding_unit", Contract(BOUND, roles=STAFF, usual=STAFF_ROLES))
def binding_unit(step: Step) -> Scope:
    """The unit that a person wants to belong to; its superior when only they would review."""
    binding = _binding(step.business_id)
    unit = reviewing_unit(binding.unit, binding.person_id, step.now)
    return Scope("org", unit.id)


@scope("binding_person", Contract(BOUND, roles=("applicant",), one_person=True))
def binding_person(step: Step) -> Scope:
    """The person who asked."""
    return Scope("person", _binding(step.business_id).person_id)


@save(
    "vet_binding",
    Contract(
        BOUND,
        gives=VETTED,
        roles=VETTERS,
        scopes=("binding_unit",),
        moves=parting("decision", (PENDING,), {"pass": ACTIVE, "return": RETURNED}),
    ),
)
def vet_binding(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The unit's decision on a request."""
    return vet(step, answers, decide_binding, _binding(step.business_id))


@save(
    "mend_binding",
    Contract(
        BOUND,
        gives=MENDED,
        roles=("applicant",),
        scopes=("binding_person",),
        moves=parting("decision", (RETURNED,), {AGAIN: PENDING, DROP: WITHDRAWN}),
    ),
)
def mend_binding(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The person asked again, as they wrote on their page, or took the request back (撤回).

    Raises Conflict for taking back where the diagram knows no way there.
    """
    parts = step.item is None or can_be_taken_back(step.item)
    if answers.get("decision") == DROP:
        if not parts:
            raise Conflict("该申请不能在此撤回")
        take_back(step)
        return {"decision": DROP, "_outcome": "本人撤回"}
    return {**({"decision": AGAIN} if parts else {}), "_outcome": "重新提交"}


def can_be_taken_back(item: WorkItem) -> bool:
    """Tell whether the diagram that a returned request is pinned to parts where it is mended.

    Those of before know but one way on: to send it again.
    """
    instance = db.session.get_one(ProcessInstance, item.instance_id)
    node = bundle_of(instance).node(item.process, item.node)
    return node is not None and "decision" in node.outcomes


@service("withdraw_binding", Contract(BOUND, moves=moves((PENDING, RETURNED), WITHDRAWN)))
def take_back(step: Step) -> Outcomes:
    """End a request that its person took back."""
    binding = _binding(step.business_id)
    db.session.refresh(binding, with_for_update={"of": Employment})
    withdraw_binding(binding, now=step.now)
    return {"_outcome": "本人撤回"}


@page("mend_binding", Contract(BOUND))
def mend_binding_page(_item: WorkItem) -> str:
    """Where a returned request is mended."""
    return "/binding"


@ending(BINDING)
def end_binding(step: Step, reason: str) -> None:
    """End the request with its process."""
    binding = _binding(step.business_id)
    db.session.refresh(binding, with_for_update={"of": Employment})
    cancel_binding(binding, reason, actor_id=step.actor_id, now=step.now)


standing("unit_binding")(by_status(Employment))


@presenter(BINDING)
def card(business_id: int) -> Card:
    """How a request is listed."""
    binding = _binding(business_id)
    title = f"{binding.person.name} 申请绑定 {binding.unit.name}"
    return Card(title, title, f"/binding/requests/{business_id}")


@register_subject(BINDING)
def subject(business_id: int) -> tuple[int, str]:
    """Whom a request is about."""
    return _binding(business_id).person_id, "绑定申请和个人信息"


@register_record(BINDING)
def binding_record(business_id: int, person: Person) -> dict[str, Any]:
    """What the task page shows beside the form."""
    binding = _binding(business_id)
    former = unit_of(binding.person_id) if binding.status in {PENDING, RETURNED} else None
    former = former if former is not None and former.id != binding.unit_id else None
    return {
        "summary_template": "units/_binding.html",
        "binding": binding,
        "former": former,
        "staying": staying(binding.person_id, former),
        "keeper": name_of(binding.person_id),
        "evidence": evidence.files_of((BINDING, business_id)),
        "may_unmask": may_unmask_binding(person, binding, clock_now()),
    }


@register_one_by_one(BINDING)
def unverified(business_ids: Collection[int]) -> dict[int, str]:
    """Leave those out of a batch whose identity nobody has compared with a document."""
    unknown = (
        select(Employment.id)
        .join(Employment.person)
        .where(Employment.id.in_(business_ids), Person.self_registered_at.is_not(None))
    )
    return dict.fromkeys(db.session.scalars(unknown), UNVERIFIED)


def open_task(binding: Employment, person: Person, now: datetime) -> WorkItem | None:
    """Return the task of a request that waits for somebody, if it is theirs."""
    item = open_tasks_of(BINDING, [binding.id]).get(binding.id)
    held = live_grants(person.id, now)
    return item if item is not None and may_take(item, person.id, held) else None


@register_predicate("may_see_binding")
def may_see_binding(person: Person, binding: Employment, now: datetime) -> bool:
    """Who lists the unit's people, and whose task the request is or was last; never its person.

    A unit that returned it reads it no more once it was sent on to another.
    """
    if person.id == binding.person_id:
        return False
    vetted = last_vetting((BINDING, binding.id))
    office = vetted.scope_id if vetted is not None and vetted.scope_kind == "org" else None
    units = {binding.unit_id, *([office] if office else [])}
    is_keeper = any(works_at(person.id, unit, set(REVIEWS), now) for unit in units)
    return is_keeper or holds_task(person.id, BINDING, [binding.id], now)


@register_sight(BINDING)
def sees_binding(business_id: int, person: Person, now: datetime) -> bool:
    """Tell whether the page of a request opens for somebody who had its task."""
    return may_see_binding(person, _binding(business_id), now)


@register_predicate("may_unmask_binding")
def may_unmask_binding(person: Person, binding: Employment, now: datetime) -> bool:
    """Whose open task a request is: they compare its person's number with the document."""
    item = open_task(binding, person, now)
    vets = item is not None and item.node == VETTING
    return vets and person.id != binding.person_id and bool(binding.person.id_number_sealed)


@register_predicate("administers_unit")
def administers_unit(person: Person, unit: Unit, now: Any) -> bool:
    """An administrator of the unit itself."""
    return works_at(person.id, unit.id, {"unit_admin"}, now)


@register_predicate("keeps_members")
def keeps_members(person: Person, unit: Unit, now: Any) -> bool:
    """An administrator or clerk of the unit itself."""
    return works_at(person.id, unit.id, {"unit_admin", "unit_clerk"}, now)


@register_predicate("administers_unit_of")
def administers_unit_of(person: Person, whose: Person, now: Any) -> bool:
    """An administrator of the unit that the other belongs to."""
    unit = unit_of(whose.id)
    return unit is not None and administers_unit(person, unit, now)
