"""Laws between the tables of units."""

from sqlalchemy import select

from app.core.db import db
from app.core.invariants import invariant
from app.units.code_lists import AREA_OFFICES
from app.units.models import ACTIVE, Employment, Unit, UnitPeriod


@invariant("自由职业者绑定在人社部门")
def freelancers_belong_to_personnel_departments() -> list[str]:
    """A freelancer's declarations are vetted by the personnel department of an area."""
    astray = (
        select(Employment.id)
        .join(Unit, Unit.id == Employment.unit_id)
        .where(
            Employment.is_freelancer, Employment.status == ACTIVE, Unit.type.not_in(AREA_OFFICES)
        )
    )
    told = "是自由职业者，所在单位不是人社部门"
    return [f"绑定 {number} {told}" for number in db.session.scalars(astray)]


@invariant("人员绑定的单位没有关闭")
def nobody_is_bound_to_a_closed_unit() -> list[str]:
    """Who is bound to a unit has somebody who vets what they send up."""
    astray = (
        select(Employment.id)
        .join(Unit, Unit.id == Employment.unit_id)
        .where(Employment.status == ACTIVE, Unit.closed_at.is_not(None))
    )
    return [f"绑定 {number} 的单位已关闭" for number in db.session.scalars(astray)]


@invariant("单位沿革的最后一段与单位现状一致")
def the_last_period_tells_what_a_unit_is() -> list[str]:
    """What is kept as going on is what the unit is called now; a closed unit's past has ended."""
    other = (
        select(Unit.id)
        .join(UnitPeriod, UnitPeriod.unit_id == Unit.id)
        .where(UnitPeriod.valid_to.is_(None))
        .where(
            (UnitPeriod.name != Unit.name)
            | (UnitPeriod.type != Unit.type)
            | (UnitPeriod.kind != Unit.kind)
            | (UnitPeriod.area_code != Unit.area_code)
            | UnitPeriod.parent_id.is_distinct_from(Unit.parent_id)
        )
    )
    return [f"单位 {number} 的沿革与现状不一致" for number in db.session.scalars(other)]
