"""Cleaning what people upload: nothing is stored as it came if it could do harm.

What is small is cleaned at once. What could take much memory or time is cleaned by a child process
with limits: the server keeps none of its memory, and no file can hold it up.
"""

import base64
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import IO

from app.core.blobs import digest_of
from app.core.children import Busy, TooSlow, heard, run_child
from app.core.cleaning_child import clean_into
from app.core.likeness import is_ink
from app.core.pages import MOST_PAGES
from app.core.pictures import Cleaned, pixels_of
from app.core.uploads import HEAD, MEDIA_TYPES, PICTURES, Policy, sniff

log = logging.getLogger(__name__)

SECONDS = 60
"""Processor time that a child may take; a photo of 40 million pixels takes four seconds."""
PATIENCE = 90
MEMORY = 1024 * 2**20
CHILD = "app.core.cleaning_child"
LOOKER, GLANCE, LOOK = "app.core.pages_child", 2, 10
"""Seconds that somebody who uploads waits for, and that a worker takes who looks again.

Three scanned pages take a fifth of a second; the file is kept also if they take longer.
"""
LOOKING_PATIENCE = 20
# Up to here a file costs the server itself a few megabytes for a moment.
LIGHT_PIXELS = 2_000_000
LIGHT_BYTES = {"jpg": 2 * 2**20, "png": 2 * 2**20, "pdf": 2**16, "docx": 2**16, "xlsx": 2**16}
COSTLY = "处理文件所需的时间或内存超过限度，请压缩或重新导出后上传"


@dataclass(frozen=True)
class Clean:
    """Harmless content at its beginning, to be read while `cleaned` is open."""

    content: IO[bytes]
    media_type: str
    size: int
    sha256: str
    inks: tuple[bytes, ...] = ()
    # That no child came to the end of its pages: how they look is not known, or not of all.
    is_unseen: bool = False


@contextmanager
def cleaned(source: IO[bytes], policy: Policy) -> Iterator[Clean]:
    """Clean an upload; Invalid or TooLarge says what is wrong with it, Busy that none can look.

    The source must be one that can be read again. Nothing of it is held in memory as a whole.
    """
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    ending = sniff(source.read(HEAD), size, policy)
    with tempfile.TemporaryFile() as target:
        is_light = _is_light(source, size, ending)
        source.seek(0)
        work = clean_into if is_light else _clean_apart
        now = work(source, target, ending, policy)
        seen = pages_of(source, GLANCE) if now.ending == "pdf" else Pages(now.inks)
        content: IO[bytes] = target if now.ending in PICTURES else source
        yield _described(content, now.ending, seen)


def _is_light(source: IO[bytes], size: int, ending: str) -> bool:
    if size > LIGHT_BYTES[ending]:
        return False
    source.seek(0)
    return ending not in PICTURES or pixels_of(source) <= LIGHT_PIXELS


def _described(content: IO[bytes], ending: str, seen: "Pages") -> Clean:
    content.seek(0)
    digest = digest_of(content)
    size = content.tell()
    content.seek(0)
    return Clean(content, MEDIA_TYPES[ending], size, digest, seen.inks, not seen.are_all)


@dataclass(frozen=True)
class Pages:
    """How the pages of a document look, and whether they are all that can be compared."""

    inks: tuple[bytes, ...] = ()
    are_all: bool = True


def pages_of(document: IO[bytes], seconds: int) -> Pages:
    """Return how the pages of a short PDF look; not all, of one that takes more processor time."""
    words = (str(seconds), str(MEMORY))
    document.seek(0)
    try:
        with _on_disk(document) as given:
            child = run_child(LOOKER, *words, given=given, patience=LOOKING_PATIENCE)
        if child.returncode:
            log.warning("not every page of a PDF could be looked at: %s", child.returncode)
        lines = child.stdout.splitlines()[:MOST_PAGES]
        inks = tuple(filter(is_ink, map(base64.b64decode, lines)))
        return Pages(inks, not child.returncode)
    except (Busy, TooSlow, ValueError) as error:
        # The file is good all the same; it is looked at again later.
        log.warning("no page of a PDF could be looked at: %s", error)
    return Pages(are_all=False)


@contextmanager
def _on_disk(source: IO[bytes]) -> Iterator[IO[bytes]]:
    """Give the source as a file that another process can read from its beginning."""
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(source, copy, 2**20)
        copy.seek(0)
        yield copy


def _clean_apart(source: IO[bytes], target: IO[bytes], ending: str, policy: Policy) -> Cleaned:
    told = {"ending": ending, "target": target.fileno(), "policy": asdict(policy)}
    words = (json.dumps(told), str(SECONDS), str(MEMORY))
    with _on_disk(source) as given:
        child = run_child(CHILD, *words, given=given, patience=PATIENCE, target=target)
    return _understood(child.stdout, ending)


def _understood(said: bytes, ending: str) -> Cleaned:
    answer = heard(said, COSTLY, "file")
    found = str(answer["ending"])
    inks = tuple(filter(is_ink, map(base64.b64decode, answer["inks"])))
    return Cleaned(found if ending in PICTURES and found in PICTURES else ending, inks)
