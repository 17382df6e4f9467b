"""Scans as PDFs hold them: what a scanner, an office program or a printing press makes."""

import io
from collections.abc import Callable, Mapping

import pikepdf
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

INVISIBLE = 3
Paper = Callable[[Image.Image], bytes]


def as_scanned(*sheets: Image.Image) -> bytes:
    """Pages that are one picture each."""
    target = io.BytesIO()
    first, *others = [sheet.convert("RGB") for sheet in sheets]
    first.save(target, "PDF", resolution=150, save_all=True, append_images=others)
    return target.getvalue()


def _drawn(sheet: Image.Image, *, margin: float = 0, mode: int | None = None) -> bytes:
    wide, high = A4 if sheet.width < sheet.height else A4[::-1]
    scale = min((wide - 2 * margin) / sheet.width, (high - 2 * margin) / sheet.height)
    target = io.BytesIO()
    page = Canvas(target, pagesize=(wide, high))
    across, down = sheet.width * scale, sheet.height * scale
    page.drawImage(ImageReader(sheet.convert("RGB")), margin, margin, across, down)
    if mode is not None:
        text = page.beginText(margin, margin)
        text.setTextRenderMode(mode)
        text.textOut("p. 1")
        page.drawText(text)
    page.save()
    return target.getvalue()


def _turned(sheet: Image.Image) -> bytes:
    source, target = io.BytesIO(as_scanned(sheet.rotate(90, expand=True))), io.BytesIO()
    with pikepdf.open(source) as paper:
        paper.pages[0].Rotate = 90
        paper.save(target)
    return target.getvalue()


PAPERS: Mapping[str, Paper] = {
    "scanned": as_scanned,
    "inset": lambda sheet: _drawn(sheet, margin=40),
    "searchable": lambda sheet: _drawn(sheet, mode=INVISIBLE),
    "turned": _turned,
}
"""One picture a page: compared with pictures as well as a picture is."""
PRINTED: Mapping[str, Paper] = {"printed": lambda sheet: _drawn(sheet, mode=0)}
"""A page with something beside the picture: drawn whole, and compared as it is drawn."""
