"""Which values an outcome can have (取值), as the contracts of handlers and forms say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.engine.contracts import UNDECLARED, Answered, Contract
from app.engine.contracts import Values as Given
from app.engine.gate.diagram import Node
from app.engine.gate.known import Known
from rules.conditions import Values

_WORDS: dict[type, str] = {str: "文字", int: "整数", list: "列表"}


def united(found: Iterable[Values]) -> Values:
    """Return what one of several givers may give; anything where one of them may."""
    together: list[object] = []
    types: set[type] = set()
    for each in found:
        if each is None:
            return None
        if isinstance(each, type):
            types.add(each)
        else:
            together += each
    if not types:
        # True and 1 are two values.
        return tuple({(type(value), value): value for value in together}.values())
    (one, *others) = types
    same = not others and all(isinstance(value, one) for value in together)
    return one if same else None


def _plain(given: Given) -> Values:
    return given if isinstance(given, type) else tuple(given)


@dataclass(frozen=True, slots=True)
class Deal:
    """What is agreed on at a task: its contract, and what its form asks for."""

    contract: Contract
    # What people can choose; None where that is not known, as on pages.
    asked: tuple[str, ...] | None = None

    @property
    def gives(self) -> dict[str, Values] | None:
        """Return the outcomes of the task with their values; None where nothing is declared."""
        if self.contract.gives is None:
            return None
        dealt = {name: self._values(name, given) for name, given in self.contract.gives.items()}
        # A form that asks for no decision gets none.
        return {name: values for name, values in dealt.items() if values != ()}

    def _values(self, name: str, given: Given) -> Values:
        if given is Answered:
            return self.asked
        values = _plain(given)
        if name != "decision" or self.asked is None or not isinstance(values, tuple):
            return values
        return tuple(value for value in values if value in self.asked)


def deal_of(node: Node, known: Known) -> Deal | None:
    """Return what is agreed on at a user or service task; None where it names nothing known."""
    if node.kind == "serviceTask":
        contract = known.services.get(node.properties.get("handler", ""))
        return None if contract is None else Deal(contract)
    contract = known.saves.get(node.properties.get("save", ""))
    if contract is None:
        return None
    form = known.forms.get(node.properties.get("form", ""))
    return Deal(contract, None if form is None else form.decisions)


def values_set_in(
    node: Node, known: Known, decisions: Mapping[str, Mapping[str, Values]], asked: str
) -> Mapping[str, Values]:
    """Return the values of what a node gives, by name; a name that is missing can be anything."""
    if node.kind == "businessRuleTask":
        return decisions.get(asked, {})
    if node.kind == "callActivity":
        called = known.processes.get(node.element.get("calledElement", ""))
        return {} if called is None else called.values
    if node.kind in {"userTask", "manualTask", "serviceTask"}:
        deal = deal_of(node, known) or Deal(UNDECLARED)
        return deal.gives or {}
    return {}


def worded(values: Values) -> str:
    """Return values as people read them."""
    if isinstance(values, type):
        return _WORDS.get(values, values.__name__)
    return "、".join(literal(value) for value in values or ())


def literal(value: object) -> str:
    """Return a value as it is written in an expression."""
    return f'"{value}"' if isinstance(value, str) else repr(value)
