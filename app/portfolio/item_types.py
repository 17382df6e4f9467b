"""The kinds of items a portfolio holds, as forms/portfolio describes them (业绩类型)."""

import contextlib
import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

import forms
from app.accounts.models import Person
from app.core.clock import ZONE
from app.core.db import db
from app.core.errors import NotFound
from app.portfolio.models import SUMMARY_LENGTH, ItemTypeText, ItemVersion, PortfolioItem
from forms import FieldSpec, FormSpec, ItemType, build
from forms.items import item_type_from

__all__ = [
    "ItemType",
    "all_types",
    "asked_of",
    "fields_of",
    "form_of",
    "get",
    "marks_of",
    "of",
    "slot_of",
    "special_to",
    "stamp",
    "summary_of",
    "under",
]


def all_types() -> list[ItemType]:
    """Return every type in the order of the tree."""
    return list(forms.item_types().values())


def special_to(series: Collection[str]) -> list[ItemType]:
    """Return the types that only people of these title series have (卫生专用, FJ-P-14)."""
    return [kind for kind in all_types() if set(kind.series) & set(series)]


def get(key: str) -> ItemType:
    """Return a type; NotFound for an unknown one."""
    kind = forms.item_types().get(key)
    if kind is None:
        raise NotFound("没有这种业绩类型")
    return kind


def of(record: PortfolioItem | ItemVersion) -> ItemType:
    """Return the type under which a record was written, whatever became of it since."""
    return under(record.type_key, record.type_version)


def when_of(record: PortfolioItem | ItemVersion) -> str:
    """Return the time of a record as people read it, everywhere the same: 2003-09 至 2007-06."""
    return of(record).when(record.data)


def under(key: str, version: str | None) -> ItemType:
    """Return a version of a type; with none given, the type as it is described now."""
    present = forms.item_types().get(key)
    if version is None or (present and present.version == version):
        return present or get(key)
    former = db.session.get_one(ItemTypeText, version)
    return item_type_from(former.text, former.type_key)


def stamp(item: PortfolioItem) -> None:
    """Note that an item is being written under its type as it is described now."""
    kind = get(item.type_key)
    if item.type_version == kind.version:
        return
    if db.session.get(ItemTypeText, kind.version) is None:
        text = ItemTypeText(version=kind.version, type_key=kind.key, text=kind.source)
        with contextlib.suppress(IntegrityError), db.session.begin_nested():
            db.session.add(text)
    item.type_version = kind.version


def fields_of(kind: ItemType) -> tuple[FieldSpec, ...]:
    """Return the typed fields of a type; its attachment slots are kept apart."""
    return tuple(field for field in kind.form.fields if field not in kind.slots)


def asked_of(kind: ItemType, data: Mapping[str, Any]) -> list[FieldSpec]:
    """Return the typed fields that are asked for beside these answers, and those answered."""
    fields = fields_of(kind)
    if not any(field.only for field in fields):
        return list(fields)
    form: Any = build(kind.form)(data=dict(data))
    return [
        field
        for field in fields
        if not field.only or not form[field.name].is_empty() or form[field.name].is_required(form)
    ]


def form_of(kind: ItemType, person: Person, now: datetime) -> FormSpec:
    """Return the form of a type as it holds now for somebody: no day to come, none too early."""
    return kind.form.at(now.astimezone(ZONE).date(), person.birth_date)


def slot_of(kind: ItemType, name: str) -> FieldSpec:
    """Return an attachment slot; NotFound for an unknown one."""
    for slot in kind.slots:
        if slot.name == name:
            return slot
    raise NotFound("没有这个附件栏")


def summary_of(kind: ItemType, data: Mapping[str, Any]) -> str:
    """Return the one line of an item; nothing while its words are still missing."""
    return kind.summary(data).replace("《》", "").strip()[:SUMMARY_LENGTH]


def marks_of(kind: ItemType, data: Mapping[str, Any]) -> set[str]:
    """Return the hashes by which the same achievement of two people is found."""
    return {hashlib.sha256(told.encode()).hexdigest() for told in kind.identities(data)}
