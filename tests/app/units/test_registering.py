"""单位注册: asked for in public, vetted by who is near, mended by the number, begun at once."""

import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from PIL import Image

from app.accounts import addresses
from app.accounts.logins import nearest_free_login
from app.accounts.models import Credential, Person
from app.accounts.operations import (
    create_credential,
    create_person,
    reset_credential,
    set_password,
)
from app.accounts.signing_in import hash_password
from app.core.clock import ZONE, now
from app.core.db import db, transaction
from app.core.invariants import check_all
from app.engine import deadlines
from app.engine.models import Timer, WorkItem
from app.units import registering, registration_views
from app.units.evidence_models import RequestFile
from app.units.models import Unit, UnitRegistration
from app.units.request_process import REGISTRATION
from tests.app.accounts.test_addresses import solved
from tests.builders.flow import drain, open_items
from tests.builders.people import a_person, a_unit
from tests.builders.refusals import is_told_in_place
from tests.builders.secrets import activated
from tests.builders.threads import together
from tests.conftest import Browser

URL, STATE = "/unit/register", "/unit/register/state"
NEW = {
    "name": "云桥区新河小学",
    "type": "用人单位",
    "kind": "事业单位",
    "area_code": "340602",
    "credit_code": "12340000DEM00006X0",
    "superior": "",
    "legal_person": "钟守正",
    "admin_name": "荀知远",
    "admin_phone": "13800000000",
    "login": "xunzhiyuan",
    "note": "",
}


@pytest.fixture
def office(app: Flask) -> Person:
    """The administrator of the personnel department of the district."""
    with transaction():
        city = a_unit("淮城市人社局", kind="机关", type_="人社部门", area="340600")
        bureau = a_unit("云桥区人社局", kind="机关", type_="人社部门", parent=city)
        a_person("市局管理员", roles=[("unit_admin", "org", city.id)])
        return a_person("宓清川", roles=[("unit_admin", "org", bureau.id)])


@pytest.fixture
def visitor(client_for: Any) -> Browser:
    browser: Browser = client_for(None)
    return browser


def the_task() -> WorkItem:
    with transaction(write=False):
        asked = db.session.query(UnitRegistration).one()
        return open_items((REGISTRATION, asked.id))[0]


def vet(browser: Browser, decision: str, opinion: str = "") -> Any:
    return browser.post(f"/tasks/{the_task().id}", {"decision": decision, "opinion": opinion})


def number_on(page: str) -> str:
    found = re.search(r"DW\d{8}-[2-9A-Z]{14}", page)
    assert found
    return found[0]


def test_an_approved_registration_is_a_unit_whose_administrator_begins(
    client_for: Any, office: Person, visitor: Browser
) -> None:
    assert visitor.get(URL).status_code == 200
    assert visitor.post(URL, NEW).location == STATE
    waiting = visitor.get(STATE).text
    number = number_on(waiting)
    assert ("正在审核" in waiting, "云桥区人社局" in waiting) == (True, True)
    assert visitor.post("/unit/register/activation").status_code == 404
    clerk = client_for(office)
    assert "云桥区新河小学" in clerk.get("/unit/registrations").text
    assert "钟守正" in clerk.get(f"/tasks/{the_task().id}").text
    assert vet(clerk, "pass").status_code == 303
    # Another browser finds it by its number; the office never saw a secret.
    later = client_for(None)
    assert later.post(STATE, {"number": f" {number.lower()} "}).location == STATE
    assert "激活管理员账号" in later.get(STATE).text
    address = later.post("/unit/register/activation").location
    secret = address.rpartition("=")[2]
    assert activated(later, secret).location == "/home"
    assert "云桥区新河小学" in later.get("/unit").text
    again = client_for(None)
    again.post(STATE, {"number": number})
    assert "账号已激活" in again.get(STATE).text
    assert again.post("/unit/register/activation").status_code == 409
    with transaction(write=False):
        unit = db.session.query(Unit).filter_by(name=NEW["name"]).one()
        assert (unit.parent.name, unit.reports_to.name) == ("云桥区人社局", "云桥区人社局")
        assert (unit.legal_person, unit.contact_phone) == ("钟守正", "13800000000")
        assert check_all() == []


def test_the_office_reads_which_login_is_given_and_what_it_decided(
    client_for: Any, office: Person, visitor: Browser
) -> None:
    with transaction():
        create_credential(create_person(name="卜文", now=now()), NEW["login"], now=now())
        stranger = a_person("戚远山", roles=[("unit_admin", "org", a_unit("淮城一中").id)])
    visitor.post(URL, NEW)
    clerk, given = client_for(office), f"{NEW['login']}-2"
    assert f"已有人使用，通过后开通为 {given}" in clerk.get(f"/tasks/{the_task().id}").text
    assert given not in visitor.get(STATE).text, "nobody else is told whose names there are"
    vet(clerk, "pass", "情况属实")
    found = re.search(r"/unit/registrations/\d+", clerk.get("/unit/registrations").text)
    assert found
    page = clerk.get(found[0]).text
    assert f"已开通为 {given}" in page
    assert ("情况属实" in page, "钟守正" in page) == (True, True)
    assert client_for(stranger).get(found[0]).status_code == 404


def test_an_old_number_opens_nothing_after_the_account_was_reset(
    client_for: Any, office: Person, visitor: Browser
) -> None:
    visitor.post(URL, NEW)
    vet(client_for(office), "pass")
    with transaction():
        account = db.session.query(Credential).filter_by(login=NEW["login"]).one()
        set_password(account, hash_password("Qinghe-2026"), now=now())
        reset_credential(account, actor=None, now=now())
    assert "激活管理员账号" not in visitor.get(STATE).text
    assert visitor.post("/unit/register/activation").status_code == 409


def test_a_returned_registration_is_mended_by_its_number(
    client_for: Any, office: Person, visitor: Browser
) -> None:
    visitor.post(URL, NEW)
    clerk = client_for(office)
    assert vet(clerk, "return").status_code == 422
    assert visitor.get("/unit/register/mend").status_code == 404
    assert vet(clerk, "return", "名称与证书不符").status_code == 303
    assert "名称与证书不符" in visitor.get(STATE).text
    form = visitor.get("/unit/register/mend").text
    assert ('value="云桥区新河小学"' in form, "13800000000" in form) == (True, True)
    wrong = {**NEW, "admin_phone": "12"}
    assert is_told_in_place(
        visitor.post("/unit/register/mend", wrong), "请填写 11 位手机号码", "云桥区新河小学"
    )
    mended = {**NEW, "name": "云桥区新河实验小学"}
    assert visitor.post("/unit/register/mend", mended).location == STATE
    assert vet(clerk, "pass").status_code == 303
    with transaction(write=False):
        assert db.session.query(Unit).filter_by(name="云桥区新河实验小学").count() == 1


def test_what_is_sent_twice_at_once_is_vetted_once(
    app: Flask, client_for: Any, office: Person, visitor: Browser
) -> None:
    visitor.post(URL, NEW)
    clerk, receipt = client_for(office), number_on(visitor.get(STATE).text)
    vet(clerk, "return", "名称与证书不符")
    answers: list[int] = []

    def sending() -> Callable[[], None]:
        tab = client_for(None)
        tab.post(STATE, {"number": receipt})
        return lambda: answers.append(tab.post("/unit/register/mend", NEW).status_code)

    assert together(app, sending(), sending()) == [None, None]
    assert sorted(answers) == [303, 409]
    assert "已提交，正在审核" in visitor.post("/unit/register/mend", NEW).text
    assert the_task().node == "vet_registration"
    with transaction(write=False):
        assert check_all() == []


def test_what_nobody_mends_in_time_lapses(
    client_for: Any,
    office: Person,
    visitor: Browser,
    at: Callable[[datetime], None],
) -> None:
    visitor.post(URL, NEW)
    vet(client_for(office), "return", "请补充说明")
    with transaction():
        timer = db.session.query(Timer).one()
        later = timer.due_at + timedelta(days=5)
        deadlines.move_timer(timer.id, later, reason="节假日", actor_id=None, now=now())
    assert f"请在 {later.astimezone(ZONE):%Y-%m-%d %H:%M} 前修改" in visitor.get(STATE).text
    at(now_in(days=36))
    drain()
    assert "退回后逾期未修改，注册申请已终止" in visitor.get(STATE).text
    assert visitor.post("/unit/register/mend", NEW).status_code == 404
    # The name and the code may be asked for again.
    assert visitor.post(URL, NEW).status_code == 303


def now_in(*, days: int) -> datetime:
    with transaction(write=False):
        return now() + timedelta(days=days)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "请填写单位名称"),
        ({"type": "人社部门"}, "人社部门由上级人社部门建立"),
        ({"type": "二级单位"}, "二级单位须填写所属的上级单位"),
        ({"kind": ""}, "请选择单位性质"),
        ({"area_code": ""}, "请选择属地"),
        ({"area_code": "350102"}, "该属地的人社部门尚未开通"),
        ({"credit_code": "12340000DEM00006X1"}, "统一社会信用代码有误"),
        ({"superior": "不存在的集团"}, "没有名称含"),
        ({"superior": "人社局"}, "有多个单位符合"),
        ({"legal_person": ""}, "请填写法定代表人姓名"),
        ({"admin_phone": "12345"}, "请填写 11 位手机号码"),
        ({"login": "340000198503129020"}, "不能使用证件号码"),
    ],
)
def test_what_does_not_hold_is_said_at_its_field(
    office: Person, visitor: Browser, change: dict[str, str], words: str
) -> None:
    answer = visitor.post(URL, {**NEW, **change})
    assert is_told_in_place(answer, words, "荀知远")
    with transaction(write=False):
        assert db.session.query(UnitRegistration).count() == 0
        assert db.session.query(Person).filter_by(name="荀知远").count() == 0


def test_the_same_unit_is_not_asked_for_twice(office: Person, client_for: Any) -> None:
    assert client_for(None).post(URL, NEW).status_code == 303
    again = client_for(None).post(URL, NEW)
    assert is_told_in_place(again, "正在审核", "该统一社会信用代码的注册申请正在审核")
    other = {**NEW, "name": "另一学校"}
    assert "注册申请正在审核" in client_for(None).post(URL, other).text
    wide = {**other, "credit_code": "１２３４００００DEM00006X0"}
    assert "该统一社会信用代码的注册申请正在审核" in client_for(None).post(URL, wide).text
    with transaction():
        a_unit("云桥区老校").credit_code = "12340602DEM00007XJ"


def test_the_nearest_office_where_somebody_can_decide_vets(
    client_for: Any, office: Person
) -> None:
    with transaction():
        group = a_unit("澄江集团", area="340600")
        a_person("集团管理员", roles=[("unit_admin", "org", group.id)])
        silent = a_unit("没有管理员的公司", parent=group)
        ids = {"澄江集团": group.id, "没有管理员的公司": silent.id}
    for superior, area, office_name in (
        ("澄江集团", "340602", "澄江集团"),
        ("没有管理员的公司", "340602", "澄江集团"),
        ("", "340603", "淮城市人社局"),
    ):
        form = {**NEW, "name": f"甲{superior}{area}", "credit_code": "", "superior": superior}
        browser = client_for(None)
        browser.post(URL, {**form, "area_code": area})
        page = browser.get(STATE).text
        assert office_name in page, superior
    with transaction(write=False):
        below = db.session.query(UnitRegistration).filter_by(superior_id=ids["没有管理员的公司"])
        assert below.one().office_id == ids["澄江集团"]


def test_a_unit_lies_in_the_area_of_its_superior(office: Person, visitor: Browser) -> None:
    with transaction():
        a_person("集团管理员", roles=[("unit_admin", "org", a_unit("澄江集团", area="410000").id)])
    page = visitor.post(URL, {**NEW, "superior": "澄江集团"})
    assert page.status_code == 422
    assert is_told_in_place(page, "area_code", "属地须在河南省范围内")
    assert "佐证材料，提交后在“注册进度”页面上传" in page.text


def test_a_visitor_is_not_told_which_login_names_there_are(
    client_for: Any, office: Person, visitor: Browser
) -> None:
    with transaction():
        person = a_person("另一人")
        db.session.query(Credential).filter_by(person_id=person.id).one().login = NEW["login"]
    answer = visitor.post(URL, {**NEW, "login": NEW["login"].upper()})
    assert (answer.status_code, answer.location) == (303, STATE), "as for a name nobody has"
    waiting = visitor.get(STATE).text
    assert (NEW["login"] in waiting, "已有人使用" in waiting) == (True, False)
    assert vet(client_for(office), "pass").status_code == 303
    approved = visitor.get(STATE).text
    assert f"用登录名 {NEW['login']}-2 登录" in approved
    assert "已有人使用，平台另给了这一个" in approved
    secret = visitor.post("/unit/register/activation").location.rpartition("=")[2]
    assert activated(visitor, secret).location == "/home"


def test_a_name_that_is_free_stays_as_it_was_wished(
    client_for: Any, office: Person, visitor: Browser
) -> None:
    visitor.post(URL, NEW)
    vet(client_for(office), "pass")
    approved = visitor.get(STATE).text
    assert f"用登录名 {NEW['login']} 登录。" in approved
    assert "已有人使用" not in approved


def test_the_nearest_free_login_counts_on(app: Flask) -> None:
    with transaction():
        for name in ("wen", "wen-2", "x" * 40):
            create_credential(create_person(name="甲", now=now()), name, now=now())
        assert nearest_free_login("Wen") == "wen-3"
        assert nearest_free_login("x" * 40) == "x" * 34 + "-2"
        assert nearest_free_login("bao") == "bao"


def test_nobody_else_vets_or_looks_in(client_for: Any, office: Person, visitor: Browser) -> None:
    visitor.post(URL, NEW)
    with transaction():
        stranger = a_person("敖正言", roles=[("unit_admin", "org", a_unit("第二小学").id)])
    url = f"/tasks/{the_task().id}"
    assert client_for(stranger).get(url).status_code == 403
    assert client_for(stranger).post(url, {"decision": "pass"}).status_code == 403
    assert "没有单位申请注册" in client_for(stranger).get("/unit/registrations").text
    guess = client_for(None).post(STATE, {"number": "DW20261123-22222222222222"})
    assert (guess.status_code, "没有这个受理号" in guess.text) == (404, True)
    assert "没有符合条件" in client_for(office).get("/unit/registrations?status=approved").text


def test_a_flood_from_one_address_is_stopped(
    office: Person, visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registering, "ADDRESS_LIMIT", 1)
    visitor.post(URL, NEW)
    answer = visitor.post(URL, {**NEW, "name": "另一学校", "credit_code": ""})
    assert (answer.status_code, "另一学校" in answer.text) == (429, True)


def test_after_some_registrations_an_address_proves_work(
    office: Person, visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "PREFIX", "00")
    for _ in range(registration_views.PROOF.free):
        assert "data-proof" not in visitor.get(URL).text
        visitor.post(URL, {**NEW, "login": "x"})
    refused = visitor.post(URL, NEW)
    assert (refused.status_code, "安全验证" in refused.text) == (429, True)
    assert NEW["legal_person"] in refused.text
    proof = solved(visitor.get(URL).text)
    assert visitor.post(URL, {**NEW, "proof": proof}).location == STATE


def test_all_that_is_wrong_is_told_in_one_round(office: Person, visitor: Browser) -> None:
    faulty = {"name": "", "superior": "没有的单位", "credit_code": "12345", "login": "x y"}
    page = visitor.post(URL, {**NEW, **faulty, "admin_phone": "139"}).text
    for words in ("请填写单位名称", "没有名称含", "统一社会信用代码", "登录名", "11 位"):
        assert words in page
    for field in ("superior", "credit_code", "login", "admin_phone", "name"):
        assert f'aria-invalid="true" id="{field}"' in page or f'href="#{field}"' in page


def a_file(name: str = "法人证书.png") -> tuple[io.BytesIO, str]:
    picture = io.BytesIO()
    Image.new("RGB", (60, 40), (200, 30, 30)).save(picture, "PNG")
    picture.seek(0)
    return picture, name


def test_a_registration_gets_its_documents_from_who_holds_its_number(
    office: Person, visitor: Browser, client_for: Any
) -> None:
    evidence = "/unit/register/evidence"
    assert client_for(None).post(evidence, {"file": a_file()}).status_code == 404
    visitor.post(URL, NEW)
    assert "选择文件" in visitor.get(STATE).text
    refused = visitor.post(evidence, {"file": (io.BytesIO(b"<html>"), "x.png")})
    assert (refused.status_code, "文件类型不符" in refused.text) == (422, True)
    assert "请选择文件" in visitor.post(evidence, {}).text
    for _ in range(5):
        assert visitor.post(evidence, {"file": a_file()}).location == STATE
    page = visitor.get(STATE).text
    assert (page.count("法人证书.png"), "data-send" in page) == (5, False)
    assert "最多上传 5 个" in visitor.post(evidence, {"file": a_file()}).text
    with transaction(write=False):
        asked = db.session.query(UnitRegistration).one().id
        (task,) = open_items((REGISTRATION, asked))
        file_id = db.session.query(RequestFile).first().file_id
    clerk = client_for(office)
    assert f"/files/{file_id}" in clerk.get(f"/tasks/{task.id}").text
    assert clerk.get(f"/files/{file_id}").status_code == 200
    clerk.post(f"/tasks/{task.id}", {"decision": "pass"})
    assert visitor.post(evidence, {"file": a_file()}).status_code == 404


def test_documents_that_come_together_are_all_kept(
    office: Person, visitor: Browser, app: Flask
) -> None:
    """Six places send a file in the same moment: five are kept, none is lost, none is over."""
    visitor.post(URL, NEW)
    number = number_on(visitor.get(STATE).text)
    browsers = [app.test_client() for _ in range(6)]
    for place, each in enumerate(browsers):
        # Tries of one address are counted one after another as it is.
        each.environ_base["REMOTE_ADDR"] = f"10.0.{place}.1"
        client = Browser(each)
        client.post(STATE, {"number": number})

    def send(client: Any, place: int) -> Callable[[], None]:
        return lambda: codes.append(
            Browser(client)
            .post("/unit/register/evidence", {"file": a_file(f"{place}.png")})
            .status_code
        )

    codes: list[int] = []
    assert not any(together(app, *(send(c, i) for i, c in enumerate(browsers))))
    assert sorted(codes) == [303] * 5 + [422]
    with transaction(write=False):
        assert [r.position for r in db.session.query(RequestFile).order_by("position")] == [
            1,
            2,
            3,
            4,
            5,
        ]


def test_many_documents_ask_for_a_proof_of_work(
    office: Person, visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "PREFIX", "00")
    evidence = "/unit/register/evidence"
    visitor.post(URL, NEW)
    for _ in range(registration_views.UPLOADS.free):
        assert (
            visitor.post(evidence, {"file": (io.BytesIO(b"<html>"), "x.png")}).status_code == 422
        )
    refused = visitor.post(evidence, {"file": a_file()})
    assert (refused.status_code, "安全验证" in refused.text) == (429, True)
    proof = solved(visitor.get(STATE).text)
    assert visitor.post(evidence, {"file": a_file(), "proof": proof}).location == STATE
    assert visitor.post(evidence, {"file": a_file(), "proof": proof}).status_code == 429
