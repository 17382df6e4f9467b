"""Half-typed answers of a task, kept for the person who types them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Id, Instant, Model, pk


class Draft(Model):
    """What somebody has typed into a task so far (暂存)."""

    __tablename__ = "draft"
    __table_args__ = (UniqueConstraint("work_item_id", "person_id"),)

    id: Mapped[int] = pk()
    work_item_id: Mapped[int] = mapped_column(Id, ForeignKey("work_item.id"))
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    saved_at: Mapped[datetime] = mapped_column(Instant)
