"""Roles: the security administrator proposes and ends them, the system administrator confirms."""

from collections.abc import Iterable
from typing import Any

from flask import current_app, flash, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from app.accounts.grants import (
    Proposal,
    check_proposal,
    propose_grant,
    renewed_by,
    withdraw_request,
)
from app.accounts.hands import left_behind, tasks_of
from app.accounts.models import WAITING, GrantRequest, Person, RoleGrant
from app.accounts.queries import has_factor, names_of
from app.accounts.terms import usual_day
from app.admin import queries
from app.admin.account_views import to_person_of_number
from app.admin.forms import GrantForm
from app.admin.operations import confirm_renewals, decide_role, end_role, propose_renewals
from app.admin.views import bp
from app.admin.words import CONDITIONS, action_word, area_of
from app.core.clock import now
from app.core.db import db
from app.core.errors import DomainError, Invalid, NotFound
from app.core.faults import judged, show_faults, shown_on
from app.core.http import page_of, see_other
from app.core.menu import add_entry
from app.core.permissions import (
    ACTIONS,
    ADMINISTRATORS,
    MEMBER,
    PUBLIC,
    ROLES,
    requires,
    subject_allows,
)
from app.inbox.queries import place_names
from app.units.queries import label_of, unit_called

NEXT_STEP = "须由运维人员在服务器上重置账号（flask reset-account）后由本人激活"
EVERYONE = {PUBLIC: "所有人", MEMBER: "已登录用户"}


def _person(person_id: int) -> Person:
    person = db.session.get(Person, person_id)
    if person is None:
        raise NotFound
    return person


def _named(rows: Iterable[RoleGrant | GrantRequest]) -> dict[tuple[str, int | None], str]:
    return place_names((row.scope_kind, row.scope_id) for row in rows)


@bp.get("/grants")
@requires("grant.propose")
def grants() -> str:
    """Who holds which role, where and until when (角色授权)."""
    return _grants_page("")


def _grants_page(fault: str) -> str:
    args = request.args
    state = "expiring" if request.method == "POST" else args.get("state", "")
    found = queries.search_grants(
        args.get("q", ""),
        args.get("role", ""),
        expiring=state == "expiring",
        ended=state == "ended",
        now=now(),
    )
    page = page_of(found)
    waiting = db.session.scalars(queries.requests(WAITING)).all()
    people = {i for g in page.items for i in (g.person_id, g.granted_by, g.confirmed_by)}
    return render_template(
        "admin/grants.html",
        page=page,
        waiting=waiting,
        scopes=_named([*page.items, *waiting]),
        names=names_of(people),
        roles=ROLES,
        renewing=state == "expiring",
        until=usual_day(now()),
        fault=fault,
    )


@bp.post("/grants/renew")
@requires("grant.propose")
def renew_grants() -> Response | tuple[str, int]:
    """Propose a later end for several roles that end soon (批量续期)."""
    ids = [int(each) for each in request.form.getlist("id") if each.isdecimal()]
    chosen = db.session.scalars(select(RoleGrant).where(RoleGrant.id.in_(ids))).all()
    try:
        count, refused = propose_renewals(
            chosen, request.form.get("reason", ""), actor=current_user, now=now()
        )
    except Invalid as error:
        return _grants_page(error.message), error.status
    people = names_of(grant.person_id for grant in chosen)
    for grant in chosen:
        if grant.id in refused:
            who = f"{people[grant.person_id]}的{ROLES.get(grant.role, grant.role)}"
            flash(f"{who}没有提出续期：{refused[grant.id]}", "warning")
    if count:
        flash(f"已提出 {count} 项续期，等待系统管理员复核", "success")
    return see_other(url_for("admin.grants", state="expiring"))


@bp.get("/grants/people")
@requires("grant.propose")
def grant_people() -> str:
    """Choose the person who is to get a role."""
    text = request.args.get("q", "").strip()
    page = page_of(queries.search_people(text, "", "", now())) if text else None
    held = queries.roles_of(page.items, now()) if page else {}
    return render_template("admin/grant_people.html", page=page, roles=held)


@bp.post("/grants/people/find")
@requires("grant.propose")
def find_grant_person() -> Response:
    """Find who is to get a role by the whole identity number."""
    return to_person_of_number("admin.grants_of_person", otherwise="admin.grant_people")


@bp.get("/grants/people/<int:person_id>")
@requires("grant.propose")
def grants_of_person(person_id: int) -> str:
    """What a person may do and by which role, and the form of another role."""
    return _person_page(_person(person_id), GrantForm(data={"until": usual_day(now())}))


def _person_page(person: Person, form: GrantForm) -> str:
    held = queries.grants_of(person.id, now())
    asked = select(GrantRequest).where(
        GrantRequest.person_id == person.id, GrantRequest.status == WAITING
    )
    waiting = list(db.session.scalars(asked))
    roles = {grant.role for grant in held}
    return render_template(
        "admin/grant_person.html",
        person=person,
        form=form,
        held=held,
        left=left_behind(held, now()),
        waiting=waiting,
        scopes=_named([*held, *waiting]),
        roles=ROLES,
        names=names_of(i for g in held for i in (g.granted_by, g.confirmed_by)),
        allowed=_table(roles),
        is_self=person.id == current_user.id,
        has_factor=has_factor(person.id),
    )


@bp.post("/grants/people/<int:person_id>")
@requires("grant.propose")
def propose(person_id: int) -> Response | tuple[str, int]:
    """Propose a role for a person (提出授权)."""
    person = _person(person_id)
    form = GrantForm(request.form)
    if judged(form, lambda: check_proposal(_proposal(form), now())):
        try:
            asked = propose_grant(person, _proposal(form), actor=current_user, now=now())
        except Invalid as error:
            show_faults(form, error)
        except DomainError as error:
            form.form_errors.append(error.message)
        else:
            place = _named([asked])[asked.scope_kind, asked.scope_id]
            told = f"{person.name}的{ROLES[asked.role]}（{place}）"
            flash(f"已提出授权：{told}，等待系统管理员复核", "success")
            return see_other(url_for("admin.grants"))
    return _person_page(person, form), 422


def _proposal(form: GrantForm) -> Proposal:
    """Return what the form proposes; a unit told by a part of its name is shown first."""
    typed = (form.unit.data or "").strip()
    try:
        unit = unit_called(typed)
    except Invalid as error:
        raise Invalid(error.message, field="unit") from error
    if unit is not None and typed not in {unit.name, label_of(unit)}:
        form.unit.data = label_of(unit)
        raise Invalid(f"按“{typed}”已找到并填入{form.unit.data}，请核对后再提交", field="unit")
    return Proposal(
        role=form.role.data,
        unit_id=unit.id if unit else None,
        until=form.until.data,
        reason=form.reason.data or "",
    )


def _grant(grant_id: int) -> RoleGrant:
    grant = db.session.get(RoleGrant, grant_id)
    if grant is None:
        raise NotFound
    return grant


@bp.get("/grants/<int:grant_id>/tasks")
@requires("grant.propose")
def tasks_of_grant(grant_id: int) -> str:
    """The open tasks that hang on a role of a unit; whom they are about only who may do them."""
    grant = _grant(grant_id)
    page = page_of(tasks_of(grant))
    return render_template(
        "admin/grant_tasks.html",
        page=page,
        person=_person(grant.person_id),
        place=_named([grant])[grant.scope_kind, grant.scope_id],
        role=ROLES.get(grant.role, grant.role),
        mine={i.id for i in page.items if subject_allows("task.open", current_user, i, now())},
    )


@bp.post("/grants/<int:grant_id>/end")
@requires("grant.propose")
@shown_on(lambda grant_id: grants_of_person(_grant(grant_id).person_id))
def end_grant(grant_id: int) -> Response:
    """End a role at once (终止授权)."""
    grant = _grant(grant_id)
    end_role(grant, request.form.get("reason", ""), actor=current_user, now=now())
    flash("授权已终止", "success")
    return see_other(url_for("admin.grants_of_person", person_id=grant.person_id))


@bp.post("/grants/requests/<int:request_id>/withdraw")
@requires("grant.propose")
def withdraw(request_id: int) -> Response:
    """Take a proposed role back while it waits (撤回)."""
    asked = _request(request_id)
    withdraw_request(asked, actor=current_user, now=now())
    flash("已撤回该授权", "success")
    return see_other(url_for("admin.grants_of_person", person_id=asked.person_id))


def _request(request_id: int) -> GrantRequest:
    asked = db.session.get(GrantRequest, request_id)
    if asked is None:
        raise NotFound
    return asked


@bp.get("/grants/requests")
@requires("grant.confirm")
def grant_requests() -> str:
    """The roles that wait for another administrator, and what was decided (授权复核)."""
    status = request.args.get("status") or WAITING
    page = page_of(queries.requests(status))
    waiting = [row for row in page.items if row.status == WAITING]
    former = queries.renewals_of(waiting, now())
    return render_template(
        "admin/grant_requests.html",
        page=page,
        renewals=[row for row in waiting if row.id in former],
        former=former,
        status=status,
        scopes=_named(page.items),
        roles=ROLES,
        names=names_of(row.decided_by for row in page.items),
        held=queries.roles_of([row.person for row in page.items], now()),
        anew={row.id for row in waiting if row.role in ADMINISTRATORS} - former.keys(),
        next_step=NEXT_STEP,
    )


@bp.post("/grants/requests/confirm")
@requires("grant.confirm")
@shown_on(grant_requests)
def confirm_several() -> Response:
    """Confirm several renewals at once (批量同意续期)."""
    ids = [int(each) for each in request.form.getlist("id") if each.isdecimal()]
    asked = db.session.scalars(select(GrantRequest).where(GrantRequest.id.in_(ids))).all()
    count, refused = confirm_renewals(asked, actor=current_user, now=now())
    for each in asked:
        if each.id in refused:
            who = f"{each.person.name}的{ROLES[each.role]}"
            flash(f"{who}没有同意续期：{refused[each.id]}", "warning")
    if count:
        flash(f"已同意 {count} 项续期", "success")
    return see_other(url_for("admin.grant_requests"))


def _begins_an_office(asked: GrantRequest) -> bool:
    """Tell whether confirming voids what the person signs in with: not where a term is moved."""
    begins = asked.role in ADMINISTRATORS and asked.status == WAITING
    return begins and renewed_by(asked, now()) is None


@bp.post("/grants/requests/<int:request_id>")
@requires("grant.confirm")
@shown_on(
    lambda request_id: grant_requests(), at=lambda request_id: url_for("admin.grant_requests")
)
def decide(request_id: int) -> Response:
    """Confirm or refuse a role (复核)."""
    asked = _request(request_id)
    confirm = request.form.get("decision") == "confirm"
    opinion = request.form.get("opinion", "")[:300]
    begins = _begins_an_office(asked)
    decide_role(asked, confirm=confirm, opinion=opinion, actor=current_user, now=now())
    flash("授权已生效" if confirm else "已退回该授权", "success")
    if confirm and begins:
        flash(f"{asked.person.name}的原密码和登录已失效，{NEXT_STEP}", "warning")
    return see_other(url_for("admin.grant_requests"))


def _table(roles: set[str] | None = None) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the permission table by area: who may do what and on which condition.

    With `roles`, only what these roles allow, and through which of them.
    """
    routes: dict[str, list[str]] = {}
    for rule in current_app.url_map.iter_rules():
        view = current_app.view_functions[rule.endpoint]
        if hasattr(view, "action"):
            methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
            routes.setdefault(view.action, []).append(f"{'/'.join(methods)} {rule.rule}")
    areas: dict[str, list[dict[str, Any]]] = {}
    for name, action in ACTIONS.items():
        by = action.roles if roles is None else action.roles & roles
        if not by:
            continue
        areas.setdefault(area_of(name), []).append(
            {
                "id": name,
                "name": action_word(name),
                "by": [EVERYONE.get(role) or ROLES[role] for role in _in_order(by)],
                "when": CONDITIONS.get(action.predicate or "", action.predicate or ""),
                "routes": sorted(routes.get(name, [])),
            }
        )
    return list(areas.items())


def _in_order(roles: Iterable[str]) -> list[str]:
    known = [*EVERYONE, *ROLES]
    return sorted(roles, key=known.index)


@bp.get("/permissions")
@requires("permission.read")
def permissions() -> str:
    """Who may do what, and why: the one table that every request is judged by (权限一览)."""
    role = request.args.get("role", "")
    asked = request.args.get("q", "").strip()
    table = [
        (area, found)
        for area, actions in _table({role} if role in ROLES else None)
        if (found := [each for each in actions if asked in f"{area} {each['name']} {each['id']}"])
    ]
    return render_template("admin/permissions.html", table=table, roles=ROLES)


add_entry("系统管理", "授权复核", "check2-all", "admin.grant_requests", "grant.confirm", order=30)
add_entry("系统管理", "角色授权", "key", "admin.grants", "grant.propose", order=40)
add_entry("系统管理", "权限一览", "table", "admin.permissions", "permission.read", order=50)
