"""Typing, attaching, submitting and vetting portfolio items."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.accounts.models import Notification, Person
from app.core.audit import AuditEvent
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.portfolio import attachments, decisions, item_types, operations, queries
from app.portfolio.models import ImmutableVersion, ItemVersion, PortfolioItem
from app.portfolio.queries import Filters
from tests.builders import portfolio as build
from tests.builders.people import a_person, a_unit, staff
from tests.builders.statements import statements_sent

pytestmark = pytest.mark.usefixtures("app")


def a_teacher(name: str = "苏晓禾") -> Person:
    return a_person(name, unit=a_unit())


def tags(item: PortfolioItem) -> list[str]:
    query = select(AuditEvent.tag).where(
        AuditEvent.subject_type == "portfolio_item", AuditEvent.subject_id == item.id
    )
    return list(db.session.scalars(query.order_by(AuditEvent.id)))


def test_an_item_is_kept_however_little_was_typed() -> None:
    with transaction():
        item = operations.create_item("honor", actor=a_teacher(), now=now())
        assert (item.status, item.data, item.summary) == ("draft", {}, "")
        assert tags(item) == ["portfolio:created"]


def test_an_unknown_type_is_not_found() -> None:
    with transaction(), pytest.raises(NotFound):
        operations.create_item("medal", actor=a_teacher(), now=now())


def test_typing_one_field_leaves_the_others_alone() -> None:
    with transaction():
        item = build.an_item(a_teacher(), "work", data={"unit": "青禾小学", "post": "教师"})
        before = dict(item.data)
        faults = operations.save_fields(item, {"post": "数学教师"}, actor=item.person, now=now())
        assert not faults
        assert item.data == {**before, "post": "数学教师"}
        assert item.summary == "青禾小学 数学教师"
        assert item.occurred_on is not None


def test_a_value_that_cannot_be_read_is_told_and_takes_no_other_with_it() -> None:
    with transaction():
        item = operations.create_item("work", actor=a_teacher(), now=now())
        faults = operations.save_fields(
            item, {"start": "二零零七年", "unit": "青禾小学"}, actor=item.person, now=now()
        )
        assert list(faults) == ["start"]
        assert item.data == {"unit": "青禾小学"}


def test_a_page_that_is_behind_overwrites_nothing() -> None:
    with transaction():
        item = build.an_item(a_teacher(), "work")
        seen = item.row_version
        operations.save_fields(
            item, {"post": "甲"}, actor=item.person, now=now(), row_version=seen
        )
        with pytest.raises(Conflict, match="另一个页面"):
            operations.save_fields(
                item, {"post": "乙"}, actor=item.person, now=now(), row_version=seen
            )
        assert item.data["post"] == "甲"


def test_looking_for_a_blank_draft_costs_the_same_however_many_there_are() -> None:
    with transaction():
        teacher_id = a_teacher().id
    asked = []
    for _ in range(3):
        with transaction(), statements_sent() as sent:
            teacher = db.session.get_one(Person, teacher_id)
            draft_id = operations.begin_item("honor", actor=teacher, now=now()).id
        asked.append(len(sent))
        with transaction():
            teacher = db.session.get_one(Person, teacher_id)
            db.session.get_one(PortfolioItem, draft_id).data = {"name": "优秀教师"}
            build.an_item(teacher, "honor")
    assert asked[1] == asked[2]


def test_blank_drafts_do_not_pile_up() -> None:
    with transaction():
        teacher = a_teacher()
        first = operations.begin_item("honor", actor=teacher, now=now())
        assert operations.begin_item("honor", actor=teacher, now=now()) is first
        operations.save_fields(first, build.answers_for("honor"), actor=teacher, now=now())
        assert operations.begin_item("honor", actor=teacher, now=now()) is not first


def a_slot(type_key: str = "book", name: str = "cover") -> Any:
    return item_types.slot_of(item_types.get(type_key), name)


def test_a_slot_takes_as_many_files_as_its_policy_says() -> None:
    with transaction():
        item = build.an_item(a_teacher(), "book", files=False)
        for _ in range(a_slot().policy.count):
            build.attach(item, "cover")
        with pytest.raises(Invalid, match="最多上传 2 个"):
            build.attach(item, "cover")


def test_a_foreign_upload_cannot_be_attached() -> None:
    with transaction():
        item = build.an_item(a_teacher(), "book", files=False)
        foreign = build.an_upload(a_person("柏小满"))
        with pytest.raises(NotFound):
            attachments.attach_file(item, "cover", foreign.id, actor=item.person, now=now())


def test_an_unknown_slot_is_not_found() -> None:
    with transaction():
        item = build.an_item(a_teacher(), "book", files=False)
        with pytest.raises(NotFound):
            build.attach(item, "backside")


def test_attaching_links_the_file_and_removing_takes_it_out() -> None:
    with transaction():
        item = build.an_item(a_teacher(), "book", files=False)
        file_id = build.attach(item, "cover")
        assert [file.file_id for file in item.files] == [file_id]
        attachments.remove_file(item, "cover", file_id, actor=item.person, now=now())
        assert item.files == []
        with pytest.raises(NotFound):
            attachments.remove_file(item, "cover", file_id, actor=item.person, now=now())


def test_a_renamed_file_keeps_its_ending() -> None:
    with transaction():
        item = build.an_item(a_teacher(), "book", files=False)
        file_id = build.attach(item, "cover", "IMG_0001.png")
        file = attachments.rename_file(
            item, "cover", file_id, "封面.png", actor=item.person, now=now()
        )
        assert file.name == "封面.png"
        with pytest.raises(Invalid):
            attachments.rename_file(item, "cover", file_id, " .png", actor=item.person, now=now())


def test_a_form_says_exactly_which_files_a_slot_holds() -> None:
    with transaction():
        item = build.an_item(a_teacher(), "book", files=False)
        first, second = build.attach(item, "cover"), build.attach(item, "cover")
        attachments.place_files(item, "cover", [second], actor=item.person, now=now())
        assert [file.file_id for file in item.files] == [second]
        assert first != second


def test_a_form_says_in_which_order_a_slot_holds_its_files() -> None:
    with transaction():
        item = build.an_item(a_teacher(), "book", files=False)
        first, second = build.attach(item, "cover"), build.attach(item, "cover")
        version = item.row_version
        attachments.place_files(item, "cover", [second, first], actor=item.person, now=now())
        assert [file.file_id for file in item.files] == [second, first]
        assert item.row_version == version + 1


def test_everything_missing_is_told_at_once() -> None:
    with transaction():
        item = operations.create_item("book", actor=a_teacher(), now=now())
        with pytest.raises(Invalid) as refusal:
            operations.submit_item(item, actor=item.person, now=now())
        kind = item_types.get("book")
        needed = {field.name for field in kind.form.fields if field.required}
        assert set(refusal.value.errors) == needed
        assert item.status == "draft"


def test_a_person_no_unit_has_approved_may_type_but_not_submit() -> None:
    with transaction():
        item = build.an_item(a_person("于谨言"))
        with pytest.raises(Conflict, match="绑定单位"):
            operations.submit_item(item, actor=item.person, now=now())


def test_a_submitted_item_cannot_be_changed_or_deleted() -> None:
    with transaction():
        item = build.a_submitted_item(a_teacher())
        with pytest.raises(Conflict):
            operations.save_fields(item, {}, actor=item.person, now=now())
        with pytest.raises(Conflict):
            operations.delete_item(item, actor=item.person, now=now())
        with pytest.raises(Conflict):
            operations.submit_item(item, actor=item.person, now=now())


def test_nobody_touches_a_foreign_item() -> None:
    with transaction():
        item, stranger = build.an_item(a_teacher()), a_person("柏小满")
        for act in (
            lambda: operations.save_fields(item, {}, actor=stranger, now=now()),
            lambda: operations.submit_item(item, actor=stranger, now=now()),
            lambda: operations.delete_item(item, actor=stranger, now=now()),
            lambda: operations.copy_item(item, actor=stranger, now=now()),
        ):
            with pytest.raises(NotFound):
                act()


def test_nobody_vets_their_own() -> None:
    with transaction():
        item = build.a_submitted_item(a_teacher())
        with pytest.raises(Forbidden):
            decisions.vet_item(item, "pass", "同意", actor=item.person, now=now())
        assert item.last_submission is not None
        assert item.last_submission.decision is None


def test_a_return_needs_an_opinion() -> None:
    with transaction():
        unit = a_unit()
        item = build.a_submitted_item(a_person(unit=unit))
        clerk = staff(unit, "unit_clerk")
        with pytest.raises(Invalid) as refusal:
            decisions.vet_item(item, "return", "  ", actor=clerk, now=now())
        assert "opinion" in refusal.value.errors


def test_only_what_somebody_passed_becomes_a_version() -> None:
    with transaction():
        item = build.a_submitted_item(a_teacher())
        with pytest.raises(Conflict):
            decisions.approve_item(item, now=now())


def test_an_approved_item_is_an_immutable_version() -> None:
    with transaction():
        version = build.an_approved_item(a_teacher(), "award", data={"name": "量感实践研究"})
        assert (version.no, version.rank) == (1, "1/1")
        assert version.summary.startswith("量感实践研究")
        assert version.files
        version.summary = "改了"
        with pytest.raises(ImmutableVersion):
            db.session.flush()
        db.session.rollback()


def test_the_database_keeps_approved_items_with_their_version() -> None:
    with transaction():
        item = build.an_item(a_teacher())
        item.reviewing_unit_id, item.status = 1, "approved"
        with pytest.raises(IntegrityError):
            db.session.flush()
        db.session.rollback()


def test_the_owner_is_told_at_once_with_the_opinion() -> None:
    with transaction():
        item = build.a_submitted_item(a_teacher())
        build.vet(item, "return", "证书照片不清楚，请重新拍摄")
        told = db.session.scalars(
            select(Notification).where(Notification.person_id == item.person_id)
        ).one()
        assert "证书照片不清楚" in told.text
        assert told.url == f"/portfolio/{item.id}"


def test_a_copy_is_a_draft_with_the_same_content_and_files() -> None:
    with transaction():
        version = build.an_approved_item(a_teacher())
        item = queries.item_of(version.item_id)
        twin = operations.copy_item(item, actor=item.person, now=now())
        assert (twin.status, twin.data) == ("draft", item.data)
        assert [f.file_id for f in twin.files] == [f.file_id for f in item.files]
        operations.submit_item(twin, actor=twin.person, now=now())


def test_a_draft_goes_with_its_files() -> None:
    with transaction():
        item = build.an_item(a_teacher())
        operations.delete_item(item, actor=item.person, now=now())
        assert db.session.scalars(select(PortfolioItem)).all() == []


def test_every_act_leaves_an_audit_event() -> None:
    with transaction():
        version = build.an_approved_item(a_teacher())
        assert tags(queries.item_of(version.item_id)) == [
            "portfolio:created",
            "portfolio:edited",
            "portfolio:file_attached",
            "portfolio:submitted",
            "portfolio:approved",
        ]


def test_declarations_take_only_approved_items_of_their_types() -> None:
    with transaction():
        teacher = a_teacher()
        honor = build.an_approved_item(teacher, "honor")
        award = build.an_approved_item(teacher, "award")
        build.a_submitted_item(teacher, "honor")
        build.an_approved_item(a_person("柏小满", unit=a_unit("岭南小学")), "honor")
        assert {v.id for v in queries.approved_items(teacher.id)} == {honor.id, award.id}
        assert queries.approved_items(teacher.id, ["award"]) == [award]


def test_the_tree_counts_all_and_approved() -> None:
    with transaction():
        unit = a_unit()
        teacher = a_person(unit=unit)
        build.an_approved_item(teacher, "work")
        build.an_approved_item(teacher, "education")
        build.a_submitted_item(teacher, "education")
        build.an_item(teacher, "education")
        own = _counts(queries.tree_of_person(teacher.id))
        assert (own["work"], own["education"]) == ((1, 1), (3, 1))
        seen = _counts(queries.tree_of_units([unit.id]))
        assert (seen["work"], seen["education"]) == ((1, 1), (2, 1))


def _counts(tree: list[queries.Branch]) -> dict[str, tuple[int, int]]:
    return {c.kind.key: (c.total, c.approved) for branch in tree for c in branch.counts}


def test_the_list_is_narrowed_by_type_state_year_and_words() -> None:
    with transaction():
        teacher = a_teacher()
        build.an_item(teacher, "work", data={"unit": "青禾小学", "start": "2007-08"})
        build.an_item(teacher, "honor")

        def found(**wishes: Any) -> int:
            return len(db.session.scalars(queries.items_of(teacher.id, Filters(**wishes))).all())

        assert found() == 2
        assert found(type_key="work") == found(year=2007) == found(text="青禾") == 1
        assert found(group="考核表彰") == 1
        assert found(status="draft") == 2
        assert found(status="approved") == found(text="查无此项") == 0


def test_another_room_tells_where_items_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "_usages", [])
    queries.register_usage(lambda ids: {ids[0]: ["2026 年度申报"]})
    assert queries.usages_of([7, 8]) == {7: ["2026 年度申报"]}


def test_every_type_can_be_typed_submitted_and_approved(app: Flask) -> None:
    del app
    with transaction():
        teacher = a_teacher()
        for kind in item_types.all_types():
            version = build.an_approved_item(teacher, kind.key)
            assert version.summary, kind.key
            assert version.occurred_on, kind.key
        assert len(db.session.scalars(select(ItemVersion)).all()) == len(item_types.all_types())
