"""What an unknown word was meant to be (近似): the nearest of the words that exist."""

from collections.abc import Collection
from difflib import get_close_matches
from itertools import takewhile

MAX_LISTED = 12
MAX_COMPARED = 100
"""Among more words than these none is looked for: a file may hold thousands of them."""
_ENOUGH = 0.6
_SHORTEST = 5
"""A slip of the pen shows in words of this length and more."""


def nearest(word: str, words: Collection[str]) -> str:
    """Return the existing word that is most like this one, or an empty text."""
    if len(words) > MAX_COMPARED:
        return ""
    found = get_close_matches(word[:100], sorted(words), n=1, cutoff=_ENOUGH)
    return found[0] if found else ""


def is_slip(word: str, other: str) -> bool:
    """Whether one word is the other with one letter wrong, missing, too many, or two swapped.

    Words that only count, such as round_1 and round_2, are not.
    """
    if min(len(word), len(other)) < _SHORTEST or word == other:
        return False
    same = takewhile(lambda pair: pair[0] == pair[1], zip(word, other, strict=False))
    head = len(list(same))
    mine, theirs = word[head:], other[head:]
    if (mine[:1] + theirs[:1]).isdecimal():
        return False
    is_swapped = mine[:2] == theirs[1::-1] and mine[2:] == theirs[2:]
    return is_swapped or mine[1:] in {theirs[1:], theirs} or mine == theirs[1:]


def instead(word: str, words: Collection[str], kind: str) -> str:
    """Return the hint at an unknown word: the nearest one, else which there are."""
    near = nearest(word, words)
    if near:
        return f"请改成平台已有的{kind}，最接近的是“{near}”"
    if not words:
        return f"平台没有可用的{kind}"
    listed = "、".join(sorted(words)[:MAX_LISTED])
    more = "等" if len(words) > MAX_LISTED else ""
    return f"请改成平台已有的{kind}：{listed}{more}"
