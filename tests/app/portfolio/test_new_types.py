"""A kind of item is a YAML file and nothing else, and what was written keeps its version of it."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import forms.items
from app.accounts.models import Person
from app.core import storage
from app.core.clock import now
from app.core.db import db, transaction
from app.core.uploads import Policy
from app.portfolio import (
    attachments,
    duplicates,
    item_types,
    operations,
    queries,
    reading,
    withdrawals,
)
from app.portfolio.models import ItemTypeText, PortfolioItem
from app.units.models import Unit
from forms import item_types as described
from tests.builders import portfolio as build
from tests.builders.flow import do
from tests.builders.people import a_person, staff

Sign = Callable[..., Any]
NOVELTY = """
title: 科普作品
category: 论文著作科研
order: 9
summary: "{name} {medium}"
occurred_on: date
fields:
  - {name: name, type: text, label: 作品名称, required: true, max_length: 20}
  - {name: medium, type: select, label: 方式, required: true, choices: [图书, 展览, 视频]}
  - {name: minutes, type: integer, label: 时长, required_when: {medium: 视频}, only: true}
  - {name: date, type: month, label: 完成年月, required: true, max: today}
slots:
  - {name: sample, label: 作品样本, required: true, count: 2}
  - {name: licence, label: 播出许可, required_when: {medium: 视频}, only: true}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for path in forms.items.FOLDER.glob("*.yaml"):
        (tmp_path / path.name).write_text(path.read_text("utf-8"), "utf-8")
    (tmp_path / "popular_science.yaml").write_text(NOVELTY, "utf-8")
    monkeypatch.setattr(forms.items, "FOLDER", tmp_path)
    described.cache_clear()  # type: ignore[attr-defined]
    yield tmp_path
    described.cache_clear()  # type: ignore[attr-defined]


def rewrite(folder: Path, *pairs: tuple[str, str]) -> None:
    """Deploy another description of the type."""
    path = folder / "popular_science.yaml"
    text = path.read_text("utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, "utf-8")
    described.cache_clear()  # type: ignore[attr-defined]


@pytest.fixture
def author(school: Unit) -> Person:
    with transaction():
        return a_person(unit=db.session.merge(school))


FORM = {"name": "星空里的数学", "medium": "视频", "date": "2024-05", "decision": "submit"}


@pytest.mark.usefixtures("folder")
def test_a_new_type_is_chosen_typed_and_attached_to(author: Person, client_for: Sign) -> None:
    browser = client_for(author)
    assert "科普作品" in browser.get("/portfolio/new").text
    assert "播出许可" in browser.get("/portfolio/new/popular_science").text
    address = browser.post("/portfolio/new/popular_science").location
    field = browser.get(address).text.partition('data-field="minutes"')[2].partition(">")[0]
    assert "data-required-when" in field
    assert "data-only" in field
    refused = browser.post(address, FORM)
    assert refused.status_code == 422
    for said in ("请填写时长", "请上传作品样本", "请上传播出许可", "星空里的数学"):
        assert said in refused.text
    given = {}
    for slot, shade in (("sample", 10), ("licence", 20)):
        file = (io.BytesIO(build.a_picture((shade, 0, 0))), "样本.png")
        given[slot] = browser.post(f"{address}/files/{slot}", {"file": file}).json["id"]
    assert browser.post(address, {**FORM, **given, "minutes": "45"}).status_code == 303
    assert "待审核" in browser.get("/portfolio?type=popular_science").text


@pytest.mark.usefixtures("folder")
def test_a_new_type_is_audited_counted_and_listed(
    school: Unit, author: Person, client_for: Sign
) -> None:
    data = {"name": "星空里的数学", "medium": "视频", "minutes": 45}
    with transaction():
        item = build.a_submitted_item(db.session.merge(author), "popular_science", data=data)
        clerk = staff(school, "unit_clerk")
        task = build.review_task(item).id
    desk = client_for(clerk)
    assert "播出许可" in desk.get(f"/tasks/{task}").text
    assert "星空里的数学 视频" in desk.get("/portfolio/archive?type=popular_science").text
    passed = desk.post(f"/tasks/{task}", {"decision": "pass", "opinion": "属实"})
    assert passed.status_code == 303, passed.text
    shown = client_for(author).get("/portfolio?type=popular_science").text
    assert "星空里的数学 视频" in shown
    assert "全部 1 项，已通过 1 项" in shown
    with transaction(write=False):
        [version] = queries.approved_items(author.id)
        assert version.data["minutes"] == 45
        assert version.type_version == described()["popular_science"].version


OTHER_FIELDS = (
    ("作品名称", "名称"),
    ("name: medium, type: select, label: 方式", "name: audience, type: text, label: 受众"),
    (", choices: [图书, 展览, 视频]", ""),
    (" {medium}", ""),
    (", required_when: {medium: 视频}, only: true", ""),
    ("label: 作品样本", "label: 样本"),
)
"""What is written otherwise in the type: a field of the medium becomes one of the audience."""


def lines(item: PortfolioItem) -> dict[str, str]:
    return {line.label: line.text for line in reading.evidence_of(item).lines}


def test_what_was_written_is_read_under_its_version_of_the_type(
    folder: Path, author: Person
) -> None:
    with transaction():
        item = build.a_submitted_item(
            db.session.merge(author), "popular_science", data={"name": "星空里的数学"}
        )
        written = item.type_version
    rewrite(folder, *OTHER_FIELDS)
    with transaction():
        db.session.expire_all()
        item = db.session.get_one(PortfolioItem, item.id)
        assert lines(item)["作品名称"] == "星空里的数学"
        assert lines(item)["方式"] == "图书"
        assert "受众" not in lines(item)
        assert reading.evidence_of(item).slots[0].label == "作品样本"
        build.vet(item, "return", "请补充受众")
    with transaction():
        item = db.session.get_one(PortfolioItem, item.id)
        faults = operations.faults_of(item, now())
        assert faults == {"audience": ["请填写受众"]}
        operations.save_fields(item, {"audience": "小学生"}, actor=item.person, now=now())
        assert lines(item)["方式"] == "图书", "what was sent is read as it was sent"
        assert item.type_version == described()["popular_science"].version != written
        operations.submit_item(item, actor=item.person, now=now())
        first, second = item.submissions
        assert (first.type_version, second.type_version) == (written, item.type_version)
        [changed] = [line for line in reading.evidence_of(item).lines if line.before is not None]
        assert (changed.label, changed.before, changed.text) == ("受众", "", "小学生")
        build.vet(item, "pass")
        version = item.current_version
        assert version
        assert version.type_version == item.type_version
        assert lines(item)["受众"] == "小学生"
        assert db.session.query(ItemTypeText).filter_by(type_key="popular_science").count() == 2


def test_a_returned_item_is_read_by_the_type_it_was_held_against_when_sent_again(
    folder: Path, author: Person
) -> None:
    with transaction():
        item = build.a_submitted_item(db.session.merge(author), "popular_science")
        build.vet(item, "return", "请按新要求补充")
        written, stray = item.type_version, item.files[0].file_id
    rewrite(folder, ("name: sample, label: 作品样本", "name: proof, label: 发表证明"))
    with transaction():
        item = db.session.get_one(PortfolioItem, item.id)
        assert set(operations.faults_of(item, now())) == {"proof"}
        given = build.attach(item, "proof")
        operations.submit_item(item, actor=item.person, now=now())
        assert item.type_version == described()["popular_science"].version != written
        shown = {slot.label: slot.files for slot in reading.evidence_of(item).slots}
        assert [file.id for file in shown["发表证明"]] == [given]
        build.vet(item, "pass")
        version = item.current_version
        assert version
        assert version.type_version == item.type_version
        assert [file.file_id for file in version.files] == [given], "nothing is kept unseen"
        assert stray != given


def with_page(person: Person, item: PortfolioItem, slot: str) -> None:
    """Attach this very page, whoever does it."""
    page = io.BytesIO(build.a_picture((9, 99, 199)))
    kept = storage.stage(page, "样本.png", Policy(), owner_id=person.id, now=now())
    attachments.attach_file(item, slot, kept.id, actor=person, now=now())
    operations.submit_item(item, actor=person, now=now())


def test_a_claim_of_a_slot_that_is_gone_is_still_told(
    folder: Path, school: Unit, author: Person, client_for: Sign
) -> None:
    with transaction():
        school, author = db.session.merge(school), db.session.merge(author)
        clerk, other = staff(school, "unit_clerk"), a_person("毕如松", unit=school)
        item = build.an_item(author, "popular_science", files=False)
        with_page(author, item, "sample")
        build.vet(item, "pass")
        withdrawals.request_withdrawal(item, "换样本", actor=author, now=now())
    do((operations.BUSINESS, item.id), "vet_withdrawal", {"decision": "pass"})
    rewrite(folder, ("name: sample, label: 作品样本", "name: proof, label: 发表证明"))
    with transaction():
        item = db.session.get_one(PortfolioItem, item.id)
        build.attach(item, "proof")
        operations.submit_item(item, actor=item.person, now=now())
        mine = build.an_item(db.session.merge(other), "popular_science", files=False)
        with_page(mine.person, mine, "proof")
        task = build.review_task(mine).id
        [told] = [
            hint
            for hint in duplicates.duplicates_of(other.id, [mine.id]).shown
            if hint.same == "附件相同"
        ]
        assert told.path[-1] == "附件"
    shown = client_for(clerk).get(f"/tasks/{task}")
    assert shown.status_code == 200
    assert "附件相同" in shown.text


def test_an_approved_version_stays_readable_when_its_type_is_no_longer_offered(
    folder: Path, author: Person, client_for: Sign
) -> None:
    with transaction():
        version = build.an_approved_item(db.session.merge(author), "popular_science")
        item_id = version.item_id
    (folder / "popular_science.yaml").unlink()
    described.cache_clear()  # type: ignore[attr-defined]
    with transaction(write=False):
        item = db.session.get_one(PortfolioItem, item_id)
        assert item_types.of(item).title == "科普作品"
        assert lines(item)["方式"] == "图书"
    browser = client_for(author)
    assert "方式" in browser.get(f"/portfolio/{item_id}").text
    assert "示例 图书" in browser.get("/portfolio").text
    assert browser.get("/portfolio/new/popular_science").status_code == 404


def test_a_draft_under_an_older_version_says_so(
    folder: Path, author: Person, client_for: Sign
) -> None:
    with transaction():
        item_id = build.an_item(db.session.merge(author), "popular_science").id
    browser = client_for(author)
    said = "填报要求已更新"
    assert said not in browser.get(f"/portfolio/{item_id}").text
    rewrite(folder, ("作品名称", "名称"))
    assert said in browser.get(f"/portfolio/{item_id}").text
