"""Providers of identities (统一身份认证): one administrator enters them, another confirms."""

from typing import Any

from flask import flash, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.queries import names_of
from app.admin.forms import ProviderForm
from app.admin.views import bp
from app.catalogue import jurisdictions
from app.core.clock import now
from app.core.db import begin_writing, current_transaction, db
from app.core.errors import DomainError, Invalid, NotFound
from app.core.faults import show_faults
from app.core.http import see_other, writes_late
from app.core.menu import add_entry
from app.core.permissions import requires
from app.openid import keeping, protocol, queries, web
from app.openid.models import Provider


def _provider(provider_id: int) -> Provider:
    """Return a provider's entry; who writes holds it, so that what was judged is what is kept."""
    writes = current_transaction().write
    provider = db.session.get(
        Provider, provider_id, with_for_update=writes or None, populate_existing=writes
    )
    if provider is None:
        raise NotFound
    return provider


def _list(template: str) -> str:
    found = queries.providers()
    people = {each.changed_by for each in found} | {each.confirmed_by for each in found}
    return render_template(
        template,
        providers=found,
        areas={each.jurisdiction: jurisdictions.get(each.jurisdiction).name for each in found},
        links=queries.links_by_provider(),
        only={each.id: queries.only_way_in(each.id, now()) for each in found},
        names=names_of(people),
        callback=web.callback,
    )


@bp.get("/providers")
@requires("provider.manage")
def providers() -> str:
    """Where people and units sign in by, and whether it is in use (统一身份认证)."""
    return _list("admin/providers.html")


@bp.get("/providers/new")
@requires("provider.manage")
def new_provider() -> str:
    """The form of a new provider."""
    return _form_page(ProviderForm(), None)


def _form_page(form: ProviderForm, provider: Provider | None, **more: Any) -> str:
    form.offer_jurisdictions()
    return render_template(
        "admin/provider_form.html",
        form=form,
        provider=provider,
        links=keeping.links_of(provider) if provider else 0,
        only=queries.only_way_in(provider.id, now()) if provider else 0,
        callback=web.callback(provider.id) if provider else "",
        **{"found": None, "fault": "", **more},
    )


@bp.post("/providers/new")
@requires("provider.manage")
def add_provider() -> Response | tuple[str, int]:
    """Enter a provider; it is not in use yet."""
    return _keep(None)


@bp.get("/providers/<int:provider_id>")
@requires("provider.manage")
def provider(provider_id: int) -> str:
    """A provider's entry, and how to try and change it."""
    kept = _provider(provider_id)
    return _form_page(ProviderForm(obj=kept), kept)


@bp.post("/providers/<int:provider_id>")
@requires("provider.manage")
def change_provider(provider_id: int) -> Response | tuple[str, int]:
    """Change a provider's entry."""
    return _keep(_provider(provider_id))


def _keep(known: Provider | None) -> Response | tuple[str, int]:
    form = ProviderForm(request.form)
    form.offer_jurisdictions()
    if form.validate():
        try:
            kept = keeping.keep_provider(known, form.facts(), actor=current_user, now=now())
        except Invalid as error:
            show_faults(form, error)
        else:
            waits = "" if kept.is_enabled else "，由安全管理员核对后启用"
            flash(f"“{kept.name}”已保存{waits}", "success")
            return see_other(url_for("admin.provider", provider_id=kept.id))
    return _form_page(form, known), 422


@bp.post("/providers/<int:provider_id>/try")
@requires("provider.manage")
@writes_late
def try_provider(provider_id: int) -> str | tuple[str, int]:
    """Fetch a provider's document and keys, and say what was found (测试连接)."""
    settings = protocol.Settings.of(_provider(provider_id))
    web.end_reading()
    found, fault = None, None
    try:
        found = protocol.try_connection(settings)
    except DomainError as error:
        fault = error
    begin_writing()
    kept = _provider(provider_id)
    outcome = fault.message if fault else "连接正常"
    keeping.note_trial(kept, outcome, actor=current_user, now=now())
    page = _form_page(
        ProviderForm(obj=kept), kept, found=found, fault=fault.message if fault else ""
    )
    return page if fault is None else (page, fault.status)


@bp.post("/providers/<int:provider_id>/off")
@requires("provider.manage")
def switch_provider_off(provider_id: int) -> Response:
    """Let nobody in by a provider any more (停用)."""
    kept = _provider(provider_id)
    keeping.switch_off(kept, actor=current_user, now=now())
    flash(f"“{kept.name}”已停用", "success")
    return see_other(url_for("admin.providers"))


@bp.get("/providers/confirm")
@requires("provider.confirm")
def providers_to_confirm() -> str:
    """What stands in each provider's entry, for who puts it into use (启用统一身份认证)."""
    return _list("admin/providers_to_confirm.html")


@bp.post("/providers/<int:provider_id>/confirm")
@requires("provider.confirm")
def confirm_provider(provider_id: int) -> Response:
    """Put a provider into use as it stands; what was changed since the page is looked at again."""
    kept = _provider(provider_id)
    if request.form.get("seen") != kept.changed_at.isoformat():
        flash(f"“{kept.name}”刚刚有修改，请重新核对", "warning")
    else:
        keeping.put_into_use(kept, actor=current_user, now=now())
        flash(f"“{kept.name}”已启用，登录页出现它的按钮", "success")
    return see_other(url_for("admin.providers_to_confirm"))


@bp.post("/providers/<int:provider_id>/stop")
@requires("provider.confirm")
def stop_provider(provider_id: int) -> Response:
    """Let nobody in by a provider any more: who confirmed it may take that back (停用)."""
    kept = _provider(provider_id)
    keeping.switch_off(kept, actor=current_user, now=now())
    flash(f"“{kept.name}”已停用", "success")
    return see_other(url_for("admin.providers_to_confirm"))


add_entry(
    "系统管理",
    "统一身份认证",
    "box-arrow-in-right",
    "admin.providers",
    "provider.manage",
    order=30,
)
add_entry(
    "系统管理",
    "启用统一身份认证",
    "patch-check",
    "admin.providers_to_confirm",
    "provider.confirm",
    order=56,
)
