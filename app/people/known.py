"""What the platform knows of a person: each room registers the kinds of records it keeps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, select

from app.accounts.devices import device_of
from app.accounts.models import (
    Credential,
    IntegrityRecord,
    LoginSession,
    Notification,
    Person,
    RoleGrant,
)
from app.core.db import db
from app.core.permissions import ROLES
from app.core.storage import LINKED, StoredFile
from app.openid.models import LinkedIdentity
from app.people.models import CORRECTION_WORDS, DataExport, IdentityCorrection
from app.people.queries import told_of
from app.units.models import BINDING_WORDS, Employment

Reader = Callable[[Any], Any]


@dataclass(frozen=True)
class KnownKind:
    """A kind of records about a person: which they are, what is told of each, where they are read.

    `fields` names what leaves the platform with an export: nothing else of a record does.
    """

    title: str
    records: Callable[[int], Select[Any]]
    fields: Mapping[str, Reader]
    url: str = ""
    # What the records are counted by (量词).
    unit: str = "条"


_kinds: list[tuple[int, KnownKind]] = []


def register_known(order: int, kind: KnownKind) -> None:
    """Register a kind of records that the platform keeps of people; lower orders come first."""
    if all(kind.title != known.title for _, known in _kinds):
        _kinds.append((order, kind))
        _kinds.sort(key=lambda pair: pair[0])


def kinds() -> list[KnownKind]:
    """Return every kind of records, in their order."""
    return [kind for _, kind in _kinds]


def counts_of(person_id: int) -> list[tuple[KnownKind, int]]:
    """Return how many records of each kind there are of a person."""
    return [(kind, _count(kind.records(person_id))) for kind in kinds()]


def _count(records: Select[Any]) -> int:
    counted = select(func.count()).select_from(records.order_by(None).subquery())
    return db.session.scalar(counted) or 0


def everything_of(person: Person) -> dict[str, Any]:
    """Return all that the platform knows of a person, as JSON values under Chinese names."""
    told: dict[str, Any] = {"身份信息": _identity(person), "其他信息": _details(person)}
    for kind in kinds():
        records = db.session.scalars(kind.records(person.id))
        told[kind.title] = [
            {label: _plain(read(record)) for label, read in kind.fields.items()}
            for record in records
        ]
    return told


def _identity(person: Person) -> dict[str, Any]:
    login = select(Credential.login).where(Credential.person_id == person.id)
    return {
        "姓名": person.name,
        "性别": person.gender,
        "出生日期": _plain(person.birth_date),
        "证件类型": person.id_type,
        "证件号码": person.masked_id_number,
        "登录名": db.session.scalar(login),
    }


def _details(person: Person) -> dict[str, str]:
    return {label: text for label, text in told_of(person) if text}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return value.isoformat() if isinstance(value, date) else value


def files_of(person_id: int) -> Select[tuple[StoredFile]]:
    """Select the files that a person has given the platform, and none that it made for them."""
    made = select(DataExport.file_id).where(DataExport.file_id.is_not(None))
    mine = select(StoredFile).where(
        StoredFile.owner_id == person_id,
        StoredFile.status == LINKED,
        StoredFile.id.not_in(made),
    )
    return mine.order_by(StoredFile.id)


def of_person(table: Any) -> Callable[[int], Select[Any]]:
    """Return the records of a table that name the person, the newest first."""
    return lambda person_id: (
        select(table).where(table.person_id == person_id).order_by(table.id.desc())
    )


register_known(
    10,
    KnownKind(
        "单位绑定",
        of_person(Employment),
        {
            "单位": lambda e: e.unit.name,
            "状态": lambda e: BINDING_WORDS[e.status][0],
            "申请说明": lambda e: e.note,
            "审核意见": lambda e: e.opinion,
            "申请时间": lambda e: e.requested_at,
            "办理时间": lambda e: e.decided_at,
        },
        "/binding",
    ),
)
register_known(
    12,
    KnownKind(
        "身份信息更正申请",
        of_person(IdentityCorrection),
        {
            "原姓名": lambda c: c.name_before,
            "更正为": lambda c: c.name,
            "更正后证件号码": lambda c: c.id_number_tail,
            "理由": lambda c: c.reason,
            "状态": lambda c: CORRECTION_WORDS[c.status][0],
            "申请时间": lambda c: c.requested_at,
        },
        "/account/correction",
    ),
)
register_known(
    60,
    KnownKind(
        "上传的文件",
        files_of,
        {
            "编号": lambda f: f.id,
            "文件名": lambda f: f.name,
            "大小（字节）": lambda f: f.size,
            "上传时间": lambda f: f.created_at,
        },
        unit="个",
    ),
)
register_known(
    70,
    KnownKind(
        "角色",
        of_person(RoleGrant),
        {
            "角色": lambda g: ROLES.get(g.role, g.role),
            "开始": lambda g: g.valid_from,
            "结束": lambda g: g.valid_to,
        },
    ),
)
register_known(
    72,
    KnownKind(
        "诚信记录",
        of_person(IntegrityRecord),
        {
            "开始": lambda r: r.barred_from,
            "结束": lambda r: r.barred_until,
            "事由": lambda r: r.reason,
        },
    ),
)
register_known(
    80,
    KnownKind(
        "消息",
        of_person(Notification),
        {"内容": lambda n: n.text, "时间": lambda n: n.created_at, "已读": lambda n: n.read_at},
        "/notifications",
    ),
)
register_known(
    81,
    KnownKind(
        "统一身份认证",
        of_person(LinkedIdentity),
        {
            "名称": lambda i: i.provider.name,
            "关联时间": lambda i: i.linked_at,
            "最近使用": lambda i: i.last_used_at,
        },
        "/account/ways",
    ),
)
register_known(
    82,
    KnownKind(
        "登录记录",
        of_person(LoginSession),
        {
            "开始": lambda s: s.created_at,
            "结束": lambda s: s.ended_at,
            "地址": lambda s: s.address,
            "设备": lambda s: device_of(s.agent),
        },
        "/account/sessions",
    ),
)
