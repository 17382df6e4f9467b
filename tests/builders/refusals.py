"""What a refused form must look like, whichever page it stands on."""

from typing import Any


def is_told_in_place(answer: Any, fault: str, *typed: str) -> bool:
    """Tell whether the form is shown again with its fault and everything that was typed."""
    assert "error-page" not in answer.text, "a page of refusal instead of the form"
    missing = [text for text in (fault, *typed) if text not in answer.text]
    assert missing == []
    return bool(answer.status_code == 422)
