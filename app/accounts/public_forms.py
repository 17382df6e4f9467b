"""Forms that anybody may send without signing in: after some tries they ask for a proof of work.

The tries of each form are counted apart, by network address (`addresses`).
"""

from dataclasses import dataclass
from typing import Any

from flask import request

from app.accounts.addresses import (
    asking,
    challenge_for,
    check_address,
    count_address,
    use_address,
)
from app.accounts.views import visitor_address
from app.core.clock import now


@dataclass(frozen=True)
class PublicForm:
    """A form of the public site, and how many tries it takes from an address without proof."""

    name: str
    free: int

    @property
    def _key(self) -> str:
        return asking(visitor_address(), self.name)

    def challenge(self) -> dict[str, Any] | None:
        """Return the challenge that the page gives with the form, where one is due."""
        return challenge_for(self._key, now(), free=self.free)

    def check(self) -> None:
        """Raise what `take` would, before long work that comes first and writes nothing."""
        check_address(self._key, request.form.get("proof", ""), now=now(), free=self.free)

    def prove(self) -> None:
        """TooManyTries for who neither proved the work that is asked nor waited."""
        use_address(self._key, request.form.get("proof", ""), now=now(), free=self.free)

    def count(self) -> None:
        """Count a try."""
        count_address(self._key, now())

    def take(self) -> None:
        """Count a try that was allowed; TooManyTries for one that was not."""
        self.prove()
        self.count()
