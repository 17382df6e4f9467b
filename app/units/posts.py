"""岗位核准信息: the posts of a 事业单位, what fills them and what is left (FJ-U-22)."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, or_, select

from app.accounts.models import Person
from app.accounts.operations import notify
from app.core import audit
from app.core.db import db
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.storage import StoredFile, link, owned_file
from app.core.sweeping import forget_files
from app.core.uploads import Policy, register_policy
from app.units.closing import register_obstacle
from app.units.code_lists import POST_LEVELS, POST_OF_TITLE
from app.units.models import DROPPED, PENDING, RETURNED, Unit
from app.units.offices import vetting_office
from app.units.post_models import IN_FORCE, REPLACED, PostCount, PostSheet
from app.units.tree import take_turns

POLICY = Policy(max_count=1)
"""Of the stamped table (岗位核准表)."""
register_policy({"posts": POLICY}.get)
NO_OFFICE = "上级单位和属地人社部门尚未设置管理员，暂不能申请变更，请联系系统管理员"


@dataclass(frozen=True)
class Use:
    """How many posts applications of a level of titles take: for good, and while they run."""

    taken: int = 0
    held: int = 0


@dataclass(frozen=True)
class PostLine:
    """A line of the table of posts (岗位使用情况)."""

    level: str
    approved: int
    occupied: int
    held: int

    @property
    def free(self) -> int:
        """How many are left; none where more are filled than were approved."""
        return max(0, self.approved - self.occupied - self.held)

    @property
    def over(self) -> int:
        """How many more are filled than were approved (超岗)."""
        return max(0, self.occupied - self.approved)


Counter = Callable[[int, datetime, int | None], Mapping[str, Use]]
_counters: list[Counter] = []


def register_use(counter: Counter) -> Counter:
    """Register who counts posts: fn(unit_id, since, but) -> use by the level of titles.

    `but` is the application that is being decided on: it holds nothing against itself.
    """
    _counters.append(counter)
    return counter


def sheet_in_force(unit_id: int, *, lock: bool = False) -> PostSheet | None:
    """Return what counts now; with `lock`, those who take posts follow one another.

    It is the unit that is locked: a sheet that is being replaced would be found no more.
    """
    if lock:
        take_turns(db.session.get_one(Unit, unit_id))
    wanted = select(PostSheet).where(PostSheet.unit_id == unit_id, PostSheet.status == IN_FORCE)
    return db.session.scalars(wanted).first()


def waiting_sheet(unit_id: int) -> PostSheet | None:
    """Return the change of a unit's posts that is being vetted or mended."""
    waiting = select(PostSheet).where(
        PostSheet.unit_id == unit_id, PostSheet.status.in_((PENDING, RETURNED))
    )
    return db.session.scalars(waiting).first()


def sheets_of(unit_id: int) -> Select[tuple[PostSheet]]:
    """Select all that a unit submitted, the latest first."""
    return select(PostSheet).where(PostSheet.unit_id == unit_id).order_by(PostSheet.id.desc())


def lines_of(unit_id: int, *, but: int | None = None, lock: bool = False) -> list[PostLine]:
    """Return approved, filled, held and free posts by level; none before they were entered."""
    sheet = sheet_in_force(unit_id, lock=lock)
    if sheet is None:
        return []
    use = _use(sheet, but)
    by_level = {count.level: count for count in sheet.counts}
    return [
        PostLine(
            level,
            by_level[level].approved,
            by_level[level].occupied + use[level].taken,
            use[level].held,
        )
        for level in POST_LEVELS
    ]


def _use(sheet: PostSheet, but: int | None) -> dict[str, Use]:
    """Return what applications take by the level of posts, beyond what the sheet states."""
    since, found = sheet.submitted_at, dict.fromkeys(POST_LEVELS, Use())
    for counter in _counters:
        for title_level, more in counter(sheet.unit_id, since, but).items():
            level = POST_OF_TITLE[title_level]
            known = found[level]
            found[level] = Use(known.taken + more.taken, known.held + more.held)
    return found


def line_for(
    unit_id: int, title_level: str, *, but: int | None = None, lock: bool = False
) -> PostLine | None:
    """Return the posts that a title of this level fills at a unit, None where not entered."""
    wanted = POST_OF_TITLE.get(title_level)
    lines = lines_of(unit_id, but=but, lock=lock)
    return next((line for line in lines if line.level == wanted), None)


@dataclass(frozen=True)
class Entry:
    """What a unit fills in: approved and filled posts by level, the stamped file, a reason."""

    counts: Mapping[str, tuple[int, int]]
    file_id: int | None
    reason: str = ""
    over_is_true: bool = False
    fewer_is_true: bool = False
    misread: Collection[str] = ()
    """The levels of which what was typed is no number: nothing is concluded from it."""

    @property
    def over(self) -> list[tuple[str, int, int]]:
        """The levels with more people than approved posts, with both numbers."""
        return [
            (level, m, n)
            for level, (m, n) in self.counts.items()
            if n > m and level not in self.misread
        ]


def fewer_than_counted(sheet: PostSheet) -> list[tuple[str, int, int]]:
    """Return the levels where a change would count fewer filled posts than count now, and both.

    What was filled since the change was submitted counts on top of what it states.
    """
    use = _use(sheet, None)
    stated = {each.level: each.occupied + use[each.level].taken for each in sheet.counts}
    return _fewer(stated, sheet.unit_id)


def _fewer(stated: Mapping[str, int], unit_id: int) -> list[tuple[str, int, int]]:
    return [
        (line.level, stated[line.level], line.occupied)
        for line in lines_of(unit_id)
        if stated[line.level] < line.occupied
    ]


def submit_sheet(unit: Unit, entry: Entry, *, actor: Person, now: datetime) -> PostSheet:
    """Submit a unit's posts, which locks them (提交后不可修改).

    The first counts at once: the personnel department has stamped it. Another waits for the
    office above. Raises NotFound for a unit whose posts are not counted, Conflict while a change
    waits, Invalid at the field.
    """
    if not unit.is_public_institution:
        raise NotFound
    take_turns(unit)
    known, asked = sheet_in_force(unit.id), waiting_sheet(unit.id)
    if asked is not None and asked.status == PENDING:
        raise Conflict("岗位核准信息的变更正在审核，请等待审核结果")
    faults, file = faults_of(unit, entry, actor)
    if faults or file is None:
        raise Invalid(errors=faults)
    office = _office_of(unit, actor, now) if known else None
    sheet = asked or PostSheet(unit_id=unit.id)
    former = asked.file_id if asked is not None else file.id
    sheet.file_id, sheet.reason = link(file).id, entry.reason.strip()
    sheet.submitted_by, sheet.submitted_at = actor.id, now
    sheet.office_id = office.id if office else None
    sheet.status = PENDING if known else IN_FORCE
    sheet.in_force_at = None if known else now
    db.session.add(sheet)
    _count(sheet, entry)
    if former != file.id:
        forget_files([former])
    _record("posts:change_requested" if known else "posts:submitted", sheet, actor.id, now)
    return sheet


def _office_of(unit: Unit, actor: Person, now: datetime) -> Unit:
    office = vetting_office(unit.parent, unit.area_code, now, but=unit.id, asker=actor.id)
    if office is None:
        raise Invalid(NO_OFFICE, field="reason")
    return office


def _count(sheet: PostSheet, entry: Entry) -> None:
    sheet.counts.clear()
    db.session.flush()
    for level in POST_LEVELS:
        approved, occupied = entry.counts[level]
        sheet.counts.append(PostCount(level=level, approved=approved, occupied=occupied))
    db.session.flush()


def faults_of(
    unit: Unit, entry: Entry, actor: Person
) -> tuple[dict[str, list[str]], StoredFile | None]:
    """Return by field what keeps posts from being submitted, and the stamped file if it is there.

    More filled than were approved (超岗), or fewer than count now, may be true: whoever submits
    it says so.
    """
    known, asked = sheet_in_force(unit.id), waiting_sheet(unit.id)
    faults: dict[str, list[str]] = {}
    if known is not None and not entry.reason.strip():
        faults["reason"] = ["请填写变更理由"]
    if not (entry.misread or any(approved for approved, _ in entry.counts.values())):
        faults["approved_0"] = [f"请填写{unit.name}的核定岗位数"]
    faults |= _faults_of_filled(unit, entry)
    file = asked.file if asked and asked.file_id == entry.file_id else None
    if file is None:
        try:
            file = owned_file(entry.file_id or 0, actor.id, POLICY)
        except NotFound:
            faults["file"] = ["请上传人社部门盖章的岗位核准表"]
    return faults, file


def _faults_of_filled(unit: Unit, entry: Entry) -> dict[str, list[str]]:
    faults: dict[str, list[str]] = {}
    if entry.over and not entry.over_is_true:
        told = "、".join(f"{level}已聘 {n} 人、核定 {m} 个" for level, m, n in entry.over)
        faults["over_is_true"] = [f"{told}：填错的请修改，确为超岗聘用的请勾选"]
    stated = {level: n for level, (_, n) in entry.counts.items()}
    fewer = [each for each in _fewer(stated, unit.id) if each[0] not in entry.misread]
    if fewer and not entry.fewer_is_true:
        told = "、".join(f"{level}填报已聘 {n} 人、平台现记 {m} 人" for level, n, m in fewer)
        faults["fewer_is_true"] = [f"{told}：填漏的请修改，确已减少的请勾选"]
    return faults


def decide(sheet: PostSheet, *, approve: bool, opinion: str, actor_id: int, now: datetime) -> None:
    """Approve a change of posts, which then counts instead of the one before, or return it.

    Raises Forbidden for who submitted it, Conflict for a decided one, Invalid for a silent return.
    """
    if actor_id == sheet.submitted_by:
        raise Forbidden("不能审核本人提交的岗位信息")
    if sheet.status != PENDING:
        raise Conflict("该岗位信息已处理")
    if approve:
        _put_in_force(sheet, now)
    elif not opinion.strip():
        raise Invalid("退回时请填写意见", field="opinion")
    else:
        sheet.status = RETURNED
    sheet.opinion, sheet.decided_by, sheet.decided_at = opinion.strip(), actor_id, now
    db.session.flush()
    _record("posts:change_approved" if approve else "posts:change_returned", sheet, actor_id, now)
    word = "已通过" if approve else f"被退回：{sheet.opinion}"
    text = f"{sheet.unit.name}的岗位核准信息变更{word}"
    notify(sheet.submitted_by, text, url=f"/unit/posts?unit={sheet.unit_id}", now=now)


def _put_in_force(sheet: PostSheet, now: datetime) -> None:
    former = sheet_in_force(sheet.unit_id, lock=True)
    if former is not None:
        former.status = REPLACED
        db.session.flush()
    sheet.status, sheet.in_force_at = IN_FORCE, now


def drop(sheet: PostSheet, reason: str, *, actor_id: int | None, now: datetime) -> None:
    """End a change that is not asked for any more (放弃), or whose process was cancelled."""
    if sheet.status not in {PENDING, RETURNED}:
        raise Conflict("该岗位信息已处理，流程不能作废")
    sheet.status, sheet.opinion = DROPPED, reason
    sheet.decided_by, sheet.decided_at = actor_id, now
    db.session.flush()
    _record("posts:change_dropped", sheet, actor_id, now)


@register_obstacle
def _changes_under_way(unit_id: int, _now: datetime) -> tuple[int, str]:
    """A change of a unit's posts that is vetted or to be mended keeps the unit open."""
    waiting = select(func.count(PostSheet.id)).where(
        PostSheet.status.in_((PENDING, RETURNED)),
        or_(PostSheet.unit_id == unit_id, PostSheet.office_id == unit_id),
    )
    return db.session.scalar(waiting) or 0, "份岗位核准信息的变更尚未办结"


def _record(tag: str, sheet: PostSheet, actor_id: int | None, now: datetime) -> None:
    audit.record(
        tag,
        subject=("unit", sheet.unit_id),
        actor_id=actor_id,
        now=now,
        request=sheet.id,
        posts={count.level: f"{count.occupied}/{count.approved}" for count in sheet.counts},
        file=sheet.file_id,
    )
