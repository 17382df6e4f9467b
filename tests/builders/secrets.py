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


def activated(browser: Any, secret: str, password: str = "Qinghe-2026") -> Any:
    """The answer to somebody who sets the first password by a secret, and signs in with it."""
    form = {"secret": secret, "password": password, "again": password}
    assert browser.post("/activate", form).location == "/login"
    told = re.search(r"登录名：([^\s<]+)", browser.get("/login").text)
    assert told
    return browser.post("/login", {"login": told[1], "password": password})
