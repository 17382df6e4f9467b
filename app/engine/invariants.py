"""Laws of the process engine's tables."""

from collections.abc import Iterator

import sqlalchemy as sa

from app.core.db import db
from app.core.invariants import invariant
from app.engine import definitions, state
from app.engine.models import (
    InstanceStatus,
    ItemStatus,
    ProcessInstance,
    ProcessVersion,
    Subscription,
    Timer,
    WorkItem,
)

LIVING = (InstanceStatus.RUNNING, InstanceStatus.SUSPENDED)
READ_AT_ONCE = 200
"""How many states lie in memory together; each has some kilobytes."""


@invariant("待办任务都属于正在办理的流程")
def open_items_belong_to_living_instances() -> list[str]:
    """No task waits in a process that has ended."""
    orphans = (
        sa.select(WorkItem.id, ProcessInstance.id, ProcessInstance.status)
        .join(ProcessInstance, ProcessInstance.id == WorkItem.instance_id)
        .where(WorkItem.status == ItemStatus.OPEN, ProcessInstance.status.not_in(LIVING))
    )
    return [
        f"任务 {item} 仍待办，流程实例 {instance} 已是 {status}"
        for item, instance, status in db.session.execute(orphans)
    ]


@invariant("正在办理的流程都在等待任务、时间或消息")
def living_instances_wait_for_something() -> list[str]:
    """No process stands still for ever."""
    waits = (
        sa.select(WorkItem.instance_id).where(WorkItem.status == ItemStatus.OPEN),
        sa.select(Timer.instance_id),
        sa.select(Subscription.instance_id),
    )
    idle = sa.select(ProcessInstance).where(ProcessInstance.status.in_(LIVING))
    for wait in waits:
        idle = idle.where(ProcessInstance.id.not_in(wait))
    return [
        f"实例 {found.id}（{found.process_key} {found.business_type}:{found.business_id}）停滞"
        for found in db.session.scalars(idle)
    ]


@invariant("已结束的流程不再等待时间或消息")
def ended_instances_wait_for_nothing() -> list[str]:
    """Nothing can wake a process that has ended."""
    ended = (InstanceStatus.COMPLETED, InstanceStatus.CANCELLED, InstanceStatus.FAILED)
    broken = []
    for table in (Timer, Subscription):
        left = (
            sa.select(table.id, table.instance_id)
            .join(ProcessInstance, ProcessInstance.id == table.instance_id)
            .where(ProcessInstance.status.in_(ended))
        )
        broken += [
            f"流程实例 {instance} 已结束，{table.__tablename__} {row} 仍在"
            for row, instance in db.session.execute(left)
        ]
    return broken


@invariant("同一事项同一流程至多办理一次")
def no_record_is_in_two_instances_of_a_process() -> list[str]:
    """No record is in two running instances of one process."""
    columns = (
        ProcessInstance.process_key,
        ProcessInstance.business_type,
        ProcessInstance.business_id,
    )
    twice = (
        sa.select(*columns)
        .where(ProcessInstance.status.in_(LIVING))
        .group_by(*columns)
        .having(sa.func.count() > 1)
    )
    return [f"{key}：{kind} {number}" for key, kind, number in db.session.execute(twice)]


@invariant("在办流程的状态都能读取")
def states_of_living_instances_are_whole() -> list[str]:
    """No running process is lost: what its next step would load is there and unbroken."""
    return [
        f"流程实例 {number}（{place}）的状态无法读取，请从备份恢复"
        for number, place, content in _states()
        if not state.is_whole(content)
    ]


def _states() -> Iterator[tuple[int, str, bytes]]:
    """Yield number, place and state of the living instances, a few at a time."""
    of = ProcessInstance
    rows = sa.select(of.id, of.process_key, of.business_type, of.business_id, of.state)
    living = rows.where(of.status.in_(LIVING)).order_by(of.id)
    last = 0
    while found := db.session.execute(living.where(of.id > last).limit(READ_AT_ONCE)).all():
        for number, key, kind, business, content in found:
            yield number, f"{key} {kind}:{business}", content
        last = found[-1].id


@invariant("流程定义都完好，在办流程所用的也在")
def bundles_in_use_are_stored() -> list[str]:
    """Every version, and every running process, finds the diagrams and forms it is pinned to."""
    pinned = sa.select(ProcessInstance.bundle_hash).where(ProcessInstance.status.in_(LIVING))
    used = sa.union(pinned, sa.select(ProcessVersion.bundle_hash))
    lost = [digest for digest in db.session.scalars(used) if not definitions.is_stored(digest)]
    return [f"流程定义 {digest[:12]} 已丢失或损坏{_users_of(digest)}" for digest in lost]


def _users_of(digest: str) -> str:
    """Tell which versions and how many running processes need a bundle."""
    versions = db.session.scalars(
        sa.select(ProcessVersion).where(ProcessVersion.bundle_hash == digest)
    )
    named = "、".join(f"{each.key} 第 {each.no} 版" for each in versions)
    running = db.session.scalar(
        sa.select(sa.func.count()).where(
            ProcessInstance.bundle_hash == digest, ProcessInstance.status.in_(LIVING)
        )
    )
    return f"（{named or '没有版本'}，在办 {running} 件），请从备份恢复"
