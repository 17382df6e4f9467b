"""Where a unit may stand when it is not a system administrator who says so (HB-U-04)."""

from app.units import areas
from app.units.code_lists import AREA_OFFICES
from app.units.models import Unit
from app.units.tree import Faults, UnitFacts


def faults_of_place(facts: UnitFacts, unit: Unit | None = None) -> Faults:
    """Return by field what keeps a unit from standing where the facts put it.

    A personnel department stands below one, and a unit lies in the area of its superior. Of a
    known `unit` only what would be new is judged.
    """
    found: Faults = {}
    above = facts.parent
    moves = unit is None or (above, facts.area_code) != (unit.parent, unit.area_code)
    is_new = moves or unit is None or unit.type not in AREA_OFFICES
    below_office = above is not None and above.type in AREA_OFFICES
    if facts.type in AREA_OFFICES and is_new and not below_office:
        found["type"] = [f"{facts.type}只能由上级{facts.type}建立"]
    known = facts.area_code in areas.names()
    if above and moves and known and above.area_code not in areas.upwards(facts.area_code):
        gone = above.area_code in areas.abolished()
        first = f"上级单位的属地{above.area_name}，请先变更其属地"
        found["area_code"] = [first if gone else f"属地须在{above.area_name}范围内"]
    return found
