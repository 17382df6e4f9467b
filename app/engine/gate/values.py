"""Which values an outcome can have (取值), as the contracts of handlers and forms say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from app.engine.contracts import DECISION, UNDECLARED, Answered, Contract, Moment
from app.engine.contracts import Values as Given
from app.engine.gate.diagram import Node
from app.engine.gate.known import Known
from rules.conditions import Values

Words = Mapping[Any, str]
"""What people call the values of an outcome."""

_WORDS: dict[type, str] = {str: "文字", int: "整数", list: "列表", Moment: "时刻"}
_TRUTHS = {True: "是", False: "否"}


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
        if name != DECISION or self.asked is None or not isinstance(values, tuple):
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


def words_for(name: str, ours: frozenset[str], known: Known) -> Words:
    """Return what people call the values of an outcome in these businesses: on forms, in logs."""
    givers = {**known.saves, **known.services}
    mine = {key: each for key, each in givers.items() if ours.intersection(each.serves)}
    given = [(each.gives or {}).get(name) for each in mine.values()]
    told: list[Words] = [words for words in given if isinstance(words, Mapping)]
    if name == DECISION:
        told += [asking.words for asking in known.forms.values() if asking.save in mine]
    return {value: word for words in told for value, word in words.items()}


def worded(values: Values, words: Words = MappingProxyType({})) -> str:
    """Return values as people read them, each with what it is called."""
    if isinstance(values, type):
        return _WORDS.get(values, values.__name__)
    return "、".join(called(value, words) for value in values or ())


def called(value: object, words: Words) -> str:
    """Return a value as it is written, with what people call it."""
    named: Words = _TRUTHS if isinstance(value, bool) else words
    word = named.get(value, "")
    return f"{literal(value)}（{word}）" if word not in {"", value} else literal(value)


def literal(value: object) -> str:
    """Return a value as it is written in an expression; nothing is called so."""
    if value is None:
        return "空值"
    return f'"{value}"' if isinstance(value, str) else repr(value)
