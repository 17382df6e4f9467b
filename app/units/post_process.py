"""What the process of a change of approved posts calls (岗位核准信息变更)."""

from collections.abc import Mapping
from typing import Any

from app.accounts.models import Person
from app.accounts.queries import works_at
from app.accounts.tasks import holds_task
from app.core.clock import now
from app.core.db import db
from app.core.permissions import STAFF, VETTERS
from app.core.records import register_record
from app.core.storage import StoredFile, register_reader
from app.engine.contracts import Contract, Life, parting
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
    standing,
)
from app.engine.models import WorkItem
from app.engine.standing import by_status
from app.units import posts
from app.units.models import DROPPED, PENDING, RETURNED
from app.units.operations import STAFF_ROLES
from app.units.post_models import IN_FORCE, REPLACED, PostSheet
from app.units.vetting import AGAIN, DROP, MENDED, VETTED, mend, vet

POSTS = "post_sheet"
POSTED = matter(
    "post_approval",
    "岗位核准信息变更",
    needs=("vet_posts",),
    life=Life(
        {PENDING: "待审核", RETURNED: "已退回", IN_FORCE: "已核准", DROPPED: "已放弃"},
        ends=(IN_FORCE, DROPPED),
        shown={IN_FORCE: (IN_FORCE, REPLACED)},
    ),
)
READERS = frozenset({"unit_admin", "unit_clerk", "unit_leader"})


def _sheet(step: Step) -> PostSheet:
    return db.session.get_one(PostSheet, step.business_id)


@scope("posts_office", Contract(POSTED, roles=STAFF, usual=VETTERS))
def posts_office(step: Step) -> Scope:
    """The office that vets the unit; never who submitted."""
    sheet = _sheet(step)
    return Scope("org", sheet.office_id, excluded_id=sheet.submitted_by)


@scope("posts_unit", Contract(POSTED, roles=STAFF, usual=STAFF_ROLES))
def posts_unit(step: Step) -> Scope:
    """The unit whose posts they are."""
    return Scope("org", _sheet(step).unit_id)


@save(
    "vet_posts",
    Contract(
        POSTED,
        gives=VETTED,
        roles=VETTERS,
        scopes=("posts_office",),
        moves=parting("decision", (PENDING,), {"pass": IN_FORCE, "return": RETURNED}),
    ),
)
def vet_posts(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The office's decision on a change of posts."""
    return vet(step, answers, posts.decide, _sheet(step))


@save(
    "mend_posts",
    Contract(
        POSTED,
        gives=MENDED,
        # Its page is the administrator's.
        roles=("unit_admin",),
        scopes=("posts_unit",),
        moves=parting("decision", (RETURNED,), {AGAIN: PENDING, DROP: DROPPED}),
    ),
)
def mend_posts(step: Step, answers: Mapping[str, Any]) -> Outcomes:
    """The unit submits again, as it wrote on its page, or gives the change up (放弃)."""
    return mend(step, answers, posts.drop, _sheet(step))


@page("mend_posts", Contract(POSTED))
def mend_posts_page(item: WorkItem) -> str:
    """Where a returned change is mended."""
    sheet = db.session.get_one(PostSheet, item.business_id)
    return f"/unit/posts?unit={sheet.unit_id}"


@ending(POSTS)
def end_posts(step: Step, reason: str) -> None:
    """End a change with its process."""
    sheet = _sheet(step)
    db.session.refresh(sheet, with_for_update={"of": PostSheet})
    posts.drop(sheet, reason, actor_id=step.actor_id, now=step.now)


standing("post_approval")(by_status(PostSheet))


@presenter(POSTS)
def posts_card(business_id: int) -> Card:
    """How a change of posts is listed."""
    sheet = db.session.get_one(PostSheet, business_id)
    title = f"{sheet.unit.name} 申请变更岗位核准信息"
    return Card(title, title, f"/unit/posts?unit={sheet.unit_id}")


@register_record(POSTS)
def posts_record(business_id: int, _person: Person) -> dict[str, Any]:
    """What the office sees beside the form: the new numbers beside those that count."""
    sheet = db.session.get_one(PostSheet, business_id)
    return {
        "summary_template": "units/_posts.html",
        "sheet": sheet,
        "lines": posts.lines_of(sheet.unit_id),
        "fewer": posts.fewer_than_counted(sheet),
    }


@register_reader
def reads_the_stamped_file(person_id: int, file: StoredFile) -> bool:
    """The staff of the unit and of the office that vets read the stamped table."""
    sheets = db.session.query(PostSheet).filter_by(file_id=file.id).all()
    places = {place for sheet in sheets for place in (sheet.unit_id, sheet.office_id) if place}
    moment = now()
    if any(works_at(person_id, place, READERS, moment) for place in places):
        return True
    return holds_task(person_id, POSTS, [sheet.id for sheet in sheets], moment)
