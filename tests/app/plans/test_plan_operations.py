from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from app.catalogue.operations import load_calendar
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.plans import applying, axis, operations, parts, queries
from app.plans.models import Plan, PlanStatus
from tests.builders.golden_case import SLOTS, SPECIALTIES
from tests.builders.people import staff
from tests.builders.plans import (
    a_committee,
    a_draft_plan,
    a_plan,
    a_title,
    an_instant,
    an_organiser,
)

pytestmark = pytest.mark.usefixtures("app")


def organiser(plan: Plan) -> Any:
    return staff(plan.organiser_unit, "organiser")


def leader(plan: Plan) -> Any:
    return staff(plan.organiser_unit, "organiser_leader")


def faults_of(**values: Any) -> dict[str, list[str]]:
    with transaction() as unit:
        unit.rollback_only = True
        return operations.problems(a_draft_plan(**values))


def test_the_deadline_is_judged_to_the_second() -> None:
    with transaction():
        plan = a_plan()
        assert plan.accepts_submissions(an_instant("2026-12-01 17:29:58"))
        assert plan.accepts_submissions(an_instant("2026-12-01 17:30:00"))
        assert not plan.accepts_submissions(an_instant("2026-12-01 17:30:01"))
        assert not plan.accepts_submissions(an_instant("2026-11-03 07:59:59"))
        assert plan.accepts_submissions(an_instant("2026-11-03 08:00:00"))


@pytest.mark.parametrize("status", ["checked", "published", "open"])
def test_a_late_scheduler_neither_delays_the_opening_nor_extends_the_deadline(status: str) -> None:
    with transaction():
        plan = a_plan(status=status)
        assert plan.is_visible(an_instant("2026-11-20 09:00"))
        assert plan.accepts_submissions(an_instant("2026-11-20 09:00"))
        assert not plan.accepts_submissions(an_instant("2026-12-01 17:30:01"))
        assert queries.state_of(plan, an_instant("2026-11-20 09:00"))[0] == "申报中"
        assert queries.state_of(plan, an_instant("2026-12-01 17:31"))[0] == "已截止"


@pytest.mark.parametrize("status", ["draft", "checking", "closed", "archived"])
def test_other_states_accept_nothing(status: str) -> None:
    with transaction():
        assert not a_plan(status=status).accepts_submissions(an_instant("2026-11-20 09:00"))


def test_a_draft_that_lacks_nothing_has_no_faults() -> None:
    assert faults_of() == {}


def test_every_fault_is_told_at_once() -> None:
    with transaction():
        committee = a_committee()
        by = staff(committee.organiser_unit, "organiser")
        values = {"name": "空计划", "year": 2026}
        plan = operations.create_plan(committee, values, actor=by, now=now())
        with pytest.raises(Invalid) as refusal:
            operations.submit_for_check(plan, actor=by, now=now())
    fields = {"scope_text", "publish_at", "opens_at", "closes_at", "unit_due_on"}
    fields |= {"accept_due_on", "meeting_on", "specialties", "standard"}
    assert set(refusal.value.errors) == fields


def test_units_keep_five_working_days_for_publicity() -> None:
    found = faults_of(unit_due_on="2026-12-07")
    assert found["unit_due_on"] == [
        "个人提交截止后须为单位公示留足 5 个工作日，最早可填 2026-12-08"
    ]
    assert faults_of(unit_due_on="2026-12-08") == {}


def test_publicity_is_counted_on_the_official_calendar() -> None:
    with transaction():
        load_calendar(2026)
    times = {"publish_at": "2026-09-01T08:00", "opens_at": "2026-09-02T08:00"}
    found = faults_of(**times, closes_at="2026-09-30T17:30", unit_due_on="2026-10-09")
    # 8, 9, 10 (a Saturday that is worked), 12 and 13 October.
    assert "最早可填 2026-10-13" in found["unit_due_on"][0]


def test_times_follow_one_another() -> None:
    found = faults_of(opens_at="2026-12-02T08:00", district_due_on="2026-12-01")
    assert found["closes_at"] == ["个人提交截止须晚于申报开放"]
    assert found["district_due_on"] == ["区级审核截止须晚于单位审核、公示、推荐截止"]


def test_no_meeting_outside_the_filing_of_the_committee() -> None:
    found = faults_of(meeting_on="2028-08-25")
    assert "不在评委会备案有效期内" in found["meeting_on"][0]


def test_a_year_without_its_calendar_is_named() -> None:
    with transaction():
        load_calendar(2026)
        assert axis.uncovered_years(a_draft_plan()) == [2027]


def test_a_category_that_nobody_can_satisfy_is_a_fault() -> None:
    with transaction():
        plan = a_draft_plan()
        category = plan.categories[0]
        by = organiser(plan)
        given = {"name": "思想政治", "min_count": 2, "count_by": "items"}
        parts.save_category(plan, given, actor=by, now=now(), category=category)
        assert "各项目合计达不到" in operations.problems(plan)["standard"][0]
        parts.remove_part(category.items[0], actor=by, now=now())
        assert operations.problems(plan)["standard"] == ["类别“思想政治”还没有项目"]


def test_nobody_checks_the_plan_they_configured() -> None:
    with transaction():
        plan = a_draft_plan()
        operations.submit_for_check(plan, actor=organiser(plan), now=now())
        with pytest.raises(Forbidden, match="不能是同一人"):
            operations.check_plan(plan, "pass", "", checker=organiser(plan), now=now())
        operations.check_plan(plan, "pass", "同意", checker=leader(plan), now=now())
        assert plan.status == PlanStatus.CHECKED


def test_the_database_knows_four_eyes_too() -> None:
    with transaction() as unit:
        unit.rollback_only = True
        plan = a_draft_plan()
        plan.checked_by = plan.configured_by
        with pytest.raises(IntegrityError):
            db.session.flush()


def test_a_returned_plan_is_a_draft_again_and_says_why() -> None:
    with transaction():
        plan = a_draft_plan()
        operations.submit_for_check(plan, actor=organiser(plan), now=now())
        operations.check_plan(plan, "return", "缺教研专业", checker=leader(plan), now=now())
        assert plan.can_be_configured
        assert plan.check_opinion == "缺教研专业"
        assert plan.checked_by is None


def test_a_plan_whose_window_is_over_does_not_pass(at: Callable[..., None]) -> None:
    at(an_instant("2026-12-02 09:00"))
    with transaction():
        plan = a_draft_plan()
        operations.submit_for_check(plan, actor=organiser(plan), now=now())
        with pytest.raises(Conflict, match="已过"):
            operations.check_plan(plan, "pass", "", checker=leader(plan), now=now())


ITEM = {
    "name": "新项目",
    "required": False,
    "min_count": 0,
    "max_count": None,
    "accepts": ["honor"],
}
CHANGES: dict[str, Callable[[Plan, Any], object]] = {
    "field": lambda p, by: operations.save_plan(p, {"content": "改"}, actor=by, now=now()),
    "specialty": lambda p, by: parts.add_specialties(p, a_title(), ["美术"], actor=by, now=now()),
    "item": lambda p, by: parts.save_item(p.categories[0], ITEM, actor=by, now=now()),
    "removal": lambda p, by: parts.remove_part(p.slots[0], actor=by, now=now()),
    "order": lambda p, by: parts.move_part(p.slots[0], 1, actor=by, now=now()),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("status", ["checking", "checked", "published", "open", "closed"])
def test_what_people_declare_against_is_frozen(status: str, change: str) -> None:
    with transaction() as unit:
        unit.rollback_only = True
        plan = a_plan(status=status)
        with pytest.raises(Conflict):
            CHANGES[change](plan, organiser(plan))


def test_a_committee_reviews_one_series_and_its_level() -> None:
    with transaction():
        plan = a_draft_plan()
        by = organiser(plan)
        with pytest.raises(Invalid, match="不得跨系列"):
            parts.add_specialties(
                plan, a_title("教授", "高等学校教师"), ["数学"], actor=by, now=now()
            )
        with pytest.raises(Invalid, match="不在高级评委会的评审范围内"):
            parts.add_specialties(plan, a_title("一级教师"), ["数学"], actor=by, now=now())


def test_known_specialties_are_not_added_twice() -> None:
    with transaction():
        plan = a_draft_plan()
        names = ["小学语文", "教研", "教研 "]
        added = parts.add_specialties(plan, a_title(), names, actor=organiser(plan), now=now())
        assert [each.name for each in added] == ["教研"]
        assert len(plan.specialties) == len(SPECIALTIES) + 1


def test_what_is_required_has_a_minimum() -> None:
    with transaction():
        plan = a_draft_plan()
        values = {**ITEM, "required": True}
        with pytest.raises(Invalid) as refusal:
            parts.save_item(plan.categories[0], values, actor=organiser(plan), now=now())
    assert set(refusal.value.errors) == {"min_count"}


def test_parts_change_places_and_keep_their_order() -> None:
    with transaction():
        plan = a_draft_plan()
        first, second = plan.slots[:2]
        parts.move_part(first, 1, actor=organiser(plan), now=now())
        assert [slot.name for slot in plan.slots[:2]] == [second.name, first.name]
        parts.move_part(second, -1, actor=organiser(plan), now=now())
        plan_id = plan.id
    with transaction(write=False):
        names = [slot.name for slot in queries.get_plan(plan_id).slots]
    assert names == ["身份证正反面", "职称填报承诺书", *(slot[1] for slot in SLOTS[2:])]


def test_a_deadline_moves_only_later_and_only_before_it_is_reached() -> None:
    with transaction():
        plan = a_plan()
        by = organiser(plan)
        sooner, later = an_instant("2026-11-30 17:30"), an_instant("2026-12-04 17:30")

        def extend(moment: Any, due: date | None, when: Any) -> None:
            operations.extend_deadline(plan, moment, due, reason="系统维护", actor=by, now=when)

        with pytest.raises(Invalid, match="须晚于原截止时间"):
            extend(sooner, None, now())
        with pytest.raises(Conflict):
            extend(later, None, an_instant("2026-12-01 17:30:01"))
        with pytest.raises(Invalid) as refusal:
            extend(later, None, now())
        assert set(refusal.value.errors) == {"unit_due_on"}
        db.session.refresh(plan)
        extend(later, date(2026, 12, 11), now())
        assert plan.accepts_submissions(later)


def test_a_plan_is_copied_without_its_times() -> None:
    with transaction():
        source = a_plan(status="closed")
        by = organiser(source)
        twin = operations.copy_plan(source, name="2027年度", year=2027, actor=by, now=now())
        assert twin.status == PlanStatus.DRAFT
        assert twin.closes_at is None
        assert [s.name for s in twin.specialties] == [s.name for s in source.specialties]
        assert [s.key for s in twin.slots] == [s.key for s in source.slots]
        shape = [[(i.name, i.min_count) for i in c.items] for c in source.categories]
        assert [[(i.name, i.min_count) for i in c.items] for c in twin.categories] == shape
        with pytest.raises(Invalid, match="已有同名计划"):
            operations.copy_plan(source, name="2027年度", year=2027, actor=by, now=now())


def test_names_are_taken_once_a_year() -> None:
    with transaction():
        plan = a_draft_plan()
        other = a_draft_plan(plan.committee, name="另一计划")
        with pytest.raises(Invalid, match="已有同名计划"):
            operations.save_plan(other, {"name": plan.name}, actor=organiser(plan), now=now())


def test_levels_and_standards_narrow_the_categories() -> None:
    with transaction():
        plan = a_draft_plan()
        by = organiser(plan)
        for values in (
            {"name": "甲", "level": "正高级"},
            {"name": "乙", "standard": "工程技术领域高技能人才"},
        ):
            parts.save_category(plan, values, actor=by, now=now())
        assert queries.standards_of(plan) == ["工程技术领域高技能人才"]
        names = {c.name for c in queries.categories_for(plan, "副高级")}
        assert not names & {"甲", "乙"}
        assert "甲" in {c.name for c in queries.categories_for(plan, "正高级")}
        chosen = queries.categories_for(plan, "副高级", "工程技术领域高技能人才")
        assert "乙" in {c.name for c in chosen}


def test_reasons_of_other_rooms_disable_the_button(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "_reasons", [])
    with transaction():
        plan = a_plan()
        person = organiser(plan)
        assert applying.apply_reason(plan, person, now()) is None
        applying.register_apply_reason(lambda _plan, _person, _now: "诚信档案限制申报")
        assert applying.apply_reason(plan, person, now()) == "诚信档案限制申报"
        early = an_instant("2026-11-01 08:00")
        assert "2026-11-03 08:00 开放" in str(applying.apply_reason(plan, person, early))
        late = now() + timedelta(days=60)
        assert "截止" in str(applying.apply_reason(plan, person, late))


@pytest.mark.parametrize(
    "values",
    [
        {"closes_at": an_instant("2026-11-01 08:00")},
        {"opens_at": None},
        {"unit_due_on": date(2027, 2, 1)},
        {"checked_at": None},
        {"status": "verschoben"},
    ],
)
def test_the_database_keeps_the_order_of_a_published_plan(values: dict[str, Any]) -> None:
    with transaction() as unit:
        unit.rollback_only = True
        plan = a_plan()
        for field, value in values.items():
            setattr(plan, field, value)
        with pytest.raises(IntegrityError):
            db.session.flush()


def test_open_plans_come_first_in_public() -> None:
    with transaction():
        committee = a_committee(an_organiser())
        a_plan(committee, name="已截止的计划", status="closed")
        a_plan(committee, name="开放的计划")
        a_draft_plan(committee, name="草稿")
        listed = [plan.name for plan in queries.public_plans(now())]
    assert listed == ["开放的计划", "已截止的计划"]
