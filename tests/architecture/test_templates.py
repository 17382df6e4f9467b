"""Templates: they compile, carry no script or style of their own, and protect their forms."""

import re
from pathlib import Path

from flask import Flask

from tests.architecture.source import files, name_of

# A ballot's answer is kept under no key: the hash of its body would betray the vote. The page
# of a key share shows a secret once, so its answer must not be repeated either.
UNREPEATABLE = {"templates/review/ballot.html", "templates/review/key.html"}
PAGES = [p for p in files("templates", "*.html") if not {"documents", "mail"} & set(p.parts)]
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
FORM = re.compile(r"<form\b[^>]*?method=[\"']post[\"'].*?</form>", re.DOTALL | re.IGNORECASE)
INLINE = re.compile(
    r"<style\b|\sstyle\s*=\s*[\"']|<script\b(?![^>]*\bsrc=)|\son[a-z]+\s*=\s*[\"']|javascript:",
    re.IGNORECASE,
)


def text_of(path: Path) -> str:
    return COMMENT.sub("", path.read_text("utf-8"))


def test_every_template_compiles(app: Flask) -> None:
    names = app.jinja_env.list_templates(extensions=["html", "txt"])
    assert len(names) > 50
    for name in names:
        app.jinja_env.get_template(name)


def test_an_unknown_variable_is_an_error(app: Flask) -> None:
    assert app.jinja_env.undefined.__name__ == "StrictUndefined"


def test_a_page_carries_no_script_or_style_of_its_own() -> None:
    assert len(PAGES) > 100
    found = {name_of(path): INLINE.findall(text_of(path)) for path in PAGES}
    assert {name: parts for name, parts in found.items() if parts} == {}


def test_a_form_that_writes_carries_its_token() -> None:
    open_ones = [
        (name_of(path), form[:120])
        for path in PAGES
        for form in FORM.findall(text_of(path))
        if not re.search(
            r"csrf_token\(\)" if name_of(path) in UNREPEATABLE else r"\bhidden\b", form
        )
    ]
    assert open_ones == []


def test_a_page_has_at_most_one_heading_of_the_first_rank() -> None:
    found = {name_of(path): len(re.findall(r"<h1\b", text_of(path))) for path in PAGES}
    assert {name: count for name, count in found.items() if count > 1} == {}
