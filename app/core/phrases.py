"""What people often write, kept by themselves (常用意见)."""

from collections.abc import Sequence

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Id, Model, db, insert_into, pk
from app.core.errors import Invalid

MOST, LENGTH = 20, 200


class OwnPhrase(Model):
    """A text that a person keeps, to write it again with one click."""

    __tablename__ = "own_phrase"
    __table_args__ = (
        UniqueConstraint("person_id", "form", "text", name="a_phrase_is_kept_once"),
        CheckConstraint("text <> ''", name="a_phrase_says_something"),
    )

    id: Mapped[int] = pk()
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    # What fits one decision says little of another: each form has its own, like the shipped ones.
    form: Mapped[str] = mapped_column(String(80))
    text: Mapped[str] = mapped_column(String(LENGTH))


def phrases_of(person_id: int, form: str | None = None) -> Sequence[OwnPhrase]:
    """Return what a person keeps for a form, or for all of them, the latest first."""
    mine = select(OwnPhrase).where(OwnPhrase.person_id == person_id)
    if form is not None:
        mine = mine.where(OwnPhrase.form == form)
    return db.session.scalars(mine.order_by(OwnPhrase.id.desc())).all()


def keep_phrase(person_id: int, form: str, text: str) -> None:
    """Keep what was written; Invalid for one that is too long, or when there are enough.

    Nothing, and what is kept already, ask for no place.
    """
    text = text.strip()
    known = {each.text for each in phrases_of(person_id, form)}
    if not text or text in known:
        return
    if len(text) > LENGTH:
        raise Invalid(f"常用意见不超过 {LENGTH} 个字，现有 {len(text)} 个字", field="opinion")
    if len(known) >= MOST:
        said = f"每种事项最多保存 {MOST} 条常用意见，请先删除不用的，或取消“存为常用意见”"
        raise Invalid(said, field="opinion")
    kept = insert_into(OwnPhrase).values(person_id=person_id, form=form, text=text)
    db.session.execute(kept.on_conflict_do_nothing(index_elements=["person_id", "form", "text"]))


def forget_phrase(person_id: int, phrase_id: int) -> None:
    """Forget one of a person's own; a foreign one stays."""
    db.session.execute(
        delete(OwnPhrase).where(OwnPhrase.id == phrase_id, OwnPhrase.person_id == person_id)
    )
