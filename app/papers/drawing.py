"""HTML to PDF by xhtml2pdf; nothing is read but the fonts and the given pictures.

This runs in the press, a process of its own: the libraries cost 150 MB.
"""

import html
from io import BytesIO

from app.papers.fonts import MissingGlyph, missing_from, register_fonts

GETA = "〓"
"""What stands for a character that cannot be printed (阙字符)."""
# Both families set a full-width space as four of these; the library swallows the space itself.
_WIDE_SPACE = "\N{NO-BREAK SPACE}" * 4


class RefusedResource(ValueError):
    """A template asked for something outside itself."""


class BrokenDocument(RuntimeError):
    """A document could not be turned into pages."""


def only_given(uri: str, _base: str | None = None) -> str:
    """Let pictures through that stand in the document itself; RefusedResource otherwise."""
    if uri.startswith("data:image/"):
        return uri
    raise RefusedResource(f"文档不能引用外部资源：{uri[:80]}")


def draw(source: str, *, strict: bool = False) -> tuple[bytes, str]:
    """Return a document as PDF, and the characters that no font has.

    Those are printed as 〓; where the document is `strict`, MissingGlyph is raised instead.
    """
    source = source.replace("\N{IDEOGRAPHIC SPACE}", _WIDE_SPACE)
    missing = missing_from(html.unescape(source))
    if missing and strict:
        raise MissingGlyph(missing)
    return _pages(source.translate({ord(char): GETA for char in missing})), missing


def _pages(source: str) -> bytes:
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
        raise BrokenDocument(str(made.log))
    return target.getvalue()
