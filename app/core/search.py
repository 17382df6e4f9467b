"""Search by parts of names and numbers: 1- and 2-grams, the same on both databases."""

import unicodedata


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
    """Return the grams that a record must hold to match what a person typed."""
    text = normalise(query)
    return [text] if len(text) == 1 else [text[i : i + 2] for i in range(len(text) - 1)]
