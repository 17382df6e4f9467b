"""Two pages of one declaration: the one that was overtaken overwrites nothing."""

import re
from collections.abc import Callable
from typing import Any

from flask import Flask

from app.core.db import transaction
from app.declarations import queries
from app.declarations.models import Declaration, Status
from tests.builders.declarations import a_draft
from tests.builders.golden_case import PERSONAL, TEACHING
from tests.builders.portfolio import a_portrait
from tests.builders.unscripted import chosen, form_on

Clients = Callable[..., Any]


def version_on(page: str) -> str:
    found = re.search(r'name="row_version" value="(\d+)"', page)
    assert found, page[:1000]
    return found.group(1)


def typed(declaration_id: int) -> dict[str, Any]:
    with transaction(write=False):
        return dict(queries.get_declaration(declaration_id).personal)


def a_case() -> Declaration:
    return a_draft()


def test_a_stale_page_saves_nothing_and_keeps_what_was_typed(
    app: Flask, client_for: Clients
) -> None:
    case = a_case()
    client = client_for(case.person)
    address = f"/declarations/{case.id}/fill/basics"
    old = version_on(client.get(address).text)
    first = {**PERSONAL, **TEACHING, "birth_place": "淮城市云桥区", "row_version": old}
    assert client.post(address, first).status_code == 303
    second = {**PERSONAL, **TEACHING, "birth_place": "淮城市河东区", "row_version": old}
    refused = client.post(address, second)
    assert refused.status_code == 409
    assert typed(case.id)["birth_place"] == "淮城市云桥区"
    assert 'value="淮城市河东区"' in refused.text
    assert "另一页面已保存为“淮城市云桥区”" in refused.text
    again = {**second, "row_version": version_on(refused.text), "disputed": "birth_place"}
    assert client.post(address, again).status_code == 409
    kept = client.post(address, {**again, "chosen-birth_place": "kept"})
    assert (kept.status_code, typed(case.id)["birth_place"]) == (303, "淮城市云桥区")
    again["row_version"] = version_on(client.get(address).text)
    assert client.post(address, {**again, "chosen-birth_place": "ours"}).status_code == 303
    assert typed(case.id)["birth_place"] == "淮城市河东区"


def test_a_stale_page_keeps_the_photo_that_it_brought(app: Flask, client_for: Clients) -> None:
    case = a_case()
    client = client_for(case.person)
    had, address = case.person.photo_file_id, f"/declarations/{case.id}/fill/basics"
    stale = form_on(client, address, "file-photo")
    first = {**PERSONAL, **TEACHING, "birth_place": "淮城市云桥区"}
    assert client.post(address, first).status_code == 303
    brought = {"file-photo": chosen("证件照.jpg", a_portrait())}
    refused = stale.to(client, brought, birth_place="淮城市河东区")
    assert refused.status_code == 409
    shown = form_on(client, address, "file-photo", refused).values["photo"]
    assert shown == form_on(client, "/account", "file-photo").values["photo"] != [str(had)]


def test_a_stale_page_that_says_the_same_is_no_conflict(app: Flask, client_for: Clients) -> None:
    case = a_case()
    client = client_for(case.person)
    address = f"/declarations/{case.id}/fill/basics"
    old = version_on(client.get(address).text)
    same = {**PERSONAL, **TEACHING, "birth_place": "淮城市云桥区", "row_version": old}
    assert client.post(address, same).status_code == 303
    assert client.post(address, same).status_code == 303


def test_a_stale_page_autosaves_nothing(app: Flask, client_for: Clients) -> None:
    case = a_case()
    client = client_for(case.person)
    old = version_on(client.get(f"/declarations/{case.id}/fill/basics").text)

    def autosave(value: str, version: str) -> Any:
        return client.post(
            f"/declarations/{case.id}/autosave",
            {"name": "birth_place", "value": value, "row_version": version},
            headers={"Accept": "application/json"},
        )

    answer = autosave("淮城市云桥区", old)
    assert answer.status_code == 200
    assert autosave("淮城市河东区", old).status_code == 409
    assert typed(case.id)["birth_place"] == "淮城市云桥区"
    assert autosave("淮城市", str(answer.json["row_version"])).status_code == 200
    assert typed(case.id)["birth_place"] == "淮城市"


def test_a_page_learns_what_is_kept_and_after_the_submission_loses_nothing_it_typed(
    app: Flask, client_for: Clients
) -> None:
    case = a_case()
    client = client_for(case.person)
    kept = client.get(f"/declarations/{case.id}/autosave").json
    page = client.get(f"/declarations/{case.id}/fill/basics").text
    assert kept["row_version"] == int(version_on(page))
    assert kept["values"]["birth_place"] == [PERSONAL["birth_place"]]
    assert kept["values"].keys() >= TEACHING.keys()
    with transaction():
        queries.get_declaration(case.id).status = Status.GIVEN_UP
    second = {**PERSONAL, **TEACHING, "birth_place": "淮城市河东区", "row_version": 1}
    refused = client.post(f"/declarations/{case.id}/fill/basics", second)
    assert refused.status_code == 409
    assert "本页没有保存" in refused.text
    assert "淮城市河东区" in refused.text
    assert f'href="/declarations/{case.id}"' in refused.text
    assert "保存个人信息" not in refused.text
    assert client.get(f"/declarations/{case.id}/autosave").status_code == 409
