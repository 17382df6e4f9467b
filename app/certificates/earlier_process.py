"""What earlier certificates tell the permission table and the personal centre."""

from datetime import datetime

from app.accounts.models import Person
from app.accounts.queries import works_at
from app.certificates import earlier_import
from app.certificates.earlier import select_of_person
from app.certificates.models import EarlierCertificate
from app.core.permissions import register_predicate
from app.people.known import KnownKind, register_known

__all__ = ["earlier_import"]


@register_predicate("keeps_earlier")
def keeps_earlier(person: Person, certificate: EarlierCertificate, now: datetime) -> bool:
    """An issuer of the office that entered it."""
    return works_at(person.id, certificate.keeper_unit_id, {"issuer"}, now)


register_known(
    62,
    KnownKind(
        "往年证书",
        select_of_person,
        {
            "证书编号": lambda c: c.number,
            "系列": lambda c: c.series,
            "专业": lambda c: c.specialty,
            "职称名称": lambda c: c.title,
            "职称级别": lambda c: c.level,
            "取得资格时间": lambda c: c.obtained_on,
            "发证单位": lambda c: c.issuer,
            "登记单位": lambda c: c.keeper.name,
        },
        "/certificates",
    ),
)
