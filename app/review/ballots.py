"""Tables of the secret ballot (无记名投票).

The roll says who has voted, the box holds sealed ballots, and nothing links the two: no times,
random ids, no row numbers on SQLite. At the close every ballot is cut into slips, one a case,
and shuffled: a recused member's ballot would otherwise carry its owner's signature.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Id, Instant, Model, pk

CHOICES = {"y": "同意", "n": "反对", "a": "弃权"}
RECUSED = "r"
HOLDER_POSTS = {"director": "主任", "meeting_clerk": "会议经办人", "supervisor": "监督员"}
KEYS_NEEDED = 2


class KeyShare(Model):
    """A holder's part of the key of the box (密钥份额), sealed to a code only they know."""

    __tablename__ = "key_share"
    __table_args__ = (
        sa.UniqueConstraint("meeting_id", "round", "holder_id", name="a_holder_has_one_key"),
        sa.UniqueConstraint("meeting_id", "round", "post", name="a_post_has_one_holder"),
        sa.CheckConstraint(f"post IN {tuple(HOLDER_POSTS)!r}", name="post_is_known"),
        sa.CheckConstraint(
            "sealed IS NULL OR public_key IS NOT NULL", name="a_share_is_sealed_to_a_code"
        ),
    )

    id: Mapped[int] = pk()
    meeting_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("meeting.id"))
    round: Mapped[int]
    holder_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"))
    post: Mapped[str] = mapped_column(sa.String(20))
    public_key: Mapped[str | None] = mapped_column(sa.String(64))
    sealed: Mapped[str | None] = mapped_column(sa.Text)


class BallotRoll(Model):
    """Who may vote and who has (票源、已投票情况); without times on purpose."""

    __tablename__ = "ballot_roll"
    __table_args__ = (
        sa.CheckConstraint("present OR NOT voted", name="only_the_present_vote"),
        {"sqlite_with_rowid": False},
    )

    meeting_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("meeting.id"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), primary_key=True)
    present: Mapped[bool]
    voted: Mapped[bool] = mapped_column(default=False)


class BallotBox(Model):
    """The sealed box (票箱): ballots nobody can read before the close."""

    __tablename__ = "ballot_box"
    __table_args__ = ({"sqlite_with_rowid": False},)

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    meeting_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("meeting.id"), index=True)
    round: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(sa.LargeBinary)


class Ballot(Model):
    """A slip (选票) after the close: one choice on one case, with a new random id."""

    __tablename__ = "ballot"
    __table_args__ = (
        sa.CheckConstraint("choice IN ('y', 'n', 'a', 'r')", name="choice_is_known"),
        {"sqlite_with_rowid": False},
    )

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    meeting_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("meeting.id"), index=True)
    round: Mapped[int]
    case_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("meeting_case.id"))
    choice: Mapped[str] = mapped_column(sa.String(1))


class Tally(Model):
    """The count of a case (计票结果)."""

    __tablename__ = "tally"
    __table_args__ = (
        sa.CheckConstraint(
            "yes + no + abstain + recused + blank = present", name="every_voter_is_counted"
        ),
        sa.CheckConstraint(
            "yes >= 0 AND no >= 0 AND abstain >= 0 AND recused >= 0 AND blank >= 0",
            name="no_count_is_negative",
        ),
    )

    case_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("meeting_case.id"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True)
    present: Mapped[int]
    yes: Mapped[int]
    no: Mapped[int]
    abstain: Mapped[int]
    recused: Mapped[int]
    # Present, but no ballot cast: it counts against, like an abstention (0 as a rule).
    blank: Mapped[int] = mapped_column(default=0)
    needed: Mapped[int]
    passed: Mapped[bool]


class BallotClose(Model):
    """The close of a ballot (投票关闭): once, with the root hash of its slips."""

    __tablename__ = "ballot_close"

    meeting_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("meeting.id"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True)
    # SHA-256 over the sorted hashes of the slips; a slip's random id is its salt.
    root_hash: Mapped[str] = mapped_column(sa.String(64))
    threshold: Mapped[int]
    present: Mapped[int]
    closed_at: Mapped[datetime] = mapped_column(Instant)
