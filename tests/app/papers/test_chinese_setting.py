"""Lines of Chinese end where they may, and nothing of them is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.papers.chinese import NOT_AT_END, NOT_AT_START, break_lines, split_text, unicode_map


def lines(text: str, width: int) -> list[str]:
    """The lines of a text whose characters are one wide."""
    return [text[a:b] for a, b in break_lines(text, [1.0] * len(text), [float(width)])]


def test_no_line_begins_with_a_closing_mark() -> None:
    assert lines("任现职以来，成绩突出。", 5) == ["任现职以", "来，成绩突", "出。"]


def test_no_line_ends_with_an_opening_mark() -> None:
    assert lines("参加课题《量感培养》研究", 5) == ["参加课题", "《量感培", "养》研究"]


def test_a_word_of_latin_letters_is_not_cut() -> None:
    assert lines("发表于Nature期刊上", 6) == ["发表于", "Nature", "期刊上"]


def test_a_word_longer_than_the_line_is_cut_all_the_same() -> None:
    assert lines("https://example", 6) == ["https:", "//exam", "ple"]


def test_a_character_wider_than_the_line_still_ends() -> None:
    assert lines("宽字", 0) == ["宽", "字"]


def test_a_forced_end_is_kept() -> None:
    ends = break_lines("甲乙丙", [1.0] * 3, [9.0], [True, False, False])
    assert ends == [(0, 1), (1, 3)]


@given(st.text("汉字，。（《》Ab1 ", max_size=60), st.integers(1, 12))
def test_lines_hold_every_character_once_and_none_is_too_long(text: str, width: int) -> None:
    made = lines(text, width)
    assert "".join(made) == text
    assert all(0 < len(line) <= width for line in made)


@given(
    st.text("汉字教师系列", min_size=20, max_size=60),
    st.sampled_from("，。》"),
    st.integers(6, 12),
)
def test_a_mark_among_characters_never_begins_or_ends_a_line_wrongly(
    text: str, mark: str, width: int
) -> None:
    marked = "".join(f"{char}{mark}" if no % 5 == 4 else char for no, char in enumerate(text))
    made = lines(marked, width)
    assert not any(line[0] in NOT_AT_START for line in made)
    assert not any(line[-1] in NOT_AT_END for line in made[:-1])


def test_characters_beyond_the_basic_plane_copy_as_one() -> None:
    cmap = unicode_map("AAAAAA+Song", [0x20, ord("阎"), ord("𬭎")])
    assert "<01> <960E>" in cmap
    assert "<02> <D872DF4E>" in cmap
    assert "3 beginbfchar" in cmap


def test_a_map_has_blocks_of_a_hundred() -> None:
    cmap = unicode_map("AAAAAA+Song", list(range(0x4E00, 0x4E00 + 150)))
    assert "100 beginbfchar" in cmap
    assert "50 beginbfchar" in cmap


@pytest.mark.parametrize("limits", [40.0, [40.0]])
def test_the_room_that_a_line_leaves_is_told(limits: float | list[float]) -> None:
    made = split_text("WWWW WWWW", limits, "Courier", 10)
    assert [line for _, line in made] == ["WWWW", "WWWW"]
    assert [round(room) for room, _ in made] == [16, 16]
