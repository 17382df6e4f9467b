"""What declarations leave behind with a unit: it closes, or somebody goes to another one."""

from datetime import datetime

from app.declarations import queries
from app.units.closing import register_obstacle
from app.units.models import Unit
from app.units.moving import register_under_way


@register_obstacle
def declarations_of_unit(unit_id: int, _now: datetime) -> tuple[int, str]:
    """Declarations of the unit's people that come, or come back, before it."""
    return queries.unsettled_at(unit_id), "件本单位人员的申报尚未审结"


@register_under_way
def declarations_of_person(person_id: int, unit: Unit) -> tuple[int, str]:
    """Declarations of somebody that their unit reviews to the end, wherever they go."""
    return queries.unsettled_at(unit.id, person_id), "件申报"


@register_obstacle
def declarations_organised(unit_id: int, _now: datetime) -> tuple[int, str]:
    """Declarations that wait for the review that the unit organises."""
    return queries.unreviewed_by(unit_id), "件申报等待本单位组织评审"
