"""Tables of a review meeting (评审会议): who sits in it, what is judged, how it is scored."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Person
from app.committees.models import Committee
from app.core.db import Id, Instant, Model, one_of, pk
from app.declarations.models import Declaration
from app.plans.models import Plan
from app.units.models import Unit

MAX_DEPUTIES = 2


class MeetingStatus(StrEnum):
    """How far a meeting has come (会议状态)."""

    PREPARING = "preparing"
    SCORING = "scoring"
    VOTING = "voting"
    COUNTED = "counted"
    CONFIRMED = "confirmed"
    REPORTED = "reported"
    CLOSED = "closed"

    @property
    def label(self) -> str:
        """The word on the page."""
        return _MEETING_WORDS[self.value]

    @property
    def tone(self) -> str:
        """The colour of its badge."""
        return {"voting": "warning", "confirmed": "success", "closed": "secondary"}.get(
            self.value, "info"
        )


_MEETING_WORDS = {
    "preparing": "筹备中",
    "scoring": "材料评审",
    "voting": "投票中",
    "counted": "已计票",
    "confirmed": "结果已确认",
    "reported": "已上报",
    "closed": "已结束",
}


class Post(StrEnum):
    """The office a member holds in the meeting."""

    DIRECTOR = "director"
    DEPUTY_DIRECTOR = "deputy_director"
    MEMBER = "member"

    @property
    def label(self) -> str:
        """The word on the page."""
        return {"director": "主任", "deputy_director": "副主任", "member": "委员"}[self.value]


class CaseStatus(StrEnum):
    """How far a case has come (参评材料)."""

    WAITING = "waiting"
    SCORING = "scoring"
    SCORED = "scored"
    PASSED = "passed"
    FAILED = "failed"

    @property
    def label(self) -> str:
        """The word on the page."""
        return {
            "waiting": "待评审",
            "scoring": "评审中",
            "scored": "评分已确认",
            "passed": "通过",
            "failed": "未通过",
        }[self.value]

    @property
    def tone(self) -> str:
        """The colour of its badge."""
        return {"scoring": "info", "scored": "info", "passed": "success", "failed": "danger"}.get(
            self.value, "secondary"
        )


class Meeting(Model):
    """A meeting of a review committee that judges the accepted declarations of a plan."""

    __tablename__ = "meeting"
    __table_args__ = (
        sa.CheckConstraint(one_of("status", MeetingStatus), name="status_is_known"),
        sa.CheckConstraint("ends_at > starts_at", name="a_meeting_has_length"),
        sa.CheckConstraint("round >= 1", name="ballots_count_from_one"),
        sa.CheckConstraint(
            "status <> 'voting' OR public_key IS NOT NULL", name="an_open_ballot_has_a_key"
        ),
    )

    id: Mapped[int] = pk()
    plan_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("plan.id"), index=True)
    committee_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("committee.id"))
    organiser_unit_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("unit.id"), index=True)
    jurisdiction: Mapped[str] = mapped_column(sa.String(30))
    name: Mapped[str] = mapped_column(sa.String(120))
    place: Mapped[str] = mapped_column(sa.String(120))
    starts_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant)
    staff: Mapped[str] = mapped_column(sa.String(200), default="")
    brief: Mapped[str] = mapped_column(sa.String(500), default="")
    scheme: Mapped[str] = mapped_column(sa.Text, default="")
    status: Mapped[str] = mapped_column(sa.String(20), default=MeetingStatus.PREPARING)
    round: Mapped[int] = mapped_column(default=1)
    public_key: Mapped[str | None] = mapped_column(sa.String(64))
    # The scheme has been sent up: groups, cases and the score sheet stand as they are.
    is_settled: Mapped[bool] = mapped_column(default=False)
    set_up_by: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))

    plan: Mapped[Plan] = relationship()
    committee: Mapped[Committee] = relationship()
    organiser_unit: Mapped[Unit] = relationship()
    groups: Mapped[list["MeetingGroup"]] = relationship(order_by="MeetingGroup.id")
    members: Mapped[list["MeetingMember"]] = relationship(order_by="MeetingMember.id")
    cases: Mapped[list["MeetingCase"]] = relationship(
        back_populates="meeting", order_by="MeetingCase.id"
    )
    indicators: Mapped[list["Indicator"]] = relationship(order_by="Indicator.position")

    @property
    def state(self) -> MeetingStatus:
        """The status as its enum."""
        return MeetingStatus(self.status)

    @property
    def is_active(self) -> bool:
        """Whether the meeting belongs to the active ones (活跃评审会议)."""
        return self.state != MeetingStatus.CLOSED


class MeetingCommittee(Model):
    """A further committee that sits in the same meeting (联合评审)."""

    __tablename__ = "meeting_committee"

    meeting_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("meeting.id"), primary_key=True)
    committee_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("committee.id"), primary_key=True)


class MeetingGroup(Model):
    """A group of experts (评议组) that reads the cases of some specialties."""

    __tablename__ = "meeting_group"
    __table_args__ = (
        sa.UniqueConstraint("meeting_id", "name", name="a_group_has_its_name"),
        sa.CheckConstraint("size >= 3", name="a_group_has_three_experts"),
    )

    id: Mapped[int] = pk()
    meeting_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("meeting.id"))
    name: Mapped[str] = mapped_column(sa.String(60))
    size: Mapped[int]
    leader_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))

    leader: Mapped[Person | None] = relationship()
    members: Mapped[list["MeetingMember"]] = relationship(
        back_populates="group", order_by="MeetingMember.id"
    )
    cases: Mapped[list["MeetingCase"]] = relationship(
        back_populates="group", order_by="MeetingCase.id"
    )


class MeetingMember(Model):
    """An expert who sits in the meeting (参会专家)."""

    __tablename__ = "meeting_member"
    __table_args__ = (
        sa.UniqueConstraint("meeting_id", "person_id", name="an_expert_sits_once"),
        sa.CheckConstraint(one_of("post", Post), name="post_is_known"),
        sa.Index(
            "uq_meeting_member_one_director",
            "meeting_id",
            unique=True,
            sqlite_where=sa.text("post = 'director'"),
            postgresql_where=sa.text("post = 'director'"),
        ),
    )

    id: Mapped[int] = pk()
    meeting_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("meeting.id"))
    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), index=True)
    group_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("meeting_group.id"))
    post: Mapped[str] = mapped_column(sa.String(20), default=Post.MEMBER)
    present: Mapped[bool] = mapped_column(default=False)

    person: Mapped[Person] = relationship(lazy="joined")
    group: Mapped[MeetingGroup | None] = relationship(back_populates="members")

    @property
    def post_label(self) -> str:
        """The word for the post."""
        return Post(self.post).label


class MeetingCase(Model):
    """A declaration before the meeting (参评材料)."""

    __tablename__ = "meeting_case"
    __table_args__ = (
        sa.UniqueConstraint(
            "meeting_id",
            "declaration_id",
            name="a_declaration_is_judged_once",
            info={"law": "一份申报在一次会议上只评审一次，它已经在会议中"},
        ),
        sa.CheckConstraint(one_of("status", CaseStatus), name="status_is_known"),
        sa.CheckConstraint(
            "main_reviewer_id <> deputy_reviewer_id", name="two_people_read_a_case"
        ),
        sa.CheckConstraint(
            "status = 'waiting' OR"
            " (main_reviewer_id IS NOT NULL AND deputy_reviewer_id IS NOT NULL)",
            name="a_case_under_review_has_reviewers",
        ),
        sa.CheckConstraint(
            "status NOT IN ('scored', 'passed', 'failed') OR total_score IS NOT NULL",
            name="a_scored_case_has_its_total",
        ),
        # A declaration is before one living meeting: until it is decided, no other takes it up.
        sa.Index(
            "uq_meeting_case_one_living_meeting",
            "declaration_id",
            unique=True,
            sqlite_where=sa.text("status NOT IN ('passed', 'failed')"),
            postgresql_where=sa.text("status NOT IN ('passed', 'failed')"),
        ),
    )

    id: Mapped[int] = pk()
    meeting_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("meeting.id"))
    declaration_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("declaration.id"), index=True)
    group_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("meeting_group.id"))
    main_reviewer_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    deputy_reviewer_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("person.id"))
    status: Mapped[str] = mapped_column(sa.String(20), default=CaseStatus.WAITING)
    total_score: Mapped[int | None]
    is_vetoed: Mapped[bool] = mapped_column(default=False)

    meeting: Mapped[Meeting] = relationship(back_populates="cases")
    declaration: Mapped[Declaration] = relationship()
    group: Mapped[MeetingGroup | None] = relationship(back_populates="cases")
    main_reviewer: Mapped[Person | None] = relationship(foreign_keys=[main_reviewer_id])
    deputy_reviewer: Mapped[Person | None] = relationship(foreign_keys=[deputy_reviewer_id])

    @property
    def state(self) -> CaseStatus:
        """The status as its enum."""
        return CaseStatus(self.status)


class Recusal(Model):
    """A member who may not judge a case (回避)."""

    __tablename__ = "recusal"

    case_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("meeting_case.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), primary_key=True)
    reason: Mapped[str] = mapped_column(sa.String(200))


class Indicator(Model):
    """A line of the score sheet (评分指标)."""

    __tablename__ = "indicator"
    __table_args__ = (
        sa.UniqueConstraint("meeting_id", "name", name="an_indicator_has_its_name"),
        sa.CheckConstraint("min_score >= 0 AND max_score > min_score", name="a_range_has_length"),
        sa.CheckConstraint("max_score <= 100", name="an_indicator_gives_a_hundred_at_most"),
        sa.CheckConstraint("is_veto = (weight = 0)", name="only_a_veto_weighs_nothing"),
        sa.CheckConstraint("weight BETWEEN 0 AND 100", name="a_weight_is_a_percentage"),
    )

    id: Mapped[int] = pk()
    meeting_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("meeting.id"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(sa.String(60))
    weight: Mapped[int]
    min_score: Mapped[int] = mapped_column(default=0)
    max_score: Mapped[int]
    is_veto: Mapped[bool] = mapped_column(default=False)
    rule: Mapped[str] = mapped_column(sa.String(300), default="")


class Score(Model):
    """What the main reviewer gave a case on an indicator; 1 on a veto means vetoed."""

    __tablename__ = "score"
    __table_args__ = (
        sa.CheckConstraint("value BETWEEN 0 AND 100", name="a_score_is_of_a_hundred"),
    )

    case_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("meeting_case.id"), primary_key=True)
    indicator_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("indicator.id"), primary_key=True)
    value: Mapped[int]
    comment: Mapped[str] = mapped_column(sa.String(500), default="")


class CaseOpinion(Model):
    """A written opinion on a case (评议意见); only ever appended to."""

    __tablename__ = "case_opinion"
    __table_args__ = (sa.Index("ix_case_opinion_case", "case_id", "id"),)

    id: Mapped[int] = pk()
    case_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("meeting_case.id"))
    person_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"))
    stage: Mapped[str] = mapped_column(sa.String(20))
    decision: Mapped[str] = mapped_column(sa.String(10), default="pass")
    text: Mapped[str] = mapped_column(sa.Text)
    at: Mapped[datetime] = mapped_column(Instant)

    person: Mapped[Person] = relationship(lazy="joined")
