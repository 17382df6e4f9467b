"""What a unit keeps up to date of itself (完善单位信息, FJ-U-21)."""

from dataclasses import asdict, dataclass
from datetime import datetime

from app.core import audit
from app.core.crypto import fold_id
from app.core.db import db
from app.core.errors import Invalid
from app.core.numbers import checked_id_number, checked_phone
from app.units import tree
from app.units.models import Unit


@dataclass(frozen=True)
class OwnData:
    """What a unit says of itself; the identity number only where it is to be kept anew."""

    legal_person: str
    legal_id: str
    contact_name: str
    contact_phone: str
    address: str
    has_leader: bool


def complete_data(unit: Unit, data: OwnData, *, actor_id: int, now: datetime) -> None:
    """Save what a unit says of itself; an empty identity number leaves the known one.

    Raises Invalid with every fault at its field, such as a number without its person.
    """
    faults: dict[str, list[str]] = {}
    number = _checked("legal_id", data.legal_id, faults, now)
    phone = _checked("contact_phone", data.contact_phone, faults, now)
    if number and not data.legal_person:
        faults["legal_person"] = ["请填写法定代表人姓名"]
    if unit.has_leader and not data.has_leader and tree.leaders_tasks(unit):
        faults["has_leader"] = [tree.LEADER_AT_WORK]
    if faults:
        raise Invalid(errors=faults)
    if number or data.legal_person != unit.legal_person:
        unit.set_legal_id(number)
    said = {**asdict(data), "contact_phone": phone}
    del said["legal_id"]
    changed = [name for name, value in said.items() if getattr(unit, name) != value]
    for name, value in said.items():
        setattr(unit, name, value)
    db.session.flush()
    audit.record(
        "unit:completed",
        subject=("unit", unit.id),
        actor_id=actor_id,
        now=now,
        fields=[*changed, *(["legal_id"] if number else [])],
    )


def _checked(field: str, typed: str, faults: dict[str, list[str]], now: datetime) -> str:
    try:
        if field == "contact_phone":
            return checked_phone(typed, field)
        return checked_id_number(fold_id(typed), now) if typed else ""
    except Invalid as fault:
        faults[field] = [fault.message]
        return ""
