"""Which forms a declaration asks for: data of the jurisdiction and of the series."""

from app.declarations.holdings import Holdings
from app.declarations.models import Declaration
from forms import FormSpec, load

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


def missing_labels(declaration: Declaration | Holdings) -> list[str]:
    """Return the labels of required fields that are still empty."""
    pairs = (
        (personal_form(declaration), declaration.personal),
        (teaching_form(declaration), declaration.teaching),
    )
    return [
        field.label
        for spec, data in pairs
        if spec is not None
        for field in spec.fields
        if field.required and data.get(field.name) in {None, "", False}
    ]
