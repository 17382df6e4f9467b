"""How the pages of a PDF look, so that a scan in one is compared as a picture is.

A page that is one picture is taken as that picture: drawn, its cells would fall otherwise. Every
other page is drawn, with all that stands on it: certificates are printed on one background.
"""

from collections.abc import Iterator
from typing import IO, Any

from PIL import Image

from app.core.likeness import ink_of
from app.core.pictures import MAX_PIXELS

MOST_PAGES = 3
"""A certificate has one or two pages; whoever sends a book is not asked how its pages look."""
DRAWN = 1600
"""Pixels of the longer side of a page that is drawn: finer ones change nothing."""
# Of PDF: text that is there to be found and copied, under the scan from which it was read.
INVISIBLE = 3


def inks_of_pages(source: IO[bytes]) -> Iterator[bytes]:
    """Yield where the ink of a short document's pages lies; blank ones mean nothing.

    It runs a drawing library on what somebody sent: in a child process alone, which ends badly
    with PdfiumError where the library refuses the document or a page of it.
    """
    import pypdfium2  # noqa: PLC0415 - costs memory that no server needs

    source.seek(0)
    with pypdfium2.PdfDocument(source) as pdf:
        for page in pdf if len(pdf) <= MOST_PAGES else ():
            ink = ink_of(_look_of(page).convert("RGB"))
            if ink is not None:
                yield ink


def _look_of(page: Any) -> Image.Image:
    scan = _only_picture(page)
    if scan is None:
        drawn: Image.Image = page.render(scale=DRAWN / max(*page.get_size(), 1)).to_pil()
        return drawn
    picture: Image.Image = scan.get_bitmap().to_pil()
    return picture.rotate(-page.get_rotation(), expand=True)


def _only_picture(page: Any) -> Any:
    """Return the picture that a page consists of, as it lies; None for every other page."""
    from pypdfium2 import raw  # noqa: PLC0415

    seen = [each for each in page.get_objects(max_depth=1) if not _is_hidden(each, raw)]
    if len(seen) != 1 or seen[0].type != raw.FPDF_PAGEOBJ_IMAGE:
        return None
    across, down = seen[0].get_px_size()
    lies = seen[0].get_matrix()
    is_upright = lies.a > 0 and lies.d > 0 and lies.b == lies.c == 0
    return seen[0] if is_upright and across * down <= MAX_PIXELS else None


def _is_hidden(each: Any, raw: Any) -> bool:
    if each.type != raw.FPDF_PAGEOBJ_TEXT:
        return False
    return bool(raw.FPDFTextObj_GetTextRenderMode(each.raw) == INVISIBLE)
