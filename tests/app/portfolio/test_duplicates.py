"""重复申报提示: reviewers see where else the same is claimed, applicants never do."""

import io
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from app.accounts.models import Person
from app.core import storage
from app.core.clock import now
from app.core.db import db, transaction
from app.core.lookalikes import PictureBand, PictureLook, PictureTwin
from app.core.storage import StoredFile
from app.core.uploads import Policy
from app.portfolio import attachments, duplicates, operations
from app.portfolio.models import (
    ItemFile,
    ItemMark,
    ItemVersionFile,
    ItemVersionMark,
    PortfolioItem,
)
from app.units.models import Unit
from app.units.queries import unit_of
from tests.builders import portfolio as build
from tests.builders.declarations import a_pdf
from tests.builders.people import a_person, a_unit, staff
from tests.builders.scanned import as_scanned
from tests.builders.scans import RESCANS, honour
from tests.builders.statements import statements_sent

Sign = Callable[..., Any]
AWARD = {"name": "小学数学“量感”培养实践研究", "date": "2023-06"}
HEADING = 'id="duplicates-title"'


@pytest.fixture
def two(school: Unit) -> tuple[Person, Person]:
    with transaction():
        return a_person("柏小满", unit=school), a_person("毕如松", unit=school)


def sent(person: Person, type_key: str, paper: bytes | None = None, **data: Any) -> int:
    """Submit an item; with `paper`, this very page is its certificate."""
    with transaction():
        person = db.session.merge(person)
        item = build.an_item(person, type_key, data=data)
        if paper:
            stream = io.BytesIO(paper)
            name = "证书.pdf" if paper.startswith(b"%PDF") else "证书.png"
            kept = storage.stage(stream, name, Policy(), owner_id=person.id, now=now())
            attachments.attach_file(item, "certificate", kept.id, actor=person, now=now())
        operations.submit_item(item, actor=person, now=now())
        return item.id


def found(person: Person, *item_ids: int) -> list[duplicates.Duplicate]:
    with transaction(write=False):
        return list(duplicates.duplicates_of(person.id, item_ids).shown)


def same(person: Person, *item_ids: int) -> list[str]:
    return [each.same for each in found(person, *item_ids)]


def test_the_same_award_is_found_however_it_was_typed(two: tuple[Person, Person]) -> None:
    first, second = two
    sent(first, "award", **AWARD, position=1, participants=10)
    typed = {"name": "小学数学 「量感」 培养实践研究", "date": "2023-06"}
    claim = sent(second, "award", **typed, position=2, participants=10)
    [hint] = found(second, claim)
    assert hint.same == "业绩相同"
    assert hint.path[:2] == ("云桥区青禾小学", "柏小满")
    assert (hint.rank, hint.state, hint.uses) == ("1/10", "待审核", ())


@pytest.mark.parametrize(
    ("type_key", "one", "other"),
    [
        (
            "paper",
            {"title": "说理课堂", "issn": "ISSN 1000-0011 / CN 11-0000"},
            {"title": "说理 课堂", "issn": "1000-0011"},
        ),
        ("patent", {"number": "ZL 2020 1 0123456.2"}, {"number": "zl202010123456.2"}),
    ],
)
def test_papers_and_patents_are_told_by_their_numbers(
    two: tuple[Person, Person], type_key: str, one: dict[str, str], other: dict[str, str]
) -> None:
    sent(two[0], type_key, **one)
    assert same(two[1], sent(two[1], type_key, **other)) == ["业绩相同"]


def test_the_same_page_is_found_under_another_name(two: tuple[Person, Person]) -> None:
    page = build.a_picture((7, 7, 7))
    sent(two[0], "honor", page, name="区优秀教师")
    [hint] = found(two[1], sent(two[1], "honor", page, name="市教坛新星"))
    assert hint.same == "附件相同"
    assert hint.path[2:] == ("荣誉表彰：区优秀教师", "荣誉证书")


def test_both_files_are_named_as_they_were_sent(
    two: tuple[Person, Person], school: Unit, client_for: Sign
) -> None:
    first = sent(two[0], "honor", a_sheet(1))
    second = sent(two[1], "honor", scanned_again(1))
    with transaction():
        item = db.session.get_one(PortfolioItem, first)
        theirs = next(file.file_id for file in item.files if file.name == "证书.png")
        build.vet(item, "return", "请改附件名")
    with transaction():
        item = db.session.get_one(PortfolioItem, first)
        attachments.rename_file(
            item, "certificate", theirs, "荣誉.png", actor=item.person, now=now()
        )
        clerk = staff(db.session.merge(school), "unit_clerk")
    assert [hint.names for hint in found(two[1], second)] == [("证书.png", "证书.png")]
    with transaction():
        item = db.session.get_one(PortfolioItem, first)
        operations.submit_item(item, actor=item.person, now=now())
    assert [hint.names for hint in found(two[1], second)] == [("证书.png", "荣誉.png")]
    page = client_for(clerk).get(f"/portfolio/{second}").text
    assert (
        '本项附件：</span>证书.png<span class="text-secondary">，对方附件：</span>荣誉.png' in page
    )


def test_what_was_approved_stays_claimed_when_its_page_is_taken_out(
    two: tuple[Person, Person],
) -> None:
    page = build.a_picture((8, 8, 8))
    first = sent(two[0], "honor", page)
    with transaction():
        item = db.session.get_one(PortfolioItem, first)
        build.vet(item, "pass", "情况属实")
        item.files = [file for file in item.files if file.name != "证书.png"]
    assert same(two[1], sent(two[1], "honor", page)) == ["附件相同"]


def test_what_was_released_for_a_change_stays_claimed_as_it_was_approved(
    two: tuple[Person, Person],
) -> None:
    """A declaration may still use the approved version while its item is typed anew."""
    page = build.a_picture((4, 4, 4))
    first = sent(two[0], "award", page, **AWARD, position=1, participants=10)
    with transaction():
        item = db.session.get_one(PortfolioItem, first)
        build.vet(item, "pass", "情况属实")
        item.status = "draft"
        owner = db.session.merge(two[0])
        operations.save_fields(item, {"name": ["正在改写的名称"]}, actor=owner, now=now())
        item.files = []
    achievement, paper = found(two[1], sent(two[1], "award", page, **AWARD))
    assert (achievement.same, paper.same) == ("业绩相同", "附件相同")
    assert achievement.path[2].startswith(f"获奖项目：{AWARD['name']}")
    assert (achievement.rank, achievement.state) == ("1/10", "曾通过，修改中")
    again = sent(two[1], "award", name="正在改写的名称", date="2023-06")
    assert found(two[1], again) == []


def test_each_of_ones_own_items_with_the_same_page_is_pointed_to(
    two: tuple[Person, Person],
) -> None:
    page = build.a_picture((5, 5, 5))
    sent(two[0], "honor", page)
    claims = [sent(two[1], "honor", page) for _ in range(2)]
    others = [each for each in found(two[1], *claims) if "柏小满" in each.path]
    assert [each.item_id for each in others] == claims


def test_what_somebody_claims_twice_is_told_once_and_of_one_type_only(
    two: tuple[Person, Person],
) -> None:
    page = a_sheet(3)
    first = sent(two[1], "award", page, **AWARD)
    second = sent(two[1], "award", page, **AWARD)
    sent(two[1], "honor", page)
    told = found(two[1], first, second)
    assert [(each.same, each.item_id, each.theirs_id) for each in told] == [
        ("业绩相同", second, first),
        ("附件相同", second, first),
    ]
    assert same(two[1], first) == ["业绩相同", "附件相同"]


def test_a_long_list_is_cut_and_says_that_there_is_more(
    two: tuple[Person, Person], school: Unit, client_for: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "MOST_SHOWN", 2)
    for _ in range(3):
        sent(two[0], "award", **AWARD)
    claim = sent(two[1], "award", **AWARD)
    with transaction(write=False):
        hints = duplicates.duplicates_of(two[1].id, [claim])
        reviewer = staff(school, "unit_clerk")
    assert (len(hints.shown), hints.has_more) == (2, True)
    page = client_for(reviewer).get(f"/portfolio/{claim}").text
    assert "超过 2 处" in page
    assert "以下列出前 2 处" in page


@pytest.mark.parametrize(("shown", "rows", "others"), [(1, 200, 2), (1, 3, 2), (20, 3, 3)])
def test_of_what_everybody_has_no_more_is_read_than_is_shown(
    school: Unit, monkeypatch: pytest.MonkeyPatch, shown: int, rows: int, others: int
) -> None:
    monkeypatch.setattr(duplicates, "MOST_SHOWN", shown)
    monkeypatch.setattr(duplicates, "READ", rows)
    page = build.a_picture((4, 4, 4))
    with transaction():
        people = [a_person(unit=db.session.merge(school)) for _ in range(6)]
    claims = [sent(each, "honor", page, name=f"证书{no}") for no, each in enumerate(people)]
    again = sent(people[-1], "honor", page, name="再次填写")
    read = []
    like = duplicates._claims_like

    def counted(*given: Any) -> list[Any]:
        read.append(list(like(*given)))
        return read[-1]

    monkeypatch.setattr(duplicates, "_claims_like", counted)
    with transaction(write=False):
        hints = duplicates.duplicates_of(people[-1].id, [again])
    assert hints.has_more is (shown == 1)
    # One's own two, and one of each of so many others: however many others there are.
    [(mark, _count)] = Counter(row[3] for row in read[0]).most_common(1)
    found = sorted(row[0] for row in read[0] if row[3] == mark)
    assert found == [*claims[:others], claims[-1], again]


def test_drafts_and_other_jurisdictions_say_nothing(
    two: tuple[Person, Person],
) -> None:
    first, second = two
    claim = sent(second, "award", **AWARD)
    with transaction():
        build.an_item(db.session.merge(second), "award", data=AWARD)
        build.an_item(db.session.merge(first), "award", data=AWARD)
        far = a_person("林远", unit=a_unit("榕海一小", jurisdiction="fujian"))
    sent(far, "award", **AWARD)
    sent(first, "award", name="另一项研究", date="2023-06")
    assert found(second, claim) == []


def test_many_items_are_compared_in_as_many_reads_as_one(two: tuple[Person, Person]) -> None:
    page = build.a_picture((9, 9, 9))
    claims = []
    for month in ("2023-01", "2023-02", "2023-03"):
        award = {"name": "校本研究", "date": month}
        sent(two[0], "award", page, **award)
        claims.append(sent(two[1], "award", page, **award))

    second = two[1].id

    def reads(*item_ids: int) -> int:
        with statements_sent() as sent, transaction(write=False):
            assert duplicates.duplicates_of(second, item_ids).shown
        return sum(text.startswith(("SELECT", "WITH")) for text in sent)

    assert reads(*claims) == reads(claims[0])


@pytest.mark.parametrize(
    "column",
    [
        StoredFile.sha256,
        ItemMark.mark,
        ItemVersionMark.mark,
        ItemFile.file_id,
        ItemVersionFile.file_id,
        PictureLook.sha256,
        PictureTwin.look_id,
        PictureBand.value,
    ],
)
def test_everything_is_looked_up_by_an_index(column: InstrumentedAttribute[Any]) -> None:
    """So what a hint costs does not grow with what others have claimed."""
    table = column.class_.__table__
    leading = {next(iter(index.columns)).name for index in table.indexes}
    assert column.key in leading | {next(iter(table.primary_key.columns)).name}


def test_the_path_leads_there_for_who_may_open_it(
    two: tuple[Person, Person], school: Unit, client_for: Sign
) -> None:
    with transaction():
        far = a_person("林远", unit=a_unit("榕树小学"))
        reviewer = staff(school, "unit_clerk")
    near, away = sent(two[0], "award", **AWARD), sent(far, "award", **AWARD)
    claim = sent(two[1], "award", **AWARD)
    page = client_for(reviewer).get(f"/portfolio/{claim}").text.split(HEADING)[1]
    assert f'href="/portfolio/{near}"' in page
    assert "榕树小学 › 林远 › 获奖项目" in page
    assert f'href="/portfolio/{away}"' not in page


def test_the_clerk_reads_the_path_and_no_applicant_does(
    two: tuple[Person, Person], school: Unit, client_for: Sign
) -> None:
    sent(two[0], "award", **AWARD, position=1, participants=10)
    claim = sent(two[1], "award", **AWARD, position=2, participants=10)
    with transaction():
        task_id = build.review_task(db.session.get_one(PortfolioItem, claim)).id
    with transaction(write=False):
        reviewer = staff(school, "unit_clerk")
    clerk = client_for(reviewer)
    for url in (f"/portfolio/{claim}", f"/tasks/{task_id}"):
        page = clerk.get(url).text
        assert HEADING in page
        assert "云桥区青禾小学 › 柏小满 › 获奖项目" in page
    assert HEADING not in client_for(two[1]).get(f"/portfolio/{claim}").text


def test_no_applicant_is_told_what_has_hints(two: tuple[Person, Person], school: Unit) -> None:
    claims = [sent(person, "award", **AWARD) for person in two]
    with transaction():
        clerk = staff(db.session.merge(school), "unit_clerk")
        assert duplicates.hinted_among(clerk, claims, now()) == set(claims)
        assert duplicates.hinted_among(db.session.merge(two[0]), claims, now()) == set()


def test_who_reviews_others_is_not_told_of_their_own(school: Unit, client_for: Sign) -> None:
    with transaction():
        clerk = a_person(
            "娄山远",
            unit=school,
            roles=[("applicant", "all", None), ("unit_clerk", "org", school.id)],
        )
        colleague = a_person("柏小满", unit=school)
    sent(colleague, "award", **AWARD)
    claim = sent(clerk, "award", **AWARD)
    assert HEADING not in client_for(clerk).get(f"/portfolio/{claim}").text


def a_sheet(seed: int) -> bytes:
    return as_png(honour(random.Random(seed)))


def as_png(sheet: Image.Image) -> bytes:
    target = io.BytesIO()
    sheet.save(target, "PNG")
    return target.getvalue()


def scanned_again(seed: int) -> bytes:
    chance = random.Random(seed)
    return as_png(RESCANS["smaller"](honour(chance), chance))


def test_the_same_certificate_scanned_again_is_pointed_to(two: tuple[Person, Person]) -> None:
    first = sent(two[0], "honor", a_sheet(1), name="优秀教师")
    [hint] = found(two[1], sent(two[1], "honor", scanned_again(1), name="优秀教师"))
    assert hint.same == "图片相近"
    assert hint.path[2:] == ("荣誉表彰：优秀教师", "荣誉证书")
    [back] = found(two[0], first)
    assert back.same == "图片相近"
    assert hint.files == tuple(reversed(back.files or ()))


def in_pdf(*pages: bytes) -> bytes:
    return as_scanned(*(Image.open(io.BytesIO(page)) for page in pages))


def test_the_same_certificate_in_a_pdf_is_pointed_to(two: tuple[Person, Person]) -> None:
    first = sent(two[0], "honor", a_sheet(1), name="优秀教师")
    paper = as_scanned(
        Image.open(io.BytesIO(a_sheet(2))), Image.open(io.BytesIO(scanned_again(1)))
    )
    [hint] = found(two[1], sent(two[1], "honor", paper, name="优秀教师"))
    assert hint.same == "页面相近"
    assert [each.item_id for each in found(two[0], first)] == [first]
    third = sent(two[0], "honor", in_pdf(a_sheet(2)), name="先进")
    assert same(two[0], third) == ["页面相近"]


def test_scans_alike_of_two_people_are_marked_in_one_list(
    two: tuple[Person, Person], school: Unit
) -> None:
    first = sent(two[0], "honor", a_sheet(1), name="优秀教师")
    second = sent(two[1], "honor", scanned_again(1), name="优秀教师")
    with transaction():
        clerk = staff(db.session.merge(school), "unit_clerk")
        assert duplicates.hinted_among(clerk, [first, second], now()) == {first, second}


def test_colleagues_certificates_of_one_day_are_not_each_others(
    two: tuple[Person, Person],
) -> None:
    sent(two[0], "honor", a_sheet(1), name="优秀教师")
    assert found(two[1], sent(two[1], "honor", a_sheet(2), name="优秀教师")) == []


def test_two_who_claim_the_first_place_are_shown_as_a_clash(
    two: tuple[Person, Person], school: Unit, client_for: Sign
) -> None:
    sent(two[0], "award", **AWARD, position=1, participants=10)
    claim = sent(two[1], "award", **AWARD, position=1, participants=9)
    with transaction(write=False):
        reviewer = staff(school, "unit_clerk")
    page = client_for(reviewer).get(f"/portfolio/{claim}").text
    assert "排名冲突：均为第 1 名；参与人数不一致：此处 9 人，对方 10 人" in page


def test_documents_are_compared_by_their_links(
    two: tuple[Person, Person], school: Unit, client_for: Sign
) -> None:
    with transaction(write=False):
        reviewer = staff(school, "unit_clerk")
    paper = a_pdf()
    sent(two[0], "honor", paper)
    claim = sent(two[1], "honor", paper)
    [hint] = found(two[1], claim)
    assert hint.files is not None
    page = f"/portfolio/{claim}/beside/{hint.files[0]}/{hint.files[1]}"
    shown = client_for(reviewer).get(page)
    assert shown.status_code == 200
    assert f'href="/files/{hint.files[0]}"' in shown.text
    assert f'href="{page}/file"' in shown.text
    for address in (f"/files/{hint.files[0]}", f"{page}/file"):
        assert f'<iframe src="{address}#navpanes=0"' in shown.text


def test_who_may_compare_reads_both_side_by_side_and_nobody_else(
    two: tuple[Person, Person], school: Unit, client_for: Sign
) -> None:
    with transaction():
        far = a_person("林远", unit=a_unit("榕树小学"))
        other_clerk = staff(db.session.get_one(Unit, far_unit_of(far)), "unit_clerk")
        reviewer = staff(school, "unit_clerk")
    sent(far, "honor", a_sheet(1))
    claim = sent(two[1], "honor", scanned_again(1))
    [hint] = found(two[1], claim)
    assert hint.files is not None
    own, other = hint.files
    page = f"/portfolio/{claim}/beside/{own}/{other}"
    clerk = client_for(reviewer)
    assert page in clerk.get(f"/portfolio/{claim}").text
    shown = clerk.get(page)
    assert "榕树小学 › 林远" in shown.text
    assert f'src="/files/{own}"' in shown.text
    assert f'src="{page}/file"' in shown.text
    assert clerk.get(f"{page}/file").mimetype == "image/png"
    assert clerk.get(f"/files/{other}").status_code == 404
    foreign = [each for each in all_files() if each not in {own, other}]
    assert clerk.get(f"/portfolio/{claim}/beside/{own}/{foreign[0]}").status_code == 404
    assert clerk.get(f"/portfolio/{claim}/beside/{foreign[0]}/{other}/file").status_code == 404
    for nobody in (two[1], far):
        assert client_for(nobody).get(page).status_code in {403, 404}
        assert client_for(nobody).get(f"{page}/file").status_code in {403, 404}
    assert client_for(other_clerk).get(f"{page}/file").status_code == 404


def far_unit_of(person: Person) -> int:
    unit = unit_of(person.id)
    assert unit is not None
    return unit.id


def all_files() -> list[int]:
    with transaction(write=False):
        return sorted(db.session.scalars(select(ItemFile.file_id)))
