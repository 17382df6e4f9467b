"""Guessing by network address (CZ-01): what has failed often must prove work, wait, or stay away.

All of it is counted in the database, so that it holds over several workers. A few failures ask
nothing. From CHALLENGE_FROM on a browser solves an ALTCHA challenge by itself; one without scripts
waits, twice as long after each failure. At ADDRESS_FAILURES the address is blocked, each time for
twice as long. An office whose people share an address fails that often only under attack: failures
fade one by one.
"""

import hashlib
import json
import math
from base64 import b64decode
from datetime import datetime, timedelta
from typing import Any

import altcha
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts.models import SignInAttempt, SpentProof
from app.core.crypto import instance_key
from app.core.db import db
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


def refuse_blocked(address: str, now: datetime) -> None:
    """TooManyTries while an address is blocked."""
    _refuse_blocked(_source(address), now)


def _refuse_blocked(source: SignInAttempt | None, now: datetime) -> None:
    if source is not None and source.blocked_until and source.blocked_until > now:
        left = math.ceil((source.blocked_until - now) / timedelta(minutes=1))
        raise TooManyTries(f"此网络地址尝试次数过多，请 {left} 分钟后再试")


def _wait(source: SignInAttempt | None, now: datetime) -> timedelta:
    """Return how long a browser that proves nothing has to wait."""
    failures = _failures(source, now)
    if source is None or failures < CHALLENGE_FROM:
        return timedelta()
    pause = min(LONGEST_WAIT, timedelta(seconds=2 ** min(failures - CHALLENGE_FROM + 1, 10)))
    return max(timedelta(), source.last_at + pause - now)


def check_address(address: str, proof: str, *, now: datetime) -> None:
    """TooManyTries for an address that is blocked, or neither proved work nor waited."""
    source = _source(address)
    _refuse_blocked(source, now)
    left = _wait(source, now)
    if left and not _holds(proof, now):
        seconds = math.ceil(left.total_seconds())
        raise TooManyTries(f"连续登录失败，请等安全验证完成，或 {seconds} 秒后再试")


def use_address(address: str, proof: str, *, now: datetime) -> None:
    """Check an address and use its proof up: one that was handed in before proves nothing."""
    is_fresh = _spend(proof, now) if _wait(_source(address), now) else True
    check_address(address, proof if is_fresh else "", now=now)


def challenge_for(address: str, now: datetime) -> dict[str, Any] | None:
    """Return the challenge that a page gives to an address that failed often, else None.

    It says when it expires itself: the instance's time is not the machine's in a demonstration.
    """
    if _failures(_source(address), now) < CHALLENGE_FROM:
        return None
    made = altcha.create_challenge(
        "SHA-256",
        ROUNDS,
        key_prefix=PREFIX,
        data={"until": (now + PROOF_LASTS).isoformat()},
        hmac_secret=instance_key("proof"),
    )
    return made.to_dict()


def _until(proof: str) -> datetime:
    parameters = json.loads(b64decode(proof))["challenge"]["parameters"]
    return datetime.fromisoformat(parameters["data"]["until"])


def _holds(proof: str, now: datetime) -> bool:
    """Tell whether a proof solves a challenge of ours that has not expired."""
    if not proof or not altcha.verify_solution(proof, instance_key("proof")).verified:
        return False
    return _until(proof) > now


def _insert(table: Any) -> Any:
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    return insert(table)


def _spend(proof: str, now: datetime) -> bool:
    """Use a proof up; tells whether it held and is used for the first time."""
    if not _holds(proof, now):
        return False
    signature = json.loads(b64decode(proof))["challenge"]["signature"]
    digest = hashlib.sha256(str(signature).encode()).hexdigest()
    spent = _insert(SpentProof).values(digest=digest, expires_at=_until(proof))
    first = spent.on_conflict_do_nothing(index_elements=["digest"]).returning(SpentProof.digest)
    return db.session.execute(first).first() is not None


def count_address(address: str, now: datetime) -> None:
    """Count a failure of an address, whatever account it tried."""
    first = _insert(SignInAttempt).values(address=address, failures=0, last_at=now, blocks=0)
    db.session.execute(first.on_conflict_do_nothing(index_elements=["address"]))
    source = _source(address, for_update=True)
    if source is None:
        return
    source.failures, source.last_at = _failures(source, now) + 1, now
    if source.failures >= ADDRESS_FAILURES:
        lasts = min(LONGEST_BLOCK, FIRST_BLOCK * 2 ** min(source.blocks, 10))
        source.blocked_until, source.blocks = now + lasts, source.blocks + 1


def sweep_attempts(now: datetime) -> None:
    """Forget addresses that have been quiet for a day, and proofs that have expired."""
    quiet = delete(SignInAttempt).where(SignInAttempt.last_at < now - REMEMBERED)
    db.session.execute(quiet)
    db.session.execute(delete(SpentProof).where(SpentProof.expires_at < now))
