"""The child process that looks at the pages of one PDF, which a library draws for it.

It reads the file of the standard input and prints how its pages look, line by line. The file has
been judged before: one that cannot be drawn, or not in time, is kept without a look.
"""

import base64
import os
import sys

from app.core.limits import limit_reading
from app.core.pages import inks_of_pages


def main(seconds: str, memory: str) -> None:
    """Look at the standard input within these limits."""
    limit_reading(int(seconds), int(memory))
    with os.fdopen(0, "rb", closefd=False) as source:
        for ink in inks_of_pages(source):
            sys.stdout.write(base64.b64encode(ink).decode() + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
