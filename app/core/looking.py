"""Looking again at PDFs whose pages could not be drawn when they came, outside of any request."""

from app.core.blobs import BlobMissing, blob_store
from app.core.cleaning import LOOK, pages_of
from app.core.clock import now
from app.core.db import transaction
from app.core.lookalikes import claim_unseen, see_again
from app.core.storage import blob_name

AT_ONCE = 10


def look_again() -> int:
    """Try PDFs that are due once more, each drawn outside of any transaction; returns how many."""
    for count in range(AT_ONCE):
        with transaction():
            sha256 = claim_unseen(now())
        if sha256 is None:
            return count
        try:
            with blob_store().open(blob_name(sha256)) as paper:
                seen = pages_of(paper, LOOK)
        except BlobMissing:
            continue
        if seen.are_all:
            with transaction():
                see_again(sha256, seen.inks)
    return AT_ONCE
