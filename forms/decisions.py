"""What people can decide with a form (办理结果), as far as its description says."""

from forms.lists import named_lists
from forms.spec import FieldSpec, FormSpec

DECISION = "decision"
"""The name of the answer that gateways ask for."""
_OF_A_LIST = frozenset({"select", "radio", "decision"})


def decisions_of(form: FormSpec) -> dict[str, str] | None:
    """Return what can come as `decision`, with its words, by button or in a field.

    None where anything can: a field to write in or to tick several in, and where the options come
    with the record. An empty text comes from a field that may stay empty.
    """
    chosen = {action.value: action.label for action in form.actions}
    for field in form.fields:
        if field.name == DECISION:
            options = _options(field)
            if options is None:
                return None
            chosen |= {value: word for value, word in options.items() if value not in chosen}
    return chosen


def _options(field: FieldSpec) -> dict[str, str] | None:
    listed = field.choices or named_lists().get(field.choices_from)
    if field.type not in _OF_A_LIST or listed is None:
        return None
    return dict(listed) | ({} if field.required else {"": "未选"})
