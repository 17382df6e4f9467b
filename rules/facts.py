"""The facts rules look at: plain values that the application gathers, and nothing else.

Every part is optional for the rules that do not read it. Dates are ISO texts or dates.
"""

from datetime import date
from typing import Literal, NotRequired, TypedDict


class PersonalFacts(TypedDict):
    """个人信息: required fields still empty, answers that cannot be, whether a photo is there."""

    missing: list[str]
    faults: NotRequired[list[str]]
    photo: bool


class EntryFacts(TypedDict):
    """How many records were imported into each section."""

    work: int
    training: int
    education: int
    assessment: int


class EducationFacts(TypedDict):
    """学历: the label of the record with each flag ("大学本科"), or an empty text."""

    highest: str
    qualifying: NotRequired[str]


class AssessmentFacts(TypedDict):
    """年度考核: one imported year; `result` is empty until chosen in the declaration.

    `paid_by` is the unit that paid the insurance where that stands for the form of the year,
    `employers` what the units are and were called that one belonged to in it.
    """

    year: int
    result: str
    paid_by: NotRequired[str]
    employers: NotRequired[list[str]]


class TrainingFacts(TypedDict):
    """继续教育: the hours of one year, all subjects together."""

    year: int
    hours: int


class SlotFacts(TypedDict):
    """附件 slot of the plan. `printed` slots are named in the row even when nothing is amiss."""

    name: str
    count: int
    required: bool
    printed: bool
    min: int
    max: NotRequired[int | None]


class ItemFacts(TypedDict):
    """One item of the standard and how many records were imported into it. max None = 不限."""

    name: str
    required: bool
    min: int
    max: int | None
    count: int


class CategoryFacts(TypedDict):
    """One category of the standard; its minimum counts records, or items that have any."""

    id: int
    name: str
    count_by: Literal["records", "items"]
    min: int
    items: list[ItemFacts]


class TitleFacts(TypedDict):
    """A title by its series, name and level (职称)."""

    series: str
    name: str
    level: str


class ChoiceFacts(TypedDict):
    """What `evaluate("choice", facts)` reads: the title chosen, and those passed before."""

    jurisdiction: NotRequired[str]
    declared: TitleFacts
    held: list[TitleFacts]


class PostFacts(TypedDict):
    """The posts of the applicant's unit that the declared title fills; `blocks` when full."""

    level: str
    approved: int
    occupied: int
    held: int
    blocks: bool


class SpecialFacts(TypedDict):
    """行业专用: what the portfolio holds that only the declared series has."""

    series: str
    types: list[str]
    count: int


class SubmissionFacts(TypedDict):
    """What `evaluate("submission", facts)` reads."""

    jurisdiction: NotRequired[str]
    # What the unit that one declares at is called, and what it and those that it took over were
    # called before; nothing of freelancers. And the year since which one belongs to it.
    unit: NotRequired[list[str]]
    unit_since: NotRequired[int]
    personal: PersonalFacts
    entries: EntryFacts
    education: EducationFacts
    assessments: list[AssessmentFacts]
    training: NotRequired[list[TrainingFacts]]
    slots: list[SlotFacts]
    categories: list[CategoryFacts]
    declared: NotRequired[TitleFacts]
    titles: NotRequired[list[TitleFacts]]
    post: NotRequired[PostFacts]
    special: NotRequired[SpecialFacts]


class EligibilityFacts(TypedDict):
    """What `evaluate("eligibility", facts)` reads: may this person start a declaration `on` a day.

    `declared` names the living declaration of the plan year, if any; `unit` the bound unit;
    `unit_pending` tells of a binding that waits for approval.
    """

    jurisdiction: NotRequired[str]
    on: date | str
    unit: str
    unit_pending: NotRequired[bool]
    declared: str
    barred_until: date | str | None
    birth_date: NotRequired[date | str | None]
    gender: NotRequired[str]
