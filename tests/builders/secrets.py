"""One-time secrets as tests read them."""

import re
from typing import Any


def secret_after(browser: Any, answer: Any) -> str:
    """The secret on the page that a browser is sent to after an account was opened or reset."""
    assert answer.status_code == 303, answer.text
    page = browser.get(answer.location).text
    found = re.search(r"<code>([^<]+)</code>", page)
    assert found, page
    return found[1]
