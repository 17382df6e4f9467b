"""Which forms a declaration asks for: data of the jurisdiction and of the series."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.core.clock import ZONE
from app.declarations.holdings import Holdings
from app.declarations.models import Declaration
from forms import FormSpec, build, load

PERSONAL, PRIOR_TITLE = "declaration/personal", "declaration/prior_title"
FORMS_OF_SERIES = {"中小学教师": "declaration/teaching"}
"""Further forms by the name of the series (专业信息)."""


def personal_form(declaration: Declaration | Holdings) -> FormSpec:
    """Return the form of 个人信息."""
    return load(PERSONAL, declaration.plan.jurisdiction)


def teaching_form(declaration: Declaration | Holdings) -> FormSpec | None:
    """Return the form of 专业信息, or None where the series asks for none."""
    key = FORMS_OF_SERIES.get(declaration.specialty.series.name)
    return load(key, declaration.plan.jurisdiction) if key else None


def prior_title_form(declaration: Declaration | Holdings) -> FormSpec:
    """Return the form of 现有职称情况."""
    return load(PRIOR_TITLE, declaration.plan.jurisdiction)


def held_to(spec: FormSpec, declaration: Declaration | Holdings, now: datetime) -> FormSpec:
    """Return a form as it holds now for the applicant: no day to come, none too early."""
    return spec.at(now.astimezone(ZONE).date(), declaration.person.birth_date)


def faults_of(held: Holdings, now: datetime) -> list[str]:
    """Return what is kept and cannot be, by its label: a day that the rules came after."""
    found = []
    for spec, data in filled_in(held):
        form = build(held_to(spec, held, now).optional())(data=data)
        form.validate()
        found += [f"{label}{text}" for _id, label, text in form.problems()]
    return found


def filled_in(
    declaration: Declaration | Holdings,
) -> list[tuple[FormSpec, Mapping[str, Any]]]:
    """Return the forms of 个人信息 and 专业信息 with what is kept of them."""
    teaching = teaching_form(declaration)
    personal = (personal_form(declaration), declaration.personal)
    return [personal, (teaching, declaration.teaching)] if teaching else [personal]


def missing_labels(declaration: Declaration | Holdings) -> list[str]:
    """Return the labels of required fields that are still empty."""
    return [
        field.label
        for spec, data in filled_in(declaration)
        for field in spec.fields
        if field.required and data.get(field.name) in {None, "", False}
    ]
