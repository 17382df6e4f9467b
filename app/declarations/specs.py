"""Which forms a declaration asks for: data of the jurisdiction and of the series."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.core.clock import ZONE
from app.declarations.holdings import Holdings
from app.declarations.models import Declaration, PriorTitle
from forms import FieldSpec, FormSpec, build, load
from forms import missing_labels as missing_labels_in

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


TAKEN = (
    *("obtained_by", "unit", "document_no", "management_no", "series", "specialty", "title"),
    *("level", "reviewer", "issuer", "issued_on"),
)
"""What an item of the portfolio says of a title under the same names as a declaration."""
POST = ("unit", "start", "end", "current")
"""What it says of a post under the same names; what the post is called has a name of its own."""


def given_by(row: PriorTitle) -> dict[str, Any]:
    """Return what the portfolio says of a title that was taken over; nothing of a typed one."""
    data = row.version.data if row.version else {}
    posts = [
        {"name": post.get("post"), **{key: post.get(key) for key in POST}}
        for post in data.get("appointments") or ()
    ]
    given = {name: data[name] for name in TAKEN if data.get(name)}
    return {**given, "appointments": posts} if posts else given


def lacking_of(declaration: Declaration | Holdings, row: PriorTitle) -> list[str]:
    """Return what the form asks of a title that the portfolio does not say, by the labels."""
    files = [file.file_id for file in row.files]
    return missing_labels_in(prior_title_form(declaration), {**row.data, "files": files})


def lacking_in(held: Holdings) -> list[str]:
    """Return what is lacking of any title, each label with the title it is of."""
    return [
        f"现有职称“{row.data.get('title')}”的{label}"
        for row in held.titles
        for label in lacking_of(held, row)
    ]


def typed_form(declaration: Declaration, row: PriorTitle | None) -> FormSpec:
    """Return the form of a title with what is typed of it: what was taken over is left out."""
    spec, given = prior_title_form(declaration), given_by(row) if row else {}
    asked = (
        replace(
            part,
            fields=tuple(
                _beside(field, given) for field in part.fields if field.name not in given
            ),
        )
        for part in spec.sections
    )
    return replace(spec, sections=tuple(part for part in asked if part.fields))


def _beside(field: FieldSpec, given: Mapping[str, Any]) -> FieldSpec:
    """Hold the day of the review to that of the certificate also where that one is not typed."""
    issued = given.get("issued_on")
    if field.name != "reviewed_on" or not issued:
        return field
    return replace(field, max=issued, message=f"须在年满 16 周岁之后，且不晚于发证日期 {issued}")


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
