"""The child process of the press: draws what it reads, until it is idle or its parent is gone."""

import json
import os
import resource
import select
import sys
from typing import Any, BinaryIO

from app.core.limits import limit
from app.papers.drawing import draw
from app.papers.fonts import MissingGlyph


def answer(request: dict[str, Any], response: BinaryIO) -> None:
    """Draw one document and write it, or why it cannot be drawn: a line of JSON, then the PDF."""
    content = b""
    try:
        content, missing = draw(request["source"], strict=request["strict"])
        said = {"size": len(content), "missing": missing}
    except MissingGlyph as error:
        said = {"error": "MissingGlyph", "text": error.characters}
    except MemoryError:
        # Leaving in good order may want memory too; the parent sees that the child is gone.
        os._exit(1)
    except Exception as error:
        # Whatever the libraries raise: the parent must hear of it, and the next may be drawn.
        said = {"error": type(error).__name__, "text": str(error)}
    response.write(json.dumps(said).encode() + b"\n" + content)
    response.flush()


def main(idle_seconds: str, memory: str) -> None:
    """Serve the standard input; what the libraries print must not mix with the answers."""
    limit({resource.RLIMIT_AS: (int(memory), int(memory)), resource.RLIMIT_CORE: (0, 0)})
    response = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = sys.stdin.buffer
    while select.select([requests], [], [], float(idle_seconds))[0]:
        line = requests.readline()
        if not line:
            return
        answer(json.loads(line), response)


if __name__ == "__main__":
    main(*sys.argv[1:])
