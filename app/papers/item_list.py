"""业绩清单: a list of items on paper."""

from app.papers.rendering import render_pdf
from app.portfolio.listing import Listing

TEMPLATE = "documents/item_list.html"


def render_listing(listing: Listing) -> bytes:
    """Return a list of items as PDF, signed for by nobody: it tells what the platform has."""
    return render_pdf(TEMPLATE, {"listing": listing})
