"""Search by parts of words."""

from app.core.search import LONGEST_QUERY, tokens, wanted


def found(query: str, text: str) -> bool:
    return all(f" {gram} " in tokens(text) for gram in wanted(query))


def test_words_are_looked_for_one_by_one() -> None:
    assert found("苏晓 青禾", "苏晓禾 青禾小学")
    assert found("ＡＨ-06 禾", "苏晓禾 ah-06")
    assert not found("苏禾", "苏晓禾 青禾小学")
    assert wanted("  ") == []


def test_a_text_pasted_by_mistake_stays_a_query_that_a_database_takes() -> None:
    assert len(wanted("".join(chr(0x4E00 + n) for n in range(2000)))) < LONGEST_QUERY
