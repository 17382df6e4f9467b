"""What the offices decide: the unit's recommendation, the superiors, the organiser.

Each function stores the opinion and returns the verdict by which the diagram goes on:
pass, return, endorse (the leader has still to agree), confirm (a second person has), terminate,
again (the second person disagreed).
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from app.accounts.hands import able_at, able_holders, first_able
from app.accounts.models import Person
from app.catalogue import jurisdictions
from app.catalogue.queries import workdays_between
from app.core import storage
from app.core.clock import ZONE
from app.core.db import current_transaction, db
from app.core.errors import Conflict, Forbidden, Invalid
from app.declarations.defects import BASICS, place_of, places_of
from app.declarations.models import (
    Declaration,
    Defect,
    Recommendation,
    ReviewOpinion,
    Status,
)
from app.declarations.operations.common import record
from app.declarations.operations.finishing import tell
from app.declarations.post_use import post_line
from app.declarations.queries import first_sent_at, opinions_of
from app.plans.models import QuotaMode
from app.units.models import Unit
from app.units.queries import reporting_chain

PASS, RETURN, TERMINATE = "pass", "return", "terminate"
ENDORSE, CONFIRM, AGAIN = "endorse", "confirm", "again"
VETTED = (PASS, RETURN, TERMINATE)
VETTING = {"vet_declaration": "unit_leader", "vet_forwarded": "superior_leader"}
"""The steps of clerks, and the leader who agrees to each."""
NOTED = "declarations.noted"
Answers = Mapping[str, Any]


def _begin(declaration: Declaration, actor: Person) -> Unit:
    """Return the office that decides; nobody decides on their own application."""
    if actor.id == declaration.person_id:
        raise Forbidden("不能审核本人的申报，请由本单位其他人员或上级单位办理")
    if declaration.status != Status.IN_REVIEW or declaration.current_unit is None:
        raise Conflict("该申报不在审核中，请刷新页面")
    return declaration.current_unit


def _text(answers: Answers, name: str) -> str:
    return str(answers.get(name) or "").strip()


def _decision(answers: Answers, *allowed: str) -> str:
    decision = _text(answers, "decision")
    if decision not in allowed:
        raise Invalid("请选择办理结果", field="decision")
    return decision


def _note(
    declaration: Declaration, stage: str, decision: str, opinion: str, actor: Person, now: datetime
) -> None:
    noted = ReviewOpinion(
        declaration_id=declaration.id,
        round=declaration.round,
        level=declaration.current_level,
        unit_id=declaration.current_unit_id,
        stage=stage,
        decision=decision,
        opinion=opinion,
        person_id=actor.id,
        at=now,
    )
    db.session.add(noted)
    # The step that opens the next task asks at once who vetted.
    current_transaction().notes.setdefault(NOTED, {})[declaration.id] = noted
    record(stage, declaration, actor.id, now, decision=decision)


def _last_opinion(declaration: Declaration) -> ReviewOpinion | None:
    noted: ReviewOpinion | None = current_transaction().notes.get(NOTED, {}).get(declaration.id)
    if noted is not None and noted in db.session:
        return noted
    return next(reversed(opinions_of(declaration.id)), None)


def _raise_defects(
    declaration: Declaration, answers: Answers, actor: Person, now: datetime
) -> None:
    """Keep every defect of a return; a return names them all at once (一次性告知)."""
    rows = [row for row in answers.get("defects") or [] if str(row.get("text") or "").strip()]
    if not rows:
        raise Invalid("退回时请逐条列出全部问题（一次性告知）", field="defects")
    places = places_of(declaration)
    for row in rows:
        place = place_of(places, str(row.get("section") or BASICS))
        db.session.add(
            Defect(
                declaration_id=declaration.id,
                round=declaration.round,
                raised_at=now,
                raised_by=actor.id,
                unit_id=declaration.current_unit_id,
                section=place.section,
                field=place.field,
                item_id=place.item_id,
                text=str(row["text"]).strip(),
                remedy=str(row.get("remedy") or "").strip(),
            )
        )
    db.session.flush()


def _has_leader(
    unit: Unit, role: str, declaration: Declaration, actor: Person, now: datetime
) -> bool:
    """Tell whether an office has a leader beside who vetted: with none the superior decides."""
    barred = {declaration.person_id, actor.id}
    return unit.has_leader and bool(able_at(role, unit.id, now) - barred)


def vetter(declaration: Declaration) -> int | None:
    """Return who passed the clerk's step that waits for the leader's, if one does."""
    last = _last_opinion(declaration)
    if last is None or last.stage not in VETTING or last.decision != PASS:
        return None
    here = declaration.round, declaration.current_level
    return last.person_id if (last.round, last.level) == here else None


def proposer(declaration: Declaration) -> int | None:
    """Return who proposed the termination that waits for its second person, if one does."""
    last = _last_opinion(declaration)
    return last.person_id if last and last.decision == TERMINATE else None


def termination_confirmer(declaration: Declaration, now: datetime) -> Unit | None:
    """Return the office whose leader can be the second person of a termination.

    The reviewing unit itself, or the nearest one above that has a leader who is neither the
    applicant nor the person who proposed it.
    """
    barred = {declaration.person_id, proposer(declaration)}
    role = "unit_leader" if declaration.current_level <= 1 else "superior_leader"
    unit = declaration.current_unit or declaration.unit
    return first_able(role, [unit, *reporting_chain(unit)], now, but=barred)


def _propose_termination(
    declaration: Declaration, stage: str, opinion: str, actor: Person, now: datetime
) -> str:
    if not opinion:
        raise Invalid("终止申报请写明原因", field="opinion")
    _note(declaration, stage, TERMINATE, opinion, actor, now)
    return CONFIRM


def vet_declaration(
    declaration: Declaration, answers: Answers, *, actor: Person, now: datetime
) -> str:
    """Vet an application for its unit: recommend, return or propose to end it (FJ-U-12..17).

    Raises Invalid for a recommendation without five working days of publicity or, in a
    事业单位, without a word on the post; for a return without defects; for a termination
    without a reason or without anybody who could confirm it.
    """
    unit = _begin(declaration, actor)
    if _decision(answers, *VETTED) == PASS:
        _recommend(declaration, unit, answers, actor, now)
    return _vet(declaration, unit, answers, "vet_declaration", actor=actor, now=now)


def _need_second_person(declaration: Declaration, now: datetime) -> None:
    if termination_confirmer(declaration, now) is None:
        raise Conflict("终止须由第二人确认，本单位及上级单位尚无可确认的领导，请先设置领导岗")


def _day(answers: Answers, name: str) -> date | None:
    value = answers.get(name)
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value or ""))
    except ValueError:
        return None


def recommendation_faults(
    declaration: Declaration, answers: Answers, now: datetime
) -> dict[str, list[str]]:
    """Return everything a recommendation lacks, by field; empty when it can be given."""
    days = {name: _day(answers, name) for name in ("publicity_from", "publicity_to")}
    faults = {name: ["请填写公示日期"] for name, day in days.items() if day is None}
    first, last = days.values()
    if first and last:
        faults = _publicity_faults(declaration, first, last, now)
    if not _text(answers, "recommendation"):
        faults["recommendation"] = ["请填写单位推荐意见"]
    return {**faults, **_post_faults(declaration, answers)}


def _recommend(
    declaration: Declaration, unit: Unit, answers: Answers, actor: Person, now: datetime
) -> None:
    faults = recommendation_faults(declaration, answers, now)
    first, last = _day(answers, "publicity_from"), _day(answers, "publicity_to")
    if faults or first is None or last is None:
        raise Invalid(errors=faults)
    is_counted = declaration.unit.is_public_institution
    uses_post = _text(answers, "uses_post") == "yes" if is_counted else None
    quota_note = _text(answers, "quota_note")
    file_id = answers.get("publicity_proof")
    if file_id:
        storage.link(storage.owned_file(int(file_id), actor.id))
    made = Recommendation(declaration_id=declaration.id, round=declaration.round)
    made.unit_id, made.given_by, made.given_at = unit.id, actor.id, now
    made.publicity_from, made.publicity_to = first, last
    made.opinion = _text(answers, "recommendation")
    made.uses_post, made.quota_note = uses_post, quota_note
    made.file_id = int(file_id) if file_id else None
    db.session.add(made)


def _publicity_faults(
    declaration: Declaration, first: date, last: date, now: datetime
) -> dict[str, list[str]]:
    days = jurisdictions.get(declaration.plan.jurisdiction).unit_publicity_workdays
    if last < first:
        return {"publicity_to": ["公示结束日期不能早于开始日期"]}
    faults: dict[str, list[str]] = {}
    # What is publicised was sent up before; a mended one need not be publicised all over again.
    sent_on = first_sent_at(declaration).astimezone(ZONE).date()
    if first < sent_on:
        text = f"公示应在申报人提交之后进行，开始日期不能早于 {sent_on:%Y-%m-%d}"
        faults["publicity_from"] = [text]
    if workdays_between(first, last) < days:
        faults["publicity_to"] = [f"单位内部公示不少于 {days} 个工作日"]
    if last > now.astimezone(ZONE).date():
        faults.setdefault("publicity_to", []).append("公示尚未结束，期满后方可推荐上报")
    return faults


def _post_faults(declaration: Declaration, answers: Answers) -> dict[str, list[str]]:
    """Name what is missing about the post; only a 事业单位 has counted ones (FJ-U-15).

    Where the plan says so, none is taken that is not free (评聘结合, FJ-U-22).
    """
    if not declaration.unit.is_public_institution:
        return {}
    faults = {}
    uses_post = _text(answers, "uses_post")
    if uses_post not in {"yes", "no"}:
        faults["uses_post"] = ["事业单位请选择是否占用岗位职数"]
    elif uses_post == "yes" and declaration.plan.quota_mode == QuotaMode.BLOCK:
        faults |= _faults_of_quota(declaration)
    if not _text(answers, "quota_note"):
        faults["quota_note"] = ["请说明岗位职数的使用情况"]
    return faults


def _faults_of_quota(declaration: Declaration) -> dict[str, list[str]]:
    line = post_line(declaration, lock=True)
    if line is None or line.free:
        return {}
    used = f"核定 {line.approved}，已聘 {line.occupied}，在审占用 {line.held}"
    return {"uses_post": [f"本单位{line.level}岗位已满（{used}），本计划不得占用"]}


def vet_forwarded(
    declaration: Declaration, answers: Answers, *, actor: Person, now: datetime
) -> str:
    """Vet what a lower office sent up (上级复核)."""
    unit = _begin(declaration, actor)
    return _vet(declaration, unit, answers, "vet_forwarded", actor=actor, now=now)


def _vet(
    declaration: Declaration,
    unit: Unit,
    answers: Answers,
    node: str,
    *,
    actor: Person,
    now: datetime,
) -> str:
    """Keep what a clerk decided; returns the way on, to the leader where a consent has one."""
    decision, opinion = _decision(answers, *VETTED), _text(answers, "opinion")
    if decision == TERMINATE:
        verdict = _propose_termination(declaration, node, opinion, actor, now)
        _need_second_person(declaration, now)
        return verdict
    if decision == RETURN:
        _raise_defects(declaration, answers, actor, now)
    _note(declaration, node, decision, opinion, actor, now)
    to_leader = decision == PASS and _has_leader(unit, VETTING[node], declaration, actor, now)
    return ENDORSE if to_leader else decision


def endorse_declaration(
    declaration: Declaration, answers: Answers, *, stage: str, actor: Person, now: datetime
) -> str:
    """Agree with the clerk, or return the application to the person (领导审定).

    Raises Forbidden for who vetted it: two people recommend.
    """
    _begin(declaration, actor)
    if vetter(declaration) == actor.id:
        raise Forbidden("您已以经办人身份审核该申报，须由其他领导审定")
    decision = _decision(answers, PASS, RETURN)
    if decision == RETURN:
        _raise_defects(declaration, answers, actor, now)
    _note(declaration, stage, decision, _text(answers, "opinion"), actor, now)
    return decision


def confirm_termination(
    declaration: Declaration, answers: Answers, *, actor: Person, now: datetime
) -> str:
    """Confirm a proposed termination, or send it back to the office (终止确认).

    Raises Forbidden for the person who proposed it: two people end somebody's year.
    """
    _begin(declaration, actor)
    proposed = next(o for o in reversed(opinions_of(declaration.id)) if o.decision == TERMINATE)
    if proposer(declaration) == actor.id:
        raise Forbidden("终止须由提出人以外的第二人确认")
    decision, opinion = _decision(answers, "confirm", "reject"), _text(answers, "opinion")
    if decision == "reject" and not opinion:
        raise Invalid("不同意终止请写明意见", field="opinion")
    _note(declaration, "confirm_termination", decision, opinion, actor, now)
    if decision == "reject":
        return AGAIN
    declaration.ended_reason = proposed.opinion
    return TERMINATE


def move_up(declaration: Declaration, *, now: datetime) -> bool:
    """Hand the declaration to the next office above, or else to the organiser.

    Returns whether there was one above. Levels are gone through one by one (逐级上报). Only an
    office whose sole reviewer is the applicant is passed over, since nobody acts on their own
    case. Where nobody can review for now, as while every account there is disabled, it waits, and
    is told among what nobody can do: a level that was left out could not be made up for.
    """
    unit = declaration.current_unit or declaration.unit
    chain = reporting_chain(unit)
    able = able_holders("superior_clerk", [office.id for office in chain], now)
    for office in chain:
        if able.get(office.id) != {declaration.person_id}:
            declaration.current_unit = office
            declaration.current_level += 1
            db.session.flush()
            return True
    declaration.current_unit = declaration.plan.organiser_unit
    declaration.current_level += 1
    db.session.flush()
    return False


def _need_organisers_leader(declaration: Declaration, actor: Person, now: datetime) -> None:
    organiser = declaration.plan.organiser_unit_id
    leaders = able_at("organiser_leader", organiser, now)
    if not leaders - {actor.id, declaration.person_id}:
        raise Conflict("终止须由第二人确认，组建单位尚无可确认的领导，请先设置领导岗")


def accept_declaration(
    declaration: Declaration, answers: Answers, *, actor: Person, now: datetime
) -> str:
    """Accept the application for the committee, return it, or propose to end it (受理).

    Raises Conflict for a termination without a leader of the organiser who could confirm it.
    """
    _begin(declaration, actor)
    decision, opinion = _decision(answers, PASS, RETURN, TERMINATE), _text(answers, "opinion")
    if decision == TERMINATE:
        _need_organisers_leader(declaration, actor, now)
        return _propose_termination(declaration, "accept_declaration", opinion, actor, now)
    if decision == RETURN:
        _raise_defects(declaration, answers, actor, now)
    _note(declaration, "accept_declaration", decision, opinion, actor, now)
    if decision == PASS:
        declaration.status, declaration.updated_at = Status.ACCEPTED, now
        db.session.flush()
        tell(declaration, "您的申报已被评委会组建单位受理", now)
    return decision
