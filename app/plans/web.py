"""What the pages of plans share: the blueprint, forms with today's choices, the plan asked for."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, request
from flask_login import current_user
from wtforms import Form

from app.catalogue import jurisdictions
from app.catalogue.queries import titles_of
from app.committees.queries import committees_of
from app.core.clock import now, today
from app.core.http import grants
from app.core.permissions import ORGANISERS, authorize
from app.plans import axis
from app.plans.models import Plan
from app.plans.parts import TITLE_LEVELS_OF
from app.plans.queries import Filters, get_plan
from forms import build, load
from forms.items import item_types
from forms.spec import FormSpec

bp = Blueprint("plans", __name__)
MOMENT_INPUT = "%Y-%m-%dT%H:%M"

Choices = dict[str, list[tuple[Any, str]]]


def organised_units(*roles: str) -> set[int]:
    """Return the units for which the person of this request organises committees."""
    wanted = roles or ORGANISERS
    return {
        grant.scope_id
        for grant in grants()
        if grant.role in wanted and grant.scope_kind == "org" and grant.scope_id is not None
    }


def plan_to_configure(plan_id: int, *, for_update: bool = False) -> Plan:
    """Return a plan that the person of this request may configure; Forbidden otherwise."""
    plan = get_plan(plan_id, for_update=for_update)
    authorize("plan.configure", current_user, plan, now())
    return plan


def filters() -> Filters:
    """Return what the address asks to see of a list of plans."""
    args = request.args
    year = args.get("year", type=int)
    return Filters(args.get("name", ""), year, args.get("level", ""), args.get("kind", ""))


def committee_choices() -> Choices:
    """Return the committees for which the person may make plans."""
    committees = committees_of(organised_units("organiser"), today())
    labels = [
        (c.id, f"{c.name}（{c.level}，备案至 {c.filed_until.isoformat()}）") for c in committees
    ]
    return {"committees": labels}


def plan_choices(plan: Plan) -> Choices:
    """Return the choices that the forms of a plan ask for."""
    levels = TITLE_LEVELS_OF[plan.committee.level]
    titles = [t for t in titles_of(plan.committee.series_id) if t.level in levels]
    kinds = jurisdictions.get(plan.jurisdiction).declaration_kinds
    return {
        "declaration_kinds": [(kind, kind) for kind in kinds],
        "titles": [(t.id, _title_label(t.category, t.name, t.level)) for t in titles],
        "item_types": [(key, kind.title) for key, kind in item_types().items()],
    }


def _title_label(category: str, name: str, level: str) -> str:
    return f"{category} · {name}（{level}）" if category else f"{name}（{level}）"


def form_of(
    spec: FormSpec, choices: Choices | None = None, data: Mapping[str, Any] | None = None
) -> Any:
    """Return a form with what was posted, or else with `data`."""
    made: type[Form] = build(spec, choices=choices or {})
    return made(request.form) if request.method == "POST" else made(data=dict(data or {}))


def form_named(
    key: str, choices: Choices | None = None, data: Mapping[str, Any] | None = None
) -> Any:
    """Return the form described by a file, posted or filled with `data`."""
    return form_of(load(key), choices, data)


def moment_text(value: Any) -> Any:
    """Return a moment as its input shows it."""
    return value.strftime(MOMENT_INPUT) if value else ""


@bp.app_template_global()
def plan_points(plan: Plan) -> list[axis.Point]:
    """Return the time axis of a plan as its pages draw it."""
    return axis.points(plan, now())


@bp.app_template_global()
def plan_uncovered_years(plan: Plan) -> list[int]:
    """Return the years of the axis whose official calendar is not known yet."""
    return axis.uncovered_years(plan)


@bp.app_template_global()
def item_type_title(key: str) -> str:
    """Return the name of a portfolio type; the key itself for one that is no longer offered."""
    kind = item_types().get(key)
    return kind.title if kind else key
