"""The table of incidents; people and other rooms meet it among the engine's models."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Id, Instant, Model, one_of, pk
from app.engine import lengths


class IncidentStatus(StrEnum):
    """State of an incident (异常)."""

    OPEN = "open"
    RESOLVED = "resolved"


class Incident(Model):
    """A step that failed and was rolled back (异常); the instance stands where it stood."""

    __tablename__ = "incident"
    __table_args__ = (
        sa.CheckConstraint(one_of("status", IncidentStatus), name="incident_status_known"),
        sa.CheckConstraint(
            "(status = 'resolved') = (resolved_at IS NOT NULL)",
            name="resolved_incident_has_a_moment",
        ),
        sa.CheckConstraint("times >= 1", name="incident_has_happened"),
        sa.Index("incident_by_status", "status", "id"),
        sa.Index("incident_of_instance", "instance_id", "status"),
    )

    id: Mapped[int] = pk()
    instance_id: Mapped[int | None] = mapped_column(sa.ForeignKey("process_instance.id"))
    queue_row_id: Mapped[int | None] = mapped_column(sa.ForeignKey("queue_row.id"))
    # The key of the job that was given up.
    job_key: Mapped[str | None] = mapped_column(sa.String(120))
    # Where it happened: the version then, for an instance may move on or never have come to be.
    version_id: Mapped[int | None] = mapped_column(sa.ForeignKey("process_version.id"))
    business_type: Mapped[str | None] = mapped_column(sa.String(40))
    business_id: Mapped[int | None] = mapped_column(Id)
    # Whose step it was; nobody's where a timer, a message or a job failed.
    actor_id: Mapped[int | None] = mapped_column(Id)
    node: Mapped[str | None] = mapped_column(sa.String(lengths.NODE_ID))
    message: Mapped[str] = mapped_column(sa.Text)
    detail: Mapped[str] = mapped_column(sa.Text, default="")
    at: Mapped[datetime] = mapped_column(Instant)
    # The same failure while it is open is counted, not written again.
    times: Mapped[int] = mapped_column(sa.Integer, default=1)
    last_at: Mapped[datetime] = mapped_column(Instant)
    status: Mapped[str] = mapped_column(sa.String(20), default=IncidentStatus.OPEN)
    resolved_by: Mapped[int | None] = mapped_column(Id)
    resolved_at: Mapped[datetime | None] = mapped_column(Instant)

    @property
    def is_open(self) -> bool:
        """Whether nobody has dealt with it yet."""
        return self.status == IncidentStatus.OPEN
