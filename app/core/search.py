"""Search by parts of names and numbers, the same on both databases.

What is sought is kept folded beside what is read, and each word of a query stands in it. To look
through the text itself costs a tenth of looking through its grams, which are four times as long.
"""

import unicodedata

from sqlalchemy import ColumnElement, SQLColumnExpression

LONGEST_QUERY = 60
"""Letters of a query that count: every word of it is a condition."""


def folded(text: str) -> str:
    """Fold width and case so that ＡＢ and ab are the same, with one space between words."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def normalise(text: str) -> str:
    """Fold a text and leave its spaces out."""
    return folded(text).replace(" ", "")


def holds(text: SQLColumnExpression[str], query: str) -> list[ColumnElement[bool]]:
    """Return the conditions that a folded text has every word that a person typed in it."""
    words = dict.fromkeys(folded(query)[:LONGEST_QUERY].split())
    return [text.contains(word, autoescape=True) for word in words]
