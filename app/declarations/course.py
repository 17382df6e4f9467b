"""Where a declaration stands: the offices as steps, the diagrams, whether it can be taken back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import func, select

from app.core.db import db
from app.core.errors import NotFound
from app.core.permissions import ROLES
from app.declarations.models import Declaration, Status
from app.declarations.operations import last_moment_once_withdrawn
from app.declarations.queries import BUSINESS, chain_of
from app.engine import definitions
from app.engine.models import ProcessInstance, StepLog, Subscription, WorkItem
from app.engine.runtime import WITHDRAWN, first_viewed
from app.units.history import as_of
from app.units.models import Unit

MAIN = "declaration"
CALLED = {"unit_review": "单位审核流程", "superior_review": "上级审核流程"}
STEPS_AFTER_CHAIN = ("评审", "公示", "发证")


@dataclass(frozen=True)
class Withdrawal:
    """Whether a declaration can be taken back, why not, and what it comes to (撤回)."""

    text: str
    warning: str = ""
    is_possible: bool = False
    costs_it: bool = False


@dataclass(frozen=True)
class Diagram:
    """A diagram to be drawn with its state: done, passed flows, and where it stands now."""

    process: str
    title: str
    state: dict[str, list[str]] = field(default_factory=dict)


def instance_of(declaration: Declaration) -> ProcessInstance | None:
    """Return the process instance of a declaration, the latest if there are several."""
    found = select(ProcessInstance).where(
        ProcessInstance.business_type == BUSINESS,
        ProcessInstance.business_id == declaration.id,
        ProcessInstance.process_key == MAIN,
    )
    return db.session.scalars(found.order_by(ProcessInstance.id.desc())).first()


def withdrawal_of(
    declaration: Declaration, now: datetime, instance: ProcessInstance | None = None
) -> Withdrawal:
    """Tell whether the applicant can take it back, and if not who has opened it (HB-P-23).

    `instance` is that of its process where it has been read already; a halted one gives nothing
    back.
    """
    instance = instance or instance_of(declaration)
    if declaration.status != Status.IN_REVIEW or instance is None:
        return Withdrawal("")
    if not instance.is_running or not _is_taken_back(instance):
        return Withdrawal("")
    viewed = first_viewed(instance.id, declaration.person_id)
    if viewed is None:
        place = declaration.current_unit.name if declaration.current_unit else ""
        last = last_moment_once_withdrawn(declaration)
        costs_it = last is not None and now > last
        return Withdrawal(
            f"{place}尚未查看，可以撤回",
            _warning(last, costs_it=costs_it),
            is_possible=True,
            costs_it=costs_it,
        )
    at = viewed.viewed_at or viewed.done_at
    who = f"{_office_of(viewed)}{ROLES.get(viewed.role, '')}"
    return Withdrawal(f"{who}已于 {at:%Y-%m-%d %H:%M} 查看，不能撤回；如需修改请联系该单位退回")


def _office_of(item: WorkItem) -> str:
    unit = db.session.get(Unit, item.scope_id) if item.scope_kind == "org" else None
    return unit.name if unit else ""


def _warning(last: datetime | None, *, costs_it: bool) -> str:
    if last is None:
        return "撤回后可修改并重新提交。确定撤回吗？"
    until = f"{last:%Y-%m-%d %H:%M}"
    if costs_it:
        return f"提交期限（{until}）已过，撤回后不能再提交，本次申报视为放弃。确定撤回吗？"
    return f"撤回后可修改，须在 {until} 前重新提交，逾期视为放弃。确定撤回吗？"


def _is_taken_back(instance: ProcessInstance) -> bool:
    """Tell whether the process is where the applicant can take it back (撤回)."""
    waiting = select(Subscription.id).where(
        Subscription.instance_id == instance.id, Subscription.message == WITHDRAWN
    )
    return db.session.scalar(waiting.limit(1)) is not None


@dataclass(frozen=True)
class Steps:
    """The steps of the indicator, the number of the present one, and the time of each by name."""

    names: list[str]
    current: int
    done: bool = False
    terms: dict[str, str] = field(default_factory=dict)


Progress = Callable[[int], int]
_progress: list[Progress] = []


def register_progress(progress: Progress) -> Progress:
    """Register fn(declaration id) -> how many of `STEPS_AFTER_CHAIN` its results have passed."""
    if progress not in _progress:
        _progress.append(progress)
    return progress


def _passed_after_chain(declaration: Declaration) -> int:
    return max([1, *(progress(declaration.id) for progress in _progress)])


def steps_of(declaration: Declaration, instance: ProcessInstance | None = None) -> Steps:
    """Return the way of a declaration with the names of the offices.

    With the instance of its process, each office as it was called when it last had a hand in it,
    and with the day on which it decided, or else its usual term.
    """
    offices: list[Unit] = chain_of(declaration)
    acts = _acts(instance) if instance else {}
    called = _called(declaration, offices, acts)
    names = ["填报", *called[:-1], f"{called[-1]}受理"]
    steps = _place(declaration, offices, list(names))
    terms = _terms(names, instance) if instance else {}
    days = _days(names, offices, declaration, acts) if instance else {}
    done = steps.names if steps.done else steps.names[: steps.current - 1]
    told = {name: days.get(name, "") if name in done else terms.get(name, "") for name in names}
    return replace(steps, terms={name: text for name, text in told.items() if text})


def _place(declaration: Declaration, offices: Sequence[Unit], names: list[str]) -> Steps:
    chain, known = len(names), Status(declaration.status)
    if known in {Status.FAILED, Status.REVOKED}:
        # It went no further: what would have come is not shown.
        names += STEPS_AFTER_CHAIN[: _passed_after_chain(declaration)]
        return Steps(names, len(names), done=True)
    names += STEPS_AFTER_CHAIN
    if known == Status.PASSED:
        current = chain + 1 + _passed_after_chain(declaration)
        return Steps(names, min(current, len(names)), current > len(names))
    if known in {Status.ACCEPTED, Status.IN_MEETING}:
        return Steps(names, chain + 1)
    at = _place_in_chain(declaration, offices) if known == Status.IN_REVIEW else 1
    return Steps(names, at)


Acts = Mapping[tuple[int | None, bool], datetime]
"""When an office last acted, by its id and whether it accepted (受理) or reviewed."""


def _acts(instance: ProcessInstance) -> Acts:
    steps = select(StepLog.scope_id, StepLog.node, func.max(StepLog.at)).where(
        StepLog.instance_id == instance.id,
        StepLog.scope_kind == "org",
        StepLog.actor_id.is_not(None),
    )
    rows = db.session.execute(steps.group_by(StepLog.scope_id, StepLog.node)).tuples()
    found: dict[tuple[int | None, bool], datetime] = {}
    for unit_id, node, at in rows:
        key = (unit_id, node in WAY[MAIN])
        if at is not None:
            found[key] = max(at, found.get(key, at))
    return found


def _called(declaration: Declaration, offices: Sequence[Unit], acts: Acts) -> list[str]:
    """Return the names of offices: of those that are done as they were then, else as they are."""
    last = {unit_id: at for (unit_id, _), at in sorted(acts.items(), key=lambda each: each[1])}
    if declaration.status == Status.IN_REVIEW:
        last.pop(declaration.current_unit_id, None)
    return [as_of(office, last.get(office.id)).name for office in offices]


def _days(
    names: Sequence[str], offices: Sequence[Unit], declaration: Declaration, acts: Acts
) -> dict[str, str]:
    """Return on which day each step was done, by its name; nothing of what is not."""
    reviewed = [acts.get((office.id, False)) for office in offices[:-1]]
    moments = [declaration.submitted_at, *reviewed, acts.get((offices[-1].id, True))]
    return {name: f"{at:%Y-%m-%d}" for name, at in zip(names, moments, strict=True) if at}


def _place_in_chain(declaration: Declaration, offices: Sequence[Unit]) -> int:
    ids = [office.id for office in offices]
    here, level = declaration.current_unit_id, declaration.current_level
    at = ids.index(here) if here in ids else min(level, len(ids)) - 1
    # The organiser may review as a superior first and accept later.
    return 2 + (len(ids) - 1 if level > len(ids) - 1 else at)


WAY = {
    "unit_review": ("vet_declaration", "endorse_declaration"),
    "superior_review": ("vet_forwarded", "endorse_forwarded"),
    MAIN: ("accept_declaration",),
}
"""The tasks of an office on the way up, by the process that draws them."""


def _terms(names: Sequence[str], instance: ProcessInstance) -> dict[str, str]:
    """Return in how many working days each office usually decides, as its diagram says."""
    try:
        nodes = definitions.bundle_of(instance).nodes
    except NotFound:  # a diagram that cannot be read hides no record
        return {}
    days = dict.fromkeys(WAY, 0)
    for node in nodes:
        if node.id in WAY.get(node.process, ()):
            days[node.process] += int(node.properties.get("due", 0))
    own, *above, organiser = names[1:]
    by_name = {own: days["unit_review"], **dict.fromkeys(above, days["superior_review"])}
    by_name[organiser] = days[MAIN]
    return {name: f"约 {count} 个工作日" for name, count in by_name.items() if count}


def diagrams_of(
    declaration: Declaration, instance: ProcessInstance | None, items: Sequence[WorkItem]
) -> list[Diagram]:
    """Return the main diagram, and that of the called process where the declaration lies."""
    if instance is None:
        return []
    logged = select(StepLog.node).where(StepLog.instance_id == instance.id)
    done = list(db.session.scalars(logged.order_by(StepLog.id)))
    inner = [item.process for item in items if item.process in CALLED]
    now = [item.process if item.process in CALLED else item.node for item in items]
    if declaration.status in {Status.ACCEPTED, Status.IN_MEETING}:
        now = ["review_finished"]
    passed = [
        call
        for call, node in (
            ("unit_review", "vet_declaration"),
            ("superior_review", "vet_forwarded"),
        )
        if node in done and call not in now
    ]
    main = Diagram(MAIN, "申报流程", {"done": [*done, *passed], "now": now})
    return [main] + [
        Diagram(
            process,
            CALLED[process],
            {"done": done, "now": [i.node for i in items if i.process == process]},
        )
        for process in dict.fromkeys(inner)
    ]
