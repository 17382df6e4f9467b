"""What every office does with what a unit's process brings it: pass it or return it (审核)."""

from collections.abc import Callable, Mapping
from typing import Any

from app.engine.handlers import Outcomes, Step


def vet(
    step: Step, answers: Mapping[str, Any], decide: Callable[..., object], record: object
) -> Outcomes:
    """Decide on a record by the operation of its kind; returns the outcomes of the task."""
    approve, opinion = answers["decision"] == "pass", str(answers.get("opinion") or "")
    decide(record, approve=approve, opinion=opinion, actor_id=step.actor_id or 0, now=step.now)
    return {
        "decision": str(answers["decision"]),
        "_outcome": "通过" if approve else "退回",
        "_note": opinion,
    }
