"""The two stores of bytes: what is tested over one is tested over the other."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app.core.blobs import BlobStore, blob_store, place_of
from tests import throwaway_s3


@pytest.fixture(scope="session")
def s3_server() -> Iterator[dict[str, str]]:
    with throwaway_s3.running_server() as settings:
        yield settings


@pytest.fixture(params=["disk", "s3"])
def store(request: pytest.FixtureRequest, app: Flask) -> BlobStore:
    """The store of the application: its folder, then a bucket, each empty."""
    if request.param == "s3":
        settings = request.getfixturevalue("s3_server")
        throwaway_s3.empty(settings)
        app.config["FILES_S3"] = place_of(settings)
    return blob_store()
