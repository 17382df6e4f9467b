"""What is known of the data where a decision leads (去向), as far as conditions can be told.

The states of records (`ways.py`) are followed with it; a decision stays as it was taken.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from app.engine.gate.decisions import Decision, asked_by
from app.engine.gate.diagram import Flow, Node
from app.engine.gate.graph import reach
from app.engine.gate.variables import Variables, words_of
from rules.conditions import Effort, outcome_of
from rules.expression import ExpressionError, compile_expression

World = frozenset[tuple[str, object]]
"""What is known of the data at a place: names with their values."""


MAX_STEPS = 40_000
"""About a second; all processes that ship take a tenth of it together."""


class Told(NamedTuple):
    """What is known of a branch: how its condition turns out, None where it may do either.

    It is not sure that both can be, where another flow reads of what is not known too: what is
    so much for the one is not so much for the other.
    """

    flow: Flow
    holds: bool | None
    is_sure: bool


@dataclass
class Courses:
    """Where decisions lead in the diagrams of a bundle; each is followed once."""

    scopes: Mapping[str, Variables]
    tables: Mapping[str, Decision]
    effort: Effort
    # How much may still go into following the states of records, for the whole bundle: what is
    # too much there is only not looked at.
    steps: int = MAX_STEPS
    followed: Effort = field(default_factory=Effort)
    # The file and id of each element that is faulty: nobody knows what it was meant to do.
    faulty: frozenset[tuple[str, str]] = frozenset()
    _told: dict[tuple[str, World], bool | None] = field(default_factory=dict)
    _words: dict[str, frozenset[str]] = field(default_factory=dict)
    _variables: dict[str, frozenset[str]] = field(default_factory=dict)
    _answers: dict[tuple[str, World], set[World]] = field(default_factory=dict)
    _read_by: dict[str, Counter[str]] = field(default_factory=dict)

    def behind(
        self, variables: Variables, node: Node, world: World, effort: Effort | None = None
    ) -> set[World]:
        """Return what may be known behind a node that is reached with this knowledge.

        Raises TooCostly.
        """
        given = variables.set_by(node)
        kept = frozenset(each for each in world if each[0] not in given)
        table = self.tables.get(asked_by(node)) if node.kind == "businessRuleTask" else None
        if table is None or node.loop is not None:
            return {kept}
        asked = frozenset(each for each in world if each[0] in table.mentioned)
        if (table.id, asked) not in self._answers:
            data = dict(asked)
            self._answers[table.id, asked] = table.answers(
                lambda test: self.holds(test, data, effort), variables.known
            )
        return {kept | answer for answer in self._answers[table.id, asked]}

    @cached_property
    def asked_for(self) -> frozenset[str]:
        """The names that the conditions of flows and tables ask for."""
        flows = (flow for each in self.scopes.values() for flow in each.diagram.flows)
        names = [self.names_in(flow.condition or "") for flow in flows]
        tables = (table.mentioned for table in self.tables.values())
        return frozenset[str]().union(*names, *tables)

    def _readers(self, process: str) -> Counter[str]:
        """How many flows read each word where the data of a process are: what one tells binds all.

        They are its own, those of its calls, and of what calls it; other processes have others.
        """
        if process not in self._read_by:
            calls = {name: each.diagram.calls for name, each in self.scopes.items()}
            roots = [name for name in calls if process in reach([name], calls)]
            together = reach(roots, calls) & self.scopes.keys()
            flows = (flow for name in together for flow in self.scopes[name].diagram.flows)
            words = (word for flow in flows for word in self.names_in(flow.condition or ""))
            self._read_by[process] = Counter(words)
        return self._read_by[process]

    def told(self, flow: Flow, known: Mapping[str, object], process: str) -> Told:
        """Return what is known of a branch where its record is followed. Raises TooCostly."""
        text = flow.condition or ""
        holds = self.holds(text, known, self.followed)
        unknown = self._variables_in(text) - known.keys() if holds is None else frozenset()
        readers = self._readers(process) if unknown else Counter()
        return Told(flow, holds, all(readers[name] == 1 for name in unknown))

    def _variables_in(self, text: str) -> frozenset[str]:
        if text not in self._variables:
            self.followed.read(text)
            with suppress(ExpressionError):
                self._variables[text] = compile_expression(text).names
        return self._variables.get(text, frozenset())

    def names_in(self, text: str) -> frozenset[str]:
        """Return the words of a condition, which is read once."""
        if text not in self._words:
            self._words[text] = words_of(text)
        return self._words[text]

    def holds(
        self, text: str, known: Mapping[str, object], effort: Effort | None = None
    ) -> bool | None:
        """Return how a condition turns out as far as is known; it costs that of the bundle.

        Raises TooCostly.
        """
        (effort or self.effort).evaluate("")
        asked = {name: known[name] for name in self.names_in(text) & known.keys()}
        key = (text, frozenset(asked.items()))
        if key not in self._told:
            self._told[key] = outcome_of(text, asked, effort or self.effort)
        return self._told[key]
