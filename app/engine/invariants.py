"""Laws of the process engine's tables."""

import sqlalchemy as sa

from app.core.db import db
from app.core.invariants import invariant
from app.engine.models import (
    InstanceStatus,
    ItemStatus,
    ProcessInstance,
    Subscription,
    Timer,
    WorkItem,
)

LIVING = (InstanceStatus.RUNNING, InstanceStatus.SUSPENDED)


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
