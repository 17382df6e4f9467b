"""单位注册: the public pages by which a unit asks, mends and begins; the office's list."""

from collections.abc import Mapping, Sequence

from flask import flash, render_template, request, session, url_for
from flask_login import current_user
from sqlalchemy import Select, select
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from app.accounts.addresses import TooManyTries
from app.accounts.public_forms import PublicForm
from app.accounts.views import visitor_address
from app.core.clock import now
from app.core.crypto import keyed_hash
from app.core.db import begin_writing, db
from app.core.errors import Conflict, Invalid, NotFound, TooLarge, gathered
from app.core.faults import judged, show_faults
from app.core.http import grants, page_of, see_other, writes_late
from app.core.menu import add_entry
from app.core.numbers import folded_credit_code
from app.core.permissions import requires
from app.core.storage import Kept, lay, prepare
from app.engine import deadlines, runtime
from app.units import asking, evidence, queries, registering, tree
from app.units.flow import flow_log
from app.units.forms import RegistrationForm
from app.units.models import PENDING, RETURNED, Unit, UnitRegistration
from app.units.offices import VETS
from app.units.request_process import REGISTRATION, registration_record
from app.units.web import bp

KEPT, PAGE = "unit_registration", "mend_registration"
PROOF = PublicForm("unit", free=5)
UPLOADS = PublicForm("unit evidence", free=10)
PLACELESS = {"kind", "type", "credit_code", "login", "admin_phone"}
"""What can be judged of a registration before it is known where the unit will stand."""
STATES = {
    "pending": ("待审核", "warning"),
    "returned": ("已退回", "danger"),
    "approved": ("已通过", "success"),
    "lapsed": ("已终止", "secondary"),
}


@bp.get("/unit/register")
@requires("unit.register")
def registration() -> str:
    """The form of a unit that is not known yet (单位注册), with the code that a sign-in told."""
    told = {"credit_code": request.args.get("credit_code", "")}
    return _registration_page(RegistrationForm(data=told), None)


def _registration_page(form: RegistrationForm, asked: UnitRegistration | None) -> str:
    form.offer(queries.provinces())
    challenge = None if asked else PROOF.challenge()
    return render_template("units/register.html", form=form, asked=asked, challenge=challenge)


@bp.post("/unit/register")
@requires("unit.register")
def register() -> Response | tuple[str, int]:
    """Take a registration in; its number is shown once."""
    form, moment = RegistrationForm(request.form), now()
    try:
        # Counted before anything is told: a form could ask which units are known.
        PROOF.take()
    except TooManyTries as error:
        form.validate()
        return _refused(form, None, error)
    if _holds(form, UnitRegistration()):
        try:
            address = keyed_hash(f"address:{visitor_address()}")
            entry = _entry(form, _superior(form))
            asked, receipt = registering.register_unit(entry, address=address, now=moment)
        except (Invalid, registering.TooManyRegistrations) as error:
            return _refused(form, None, error)
        runtime.start(
            "unit_registration",
            business=(REGISTRATION, asked.id),
            jurisdiction=asked.office.jurisdiction,
            actor_id=asked.person_id,
            now=moment,
        )
        session[KEPT] = receipt
        flash("注册申请已提交，请记下受理号，凭受理号查询审核结果、修改和领取账号", "success")
        return see_other(url_for("units.registration_state"))
    return _registration_page(form, None), 422


def _refused(
    form: RegistrationForm,
    asked: UnitRegistration | None,
    error: Invalid | registering.TooManyRegistrations | TooManyTries,
) -> tuple[str, int]:
    if isinstance(error, Invalid):
        show_faults(form, Invalid(errors=_as_typed(error.errors)) if error.errors else error)
    else:
        form.form_errors = [*form.form_errors, error.message]
    return _registration_page(form, asked), error.status


def _as_typed(faults: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Return faults at the fields of the page: what the tree calls parent is the superior."""
    return {"superior" if name == "parent" else name: texts for name, texts in faults.items()}


def _superior(form: RegistrationForm) -> Unit | None:
    """Return the superior that was typed; Invalid where it cannot be told."""
    try:
        return queries.unit_called(form.superior.data or "")
    except Invalid as error:
        raise Invalid(error.message, field="superior") from error


def _holds(form: RegistrationForm, asked: UnitRegistration) -> bool:
    """Judge the form with all that the tree says of it; nothing of the place without it."""

    def check() -> None:
        faults = gathered(lambda: _superior(form))
        superior = None if faults else _superior(form)
        found = registering.faults_of(asked, _entry(form, superior), now())
        told = {name: found[name] for name in found if name in PLACELESS} if faults else found
        if faults or told:
            raise Invalid(errors={**_as_typed(told), **faults})

    return judged(form, check)


def _entry(form: RegistrationForm, superior: Unit | None) -> registering.Entry:
    """Return what the form says."""
    facts = tree.UnitFacts(
        name=form.name.data or "",
        type=form.type.data or "",
        kind=form.kind.data or "",
        area_code=form.area_code.data or "",
        jurisdiction="",
        parent=superior,
        credit_code=form.credit_code.data or "",
        has_leader=False,
    )
    return registering.Entry(
        facts,
        legal_person=form.legal_person.data or "",
        admin_name=form.admin_name.data or "",
        admin_phone=form.admin_phone.data or "",
        login=form.login.data or "",
        note=form.note.data or "",
    )


def _kept() -> UnitRegistration | None:
    return registering.find(str(session.get(KEPT, "")))


@bp.get("/unit/register/state")
@requires("unit.register")
def registration_state() -> str:
    """How a registration stands, for who has its number."""
    return _state_page("")


def _state_page(message: str, fault: str = "") -> str:
    asked = _kept()
    return render_template(
        "units/registration_state.html",
        asked=asked,
        mended_by=deadlines.next_due(REGISTRATION, asked.id) if asked else None,
        receipt=session.get(KEPT, ""),
        message=message,
        states=STATES,
        login=registering.login_of(asked) if asked else "",
        activated=asked is not None and registering.is_activated(asked),
        sent=evidence.files_of((REGISTRATION, asked.id)) if asked else [],
        policy=evidence.POLICY,
        fault=fault,
        challenge=UPLOADS.challenge(),
    )


@bp.post("/unit/register/state")
@requires("unit.register")
def look_up() -> Response | tuple[str, int]:
    """Open a registration by its number, which no address of a page carries."""
    number = request.form.get("number", "").strip().upper()
    session[KEPT] = number
    if registering.find(number) is None:
        return _state_page("没有这个受理号，请核对后重试"), NotFound.status
    return see_other(url_for("units.registration_state"))


@bp.post("/unit/register/evidence")
@writes_late
@requires("unit.register")
def add_evidence() -> Response | tuple[str, int]:
    """Add a document to a registration, for who holds its number, until it is decided."""
    asked = _open_to_evidence()
    try:
        UPLOADS.check()
        kept = _prepared()
        begin_writing()
        UPLOADS.take()
        _add_file(asked, kept)
    except (Invalid, TooLarge, TooManyTries) as error:
        return _state_page("", error.message), error.status
    flash("佐证材料已上传", "success")
    return see_other(url_for("units.registration_state"))


def _open_to_evidence() -> UnitRegistration:
    asked = _kept()
    if asked is None or asked.status not in {PENDING, RETURNED}:
        raise NotFound("没有可以补充材料的注册申请，请先凭受理号查询")
    return asked


def _prepared() -> Kept:
    """Clean what was sent; a file that is refused counts as a try too."""
    try:
        file = _sent()
        return prepare(file.stream, file.filename or "", evidence.POLICY)
    except (Invalid, TooLarge):
        begin_writing()
        UPLOADS.take()
        raise


def _sent() -> FileStorage:
    file = request.files.get("file")
    if file is None or not file.filename:
        raise Invalid("请选择文件", field="file")
    return file


def _add_file(asked: UnitRegistration, kept: Kept) -> None:
    """Add a file to a registration: several that come together do so one after another."""
    business = (REGISTRATION, asked.id)
    asking.hold(business, asked)
    _open_to_evidence()
    known = [each.id for each in evidence.files_of(business)]
    if len(known) >= evidence.POLICY.max_count:
        raise Invalid(f"佐证材料最多上传 {evidence.POLICY.max_count} 个", field="file")
    owner_id = asked.person_id
    evidence.attach(business, [*known, lay(kept, owner_id=owner_id, now=now()).id], owner_id)


def _held() -> UnitRegistration:
    """Return the registration that is mended, locked; Conflict for one that was sent already."""
    asked = _kept()
    if asked is not None:
        asking.hold((REGISTRATION, asked.id), asked)
        if asked.status == PENDING:
            raise Conflict("注册申请已提交，正在审核，请凭受理号查询结果")
    return _returned()


def _returned() -> UnitRegistration:
    asked = _kept()
    if asked is None or asked.status != RETURNED:
        raise NotFound("没有可以修改的注册申请，请先凭受理号查询")
    return asked


@bp.get("/unit/register/mend")
@requires("unit.register")
def mending() -> str:
    """The form of a returned registration, as it was sent."""
    asked = _returned()
    said = {name: getattr(asked, name) for name in RegistrationForm().data}
    said["superior"] = queries.label_of(asked.superior) if asked.superior else ""
    return _registration_page(RegistrationForm(data=said), asked)


@bp.post("/unit/register/mend")
@requires("unit.register")
def mend() -> Response | tuple[str, int]:
    """Send a returned registration again."""
    asked, form, moment = _held(), RegistrationForm(request.form), now()
    if _holds(form, asked):
        try:
            registering.mend(asked, _entry(form, _superior(form)), now=moment)
        except Invalid as error:
            return _refused(form, asked, error)
        item = asking.task_of_page((REGISTRATION, asked.id), PAGE)
        if item is None:
            raise Conflict
        runtime.complete(item, {}, actor_id=asked.person_id, now=moment)
        flash("已重新提交，等待审核", "success")
        return see_other(url_for("units.registration_state"))
    return _registration_page(form, asked), 422


@bp.post("/unit/register/activation")
@requires("unit.register")
def claim_activation() -> Response:
    """Lead who holds the number of an approved registration to the activation (领取账号)."""
    asked = _kept()
    if asked is None:
        raise NotFound
    secret = registering.hand_over_activation(asked, now=now())
    return see_other(url_for("accounts.activation", secret=secret))


@bp.get("/unit/registrations")
@requires("unit.vet_units")
def registrations() -> str:
    """Registrations that the reviewer's units vet (单位注册审核)."""
    found = _vetted_here()
    status, text = request.args.get("status", ""), request.args.get("q", "").strip()
    if status:
        found = found.where(UnitRegistration.status == status)
    if text:
        named = UnitRegistration.name.contains(text, autoescape=True)
        found = found.where(named | (UnitRegistration.credit_code == folded_credit_code(text)))
    page = page_of(found.order_by(UnitRegistration.id.desc()))
    asked = [each.id for each in page.items if each.status == PENDING]
    waiting = queries.open_tasks_of(REGISTRATION, asked)
    return render_template("units/registrations.html", page=page, tasks=waiting, states=STATES)


def _vetted_here() -> Select[tuple[UnitRegistration]]:
    """Select the registrations that come to the units of the person of this request."""
    offices = [g.scope_id for g in grants() if g.scope_kind == "org" and g.role == VETS]
    return select(UnitRegistration).where(UnitRegistration.office_id.in_(offices))


@bp.get("/unit/registrations/<int:registration_id>")
@requires("unit.vet_units")
def show_registration(registration_id: int) -> str:
    """A registration and its course, decided or not, for the office it came to."""
    wanted = _vetted_here().where(UnitRegistration.id == registration_id)
    asked = db.session.scalars(wanted).first()
    if asked is None:
        raise NotFound
    return render_template(
        "units/show_registration.html",
        record=registration_record(asked.id, current_user),
        states=STATES,
        log=flow_log((REGISTRATION, asked.id)),
    )


add_entry("单位审核", "单位注册审核", "building-check", "units.registrations", "unit.vet_units")
