"""People and units for tests."""

from datetime import date
from itertools import count

from stdnum.cn import ric

from app.accounts.models import Credential, Person, RoleGrant
from app.accounts.operations import create_credential, create_person, grant_role, set_password
from app.accounts.queries import forget_grants
from app.accounts.signing_in import hash_password
from app.accounts.terms import usual_end
from app.core.clock import now
from app.core.db import db, transaction
from app.units.history import begin_period
from app.units.models import ACTIVE, Employment, Unit

PASSWORD = "Qinghe-2026"
_numbers = count(1)


def an_id_number(birth: date = date(1985, 3, 12), *, woman: bool = True) -> str:
    """An identity number that checks, in a county that nobody is born in."""
    sequence = 900 + next(_numbers) * 2 % 98 + (0 if woman else 1)
    body = f"340000{birth:%Y%m%d}{sequence:03d}"
    return body + ric.calc_check_digit(body + "0")


def a_person(
    name: str = "苏晓禾",
    *,
    id_number: str = "",
    gender: str = "女",
    birth: date = date(1985, 3, 12),
    roles: list[tuple[str, str, int | None]] | None = None,
    unit: Unit | None = None,
) -> Person:
    """A person with an account; a `unit` employs them, and makes them an applicant.

    They have confirmed their details, as everybody does at the first sign-in.
    """
    person = create_person(
        name=name, gender=gender, birth_date=birth, id_number=id_number, now=now()
    )
    person.profile_confirmed_at = now()
    create_credential(person, f"person{person.id}", now=now())
    for role, kind, scope_id in roles or []:
        grant_role(person, role, scope_kind=kind, scope_id=scope_id, actor_id=None, now=now())
    if unit is not None:
        grant_role(person, "applicant", scope_kind="all", scope_id=None, actor_id=None, now=now())
        employ(person, unit)
    return person


def person(person_id: int) -> Person:
    """Somebody as they are now."""
    with transaction(write=False):
        return db.session.get_one(Person, person_id)


def with_password(person: Person, login: str) -> Credential:
    """Give somebody's account its name and the password of everybody in tests."""
    account = db.session.query(Credential).filter_by(person_id=person.id).one()
    account.login = login
    set_password(account, hash_password(PASSWORD), now=now())
    return account


def disable(person: Person) -> None:
    """Keep somebody out of their account (停用)."""
    db.session.query(Credential).filter_by(person_id=person.id).one().is_enabled = False
    db.session.flush()


def keepers_of_accounts() -> tuple[Person, Person]:
    """The system administrator and the security administrator."""
    return (
        a_person("庾一鸣", roles=[("system_admin", "all", None)]),
        a_person("阚双全", roles=[("security_admin", "all", None)]),
    )


def employ(person: Person, unit: Unit) -> Employment:
    """Bind a person to a unit that has approved it."""
    bound = Employment(
        person_id=person.id,
        unit_id=unit.id,
        status=ACTIVE,
        requested_at=now(),
        decided_at=now(),
    )
    db.session.add(bound)
    db.session.flush()
    return bound


def a_unit(
    name: str = "云桥区青禾小学",
    *,
    kind: str = "事业单位",
    type_: str = "用人单位",
    area: str = "340602",
    parent: Unit | None = None,
    reports_to: Unit | None = None,
    jurisdiction: str = "anhui",
    clerk: bool = True,
    leader: bool = True,
    superior: bool = False,
) -> Unit:
    """A unit with its clerk and leader; a superior one has the superior pair."""
    unit = Unit(
        name=name,
        kind=kind,
        type=type_,
        area_code=area,
        jurisdiction=jurisdiction,
        parent_id=parent.id if parent else None,
        reports_to_id=(reports_to or parent).id if (reports_to or parent) else None,
        has_leader=leader,
    )
    db.session.add(unit)
    db.session.flush()
    begin_period(unit, "登记", now=now())
    pairs = {"clerk": clerk, "leader": leader}
    for post, wanted in pairs.items():
        if wanted:
            roles = [(f"unit_{post}", "org", unit.id)]
            if superior:
                roles.append((f"superior_{post}", "org", unit.id))
            a_person(
                f"{name[:4]}{'经办' if post == 'clerk' else '领导'}", gender="男", roles=roles
            )
    return unit


def slip_in_role(person: Person, role: str, unit_id: int) -> RoleGrant:
    """Give a role that nobody has beside another of the unit (apart.py), as was possible once."""
    begun = now()
    slipped = RoleGrant(
        person_id=person.id,
        role=role,
        scope_kind="org",
        scope_id=unit_id,
        valid_from=begun,
        valid_to=usual_end(role, begun),
    )
    db.session.add(slipped)
    db.session.flush()
    forget_grants()
    return slipped


def staff(unit: Unit, role: str) -> Person:
    """The person who holds a role in a unit."""
    from app.accounts.queries import people_with_role

    return people_with_role(role, "org", unit.id, now())[0]
