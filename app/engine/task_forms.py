"""The forms of tasks, as they were when the version of their process was published."""

from functools import lru_cache

from app.engine import definitions
from app.engine.incidents import blamed_on
from app.engine.models import WorkItem
from forms import FormSpec, FormSpecError, decisions_of, parse

# The same texts come with every request: they are pinned by their versions.
_parsed = lru_cache(maxsize=256)(parse)


def spec_of(item: WorkItem) -> FormSpec:
    """Return the form of a work item. Raises StepFailed when it has none that can be read."""
    with blamed_on(item, FormSpecError):
        return _parsed(definitions.form_text(item))


def word_of(item: WorkItem, decision: str) -> str:
    """Return what the form of a work item calls a decision, its button or its option.

    Nothing where the form cannot tell: what was decided counts all the same.
    """
    text = definitions.bundle_of(item.instance).forms.get(item.form or "")
    try:
        words = decisions_of(_parsed(text)) if text else None
    except FormSpecError:
        words = None
    return (words or {}).get(decision, "")
