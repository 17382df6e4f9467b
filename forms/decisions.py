"""What people can decide with a form (办理结果), as far as its description says."""

from forms.lists import named_lists
from forms.spec import FieldSpec, FormSpec

DECISION = "decision"
"""The name of the answer that gateways ask for."""
_OF_A_LIST = frozenset({"select", "radio", "decision"})


def decisions_of(form: FormSpec) -> tuple[str, ...] | None:
    """Return what can come as `decision`, by button or in a field; None where anything can.

    That is so for a field to write in or to tick several in, and where the options come with the
    record. An empty text comes from a field that may stay empty.
    """
    chosen = [action.value for action in form.actions]
    for field in form.fields:
        if field.name == DECISION:
            options = _options(field)
            if options is None:
                return None
            chosen += options
    return tuple(dict.fromkeys(chosen))


def _options(field: FieldSpec) -> list[str] | None:
    listed = field.choices or named_lists().get(field.choices_from)
    if field.type not in _OF_A_LIST or listed is None:
        return None
    return [value for value, _label in listed] + ([] if field.required else [""])
