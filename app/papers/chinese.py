"""What ReportLab and xhtml2pdf lack for Chinese, put right once in a process.

Lines are broken by the rules of Chinese setting (避头尾), words of Latin letters stay whole,
and the text of rare characters can be searched and copied.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

NOT_AT_START = frozenset("，。、；：？！）》】〕〉」』｝〗”’％‰℃…—～·,.;:?!)]}%々")
NOT_AT_END = frozenset("（《【〔〈「『｛〖“‘([{￥＄№")
_IN_WORD = re.compile(r"[A-Za-z0-9_./:%+\-@&=#~]")
_ROUNDING = 1e-6
# A word is kept whole only while that leaves a third of the line filled.
_LEAST_FILLED = 3
_BLOCK = 100


def may_break(before: str, after: str) -> bool:
    """Tell whether a line may end between two characters."""
    if after in NOT_AT_START or before in NOT_AT_END:
        return False
    return not (_IN_WORD.match(before) and _IN_WORD.match(after))


def _end_of_line(text: Sequence[str], start: int, full: int) -> int:
    """Return where the line from `start` ends when at most `full` characters fit."""
    end = full
    while end > start + 1 and not may_break(text[end - 1], text[end]):
        end -= 1
    enough = start + (full - start) // _LEAST_FILLED
    return end if end > max(start + 1, enough) else full


def break_lines(
    text: Sequence[str],
    widths: Sequence[float],
    limits: Sequence[float],
    forced: Sequence[bool] = (),
) -> list[tuple[int, int]]:
    """Return the (start, end) of each line; the last limit holds for all further lines.

    `forced` marks characters after which the line ends in any case.
    """
    lines: list[tuple[int, int]] = []
    start, size = 0, len(text)
    while start < size:
        limit = limits[min(len(lines), len(limits) - 1)] + _ROUNDING
        used, end, stops = 0.0, start, False
        while end < size and not stops and (end == start or used + widths[end] <= limit):
            used += widths[end]
            stops = bool(forced) and forced[end]
            end += 1
        if end < size and not stops:
            end = _end_of_line(text, start, end)
        lines.append((start, end))
        start = end
    return lines


def split_text(
    word: str, max_widths: float | Sequence[float], font: str, size: float, encoding: str = "utf8"
) -> list[tuple[float, str]]:
    """Break a text of one typeface: (unused width, line) for each line."""
    from reportlab.pdfbase.pdfmetrics import stringWidth  # noqa: PLC0415 - loaded when needed

    del encoding
    limits = [max_widths] if isinstance(max_widths, int | float) else max_widths
    measured = {char: stringWidth(char, font, size) for char in set(word)}
    lines = []
    for no, (start, end) in enumerate(break_lines(word, [measured[c] for c in word], limits)):
        line = word[start:end].rstrip(" ")
        line = line.lstrip(" ") if no else line
        limit = limits[min(no, len(limits) - 1)]
        lines.append((limit - sum(measured[c] for c in line), line))
    return lines


def split_fragments(
    frags: Sequence[Any],
    max_widths: Sequence[float],
    calc_bounds: bool,  # noqa: FBT001 - the shape of the function it replaces
    encoding: str = "utf8",
) -> Any:
    """Break a text of several typefaces or sizes into xhtml2pdf's lines."""
    from xhtml2pdf import reportlab_paragraph as paragraph  # noqa: PLC0415 - loaded when needed

    units = [
        paragraph.cjkU(char, frag, encoding) for frag in frags for char in (frag.text or [""])
    ]
    widths = [unit.width for unit in units]
    forced = [hasattr(unit.frag, "lineBreak") for unit in units]
    made = []
    for no, (start, end) in enumerate(break_lines(units, widths, max_widths, forced)):
        limit = max_widths[min(no, len(max_widths) - 1)]
        unused = limit - sum(widths[start:end])
        made.append(paragraph.makeCJKParaLine(units[start:end], unused, calc_bounds))
    return paragraph.ParaLines(kind=1, lines=made)


def unicode_map(font: str, subset: Sequence[int]) -> str:
    """Return the CMap that turns glyphs back into text, in UTF-16 as the standard asks.

    ReportLab writes bare code points, so that a character outside the basic plane copies as two
    wrong ones.
    """
    pairs = [
        f"<{glyph:02X}> <{chr(code).encode('utf-16-be', 'surrogatepass').hex().upper()}>"
        for glyph, code in enumerate(subset)
    ]
    blocks = [pairs[at : at + _BLOCK] for at in range(0, len(pairs), _BLOCK)]
    return "\n".join(
        [
            "/CIDInit /ProcSet findresource begin",
            "12 dict begin",
            "begincmap",
            f"/CIDSystemInfo << /Registry ({font}) /Ordering ({font}) /Supplement 0 >> def",
            f"/CMapName /{font} def",
            "/CMapType 2 def",
            "1 begincodespacerange",
            f"<00> <{len(subset) - 1:02X}>",
            "endcodespacerange",
            *(
                line
                for block in blocks
                for line in (f"{len(block)} beginbfchar", *block, "endbfchar")
            ),
            "endcmap",
            "CMapName currentdict /CMap defineresource pop",
            "end",
            "end",
        ]
    )


@cache
def apply_fixes() -> None:
    """Put the functions above in the place of the libraries' own, once in a process."""
    from reportlab import rl_config  # noqa: PLC0415 - loaded when first needed
    from reportlab.lib import textsplit  # noqa: PLC0415
    from reportlab.pdfbase import ttfonts  # noqa: PLC0415
    from xhtml2pdf import reportlab_paragraph  # noqa: PLC0415

    replacements: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
        (textsplit, "wordSplit", split_text),
        (reportlab_paragraph, "cjkFragSplit", split_fragments),
        (ttfonts, "makeToUnicodeCMap", unicode_map),
    )
    for module, name, function in replacements:
        # A name that has gone must stop us: the fix would silently do nothing.
        getattr(module, name)
        setattr(module, name, function)
    # Base 85 is for mail of the nineties: it costs time and a quarter more bytes.
    rl_config.useA85 = 0
