"""Settings: what the instance says stands above our own, what the caller says above both."""

from pathlib import Path

import pytest

from app import cli
from app.accounts.models import Person
from app.core.db import transaction
from app.factory import create_app
from tests.builders.people import a_person


def test_the_instance_may_say_otherwise(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text(
        'PUBLIC_URL = "https://zp.example"\nMAX_CONTENT_LENGTH = 5\nSECRET_KEY = "a"\n'
    )
    config = create_app(str(tmp_path), SECRET_KEY="b").config
    assert (config["PUBLIC_URL"], config["MAX_CONTENT_LENGTH"]) == ("https://zp.example", 5)
    assert (config["SECRET_KEY"], config["SESSION_COOKIE_SECURE"]) == ("b", True)
    assert not create_app(str(tmp_path / "plain")).config["SESSION_COOKIE_SECURE"]


def test_nothing_is_played_over_what_people_entered(
    app: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "prepare_database", lambda: None)
    with transaction():
        person: Person = a_person("苏晓禾")
    assert person.id
    with pytest.raises(Exception, match="not empty"):
        cli._play()
