"""Faults of what tasks say about themselves: form, save, role, scope, handler, call."""

from tests.engine.gate_builder import element, service
from tests.engine.gate_faults import CALL_WITHOUT_TARGET, SOUND, Spoiled, calling, task, vet

PROPERTY_FAULTS: dict[str, Spoiled] = {
    "no form and no page": Spoiled("user.form", "vet", vet(form="")),
    "a form and a page": Spoiled("user.form", "vet", vet(page="fill")),
    "an unknown form": Spoiled("user.form", "vet", vet(form="nothing")),
    "an unknown page": Spoiled("user.page", "vet", vet(form="", page="nothing")),
    "no save handler": Spoiled("user.save", "vet", vet(save="")),
    "an unknown save handler": Spoiled("user.save", "vet", vet(save="nothing")),
    "no scope": Spoiled("user.scope", "vet", vet(scope="")),
    "an unknown scope": Spoiled("user.scope", "vet", vet(scope="nothing")),
    "no role": Spoiled("user.role", "vet", vet(role="")),
    "an unknown role": Spoiled("user.role", "vet", vet(role="king")),
    "a role of another lane": Spoiled("user.role", "vet", vet(role="applicant")),
    "no lane": Spoiled("user.lane", "vet", SOUND.but(lanes={"申报人": ["fill"]})),
    "a lane that is no role": Spoiled(
        "user.lane", "vet", SOUND.but(lanes={"申报人": ["fill"], "某人": ["vet"]})
    ),
    "no days at all": Spoiled("user.due", "vet", vet(due="0")),
    "too many days": Spoiled("user.due", "vet", vet(due="201")),
    "days that are no number": Spoiled("user.due", "vet", vet(due="５")),
    "no handler": Spoiled(
        "service.handler", "publish", SOUND.with_(publish=element("serviceTask", "publish"))
    ),
    "an unknown handler": Spoiled(
        "service.handler", "publish", SOUND.with_(publish=service("publish", "nothing"))
    ),
    "two different handlers": Spoiled(
        "service.handler",
        "publish",
        SOUND.with_(
            publish=service("publish").replace(
                "</bpmn:ext", '<spiffworkflow:serviceTaskOperator id="find_voters"/></bpmn:ext'
            )
        ),
    ),
    "a result variable": Spoiled(
        "service.result",
        "publish",
        SOUND.with_(
            publish=service("publish", "find_voters").replace(
                "</bpmn:ext",
                '<spiffworkflow:serviceTaskOperator id="find_voters" resultVariable="x"/>'
                "</bpmn:ext",
            )
        ),
    ),
    "a call of nothing": Spoiled("call.target", "call", CALL_WITHOUT_TARGET),
    "a call of an unknown process": Spoiled("call.target", "call", calling("nothing")),
    "a call of itself": Spoiled("call.cycle", "call", calling("sample")),
    "a decision that is not there": Spoiled("rule.decision", "odd", task("businessRuleTask")),
}
