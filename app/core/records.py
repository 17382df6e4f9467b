"""What a task page shows of the record it is about: each room registers its own."""

from collections.abc import Callable
from typing import Any

Context = Callable[[int, Any], dict[str, Any]]
_contexts: dict[str, Context] = {}


def register_record(business_type: str) -> Callable[[Context], Context]:
    """Register fn(business_id, person) -> context of the task page of a business type.

    Key `summary_template` names the template shown beside the form.
    """

    def keep(context: Context) -> Context:
        _contexts[business_type] = context
        return context

    return keep


def record_context(business_type: str, business_id: int, person: Any) -> dict[str, Any]:
    """Return the context for a record, empty when its room shows nothing."""
    context = _contexts.get(business_type)
    return context(business_id, person) if context else {}
