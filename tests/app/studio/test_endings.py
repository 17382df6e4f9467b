"""作废: what becomes of a record when a process admin cancels its process."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts.models import Notification, Person
from app.certificates import operations as certificates
from app.certificates import revoking
from app.certificates.models import Ground, ReplacementRequest, Revocation
from app.certificates.process import REPLACEMENT
from app.certificates.revocation_process import REVOCATION
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Conflict
from app.core.invariants import check_all
from app.declarations.models import Declaration
from app.declarations.queries import declaration_of_year
from app.engine import care, handlers, runtime
from app.engine.models import ProcessInstance
from app.portfolio import operations as portfolio
from app.portfolio import queries, withdrawals
from app.units import process as units
from app.units.models import Employment
from app.units.operations import request_binding
from tests.app.inbox.conftest import Desk
from tests.builders import portfolio as build
from tests.builders import results
from tests.builders.declarations import SENT_UP, a_declaration, set_clock, start
from tests.builders.flow import do, open_items
from tests.builders.people import a_person, a_unit

pytestmark = pytest.mark.usefixtures("app")
BECAUSE = "流程图有误"


def cancel(business: tuple[str, int], key: str = "") -> None:
    """Cancel the living process of a record; nothing of it waits for anybody afterwards."""
    with transaction():
        found = sa.select(ProcessInstance).where(
            ProcessInstance.business_type == business[0],
            ProcessInstance.business_id == business[1],
            ProcessInstance.status == "running",
        )
        instance = db.session.scalars(found).one()
        assert key in {"", instance.process_key}
        care.cancel(instance, reason=BECAUSE, actor_id=None, now=now())
    with transaction(write=False):
        assert open_items(business) == []
        assert check_all() == []


def told(person: Person) -> str:
    mine = sa.select(Notification.text).where(Notification.person_id == person.id)
    return "".join(db.session.scalars(mine))


@pytest.mark.parametrize("at", ["vet_declaration", "accept_declaration", "accepted"])
def test_a_declaration_ends_with_the_reason_and_does_not_cost_its_applicant_the_year(
    at: str,
) -> None:
    declaration_id = a_declaration(at).id
    cancel(("declaration", declaration_id))
    with transaction(write=False):
        found = db.session.get_one(Declaration, declaration_id)
        assert (found.status, found.current_unit_id) == ("cancelled", None)
        assert found.ended_reason == f"流程已作废：{BECAUSE}"
        assert f"原因：流程已作废：{BECAUSE}" in told(found.person)
        assert "本年度不能再次申报" not in told(found.person)
        assert declaration_of_year(found.person_id, found.plan_year) is None
    with transaction():
        found = db.session.get_one(Declaration, declaration_id)
        set_clock(SENT_UP)
        assert start(found.person, found.plan).id != declaration_id


@pytest.mark.parametrize(
    ("at", "status", "words"),
    [
        ("fill_declaration", "draft", "由申报人本人删除"),
        ("accepted", "in_meeting", "须由会议办结"),
    ],
)
def test_a_declaration_is_not_ended_where_others_decide(at: str, status: str, words: str) -> None:
    declaration_id = a_declaration(at).id
    with transaction():
        db.session.get_one(Declaration, declaration_id).status = status
    with pytest.raises(Conflict, match=words):
        cancel(("declaration", declaration_id))
    with transaction(write=False):
        assert db.session.get_one(Declaration, declaration_id).status == status


def test_an_item_is_a_draft_again_and_can_be_sent_anew() -> None:
    with transaction():
        item_id = build.a_submitted_item(a_person(unit=a_unit())).id
    cancel((portfolio.BUSINESS, item_id))
    with transaction():
        item = queries.item_of(item_id)
        assert item.status == "draft"
        assert f"审核流程已作废：{BECAUSE}" in told(item.person)
        portfolio.submit_item(item, actor=item.person, now=now())
    with transaction():
        build.vet(queries.item_of(item_id), "return", "缺少盖章")
    # One that was returned and waits for its owner as well.
    cancel((portfolio.BUSINESS, item_id))
    with transaction(write=False):
        assert queries.item_of(item_id).status == "draft"


def test_a_request_to_change_an_item_is_refused_and_the_item_stays_approved() -> None:
    with transaction():
        version = build.an_approved_item(a_person(unit=a_unit()))
        item = queries.item_of(version.item_id)
        withdrawals.request_withdrawal(item, "岗位已变动", actor=item.person, now=now())
        business = (portfolio.BUSINESS, item.id)
    cancel(business, withdrawals.PROCESS)
    with transaction():
        item = queries.item_of(business[1])
        assert item.status == "approved"
        assert queries.open_withdrawal(item.id) is None
        assert f"的撤回申请已作废：{BECAUSE}" in told(item.person)
        withdrawals.request_withdrawal(item, "再次申请", actor=item.person, now=now())


@pytest.mark.parametrize("returned", [False, True])
def test_a_binding_ends_and_can_be_asked_for_anew(
    desk_of: Callable[..., Desk], returned: bool
) -> None:
    desk_of()
    with transaction(write=False):
        binding = db.session.scalars(sa.select(Employment)).one()
    business = (units.BINDING, binding.id)
    if returned:
        do(business, "vet_binding", {"decision": "return", "opinion": "请补充说明"})
    cancel(business)
    with transaction():
        ended = db.session.get_one(Employment, binding.id)
        assert (ended.status, ended.opinion) == ("cancelled", BECAUSE)
        assert f"的申请已作废：{BECAUSE}" in told(ended.person)
        assert request_binding(ended.person, ended.unit, "", now=now()).id != ended.id


def test_a_replacement_is_refused_and_can_be_asked_for_anew() -> None:
    published, certificate_id = results.an_issued_certificate()

    def ask() -> tuple[str, int]:
        with transaction():
            person = published.applicant()
            made = certificates.request_replacement(
                results.certificate(certificate_id),
                reason="单位名称有误",
                changes={"employer": "淮城市青禾小学（本部）"},
                evidence=[build.an_upload(person).id],
                person=person,
                now=now(),
            )
            business = (REPLACEMENT, made.id)
            runtime.start(
                "certificate_replacement",
                business=business,
                jurisdiction="anhui",
                actor_id=person.id,
                now=now(),
            )
            return business

    first = ask()
    cancel(first)
    with transaction(write=False):
        made = db.session.get_one(ReplacementRequest, first[1])
        assert (made.status, made.opinion) == ("refused", f"流程已作废：{BECAUSE}")
        assert BECAUSE in told(made.person)
    assert ask() != first


def test_a_proposal_to_revoke_is_dropped_and_the_certificate_stands() -> None:
    published, certificate_id = results.an_issued_certificate()
    proposer = results.person(published.issuer_id)
    with transaction():
        a_person("发证复核", roles=[("issuer", "org", published.unit_id)])
        case = revoking.Case(Ground.FRAUD, "职称评审管理暂行规定", "证书系伪造")
        made = revoking.propose_revocation(
            results.certificate(certificate_id),
            case,
            actor=db.session.merge(proposer),
            now=now(),
        )
        business: Any = (REVOCATION, made.id)
        living = sa.select(ProcessInstance.id).where(ProcessInstance.business_type == REVOCATION)
        if db.session.scalar(living) is None:
            runtime.start(
                "certificate_revocation",
                business=business,
                jurisdiction="anhui",
                actor_id=published.issuer_id,
                now=now(),
            )
    cancel(business)
    with transaction(write=False):
        dropped = db.session.get_one(Revocation, business[1])
        assert (dropped.status, dropped.opinion) == ("withdrawn", f"流程已作废：{BECAUSE}")
        assert results.certificate(certificate_id).status == "active"


def test_what_must_be_decided_has_no_ending() -> None:
    """A plan, a meeting, its cases, publicity, objections and certificates run to their end."""
    decided = {"plan", "meeting", "case", "publicity", "objection", "result"}
    assert handlers.presenter.names() - handlers.ending.names() == decided
