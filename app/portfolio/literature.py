"""文献导入: entries of a bibliography as drafts, chosen first; no network is asked."""

import codecs
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select

from app.accounts.models import Person
from app.core.children import Busy, TooSlow, heard, run_child
from app.core.db import db
from app.core.errors import Invalid, TooLarge
from app.portfolio import item_types
from app.portfolio.item_types import ItemType
from app.portfolio.models import PortfolioItem
from app.portfolio.operations import create_item
from app.portfolio.origins import answered, hold_portfolio, origin_of
from forms import build, display
from forms.identity import essence
from rules.checks.identifiers import doi

words_of = partial(essence, "words")
"""The letters and digits of a title: spaces, signs, width and case say nothing."""
WAY = "literature"
CHILD = "app.portfolio.literature_child"
SECONDS, PATIENCE, MEMORY = 10, 40, 512 * 2**20
MOST_BYTES = 500_000
MEDIA_TYPE = "text/plain"
COSTLY = "读取文献所需的时间或内存超过限度，请分批导入"
BUSY = "服务器太忙，没有来得及读取文献，请过几分钟再试"
ACCEPTED = ".bib,.ris,.enw,.txt"
TYPED = {
    "doi": "DO",
    "title": "TI",
    "journal": "JO",
    "number": "SN",
    "date": "DA",
    "authors": "",
}
"""What is typed of one paper, and the tags under which it is read."""
AND_OTHERS = frozenset({"others", "et al", "et al.", "等"})
KIND_WORDS = {
    "article": "期刊论文",
    "conference": "会议论文",
    "book": "图书",
    "chapter": "图书章节",
    "thesis": "学位论文",
    "patent": "专利",
    "other": "其他文献",
}
TAKEN, REPEATED, ALIKE, NO_TYPE = "taken", "repeated", "alike", "no_type"
STANDS = {
    TAKEN: "业绩库已有",
    REPEATED: "与前面的一条重复",
    ALIKE: "业绩库有同名业绩，请核对",
    NO_TYPE: "没有对应的业绩类型，请逐项填写",
}


class NothingTaken(Invalid):
    """Nothing was chosen of what may be taken."""


@dataclass(frozen=True)
class Bibliography:
    """What a text holds: its entries, and the lines of those that cannot be read."""

    entries: Sequence[Mapping[str, Any]]
    lost: Sequence[int] = ()


@dataclass(frozen=True)
class Candidate:
    """An entry as the item it would become."""

    no: int
    entry: Mapping[str, Any]
    kind: ItemType | None
    data: Mapping[str, Any]
    # What the form refuses of the entry: the field's label and the words.
    refused: Sequence[tuple[str, str]] = ()
    missing: Sequence[str] = ()
    origin: str = ""
    stands: str = ""

    @property
    def can_be_taken(self) -> bool:
        """Whether it may be chosen: neither there already nor of no type."""
        return self.stands in {"", ALIKE}

    @property
    def lines(self) -> list[tuple[str, str]]:
        """What the draft would say, by label."""
        fields = item_types.fields_of(self.kind) if self.kind else ()
        return [(f.label, display(f, self.data[f.name])) for f in fields if f.name in self.data]


def decoded(content: bytes) -> str:
    """Return the text of a file; Invalid for what is none, TooLarge beyond the limit."""
    if len(content) > MOST_BYTES:
        raise TooLarge(f"文献内容不能超过 {MOST_BYTES // 1000} KB，请分批导入", field="file")
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
        break
    raise Invalid("文件不是文本，请上传 .bib、.ris、.enw 或 .txt 文件", field="file")


def read_text(text: str, *, seconds: int = SECONDS) -> Bibliography:
    """Return what a bibliography holds, read by a child process with limits.

    Invalid where it is empty or of no known format, TooLarge where it is too much, Busy where
    there is no turn for it.
    """
    if not text.strip():
        raise Invalid("请粘贴文献内容，或选择文件", field="text")
    content = text.encode("utf-8", "replace")
    if len(content) > MOST_BYTES:
        raise TooLarge(f"文献内容不能超过 {MOST_BYTES // 1000} KB，请分批导入", field="text")
    try:
        child = run_child(CHILD, str(seconds), str(MEMORY), given=content, patience=PATIENCE)
    except Busy as error:
        raise Busy(BUSY) from error
    except TooSlow as error:
        raise TooLarge(COSTLY, field="text") from error
    said = heard(child.stdout, COSTLY, "text")
    return Bibliography(said["entries"], said["lost"])


def checked_paper(typed: Mapping[str, str]) -> dict[str, str]:
    """Return what was typed of one paper, in order; Invalid tells what is wrong at its field."""
    told = {name: " ".join(typed.get(name, "").split()) for name in TYPED}
    told["doi"] = told["doi"].replace(" ", "")
    faults: dict[str, list[str]] = {}
    if not told["title"]:
        faults["title"] = ["请填写论文名称"]
    if told["doi"] and (fault := doi(told["doi"])):
        faults["doi"] = [fault]
    if told["date"] and not re.fullmatch(r"\d{4}(-(0[1-9]|1[0-2]))?", told["date"], re.ASCII):
        faults["date"] = ["请填写年份或年月，如 2024-05"]
    if faults:
        raise Invalid(errors=faults)
    return told


def as_text(told: Mapping[str, str]) -> str:
    """Return what was typed of one paper as a record that is read like any other (RIS)."""
    lines = ["TY  - JOUR"]
    lines += [f"{tag}  - {told[name]}" for name, tag in TYPED.items() if tag and told[name]]
    names = re.split(r"[、，,;；]", told["authors"])
    lines += [f"AU  - {each.strip()}" for each in names if each.strip()]
    return "\n".join([*lines, "ER  - "])


def _type_of(kind: str) -> ItemType | None:
    return next((t for t in item_types.all_types() if kind in t.literature.kinds), None)


def _sources(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return what an entry tells of somebody's work, by what the types ask of it."""
    authors = [each for each in entry["authors"] if each.casefold() not in AND_OTHERS]
    names = [words_of(each) for each in authors]
    place = names.index(words_of(name)) + 1 if words_of(name) in names else None
    is_whole = len(authors) == len(entry["authors"])
    date = entry["date"]
    return {
        "title": entry["title"],
        "journal": entry["journal"],
        "publisher": entry["publisher"],
        "number": " ".join(filter(None, (entry["number"], entry["cn"] and f"CN {entry['cn']}"))),
        "month": date if len(date) == len("2024-05") else "",
        "issue": _issue(date[:4], entry["volume"], entry["issue"]),
        "pages": entry["pages"],
        "doi": entry["doi"],
        "link": f"https://doi.org/{entry['doi']}" if entry["doi"] else entry["url"],
        "position": place,
        "authors": len(authors) if authors and is_whole else None,
    }


def _issue(year: str, volume: str, number: str) -> str:
    """Return where a paper stands in its journal (年卷期); a year alone does not say it."""
    told = [
        text if unit in text else f"第{text}{unit}"
        for text, unit in ((volume, "卷"), (number, "期"))
        if text
    ]
    return "".join([f"{year}年" if year else "", *told]) if told else ""


def _candidate(no: int, entry: Mapping[str, Any], person: Person, now: datetime) -> Candidate:
    kind = _type_of(entry["kind"])
    if kind is None:
        return Candidate(no, entry, None, {}, stands=NO_TYPE)
    told = _sources(entry, person.name)
    typed = {name: told[source] for name, source in kind.literature.fields.items()}
    spec = item_types.form_of(kind, person, now)
    form: Any = build(spec.optional())(data=typed)
    form.validate()
    refused = [
        (form[name].label.text, "；".join(map(str, form[name].errors)))
        for name in typed
        if form[name].errors
    ]
    data = answered({name: form[name].to_json() for name in typed if not form[name].errors})
    due: Any = build(spec)(data=data)
    missing = [
        field.label
        for field in item_types.fields_of(kind)
        if due[field.name].is_required(due) and due[field.name].is_empty()
    ]
    work = words_of(entry["doi"]) or [words_of(entry["title"]), entry["date"][:4]]
    return Candidate(no, entry, kind, data, refused, missing, origin_of(WAY, kind.key, work))


def candidates(found: Bibliography, *, actor: Person, now: datetime) -> list[Candidate]:
    """Return the entries as the items they would become, each with what speaks against it."""
    made = [_candidate(no, entry, actor, now) for no, entry in enumerate(found.entries)]
    keys = {each.kind.key for each in made if each.kind}
    mine = select(PortfolioItem).where(
        PortfolioItem.person_id == actor.id, PortfolioItem.type_key.in_(keys)
    )
    held = list(db.session.scalars(mine))
    origins = {item.origin for item in held if item.origin}
    claims = {
        claim for item in held for claim in item_types.marks_of(item_types.of(item), item.data)
    }
    titles = {_title(item_types.of(item), item.data) for item in held}
    judged: list[Candidate] = []
    for each in made:
        stands = _stands(each, origins, claims, titles, {one.origin for one in judged})
        judged.append(replace(each, stands=stands))
    return judged


def _stands(
    each: Candidate,
    origins: Collection[str],
    claims: set[str],
    titles: Collection[tuple[str, str]],
    before: Collection[str],
) -> str:
    if each.kind is None:
        return NO_TYPE
    if each.origin in origins or claims & item_types.marks_of(each.kind, each.data):
        return TAKEN
    if each.origin in before:
        return REPEATED
    title = _title(each.kind, each.data)
    return ALIKE if title[1] and title in titles else ""


def _title(kind: ItemType, data: Mapping[str, Any]) -> tuple[str, str]:
    """Return a type and the title of an item of it as entries are told apart by it."""
    sources = kind.literature.fields.items()
    name = next((name for name, source in sources if source == "title"), "")
    return kind.key, words_of(str(data.get(name) or ""))


def take(
    found: Bibliography, picked: Collection[int], *, actor: Person, now: datetime
) -> list[PortfolioItem]:
    """Make drafts of the chosen entries; NothingTaken where none is left to be taken.

    What came into the portfolio meanwhile is passed over: nothing is taken twice.
    """
    if not picked:
        raise NothingTaken("请先勾选要导入的文献", field="pick")
    hold_portfolio(actor.id)
    wanted = [
        (each, each.kind)
        for each in candidates(found, actor=actor, now=now)
        if each.no in picked and each.can_be_taken and each.kind
    ]
    made = [
        create_item(kind.key, actor=actor, now=now, data=each.data, origin=each.origin)
        for each, kind in wanted
    ]
    if not made:
        raise NothingTaken("所选文献业绩库都已有，没有重复导入", field="pick")
    return made
