"""The evaluation form (职称评审表): the declaration on paper, with what every office said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.catalogue import jurisdictions
from app.core.errors import Conflict, NotFound
from app.core.storage import StoredFile, read_bytes
from app.declarations.holdings import Holdings
from app.declarations.models import Declaration, EntrySection, Status
from app.declarations.overview import (
    EntryView,
    Overview,
    Pairs,
    block_of_part,
    overview_of,
    title_pairs,
)
from app.declarations.queries import opinions_of, recommendation_of, snapshots_of
from app.declarations.snapshots import held_by
from app.papers.decisions import Opinion, Vote, approval_of, vote_on
from app.papers.rendering import picture, render_pdf
from app.portfolio import item_types
from forms import display

TEMPLATE = "documents/evaluation_form.html"
WRITINGS = frozenset({"paper", "book"})
UNIT_STAGES = {"vet_declaration": "经办人", "endorse_declaration": "负责人"}
SUPERIOR_STAGES = {
    "vet_forwarded": "经办人",
    "endorse_forwarded": "负责人",
    "accept_declaration": "受理人",
}
"""Steps of the review, and what the person who does them is on paper."""
PASSED = "pass"


@dataclass(frozen=True)
class Grid:
    """A table of the form: heads with their widths in per cent, and rows of texts."""

    heads: Sequence[tuple[str, int]]
    rows: Sequence[Sequence[str]]
    title: str = ""


@dataclass(frozen=True)
class EvaluationForm:
    """Everything that the form prints."""

    declaration: Declaration
    cover: Pairs
    basics: Sequence[Pairs]
    photo: str
    titles: Grid
    studies: Sequence[Grid]
    work: Grid
    merits: Grid
    writings: Grid
    assessments: Grid
    unit: Sequence[Opinion]
    superiors: Sequence[Opinion]
    declared: Pairs
    vote: Vote | None = None
    approval: Pairs = field(default_factory=list)

    @property
    def counts(self) -> Sequence[str]:
        """The figures of the vote in the order of the boxes; empty boxes before they are final."""
        if self.vote is None:
            return ("",) * 6
        vote = self.vote
        figures = (vote.members, vote.present, vote.yes, vote.no, vote.abstain, vote.recused)
        return [str(figure) for figure in figures]

    @property
    def conclusion(self) -> str:
        """What the committee decided; nothing before it is final."""
        if self.vote is None:
            return ""
        if self.declaration.status == Status.REVOKED:
            return "通过（评审结果已撤销）"
        return "通过" if self.vote.passed else "未通过"


def check_available(declaration: Declaration) -> None:
    """Refuse (Conflict) before the jurisdiction lets the form appear (评审表生成时机)."""
    when = jurisdictions.get(declaration.plan.jurisdiction).evaluation_form_appears
    if when == "passing" and declaration.status not in {Status.PASSED, Status.REVOKED}:
        raise Conflict("本地区的职称评审表在评审通过后生成，目前不能导出")
    check_submitted(declaration, "职称评审表")


def check_submitted(declaration: Declaration, paper: str) -> None:
    """Refuse (Conflict) a paper of a declaration that was never sent up."""
    if declaration.submitted_at is None:
        raise Conflict(f"{paper}在提交申报后生成，请先提交申报")


def chinese_date(moment: datetime | None) -> str:
    """Return a moment's day as 2026年11月20日."""
    return f"{moment.year}年{moment.month}月{moment.day}日" if moment else ""


def _cells(view: EntryView, *names: str) -> list[str]:
    """Return fields of an import as people read them."""
    data = view.entry.version.data
    fields = {f.name: f for f in item_types.of(view.entry.version).form.fields}
    return [display(fields[n], data.get(n)) if n in fields else "" for n in names]


def _when(view: EntryView) -> str:
    """Return when it happened, as exactly as it was told: a month stays a month."""
    kind, data = item_types.of(view.entry.version), view.entry.version.data
    told = [name for name in kind.date_fields if data.get(name)]
    return kind.term(data) or (_cells(view, told[0])[0] if told else view.when)


def _of_version(text: str, older: str | None) -> str:
    """Return a text of an import, and which version it is where it is no longer the one kept."""
    return f"{text}（{older}）" if older else text


def _noted(view: EntryView, *names: str) -> list[str]:
    """Return fields of an import, the first with its version where there is a later one."""
    first, *others = _cells(view, *names)
    return [_of_version(first, view.older), *others]


def _views(held: Holdings, section: str) -> list[EntryView]:
    return [v for group in block_of_part(held, section).groups for v in group.entries]


def _studies(held: Holdings) -> list[Grid]:
    education = _views(held, EntrySection.EDUCATION)
    training = _views(held, EntrySection.TRAINING)
    return [
        Grid(
            [("起止年月", 24), ("毕业院校", 28), ("所学专业", 22), ("学历", 13), ("学位", 13)],
            [[v.when, *_noted(v, "school", "major", "level", "degree")] for v in education],
            "学历教育",
        ),
        Grid(
            [
                *[("年度", 12), ("专业科目学时", 15), ("公需科目学时", 15)],
                *[("组织单位", 24), ("学习内容", 34)],
            ],
            [
                [
                    *_cells(v, "year", "hours_professional", "hours_public"),
                    *_noted(v, "organiser", "content"),
                ]
                for v in training
            ],
            "继续教育",
        ),
    ]


def _work(held: Holdings) -> Grid:
    return Grid(
        [("起止年月", 22), ("工作单位", 28), ("从事工作及岗位", 20), ("经历内容", 30)],
        [[v.when, *_noted(v, "unit", "post", "content")] for v in _views(held, EntrySection.WORK)],
    )


def _assessments(held: Holdings) -> Grid:
    return Grid(
        [("考核年度", 20), ("考核结果", 20), ("考核单位", 60)],
        [
            [
                *_cells(v, "year"),
                str(v.entry.extra.get("result") or ""),
                _of_version(_cells(v, "unit")[0] or held.unit.name, v.older),
            ]
            for v in _views(held, EntrySection.ASSESSMENT)
        ],
    )


def _merits(overview: Overview, *, written: bool) -> Grid:
    found = [
        (group.title, view)
        for block in overview.categories
        for group in block.groups
        for view in group.entries
        if (view.entry.version.type_key in WRITINGS) == written
    ]
    return Grid(
        [("序号", 7), ("评审标准项", 25), ("名称及内容", 42), ("时间", 16), ("排名", 10)],
        [
            [
                *(str(no), title, _of_version(f"{view.kind}：{view.summary}", view.older)),
                *(_when(view), view.rank),
            ]
            for no, (title, view) in enumerate(found, 1)
        ],
    )


def _titles(declaration: Declaration, overview: Overview) -> Grid:
    heads = ("资格名称", "专业名称", "评审日期", "评审机构", "证书编号")
    rows = []
    for row in overview.titles:
        told, older = dict(title_pairs(declaration, row)), overview.older
        name = _of_version(told[heads[0]], older.get(row.item_version_id or 0))
        rows.append({**told, heads[0]: name})
    widths = (18, 18, 18, 26, 20)
    return Grid(
        list(zip(heads, widths, strict=True)),
        [[row.get(head, "") for head in heads] for row in rows],
        "现有职称",
    )


def _declared(held: Holdings) -> Pairs:
    return [
        ("申报系列", held.specialty.series.name),
        ("申报专业", held.specialty.name),
        ("申报资格", f"{held.title.name}（{held.title.level}）"),
        ("申报形式", held.kind),
    ]


def _cover(held: Holdings) -> Pairs:
    return [
        ("单\N{IDEOGRAPHIC SPACE}\N{IDEOGRAPHIC SPACE}位", held.unit.name),
        ("姓\N{IDEOGRAPHIC SPACE}\N{IDEOGRAPHIC SPACE}名", held.person.name),
        *_declared(held),
        ("填表日期", chinese_date(held.declaration.submitted_at)),
    ]


def in_pairs(pairs: Pairs) -> list[Pairs]:
    """Return labelled texts two to a line; the last line may hold one."""
    return [pairs[at : at + 2] for at in range(0, len(pairs), 2)]


def _basics(declaration: Declaration, overview: Overview) -> list[Pairs]:
    person = declaration.person
    unit = declaration.unit_as_sent
    birth = f"{person.birth_date:%Y-%m-%d}" if person.birth_date else ""
    first: Pairs = [
        ("姓名", person.name),
        ("性别", person.gender),
        ("出生日期", birth),
        (person.id_type, person.masked_id_number),
        ("工作单位", unit.name),
        ("单位性质", unit.kind),
    ]
    return in_pairs([*first, *overview.personal, *overview.teaching])


def printed_photo(file: StoredFile | None) -> str:
    """Return the photo as a template prints it; nothing when there is none."""
    try:
        return picture(read_bytes(file), file.media_type) if file else ""
    except NotFound:
        return ""


def _opinions(declaration: Declaration, stages: Mapping[str, str]) -> list[Opinion]:
    """Return what the offices of these stages wrote when they passed the last submission."""
    last = declaration.round
    return [
        Opinion(
            o.office.name,
            o.opinion or "同意",
            f"{stages[o.stage]}：{o.person.name}",
            chinese_date(o.at),
        )
        for o in opinions_of(declaration.id)
        if o.stage in stages and o.decision == PASSED and o.round == last
    ]


def _of_unit(declaration: Declaration) -> list[Opinion]:
    given = recommendation_of(declaration.id)
    said = _opinions(declaration, UNIT_STAGES)
    if given is None or given.round != declaration.round:
        return said
    days = f"{given.publicity_from:%Y-%m-%d} 至 {given.publicity_to:%Y-%m-%d}"
    text = f"单位公示：{days}。{given.opinion}"
    if given.quota_note:
        text += f"（岗位使用：{given.quota_note}）"
    return [Opinion(given.office.name, text, "", chinese_date(given.given_at)), *said]


def form_of(declaration: Declaration) -> EvaluationForm:
    """Return what the form of a declaration prints: what was sent up, not what is being typed."""
    held = held_by(declaration, snapshots_of(declaration.id), is_own=False)
    overview = overview_of(held)
    return EvaluationForm(
        declaration=declaration,
        cover=_cover(held),
        basics=_basics(declaration, overview),
        photo=printed_photo(held.photo),
        titles=_titles(declaration, overview),
        studies=_studies(held),
        work=_work(held),
        merits=_merits(overview, written=False),
        writings=_merits(overview, written=True),
        assessments=_assessments(held),
        unit=_of_unit(declaration),
        superiors=_opinions(declaration, SUPERIOR_STAGES),
        declared=_declared(held),
        vote=vote_on(declaration),
        approval=approval_of(declaration),
    )


def render_evaluation_form(form: EvaluationForm) -> bytes:
    """Return the form as PDF."""
    context: dict[str, Any] = {"form": form, "declaration": form.declaration}
    return render_pdf(TEMPLATE, context)
