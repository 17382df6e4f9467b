"""我的信息: what is known of a person, who read their files, and all of it as one file."""

import io
import json
import re
import zipfile
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app import worker
from app.accounts.models import Notification, Person
from app.core import jobs, storage
from app.core.audit import AuditEvent
from app.core.blobs import blob_store
from app.core.clock import now
from app.core.db import db, transaction
from app.core.storage import StoredFile
from app.people import exports, sight
from app.people.known import everything_of
from app.people.models import DataExport
from app.units.models import Employment, Unit
from tests.builders.declarations import a_draft
from tests.builders.flow import drain, open_items
from tests.builders.papers import an_issued_certificate
from tests.builders.people import a_person, a_unit, staff
from tests.builders.portfolio import an_upload
from tests.conftest import START

NUMBER = "340000198503129020"


@pytest.fixture
def person(app: Flask) -> Person:
    """An applicant of a unit with one file that is linked."""
    with transaction():
        made = a_person("苏晓禾", id_number=NUMBER, unit=a_unit())
        storage.link(an_upload(made, "学历证书.png"))
        return made


def file_of(person: Person) -> int:
    with transaction(write=False):
        mine = sa.select(StoredFile.id).where(StoredFile.owner_id == person.id)
        return db.session.scalars(mine.order_by(StoredFile.id)).first() or 0


def sights(person: Person) -> list[sight.Sight]:
    with transaction(write=False):
        return sight.told(list(db.session.scalars(sight.sights_of(person.id))))


def a_reader(person: Person, app: Flask, roles: list[Any]) -> Person:
    """Somebody whom a room vouches for."""
    with transaction():
        reader = a_person("读者", roles=roles)
    storage._readers.append(lambda person_id, _file: person_id == reader.id)
    return reader


@pytest.fixture(autouse=True)
def no_more_readers() -> Any:
    before = list(storage._readers)
    yield
    storage._readers[:] = before


def test_what_is_known_is_counted_by_kind(client_for: Any, person: Person) -> None:
    page = client_for(person).get("/account/data").text
    for kind in ("单位绑定", "业绩", "职称申报", "职称证书", "上传的文件", "登录记录", "诚信记录"):
        assert kind in page
    assert "还没有其他人查看过您的材料和文件" in page


def test_who_reads_a_file_is_kept_once_a_day_by_office(
    client_for: Any, app: Flask, person: Person, at: Any
) -> None:
    with transaction(write=False):
        unit_id = db.session.scalar(sa.text("SELECT id FROM unit")) or 0
    clerk = a_reader(person, app, [("unit_clerk", "org", unit_id)])
    url = f"/files/{file_of(person)}"
    assert client_for(person).get(url).status_code == 200
    assert sights(person) == []
    for _ in range(2):
        assert client_for(clerk).get(url).status_code == 200
    client_for(clerk).get(url, headers={"Sec-Purpose": "prefetch"})
    (seen,) = sights(person)
    assert (seen.office, seen.file) == ("云桥区青禾小学 单位经办人", "学历证书.png")
    at(START + timedelta(days=1))
    assert client_for(clerk).get(url).status_code == 200
    assert len(sights(person)) == 2
    page = client_for(person).get("/account/data").text
    assert "云桥区青禾小学 单位经办人" in page
    assert "读者" not in page


def test_a_reader_with_several_roles_at_a_unit_is_told_with_all_of_them(
    app: Flask, person: Person
) -> None:
    with transaction():
        school = a_unit("柳溪小学")
        roles = ("unit_admin", "unit_clerk", "superior_clerk")
        reader = a_person("读者", roles=[(role, "org", school.id) for role in roles])
        told = sight.office_of(reader.id, now())
    assert told == "柳溪小学 单位管理员、单位经办人、上级经办人"


def test_who_opens_the_records_of_a_person_is_kept_once_a_day(
    client_for: Any, app: Flask, person: Person, at: Any
) -> None:
    with transaction():
        school = a_unit("柳溪小学")
        asker = a_person("卜文", roles=[("applicant", "all", None)])
        clerk = staff(school, "unit_clerk")
    client_for(asker).post("/binding", {"unit_id": school.id})
    with transaction(write=False):
        binding = db.session.query(Employment).filter_by(person_id=asker.id).one().id
    page = f"/binding/requests/{binding}"
    client_for(clerk).get(page, headers={"Sec-Purpose": "prefetch"})
    assert sights(asker) == []
    for _ in range(2):
        assert client_for(clerk).get(page).status_code == 200
    (seen,) = sights(asker)
    assert (seen.office, seen.file) == ("柳溪小学 单位经办人", "绑定申请和个人信息")
    at(START + timedelta(days=1))
    assert "柳溪小学 单位经办人" in client_for(asker).get("/account/data").text
    with transaction(write=False):
        (item,) = open_items(("employment", binding))
    assert client_for(clerk).get(f"/tasks/{item.id}").status_code == 200
    assert len(sights(asker)) == 2


def test_a_browser_that_looks_ahead_has_read_nothing(
    client_for: Any, app: Flask, person: Person
) -> None:
    reader = a_reader(person, app, [("system_admin", "all", None)])
    client_for(reader).get(f"/files/{file_of(person)}", headers={"Sec-Purpose": "prefetch"})
    assert sights(person) == []


def test_a_reviewer_is_not_made_known(client_for: Any, app: Flask, person: Person) -> None:
    with transaction(write=False):
        unit_id = db.session.scalar(sa.text("SELECT id FROM unit")) or 0
    roles = [("unit_leader", "org", unit_id), ("expert", "all", None)]
    expert = a_reader(person, app, roles)
    client_for(expert).get(f"/files/{file_of(person)}")
    assert [each.office for each in sights(person)] == ["评审工作人员"]


def ask(client_for: Any, person: Person) -> Any:
    return client_for(person).post("/account/data/export")


def export_of(person: Person) -> DataExport:
    return exports.exports_of(person.id)[0]


def test_everything_comes_as_one_file_of_ones_own(
    client_for: Any, app: Flask, person: Person
) -> None:
    mine = client_for(person)
    assert ask(client_for, person).status_code == 303
    assert "正在生成" in mine.get("/account/data").text
    drain()
    with transaction(write=False):
        made = export_of(person)
        assert (made.status, made.done, made.total) == ("ready", 2, 2)
        url = f"/files/{made.file_id}"
        told = db.session.scalars(sa.select(Notification.text))
        assert any("个人信息已导出" in text for text in told)
    page = mine.get("/account/data").text
    assert url in page
    answer = mine.get(url)
    assert answer.content_type == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        names = archive.namelist()
        known = json.loads(archive.read("我的信息.json"))
        page = archive.read("我的信息.html").decode()
    assert [name.rpartition("-")[2] for name in names] == [
        "我的信息.html",
        "我的信息.json",
        "学历证书.png",
    ]
    assert known["身份信息"]["姓名"] == "苏晓禾"
    assert known["单位绑定"][0]["单位"] == "云桥区青禾小学"
    assert NUMBER not in json.dumps(known) + page
    for words in ("苏晓禾的信息", "单位绑定（1）", "云桥区青禾小学", "学历证书.png", "查看记录"):
        assert words in page
    assert "<script" not in page
    assert re.search(r"dd, td \{[^}]*white-space: pre-line", page), "lines of a text stay lines"
    with transaction():
        stranger = staff(db.session.scalars(sa.select(Unit)).one(), "unit_clerk")
    assert client_for(stranger).get(url).status_code == 404


def names_in(told: Any) -> set[str]:
    """Every name under which something is told."""
    if isinstance(told, dict):
        return set(told).union(*map(names_in, told.values()))
    return set().union(*map(names_in, told)) if isinstance(told, list) else set()


def test_everything_is_told_under_the_names_that_people_know_it_by(app: Flask) -> None:
    applicant = a_draft().person_id
    with transaction():
        certified = an_issued_certificate().person_id
        told = [everything_of(db.session.get_one(Person, each)) for each in (applicant, certified)]
    known, certificate = told[0], told[1]["职称证书"][0]
    assert {name for name in names_in(told) if name.isascii()} == set()
    assert known["职称申报"][0]["专业信息"]["教龄"] == "19年"
    assert "聘任一级教师" in known["职称申报"][0]["现有职称"][0]
    assert {"从事工作及岗位": "数学教师"}.items() <= known["业绩"][-1]["填写内容"].items()
    assert certificate["记载事项"]["资格名称"] == "高级教师"


def test_one_export_at_a_time_and_the_next_holds_no_earlier_one(
    client_for: Any, app: Flask, person: Person
) -> None:
    ask(client_for, person)
    assert ask(client_for, person).status_code == 409
    drain()
    assert ask(client_for, person).status_code == 303
    drain()
    with transaction(write=False):
        assert export_of(person).total == 2


def test_a_file_that_a_record_came_to_hold_stays_and_holds_up_no_sweep(
    client_for: Any, app: Flask, person: Person, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(client_for, person)
    drain()
    with transaction():
        held = db.session.get_one(StoredFile, export_of(person).file_id)
        db.session.get_one(Person, person.id).photo_file_id = held.id
        left = StoredFile(
            sha256="0" * 64, name="旧.zip", media_type="application/zip", size=1, created_at=now()
        )
        db.session.add(left)
        db.session.flush()
        kept_id, left_id = held.id, left.id
    at(START + timedelta(days=8))

    def broken(_now: datetime) -> None:
        raise RuntimeError

    monkeypatch.setattr(worker, "CHORES", (broken, *worker.CHORES))
    worker.sweep()
    with transaction(write=False):
        assert export_of(person).status == "expired"
        assert db.session.get(StoredFile, kept_id) is not None
        assert db.session.get(StoredFile, left_id) is None


def test_an_export_is_forgotten_after_a_week(
    client_for: Any, app: Flask, person: Person, at: Any
) -> None:
    ask(client_for, person)
    drain()
    with transaction(write=False):
        url = f"/files/{export_of(person).file_id}"
    at(START + timedelta(days=6))
    worker.sweep()
    assert client_for(person).get(url).status_code == 200
    at(START + timedelta(days=7, minutes=5))
    worker.sweep()
    assert client_for(person).get(url).status_code == 404
    assert "已过期删除" in client_for(person).get("/account/data").text


def test_a_failed_export_is_asked_for_again(client_for: Any, app: Flask, person: Person) -> None:
    ask(client_for, person)
    with transaction():
        job = db.session.scalars(sa.select(jobs.Job).where(jobs.Job.name == exports.JOB)).one()
        job.status, job.last_error = "failed", "磁盘已满"
    assert "未能生成" in client_for(person).get("/account/data").text
    assert ask(client_for, person).status_code == 303
    drain()
    with transaction(write=False):
        assert export_of(person).status == "ready"


def test_what_weighs_too_much_is_named_and_left_out(
    client_for: Any, app: Flask, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_BYTES", 10)
    ask(client_for, person)
    drain()
    with transaction(write=False):
        assert export_of(person).left_out == 1
    assert "有 1 个文件因总量过大未包含" in client_for(person).get("/account/data").text


def test_a_lost_file_does_not_stop_an_export(client_for: Any, app: Flask, person: Person) -> None:
    file_id = file_of(person)
    with transaction(write=False):
        file = db.session.get_one(StoredFile, file_id)
        blob_store().remove(storage.blob_name(file.sha256))
    ask(client_for, person)
    drain()
    with transaction(write=False):
        assert export_of(person).status == "ready"


def test_a_repeated_job_makes_nothing_twice(client_for: Any, app: Flask, person: Person) -> None:
    ask(client_for, person)
    drain()
    with transaction(write=False):
        made = export_of(person)
        export_id, file_id = made.id, made.file_id
    exports.make_export({"export": export_id})
    with transaction(write=False):
        assert export_of(person).file_id == file_id
        tags = list(db.session.scalars(sa.select(AuditEvent.tag)))
        assert tags.count("person:data_exported") == 1
