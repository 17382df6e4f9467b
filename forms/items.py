"""Portfolio item types (业绩类型): each YAML file in portfolio/ is one, nothing else needed."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from forms import values
from forms.builder import display, period
from forms.identity import READINGS, Way, identities
from forms.literature import KEY, NO_LITERATURE, Literature, literature_from
from forms.loader import form_from, mapping_from
from forms.spec import FieldSpec, FormSpec, FormSpecError

FOLDER = Path(__file__).parent / "portfolio"
CATEGORIES = (
    "基本信息",
    "考核表彰",
    "能力条件",
    "工作业绩",
    "论文著作科研",
    "对外援助",
    "行业专用",
)
"""The tree of the portfolio (业绩档案, FJ-U-06)."""

SLOTS = "attachments"
"""The section of a type's form that holds its attachment slots."""

_OWN_KEYS = frozenset(
    {"category", "order", "summary", "occurred_on", "rank", "identity", "slots", "series"}
    | {"unique"}
)
_OWN_KEYS |= {KEY}
_PART = re.compile(r"\{(\w+)\}")
_TITLE = re.compile("《([^《》]*)》")


@dataclass(frozen=True, slots=True)
class ItemType:
    """One kind of record: its form, its attachment slots, and how it is named in lists."""

    key: str
    title: str
    category: str
    order: int
    form: FormSpec
    slots: tuple[FieldSpec, ...]
    summary_template: str
    date_fields: tuple[str, ...]
    rank_template: str
    # The ways in which two claims are of the same achievement, see forms/identity.py.
    identity_ways: tuple[Way, ...] = ()
    literature: Literature = NO_LITERATURE
    # The title series whose people alone have such records (卫生专用); none: everybody.
    series: tuple[str, ...] = ()
    # Fields of which each chosen value may stand in one record of a person only.
    unique_fields: tuple[str, ...] = ()
    # What describes it, and the hash of that: the version under which records are written.
    source: str = field(default="", repr=False)
    version: str = ""

    def slot(self, name: str) -> FieldSpec:
        """Return the attachment slot of this name. Raises KeyError."""
        return {slot.name: slot for slot in self.slots}[name]

    def summary(self, data: Mapping[str, Any]) -> str:
        """Return the one line that stands for a record in lists and papers.

        Nothing while none of its parts is answered: its words alone say nothing.
        """
        names = _PART.findall(self.summary_template)
        if not any(display(self.form.field(name), data.get(name)) for name in names):
            return ""
        text = self._filled(self.summary_template, data).replace("《》", "")
        return " ".join(text.split())

    def occurred_on(self, data: Mapping[str, Any]) -> date | None:
        """Return the day a record is dated: a month counts from its first day, a year is its last.

        The first answered of the type's date fields decides; None for a half-typed draft.
        """
        for name in self.date_fields:
            day = _day(data.get(name))
            if day:
                return day
        return None

    def when(self, data: Mapping[str, Any]) -> str:
        """Return the time as exactly as it was given: a term, a year, a month, a day."""
        if told := self.term(data):
            return told
        if data.get("year"):
            return f"{data['year']} 年度"
        # A half-typed draft may tell only when it began.
        days = (data.get(name) for name in (*self.date_fields, "start"))
        return next((str(day) for day in days if day), "")

    def term(self, data: Mapping[str, Any]) -> str:
        """Return from when to when it lasted, or that it goes on; empty where that is not told."""
        start, end = data.get("start"), data.get("end")
        return period(start, end) if start and (end or self._goes_on(data)) else ""

    def _goes_on(self, data: Mapping[str, Any]) -> bool:
        """Tell whether the answers on which the end is due (至今, 在研) were given otherwise."""
        end = next((each for each in self.form.fields if each.name == "end"), None)
        if end is None or end.required:
            return False
        return all(
            _as_condition(data.get(name)) not in {"", *wanted}
            for name, wanted in end.required_when
        )

    def rank(self, data: Mapping[str, Any]) -> str | None:
        """Return the person's rank among the participants, "1/10", or None."""
        names = _PART.findall(self.rank_template)
        if not names or any(data.get(name) in {None, ""} for name in names):
            return None
        return self._filled(self.rank_template, data)

    def place(self, data: Mapping[str, Any]) -> tuple[int | None, int | None]:
        """Return the person's place and how many took part, as far as they are answered."""
        given = [data.get(name) for name in _PART.findall(self.rank_template)]
        known = [int(text) if (text := str(value or "")).isdecimal() else None for value in given]
        place, among = (*known, None, None)[:2]
        return place, among

    @property
    def defaults(self) -> dict[str, Any]:
        """Return the answers a new record starts with."""
        return {each.name: each.default for each in self.form.fields if each.default is not None}

    def flags(self, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return field and value of everything that no other record of the person may have."""
        found = []
        for name in self.unique_fields:
            value = data.get(name) or []
            values_of = value if isinstance(value, list) else [value]
            found += [(name, str(each)) for each in values_of]
        return found

    def identities(self, data: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what tells the achievement itself apart, however it was typed: one text a way.

        Two people who were given the same award or wrote the same paper share one of them.
        """
        return identities(self.key, self.identity_ways, data)

    def _filled(self, template: str, data: Mapping[str, Any]) -> str:
        def text(match: re.Match[str]) -> str:
            shown = display(self.form.field(match[1]), data.get(match[1]))
            # Many type a title with the marks that stand around it here already.
            whole = _TITLE.fullmatch(shown)
            return whole[1] if whole and template[: match.start()].endswith("《") else shown

        return _PART.sub(text, template)


def _as_condition(answer: Any) -> str:
    """Return an answer as a condition names it: a box is true or false, no answer is empty."""
    if isinstance(answer, bool):
        return str(answer).lower()
    return "" if answer is None else str(answer)


def _day(value: Any) -> date | None:
    text = str(value or "")
    if re.fullmatch(r"\d{4}", text, re.ASCII):
        text += "-12-31"
    elif re.fullmatch(r"\d{4}-\d{2}", text, re.ASCII):
        text += "-01"
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@cache
def item_types() -> Mapping[str, ItemType]:
    """Return every type by key, in the order of the tree. Raises FormSpecError."""
    types = [_read(path) for path in FOLDER.glob("*.yaml")]
    types.sort(key=lambda kind: (CATEGORIES.index(kind.category), kind.order, kind.key))
    return {kind.key: kind for kind in types}


def _read(path: Path) -> ItemType:
    try:
        return item_type_from(path.read_text("utf-8"), path.stem)
    except FormSpecError as error:
        raise FormSpecError(f"portfolio/{path.name}: {error}") from error


@lru_cache(maxsize=512)
def item_type_from(text: str, key: str) -> ItemType:
    """Return the type a YAML text describes. Raises FormSpecError."""
    data = mapping_from(text)
    own = {name: data[name] for name in data if name in _OWN_KEYS}
    form = form_from(_with_slots({k: v for k, v in data.items() if k not in _OWN_KEYS}, own), key)
    slots = tuple(each for part in form.sections if part.id == SLOTS for each in part.fields)
    dated = own.get("occurred_on", [])
    kind = ItemType(
        key=key,
        title=form.title,
        category=values.needed(own, "category", "业绩类型"),
        order=int(values.text(own, "order", "业绩类型") or 0),
        form=form,
        slots=slots,
        literature=literature_from(own),
        summary_template=values.needed(own, "summary", "业绩类型"),
        date_fields=tuple(dated if isinstance(dated, list) else [dated]),
        rank_template=values.text(own, "rank", "业绩类型"),
        identity_ways=_ways(own),
        series=values.texts(own, "series", "业绩类型"),
        unique_fields=values.texts(own, "unique", "业绩类型"),
        source=text,
        version=hashlib.sha256(f"{key}\n{text}".encode()).hexdigest(),
    )
    _check(kind)
    return kind


def _with_slots(form: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a form that ends with the attachments of its type."""
    slots = [
        {"type": "files", **values.pairs(slot, "附件")}
        for slot in values.items(own, "slots", "业绩类型")
    ]
    parts = values.items(form, "sections", "业绩类型")
    if "fields" in form:
        parts = [*parts, {"id": "main", "fields": form.pop("fields")}]
    if slots:
        parts = [*parts, {"id": SLOTS, "title": "附件", "fields": slots}]
    return {**form, "sections": parts}


def _ways(own: Mapping[str, Any]) -> tuple[Way, ...]:
    ways = tuple(
        values.pairs(way, "identity") for way in values.items(own, "identity", "业绩类型")
    )
    unknown = sorted({str(each) for way in ways for each in way.values()} - set(READINGS))
    if unknown:
        raise FormSpecError(f"identity 提到未知的读法 {'、'.join(unknown)}")
    return ways


def _check(kind: ItemType) -> None:
    if kind.category not in CATEGORIES:
        raise FormSpecError(f"category 须为 {'、'.join(CATEGORIES)} 之一")
    names = {each.name for each in kind.form.fields}
    used = [
        *_PART.findall(kind.summary_template + kind.rank_template),
        *kind.date_fields,
        *(name for way in kind.identity_ways for name in way),
        *kind.unique_fields,
        *kind.literature.fields,
    ]
    unknown = [name for name in used if name not in names]
    if unknown:
        raise FormSpecError(f"提到未知的字段 {'、'.join(unknown)}")
