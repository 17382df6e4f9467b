"""Roles and the one table of permissions.

Every endpoint declares one action; start-up fails for an endpoint without one. The menu, the
tests and the security page read the same table.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from app.core.errors import Forbidden

PUBLIC, MEMBER = "public", "member"

ROLES: dict[str, str] = {
    "applicant": "申报人",
    "unit_admin": "单位管理员",
    "unit_clerk": "单位经办人",
    "unit_leader": "单位领导",
    "superior_clerk": "上级经办人",
    "superior_leader": "上级领导",
    "organiser": "评委会组建单位",
    "organiser_leader": "组建单位领导",
    "meeting_clerk": "会议经办人",
    "expert": "评审专家",
    "main_reviewer": "主审",
    "deputy_reviewer": "副审",
    "group_leader": "组长",
    "director": "主任",
    "issuer": "发证机关",
    "supervisor": "监督员",
    "process_admin": "流程管理员",
    "system_admin": "系统管理员",
    "security_admin": "安全管理员",
    "audit_admin": "审计管理员",
}


@dataclass(frozen=True)
class Grant:
    """A live role of a person in a scope: org, meeting, jurisdiction or all."""

    role: str
    scope_kind: str
    scope_id: int | None


@dataclass(frozen=True)
class Action:
    """Who may do something: any of the roles, and the predicate on the record if it has one."""

    roles: frozenset[str]
    predicate: str | None = None


def _may(*roles: str, when: str | None = None) -> Action:
    return Action(frozenset(roles), when)


STAFF = (
    "unit_admin",
    "unit_clerk",
    "unit_leader",
    "superior_clerk",
    "superior_leader",
    "organiser",
    "organiser_leader",
    "meeting_clerk",
    "issuer",
    "supervisor",
)
"""Roles held at a unit, by those who work there; administrators and experts are everywhere."""
REVIEWERS = ("unit_clerk", "unit_leader", "superior_clerk", "superior_leader")
VETTERS = ("unit_admin", *REVIEWERS)
"""Who vets what people and units hand in: their unit, or the office above it."""
ORGANISERS = ("organiser", "organiser_leader")
ISSUERS = ("issuer",)
MEETINGS = (*ORGANISERS, "meeting_clerk", "expert", "supervisor")
IMPORTERS = ("unit_admin", "system_admin", "organiser", "issuer")

ACTIONS: dict[str, Action] = {
    # public site and files
    "site.home": _may(PUBLIC),
    "site.health": _may(PUBLIC),
    "file.upload": _may(MEMBER),
    "upload.continue": _may(MEMBER, when="owns_upload"),
    "file.read": _may(MEMBER, when="may_read_file"),
    # notices and policies
    "article.read": _may(PUBLIC),
    "article.manage": _may("organiser", "system_admin"),
    "article.edit": _may("organiser", "system_admin", when="keeps_article"),
    # accounts
    "account.sign_in": _may(PUBLIC),
    "account.activate": _may(PUBLIC),
    "account.register": _may(PUBLIC),
    "account.reset": _may(PUBLIC),
    "account.verify_mail": _may(PUBLIC),
    "account.sign_out": _may(MEMBER),
    "account.change_password": _may(MEMBER),
    "account.profile": _may(MEMBER),
    "correction.show": _may(MEMBER, when="may_see_correction"),
    "correction.unmask": _may(MEMBER, when="may_unmask_correction"),
    "account.notifications": _may(MEMBER),
    "account.sessions": _may(MEMBER),
    "account.factor": _may(MEMBER),
    "account.ways": _may(MEMBER),
    "account.mail": _may(MEMBER),
    "account.log": _may(MEMBER),
    # units
    "unit.bind": _may("applicant"),
    "unit.review_bindings": _may("unit_admin", "unit_clerk"),
    "binding.show": _may(MEMBER, when="may_see_binding"),
    "binding.unmask": _may(MEMBER, when="may_unmask_binding"),
    "unit.staff": _may("unit_admin", when="administers_unit"),
    "unit.register": _may(PUBLIC),
    "unit.vet_units": _may("unit_admin"),
    "unit.branches": _may("unit_admin", when="administers_unit"),
    "unit.settings": _may("unit_admin", when="administers_unit"),
    "unit.unmask": _may("unit_admin", when="administers_unit_of"),
    "unit.applicants": _may("unit_admin", "unit_clerk", when="keeps_members"),
    # bulk import: who may import what; the pages are one for all kinds
    "import.list": _may(*IMPORTERS),
    "import.start": _may(*IMPORTERS, "applicant", when="may_import"),
    "import.view": _may(*IMPORTERS, "applicant", when="may_import"),
    "import.act": _may(*IMPORTERS, "applicant", when="handed_in"),
    "import.people": _may("unit_admin"),
    "import.units": _may("system_admin"),
    "import.experts": _may("organiser"),
    "import.certificates": _may("issuer"),
    # inbox
    "inbox.home": _may(MEMBER),
    "task.list": _may(MEMBER),
    "task.open": _may(MEMBER, when="may_do_task"),
    "task.complete": _may(MEMBER, when="may_do_task"),
    "task.batch": _may(MEMBER),
    "task.phrases": _may(MEMBER),
    # catalogue
    # portfolio
    "portfolio.list": _may("applicant"),
    "portfolio.create": _may("applicant"),
    "portfolio.view": _may(MEMBER, when="may_see_item"),
    "portfolio.edit": _may("applicant", when="owns_item"),
    "portfolio.archive": _may("unit_clerk", "unit_admin"),
    "portfolio.vet": _may("unit_clerk"),
    "portfolio.batch": _may("unit_clerk", when="asked_for_batch"),
    "portfolio.compare": _may("unit_admin", *REVIEWERS, *ORGANISERS, when="is_anothers_claim"),
    # plans
    "plan.list": _may(PUBLIC),
    "plan.show": _may(PUBLIC),
    "plan.manage": _may(*ORGANISERS),
    "plan.create": _may("organiser"),
    "plan.configure": _may("organiser", when="configures_plan"),
    "committee.list": _may(
        *ORGANISERS, "meeting_clerk", "supervisor", "superior_clerk", "superior_leader"
    ),
    "committee.confirm": _may("superior_clerk", "superior_leader", "organiser_leader"),
    "committee.authorise": _may("organiser"),
    # declarations
    "declaration.list": _may("applicant"),
    "declaration.start": _may("applicant"),
    "declaration.fill": _may("applicant", when="owns_declaration"),
    "declaration.view": _may(MEMBER, when="may_see_declaration"),
    "declaration.review": _may(*REVIEWERS, *ORGANISERS),
    # experts
    "expert.list": _may("organiser"),
    "expert.create": _may("organiser"),
    "expert.manage": _may("organiser", when="keeps_expert"),
    # review
    "meeting.list": _may(*MEETINGS),
    "meeting.create": _may("meeting_clerk", "organiser"),
    "meeting.view": _may(MEMBER, when="may_see_meeting"),
    "meeting.case": _may(*MEETINGS, when="may_see_case"),
    "meeting.set_up": _may("meeting_clerk", "organiser", when="runs_meeting"),
    "meeting.cards": _may("meeting_clerk", "organiser", when="runs_meeting"),
    "meeting.export": _may("meeting_clerk", *ORGANISERS, when="may_export_meeting"),
    "meeting.lead": _may("expert", when="directs_meeting"),
    "meeting.assign": _may("expert", when="leads_a_group"),
    "meeting.key": _may("meeting_clerk", "expert", "supervisor", when="holds_a_key"),
    "meeting.cast": _may("expert", when="is_on_the_roll"),
    # results
    "publicity.read": _may(PUBLIC),
    "publicity.object": _may(PUBLIC),
    "publicity.export": _may(*ORGANISERS, "supervisor", when="looks_after_publicity"),
    "objection.list": _may(*ORGANISERS, "supervisor"),
    "objection.export": _may(*ORGANISERS, "supervisor"),
    "objection.show": _may(MEMBER, when="organises_objection"),
    # certificates
    "certificate.verify": _may(PUBLIC),
    "certificate.mine": _may("applicant", "issuer"),
    "certificate.show": _may(MEMBER, when="may_see_certificate"),
    "certificate.issued": _may("issuer"),
    "certificate.export": _may("issuer"),
    "certificate.earlier": _may("issuer"),
    "certificate.withdraw": _may("issuer", when="keeps_earlier"),
    "certificate.print": _may("issuer", when="issues_certificate"),
    "certificate.revoke": _may("issuer", when="issues_certificate"),
    "revocation.show": _may(MEMBER, when="may_see_revocation"),
    "certificate.replace": _may("applicant"),
    "replacement.show": _may(MEMBER, when="may_see_replacement"),
    # papers
    "declaration.export": _may("applicant", *REVIEWERS, *ORGANISERS, when="may_see_declaration"),
    # administration: the three administrators share no action
    "site.entries": _may("system_admin"),
    "unit.manage": _may("system_admin"),
    "account.manage": _may("system_admin"),
    "account.unmask": _may("system_admin"),
    "provider.manage": _may("system_admin"),
    "provider.confirm": _may("security_admin"),
    "grant.confirm": _may("system_admin"),
    "grant.propose": _may("security_admin"),
    "permission.read": _may("security_admin"),
    "permission.factors": _may("security_admin"),
    "audit.read": _may("audit_admin"),
    # studio
    "process.manage": _may("process_admin"),
    "process.migrate": _may("process_admin"),
    "instance.manage": _may("process_admin"),
    "incident.manage": _may("process_admin"),
    "engine.health": _may("process_admin"),
}

ADMINISTRATORS = frozenset({"system_admin", "security_admin", "audit_admin"})
"""三员: nobody is two of them."""
OF_A_UNIT = frozenset({"applicant", "unit_clerk", "unit_leader"})
"""Roles whose holders get others from the administrator of their unit."""


def whom_to_ask(roles: Iterable[str]) -> str:
    """Say to somebody with these roles who gives them another one, or why nobody does."""
    held = set(roles)
    if held & ADMINISTRATORS:
        return "系统、安全、审计管理员的职责互不重叠，此事项由相应的管理员或业务人员办理。"
    if held <= OF_A_UNIT:
        return "如需办理此事项，请联系本单位的单位管理员开通相应的身份。"
    return "如需办理此事项，请联系安全管理员授予相应的身份。"


Predicate = Callable[[Any, Any, datetime], bool]
_predicates: dict[str, Predicate] = {}
F = TypeVar("F", bound=Callable[..., Any])


def register_predicate(name: str) -> Callable[[Predicate], Predicate]:
    """Register the predicate that ACTIONS names: (person, subject, now) -> bool."""

    def keep(predicate: Predicate) -> Predicate:
        if name in _predicates:
            msg = f"the predicate {name} is registered twice"
            raise ValueError(msg)
        _predicates[name] = predicate
        return predicate

    return keep


def requires(action: str) -> Callable[[F], F]:
    """Declare the action of a view; KeyError when the table lacks it."""
    if action not in ACTIONS:
        msg = f"the action {action} is not in core.permissions.ACTIONS"
        raise KeyError(msg)

    def mark(view: F) -> F:
        view.action = action  # type: ignore[attr-defined]
        return view

    return mark


def role_allows(action: str, roles: Iterable[str], *, signed_in: bool) -> bool:
    """Tell whether somebody with these roles may try the action at all."""
    wanted = ACTIONS[action].roles
    return PUBLIC in wanted or (signed_in and MEMBER in wanted) or not wanted.isdisjoint(roles)


def subject_allows(action: str, person: Any, subject: Any, now: datetime) -> bool:
    """Tell whether the record's predicate lets this person do the action."""
    predicate = ACTIONS[action].predicate
    return predicate is None or _predicates[predicate](person, subject, now)


def authorize(action: str, person: Any, subject: Any, now: datetime) -> None:
    """Refuse unless the predicate of the action holds for the record; raises Forbidden."""
    from app.core.db import current_transaction  # noqa: PLC0415 - keeps this table free of the db

    current_transaction().notes.setdefault("authorized", set()).add(action)
    if not subject_allows(action, person, subject, now):
        raise Forbidden


def was_judged(action: str) -> bool:
    """Tell whether this unit of work has asked the predicate of an action, if it has one."""
    from app.core.db import current_transaction  # noqa: PLC0415 - keeps this table free of the db

    asked = current_transaction().notes.get("authorized", set())
    return not ACTIONS[action].predicate or action in asked


def unregistered_predicates() -> set[str]:
    """Return predicates that the table names and no room registered."""
    named = {action.predicate for action in ACTIONS.values() if action.predicate}
    return named - set(_predicates)
