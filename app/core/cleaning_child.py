"""The child process that cleans one upload: no worker keeps the memory, no file can hold it up.

It reads the file of the standard input, writes a picture anew into the file that it was given,
and prints the ending it has now and how it looks, or why it is refused.
"""

import base64
import json
import os
import resource
import sys
from typing import IO, Any

from app.core.documents import refuse_document
from app.core.errors import Invalid, TooLarge
from app.core.limits import limit
from app.core.pictures import Cleaned, clean_picture
from app.core.uploads import MAX_PICTURE_BYTES, PICTURES, Policy

NO_MEMORY = 77
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
    bounds = {
        resource.RLIMIT_CPU: (int(seconds), int(seconds) + 1),
        resource.RLIMIT_AS: (int(memory), int(memory)),
        resource.RLIMIT_FSIZE: (MOST_WRITTEN, MOST_WRITTEN),
        resource.RLIMIT_CORE: (0, 0),
    }
    limit(bounds)
    given: dict[str, Any] = json.loads(told)
    policy = Policy(**{**given["policy"], "types": tuple(given["policy"]["types"])})
    source = os.fdopen(0, "rb", closefd=False)
    said: dict[str, Any]
    try:
        with os.fdopen(given["target"], "w+b") as target:
            clean = clean_into(source, target, given["ending"], policy)
        inks = [base64.b64encode(ink).decode() for ink in clean.inks]
        said = {"ending": clean.ending, "inks": inks}
    except (Invalid, TooLarge) as refused:
        said = {"refused": refused.message, "status": refused.status}
    except MemoryError:
        # Leaving in good order may want memory too.
        os._exit(NO_MEMORY)
    sys.stdout.write(json.dumps(said))
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
