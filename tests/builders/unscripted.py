"""A page as a browser without scripts has it: its forms with what is in them, its buttons."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urldefrag

from lxml import html

from tests.builders.portfolio import a_picture


def chosen(name: str, content: bytes = b"") -> tuple[io.BytesIO, str]:
    """A file as somebody chooses it; a picture where no content is given."""
    return io.BytesIO(content or a_picture()), name


@dataclass
class Form:
    """A form of a page, and what a browser would send of it."""

    page: Any
    form: Any
    values: dict[str, Any]

    def to(self, browser: Any, files: Mapping[str, Any] | None = None, **typed: Any) -> Any:
        """Send it with what was typed, and with files."""
        return self._send(browser, self.form.get("action"), {**typed, **(files or {})})

    def press(self, words: str, browser: Any, **typed: Any) -> Any:
        """Press the button that says so; without scripts one sees those in noscript too."""
        [button] = [
            each
            for each in self.form.xpath('.//button[not(@type="button")]')
            if "".join(each.itertext()).strip() == words and not each.get("aria-hidden")
        ]
        if files := button.get("name"):
            typed[files] = button.get("value")
        return self._send(browser, button.get("formaction") or self.form.get("action"), typed)

    def _send(self, browser: Any, address: str | None, typed: Mapping[str, Any]) -> Any:
        if any(name.startswith("file-") for name in typed):
            assert self.form.get("enctype") == "multipart/form-data"
        target, place = urldefrag(address or "")
        assert not place or self.page.xpath(f'//*[@id="{place}"]')
        return browser.post(target or self.page.base_url, {**self.values, **typed})


def form_on(browser: Any, url: str, name: str, answer: Any = None) -> Form:
    """The form with a control of this name, on the page at `url` or on what was answered there."""
    page = html.fromstring((answer or browser.get(url)).text, base_url=url)
    form = next(each for each in page.forms if each.xpath(f'.//*[@name="{name}"]'))
    areas = set(form.xpath(".//textarea/@name"))
    values: dict[str, Any] = {}
    for key, value in form.form_values():
        # A browser drops the first line break of a text area.
        values.setdefault(key, []).append(value.removeprefix("\n") if key in areas else value)
    return Form(page, form, values)
