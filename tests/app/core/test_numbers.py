"""Numbers that no database holds lead nowhere, on either database."""

from typing import Any

import pytest
from flask import Flask

from app.core.db import transaction
from app.core.errors import Invalid
from app.core.numbers import genuine_id_number
from tests.builders.people import a_person

HUGE = "9" * 30


@pytest.mark.parametrize("url", [f"/tasks/{HUGE}", f"/files/{HUGE}", f"/tasks/batch?id={HUGE}"])
def test_a_number_too_large_or_odd_is_refused_in_words(
    app: Flask, client_for: Any, url: str
) -> None:
    with transaction():
        person = a_person(roles=[("unit_clerk", "all", None)])
    answer = client_for(person).get(url)
    assert answer.status_code in {404, 422}


def test_a_form_with_a_number_too_large_is_refused_too(app: Flask, client_for: Any) -> None:
    with transaction():
        person = a_person(roles=[("applicant", "all", None)])
    assert client_for(person).post("/binding", {"unit_id": HUGE}).status_code == 404


def test_a_choice_that_is_no_number_leads_back_to_the_list(app: Flask, client_for: Any) -> None:
    with transaction():
        person = a_person(roles=[("unit_clerk", "all", None)])
    answer = client_for(person).get("/tasks/batch?id=²", follow_redirects=True)
    assert answer.request.path == "/tasks"
    assert "请先勾选要办理的任务" in answer.text


ID_NUMBER = "340000198503129020"


@pytest.mark.parametrize("zero", ["٠", "०", "０"])
def test_digits_of_another_script_make_no_second_identity(zero: str) -> None:
    digits = {ord("0") + n: ord(zero) + n for n in range(10)}
    # The check character stays: it is held against one that is worked out.
    other = ID_NUMBER[:-1].translate(digits) + ID_NUMBER[-1]
    assert genuine_id_number(ID_NUMBER) == ID_NUMBER
    with pytest.raises(Invalid):
        genuine_id_number(other)
