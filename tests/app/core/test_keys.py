"""Keys of the instance: whole, made once however many processes start, never used when broken."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.core import crypto


def test_all_who_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: crypto._key_at(tmp_path / "fields.key"), range(64)))
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["fields.key"]
    assert (tmp_path / "fields.key").stat().st_mode & 0o777 == 0o600


def test_an_empty_key_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "index.key").touch()
    with pytest.raises(crypto.BrokenKey, match=r"index\.key"):
        crypto.read_key(tmp_path / "index.key")
