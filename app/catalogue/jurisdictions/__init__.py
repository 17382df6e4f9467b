"""Jurisdictions are data: one TOML file each, named by its id."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.core.errors import NotFound

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Certificate:
    """How certificates of a jurisdiction are numbered, and where they hold."""

    number_pattern: str
    region: str
    validity_area: str


@dataclass(frozen=True)
class Jurisdiction:
    """The settings in which provinces, cities and self-reviewing units differ."""

    id: str
    name: str
    education_flag: str
    change_of_specialty: str
    immutable_fields: tuple[str, ...]
    declaration_kinds: tuple[str, ...]
    publicity_workdays: int
    unit_publicity_workdays: int
    correction_workdays: int
    evaluation_form_appears: str
    recused_in_denominator: bool
    max_series: int
    opens_accounts_by_sign_on: bool
    opens_accounts_by_registration: bool
    certificate: Certificate


@cache
def get(jurisdiction: str) -> Jurisdiction:
    """Return the settings of a jurisdiction; NotFound for one without a file."""
    path = FOLDER / f"{jurisdiction}.toml"
    if not path.is_file() or path.parent != FOLDER:
        raise NotFound(f"未配置的地区：{jurisdiction}")
    settings = tomllib.loads(path.read_text(encoding="utf-8"))
    lists = {k: tuple(v) for k, v in settings.items() if isinstance(v, list)}
    certificate = Certificate(**settings.pop("certificate"))
    return Jurisdiction(id=jurisdiction, certificate=certificate, **{**settings, **lists})


def all_ids() -> list[str]:
    """Return the ids of all jurisdictions that have a file."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))
