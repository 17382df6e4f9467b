"""A page that another one has overtaken: nothing is overwritten unseen, nothing typed is lost.

The form carries the version it was filled on. Where another page has saved other answers since,
the form is shown again with what was typed, and beside each field that differs stands what is
kept and which of the two is to go on: nothing is saved before that was chosen, of every one.
Where it has sent the record on, nothing can be saved: what was typed is listed, to be copied
(overtaken.html).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from werkzeug.datastructures import MultiDict

from forms import AnswersForm, FieldSpec, FormSpec, build, display

EMPTIED = "另一页面已保存，此项为空"
UNDECIDED = "与已保存的不一致，请选择采用哪一个"
OURS, KEPT = "ours", "kept"


def overtaken(what: str) -> str:
    """Return what stands above a form that was overtaken; `what` names the record."""
    return (
        f"您或他人在另一个页面修改过{what}，本页尚未保存。"
        "请核对下列不一致的内容，逐项选择采用哪一个，再保存。"
    )


@dataclass(frozen=True)
class Dispute:
    """A field typed otherwise than it is kept: what to say, what is kept, and what was chosen."""

    said: str
    # As a browser would send it.
    kept: Sequence[str]
    choice: str = ""


@dataclass(frozen=True)
class Disputes:
    """What a form and the record say differently, by field."""

    fields: Mapping[str, Dispute] = field(default_factory=dict)
    # What else another page has changed, that the form shows as it is kept.
    told: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def are_open(self) -> bool:
        """Tell whether somebody has to look at the form again before it is saved."""
        return bool(self.told) or not all(each.choice for each in self.fields.values())

    @property
    def given_up(self) -> set[str]:
        """The fields that stay as they are kept."""
        return {name for name, each in self.fields.items() if each.choice == KEPT}

    def settled(self, posted: MultiDict[str, str]) -> MultiDict[str, str]:
        """Return what was posted, with what is kept in place of what was given up."""
        answers = MultiDict(posted)
        for name in self.given_up:
            answers.setlist(name, self.fields[name].kept)
        return answers

    def show_on(self, *forms: Any) -> None:
        """Put what differs beside the fields, with what has been chosen so far."""
        for form in forms:
            for name, each in self.fields.items():
                if name in form:
                    form[name].dispute = each
                    form[name].errors = form[name].errors if each.choice else [UNDECIDED]


def disputes(
    differ: Mapping[str, Dispute], posted: MultiDict[str, str], *, is_stale: bool
) -> Disputes:
    """Return what is to be chosen of a posted form, and what it has chosen.

    Of a page that was overtaken that is all that differs, whatever it has chosen before. Later it
    is what the page asked.
    """
    if is_stale:
        return Disputes(differ)
    asked = differ.keys() & set(posted.getlist("disputed"))
    chosen = {name: posted.get(f"chosen-{name}", "") for name in asked}
    valid = {name: choice if choice in {OURS, KEPT} else "" for name, choice in chosen.items()}
    return Disputes({name: replace(differ[name], choice=valid[name]) for name in valid})


def _said(spec: FieldSpec, answers: Mapping[str, Any], choices: Any) -> str:
    """Return an answer as people read it; a box that nobody touched is not ticked."""
    value = answers.get(spec.name)
    if spec.type == "rows":
        rows = ([_said(cell, row, choices) for cell in spec.fields] for row in value or ())
        return "；".join("，".join(filter(None, row)) for row in rows)
    return display(spec, bool(value) if spec.type == "bool" else value, choices)


def differing(
    spec: FormSpec, kept: Mapping[str, Any], typed: Mapping[str, Any], choices: Any = None
) -> dict[str, Dispute]:
    """Return the fields typed otherwise than they are kept."""
    form: Any = build(spec, choices)(data=kept)
    found = {}
    for each in spec.fields:
        now_kept = _said(each, kept, choices)
        if _said(each, typed, choices) != now_kept:
            said = f"另一页面已保存为“{now_kept}”" if now_kept else EMPTIED
            found[each.name] = Dispute(said, form[each.name].texts())
    return found


def unsaved(
    fields: Iterable[FieldSpec],
    kept: Mapping[str, Any],
    form: AnswersForm,
    posted: MultiDict[str, str],
) -> list[tuple[str, str]]:
    """Return (label, text) of the fields typed otherwise than they are kept."""
    typed, found = form.answers(), []
    for each in fields:
        text = _said(each, typed, None)
        if form[each.name].process_errors:
            text = "、".join(posted.getlist(each.name))
        if text != _said(each, kept, None):
            found.append((each.label, text))
    return found
