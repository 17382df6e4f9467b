"""Writes about what a plan is made of: specialties, slots, standard and attachments."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from app.accounts.models import Person
from app.catalogue.models import Title
from app.core import storage
from app.core.db import db
from app.core.errors import Invalid
from app.plans.desk import change
from app.plans.models import (
    CountBy,
    Plan,
    PlanAttachment,
    PlanSlot,
    PlanSpecialty,
    StandardCategory,
    StandardItem,
)

TITLE_LEVELS_OF: Mapping[str, tuple[str, ...]] = {
    "高级": ("正高级", "副高级"),
    "中级": ("中级",),
    "初级": ("助理级", "员级"),
}
"""Levels of titles that a committee of each level may review."""

WITH_STANDARD = ("评审", "委托评审")
MEGABYTE = 2**20
Values = Mapping[str, Any]


class Placed(Protocol):
    """A row of an ordered list."""

    position: Any


def _next_position(rows: Sequence[Placed]) -> int:
    return max((int(row.position) for row in rows), default=0) + 1


def _swap_places(rows: Sequence[Placed], row: Placed, step: int) -> None:
    ordered = sorted(rows, key=lambda each: int(each.position))
    place = ordered.index(row) + step
    if not 0 <= place < len(ordered):
        return
    other = ordered[place]
    mine, theirs = row.position, other.position
    # Positions are unique: the row steps aside while the other takes its place.
    for target, position in ((row, -1), (other, mine), (row, theirs)):
        target.position = position
        db.session.flush()


def add_specialties(
    plan: Plan, title: Title, names: Collection[str], *, actor: Person, now: datetime
) -> list[PlanSpecialty]:
    """Add specialties that lead to a title (可评审专业); known ones are left as they are.

    Raises Invalid for a title of another series or level than the committee's, Conflict unless
    the plan is a draft.
    """
    wanted = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    change(plan, "specialties_added", actor=actor, now=now, names=wanted)
    _refuse_foreign_title(plan, title)
    if not wanted:
        raise Invalid("请填写专业名称", field="names")
    known = {each.name for each in plan.specialties if each.title_id == title.id}
    added = []
    for name in wanted:
        if name in known:
            continue
        specialty = PlanSpecialty(
            position=_next_position(plan.specialties),
            series_id=title.series_id,
            name=name,
            title_id=title.id,
        )
        plan.specialties.append(specialty)
        added.append(specialty)
    db.session.flush()
    return added


def _refuse_foreign_title(plan: Plan, title: Title) -> None:
    committee = plan.committee
    if title.series_id != committee.series_id:
        message = f"评委会只能评审{committee.series.name}系列，不得跨系列"
        raise Invalid(message, field="title_id")
    if title.level not in TITLE_LEVELS_OF[committee.level]:
        message = f"{title.name}（{title.level}）不在{committee.level}评委会的评审范围内"
        raise Invalid(message, field="title_id")


def _refuse_contradicting_counts(required: bool, minimum: int, maximum: int | None) -> None:  # noqa: FBT001
    if required and minimum < 1:
        raise Invalid("必填项至少 1 份", field="min_count")
    if maximum is not None and maximum < max(minimum, 1):
        raise Invalid("上限不得小于下限，且至少为 1", field="max_count")


def save_slot(
    plan: Plan, values: Values, *, actor: Person, now: datetime, slot: PlanSlot | None = None
) -> PlanSlot:
    """Add an attachment slot, or change one (附件要求).

    Raises Invalid when its counts contradict, Conflict unless the plan is a draft.
    """
    change(plan, "slot_saved", actor=actor, now=now, name=values["name"])
    required, minimum = bool(values["required"]), int(values["min_count"])
    maximum = int(values["max_count"])
    _refuse_contradicting_counts(required, minimum, maximum)
    if slot is None:
        position = _next_position(plan.slots)
        slot = PlanSlot(position=position, key=values.get("key") or f"slot_{position}")
        plan.slots.append(slot)
    slot.name, slot.help = values["name"], values.get("help") or ""
    slot.required, slot.printed_in_check = required, bool(values["printed_in_check"])
    slot.types, slot.max_bytes = list(values["types"]), int(values["max_mb"]) * MEGABYTE
    slot.min_count, slot.max_count = minimum, maximum
    slot.template_file_id = _linked(values.get("template"), slot.template_file_id, actor)
    db.session.flush()
    return slot


def _linked(file_id: Any, known: int | None, actor: Person) -> int | None:
    """Return the id of the file that a form names, linked; one that stays is not asked about."""
    if not file_id or int(file_id) == known:
        return int(file_id) if file_id else None
    return storage.link(storage.owned_file(int(file_id), actor.id)).id


def save_category(
    plan: Plan,
    values: Values,
    *,
    actor: Person,
    now: datetime,
    category: StandardCategory | None = None,
) -> StandardCategory:
    """Add a category of the standard, or change one. Raises Conflict unless a draft."""
    change(plan, "category_saved", actor=actor, now=now, name=values["name"])
    if category is None:
        category = StandardCategory(position=_next_position(plan.categories))
        plan.categories.append(category)
    category.name = values["name"]
    category.level, category.standard = values.get("level") or "", values.get("standard") or ""
    category.count_by = values.get("count_by") or CountBy.RECORDS
    category.min_count = int(values.get("min_count") or 0)
    db.session.flush()
    return category


def save_item(
    category: StandardCategory,
    values: Values,
    *,
    actor: Person,
    now: datetime,
    item: StandardItem | None = None,
) -> StandardItem:
    """Add an item to a category, or change one.

    Raises Invalid when its counts contradict, Conflict unless the plan is a draft.
    """
    change(category.plan, "item_saved", actor=actor, now=now, name=values["name"])
    required, minimum = bool(values["required"]), int(values.get("min_count") or 0)
    maximum = int(values["max_count"]) if values.get("max_count") else None
    _refuse_contradicting_counts(required, minimum, maximum)
    if item is None:
        item = StandardItem(position=_next_position(category.items))
        category.items.append(item)
    item.name, item.clause = values["name"], values.get("clause") or ""
    item.required, item.min_count, item.max_count = required, minimum, maximum
    item.accepts = list(values["accepts"])
    db.session.flush()
    return item


def attach_file(plan: Plan, file_id: int, *, actor: Person, now: datetime) -> PlanAttachment:
    """Attach a notice that people may download (相关附件). Raises Conflict unless a draft."""
    file = storage.link(storage.owned_file(file_id, actor.id))
    change(plan, "file_attached", actor=actor, now=now, name=file.name)
    attachment = PlanAttachment(
        position=_next_position(plan.attachments), file_id=file.id, name=file.name
    )
    plan.attachments.append(attachment)
    db.session.flush()
    return attachment


Part = PlanSpecialty | PlanSlot | StandardCategory | StandardItem | PlanAttachment


def plan_of(part: Part) -> Plan:
    """Return the plan that a part belongs to."""
    return part.category.plan if isinstance(part, StandardItem) else part.plan


def _siblings(part: Part) -> list[Any]:
    if isinstance(part, StandardItem):
        return part.category.items
    plan, rows = (
        part.plan,
        {
            PlanSpecialty: "specialties",
            PlanSlot: "slots",
            StandardCategory: "categories",
            PlanAttachment: "attachments",
        },
    )
    found: list[Any] = getattr(plan, rows[type(part)])
    return found


def remove_part(part: Part, *, actor: Person, now: datetime) -> None:
    """Remove a part of a plan. Raises Conflict unless the plan is a draft."""
    change(plan_of(part), "part_removed", actor=actor, now=now, name=_name(part))
    _siblings(part).remove(part)
    db.session.flush()


def move_part(part: Part, step: int, *, actor: Person, now: datetime) -> None:
    """Move a part up (-1) or down (+1) among its like. Raises Conflict unless a draft."""
    change(plan_of(part), "part_moved", actor=actor, now=now, name=_name(part))
    _swap_places(_siblings(part), part, step)
    rows = _siblings(part)
    rows.sort(key=lambda each: int(each.position))


def _name(part: Part) -> str:
    return f"{type(part).__name__}:{part.name}"


def problems_of_parts(plan: Plan) -> dict[str, list[str]]:
    """Return what is missing in specialties and standard, by section."""
    found: dict[str, list[str]] = {}
    if not plan.specialties:
        found["specialties"] = ["请至少添加一个申报专业"]
    standard = list(_standard_problems(plan))
    if standard:
        found["standard"] = standard
    return found


def _standard_problems(plan: Plan) -> Iterator[str]:
    if not plan.categories and plan.kind in WITH_STANDARD:
        yield "请至少添加一个评审标准类别"
    for category in plan.categories:
        if not category.items:
            yield f"类别“{category.name}”还没有项目"
        elif category.min_count > _most(category):
            yield f"类别“{category.name}”要求至少 {category.min_count} 条，但各项目合计达不到"


def _most(category: StandardCategory) -> int:
    """Return the most that a person could bring to a category."""
    if category.count_by == CountBy.ITEMS:
        return len(category.items)
    limits = [item.max_count for item in category.items]
    unlimited = category.min_count
    return sum(unlimited if limit is None else limit for limit in limits)


def _columns(row: Any) -> dict[str, Any]:
    """Return a row's own values for a copy in another plan."""
    left_out = {"id", "plan_id", "category_id"}
    return {c.key: getattr(row, c.key) for c in row.__table__.columns if c.key not in left_out}


def copy_parts(source: Plan, target: Plan) -> None:
    """Give a new plan the specialties, slots and standard of an earlier one."""
    target.specialties = [PlanSpecialty(**_columns(each)) for each in source.specialties]
    target.slots = [PlanSlot(**_columns(each)) for each in source.slots]
    for category in source.categories:
        items = [StandardItem(**_columns(item)) for item in category.items]
        target.categories.append(StandardCategory(**_columns(category), items=items))
    db.session.flush()
