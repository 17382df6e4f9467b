"""Who judges what one of the same role has judged may be the same person: it is asked about."""

import pytest

from app.engine.gate.inspection import inspect
from tests.engine.gate_builder import KNOWN, LANES, Drawing, flow, user
from tests.engine.gate_business_faults import ASKED_BETWEEN, KEPT_ONLY
from tests.engine.gate_state_faults import SEEN

WARNED = [("warning", "task.apart", "vet")]


def judged_again(**changes: str) -> Drawing:
    """What one has passed is judged by a second one; who returns it lets the first judge anew."""
    values = {name: value for name, value in {**KEPT_ONLY, **changes}.items() if value}
    return ASKED_BETWEEN.with_(
        vet=user("vet", values, name="单位复核"),
        is_good_to_fill=flow("is_good", "first", 'decision == "return"'),
    )


CASES = {
    "the same role": (judged_again(apart=""), WARNED),
    "another person": (judged_again(apart="first"), []),
    "another place": (judged_again(apart="", scope="own_desk"), []),
    "who decides nothing": (
        judged_again(apart="", form="look_only", outcomes="").with_(
            vet_to_is_good=flow("vet", "publish"),
            **dict.fromkeys(("is_good", "is_good_to_fill", "is_good_to_publish"), ""),
        ),
        [],
    ),
    "somebody between": (
        judged_again(apart="")
        .with_(
            is_fit_to_vet=flow("is_fit", "seen", ident="is_fit_to_vet"),
            seen=user("seen", {**SEEN, "role": "applicant"}, name="说明"),
            seen_to_vet=flow("seen", "vet"),
        )
        .but(lanes={**LANES, "申报人": ["fill", "seen"], "单位经办人": ["first", "vet"]}),
        [],
    ),
}


@pytest.mark.parametrize(("drawing", "found"), CASES.values(), ids=CASES)
def test_a_second_look_by_the_same_role_is_asked_about(
    drawing: Drawing, found: list[tuple[str, str, str]]
) -> None:
    told = inspect({"sample.bpmn": drawing.bytes()}, known=KNOWN).findings
    assert [(each.severity, each.rule, each.element) for each in told] == found
    assert all("apart 填为 first" in each.hint for each in told)
