"""The text of an article: Markdown in, harmless HTML out (no pictures, no scripts)."""

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

# Headings of a text begin below the page's own.
TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "blockquote", "ul", "ol", "li", "a"),
    *("h2", "h3", "h4", "table", "thead", "tbody", "tr", "th", "td"),
}
_reader = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(
    ["table", "strikethrough"]
)
_reader.disable(["image", "code", "fence", "html_block", "html_inline"])
_HEADINGS = {"h1": "h2", "h2": "h3", "h3": "h4", "h4": "h4", "h5": "h4", "h6": "h4"}


def rendered(text: str) -> Markup:
    """Return Markdown as HTML that may stand on a page.

    The reader makes no HTML of what is typed as HTML; what it makes is cleaned all the same.
    """
    tokens = _reader.parse(text)
    for token in tokens:
        token.tag = _HEADINGS.get(token.tag, token.tag)
    html = _reader.renderer.render(tokens, _reader.options, {})
    clean = nh3.clean(
        html,
        tags=TAGS,
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow",
    )
    return Markup(clean)  # noqa: S704 - cleaned just above
