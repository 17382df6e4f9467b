"""What a child process does that works on one file: it limits itself, reads, and prints an answer.

No worker keeps its memory, and no file can hold it up. Whoever started it hears the answer with
`children.heard`.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import IO, Any

from app.core.errors import Invalid, TooLarge
from app.core.limits import limit_reading

NO_MEMORY = 77


def answer(
    work: Callable[[IO[bytes]], Mapping[str, Any]], seconds: str, memory: str, *, written: int = 0
) -> None:
    """Print what becomes of the standard input within these limits, or why it is refused.

    It begins no process and writes no file, or one of so many bytes that was opened for it.
    """
    limit_reading(int(seconds), int(memory), written=written)
    said: Mapping[str, Any]
    try:
        said = work(sys.stdin.buffer)
    except (Invalid, TooLarge) as refused:
        said = {"refused": refused.message, "status": refused.status}
    except MemoryError:
        # Leaving in good order may want memory too.
        os._exit(NO_MEMORY)
    sys.stdout.write(json.dumps(said))
    sys.stdout.flush()
