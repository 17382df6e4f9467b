"""What offices and units do in every process of a unit: pass or return, ask again or give up."""

from collections.abc import Callable, Mapping
from typing import Any

from app.engine.contracts import Values
from app.engine.handlers import Outcomes, Step

AGAIN, DROP = "again", "drop"
VETTED: dict[str, Values] = {"decision": {"pass": "通过", "return": "退回"}}
MENDED: dict[str, Values] = {"decision": {AGAIN: "重新提交", DROP: "放弃"}}
"""The outcomes of `vet` and `mend`."""


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


def mend(
    step: Step, answers: Mapping[str, Any], drop: Callable[..., object], record: object
) -> Outcomes:
    """Let a unit ask again, as it wrote on its page, or give a returned change up (放弃)."""
    if answers.get("decision") == AGAIN:
        return {"decision": AGAIN, "_outcome": "重新提交"}
    drop(record, "单位放弃变更", actor_id=step.actor_id, now=step.now)
    return {"decision": DROP, "_outcome": "放弃变更"}
