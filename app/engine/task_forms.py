"""The forms of tasks, as they were when the version of their process was published."""

from functools import lru_cache

from app.engine import definitions
from app.engine.incidents import blamed_on
from app.engine.models import WorkItem
from forms import FormSpec, FormSpecError, parse

# The same texts come with every request: they are pinned by their versions.
_parsed = lru_cache(maxsize=256)(parse)


def spec_of(item: WorkItem) -> FormSpec:
    """Return the form of a work item. Raises StepFailed when it has none that can be read."""
    with blamed_on(item, FormSpecError):
        return _parsed(definitions.form_text(item))
