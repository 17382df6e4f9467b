"""Who tries the routes on the demonstration, and on whose records."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import select

from app.accounts import grants
from app.accounts.models import LoginSession, Notification, Person
from app.accounts.queries import live_grants
from app.accounts.terms import usual_day
from app.certificates import revoking
from app.certificates.models import Certificate, EarlierCertificate, Ground
from app.core.crypto import seal
from app.core.db import Base, db
from app.engine.models import Incident, ProcessVersion
from app.imports.models import ImportBatch
from app.openid.models import LinkedIdentity, Provider
from app.people.models import IdentityCorrection
from app.results.models import Objection
from app.studio.models import MigrationRun
from app.units.models import UnitRegistration

CAST = {
    "visitor": "",
    "owner": "苏晓禾",  # of a draft, at 青禾小学
    "colleague": "柏小满",  # of the same school, with a declaration in review
    "stranger": "仲启航",  # of another school
    "holder": "盛夏禾",  # of a certificate
    "asker": "柴敏铎",  # of a certificate that is to be replaced
    "unit_admin": "舒乐平",
    "unit_clerk": "邬小棠",
    "unit_leader": "解明德",
    "other_unit_admin": "鄢小川",
    "group_admin": "钮万里",  # of the unit above the one of the other administrator
    "other_unit_clerk": "应含章",
    "other_unit_leader": "粟正阳",
    "superior_clerk": "宓清川",
    "superior_leader": "聂延年",
    "other_superior_clerk": "涂知白",
    "organiser": "葛蔓青",
    "organiser_leader": "滕敬之",
    "other_organiser": "蔚然",
    "other_organiser_leader": "阮星河",
    "expert": "路遥岑",
    "director": "凤启元",
    "supervisor": "卜怀朴",
    "other_supervisor": "敖正言",
    "issuer": "任海沧",
    "process_admin": "晏如初",
    "system_admin": "庾一鸣",
    "security_admin": "阚双全",
    "audit_admin": "缪三省",
}
"""A name for each who tries: what they are to the records below."""

_OF = "SELECT {0}.id FROM {0} JOIN person ON person.id = {0}.person_id WHERE person.name = '{1}'"
_DRAFT = _OF.format("declaration", "苏晓禾") + " AND declaration.status = 'draft'"
_REVIEWED = _OF.format("declaration", "柏小满") + " AND declaration.status = 'in_review'"
_ITEM = _OF.format("portfolio_item", "苏晓禾") + " AND portfolio_item.status = 'approved' LIMIT 1"
_FILES = f"SELECT min({{0}}) FROM item_file WHERE item_id = ({_ITEM})"
_ARTICLE = "SELECT min(id) FROM article"
_MEETING = "SELECT min(id) FROM meeting"
_TASK = (
    "SELECT id FROM work_item WHERE status = 'open' AND business_type = 'declaration' AND "
    f"business_id = ({_REVIEWED})"
)
_PLAN = "SELECT id FROM plan WHERE status = 'open'"
_PART = "SELECT min(id) FROM {0} WHERE plan_id = (" + _PLAN + ")"
_IN_DRAFT = "SELECT min(id) FROM {0} WHERE declaration_id = (" + _DRAFT + ")"
_AT_MEETING = "SELECT min(id) FROM {0} WHERE meeting_id = (" + _MEETING + ")"

RECORDS = {
    "accounts.session_id": "SELECT min(id) FROM login_session WHERE person_id = "
    "(SELECT id FROM person WHERE name = '苏晓禾')",
    "accounts.message_id": _OF.format("notification", "苏晓禾") + " LIMIT 1",
    "admin.person_id": "SELECT id FROM person WHERE name = '邬小棠'",
    "admin.grant_id": "SELECT min(id) FROM role_grant WHERE role = 'unit_clerk'",
    "admin.provider_id": "SELECT min(id) FROM openid_provider",
    "admin.request_id": "SELECT max(id) FROM grant_request",
    "admin.unit_id": "SELECT id FROM unit WHERE name = '云桥区青禾小学'",
    "certificates.certificate_id": _OF.format("certificate", "盛夏禾"),
    "certificates.earlier_id": "SELECT max(id) FROM earlier_certificate",
    "certificates.request_id": "SELECT id FROM replacement_request WHERE status = 'pending'",
    "certificates.revocation_id": "SELECT max(id) FROM revocation",
    "certificates.public_id": "SELECT public_id FROM certificate WHERE id = "
    f"({_OF.format('certificate', '盛夏禾')})",
    "committees.committee_id": "SELECT id FROM committee WHERE name LIKE '淮城市%'",
    "declarations.declaration_id": _DRAFT,
    "declarations.show.declaration_id": _REVIEWED,
    "declarations.diagram.declaration_id": _REVIEWED,
    "declarations.withdraw.declaration_id": _REVIEWED,
    "declarations.plan_id": _PLAN,
    "declarations.attachment_id": _IN_DRAFT.format("declaration_file"),
    "declarations.entry_id": _IN_DRAFT.format("declaration_entry"),
    "declarations.prior_id": _IN_DRAFT.format("prior_title"),
    "declarations.slot_id": _PART.format("plan_slot"),
    "experts.profile_id": "SELECT min(id) FROM expert_profile",
    "imports.batch_id": "SELECT max(id) FROM import_batch",
    "inbox.item_id": _TASK,
    "notices.article_id": _ARTICLE,
    "notices.file_id": "SELECT min(file_id) FROM article_file JOIN article_version ON "
    f"article_version.id = article_file.version_id WHERE article_id = ({_ARTICLE})",
    "openid.provider_id": "SELECT min(id) FROM openid_provider",
    "openid.identity_id": _OF.format("linked_identity", "苏晓禾"),
    "papers.declaration_id": _REVIEWED,
    "people.correction_id": "SELECT max(id) FROM identity_correction",
    "plans.plan_id": _PLAN,
    "plans.part_id": _PART.format("plan_slot"),
    "portfolio.batch_id": "SELECT coalesce(max(id), 0) FROM vet_batch",
    "portfolio.item_id": _ITEM,
    "portfolio.file_id": _FILES.format("file_id"),
    "portfolio.other_id": _FILES.format("file_id"),
    "portfolio.slot": _FILES.format("slot"),
    "results.publicity_id": "SELECT min(id) FROM publicity",
    "results.objection_id": "SELECT max(id) FROM objection",
    "review.meeting_id": _MEETING,
    "review.case_id": _AT_MEETING.format("meeting_case"),
    "review.group_id": _AT_MEETING.format("meeting_group"),
    "review.indicator_id": _AT_MEETING.format("indicator"),
    "review.seat_id": _AT_MEETING.format("meeting_member"),
    "site.file_id": _FILES.format("file_id"),
    "studio.incident_id": "SELECT max(id) FROM incident",
    "studio.instance_id": f"SELECT instance_id FROM work_item WHERE id = ({_TASK})",
    "studio.timer_id": "SELECT max(id) FROM timer",
    "studio.job_id": "SELECT min(id) FROM job",
    "studio.run_id": "SELECT max(id) FROM migration_run",
    "studio.version_id": "SELECT max(id) FROM process_version WHERE key = 'declaration'",
    "studio.item_id": _TASK,
    "units.binding_id": _OF.format("employment", "苏晓禾"),
    "units.branch_id": "SELECT id FROM unit WHERE name = '澄江建设集团第三分公司'",
    "units.registration_id": "SELECT max(id) FROM unit_registration",
    "units.number.person_id": "SELECT id FROM person WHERE name = '苏晓禾'",
    "units.unmask.person_id": "SELECT id FROM person WHERE name = '苏晓禾'",
    "units.person_id": "SELECT id FROM person WHERE name = '邬小棠'",
}
"""The record that a variable of an address stands for: of a room, or of one of its pages."""

WORDS = {
    "declarations.process": "declaration",
    "declarations.section": "work",
    "declarations.verb": "remove",
    "imports.kind": "people",
    "notices.kind": "notice",
    "notices.shelf": "notices",
    "plans.kind": "slot",
    "portfolio.no": "1",
    "portfolio.type_key": "honor",
    "review.name": "passed",
    "plans.way": "up",
    "studio.form.key": "accept_declaration",
    "studio.table.key": "no_table_is_shipped",
}
"""The same for variables that are no record."""


def person_called(name: str) -> Person:
    """Return one of the demonstration's people."""
    return db.session.scalars(select(Person).where(Person.name == name)).first() or _nobody(name)


def _nobody(name: str) -> Person:
    msg = f"nobody of the demonstration is called {name}"
    raise AssertionError(msg)


def record(room: str, page: str, variable: str) -> int | str | None:
    """Return what stands for a variable of an address, None where no record does."""
    for key in (f"{room}.{page}.{variable}", f"{room}.{variable}"):
        if key in WORDS:
            return WORDS[key]
        if key in RECORDS:
            return db.session.scalar(sa.text(RECORDS[key]))  # type: ignore[no-any-return]
    return None


def add_what_is_missing(now: datetime) -> None:
    """Put beside the demonstration's records those of kinds that it has none of."""
    db.session.add_all(
        [*_of_the_owner(now), *_at_units(now), *_of_processes(now), _an_objection(now)]
    )
    _sign_on(now)
    _proposals(now)


def _of_the_owner(now: datetime) -> list[Base]:
    owner = person_called(CAST["owner"])
    return [
        LoginSession(person_id=owner.id, token_hash="x" * 64, created_at=now, seen_at=now),
        IdentityCorrection(
            person_id=owner.id, name_before=owner.name, name="苏晓和", reason="错字",
            tail_before=owner.id_number_tail, requested_at=now,
            id_number_sealed=seal("340000198503129047"), id_number_hash="y" * 64,
        ),
        Notification(person_id=owner.id, text="请留意", url="/home", created_at=now),
    ]  # fmt: skip


def _at_units(now: datetime) -> list[Base]:
    administrator, issuer = (person_called(CAST[who]) for who in ("unit_admin", "issuer"))
    return [
        ImportBatch(
            kind="people", unit_id=_place_of(administrator, "unit_admin", now), status="ready",
            person_id=administrator.id, file_name="名单.xlsx", sha256="0" * 64, total=1, fresh=1,
            uploaded_at=now,
        ),
        EarlierCertificate(
            number="A1", name=CAST["owner"], id_number_sealed="x", id_number_hash="x",
            id_number_tail="x", series="中小学教师", title="一级教师", level="中级",
            obtained_on=now.date(), issuer="市教育局", is_public=True,
            keeper_unit_id=_place_of(issuer, "issuer", now), entered_by=issuer.id, entered_at=now,
        ),
        UnitRegistration(
            name="澄江检测有限公司", type="用人单位", kind="企业", area_code="350102",
            office_id=_place_of(person_called(CAST["group_admin"]), "unit_admin", now),
            legal_person="甲", admin_name="乙", admin_phone="1", login="cj.admin",
            receipt_hash="z" * 64, address_hash="z" * 64, submitted_at=now,
            person_id=person_called(CAST["stranger"]).id,
        ),
    ]  # fmt: skip


def _place_of(person: Person, role: str, now: datetime) -> int | None:
    return next(grant.scope_id for grant in live_grants(person.id, now) if grant.role == role)


def _of_processes(now: datetime) -> list[Base]:
    admin = person_called(CAST["process_admin"])
    first, last = db.session.execute(
        select(sa.func.min(ProcessVersion.id), sa.func.max(ProcessVersion.id))
    ).one()
    return [
        Incident(message="处理程序出错", node="vet", at=now, last_at=now),
        MigrationRun(source_id=first, target_id=last, reason="改版", actor_id=admin.id, at=now),
    ]


def _an_objection(now: datetime) -> Objection:
    return Objection(
        result_id=db.session.scalar(sa.text("SELECT min(id) FROM result")),
        name="甲", contact="1", text="不实", receipt="YY-1", received_at=now,
    )  # fmt: skip


def _sign_on(now: datetime) -> None:
    """Enter a provider of an address that nobody has, so that trying it asks nobody."""
    provider = Provider(
        jurisdiction="anhui", name="政务服务网", issuer="https://login.invalid",
        client_id="zhiping", changed_by=person_called(CAST["system_admin"]).id, changed_at=now,
    )  # fmt: skip
    db.session.add(provider)
    db.session.flush()
    linked = LinkedIdentity(
        provider_id=provider.id, person_id=person_called(CAST["owner"]).id, audience="person",
        subject_sealed=seal("x"), subject_hash="x" * 64, linked_at=now, last_used_at=now,
    )  # fmt: skip
    db.session.add(linked)


def _proposals(now: datetime) -> None:
    """Propose a role for somebody, and that a certificate be revoked."""
    unit_id = db.session.scalar(sa.text(RECORDS["admin.unit_id"]))
    proposal = grants.Proposal("unit_admin", unit_id, usual_day(now), "人手不够")
    clerk, security, issuer = (
        person_called(CAST[who]) for who in ("unit_clerk", "security_admin", "issuer")
    )
    grants.propose_grant(clerk, proposal, actor=security, now=now)
    certificate = db.session.scalars(
        select(Certificate).where(Certificate.person_id == person_called("井冉").id)
    ).one()
    case = revoking.Case(Ground.FRAUD, "《职称评审管理暂行规定》", "材料不实")
    revoking.propose_revocation(certificate, case, actor=issuer, now=now)
