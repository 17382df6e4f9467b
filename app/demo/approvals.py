"""How offices pass a declaration upward, each by its clerk and its leader."""

from datetime import date, timedelta
from typing import Any

from app.catalogue.queries import workdays_after
from app.core.clock import now
from app.core.db import transaction
from app.declarations.queries import BUSINESS, get_declaration
from app.demo.stage import Stage
from app.units.flow import open_items

PASS = {"decision": "pass", "opinion": "材料齐全，同意上报"}
ENDORSE = {"decision": "pass", "opinion": "同意"}


def recommendation(
    stage: Stage, declaration_id: int, *, since: date | None = None
) -> dict[str, Any]:
    """Publicise inside the unit for five working days, then recommend.

    The publicity begins on the working day after `since`, else after today; the clock moves on
    until it has ended.
    """
    with transaction(write=False):
        today = now().date()
        first = workdays_after(since or today, 1)
        last = workdays_after(first, 5)
        is_counted = get_declaration(declaration_id).unit.is_public_institution
    if last >= today:
        stage.at(last + timedelta(days=1))
    return {
        "decision": "pass",
        "publicity_from": first.isoformat(),
        "publicity_to": last.isoformat(),
        "recommendation": "经单位公示无异议，同意推荐",
        "opinion": "申报材料真实，符合申报条件",
        "uses_post": "yes" if is_counted else "",
        "quota_note": "占用本单位副高级岗位 1 个" if is_counted else "",
    }


def pass_unit(stage: Stage, declaration_id: int, answers: dict[str, Any]) -> None:
    """The unit recommends, its leader where it has one agrees."""
    business = (BUSINESS, declaration_id)
    stage.act(business, "vet_declaration", answers)
    if _waits_at(declaration_id, "endorse_declaration"):
        stage.act(business, "endorse_declaration", ENDORSE)


def pass_superiors(stage: Stage, declaration_id: int, *, levels: int | None = None) -> None:
    """Every superior office passes it on, or only the first `levels` of them."""
    done = 0
    while _waits_at(declaration_id, "vet_forwarded") and done != levels:
        stage.act((BUSINESS, declaration_id), "vet_forwarded", PASS)
        if _waits_at(declaration_id, "endorse_forwarded"):
            stage.act((BUSINESS, declaration_id), "endorse_forwarded", ENDORSE)
        done += 1


def accept(stage: Stage, declaration_id: int) -> None:
    """The organiser accepts it for the committee."""
    answers = {"decision": "pass", "opinion": "材料符合要求，予以受理"}
    stage.act((BUSINESS, declaration_id), "accept_declaration", answers)


def _waits_at(declaration_id: int, node: str) -> bool:
    with transaction(write=False):
        return any(item.node == node for item in open_items((BUSINESS, declaration_id)))
