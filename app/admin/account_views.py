"""The system administrator's accounts (人员账号)."""

from flask import flash, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from app.accounts import operations
from app.accounts.devices import device_of
from app.accounts.grants import is_administrator
from app.accounts.handing_out import hand_out
from app.accounts.hands import left_behind
from app.accounts.models import Credential, Person
from app.accounts.queries import person_by_id_number
from app.accounts.sessions import live_sessions
from app.accounts.states import STATES, accounts_of, states_of
from app.accounts.unmasking import number_page, unmask
from app.admin import queries
from app.admin.forms import AccountForm
from app.admin.operations import (
    NewAccount,
    check_account,
    end_all_sessions,
    lock_account,
    open_account,
    reset_account,
)
from app.admin.views import bp
from app.core.clock import now
from app.core.db import db
from app.core.errors import Conflict, Invalid, NotFound
from app.core.faults import judged, show_faults, shown_on
from app.core.http import page_of, see_other
from app.core.menu import add_entry
from app.core.permissions import ROLES, requires
from app.inbox.queries import place_names
from app.openid.queries import identities_of
from app.units.queries import unit_of

MOST_PAGED = 10_000
"""A province has a million people: nobody turns all their pages."""
NOBODY_HAS_IT = "没有使用该证件号码的人员"


def _person(person_id: int) -> Person:
    person = db.session.get(Person, person_id)
    if person is None:
        raise NotFound
    return person


def _account(person: Person) -> Credential:
    mine = select(Credential).where(Credential.person_id == person.id)
    account = db.session.scalars(mine).first()
    if account is None:
        raise Conflict("此人尚未开通账号")
    return account


@bp.get("/accounts")
@requires("account.manage")
def accounts() -> str:
    """People and their accounts, found by name or login."""
    args = request.args
    moment = now()
    found = queries.search_people(
        args.get("q", ""), args.get("state", ""), args.get("role", ""), moment
    )
    page = page_of(found, most=MOST_PAGED)
    held = accounts_of(page.items)
    return render_template(
        "admin/accounts.html",
        page=page,
        accounts=held,
        states=states_of(held, page.items, moment),
        roles=queries.roles_of(page.items, moment),
        all_roles=ROLES,
        all_states=STATES,
    )


@bp.post("/accounts/find")
@requires("account.manage")
def find_account() -> Response:
    """Find whose account it is by the whole identity number."""
    return to_person_of_number("admin.account", otherwise="admin.accounts")


def to_person_of_number(page: str, *, otherwise: str) -> Response:
    """Go on to a page of the person whose whole identity number was posted.

    The number never stands in an address: histories and the logs of proxies would keep it.
    """
    found = person_by_id_number(request.form.get("number", ""))
    if found is None:
        flash(NOBODY_HAS_IT, "warning")
        return see_other(url_for(otherwise))
    return see_other(url_for(page, person_id=found.id))


@bp.get("/accounts/new")
@requires("account.manage")
def new_account() -> str:
    """The form of a new account."""
    return render_template("admin/account_form.html", form=AccountForm())


@bp.post("/accounts/new")
@requires("account.manage")
def create_account() -> Response | tuple[str, int]:
    """Open an account; its one-time link is shown this once."""
    form = AccountForm(request.form)
    entry = NewAccount(
        name=form.name.data or "",
        id_number=form.id_number.data or "",
        phone=form.phone.data or "",
        login=form.login.data or "",
        is_applicant=bool(form.is_applicant.data),
    )
    if judged(form, lambda: check_account(entry, now())):
        try:
            person, secret = open_account(entry, actor=current_user, now=now())
        except Invalid as error:
            show_faults(form, error)
        else:
            return hand_out(person.id, secret, back=url_for("admin.account", person_id=person.id))
    return render_template("admin/account_form.html", form=form), 422


@bp.get("/accounts/<int:person_id>")
@requires("account.manage")
def account(person_id: int) -> str:
    """A person's account: state, unit, roles, and where they are signed in."""
    person = _person(person_id)
    accounts = accounts_of([person])
    grants = queries.grants_of(person.id, now())
    linked = identities_of(person.id)
    return render_template(
        "admin/account.html",
        person=person,
        account=accounts.get(person.id),
        is_administrator=is_administrator(person.id, now()),
        state=states_of(accounts, [person], now())[person.id],
        linked=linked,
        unit=unit_of(person.id),
        grants=grants,
        left=left_behind(grants, now()),
        scopes=place_names((g.scope_kind, g.scope_id) for g in grants),
        roles=ROLES,
        sessions=[(s, device_of(s.agent)) for s in live_sessions(person.id, now())],
    )


@bp.get("/accounts/<int:person_id>/number")
@requires("account.unmask")
def number(person_id: int) -> str:
    """A person's identity number, in full after a reason was given."""
    person = _person(person_id)
    back = url_for("admin.account", person_id=person_id)
    return number_page(person, back=back, origin=f"人员账号：{person.name}")


@bp.post("/accounts/<int:person_id>/number")
@requires("account.unmask")
@shown_on(number)
def unmask_number(person_id: int) -> Response:
    """Show the number in full, once."""
    return unmask(_person(person_id))


@bp.post("/accounts/<int:person_id>/reset")
@requires("account.manage")
def reset(person_id: int) -> Response:
    """Take the password away; the new one-time link is shown this once (重置)."""
    person = _person(person_id)
    secret = reset_account(_account(person), actor=current_user, now=now())
    return hand_out(person.id, secret, back=url_for("admin.account", person_id=person.id))


@bp.post("/accounts/<int:person_id>/lock")
@requires("account.manage")
def lock(person_id: int) -> Response:
    """Keep everybody out of an account (停用)."""
    person = _person(person_id)
    lock_account(_account(person), actor=current_user, now=now())
    flash(f"{person.name}的账号已停用", "success")
    return see_other(url_for("admin.account", person_id=person.id))


@bp.post("/accounts/<int:person_id>/unlock")
@requires("account.manage")
def unlock(person_id: int) -> Response:
    """Let an account in again (启用、解锁)."""
    person = _person(person_id)
    operations.unlock_account(_account(person), actor=current_user, now=now())
    flash(f"{person.name}的账号已启用", "success")
    return see_other(url_for("admin.account", person_id=person.id))


@bp.post("/accounts/<int:person_id>/sessions/end")
@requires("account.manage")
def end_sessions(person_id: int) -> Response:
    """End every session of a person (强制退出)."""
    person = _person(person_id)
    count = end_all_sessions(person, actor=current_user, now=now())
    flash(f"已退出 {count} 处登录" if count else "此人没有正在使用的登录", "success")
    return see_other(url_for("admin.account", person_id=person.id))


add_entry("系统管理", "人员账号", "person-gear", "admin.accounts", "account.manage", order=20)
