"""变更单位: what is under way stays with the former unit, and everybody concerned is told."""

from typing import Any

from app.accounts.models import Notification, Person
from app.core.db import db, transaction
from app.units.models import Employment
from app.units.process import BINDING
from tests.builders.declarations import a_declaration
from tests.builders.flow import open_items
from tests.builders.people import a_person, a_unit, person, staff
from tests.builders.portfolio import a_submitted_item

UNDER_WAY = "1 件申报、1 项业绩审核"


def told_to(whom: Person) -> list[str]:
    with transaction(write=False):
        found = db.session.query(Notification.text).filter_by(person_id=whom.id)
        return [text for (text,) in found]


def test_what_stays_with_the_former_unit_is_told_to_all_before_and_after(client_for: Any) -> None:
    declaration = a_declaration(at="vet_declaration")
    mover = person(declaration.person_id)
    with transaction():
        former, new = declaration.unit, a_unit("柳溪小学")
        keeper = a_person("敖正言", roles=[("unit_admin", "org", former.id)])
        clerk, reviewer = staff(former, "unit_clerk"), staff(new, "unit_clerk")
        a_submitted_item(mover)
    browser = client_for(mover)
    page = browser.get("/binding").text
    assert f"您在本单位尚有 <strong>{UNDER_WAY}</strong>未办结" in page
    assert f"仍由{former.name}办理，不转到新单位" in page
    browser.post("/binding", {"unit_id": new.id})
    with transaction(write=False):
        asked = db.session.query(Employment).filter_by(unit_id=new.id).one()
        task = open_items((BINDING, asked.id))[0]
    for url in (f"/tasks/{task.id}", f"/binding/requests/{asked.id}"):
        shown = client_for(reviewer).get(url).text
        assert f"申请人有 {UNDER_WAY}未办结，通过后仍由{former.name}办理" in shown
    client_for(reviewer).post(f"/tasks/{task.id}", {"decision": "pass"})
    stays = f"{UNDER_WAY}仍由{former.name}办理"
    lost = f"{mover.name}已变更到柳溪小学，不再是{former.name}的人员；{stays}"
    assert told_to(keeper)[-1] == told_to(clerk)[-1] == lost
    assert f"绑定柳溪小学的申请已通过；{UNDER_WAY}仍由原单位{former.name}办理" in told_to(mover)
    assert UNDER_WAY not in browser.get("/binding").text
    assert UNDER_WAY not in client_for(reviewer).get(f"/binding/requests/{asked.id}").text
