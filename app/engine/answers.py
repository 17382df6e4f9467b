"""The save handler of nodes that name none: answers are kept as they came (通用保存)."""

from collections.abc import Mapping

from app.core.db import db
from app.engine.contracts import Answered, Contract
from app.engine.handlers import OPINION, OUTCOME_WORD, Outcomes, Step, save
from app.engine.models import StepAnswers
from app.engine.task_forms import word_of

RECORD_ANSWERS = "record_answers"
_WORDS = {"pass": "通过", "return": "退回", "terminate": "终止"}


@save(RECORD_ANSWERS, Contract(gives={"decision": Answered}, repeats=True))
def record_answers(step: Step, answers: Mapping[str, object]) -> Outcomes:
    """Store the answers of a step and return its decision and opinion, if it asked for them."""
    if step.item is None:
        raise ValueError("only a work item has answers")
    row = StepAnswers(work_item_id=step.item.id, answers=dict(answers), at=step.now)
    db.session.add(row)
    decision, opinion = answers.get("decision"), answers.get("opinion")
    outcomes: Outcomes = {}
    if isinstance(decision, str):
        word = word_of(step.item, decision) or _WORDS.get(decision, decision)
        outcomes = {"decision": decision, OUTCOME_WORD: word}
    if isinstance(opinion, str):
        outcomes[OPINION] = opinion
    return outcomes
