"""Templates of documents to PDF, drawn by the press."""

import base64
import logging
from collections.abc import Mapping
from typing import Any

from flask import current_app

from app.papers.drawing import BrokenDocument
from app.papers.fonts import MissingGlyph
from app.papers.press import press

log = logging.getLogger(__name__)


def picture(content: bytes, media_type: str = "image/png") -> str:
    """Return a picture as the address that a template may print."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def render_pdf(template: str, context: Mapping[str, Any], *, strict: bool = False) -> bytes:
    """Return a template of templates/documents as PDF.

    A character that no font has is printed as 〓 and logged; where the document is `strict`, such
    as a certificate, MissingGlyph is raised instead. Needs no transaction: the template gets the
    context alone. Raises RefusedResource or BrokenDocument for a template that cannot be drawn.
    """
    source = current_app.jinja_env.get_template(template).render(context)
    try:
        content, missing = press.draw(source, strict=strict)
    except BrokenDocument as error:
        raise BrokenDocument(f"{template}: {error}") from error
    if missing:
        log.warning("%s: %s", template, MissingGlyph(missing))
    return content
