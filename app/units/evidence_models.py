"""The table of what is sent with requests of units and of their people as evidence (佐证材料)."""

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import Id, Model, pk
from app.core.storage import StoredFile


class RequestFile(Model):
    """A file of a request: a registration, a change of a unit, a binding."""

    __tablename__ = "request_file"
    __table_args__ = (
        UniqueConstraint("business_type", "business_id", "file_id"),
        CheckConstraint("position > 0", name="places_count_from_one"),
    )

    id: Mapped[int] = pk()
    # The record as its process knows it.
    business_type: Mapped[str] = mapped_column(String(30))
    business_id: Mapped[int] = mapped_column(Id)
    position: Mapped[int]
    file_id: Mapped[int] = mapped_column(Id, ForeignKey("stored_file.id"), index=True)

    file: Mapped[StoredFile] = relationship(lazy="joined")
