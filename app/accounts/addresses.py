"""Guessing by network address (CZ-01): what has failed often must prove work, wait, or stay away.

All of it is counted in the database, so that it holds over several workers. A few failures ask
nothing. From CHALLENGE_FROM on a browser solves an ALTCHA challenge by itself; one without scripts
waits, twice as long after each failure. At ADDRESS_FAILURES the address is blocked for who proves
nothing, each time for twice as long; a proof of much more work still lets one in, since a whole
office, or a whole town, may share the address that one of them guesses from. Failures fade one by
one, blocks a day after the last of them.
"""

import hashlib
import json
import math
from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any

import altcha
from sqlalchemy import delete, select

from app.accounts.models import SignInAttempt, SpentProof
from app.core import audit
from app.core.crypto import instance_key
from app.core.db import db, insert_into
from app.core.errors import DomainError

CHALLENGE_FROM, ADDRESS_FAILURES = 10, 50
FADE_AFTER = timedelta(minutes=15)
"""How long it takes until ADDRESS_FAILURES have faded."""
LONGEST_WAIT = timedelta(minutes=5)
FIRST_BLOCK, LONGEST_BLOCK = timedelta(minutes=5), timedelta(hours=4)
REMEMBERED = timedelta(days=1)
PROOF_LASTS = timedelta(minutes=10)
# About 65,000 keys of two rounds: a second on a telephone, a long time for a million guesses.
ROUNDS, PREFIX = 2, "0000"
HARD_ROUNDS = 8 * ROUNDS
"""How much work a blocked address proves: eight times as much."""


class SignInRefused(DomainError):
    """The account, the password or the number of tries does not allow it."""

    status = 401
    default = "账号或密码不正确"


class TooManyTries(SignInRefused):
    """The address has failed too often."""

    status = 429


def _source(address: str, *, for_update: bool = False) -> SignInAttempt | None:
    known = select(SignInAttempt).where(SignInAttempt.address == address)
    if for_update:
        known = known.with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(known).first()


def _failures(source: SignInAttempt | None, now: datetime) -> int:
    """Return how many failures of an address still count: they fade one by one.

    A sign-in that succeeds takes none away, else a guesser would use an account of their own.
    """
    if source is None:
        return 0
    faded = max(timedelta(), now - source.last_at) // (FADE_AFTER / ADDRESS_FAILURES)
    return max(0, source.failures - faded)


def network_of(address: str) -> str:
    """Return what failures of an address are counted by: of IPv6 the /64 that one customer has."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if not isinstance(known, IPv6Address):
        return str(known)
    return str(known.ipv4_mapped or IPv6Network((int(known), 64), strict=False))


def asking(address: str, what: str = "ask") -> str:
    """Return what other tries of an address are counted by: they keep nobody from signing in."""
    return f"{what} {address}"


@dataclass(frozen=True)
class Demand:
    """What an address has to do: work of so many rounds, or wait; nothing where wait is none."""

    rounds: int
    wait: timedelta
    is_block: bool

    @property
    def words(self) -> str:
        """Say it to whoever did neither."""
        if self.is_block:
            left = math.ceil(self.wait / timedelta(minutes=1))
            return f"此网络地址尝试次数过多，请等安全验证完成，或 {left} 分钟后再试"
        left = math.ceil(self.wait.total_seconds())
        return f"尝试次数过多，请等安全验证完成，或 {left} 秒后再试"


def _blocked_for(source: SignInAttempt | None, now: datetime) -> timedelta:
    until = source.blocked_until if source else None
    return max(timedelta(), until - now) if until else timedelta()


def _demand(source: SignInAttempt | None, now: datetime, free: int | None = None) -> Demand:
    blocked_for = _blocked_for(source, now)
    if blocked_for:
        return Demand(HARD_ROUNDS, blocked_for, is_block=True)
    return Demand(ROUNDS, _pause(source, now, free), is_block=False)


def _pause(source: SignInAttempt | None, now: datetime, free: int | None) -> timedelta:
    """Return how long a browser that proves nothing has to wait."""
    since = CHALLENGE_FROM if free is None else free
    failures = _failures(source, now)
    if source is None or failures < since:
        return timedelta()
    pause = min(LONGEST_WAIT, timedelta(seconds=2 ** min(failures - since + 1, 10)))
    return max(timedelta(), source.last_at + pause - now)


def check_address(address: str, proof: str, *, now: datetime, free: int | None = None) -> None:
    """TooManyTries for an address that neither proved the work asked of it nor waited."""
    demand = _demand(_source(address), now, free)
    if demand.wait and not _holds(proof, demand.rounds, now):
        raise TooManyTries(demand.words)


def use_address(address: str, proof: str, *, now: datetime, free: int | None = None) -> None:
    """Check an address and use its proof up: one that was handed in before proves nothing.

    So many tries are `free`, CHALLENGE_FROM where nothing is said.
    """
    demand = _demand(_source(address), now, free)
    if demand.wait and not _spend(proof, demand.rounds, now):
        raise TooManyTries(demand.words)


def challenge_for(
    address: str, now: datetime, *, free: int | None = None
) -> dict[str, Any] | None:
    """Return the challenge that a page gives to an address that tried often, else None.

    It says when it expires itself: the instance's time is not the machine's in a demonstration.
    """
    source = _source(address)
    is_blocked = bool(_blocked_for(source, now))
    if not is_blocked and _failures(source, now) < (CHALLENGE_FROM if free is None else free):
        return None
    made = altcha.create_challenge(
        "SHA-256",
        HARD_ROUNDS if is_blocked else ROUNDS,
        key_prefix=PREFIX,
        data={"until": (now + PROOF_LASTS).isoformat()},
        hmac_secret=instance_key("proof"),
    )
    return made.to_dict()


def _parameters(proof: str) -> dict[str, Any]:
    parameters: dict[str, Any] = json.loads(b64decode(proof))["challenge"]["parameters"]
    return parameters


def _until(proof: str) -> datetime:
    return datetime.fromisoformat(_parameters(proof)["data"]["until"])


def _holds(proof: str, rounds: int, now: datetime) -> bool:
    """Tell whether a proof solves a challenge of ours, of enough work, that has not expired."""
    if not proof or not altcha.verify_solution(proof, instance_key("proof")).verified:
        return False
    return _parameters(proof)["cost"] >= rounds and _until(proof) > now


def _spend(proof: str, rounds: int, now: datetime) -> bool:
    """Use a proof up; tells whether it held and is used for the first time."""
    if not _holds(proof, rounds, now):
        return False
    signature = json.loads(b64decode(proof))["challenge"]["signature"]
    digest = hashlib.sha256(str(signature).encode()).hexdigest()
    spent = insert_into(SpentProof).values(digest=digest, expires_at=_until(proof))
    first = spent.on_conflict_do_nothing(index_elements=["digest"]).returning(SpentProof.digest)
    return db.session.execute(first).first() is not None


def count_address(address: str, now: datetime) -> None:
    """Count a failure of an address, whatever account it tried.

    Failures of those who prove their work while it is blocked make no block longer.
    """
    first = insert_into(SignInAttempt).values(address=address, failures=0, last_at=now, blocks=0)
    db.session.execute(first.on_conflict_do_nothing(index_elements=["address"]))
    source = _source(address, for_update=True)
    if source is None:
        return
    source.failures, source.last_at = min(ADDRESS_FAILURES, _failures(source, now) + 1), now
    if source.blocked_until and source.blocked_until < now - REMEMBERED:
        source.blocks = 0
    if source.failures >= ADDRESS_FAILURES and not _blocked_for(source, now):
        lasts = min(LONGEST_BLOCK, FIRST_BLOCK * 2 ** min(source.blocks, 10))
        source.blocked_until, source.blocks = now + lasts, source.blocks + 1
        _note_block(address, source.blocked_until, now)


def _note_block(address: str, until: datetime, now: datetime) -> None:
    """Log that an address is blocked; what is counted by another key keeps nobody out."""
    if " " not in address:
        audit.record_from(
            address,
            "account:address_blocked",
            subject=("address", 0),
            actor_id=None,
            now=now,
            until=until.isoformat(),
        )


def sweep_attempts(now: datetime) -> None:
    """Forget addresses that have been quiet for a day, and proofs that have expired."""
    quiet = delete(SignInAttempt).where(SignInAttempt.last_at < now - REMEMBERED)
    db.session.execute(quiet)
    db.session.execute(delete(SpentProof).where(SpentProof.expires_at < now))
