"""Code lists that hold for every jurisdiction, read from lists.yaml."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

from forms.spec import Choice


@cache
def named_lists() -> Mapping[str, tuple[Choice, ...]]:
    """Return every list by its name; a list may be used as `choices_from` without being given."""
    text = (Path(__file__).parent / "lists.yaml").read_text("utf-8")
    data = yaml.safe_load(text)
    return {name: tuple(map(_choice, entries)) for name, entries in data.items()}


def _choice(entry: str | list[str]) -> Choice:
    value, label = entry if isinstance(entry, list) else (entry, entry)
    return value, label
