"""Behind a proxy, tries are counted by the visitor's address."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask

from app import serving
from app.accounts.models import SignInAttempt
from app.core.db import db, transaction
from app.factory import create_app
from tests.conftest import SETTINGS, Templates


def addresses_after_a_wrong_password(folder: Path, templates: Templates) -> list[str]:
    url = templates.fresh(folder)
    app = create_app(str(folder / "instance"), SQLALCHEMY_DATABASE_URI=url, **SETTINGS)
    app.config["WTF_CSRF_ENABLED"] = False
    with app.app_context():
        forwarded = {"X-Forwarded-For": "203.0.113.7"}
        wrong = {"login": "nobody", "password": "Wrong-2026!"}
        assert app.test_client().post("/login", data=wrong, headers=forwarded).status_code == 401
        with transaction(write=False):
            seen = [row.address for row in db.session.query(SignInAttempt)]
        db.session.remove()
        db.engine.dispose()
    templates.drop(url)
    return seen


def test_a_forwarded_address_counts_only_behind_a_trusted_proxy(
    tmp_path: Path, templates: Templates, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    assert addresses_after_a_wrong_password(tmp_path / "a", templates) == ["127.0.0.1"]
    monkeypatch.setenv("TRUSTED_PROXIES", "1")
    (tmp_path / "b").mkdir()
    assert addresses_after_a_wrong_password(tmp_path / "b", templates) == ["203.0.113.7"]


@pytest.mark.parametrize(
    ("url", "proxies", "warns"),
    [
        ("https://zhiping.example.cn", 0, True),
        ("https://zhiping.example.cn", 1, False),
        ("http://127.0.0.1:8000", 0, False),
    ],
)
def test_a_server_behind_a_proxy_that_it_does_not_know_warns_at_start(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    url: str,
    proxies: int,
    warns: bool,
) -> None:
    monkeypatch.setattr(serving, "start_scheduler", lambda _app: None)
    app.config.update(PUBLIC_URL=url, TRUSTED_PROXIES=proxies)
    serving.post_worker_init(SimpleNamespace(wsgi=app))
    assert ("TRUSTED_PROXIES" in caplog.text) is warns
