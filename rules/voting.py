"""The law of the ballot (表决), in integers. Two thirds is never a fraction here."""

LEAST_BY_SERIES = 25
LEAST_BY_SPECIALTY = 11


class TallyError(ValueError):
    """Counts that cannot be a ballot's."""


def quorum(members: int) -> int:
    """Return how many of the members must be present: two thirds, rounded up."""
    return _two_thirds(members)


def threshold(present: int) -> int:
    """Return how many yes votes pass: two thirds of the experts present, rounded up."""
    return _two_thirds(present)


def _two_thirds(number: int) -> int:
    if number < 0:
        raise TallyError("人数不能为负")
    return (2 * number + 2) // 3


def verdict(
    yes: int, present: int, recused: int = 0, *, recused_in_denominator: bool = True
) -> bool:
    """Tell whether a case passes; abstentions and blanks count against it.

    By default the recused (回避) stay in the denominator, the stricter reading.
    Raises TallyError.
    """
    if min(yes, present, recused) < 0 or yes + recused > present:
        raise TallyError("票数与到会人数不符")
    voters = present if recused_in_denominator else present - recused
    return voters > 0 and 3 * yes >= 2 * voters


def check_tally(yes: int, no: int, abstain: int, recused: int, present: int) -> None:
    """Raise TallyError unless every expert present is counted exactly once."""
    votes = (yes, no, abstain, recused)
    if min(votes) < 0 or sum(votes) != present:
        raise TallyError("同意、反对、弃权、回避之和须等于到会人数")


def committee_size_is_legal(size: int, by: str, consent: object = None) -> bool:
    """Tell whether a senior committee (高级评委会) may have this size: odd, and large enough.

    `by` is "series" or "specialty"; with the consent of the filing office (its number, or True)
    the smaller size holds for a series too.
    """
    least = LEAST_BY_SERIES if by == "series" and not consent else LEAST_BY_SPECIALTY
    return size % 2 == 1 and size >= least
