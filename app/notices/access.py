"""Who keeps which articles."""

from datetime import datetime

from app.accounts.models import Person
from app.accounts.queries import live_grants
from app.catalogue import jurisdictions
from app.core.clock import now as clock_now
from app.core.db import db
from app.core.permissions import register_predicate
from app.core.storage import StoredFile, register_reader
from app.notices.models import EVERYWHERE, Article
from app.notices.queries import articles_of_file
from app.people.queries import home_of
from app.units.models import Unit

EVERYWHERE_NAME = "全平台"


def kept_jurisdictions(person_id: int, now: datetime) -> list[str] | None:
    """Return where a person publishes: organisers at home; None is everywhere."""
    grants = live_grants(person_id, now)
    if any(grant.role == "system_admin" for grant in grants):
        return None
    units = [g.scope_id for g in grants if g.role == "organiser" and g.scope_kind == "org"]
    found = (db.session.get(Unit, unit_id) for unit_id in units)
    return sorted({unit.jurisdiction for unit in found if unit is not None})


def place_of(person_id: int, now: datetime) -> str:
    """Return the jurisdiction in which somebody works: their own unit's, or that of an office."""
    offices = [g.scope_id for g in live_grants(person_id, now) if g.scope_kind == "org"]
    unit = db.session.get(Unit, offices[0] or 0) if offices else None
    return home_of(person_id) or (unit.jurisdiction if unit else "")


@register_predicate("keeps_article")
def keeps_article(person: Person, article: Article, now: datetime) -> bool:
    """An organiser of the article's jurisdiction, or the system administrator."""
    kept = kept_jurisdictions(person.id, now)
    return kept is None or article.jurisdiction in kept


@register_reader
def may_read_attachment(person_id: int, file: StoredFile) -> bool:
    """Who keeps an article reads its files, whoever uploaded them."""
    kept = kept_jurisdictions(person_id, clock_now())
    if kept == []:
        return False
    articles = articles_of_file(file.id)
    return any(kept is None or article.jurisdiction in kept for article in articles)


def name_of(jurisdiction: str) -> str:
    """Return what a jurisdiction is called on pages."""
    if jurisdiction == EVERYWHERE:
        return EVERYWHERE_NAME
    return jurisdictions.get(jurisdiction).name


def choices_for(person_id: int, now: datetime) -> list[tuple[str, str]]:
    """Return where a person may publish, as a form offers it."""
    kept = kept_jurisdictions(person_id, now)
    if kept is None:
        return [("all", EVERYWHERE_NAME), *((j, name_of(j)) for j in jurisdictions.all_ids())]
    return [(each, name_of(each)) for each in kept]
