"""Importing certificates from before the platform, by the office that keeps them (往年证书)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from sqlalchemy import select

from app.accounts.models import identity_columns
from app.accounts.opening import chunks, insert_many, people_by_number
from app.accounts.operations import notify_each
from app.catalogue import jurisdictions
from app.catalogue.models import LEVELS
from app.catalogue.queries import series_names
from app.certificates.models import Certificate, EarlierCertificate
from app.core import audit
from app.core.crypto import fold_id, hashes_of
from app.core.db import db
from app.core.numbers import LEAST_AGE, age_on, birth_and_gender, checked_id_number
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
    refuse_doubles,
    register_kind,
)
from app.imports.models import RowState

OURS = "该编号属于平台发证的号段，不能作为往年证书登记"
UNLIKE = "该编号已登记，内容与此不同；登记有误的，请先撤下原登记"
NO_SERIES = "没有这个职称系列，请照模板的“代码表”填写现行的系列名称"
FACTS = ("name", "series", "specialty", "title", "level", "issuer")
COLUMNS = (
    Column("number", "证书编号", "A0123456", required=True, most=40, help="纸质证书上的编号"),
    Column("name", "姓名", "林晓禾", required=True, most=60),
    Column(
        "id_number",
        "居民身份证号码",
        "340101199003070029",
        required=True,
        secret=True,
        most=30,
        help="18 位；该列须为“文本”格式。本人有平台账号的，证书显示在其“我的职称”中",
    ),
    Column(
        "series",
        "系列",
        "中小学教师",
        required=True,
        most=60,
        help="现行的职称系列名称；证书上是旧名称的，填写对应的现行系列",
    ),
    Column("specialty", "专业", "高中数学", most=60),
    Column("title", "职称名称", "一级教师", required=True, most=60),
    Column("level", "职称级别", "中级", required=True, choices=LEVELS),
    Column("obtained_on", "取得资格时间", "2015-12-31", required=True, most=20),
    Column("issuer", "发证单位", "某市人力资源和社会保障局", required=True),
    Column("is_public", "能否公开查询", YES, choices=(YES, NO), help="留空为“是”：证书查询可查到"),
)


@dataclass
class Found:
    """What a row says of a certificate."""

    number: str
    id_number: str
    obtained_on: date | None
    is_public: bool
    person_id: int | None = None
    known_id: int | None = None


class Certificates:
    """Certificates from before the platform."""

    name, label, action = "certificates", "往年证书", "import.certificates"
    at_unit, opens_accounts, own = True, False, None
    columns: Sequence[Column] = COLUMNS
    help = "登记平台启用以前发出的纸质证书，本人可在“我的职称”中看到，可公开的能在证书查询中查到。"

    def lists(self, place: Place) -> Mapping[str, Sequence[str]]:
        """Return what may stand in the columns."""
        return {"系列": series_names(), "职称级别": LEVELS, "能否公开查询": (YES, NO)}

    def hold(self, place: Place, changed: Sequence[int]) -> None:
        """Nothing is held: a constraint refuses a number that came between."""

    def check(self, rows: Sequence[Row], place: Place) -> None:
        """Say of every row whether it is new, entered already, or what is wrong with it."""
        series = set(series_names())
        for row in rows:
            row.found = _understood(row, place)
            if row["series"] and row["series"] not in series:
                row.refuse("series", NO_SERIES)
        refuse_doubles(rows, "number", lambda row: row.found.number, "证书编号")
        people = people_by_number(row.found.id_number for row in rows if row.found.id_number)
        issued, entered = _issued(rows), _entered(rows)
        for row in rows:
            person = people.get(row.found.id_number)
            row.found.person_id = person.id if person else None
            if person is not None and person.name != row["name"]:
                row.refuse("name", "证件号码与平台登记的姓名不符，请核对")
            if person is not None and person.id == place.actor.id:
                row.refuse("id_number", "不能登记本人的证书")
            if row.found.number in issued:
                row.refuse("number", "该编号是平台签发的证书")
            _compare(row, entered.get(row.found.number), place)

    def write(self, rows: Sequence[Row], place: Place, told: Told) -> None:
        """Enter what is new, and tell the holders who are on the platform."""
        for some in fresh_rows(rows, told, lambda row: row.found.number):
            _enter(some, place)
        for row in rows:
            row.subject_id = row.subject_id or row.found.known_id


@cache
def _own_numbers() -> re.Pattern[str]:
    """Return what the platform's own numbers look like: their codes begin with 99."""
    every = []
    for settings in map(jurisdictions.get, jurisdictions.all_ids()):
        pattern = re.escape(settings.certificate.number_pattern)
        parts = {"region": settings.certificate.region, "year": "[0-9]{4}", "code": "99[0-9]{4}"}
        for name, form in parts.items():
            pattern = pattern.replace(rf"\{{{name}\}}", form)
        every.append(re.sub(r"\\\{serial.*?\\\}", "[0-9]+", pattern))
    return re.compile("|".join(every))


def _understood(row: Row, place: Place) -> Found:
    row.place = row["issuer"]
    number = "".join(row["number"].split())
    id_number = checked(row, "id_number", lambda text: checked_id_number(fold_id(text), place.now))
    day = dated(row, "obtained_on", "取得资格时间")
    if day is not None:
        _check_day(row, day, id_number, place)
    if _own_numbers().fullmatch(number):
        row.refuse("number", OURS)
    return Found(number, id_number, day, row["is_public"] != NO)


def _check_day(row: Row, day: date, id_number: str, place: Place) -> None:
    """Refuse a day to come, and one on which the holder was a child."""
    if day > place.now.date():
        row.refuse("obtained_on", "取得资格时间不能晚于今天")
    elif id_number and age_on(birth_and_gender(id_number)[0], day) < LEAST_AGE:
        row.refuse("obtained_on", f"取得资格时本人未满 {LEAST_AGE} 周岁，请核对时间和号码")


def _numbers(rows: Sequence[Row]) -> list[str]:
    return [row.found.number for row in rows if row.found.number]


def _issued(rows: Sequence[Row]) -> set[str]:
    """Return which of the numbers stand on certificates of the platform."""
    found: set[str] = set()
    for some in chunks(_numbers(rows)):
        numbers = select(Certificate.number).where(Certificate.number.in_(some))
        found |= {str(number) for number in db.session.scalars(numbers)}
    return found


def _entered(rows: Sequence[Row]) -> dict[str, EarlierCertificate]:
    """Return which of the numbers were entered already."""
    found: dict[str, EarlierCertificate] = {}
    for some in chunks(_numbers(rows)):
        kept = select(EarlierCertificate).where(
            EarlierCertificate.number.in_(some), EarlierCertificate.withdrawn_at.is_(None)
        )
        found |= {each.number: each for each in db.session.scalars(kept)}
    return found


def _compare(row: Row, known: EarlierCertificate | None, place: Place) -> None:
    if known is None:
        row.state = RowState.NEW
        return
    found: Found = row.found
    found.known_id = row.subject_id = known.id
    said = (
        *(row[name] for name in FACTS),
        found.obtained_on,
        found.is_public,
        place.unit_id,
    )
    kept = (
        *(getattr(known, name) for name in FACTS),
        known.obtained_on,
        known.is_public,
        known.keeper_unit_id,
    )
    if said == kept and known.id_number_hash in hashes_of(found.id_number):
        row.state = RowState.SAME
    else:
        row.refuse("number", UNLIKE)


def _enter(rows: Sequence[Row], place: Place) -> None:
    same = {
        "keeper_unit_id": place.unit_id,
        "entered_by": place.actor.id,
        "entered_at": place.now,
    }
    kept = [
        {
            **same,
            **{name: row[name] for name in FACTS},
            **identity_columns(row.found.id_number),
            "number": row.found.number,
            "obtained_on": row.found.obtained_on,
            "is_public": row.found.is_public,
        }
        for row in rows
    ]
    ids = insert_many(EarlierCertificate, kept)
    for row, key in zip(rows, ids, strict=True):
        row.subject_id = key
    about = [(key, {"number": row.found.number}) for row, key in zip(rows, ids, strict=True)]
    audit.record_many(
        "certificate:earlier_entered",
        kind="earlier_certificate",
        about=about,
        actor_id=place.actor.id,
        now=place.now,
    )
    _tell(rows, place)


def _tell(rows: Sequence[Row], place: Place) -> None:
    told = (
        (
            row.found.person_id,
            f"您的往年证书 {row.found.number} 已登记，请核对；有误的请联系登记机关",
        )
        for row in rows
        if row.found.person_id is not None
    )
    notify_each(told, url="/certificates", now=place.now)


register_kind(Certificates())
