"""The frame of every page: who is signed in, in which roles, and where."""

import re
from collections.abc import Callable
from typing import Any

from flask import Flask

from app.core.db import transaction
from tests.builders.people import a_person, a_unit

Enter = Callable[..., Any]


def test_every_role_is_listed_with_the_place_where_it_is_held(
    app: Flask, client_for: Enter
) -> None:
    with transaction():
        school, bureau = a_unit("云桥区青禾小学"), a_unit("云桥区教育体育局")
        roles = [("unit_clerk", "org", school.id), ("superior_clerk", "org", bureau.id)]
        person = a_person("简知微", roles=[*roles, ("process_admin", "all", None)])
    page = client_for(person).get("/home").text
    panel = page.split("account-roles")[1].split("</ul>")[0]
    assert "<strong>单位经办人</strong><span>云桥区青禾小学</span>" in panel
    assert "<strong>上级经办人</strong><span>云桥区教育体育局</span>" in panel
    assert "<strong>流程管理员</strong>" in panel
    assert "单位经办人等 3 个身份" in page


def test_two_roles_are_both_named_in_the_top_bar(app: Flask, client_for: Enter) -> None:
    with transaction():
        roles = [("organiser_leader", "all", None), ("superior_leader", "all", None)]
        person = a_person("滕敬之", roles=roles)
    page = client_for(person).get("/home").text
    shown = re.search('class="topbar-role">([^<]*)<', page)
    assert shown is not None
    assert shown[1] == "上级领导、组建单位领导"
