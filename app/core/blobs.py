"""Where the bytes of stored files lie: on the local disk, or in an S3-compatible store.

Both speak one interface. What is written is there whole or not at all, and is written anew where
it is there already: it is fresh for the sweep, and what was damaged is mended. The sizes are those
of uploads, and neither store holds more of them in memory than a part.
"""

import hashlib
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

from flask import current_app

from app.core.errors import DomainError

log = logging.getLogger(__name__)
CONNECT_SECONDS, READ_SECONDS = 3, 15
# The least that S3 takes as a part of an object; it is all that is held of one.
PART_BYTES = 5 * 2**20
_ABSENT = frozenset({"NoSuchKey", "NoSuchObject", "NotFound", "404"})


class StoreUnavailable(DomainError):
    """The store does not answer, is full, or refuses us; the log says which."""

    status = 503
    default = "附件服务暂时不可用，请稍后再试"
    hint = "如持续出现，请联系管理员。"


class BlobMissing(LookupError):
    """There are no bytes of this name."""


def digest_of(content: IO[bytes]) -> str:
    """Return the hash of what is left to read, a piece at a time."""
    digest = hashlib.sha256()
    while piece := content.read(2**20):
        digest.update(piece)
    return digest.hexdigest()


class BlobStore(Protocol):
    """What every store of bytes can do; StoreUnavailable where it cannot right now."""

    def put(self, name: str, source: IO[bytes], size: int) -> None:
        """Keep what the source holds from where it stands: all of it, or nothing."""

    def open(self, name: str) -> IO[bytes]:
        """Return the bytes as a file that can be read again; BlobMissing when there are none."""

    def age(self, name: str) -> float | None:
        """Return the seconds since the bytes were written; None when there are none."""

    def remove(self, name: str) -> None:
        """Take bytes away; nothing happens when there are none."""

    def names(self, folder: str) -> Iterator[tuple[str, float]]:
        """Yield the names below a folder, each with the seconds since it was written."""


@contextmanager
def _reporting(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        log.exception("the disk refused %s", name)
        raise StoreUnavailable from error


@dataclass(frozen=True)
class DiskStore:
    """A folder of files."""

    folder: Path

    def path(self, name: str) -> Path:
        """Return where the bytes lie."""
        return self.folder / name

    def put(self, name: str, source: IO[bytes], size: int) -> None:
        """Write beside and put in place, so that nobody finds half of it."""
        del size
        path = self.path(name)
        partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
        with _reporting(name):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with partial.open("wb") as target:
                    shutil.copyfileobj(source, target, 2**20)
                    target.flush()
                    os.fsync(target.fileno())
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)

    def open(self, name: str) -> IO[bytes]:
        """Open the file itself."""
        with _reporting(name):
            try:
                return self.path(name).open("rb")
            except FileNotFoundError as error:
                raise BlobMissing(name) from error

    def age(self, name: str) -> float | None:
        """Ask the file system."""
        try:
            return time.time() - self.path(name).stat().st_mtime
        except FileNotFoundError:
            return None

    def remove(self, name: str) -> None:
        """Unlink the file, and a folder within a folder with its last one."""
        path = self.path(name)
        with _reporting(name):
            path.unlink(missing_ok=True)
        if path.parent.parent != self.folder:
            with suppress(OSError):
                path.parent.rmdir()

    def names(self, folder: str) -> Iterator[tuple[str, float]]:
        """Walk the folder; what goes meanwhile is passed over."""
        for path in sorted((self.folder / folder).rglob("*")):
            if path.is_dir():
                continue
            name = path.relative_to(self.folder).as_posix()
            age = self.age(name)
            if age is not None:
                yield name, age


@dataclass(frozen=True)
class S3Place:
    """Where an S3-compatible store answers, and as whom we ask."""

    host: str
    bucket: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"
    is_secure: bool = True


def place_of(values: Mapping[str, str]) -> S3Place | None:
    """Read the store from S3_ENDPOINT and its companions; None without an endpoint.

    ValueError for an endpoint that is no address, or where bucket or keys are missing.
    """
    endpoint = values.get("S3_ENDPOINT", "")
    if not endpoint:
        return None
    parts = urlsplit(endpoint)
    lacking = [n for n in ("S3_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY") if not values.get(n)]
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
        msg = f"S3_ENDPOINT must be like https://host:port, not {endpoint}"
        raise ValueError(msg)
    if lacking:
        msg = f"S3_ENDPOINT is set without {', '.join(lacking)}"
        raise ValueError(msg)
    return S3Place(
        parts.netloc,
        values["S3_BUCKET"],
        values["S3_ACCESS_KEY"],
        values["S3_SECRET_KEY"],
        values.get("S3_REGION") or "us-east-1",
        parts.scheme == "https",
    )


class S3Store:
    """A bucket; it is there already, and nobody but us writes into it."""

    def __init__(self, place: S3Place) -> None:
        """Prepare the client; it connects with the first request."""
        # Only who keeps files there pays for the library.
        import urllib3  # noqa: PLC0415
        from minio import Minio  # noqa: PLC0415

        pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            retries=urllib3.Retry(total=1, backoff_factor=0.2, status_forcelist=(502, 503, 504)),
            maxsize=10,
        )
        self._bucket = place.bucket
        self._client = Minio(
            place.host,
            access_key=place.access_key,
            secret_key=place.secret_key,
            secure=place.is_secure,
            region=place.region,
            http_client=pool,
        )

    @contextmanager
    def _asking(self, name: str) -> Iterator[Any]:
        from minio.error import MinioException, S3Error  # noqa: PLC0415
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        try:
            yield self._client
        except S3Error as error:
            if error.code in _ABSENT:
                raise BlobMissing(name) from error
            log.exception("the file store refused %s", name)
            raise StoreUnavailable from error
        except (MinioException, HTTPError, OSError) as error:
            log.exception("the file store did not answer for %s", name)
            raise StoreUnavailable from error

    def put(self, name: str, source: IO[bytes], size: int) -> None:
        """Send the bytes; larger ones in parts, which count once the last has come."""
        with self._asking(name) as client:
            client.put_object(
                self._bucket, name, source, size, part_size=PART_BYTES, num_parallel_uploads=1
            )

    def open(self, name: str) -> IO[bytes]:
        """Fetch the bytes into a file of our own, that ends with its last reader."""
        kept = tempfile.TemporaryFile()  # noqa: SIM115 - the caller reads and closes it
        try:
            with self._asking(name) as client:
                answer = client.get_object(self._bucket, name)
                try:
                    shutil.copyfileobj(answer, kept, 2**20)
                finally:
                    answer.close()
                    answer.release_conn()
        except BaseException:
            kept.close()
            raise
        kept.seek(0)
        return kept

    def age(self, name: str) -> float | None:
        """Ask when the object was written."""
        try:
            with self._asking(name) as client:
                written: datetime = client.stat_object(self._bucket, name).last_modified
        except BlobMissing:
            return None
        return time.time() - written.timestamp()

    def remove(self, name: str) -> None:
        """Delete the object."""
        with self._asking(name) as client:
            client.remove_object(self._bucket, name)

    def names(self, folder: str) -> Iterator[tuple[str, float]]:
        """Ask for the list, a thousand at a time."""
        with self._asking(folder) as client:
            for found in client.list_objects(self._bucket, f"{folder}/", recursive=True):
                yield found.object_name, time.time() - found.last_modified.timestamp()


_s3 = cache(S3Store)


def blob_store() -> BlobStore:
    """Return the store that the instance's settings choose: a bucket, or the disk."""
    place: S3Place | None = current_app.config["FILES_S3"]
    return _s3(place) if place else DiskStore(Path(current_app.instance_path) / "files")
