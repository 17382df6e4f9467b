"""Importing a unit's people: applicants bound to it, and its staff (批量导入人员, HB-U-06)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from app.accounts.apart import BOTH, is_apart
from app.accounts.grants import lock_roles_of
from app.accounts.models import Person, RoleGrant
from app.accounts.opening import Given, Known, chunks, give_roles, people_by_number
from app.accounts.queries import lasts
from app.accounts.terms import term_fault
from app.core import audit
from app.core.crypto import fold_id
from app.core.db import db
from app.core.instants import end_of
from app.core.numbers import checked_id_number, checked_phone
from app.core.permissions import ADMINISTRATORS, ROLES
from app.imports.kinds import (
    NO,
    YES,
    Column,
    Place,
    Row,
    Told,
    checked,
    dated,
    fresh_rows,
    listed,
    refuse_doubles,
    register_kind,
    register_place_names,
)
from app.imports.models import RowState
from app.units.below import Below
from app.units.enrolling import APPLICANT, Entrant, enrol
from app.units.models import ACTIVE, Employment
from app.units.operations import STAFF_ROLES
from app.units.queries import unit_names
from app.units.tree import hold_as_they_are

NOTE = "单位批量导入"
ROLE_NAMES = {ROLES[role]: role for role in STAFF_ROLES}
THEIRS = "{unit}有自己的管理员（{names}），人员由其导入或开通"
ELSEWHERE = "此人已有账号，不属于所填单位，请本人登录后申请绑定"
PHONES = "平台上登记的手机号码与此不同，由本人在“个人信息”中修改；请留空或改为一致"
OFFICES = "此人是系统、安全或审计管理员，不能由单位授予角色"
COLUMNS = (
    Column("name", "姓名", "林晓禾", required=True, most=60),
    Column(
        "id_number",
        "居民身份证号码",
        "340101199003070029",
        required=True,
        secret=True,
        most=30,
        help="18 位；该列须为“文本”格式，否则后几位会丢失。性别和出生日期取自号码",
    ),
    Column("phone", "手机号码", "13800000000", most=20),
    Column(
        "unit",
        "单位",
        "",
        most=300,
        help="本单位可留空；次级机构填写名称或统一社会信用代码，重名的写“上级/名称”。"
        "已有管理员的次级机构由其管理员导入",
    ),
    Column(
        "applies", "是否申报人", YES, choices=(YES, NO), help="留空为“是”：开通后即绑定所填单位"
    ),
    Column(
        "roles",
        "工作人员角色",
        "",
        choices=tuple(ROLE_NAMES),
        several=True,
        help="在所填单位担任的角色，可填多个，用顿号隔开",
    ),
    Column(
        "until",
        "角色截止日期",
        "",
        most=20,
        help="角色到该日结束时终止；留空则自导入之日起三年，最长五年",
    ),
)


@dataclass
class Standing:
    """What the platform knows of somebody whom a row names."""

    person: Known
    unit_id: int | None = None
    held: list[tuple[str, str, int | None, datetime | None]] = field(default_factory=list)

    def has(self, role: str, kind: str, scope_id: int | None) -> bool:
        """Tell whether they hold a role in a scope."""
        return any(each[:3] == (role, kind, scope_id) for each in self.held)

    def belongs_to(self, unit_id: int) -> bool:
        """Tell whether they are bound to a unit or of its staff."""
        return self.unit_id == unit_id or any(
            role in STAFF_ROLES and (kind, scope_id) == ("org", unit_id)
            for role, kind, scope_id, _ in self.held
        )


@dataclass
class Found:
    """What a row says, understood."""

    entrant: Entrant
    person_id: int | None = None
    given: list[Given] = field(default_factory=list)
    phone: str = ""


def standings(numbers: Iterable[str], now: datetime) -> dict[str, Standing]:
    """Return by identity number whom the platform knows, where they belong and what they hold."""
    found = {number: Standing(known) for number, known in people_by_number(numbers).items()}
    by_id = {standing.person.id: standing for standing in found.values()}
    for some in chunks(list(by_id)):
        bound = select(Employment.person_id, Employment.unit_id).where(
            Employment.person_id.in_(some), Employment.status == ACTIVE
        )
        for person_id, unit_id in db.session.execute(bound).tuples():
            by_id[person_id].unit_id = unit_id
        columns = RoleGrant.role, RoleGrant.scope_kind, RoleGrant.scope_id, RoleGrant.valid_to
        held = select(RoleGrant.person_id, *columns).where(
            RoleGrant.person_id.in_(some), lasts(now)
        )
        for person_id, role, kind, scope_id, until in db.session.execute(held).tuples():
            by_id[person_id].held.append((role, kind, scope_id, until))
    return found


def administered(unit_ids: Iterable[int], place: Place) -> dict[int, list[str]]:
    """Return who administers those of these units that look after their own people.

    The unit that imports is none of them.
    """
    held: dict[int, list[str]] = {}
    for some in chunks([each for each in unit_ids if each != place.unit_id]):
        theirs = (
            select(RoleGrant.scope_id, Person.name)
            .join(Person, Person.id == RoleGrant.person_id)
            .where(
                RoleGrant.role == "unit_admin",
                RoleGrant.scope_kind == "org",
                RoleGrant.scope_id.in_(some),
                lasts(place.now),
            )
            .order_by(RoleGrant.id)
        )
        for unit_id, name in db.session.execute(theirs).tuples():
            held.setdefault(unit_id or 0, []).append(name)
    return held


class People:
    """People of a unit and of those below it that nobody administers yet (HB-U-06)."""

    name, label, action = "people", "人员", "import.people"
    at_unit, opens_accounts, own = True, True, None
    columns: Sequence[Column] = COLUMNS
    help = (
        "为本单位和尚无管理员的次级机构的人员开通账号：申报人直接绑定单位，工作人员授予角色。"
        "已有管理员的次级机构由其管理员导入。"
    )

    def lists(self, place: Place) -> Mapping[str, Sequence[str]]:
        """Return what may stand in the columns."""
        below = Below(place.unit_id or 0)
        units = below.labels(but=administered(below.names, place))
        return {"是否申报人": (YES, NO), "工作人员角色": tuple(ROLE_NAMES), "单位": units}

    def hold(self, place: Place, changed: Sequence[int]) -> None:
        """Let none of the units be closed or moved meanwhile, nor what the people hold change."""
        hold_as_they_are(Below(place.unit_id or 0).names)
        lock_roles_of(*changed)

    def check(self, rows: Sequence[Row], place: Place) -> None:
        """Say of every row whom it would make or change, or what is wrong with it."""
        below = Below(place.unit_id or 0)
        for row in rows:
            row.found = _understood(row, below, place.now)
        refuse_doubles(rows, "id_number", lambda row: fold_id(row["id_number"]), "证件号码")
        sound = [row for row in rows if not row.is_faulty]
        theirs = administered(below.names, place)
        known = standings((row.found.entrant.id_number for row in sound), place.now)
        for row in sound:
            standing = known.get(row.found.entrant.id_number)
            if standing is None:
                row.state = RowState.NEW
            else:
                _compare(row, standing, place)
        for row in rows:
            names = theirs.get(row.found.entrant.unit_id)
            if names and row.state != RowState.SAME:
                row.refuse("unit", THEIRS.format(unit=row.place, names="、".join(names)))

    def write(self, rows: Sequence[Row], place: Place, told: Told) -> None:
        """Open the accounts of those who are new, give roles and telephones to the others."""
        _change([row for row in rows if row.state == RowState.CHANGED], place)
        for some in fresh_rows(rows, told, lambda row: row.found.entrant.id_number):
            entrants = [row.found.entrant for row in some]
            opened = enrol(entrants, actor_id=place.actor.id, now=place.now, note=NOTE)
            for row, (person_id, _) in zip(some, opened, strict=True):
                row.subject_id = person_id
        for row in rows:
            row.subject_id = row.subject_id or row.found.person_id


def _understood(row: Row, below: Below, now: datetime) -> Found:
    """Return what a row says; what is wrong with its cells is noted."""
    unit_id = below.id_of(row, "unit")
    row.place = below.names.get(unit_id, "")
    applies = row["applies"] != NO
    names = listed(row["roles"])
    roles = tuple(dict.fromkeys(ROLE_NAMES[name] for name in names if name in ROLE_NAMES))
    if not applies and not names:
        row.refuse("roles", "既不是申报人，也没有工作人员角色，请至少填写一项")
    if any(is_apart(role, roles) for role in roles):
        row.refuse("roles", BOTH)
    number = checked(row, "id_number", lambda text: checked_id_number(fold_id(text), now))
    phone = checked(row, "phone", lambda text: checked_phone(text, "phone"))
    entrant = Entrant(unit_id, row["name"], number, phone, applies, roles, _term(row, now))
    return Found(entrant)


def _term(row: Row, now: datetime) -> datetime | None:
    day = dated(row, "until", "角色截止日期")
    if day is None:
        return None
    if not row["roles"]:
        row.refuse("until", "没有填写工作人员角色，不需要截止日期")
    fault = term_fault(day, now)
    if fault:
        row.refuse("until", fault)
    return end_of(day)


def _compare(row: Row, standing: Standing, place: Place) -> None:
    """Say what a row would change of somebody whom the platform knows.

    Of people of elsewhere nothing is told, not even whether what the row says fits them.
    """
    found, person = row.found, standing.person
    entrant: Entrant = found.entrant
    if not standing.belongs_to(entrant.unit_id):
        row.refuse("id_number", ELSEWHERE)
        return
    found.person_id = row.subject_id = person.id
    if person.name != entrant.name:
        row.refuse("name", "证件号码与姓名不符，请核对")
    elif entrant.applies and standing.unit_id != entrant.unit_id:
        row.refuse("applies", "此人是本单位工作人员，未绑定本单位，请本人登录后申请绑定")
    if entrant.phone and person.phone not in {"", entrant.phone}:
        row.refuse("phone", PHONES)
    found.phone = entrant.phone if not person.phone else ""
    found.given = [
        each
        for each in entrant.given(person.id)
        if not standing.has(each.role, each.scope_kind, each.scope_id)
    ]
    _check_given(row, standing, place)
    said = [f"增加角色 {ROLES[each.role]}" for each in found.given]
    said += [f"登记手机号码 {found.phone}"] * bool(found.phone)
    row.note = "；".join(said)
    row.state = RowState.CHANGED if said else RowState.SAME


def _check_given(row: Row, standing: Standing, place: Place) -> None:
    """Refuse roles that a unit gives to nobody like this."""
    entrant: Entrant = row.found.entrant
    given = {each.role for each in row.found.given} - {APPLICANT}
    if given and standing.person.id == place.actor.id:
        row.refuse("roles", "不能给本人授权")
    if given and ADMINISTRATORS & {role for role, *_ in standing.held}:
        row.refuse("roles", OFFICES)
    at_unit = {role for role, *scope, _ in standing.held if scope == ["org", entrant.unit_id]}
    if any(is_apart(role, at_unit) for role in given):
        row.refuse("roles", BOTH)
    kept = {
        until
        for role, kind, scope_id, until in standing.held
        if role in entrant.roles and (kind, scope_id) == ("org", entrant.unit_id)
    }
    if entrant.until and kept - {entrant.until}:
        row.refuse("until", "已有该角色，期限与此不同，请在账号管理中办理")


def _change(rows: Sequence[Row], place: Place) -> None:
    given = [each for row in rows for each in row.found.given]
    give_roles(given, actor_id=place.actor.id, now=place.now)
    phones = [{"id": r.found.person_id, "phone": r.found.phone} for r in rows if r.found.phone]
    if phones:
        db.session.execute(update(Person), phones)
    about = [(int(each["id"]), dict[str, Any]()) for each in phones]
    tag, actor_id = "person:phone_imported", place.actor.id
    audit.record_many(tag, kind="person", about=about, actor_id=actor_id, now=place.now)


register_kind(People())
register_place_names(unit_names)
