"""HTML templates to PDF, by xhtml2pdf; nothing is read but the fonts and the given pictures."""

import base64
import html
import logging
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from flask import current_app

from app.papers.fonts import MissingGlyph, missing_from, register_fonts

log = logging.getLogger(__name__)
GETA = "〓"
"""What stands for a character that cannot be printed (阙字符)."""
# Both families set a full-width space as four of these; the library swallows the space itself.
_WIDE_SPACE = "\N{NO-BREAK SPACE}" * 4


class RefusedResource(ValueError):
    """A template asked for something outside itself."""


class BrokenDocument(RuntimeError):
    """A template could not be turned into pages."""


def picture(content: bytes, media_type: str = "image/png") -> str:
    """Return a picture as the address that a template may print."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def only_given(uri: str, _base: str | None = None) -> str:
    """Let pictures through that stand in the document itself; RefusedResource otherwise."""
    if uri.startswith("data:image/"):
        return uri
    raise RefusedResource(f"文档不能引用外部资源：{uri[:80]}")


def render_pdf(template: str, context: Mapping[str, Any], *, strict: bool = False) -> bytes:
    """Return a template of templates/documents as PDF.

    A character that no font has is printed as 〓 and logged; where the document is `strict`, such
    as a certificate, MissingGlyph is raised instead. Needs no transaction: the template gets the
    context alone.
    """
    source = current_app.jinja_env.get_template(template).render(context)
    source = _printable(source.replace("\N{IDEOGRAPHIC SPACE}", _WIDE_SPACE), template, strict)
    return _pages(source, template)


def _printable(source: str, template: str, strict: bool) -> str:  # noqa: FBT001 - private
    missing = missing_from(html.unescape(source))
    if not missing:
        return source
    error = MissingGlyph(missing)
    if strict:
        raise error
    log.warning("%s: %s", template, error)
    return source.translate({ord(char): GETA for char in missing})


def _pages(source: str, template: str) -> bytes:
    from xhtml2pdf import pisa  # noqa: PLC0415 - costs 150 MB: loaded when first needed
    from xhtml2pdf.config.resources import ResourceAccessPolicy  # noqa: PLC0415

    from app.papers.chinese import apply_fixes  # noqa: PLC0415

    apply_fixes()
    register_fonts()
    nothing = ResourceAccessPolicy.server(None, allow_remote=False)
    target = BytesIO()
    made = pisa.CreatePDF(
        source,
        dest=target,
        encoding="utf-8",
        link_callback=only_given,
        resource_policy=nothing,
    )
    if made.err:
        raise BrokenDocument(f"{template}: {made.log}")
    return target.getvalue()
