"""One interface, two stores: a folder, and a bucket of a server that speaks S3."""

import hashlib
import io
import os
from pathlib import Path

import pytest
from flask import Flask

from app.core import blobs
from app.core.blobs import BlobMissing, BlobStore, DiskStore, StoreUnavailable, place_of
from tests.throwaway_s3 import KEYS, free_port

NAME = "ab/" + "ab" * 32
LARGE = hashlib.shake_256(b"large").digest(11 * 2**20)


def kept(store: BlobStore, content: bytes, name: str = NAME) -> None:
    store.put(name, io.BytesIO(content), len(content))


def read(store: BlobStore, name: str = NAME) -> bytes:
    with store.open(name) as content:
        return content.read()


@pytest.mark.parametrize("content", [b"x", LARGE], ids=["one byte", "several parts"])
def test_what_is_kept_is_given_back(store: BlobStore, content: bytes) -> None:
    kept(store, content)
    assert read(store) == content
    with store.open(NAME) as again:
        again.seek(1)
        assert again.read() == content[1:], "it is read from any place"


def test_what_is_kept_again_takes_the_place_of_what_was_damaged(store: BlobStore) -> None:
    kept(store, b"damaged")
    kept(store, b"whole")
    assert read(store) == b"whole"


def test_what_is_not_there_is_said_to_be_missing(store: BlobStore) -> None:
    name = "cd/nothing"
    with pytest.raises(BlobMissing):
        store.open(name)
    assert store.age(name) is None
    store.remove(name)


def test_what_is_removed_is_gone(store: BlobStore) -> None:
    kept(store, b"x")
    age = store.age(NAME)
    assert age is not None
    assert age < 60
    store.remove(NAME)
    assert store.age(NAME) is None


def test_a_folder_says_what_is_in_it(store: BlobStore) -> None:
    for name in ("parts/one/0", "parts/one/9", "parts/two/0", "ab/cd"):
        kept(store, b"x", name)
    found = dict(store.names("parts"))
    assert sorted(found) == ["parts/one/0", "parts/one/9", "parts/two/0"]
    assert max(found.values()) < 60
    for name in found:
        store.remove(name)
    assert list(store.names("parts")) == []
    assert list(store.names("nothing")) == []


def test_a_source_that_ends_early_leaves_nothing(store: BlobStore) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("the sender is gone")

    name = "ef/broken"
    with pytest.raises(StoreUnavailable):
        store.put(name, Broken(), 6 * 2**20)
    assert store.age(name) is None
    if isinstance(store, DiskStore):
        assert list(store.path(name).parent.iterdir()) == []


def test_a_full_or_forbidden_disk_is_said_in_words(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    store = DiskStore(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreUnavailable, match="暂时不可用"):
        kept(store, b"x")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("act", ["put", "open", "age", "remove"])
def test_a_store_that_does_not_answer_is_unavailable(
    app: Flask, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    monkeypatch.setattr(blobs, "CONNECT_SECONDS", 0.2)
    place = place_of({"S3_ENDPOINT": f"http://127.0.0.1:{free_port()}", **KEYS})
    assert place is not None
    store = blobs.S3Store(place)
    given = (io.BytesIO(b"x"), 1) if act == "put" else ()
    with pytest.raises(StoreUnavailable, match="稍后再试"):
        getattr(store, act)(NAME, *given)


def test_a_bucket_that_is_not_there_is_no_missing_file(
    app: Flask, s3_server: dict[str, str]
) -> None:
    place = place_of({**s3_server, "S3_BUCKET": "another-bucket"})
    assert place is not None
    with pytest.raises(StoreUnavailable):
        blobs.S3Store(place).open(NAME)


def test_the_settings_choose_the_store() -> None:
    assert place_of({}) is None
    place = place_of({"S3_ENDPOINT": "https://s3.example.cn:9000", **KEYS, "S3_REGION": "cn"})
    assert place is not None
    assert (place.host, place.is_secure, place.region) == ("s3.example.cn:9000", True, "cn")
    assert KEYS["S3_SECRET_KEY"] not in repr(place)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"S3_ENDPOINT": "s3.example.cn", **KEYS}, "S3_ENDPOINT"),
        ({"S3_ENDPOINT": "https://s3.example.cn/bucket", **KEYS}, "S3_ENDPOINT"),
        ({"S3_ENDPOINT": "https://s3.example.cn"}, "S3_BUCKET"),
    ],
)
def test_settings_that_do_not_hold_stop_the_start(values: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        place_of(values)
