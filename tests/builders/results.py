"""A publicity and what comes of it, reached by playing the meeting before it.

published = a_publicity(cases=2)      # outside any transaction
"""

from dataclasses import dataclass
from datetime import timedelta
from random import Random

from app.accounts.models import Person
from app.accounts.operations import grant_role, set_photo
from app.certificates import operations as certificates
from app.certificates.models import Certificate, ReplacementRequest
from app.certificates.process import REPLACEMENT
from app.certificates.queries import certificate_of_result
from app.core import storage
from app.core.clock import now, set_clock
from app.core.db import db, transaction
from app.declarations.operations import finish_declaration
from app.engine import runtime
from app.results import operations
from app.results.models import Objection, Publicity, Result
from app.results.process import OBJECTION, PUBLICITY, RESULT
from app.results.queries import publicity_of_meeting
from tests.builders.declarations import a_photo
from tests.builders.flow import do, drain
from tests.builders.people import a_person, person
from tests.builders.played import played_once
from tests.builders.portfolio import an_upload
from tests.builders.review import Held, a_meeting, case_ids, cast_as, play

COMPLAINT = {
    "name": "方明远",
    "contact": "fang@example.com",
    "text": "教学成果奖的排名与证书不一致",
}
APPROVAL = {"decision": "pass", "approval_no": "核准〔2026〕18号"}


@dataclass
class Published:
    """A publicity with the ids of who deals with it; records are read anew each time."""

    held: Held
    id: int
    unit_id: int
    organiser_id: int
    issuer_id: int
    result_ids: list[int]

    @property
    def publicity(self) -> Publicity:
        return db.session.get_one(Publicity, self.id)

    @property
    def leader_id(self) -> int:
        return self.held.leader_id

    def result(self, place: int = 0) -> Result:
        return db.session.get_one(Result, self.result_ids[place])

    def applicant(self, place: int = 0) -> Person:
        return self.result(place).declaration.person


@played_once
def a_publicity(*, cases: int = 1, passed: int | None = None, photo: bool = True) -> Published:
    """The results of a meeting whose first `passed` cases (all by default) were voted through."""
    held = a_meeting(at="close_ballot", members=5, cases=cases, groups=1)
    wanted = cases if passed is None else passed
    choices = {case: "y" if n < wanted else "n" for n, case in enumerate(case_ids(held))}
    for voter in held.member_ids:
        cast_as(held, voter, choices, Random(voter))
    play(held, "close_ballot")
    if photo:
        _give_photos(held)
    play(held, "confirm_result")
    with transaction():
        publicity = publicity_of_meeting(held.id)
        assert publicity is not None
        unit_id = publicity.plan.organiser_unit_id
        organiser = a_person("组建经办", roles=[("organiser", "org", unit_id)])
        issuer = a_person("发证经办", roles=[("issuer", "org", unit_id)])
        for result in publicity.results:
            # These declarations came before their meeting without the process that would be told.
            finish_declaration(result.declaration, "passed", now=now())
        ids = [result.id for result in publicity.results]
        return Published(held, publicity.id, unit_id, organiser.id, issuer.id, ids)


def _give_photos(held: Held) -> None:
    with transaction():
        for case in held.meeting.cases:
            give_photo(case.declaration.person)


def give_photo(person: Person) -> None:
    """Give a person the photo that certificates print."""
    set_photo(person, storage.link(a_photo(person)).id, now=now())


def object_to(published: Published, place: int = 0) -> int:
    """An objection to a result and its process; the objection's id."""
    with transaction():
        objection = operations.file_objection(
            published.publicity, published.result(place), **COMPLAINT, now=now()
        )
        runtime.start(
            "objection",
            business=(OBJECTION, objection.id),
            jurisdiction=published.publicity.plan.jurisdiction,
            actor_id=None,
            now=now(),
        )
        return objection.id


def investigate(objection_id: int) -> None:
    """The organiser looks into an objection."""
    do((OBJECTION, objection_id), "investigate_objection", {"finding": "已调阅原件"})


def decide(objection_id: int, decision: str) -> None:
    """The leader decides on an objection that was looked into."""
    answers = {"decision": decision, "conclusion": "经核查作出结论"}
    do((OBJECTION, objection_id), "decide_objection", answers)


def objection(objection_id: int) -> Objection:
    return db.session.get_one(Objection, objection_id)


def end_period(published: Published) -> None:
    """Move the clock behind the last day of the publicity."""
    with transaction(write=False):
        ends = published.publicity.ends_at
    with transaction():
        set_clock(ends + timedelta(hours=9))
    drain()


def confirm(published: Published) -> None:
    """Wait the period out and have the leader confirm it."""
    end_period(published)
    do((PUBLICITY, published.id), "confirm_publicity", {"decision": "confirm"})


def approve(published: Published) -> None:
    """Confirm, send the results up and have the issuing office approve them."""
    confirm(published)
    drain()
    held = published.held
    do(held.business, "report_meeting", {"decision": "pass"}, person=person(held.clerk_id))
    do(held.business, "approve_report", APPROVAL, person=person(published.issuer_id))


def issue(published: Published, place: int = 0) -> int:
    """The issuer issues a result's certificate; its id."""
    business = (RESULT, published.result_ids[place])
    do(business, "issue_certificate", {"decision": "issue"}, person=person(published.issuer_id))
    return certificate_of(published, place)


def certificate_of(published: Published, place: int = 0) -> int:
    """The id of the newest certificate of a result."""
    with transaction(write=False):
        found = certificate_of_result(published.result_ids[place])
        assert found is not None
        return found.id


def certificate(certificate_id: int) -> Certificate:
    return db.session.get_one(Certificate, certificate_id)


@played_once
def an_issued_certificate(*, cases: int = 1) -> tuple[Published, int]:
    """A publicity that was confirmed, and the first certificate that came of it."""
    published = a_publicity(cases=cases)
    approve(published)
    return published, issue(published)


def a_request(certificate_id: int, employer: str = "青禾小学（本部）") -> int:
    """A replacement request in the inbox of the unit's clerk; its id."""
    with transaction():
        held = certificate(certificate_id)
        made = certificates.request_replacement(
            held,
            reason="单位名称有误",
            changes={"employer": employer} if employer else {},
            evidence=[an_upload(held.person, "更名批复.png").id],
            person=held.person,
            now=now(),
        )
        runtime.start(
            "certificate_replacement",
            business=(REPLACEMENT, made.id),
            jurisdiction=held.jurisdiction,
            actor_id=held.person_id,
            now=now(),
        )
        return made.id


def request(request_id: int) -> ReplacementRequest:
    return db.session.get_one(ReplacementRequest, request_id)


def make_issuer(person: Person, unit_id: int) -> None:
    """Let somebody issue for a unit."""
    grant_role(person, "issuer", scope_kind="org", scope_id=unit_id, actor_id=None, now=now())
