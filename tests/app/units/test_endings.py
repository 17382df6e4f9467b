"""What becomes of registrations, changes and posts when their processes are ended (作废)."""

from collections.abc import Callable

import pytest
from flask import Flask

from app.core.clock import now
from app.core.crypto import keyed_hash
from app.core.db import db, transaction
from app.core.errors import Conflict
from app.core.invariants import check_all
from app.engine import care, runtime
from app.engine.models import ProcessInstance
from app.units import changing, posts, registering, tree
from app.units.code_lists import POST_LEVELS
from app.units.models import Unit, UnitChange, UnitRegistration
from app.units.post_models import PostSheet
from app.units.post_process import POSTS
from app.units.request_process import CHANGE, REGISTRATION
from tests.app.units.test_tree import facts
from tests.builders.flow import do
from tests.builders.people import a_person, a_unit
from tests.builders.portfolio import an_upload

BECAUSE = "申请有误"
PASS = {"decision": "pass"}
RETURN = {"decision": "return", "opinion": "请补充"}


def a_school() -> Unit:
    bureau = a_unit("云桥区人社局", kind="机关", type_="人社部门")
    a_person("宓清川", roles=[("unit_admin", "org", bureau.id)])
    return a_unit("青禾小学", parent=bureau)


def begin(process: str, business: tuple[str, int]) -> tuple[str, int]:
    runtime.start(process, business=business, jurisdiction="anhui", actor_id=None, now=now())
    return business


def a_registration() -> tuple[str, int]:
    a_school()
    said = tree.UnitFacts("新河小学", "用人单位", "事业单位", "340602", "")
    entry = registering.Entry(said, "钟守正", "荀知远", "13800000000", "xunzhiyuan")
    asked, _ = registering.register_unit(entry, address=keyed_hash("here"), now=now())
    return begin("unit_registration", (REGISTRATION, asked.id))


def a_change() -> tuple[str, int]:
    school = a_school()
    actor = a_person("敖正言", roles=[("unit_admin", "org", school.id)])
    wanted = facts(school, name="青禾学校")
    asked = changing.request_change(school, wanted, "批准更名", actor=actor, now=now())
    return begin("unit_change", (CHANGE, asked.id))


def new_posts() -> tuple[str, int]:
    school = a_school()
    actor = a_person("敖正言", roles=[("unit_admin", "org", school.id)])
    counts = dict.fromkeys(POST_LEVELS, (3, 1))
    for reason in ("", "新批"):
        entry = posts.Entry(counts, an_upload(actor).id, reason)
        sheet = posts.submit_sheet(school, entry, actor=actor, now=now())
    return begin("post_approval", (POSTS, sheet.id))


CASES = [
    (a_registration, UnitRegistration, "vet_registration", "lapsed"),
    (a_change, UnitChange, "vet_unit_change", "dropped"),
    (new_posts, PostSheet, "vet_posts", "dropped"),
]


def cancel(business: tuple[str, int]) -> None:
    with transaction():
        running = db.session.query(ProcessInstance).filter_by(
            business_type=business[0], business_id=business[1]
        )
        care.cancel(running.one(), reason=BECAUSE, actor_id=None, now=now())


@pytest.mark.parametrize("returned", [False, True])
@pytest.mark.parametrize(("made", "table", "node", "state"), CASES)
def test_the_request_ends_with_its_process(
    app: Flask,
    made: Callable[[], tuple[str, int]],
    table: type[UnitRegistration | UnitChange | PostSheet],
    node: str,
    state: str,
    returned: bool,
) -> None:
    with transaction():
        business = made()
    if returned:
        do(business, node, RETURN)
    cancel(business)
    with transaction(write=False):
        ended = db.session.get_one(table, business[1])
        assert (ended.status, ended.opinion) == (state, BECAUSE)
        assert check_all() == []


@pytest.mark.parametrize(("made", "table", "node", "state"), CASES)
def test_what_was_decided_is_not_decided_again(
    app: Flask,
    made: Callable[[], tuple[str, int]],
    table: type[UnitRegistration | UnitChange | PostSheet],
    node: str,
    state: str,
) -> None:
    with transaction():
        business = made()
    do(business, node, PASS)
    deciders = {REGISTRATION: registering, CHANGE: changing, POSTS: posts}
    ending = registering.lapse if table is UnitRegistration else deciders[business[0]].drop
    with transaction():
        record = db.session.get_one(table, business[1])
        decide = deciders[business[0]].decide
        with pytest.raises(Conflict, match="已处理"):
            decide(record, approve=True, opinion="", actor_id=0, now=now())
        with pytest.raises(Conflict, match="已处理"):
            ending(record, BECAUSE, actor_id=None, now=now())
    assert state != record.status
