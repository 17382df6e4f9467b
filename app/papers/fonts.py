"""The typefaces of every document: a Song and a Hei, both from the build.

Importing this module loads no PDF library: a web process that prints nothing stays small.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from app.core.assets import asset_path

SONG, HEI = "song", "hei"
Weight = Literal[0, 1]
FILES: Mapping[str, Mapping[Weight, str]] = {
    SONG: {0: "NotoSerifSC-Regular", 1: "NotoSerifSC-Bold"},
    HEI: {0: "NotoSansSC-Regular", 1: "NotoSansSC-Bold"},
}
"""Files by family (宋体, 黑体) and weight (1 is bold)."""


class MissingFont(RuntimeError):
    """The build has not put a typeface in its place."""


class MissingGlyph(ValueError):
    """No typeface can draw a character that a document must show."""

    def __init__(self, missing: str) -> None:
        """Keep the characters, each named with its code point."""
        self.characters = missing
        listed = "、".join(f"{char}（U+{ord(char):04X}）" for char in missing)
        super().__init__(f"字库缺少以下字符，无法打印：{listed}")


def font_file(name: str) -> Path:
    """Return where a typeface lies; MissingFont when the front end was not built."""
    path = asset_path(f"fonts/{name}.ttf")
    if not path.is_file():
        raise MissingFont(f"缺少字体 {path.name}，请先构建前端资源（npm run build）")
    return path


@cache
def register_fonts() -> None:
    """Make both families known to ReportLab and xhtml2pdf, once in a process.

    A family declared by @font-face instead would be read and digested anew for every document.
    """
    from reportlab import rl_config  # noqa: PLC0415 - loaded when first needed
    from reportlab.lib.fonts import addMapping  # noqa: PLC0415
    from svglib.fonts import register_font  # noqa: PLC0415
    from xhtml2pdf import default  # noqa: PLC0415

    for family, weights in FILES.items():
        for bold, name in weights.items():
            # This one tells ReportLab and, for texts within drawings, svglib.
            register_font(
                family, str(font_file(name)), "bold" if bold else "normal", rlgFontName=name
            )
            # There is no slanted Chinese: italics are set upright.
            addMapping(family, bold, 0, name)
            addMapping(family, bold, 1, name)
        default.DEFAULT_FONT[family] = family
    # A page begins with this one: else every document names Helvetica, which none embeds.
    rl_config.canvas_basefontname = FILES[SONG][0]


@cache
def drawable() -> frozenset[int]:
    """Return the code points that one of the families can draw in every weight."""
    from reportlab.pdfbase import pdfmetrics  # noqa: PLC0415 - loaded when first needed

    register_fonts()
    font: Any = pdfmetrics.getFont
    families: list[frozenset[int]] = [
        frozenset.intersection(*(frozenset(font(n).face.charToGlyph) for n in weights.values()))
        for weights in FILES.values()
    ]
    return frozenset().union(*families)


def missing_from(text: str) -> str:
    """Return the characters of a text that no family can draw, each once, in order."""
    known = drawable()
    return "".join(
        char for char in dict.fromkeys(text) if ord(char) not in known and not char.isspace()
    )
