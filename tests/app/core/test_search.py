"""Search by parts of words."""

import sqlalchemy as sa

from app.core.db import db, transaction
from app.core.search import LONGEST_QUERY, folded, holds


def found(query: str, text: str) -> bool:
    held = sa.and_(sa.true(), *holds(sa.literal(folded(text)), query))
    return bool(db.session.scalar(sa.select(sa.case((held, 1), else_=0))))


def test_words_are_looked_for_one_by_one_each_as_a_whole(app: object) -> None:
    with transaction(write=False):
        assert found("苏晓 青禾", "苏晓禾 青禾小学")
        assert found("ＡＨ-06 禾", "苏晓禾 ah-06")
        assert found("  ", "苏晓禾")
        assert not found("苏禾", "苏晓禾 青禾小学")
        # Both of its pairs of letters are there, the word is not.
        assert not found("青禾苗", "禾苗 青禾小学")
        # What stands for other letters in a pattern stands for itself.
        assert found("50%_", "占 50%_ 以上")
        assert not found("50%上", "占 50% 以上")


def test_a_text_pasted_by_mistake_stays_a_query_that_a_database_takes() -> None:
    assert len(holds(sa.literal(""), "字 " * 2000)) <= LONGEST_QUERY / 2
    assert (
        len(holds(sa.literal(""), " ".join(map(chr, range(0x4E00, 0x5000))))) <= LONGEST_QUERY / 2
    )
