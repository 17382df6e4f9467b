"""The papers of a kind of declaration: 破格审批表 and 转评申报表 (FJ-P-55, AH-P-51)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.core.errors import NotFound
from app.declarations.models import Declaration
from app.declarations.overview import Pairs
from app.declarations.queries import snapshots_of
from app.papers.decisions import Opinion
from app.papers.evaluation_form import EvaluationForm, Grid, form_of, in_pairs
from app.papers.rendering import render_pdf

TEMPLATE = "documents/kind_form.html"


@dataclass(frozen=True)
class Kind:
    """What sets the paper of a kind apart; the kinds themselves are named by jurisdictions."""

    starts_with: str
    title: str
    merits: str
    reason_heading: str
    reason_hint: str
    approvals: Sequence[str]


KINDS = (
    Kind(
        "破格",
        "专业技术资格破格申报审批表",
        "破格条件业绩",
        "破格情形及理由",
        "□ 学历不具备　　□ 资历不具备　　（由申报人对照评审条件写明不具备的条件和符合的破格条款）",
        ("评委会组建单位审批意见", "人力资源和社会保障部门审批意见"),
    ),
    Kind(
        "转评",
        "专业技术资格转评申报表",
        "现岗位主要业绩",
        "转评理由",
        "（由申报人写明转换岗位的时间、原因和现岗位工作情况）",
        ("评委会组建单位意见",),
    ),
)


@dataclass(frozen=True)
class KindForm:
    """Everything that such a paper prints."""

    title: str
    number: str
    plan: str
    basics: Sequence[Pairs]
    photo: str
    grids: Sequence[tuple[str, Grid]]
    reason_heading: str
    reason_hint: str
    unit: Sequence[Opinion]
    superiors: Sequence[Opinion]
    approvals: Sequence[str]


def kind_of(declaration: Declaration) -> Kind | None:
    """Return the kind that asks for a paper of its own; None for an ordinary declaration.

    What was sent up counts, not what is being typed.
    """
    sent = snapshots_of(declaration.id) if declaration.is_editable else []
    declared = sent[-1].content["held"]["kind"] if sent else declaration.kind
    return next((k for k in KINDS if declared.startswith(k.starts_with)), None)


def _basics(made: EvaluationForm) -> Sequence[Pairs]:
    who = [pair for line in made.basics for pair in line][:6]
    return in_pairs([*who, *made.declared])


def kind_form_of(declaration: Declaration) -> KindForm:
    """Return the paper of the declaration's kind; NotFound for an ordinary one."""
    kind = kind_of(declaration)
    if kind is None:
        raise NotFound("该申报形式没有单独的审批表")
    made = form_of(declaration)
    education = made.studies[0]
    return KindForm(
        title=kind.title,
        number=declaration.number or "",
        plan=declaration.plan.name,
        basics=_basics(made),
        photo=made.photo,
        grids=[
            (made.titles.title, replace(made.titles, title="")),
            (education.title, replace(education, title="")),
            ("工作经历", made.work),
            (kind.merits, made.merits),
            ("论文著作", made.writings),
            ("年度考核", made.assessments),
        ],
        reason_heading=kind.reason_heading,
        reason_hint=kind.reason_hint,
        unit=made.unit,
        superiors=made.superiors,
        approvals=kind.approvals,
    )


def render_kind_form(form: KindForm) -> bytes:
    """Return the paper as PDF."""
    return render_pdf(TEMPLATE, {"form": form})
