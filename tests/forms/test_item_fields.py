"""Every limit of every field of every portfolio type, as its YAML states it.

Values at a limit round-trip; values past it are told at their field in Chinese, and stay as they
were typed. The strategies read the YAML: a new type is tried without a line here.
"""

import re
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forms import AnswersForm, FieldSpec, FormSpec, Section, build, item_types, options_of
from forms.fields.simple import EXAMPLES
from forms.spec import is_name
from rules.checks.identifiers import url

TODAY, BIRTH = date(2026, 11, 20), date(1985, 3, 12)
KINDS = item_types()
QUICK = settings(
    max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
HAN = re.compile(r"[\u4e00-\u9fff]")


@cache
def fields_of(key: str) -> list[FieldSpec]:
    """The fields of a type today, each freed from what the others say."""
    spec = KINDS[key].form.at(TODAY, BIRTH).optional()
    return [alone(field) for field in spec.fields]


def alone(field: FieldSpec) -> FieldSpec:
    low, high = (None if limit and is_name(limit) else limit for limit in (field.min, field.max))
    inner = tuple(alone(each) for each in field.fields)
    whole = {"one_when": (), "unless": "", "sum_of": "", "check_with": ""}
    return replace(field, min=low, max=high, fields=inner, **whole)


@cache
def a_form(field: FieldSpec) -> type[AnswersForm]:
    return build(FormSpec("one", "一项", (Section("main", "", (field,)),)))


def judged(field: FieldSpec, value: Any, *, stored: bool = False) -> tuple[Any, list[str]]:
    """The field as posted, or as read again from storage, and what is said of it."""
    sent = [str(each) for each in value] if isinstance(value, list) else [str(value)]
    make = a_form(field)
    form: Any = make(data={field.name: value}) if stored else make(Posted({field.name: sent}))
    form.validate()
    return form[field.name], list(form.errors.get(field.name, ()))


class Posted(dict[str, list[str]]):
    """What a browser has sent, as WTForms asks for it."""

    def getlist(self, name: str) -> list[str]:
        return self.get(name, [])


def texts_past(field: FieldSpec) -> st.SearchStrategy[str]:
    most = field.max_length or (2000 if field.type == "textarea" else 200)
    longer = st.integers(1, 200).map(lambda more: "字" * (most + more))
    controls = st.sampled_from(["\x00", "\x08", "好\x1b", "\ud800"])
    wrong = [longer, controls]
    if field.check or field.pattern:
        wrong.append(st.sampled_from(["？", "0", "abc", "一二三"]))
    return st.one_of(wrong) if not exempt(field) else st.one_of(longer, controls)


def exempt(field: FieldSpec) -> bool:
    """Whether the check depends on another field, which is empty here."""
    return field.check == "standard"


def texts_within(field: FieldSpec) -> st.SearchStrategy[str]:
    if field.check:
        return st.just(EXAMPLES[field.check])
    if field.pattern:
        return st.from_regex(re.compile(field.pattern, re.ASCII), fullmatch=True)
    most = field.max_length or (2000 if field.type == "textarea" else 200)
    return st.integers(1, most).map(lambda n: "字" * n) | st.just("𠮷" * most)


def limits_of(field: FieldSpec, least: str, most: str) -> tuple[str, str]:
    """The limits of a field, or these."""
    return field.min or least, field.max or most


def numbers(field: FieldSpec) -> tuple[st.SearchStrategy[str], st.SearchStrategy[str]]:
    low, high = (int(limit) for limit in limits_of(field, "0", "1000000000"))
    within = st.integers(low, high) | st.sampled_from([low, high])
    past = st.integers(low - 1000, low - 1) if field.min else st.nothing()
    if field.max:
        past |= st.integers(high + 1, high + 1000)
    kinds = st.sampled_from(["十", "1e3", "0x10", "--1", "9" * 13, "NaN", "∞", "1 2"])
    fine = st.just("0." + "1" * (field.places + 1)) if field.type == "number" else st.just("1.5")
    return within.map(str), st.one_of(past.map(str), kinds, fine)


def days(field: FieldSpec) -> tuple[st.SearchStrategy[str], st.SearchStrategy[str]]:
    low, high = (
        date.fromisoformat(limit) for limit in limits_of(field, "1900-01-01", "2200-12-31")
    )
    cut = 7 if field.type == "month" else 10
    within = st.dates(low, high) | st.sampled_from([low, high])
    step = timedelta(days=31)
    past = st.sampled_from([low - step, high + step, date(1, 1, 1), date(9999, 12, 31)])
    kinds = ["2020-13", "2020-13-01", "2021-02-30", "去年", "1/2", "20200101", "0000-00-00"]
    written = st.one_of(past.map(lambda d: d.isoformat()[:cut]), st.sampled_from(kinds))
    return within.map(lambda d: d.isoformat()[:cut]), written


def one_of_a_list(field: FieldSpec) -> tuple[st.SearchStrategy[Any], st.SearchStrategy[Any]]:
    known = [value for value, _label in options_of(field)]
    return st.sampled_from(known), st.sampled_from(["没有这一项", "0", "<b>", "\x00"])


def some_of_a_list(field: FieldSpec) -> tuple[st.SearchStrategy[Any], st.SearchStrategy[Any]]:
    known = [value for value, _label in options_of(field)]
    some = st.lists(st.sampled_from(known), min_size=1, unique=True)
    return some, some.map(lambda chosen: [*chosen, "没有这一项"])


def texts(field: FieldSpec) -> tuple[st.SearchStrategy[Any], st.SearchStrategy[Any]]:
    return texts_within(field), texts_past(field)


def ticks(_field: FieldSpec) -> tuple[st.SearchStrategy[Any], st.SearchStrategy[Any]]:
    return st.just("true"), st.nothing()


def files(field: FieldSpec) -> tuple[st.SearchStrategy[Any], st.SearchStrategy[Any]]:
    count = field.policy.count
    ids = st.integers(1, 10**9)
    within = st.lists(ids, min_size=1, max_size=count, unique=True)
    past = st.lists(ids, min_size=count + 1, max_size=count + 5, unique=True)
    return within, past | st.sampled_from([["甲"], ["-1"], ["9" * 30]])


def rows(field: FieldSpec) -> tuple[st.SearchStrategy[Any], st.SearchStrategy[Any]]:
    cells = {cell.name: strategies(cell) for cell in field.fields}
    good = st.fixed_dictionaries({name: each[0] for name, each in cells.items()})
    wrong = st.one_of(
        st.tuples(good, each[1].map(lambda value, name=name: {name: value})).map(
            lambda pair: {**pair[0], **pair[1]}
        )
        for name, each in cells.items()
        if not each[1].is_empty
    )
    most = int(field.max or 50)
    return st.lists(good, min_size=1, max_size=3), st.one_of(
        wrong.map(lambda row: [row]), good.map(lambda row: [row] * (most + 1))
    )


STRATEGIES = {
    **dict.fromkeys(("text", "textarea"), texts),
    **dict.fromkeys(("number", "integer"), numbers),
    **dict.fromkeys(("date", "month"), days),
    **dict.fromkeys(("select", "radio"), one_of_a_list),
    **dict.fromkeys(("file", "files"), files),
    "checkbox": some_of_a_list,
    "bool": ticks,
    "rows": rows,
}


def strategies(field: FieldSpec) -> tuple[st.SearchStrategy[Any], st.SearchStrategy[Any]]:
    """What a field takes, and what it refuses."""
    return STRATEGIES[field.type](field)


@pytest.mark.parametrize("key", list(KINDS))
def test_what_a_field_takes_comes_back_as_it_was_kept(key: str) -> None:
    @QUICK
    @given(st.data())
    def good(data: st.DataObject) -> None:
        for field in fields_of(key):
            value = data.draw(strategies(field)[0], field.name)
            seen, errors = judged(field, value, stored=field.type == "rows")
            assert not errors, (field.name, value, errors)
            kept = seen.to_json()
            assert kept not in (None, "", [])
            assert not isinstance(kept, float)
            again, faults = judged(field, kept, stored=True)
            assert not faults, (field.name, kept, faults)
            assert again.to_json() == kept

    good()


@pytest.mark.parametrize("key", list(KINDS))
def test_what_a_field_refuses_is_told_there_and_stays_as_it_was_typed(key: str) -> None:
    @QUICK
    @given(st.data())
    def bad(data: st.DataObject) -> None:
        for field in fields_of(key):
            wrong = strategies(field)[1]
            if wrong.is_empty:
                continue
            value = data.draw(wrong, field.name)
            seen, errors = judged(field, value, stored=field.type == "rows")
            assert errors, (field.name, value)
            assert HAN.search(str(errors)), errors
            if not isinstance(value, list):
                assert seen._value() == value if hasattr(seen, "_value") else seen._kept == value

    bad()


@pytest.mark.parametrize("key", list(KINDS))
def test_every_field_that_is_due_says_so(key: str) -> None:
    spec = KINDS[key].form.at(TODAY, BIRTH)
    form: Any = build(spec)(data={})
    form.validate()
    due = {field.name for field in spec.fields if form[field.name].is_required(form)}
    silent = {name for name in due if not form[name].errors and not form[name].default}
    assert not silent
    assert {field.name for field in spec.fields if field.required} <= due


LINKS = [
    (key, field.name)
    for key, kind in KINDS.items()
    for field in kind.form.fields
    if field.type in {"text", "textarea"}
    and (
        "url" in field.name
        or kind.literature.fields.get(field.name) == "link"
        or re.search("网址|链接|验证地址|网站", field.label + field.help)
    )
]


def test_there_are_fields_for_addresses_of_the_web() -> None:
    assert ("paper", "verify_url") in LINKS


@pytest.mark.parametrize(("key", "name"), LINKS)
def test_a_field_for_an_address_takes_no_script(key: str, name: str) -> None:
    field = next(each for each in fields_of(key) if each.name == name)
    others = st.sampled_from(["javascript:", "JAVASCRIPT://a/%0a", "data:text/html,", "file:///"])

    @QUICK
    @given(st.builds("{}{}".format, others, st.text("abc()1/", min_size=1, max_size=20)))
    def refused(text: str) -> None:
        assert judged(field, text)[1] == [url(text)]

    refused()
    assert judged(field, "https://kns.cnki.net/kcms2/article?v=1")[1] == []
