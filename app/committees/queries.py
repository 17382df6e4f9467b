"""Reads of committees."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import Select, select

from app.committees.models import Committee
from app.core.db import db
from app.core.errors import Conflict, NotFound


def get_committee(committee_id: int) -> Committee:
    """Return a committee; NotFound when there is none."""
    committee = db.session.get(Committee, committee_id)
    if committee is None:
        raise NotFound("评委会不存在")
    return committee


def require_confirmed(committee: Committee) -> None:
    """Conflict while nobody has held a committee against its filing."""
    if not committee.is_confirmed:
        raise Conflict(f"{committee.name}的备案尚未核对，核对后才能用于计划和会议")


def search_committees(
    text: str = "", level: str = "", series_id: int | None = None, valid_on: date | None = None
) -> Select[tuple[Committee]]:
    """Select committees by part of the name or filing number, the latest filing first."""
    found = select(Committee)
    if text.strip():
        part = text.strip()
        found = found.where(
            Committee.name.contains(part, autoescape=True)
            | Committee.filing_no.contains(part, autoescape=True)
        )
    if level:
        found = found.where(Committee.level == level)
    if series_id:
        found = found.where(Committee.series_id == series_id)
    if valid_on:
        found = found.where(Committee.filed_from <= valid_on, Committee.filed_until >= valid_on)
    return found.order_by(Committee.filed_until.desc(), Committee.id.desc())


def committees_of(unit_ids: Collection[int], on: date) -> list[Committee]:
    """Return the confirmed committees of these organisers whose filing has not run out."""
    found = select(Committee).where(
        Committee.organiser_unit_id.in_(unit_ids),
        Committee.filed_until >= on,
        Committee.confirmed_by.is_not(None),
    )
    return list(db.session.scalars(found.order_by(Committee.name)))
