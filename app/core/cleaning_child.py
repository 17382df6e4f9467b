"""The child process that cleans one upload: no worker keeps the memory, no file can hold it up.

It reads the file of the standard input, writes a picture anew into the file that it was given,
and prints the ending it has now and how it looks, or why it is refused.
"""

import base64
import json
import os
import sys
from typing import IO, Any

from app.core.answering import answer
from app.core.documents import refuse_document
from app.core.pictures import Cleaned, clean_picture
from app.core.uploads import MAX_PICTURE_BYTES, PICTURES, Policy

# A picture that is written without loss may be larger than what came.
MOST_WRITTEN = 6 * MAX_PICTURE_BYTES


def clean_into(source: IO[bytes], target: IO[bytes], ending: str, policy: Policy) -> Cleaned:
    """Write a picture anew into the target, judge anything else; return what it is now."""
    if ending in PICTURES:
        return clean_picture(source, target, ending, policy)
    refuse_document(source, ending)
    return Cleaned(ending)


def main(told: str, seconds: str, memory: str) -> None:
    """Clean the standard input within these limits."""
    given: dict[str, Any] = json.loads(told)
    policy = Policy(**{**given["policy"], "types": tuple(given["policy"]["types"])})

    def work(source: IO[bytes]) -> dict[str, Any]:
        with os.fdopen(given["target"], "w+b") as target:
            clean = clean_into(source, target, given["ending"], policy)
        inks = [base64.b64encode(ink).decode() for ink in clean.inks]
        return {"ending": clean.ending, "inks": inks}

    answer(work, seconds, memory, written=MOST_WRITTEN)


if __name__ == "__main__":
    main(*sys.argv[1:])
