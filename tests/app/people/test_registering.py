"""个人注册: a letter whatever was typed, a person once its link is used, nobody is told of."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app import worker
from app.accounts import addresses
from app.accounts.models import Credential, Person
from app.accounts.queries import person_by_id_number
from app.accounts.signing_in import hash_password
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.mail import MailFolder
from app.people import registering
from app.people.models import PersonRegistration
from app.units.models import Unit
from tests.app.accounts.test_addresses import solved
from tests.builders.mail import PostOffice, post_office
from tests.builders.people import a_person, a_unit, an_id_number, staff
from tests.builders.refusals import is_told_in_place
from tests.builders.statements import statements_sent
from tests.builders.threads import together_inside
from tests.conftest import START, Browser

URL, PASSWORD = "/register", "Qinghe-2026"
NUMBER = an_id_number()
NEW = {
    "name": "卜文",
    "id_number": NUMBER,
    "address": "buwen@example.cn",
    "jurisdiction": "anhui",
}


@pytest.fixture
def office(app: Flask, tmp_path: Path) -> Iterator[PostOffice]:
    app.config["PUBLIC_URL"] = "https://zhiping.example.cn"
    with transaction():
        a_unit("云桥区青禾小学")
        a_unit("沧州第一小学", jurisdiction="hebei")
    with post_office(tmp_path) as running:
        app.config["MAIL_SERVER"] = running.server
        yield running


@pytest.fixture
def visitor(client_for: Any) -> Browser:
    browser: Browser = client_for(None)
    return browser


def register(browser: Browser, **change: str) -> Any:
    answer = browser.post(URL, {**NEW, **change})
    worker.drain()
    return answer


def link_in(letter: Any) -> str:
    found = re.search(r"https://zhiping\.example\.cn(/\S+)", letter.get_content())
    assert found
    return found[1]


def open_by(browser: Browser, link: str, **change: str) -> Any:
    secret = link.partition("secret=")[2]
    form = {"secret": secret, "password": PASSWORD, "again": PASSWORD, **change}
    return browser.post("/register/activate", form)


def count(table: Any) -> int:
    with transaction(write=False):
        return int(db.session.query(table).count())


def test_a_letter_leads_to_an_account_and_its_details(
    visitor: Browser, office: PostOffice
) -> None:
    page = visitor.get(URL).text
    assert ("安徽省" in page, "河北省的申报人账号由所在单位开通" in page) == (True, True)
    before = count(Person)
    assert register(visitor).location == "/register/asked"
    assert "激活链接已发往" in visitor.get("/register/asked").text
    # Nobody is made of what was only typed.
    assert count(Person) == before
    (letter,) = office.letters()
    assert (letter["To"], NEW["name"] in letter.get_content()) == (NEW["address"], False)
    page = visitor.get(link_in(letter)).text
    assert ("卜文" in page, NUMBER in page, NUMBER[:6] in page) == (True, False, True)
    assert open_by(visitor, link_in(letter)).location == "/login"
    told = visitor.get("/login").text
    assert ("注册完成" in told, "登录名：u" in told) == (True, True)
    signed_in = visitor.post("/login", {"login": NUMBER, "password": PASSWORD})
    assert signed_in.location == "/home"
    assert visitor.get("/home").location == "/account/details"
    assert "是否同步选择单位" in visitor.get("/account/details").text
    with transaction(write=False):
        person = person_by_id_number(NUMBER)
        assert person is not None
        assert (person.email, person.email_verified_at is not None) == (NEW["address"], True)
        assert (person.gender, str(person.birth_date)) == ("女", "1985-03-12")
        assert "person:registered" in set(db.session.scalars(sa.select(AuditEvent.tag)))
    assert "自行注册账号" in visitor.get("/account/log").text


@pytest.mark.parametrize("name", ["阿依古丽·买买提", "Ana María Ruiz", "㐂〇𠮷"])
def test_names_of_every_writing_are_taken(visitor: Browser, office: PostOffice, name: str) -> None:
    assert register(visitor, name=name).status_code == 303


def test_the_unit_is_told_that_nobody_has_looked_at_the_number(
    client_for: Any, visitor: Browser, office: PostOffice
) -> None:
    register(visitor)
    open_by(visitor, link_in(office.letters()[0]))
    with transaction(write=False):
        person = person_by_id_number(NUMBER)
        unit = db.session.query(Unit).filter_by(name="云桥区青禾小学").one()
        clerk = staff(unit, "unit_clerk")
    assert client_for(person).post("/binding", {"unit_id": unit.id}).status_code == 303
    with transaction(write=False):
        task = db.session.scalar(sa.text("SELECT max(id) FROM work_item"))
    assert "请与身份证件核对" in client_for(clerk).get(f"/tasks/{task}").text


def test_a_known_number_gets_the_same_answer_and_letter_by_the_same_statements(
    visitor: Browser, office: PostOffice, client_for: Any
) -> None:
    known = an_id_number()
    with transaction():
        owner = a_person("盛夏禾", id_number=known, roles=[("applicant", "all", None)])
    owner_is = client_for(owner)
    register(client_for(None), address="jia@example.cn", id_number=an_id_number())
    answers, statements = [], []
    for address, number in (("yi@example.cn", an_id_number()), ("bing@example.cn", known)):
        browser = client_for(None)
        browser.get(URL)
        with statements_sent() as sent:
            answer = browser.post(URL, {**NEW, "address": address, "id_number": number})
        answers.append((answer.status_code, answer.location))
        statements.append(sent)
    worker.drain()
    assert answers[0] == answers[1] == (303, "/register/asked")
    assert statements[0] == statements[1]
    letters = {each["To"]: each for each in office.letters()}
    pair = [letters[to].get_content() for to in ("yi@example.cn", "bing@example.cn")]
    assert len({re.sub(r"secret=\S+", "", text) for text in pair}) == 1
    # It is said behind the link only, and its owner can read that it was tried.
    link = link_in(letters["bing@example.cn"])
    refused = open_by(visitor, link)
    assert (refused.status_code, "一人只有一个账号" in refused.text) == (409, True)
    assert "有人用本人证件号码注册" in owner_is.get("/account/log").text
    assert open_by(visitor, link).status_code == 422
    with transaction(write=False):
        assert db.session.query(Person).filter_by(name="卜文").count() == 0


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": " "}, "请填写真实姓名"),
        ({"name": "长" * 61}, "不能超过 60 个字"),
        *(
            ({"name": name}, "只能填写文字")
            for name in ("中奖请加www.x.cn", "卜文1", "卜\n文", "·")
        ),
        ({"id_number": NUMBER[:-1] + ("0" if NUMBER[-1] != "0" else "1")}, "证件号码有误"),
        ({"id_number": "340000198502309021"}, "证件号码有误"),
        ({"address": "buwen"}, "请填写有效的邮箱地址"),
        ({"address": "buwen@example.cn\r\nBcc: x@example.cn"}, "请填写有效的邮箱地址"),
        ({"jurisdiction": ""}, "请选择所在地区"),
        ({"jurisdiction": "hebei"}, "账号由所在单位开通"),
        ({"jurisdiction": "../anhui"}, "账号由所在单位开通"),
    ],
)
def test_what_does_not_hold_is_said_at_its_field(
    visitor: Browser, office: PostOffice, change: dict[str, str], fault: str
) -> None:
    typed = NEW["address"] if "name" in change else NEW["name"]
    assert is_told_in_place(register(visitor, **change), fault, typed)
    assert (count(PersonRegistration), office.letters()) == (0, [])


def test_a_link_opens_once_and_for_a_day(
    visitor: Browser, office: PostOffice, at: Callable[[datetime], None]
) -> None:
    register(visitor)
    link = link_in(office.letters()[-1])
    assert "两次输入的密码不一致" in open_by(visitor, link, again="Andere-2026").text
    weak = open_by(visitor, link, password="weak", again="weak")
    assert (weak.status_code, "8-20" in weak.text) == (422, True)
    assert open_by(visitor, link).status_code == 303
    for answer in (visitor.get(link), open_by(visitor, link)):
        assert (answer.status_code, "注册链接无效或已过期" in answer.text) == (422, True)
    register(visitor, address="zai@example.cn", id_number=an_id_number())
    late = link_in(office.letters()[-1])
    at(START + timedelta(hours=24, minutes=1))
    assert open_by(visitor, late).status_code == 422
    assert visitor.get("/register/activate?secret=nonsense").status_code == 422


def test_a_mailbox_is_not_flooded(
    visitor: Browser, office: PostOffice, at: Callable[[datetime], None]
) -> None:
    sent = []
    for minutes in (0, 1, 10, 20, 30, 40, 50):
        at(START + timedelta(minutes=minutes))
        address = "BUWEN@example.cn" if minutes == 1 else NEW["address"]
        assert register(visitor, address=address).location == "/register/asked"
        sent.append(len(office.letters()))
    # The second came too early; what is beyond five a day is not sent either.
    assert sent == [1, 1, 2, 3, 4, 4, 4]


def test_after_some_tries_an_address_proves_work_and_there_is_an_end(
    visitor: Browser, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "PREFIX", "00")
    for place in range(3):
        assert "data-proof" not in visitor.get(URL).text
        assert register(visitor, address=f"a{place}@example.cn").status_code == 303
    refused = register(visitor, address="b@example.cn")
    assert (refused.status_code, "安全验证" in refused.text) == (429, True)
    assert NEW["name"] in refused.text
    proof = solved(visitor.get(URL).text)
    assert register(visitor, address="b@example.cn", proof=proof).status_code == 303
    assert register(visitor, address="c@example.cn", proof=proof).status_code == 429
    monkeypatch.setattr(registering, "SENDER_LIMIT", 4)
    proof = solved(visitor.get(URL).text)
    over = register(visitor, address="d@example.cn", proof=proof)
    assert (over.status_code, "24 小时内最多注册" in over.text) == (429, True)


def test_where_nobody_may_the_page_says_whom_to_ask(app: Flask, visitor: Browser) -> None:
    app.config["MAIL_SERVER"] = None
    page = visitor.get(URL)
    assert (page.status_code, "账号由所在单位开通" in page.text) == (200, True)
    assert visitor.post(URL, NEW).status_code == 404


def test_the_letters_of_a_demonstration_lie_in_its_folder(
    app: Flask, office: PostOffice, visitor: Browser
) -> None:
    folder = Path(app.instance_path) / "mail"
    app.config["MAIL_SERVER"] = MailFolder(folder)
    answer = register(visitor)
    assert str(folder) in visitor.get(answer.location).text
    (letter,) = folder.iterdir()
    assert (office.letters(), letter.stat().st_mode & 0o777) == ([], 0o600)
    text = letter.read_text(encoding="utf-8")
    assert text.startswith("收件人：buwen@example.cn\n主题：激活账号\n\n")
    link = re.search(r"https://zhiping\.example\.cn(/\S+)", text)
    assert link
    assert open_by(visitor, link[1]).location == "/login"
    app.config["MAIL_SERVER"] = office.server
    assert "演示实例" not in visitor.get(answer.location).text


def test_two_links_for_one_number_make_one_person(app: Flask, office: PostOffice) -> None:
    entries = [registering.Entry("卜文", NUMBER, f"{who}@cn.cn", "anhui") for who in ("a", "b")]
    with transaction():
        secrets = [registering.ask_for_account(entry, sender="x", now=now()) for entry in entries]
    hashed = hash_password(PASSWORD)

    def use(secret: str) -> Any:
        return lambda: registering.open_account(secret, hashed, now=now())

    together_inside(app, *(use(str(each)) for each in secrets))
    with transaction(write=False):
        made = db.session.query(Person).filter_by(name="卜文").one()
        assert db.session.query(Credential).filter_by(person_id=made.id).count() == 1


def test_what_was_typed_is_forgotten_after_two_days(
    visitor: Browser, office: PostOffice, at: Callable[[datetime], None]
) -> None:
    register(visitor)
    at(START + registering.KEPT_FOR + timedelta(minutes=1))
    worker.sweep()
    assert count(PersonRegistration) == 0


def test_all_that_is_wrong_is_told_in_one_round(office: PostOffice, visitor: Browser) -> None:
    page = register(visitor, name="12", id_number="123", address="nowhere", jurisdiction="hebei")
    for field in ("name", "id_number", "address", "jurisdiction"):
        assert f'href="#{field}"' in page.text


@pytest.mark.parametrize(("born", "status"), [((2010, 11, 23), 303), ((2010, 11, 24), 422)])
def test_a_child_gets_no_account(
    office: PostOffice, visitor: Browser, born: tuple[int, int, int], status: int
) -> None:
    """It is 23 November 2026: who is sixteen that day may be employed (劳动法 15)."""
    assert START.date().isoformat() == "2026-11-23"
    answer = register(visitor, id_number=an_id_number(date(*born)))
    assert (answer.status_code, "未满 16 周岁" in answer.text) == (status, status == 422)
