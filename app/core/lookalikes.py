"""Pictures and pages that look nearly the same, found once, when the later is taken in (图片相近).

What a page reads afterwards is the pairs. The search reads a fixed number of rows however many
pictures there are: the newest of each band of the index, and of those the ones that share most.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    LargeBinary,
    String,
    delete,
    select,
    union_all,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from app.core.db import Id, Instant, Model, db, insert_into, pk
from app.core.likeness import Likeness, bands_of

NEWEST, MOST_COMPARED = 200, 40
"""Pictures read of a band, and compared. Of a template with more copies the oldest are missed."""
LEAST_SHARED = 2
PAUSE, MOST_TRIES = timedelta(minutes=10), 5
"""How long a PDF rests that could not be drawn, twice as long after each further try."""


class PictureLook(Model):
    """How the picture with these bytes looks, or a page of the PDF."""

    __tablename__ = "picture_look"

    id: Mapped[int] = pk()
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    ink: Mapped[bytes] = mapped_column(LargeBinary)


def _look() -> Mapped[int]:
    return mapped_column(
        Id, ForeignKey("picture_look.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class PictureBand(Model):
    """A row of a look: pictures that look alike share most of theirs."""

    __tablename__ = "picture_band"

    value: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    look_id: Mapped[int] = _look()


class PictureTwin(Model):
    """Two looks that are nearly the same; every pair is kept both ways round."""

    __tablename__ = "picture_twin"

    look_id: Mapped[int] = _look()
    other_id: Mapped[int] = _look()


class UnseenPaper(Model):
    """A PDF of which not every page could be drawn: it is tried again, so often and no more."""

    __tablename__ = "unseen_paper"
    __table_args__ = (CheckConstraint("tries >= 0", name="tries_are_counted"),)

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    tries: Mapped[int] = mapped_column(default=0)
    # When it is tried next; never again, where there is none.
    due_at: Mapped[datetime | None] = mapped_column(Instant, index=True)


@dataclass(frozen=True)
class Look:
    """The ink of a picture that is being taken in, and the looks that are nearly the same."""

    ink: bytes
    twins: tuple[int, ...]


def looks_for(sha256: str, inks: Sequence[bytes]) -> tuple[Look, ...]:
    """Find what looks like these pictures; nothing for bytes that are known. It only reads."""
    known = select(PictureLook.id).where(PictureLook.sha256 == sha256).limit(1)
    if not inks or db.session.scalar(known) is not None:
        return ()
    return _looks_of(inks)


def _looks_of(inks: Sequence[bytes]) -> tuple[Look, ...]:
    return tuple(Look(ink, tuple(_twins(ink))) for ink in inks)


def _twins(ink: bytes) -> list[int]:
    newest = (
        select(PictureBand.look_id)
        .where(PictureBand.value == value)
        .order_by(PictureBand.look_id.desc())
        .limit(NEWEST)
        .subquery()
        for value in bands_of(ink)
    )
    found = db.session.scalars(union_all(*(select(each.c.look_id) for each in newest)))
    shared = Counter(found).most_common(MOST_COMPARED)
    near = [look_id for look_id, count in shared if count >= LEAST_SHARED]
    rows = db.session.execute(
        select(PictureLook.id, PictureLook.ink).where(PictureLook.id.in_(near))
    ).tuples()
    like = Likeness(ink)
    return [look_id for look_id, kept in rows if like.is_like(zlib.decompress(kept))]


def keep_looks(sha256: str, looks: Iterable[Look]) -> None:
    """Write what was found, with the row of the file."""
    for look in looks:
        kept = PictureLook(sha256=sha256, ink=zlib.compress(look.ink))
        db.session.add(kept)
        db.session.flush()
        db.session.add_all(PictureBand(value=v, look_id=kept.id) for v in bands_of(look.ink))
        # Held, so that no sweep forgets one before its pair is written.
        there = (
            select(PictureLook.id)
            .where(PictureLook.id.in_(look.twins))
            .order_by(PictureLook.id)
            .with_for_update(read=True, key_share=True)
        )
        for twin in list(db.session.scalars(there)):
            db.session.add(PictureTwin(look_id=kept.id, other_id=twin))
            db.session.add(PictureTwin(look_id=twin, other_id=kept.id))
    db.session.flush()


def note_unseen(sha256: str, now: datetime) -> None:
    """Have a PDF looked at again later, as long as it was not given up before."""
    unseen = insert_into(UnseenPaper).values(sha256=sha256, tries=0, due_at=now + PAUSE)
    db.session.execute(unseen.on_conflict_do_nothing(index_elements=["sha256"]))


def claim_unseen(now: datetime) -> str | None:
    """Return the hash of a PDF that is to be tried now, and let the others wait for the next try.

    After the last one it is given up, unless that brings its look.
    """
    due = select(UnseenPaper).where(UnseenPaper.due_at <= now).order_by(UnseenPaper.due_at)
    paper = db.session.scalars(due.limit(1).with_for_update(skip_locked=True)).first()
    if paper is None:
        return None
    paper.tries += 1
    rest = PAUSE * 2**paper.tries
    paper.due_at = now + rest if paper.tries < MOST_TRIES else None
    return paper.sha256


def see_again(sha256: str, inks: Sequence[bytes]) -> bool:
    """Keep how a PDF looks that could not be drawn whole before, unless it is gone meanwhile.

    Tells whether it was one of those.
    """
    waiting = delete(UnseenPaper).where(UnseenPaper.sha256 == sha256)
    if not db.session.scalars(waiting.returning(UnseenPaper.sha256)).all():
        return False
    db.session.execute(delete(PictureLook).where(PictureLook.sha256 == sha256))
    keep_looks(sha256, _looks_of(inks))
    return True


def lookalikes_of(hashes: Iterable[str]) -> list[tuple[str, str]]:
    """Return pairs of hashes: each of these with other bytes that look nearly the same."""
    wanted = list(hashes)
    if not wanted:
        return []
    own, other = aliased(PictureLook), aliased(PictureLook)
    found = (
        select(own.sha256, other.sha256)
        .join(PictureTwin, PictureTwin.look_id == own.id)
        .join(other, other.id == PictureTwin.other_id)
        .where(own.sha256.in_(wanted))
        .distinct()
    )
    return [(mine, theirs) for mine, theirs in db.session.execute(found).tuples()]


def forget_looks(hashes: Iterable[str]) -> None:
    """Forget how bytes look that no file has any more; their bands and pairs go with them."""
    gone = list(hashes)
    for known in (PictureLook, UnseenPaper):
        db.session.execute(delete(known).where(known.sha256.in_(gone)))
