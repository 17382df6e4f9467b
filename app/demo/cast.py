"""Who plays: units, staff, experts and applicants, entered as an office would."""

import io
from collections.abc import Mapping
from datetime import date
from typing import Any

from app.accounts.models import Credential, Person
from app.accounts.operations import (
    bar_person,
    create_credential,
    create_person,
    grant_role,
    reset_credential,
    set_photo,
)
from app.catalogue.queries import series_by_name
from app.core import storage
from app.core.clock import now
from app.core.db import db, transaction
from app.core.numbers import birth_and_gender
from app.core.permissions import ROLES
from app.core.uploads import PHOTO, Policy
from app.demo.paperwork import PLANS, personal_of
from app.demo.pictures import paper, portrait
from app.demo.stage import Stage, read_data
from app.engine import runtime
from app.experts.models import ExpertProfile
from app.people.operations import save_profile
from app.units import posts, tree
from app.units.models import Unit
from app.units.operations import request_binding
from app.units.process import BINDING


def enter_units(stage: Stage, units: str = "units", staff: str = "staff") -> None:
    """Enter the unit tree of a data file, and the staff of every unit from another."""
    data = read_data(units)
    with transaction():
        for row in data["unit"]:
            above = {
                name: db.session.get(Unit, stage.units.get(row.get(name, ""), 0))
                for name in ("parent", "reports_to")
            }
            facts = tree.UnitFacts(
                name=row["name"],
                type=row["type"],
                kind=row["kind"],
                area_code=row["area"],
                jurisdiction=data["jurisdiction"],
                credit_code=row.get("credit_code", ""),
                has_leader=row.get("has_leader", True),
                **above,
            )
            unit = tree.create_unit(facts, actor_id=None, now=now())
            stage.units[row["id"]] = unit.id
        for row in read_data(staff)["staff"]:
            _enter_staff(stage, row)
        for row in data.get("posts", ()):
            _enter_posts(stage, row)


def _enter_posts(stage: Stage, row: Mapping[str, Any]) -> None:
    """Enter the approved posts of a 事业单位, with a drawn table of them."""
    unit, actor = db.session.get_one(Unit, stage.units[row["unit"]]), stage.person(row["by"])
    lines = tuple(f"{level}：核定 {n}，已聘 {m}" for level, (n, m) in row["counts"].items())
    table = io.BytesIO(paper("事业单位岗位核准表", (unit.name, *lines)))
    file = storage.stage(table, "岗位核准表.jpg", Policy(), owner_id=actor.id, now=now())
    counts = {level: (n, m) for level, (n, m) in row["counts"].items()}
    posts.submit_sheet(unit, posts.Entry(counts, file.id), actor=actor, now=now())


def _open_account(stage: Stage, person: Person, login: str, roles: str, unit: str) -> None:
    account, _ = create_credential(person, login, now=now())
    # Applicants sign in with their identity number, which is no login name.
    name = account.login if login else person.id_number
    stage.accounts.append((account.id, name, f"{person.name}（{roles}）", unit))


def hand_out_accounts(stage: Stage) -> list[tuple[str, str, str, str]]:
    """Give everybody a new activation secret, at the end: its days count from then.

    Returns what each signs in with, who they are, their unit and secret.
    """
    with transaction():
        return [
            (name, who, unit, reset_credential(_account(account_id), actor=None, now=now()))
            for account_id, name, who, unit in stage.accounts
        ]


def _account(account_id: int) -> Credential:
    return db.session.get_one(Credential, account_id)


def _enter_staff(stage: Stage, row: Mapping[str, Any]) -> None:
    person = create_person(name=row["name"], now=now())
    stage.people[row["login"]] = person.id
    unit_id = stage.units.get(row.get("unit", ""))
    unit = db.session.get(Unit, unit_id) if unit_id else None
    names = "、".join(ROLES[role] for role in row["roles"])
    _open_account(stage, person, row["login"], names, unit.name if unit else "全平台")
    for role in row["roles"]:
        grant_role(
            person,
            role,
            scope_kind="org" if unit else "all",
            scope_id=unit_id,
            actor_id=None,
            now=now(),
        )


def enter_experts(stage: Stage) -> None:
    """Enter the experts of the pool."""
    with transaction():
        for row in read_data("experts_2025")["expert"]:
            born, gender = birth_and_gender(row["id_number"])
            person = create_person(
                name=row["name"],
                gender=gender,
                id_number=row["id_number"],
                birth_date=born,
                now=now(),
            )
            stage.people[row["id"]] = person.id
            login = f"ah.{row['id'].lower()}"
            _open_account(stage, person, login, "评审专家", row["unit_name"])
            grant_role(person, "expert", scope_kind="all", scope_id=None, actor_id=None, now=now())
            db.session.add(
                ExpertProfile(
                    person_id=person.id,
                    unit_name=row["unit_name"],
                    specialty=row["specialty"],
                    keeper_unit_id=stage.units[read_data("plan")["organiser"]],
                )
            )


def enter_applicant(stage: Stage, row: Mapping[str, Any], *, photo: bool = True) -> int:
    """Enter an applicant and bind them to their unit by the process; returns the person's id."""
    with transaction():
        person = create_person(
            name=row["name"],
            gender=row["gender"],
            id_number=row["id_number"],
            birth_date=birth_and_gender(row["id_number"])[0],
            phone=row.get("phone", ""),
            now=now(),
        )
        key = row.get("id", "golden")
        stage.people[key] = person.id
        grant_role(person, "applicant", scope_kind="all", scope_id=None, actor_id=None, now=now())
        unit = db.session.get_one(Unit, stage.units[row["unit"]])
        _open_account(stage, person, "", "申报人", unit.name)
        _tell_details(person, key, unit)
        if photo:
            give_photo(person)
        binding = request_binding(person, unit, "本单位在职人员", now=now())
        runtime.start(
            "unit_binding",
            business=(BINDING, binding.id),
            jurisdiction=unit.jurisdiction,
            actor_id=person.id,
            now=now(),
        )
        person_id, business = person.id, (BINDING, binding.id)
    stage.act(business, "vet_binding", {"decision": "pass", "opinion": "情况属实"})
    return person_id


def _tell_details(person: Person, key: str, unit: Unit) -> None:
    """Confirm what the person would at the first sign-in; numbers and addresses are invented."""
    no, written = person.id, personal_of(key)
    series = series_by_name(read_data(PLANS.get(key[0], "plan"))["series"])
    told = {
        "ethnicity": written.get("ethnicity", "汉族"),
        "politics": written.get("politics", "群众"),
        "identity_kind": "事业单位人员" if unit.is_public_institution else "企业人员",
        "work_started_on": written.get("work_started_on", "2008-08-01"),
        "education": "大学本科",
        "degree": "学士",
        "phone": person.phone or f"1390000{no:04d}",
        "email": f"person{no}@example.com",
        "address": f"{unit.name}宿舍区 {no} 号（演示）",
        "series": [series.id] if series else [],
    }
    save_profile(person, told, now=now())


def give_photo(person: Person) -> None:
    """Give a person a portrait, cropped as the page would."""
    picture = io.BytesIO(portrait(person.name, person.gender))
    file = storage.stage(picture, "证件照.jpg", PHOTO, owner_id=person.id, now=now())
    set_photo(person, storage.link(file).id, now=now())


def make_administrator(stage: Stage, key: str, unit_key: str) -> None:
    """Make an applicant the only administrator of their unit (edge: who reviews them?)."""
    with transaction():
        for role in ("unit_admin", "unit_clerk"):
            grant_role(
                stage.person(key),
                role,
                scope_kind="org",
                scope_id=stage.units[unit_key],
                actor_id=None,
                now=now(),
            )


def bar(stage: Stage, key: str, *, since: date, until: date) -> None:
    """Enter an integrity record."""
    with transaction():
        bar_person(
            stage.person(key),
            since=since,
            until=until,
            reason="提供虚假业绩材料",
            actor_id=None,
            now=now(),
        )
