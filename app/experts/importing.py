"""Importing experts into the pool, by the office that answers for them (批量导入专家)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.accounts.grants import lock_roles_of
from app.accounts.models import Person
from app.accounts.opening import (
    Given,
    Known,
    Newcomer,
    chunks,
    give_roles,
    insert_many,
    open_accounts,
    people_by_number,
)
from app.committees.models import Committee
from app.core import audit
from app.core.crypto import fold_id
from app.core.db import db
from app.core.numbers import birth_and_gender, checked_id_number, checked_phone
from app.experts.models import ExpertProfile
from app.experts.operations import OTHER_NAME, Expertise, admit, change_expert
from app.experts.queries import EXPERT, committees_of, in_pool, kept_by
from app.imports.kinds import (
    Column,
    Place,
    Row,
    Told,
    checked,
    fresh_rows,
    refuse_doubles,
    register_kind,
)
from app.imports.models import RowState

OTHERS = "此人已在专家库中，由其他评委会组建单位管理"
NAMES = {"unit_name": "工作单位", "specialty": "专业", "committee_id": "所属评委会"}
COLUMNS = (
    Column("name", "姓名", "林晓禾", required=True, most=60),
    Column(
        "id_number",
        "居民身份证号码",
        "340101199003070029",
        required=True,
        secret=True,
        most=30,
        help="18 位；该列须为“文本”格式。平台上已有此人时，为其原有账号增加专家身份",
    ),
    Column("phone", "手机号码", "13800000000", most=20, help="只用于新开通的账号"),
    Column("unit_name", "工作单位", "云桥区第二中学", required=True),
    Column("specialty", "专业", "高中数学", required=True, most=60),
    Column("committee", "所属评委会", "", most=120, help="本单位组建的评委会名称；不限的留空"),
)


@dataclass
class Found:
    """What a row says of an expert, and who of the platform it is."""

    number: str
    phone: str
    expertise: Expertise
    person: Known | None = None
    profile: ExpertProfile | None = None
    is_member: bool = False


class Experts:
    """Experts who are entered by an office that organises committees."""

    name, label, action = "experts", "评审专家", "import.experts"
    at_unit, opens_accounts, own = True, True, None
    columns: Sequence[Column] = COLUMNS
    help = "专家入库：新人开通账号，平台上已有的人为原有账号增加专家身份。"

    def lists(self, place: Place) -> Mapping[str, Sequence[str]]:
        """Return what may stand in the columns."""
        return {"所属评委会": tuple(_committees(place))}

    def hold(self, place: Place, changed: Sequence[int]) -> None:
        """Let nobody else enter those who are known already; constraints refuse who is new."""
        lock_roles_of(*changed)

    def check(self, rows: Sequence[Row], place: Place) -> None:
        """Say of every row whom it enters or changes, or what is wrong with it."""
        committees = _committees(place)
        for row in rows:
            row.found = _understood(row, committees, place.now)
        refuse_doubles(rows, "id_number", lambda row: fold_id(row["id_number"]), "证件号码")
        sound = [row for row in rows if not row.is_faulty]
        known = people_by_number(row.found.number for row in sound)
        profiles = _profiles(person.id for person in known.values())
        members = in_pool(place.now)
        for row in sound:
            person = known.get(row.found.number)
            if person is None:
                row.state = RowState.NEW
                continue
            row.found.person, row.found.profile = person, profiles.get(person.id)
            row.found.is_member = person.id in members
            _compare(row, place)

    def write(self, rows: Sequence[Row], place: Place, told: Told) -> None:
        """Open the accounts of those who are new, and enter or change the others."""
        changed = [row for row in rows if row.state == RowState.CHANGED]
        for row in changed:
            _enter_known(row, place)
        for some in fresh_rows(rows, told, lambda row: row.found.number):
            _enter_new(some, place)
        for row in rows:
            row.subject_id = row.subject_id or row.found.person.id


def _committees(place: Place) -> dict[str, Committee]:
    return {each.name: each for each in committees_of([place.unit_id or 0])}


def _profiles(person_ids: Iterable[int]) -> dict[int, ExpertProfile]:
    found: dict[int, ExpertProfile] = {}
    for some in chunks(list(person_ids)):
        kept = select(ExpertProfile).where(ExpertProfile.person_id.in_(some))
        found |= {profile.person_id: profile for profile in db.session.scalars(kept)}
    return found


def _understood(row: Row, committees: Mapping[str, Committee], now: datetime) -> Found:
    row.place = row["unit_name"]
    number = checked(row, "id_number", lambda text: checked_id_number(fold_id(text), now))
    phone = checked(row, "phone", lambda text: checked_phone(text, "phone"))
    committee = committees.get(row["committee"])
    if row["committee"] and committee is None:
        row.refuse("committee", "没有这个评委会，应为本单位组建的评委会名称")
    key = committee.id if committee else None
    return Found(number, phone, Expertise(row["unit_name"], row["specialty"], key))


def _compare(row: Row, place: Place) -> None:
    """Say what a row would change of somebody whom the platform knows."""
    found: Found = row.found
    person, profile = found.person, found.profile
    row.subject_id = person.id if person else None
    if person is not None and person.name != row["name"]:
        row.refuse("name", OTHER_NAME)
    if profile is None or not found.is_member:
        row.state = RowState.CHANGED
        row.note = "重新入库" if profile else "为原有账号增加专家身份"
        return
    if not kept_by(profile, {place.unit_id}):
        row.refuse("id_number", OTHERS)
        return
    if not row["committee"]:
        said = found.expertise
        found.expertise = Expertise(said.unit_name, said.specialty, profile.committee_id)
    wanted = vars(found.expertise)
    differs = [NAMES[name] for name in wanted if getattr(profile, name) != wanted[name]]
    row.note = f"修改{'、'.join(differs)}" if differs else ""
    row.state = RowState.CHANGED if differs else RowState.SAME


def _enter_new(rows: Sequence[Row], place: Place) -> None:
    actor_id, now = place.actor.id, place.now
    opened = open_accounts([_newcomer(row) for row in rows], actor_id=actor_id, now=now)
    for row, (person_id, _) in zip(rows, opened, strict=True):
        row.subject_id = person_id
    roles = [Given(person_id, EXPERT, "all", None) for person_id, _ in opened]
    give_roles(roles, actor_id=actor_id, now=now)
    profiles = [
        {
            "person_id": row.subject_id,
            "keeper_unit_id": place.unit_id,
            **vars(row.found.expertise),
        }
        for row in rows
    ]
    said = [{"after": vars(row.found.expertise)} for row in rows]
    about = list(zip(insert_many(ExpertProfile, profiles), said, strict=True))
    audit.record_many("expert:entered", kind="expert", about=about, actor_id=actor_id, now=now)


def _newcomer(row: Row) -> Newcomer:
    born, gender = birth_and_gender(row.found.number)
    return Newcomer(row["name"], row.found.number, gender, born, row.found.phone)


def _enter_known(row: Row, place: Place) -> None:
    """Change an expert of the pool, or enter somebody who has an account already."""
    found: Found = row.found
    if found.profile is not None and found.is_member:
        change_expert(found.profile, found.expertise, actor=place.actor, now=place.now)
        return
    person = db.session.get_one(Person, row.subject_id or 0)
    admit(
        person,
        found.profile,
        found.expertise,
        keeper_id=place.unit_id,
        actor=place.actor,
        now=place.now,
    )


register_kind(Experts())
