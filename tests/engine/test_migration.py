"""Moving running instances to another version: what is told, what follows, what is undone."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from app.core.audit import AuditEvent
from app.core.db import db, transaction
from app.core.errors import Conflict, Invalid
from app.engine import care, definitions, handlers, migration
from app.engine.models import ProcessInstance, ProcessVersion, Subscription, Timer, WorkItem
from app.engine.walk import Walk
from tests.engine.kit import (
    CASE,
    CLERK,
    NOON,
    Office,
    boundary,
    call,
    catch,
    choice,
    decides,
    diagram,
    end,
    event,
    flow,
    gate,
    line,
    many,
    message,
    receives,
    reviewed,
    start,
    subprocess,
    table,
    timer,
    user,
)

Files = Mapping[str, bytes]


def process(*nodes: str, parts: str = "", extra: str = "", key: str = "case") -> Files:
    """A line of user tasks between a start and an end."""
    tasks = "".join(user(node) for node in nodes)
    return diagram(key, start(), tasks, parts, end(), line("begun", *nodes, "ended"), extra=extra)


def versions() -> list[ProcessVersion]:
    return list(db.session.scalars(sa.select(ProcessVersion).order_by(ProcessVersion.id)))


def forecast() -> list[migration.Forecast]:
    with transaction(write=False):
        old, *_, new = versions()
        return list(migration.preview(old, new, NOON))


def move(instance_id: int, reason: str = "流程改版") -> None:
    with transaction():
        instance = db.session.get_one(ProcessInstance, instance_id)
        migration.migrate(instance, versions()[-1], reason=reason, actor_id=CLERK, now=NOON)


def back(instance_id: int) -> None:
    with transaction():
        instance = db.session.get_one(ProcessInstance, instance_id)
        migration.undo(instance, reason="改版有误", actor_id=CLERK, now=NOON)


def rows(table: type[Timer | Subscription]) -> list[tuple[object, ...]]:
    with transaction(write=False):
        found = db.session.scalars(sa.select(table).order_by(table.id)).all()
        if table is Timer:
            return [(row.node, row.due_at) for row in found]  # type: ignore[union-attr]
        return [(row.node, row.message) for row in found]  # type: ignore[union-attr]


def test_an_instance_goes_on_in_the_other_version(office: Office) -> None:
    office.publish(process("fill", "vet"), key="case")
    instance_id = office.begin("case")
    office.do("fill")
    office.publish(process("fill", "vet", "sign", "archive"), key="case")

    seen = forecast()
    assert [(each.instance_id, each.ok, each.tasks) for each in seen] == [
        (instance_id, True, ("vet",))
    ]
    move(instance_id)
    assert office.instance(instance_id).version.no == 2
    for node in ("vet", "sign", "archive"):
        assert office.open() == [node]
        office.do(node)
    assert office.status(instance_id) == "completed"


def test_a_step_that_was_done_and_is_drawn_no_more_does_not_hold_up(office: Office) -> None:
    office.publish(process("fill", "vet"), key="case")
    instance_id = office.begin("case", level=3)
    office.do("fill")
    office.publish(process("prepare", "vet", "sign"), key="case")
    move(instance_id)
    assert office.data("vet")["level"] == 3
    office.do("vet")
    assert office.open() == ["sign"]
    assert office.data("sign")["level"] == 3


def test_open_tasks_show_what_the_other_version_draws(office: Office) -> None:
    @handlers.scope("the_applicant")
    def the_applicant(step: handlers.Step) -> handlers.Scope:
        return handlers.Scope("person", 42)

    office.publish(process("vet"), key="case")
    instance_id = office.begin("case")
    new = user("vet", form="vet_again", role="superior_clerk", scope="the_applicant", due="2")
    office.publish(diagram("case", start(), new, end(), line("begun", "vet", "ended")), key="case")
    move(instance_id)
    with transaction(write=False):
        item = db.session.scalars(sa.select(WorkItem)).one()
        assert (item.form, item.role, item.assignee_id) == ("vet_again", "superior_clerk", 42)
        assert item.due_at is not None
        assert item.due_at.date().isoformat() == "2026-11-25"
    back(instance_id)
    with transaction(write=False):
        item = db.session.scalars(sa.select(WorkItem)).one()
        assert (item.form, item.role, item.assignee_id) == ("vet", "unit_clerk", None)
        assert (item.scope_kind, item.due_at) == ("all", None)


def test_the_form_of_the_other_version_travels_with_it(office: Office) -> None:
    for text in ("title: 旧表", "title: 新表"):
        with transaction():
            definitions.publish_version(
                "case", "", process("vet"), {"vet": text}, actor_id=None, now=NOON
            )
        if text == "title: 旧表":
            instance_id = office.begin("case")
    move(instance_id)
    with transaction(write=False):
        item = db.session.scalars(sa.select(WorkItem)).one()
        assert definitions.form_text(item) == "title: 新表"


def test_a_running_timer_keeps_its_moment(office: Office) -> None:
    def limited(limit: str, *more: str) -> Files:
        late = boundary("late", "vet", timer(f'"{limit}"', "timeDuration"))
        parts = late + user("hurry") + line("late", "hurry", "ended")
        return process("vet", *more, parts=parts)

    office.publish(limited("P5D"), key="case")
    instance_id = office.begin("case")
    due = [("late", NOON + timedelta(days=5))]
    office.publish(limited("P1D", "sign"), key="case")
    assert forecast()[0].timers == tuple(due)
    move(instance_id)
    assert rows(Timer) == due
    assert office.later(days=4) == 0
    assert office.later(days=2) == 1
    assert office.open() == ["hurry"]


def test_an_awaited_message_follows_its_event(office: Office) -> None:
    def awaiting(name: str) -> Files:
        parts = catch("told", receives(name))
        return diagram(
            "case", start(), parts, user("vet"), end(), line("begun", "told", "vet", "ended"),
            extra=message(name),
        )  # fmt: skip

    office.publish(awaiting("decided"), key="case")
    instance_id = office.begin("case")
    office.publish(awaiting("concluded"), key="case")
    move(instance_id)
    assert rows(Subscription) == [("told", "concluded")]
    office.tell("concluded")
    assert office.open() == ["vet"]


def inner(*nodes: str) -> Files:
    return diagram(
        "inner", start("asked"), *(user(node) for node in nodes), end("told"),
        line("asked", *nodes, "told"),
    )  # fmt: skip


def test_called_processes_and_tasks_for_each_move_with_their_caller(office: Office) -> None:
    def outer(*inside: str, more: str = "") -> tuple[Files, Files]:
        each = call("ask", "inner", many("ids", "group_id"))
        parts = [start(), each, user("close"), user("more") if more else "", end()]
        nodes = ["begun", "ask", "close", *([more] if more else []), "ended"]
        return inner(*inside), diagram("case", *parts, line(*nodes))

    office.publish(*outer("check"), key="case")
    instance_id = office.begin("case", ids=[1, 2, 3])
    office.do("check")
    office.publish(*outer("check", "sign", more="more"), key="case")
    move(instance_id)
    assert office.open() == ["check", "check"]
    office.do("check")
    office.do("check")
    assert office.open() == ["sign", "sign"]
    office.do("sign")
    office.do("sign")
    office.do("close")
    office.do("more")
    assert office.status(instance_id) == "completed"


def test_a_token_that_waits_at_a_join_waits_on(office: Office) -> None:
    def both(*after: str) -> Files:
        return diagram(
            "case", start(), gate("parallel", "split"), user("a"), user("b"),
            gate("parallel", "join"), *(user(node) for node in after), end(),
            line("begun", "split", "a", "join", *after, "ended"), line("split", "b", "join"),
        )  # fmt: skip

    office.publish(both(), key="case")
    instance_id = office.begin("case")
    office.do("a")
    office.publish(both("sign"), key="case")
    move(instance_id)
    assert office.open() == ["b"]
    office.do("b")
    assert office.open() == ["sign"]


def guarded(*names: str) -> Files:
    guards = "".join(boundary(name, "vet", receives("withdrawn")) for name in names)
    ways = "".join(flow(name, "ended") for name in names)
    return process("vet", parts=guards + ways, extra=message("withdrawn"))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (process("vet"), process("check"), "环节“办理vet”正在办理，新版本中已删除"),
        (
            process("vet"),
            diagram(
                "case", start(), subprocess("vet", start("s"), end("e"), line("s", "e")), end(),
                line("begun", "vet", "ended"),
            ),
            "环节“办理vet”正在办理，新版本中换了类型",
        ),
        (process("vet"), guarded("taken_back"), "新版本中改动了它的边界事件"),
        (guarded("taken_back"), process("vet"), "新版本中改动了它的边界事件"),
        (
            process("vet"),
            diagram(
                "case", start(), user("vet", many("ids", "one")), end(),
                line("begun", "vet", "ended"),
            ),
            "环节“办理vet”正在办理，新版本中换了类型",
        ),
        (
            diagram("case", start(), catch("due", timer('"P5D"', "timeDuration")), end(),
                    line("begun", "due", "ended")),
            diagram("case", start(), catch("due", receives("told")), end(),
                    line("begun", "due", "ended"), extra=message("told")),
            "事件“事件due”正在等待，新版本中换了类型",
        ),
    ],
)  # fmt: skip
def test_what_cannot_move_is_told_and_stays(
    office: Office, old: Files, new: Files, why: str
) -> None:
    office.publish(old, key="case")
    instance_id = office.begin("case")
    before = office.open()
    office.publish(new, key="case")

    seen = forecast()
    assert not seen[0].ok
    assert why in "；".join(seen[0].reasons)
    with pytest.raises(migration.CannotMigrate, match=why):
        move(instance_id)
    instance = office.instance(instance_id)
    assert (instance.version.no, office.open()) == (1, before)


def test_each_reason_against_a_move_has_its_own_advice(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.publish(process("fill", "vet"), key="case")
    instance_id = office.begin("case")
    office.publish(process("vet"), key="case")
    assert forecast()[0].advice == migration.WAIT
    office.publish(process("fill", "sign"), key="case")
    with monkeypatch.context() as broken:
        broken.setattr(migration, "transplant", lambda *_: {}["vet"])
        assert forecast()[0].advice == migration.CHOOSE
    with transaction():
        db.session.get_one(ProcessInstance, instance_id).state = b"torn"
    assert forecast()[0].advice == migration.RESTORE


def test_a_called_process_that_is_gone_is_told(office: Office) -> None:
    office.publish(
        inner("check"),
        diagram("case", start(), call("ask", "inner"), end(), line("begun", "ask", "ended")),
        key="case",
    )
    office.begin("case")
    office.publish(process("vet"), key="case")
    assert "子流程“流程inner”在新版本中已删除" in "；".join(forecast()[0].reasons)


def test_all_instances_move_or_stay_each_on_its_own(office: Office) -> None:
    office.publish(process("fill", "vet"), key="case")
    ids = [office.begin("case", business=("case", number)) for number in (1, 2, 3)]
    with transaction(write=False):
        second = db.session.scalars(sa.select(WorkItem).where(WorkItem.instance_id == ids[1]))
        item_id = second.one().id
    office.do("fill", item_id=item_id)
    office.publish(process("fill", "sign"), key="case")
    with transaction(write=False):
        old, new = (version.id for version in versions())
    outcome = migration.migrate_all(old, new, reason="流程改版", actor_id=CLERK, now=NOON)
    assert outcome.moved == [ids[0], ids[2]]
    assert outcome.refused == [(ids[1], "环节“办理vet”正在办理，新版本中已删除")]
    assert sorted(office.open()) == ["fill", "fill", "vet"]


def test_a_migration_is_undone_until_the_next_step(office: Office) -> None:
    office.publish(process("fill", "vet"), key="case")
    instance_id = office.begin("case")
    office.publish(process("fill", "sign"), key="case")
    with pytest.raises(Conflict, match="没有可撤销的迁移"):
        back(instance_id)
    move(instance_id)
    back(instance_id)
    assert office.instance(instance_id).version.no == 1
    with pytest.raises(Conflict, match="没有可撤销的迁移"):
        back(instance_id)
    move(instance_id)
    office.do("fill")
    assert office.open() == ["sign"]
    with pytest.raises(Conflict, match="已继续办理，不能撤销"):
        back(instance_id)


def test_a_task_that_was_given_away_since_keeps_a_migration_from_being_undone(
    office: Office,
) -> None:
    office.publish(process("fill", "vet"), key="case")
    instance_id = office.begin("case")
    office.publish(process("fill", "sign"), key="case")
    move(instance_id)
    with transaction():
        item = db.session.scalars(sa.select(WorkItem)).one()
        to = handlers.Scope("person", 12)
        care.reassign(item, to, reason="出差", actor_id=CLERK, now=NOON)
    with pytest.raises(Conflict, match="不能撤销"):
        back(instance_id)


def test_an_ended_instance_and_another_process_are_refused(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    office.publish(process("vet"), key="case")
    instance_id = office.begin("case_review")
    with pytest.raises(migration.CannotMigrate, match="不属于同一流程"):
        move(instance_id)
    office.publish(reviewed(), key="case_review")
    with pytest.raises(Invalid, match="请填写原因"):
        move(instance_id, " ")
    office.do("fill")
    office.do("vet")
    with pytest.raises(Conflict, match="流程已结束"):
        move(instance_id)


def test_a_migration_is_logged_and_audited(office: Office) -> None:
    office.publish(process("vet"), key="case")
    instance_id = office.begin("case")
    office.publish(process("vet", "sign"), key="case")
    move(instance_id)
    back(instance_id)
    assert [word for _, word in office.log()] == ["迁移至第 2 版", "撤销迁移，回到第 1 版"]
    with transaction(write=False):
        events = db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id)).all()
    assert [each.tag for each in events] == ["instance:migrated", "instance:migration_undone"]
    assert {(each.subject_id, each.actor_id) for each in events} == {(instance_id, CLERK)}
    assert CASE == ("case", 7)


def test_a_loop_that_returns_goes_the_way_of_the_other_version(office: Office) -> None:
    def loop(target: str) -> Files:
        return diagram(
            "case", start(), user("fill"), user("mend"), user("vet"), choice("good", "yes"), end(),
            line("begun", "fill", "mend", "vet", "good"),
            flow("good", target, 'decision == "return"'), flow("good", "ended", flow_id="yes"),
        )  # fmt: skip

    office.publish(loop("fill"), key="case")
    instance_id = office.begin("case")
    for node in ("fill", "mend"):
        office.do(node)
    office.publish(loop("mend"), key="case")
    move(instance_id)
    office.do("vet", decision="return")
    assert office.open() == ["mend"]
    office.do("mend")
    office.do("vet")
    assert office.status(instance_id) == "completed"


def test_either_event_may_still_come_first(office: Office) -> None:
    def either(*after: str) -> Files:
        return diagram(
            "case", start(), event("eventBasedGateway", "either"),
            catch("over", timer("ends")), catch("objected", receives("objection")),
            *(user(node) for node in ("hear", *after)), end(),
            line("begun", "either", "over", *after, "ended"),
            line("either", "objected", "hear", "ended"), extra=message("objection"),
        )  # fmt: skip

    office.publish(either(), key="case")
    ends = datetime(2026, 11, 27, 17, 30, tzinfo=NOON.tzinfo)
    instance_id = office.begin("case", ends=ends.isoformat())
    office.publish(either("confirm"), key="case")
    move(instance_id)
    assert (rows(Timer), rows(Subscription)) == ([("either", ends)], [("either", "objection")])
    assert office.later(days=7) == 1
    assert office.open() == ["confirm"]


def graded(grade: str) -> Files:
    """A person, then a decision that says `grade` of everybody, then a person."""
    table_of = table("grading", "FIRST", ["level"], ["grade"], ["-", f'"{grade}"'])
    drawn = diagram(
        "case", start(), user("fill"), decides("find_grade", "grading"), user("vet"), end(),
        line("begun", "fill", "find_grade", "vet", "ended"),
    )  # fmt: skip
    return {**drawn, **table_of}


def test_the_next_decision_is_made_by_the_table_of_the_other_version(office: Office) -> None:
    office.publish(graded("中级"), key="case")
    stays, moves = (office.begin("case", business=("case", n), level=3) for n in (1, 2))
    office.publish(graded("高级"), key="case")
    move(moves)
    office.do("fill")
    office.do("fill")
    found = {}
    for instance_id in (stays, moves):
        with transaction(write=False):
            item = db.session.scalars(
                sa.select(WorkItem).where(
                    WorkItem.instance_id == instance_id, WorkItem.node == "vet"
                )
            ).one()
            walk = Walk(item.instance, NOON)
            found[instance_id] = walk.step(walk.ready_task(item)).data["grade"]
    assert found == {stays: "中级", moves: "高级"}


def test_a_decision_that_was_made_stays_when_its_table_changes(office: Office) -> None:
    office.publish(graded("中级"), key="case")
    instance_id = office.begin("case", level=3)
    office.do("fill")
    office.publish(graded("高级"), key="case")
    move(instance_id)
    assert office.data("vet")["grade"] == "中级"
