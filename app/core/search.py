"""Search by parts of names and numbers: 1- and 2-grams, the same on both databases."""

import unicodedata

# Every gram is a condition, and databases take some hundreds of them.
LONGEST_QUERY = 60


def normalise(text: str) -> str:
    """Fold width and case so that ＡＢ and ab are the same."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def tokens(text: str) -> str:
    """Return the sorted 1- and 2-grams of the words of a text, each between spaces."""
    grams: set[str] = set()
    for word in unicodedata.normalize("NFKC", text).casefold().split():
        grams.update(word)
        grams.update(word[i : i + 2] for i in range(len(word) - 1))
    return f" {' '.join(sorted(grams))} " if grams else ""


def wanted(query: str) -> list[str]:
    """Return the grams that a record must hold to match the words that a person typed."""
    grams: dict[str, None] = {}
    for word in unicodedata.normalize("NFKC", query).casefold()[:LONGEST_QUERY].split():
        grams |= dict.fromkeys(word[i : i + 2] for i in range(max(1, len(word) - 1)))
    return list(grams)
