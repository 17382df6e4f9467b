"""Templates become PDF; the libraries load late and reach nothing."""

import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import DictLoader

from app.papers import fonts
from app.papers.drawing import GETA, BrokenDocument, RefusedResource, draw, only_given
from app.papers.fonts import MissingFont, MissingGlyph
from app.papers.press import MEMORY, Press, PressBusy
from app.papers.qr import qr_png
from app.papers.rendering import picture, render_pdf
from tests.builders.papers import fonts_of, pages_of, text_of

ROOT = Path(__file__).parents[3]
HEAVY = ("xhtml2pdf", "reportlab", "svglib", "qrcode")
PAGE = """<html><head><style>html, body { font-family: song, hei; font-size: 12pt }
td, p { -pdf-word-wrap: CJK }</style></head><body>%s</body></html>"""


@pytest.fixture
def papers() -> Iterator[dict[str, str]]:
    """An application that knows only the templates a test puts in."""
    app = Flask("papers")
    app.config["TEMPLATES_AUTO_RELOAD"] = True
    pages: dict[str, str] = {}
    app.jinja_loader = DictLoader(pages)
    with app.app_context():
        yield pages


def printed(papers: dict[str, str], body: str, *, strict: bool = False) -> bytes:
    papers["page.html"] = PAGE % body
    return render_pdf("page.html", {}, strict=strict)


def test_importing_papers_loads_no_pdf_library() -> None:
    code = (
        "import sys, app.papers.process, app.papers.views;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_process_that_prints_loads_no_pdf_library() -> None:
    code = (
        "import sys\n"
        "from app.papers.press import press\n"
        "content, missing = press.draw('<p>plain</p>')\n"
        "assert content.startswith(b'%PDF-'), content\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.fixture
def press() -> Iterator[Press]:
    made = Press()
    yield made
    made.close()


def test_one_child_prints_many_and_a_refusal_does_not_end_it(press: Press) -> None:
    assert press.draw(PAGE % "<p>甲</p>")[0].startswith(b"%PDF-")
    first = press._child
    with pytest.raises(RefusedResource):
        press.draw('<img src="/etc/passwd">')
    assert press.draw(PAGE % "<p>乙😀</p>")[1] == "😀"
    assert press._child is first


def test_a_child_that_is_gone_is_followed_by_another(press: Press) -> None:
    press.draw(PAGE % "<p>甲</p>")
    first = press._child
    assert first is not None
    first.kill()
    assert press.draw(PAGE % "<p>乙</p>")[0].startswith(b"%PDF-")
    assert press._child is not first


def test_an_idle_child_ends_and_gives_its_memory_back(press: Press) -> None:
    press.idle_seconds = 0.1
    press.draw(PAGE % "<p>甲</p>")
    assert press._child is not None
    assert press._child.wait(timeout=20) == 0


def test_a_document_that_takes_too_long_is_refused(press: Press) -> None:
    press.seconds = 0.01
    with pytest.raises(BrokenDocument, match="没有印制完成"):
        press.draw(PAGE % "<p>甲</p>")
    press.seconds = 60
    assert press.draw(PAGE % "<p>乙</p>")[0].startswith(b"%PDF-")


def test_a_document_that_takes_too_much_memory_is_refused(press: Press) -> None:
    press.memory = 120 * 2**20
    with pytest.raises(BrokenDocument, match="内存超过限度"):
        press.draw(PAGE % ("<p>甲</p>" * 5000))
    press.memory = MEMORY
    assert press.draw(PAGE % "<p>乙</p>")[0].startswith(b"%PDF-")


def test_a_document_does_not_wait_for_ever_for_those_before_it(press: Press) -> None:
    press.wait_seconds = 0.01
    with press._lock, pytest.raises(PressBusy, match="请稍后再试"):
        press.draw(PAGE % "<p>甲</p>")
    assert press.draw(PAGE % "<p>乙</p>")[0].startswith(b"%PDF-")


def test_a_document_that_took_its_time_is_not_drawn_a_second_time(press: Press) -> None:
    press.draw(PAGE % "<p>甲</p>")
    press.seconds = 0.01
    with pytest.raises(BrokenDocument, match="没有印制完成"):
        press.draw(PAGE % ("<p>甲</p>" * 500))
    assert press._child is not None
    assert press._child.wait(timeout=20) == -signal.SIGKILL


def test_a_page_shows_chinese_and_rare_characters_that_can_be_copied(
    papers: dict[str, str],
) -> None:
    pdf = printed(papers, "<p>阎𬭎、束䶮、左丘明珠</p>")
    assert "阎𬭎、束䶮、左丘明珠" in text_of(pdf)
    assert fonts_of(pdf) == {"NotoSerifSC-Regular"}, "nothing that is not embedded"


def test_a_character_that_one_family_lacks_comes_from_the_other(papers: dict[str, str]) -> None:
    from reportlab.pdfbase import pdfmetrics

    draw(PAGE % "<p>先</p>")
    song, hei = (
        set(pdfmetrics.getFont(fonts.FILES[family][0]).face.charToGlyph)  # type: ignore[attr-defined]
        for family in (fonts.SONG, fonts.HEI)
    )
    only_hei = next(chr(code) for code in sorted(hei - song) if chr(code).isprintable())
    pdf = printed(papers, f"<p>汉{only_hei}</p>", strict=True)
    assert fonts_of(pdf) >= {"NotoSerifSC-Regular", "NotoSansSC-Regular"}


def test_a_strict_document_names_the_character_that_no_font_has(papers: dict[str, str]) -> None:
    with pytest.raises(MissingGlyph, match=r"U\+1F600") as refusal:
        printed(papers, "<p>苏&#128512;禾</p>", strict=True)
    assert refusal.value.characters == "😀"


def test_elsewhere_it_is_printed_as_a_geta_and_logged(
    papers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert f"苏{GETA}禾" in text_of(printed(papers, "<p>苏😀禾</p>"))
    assert "U+1F600" in caplog.text


def test_a_full_width_space_keeps_its_width(papers: dict[str, str]) -> None:
    spaced = printed(papers, "<p>姓\u3000\u3000名</p>")
    assert b"%PDF" in spaced
    assert "姓名" in text_of(spaced)


@pytest.mark.parametrize(
    "address",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "http://127.0.0.1:9/a.png",
        "../../instance/keys/fields.key",
        "data:text/html,x",
    ],
)
def test_a_template_reaches_neither_files_nor_the_network(
    papers: dict[str, str], address: str
) -> None:
    with pytest.raises(RefusedResource):
        printed(papers, f'<p>甲<img src="{address}"></p>')


def test_pictures_in_the_document_itself_are_shown(papers: dict[str, str]) -> None:
    inside = picture(qr_png("甲"))
    assert only_given(inside) == inside
    assert b"/Image" in printed(papers, f'<p>甲<img src="{inside}" style="width:2cm"></p>')


def test_fonts_are_read_once_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    draw(PAGE % "<p>先</p>")

    def never(*_args: object, **_values: object) -> None:
        raise AssertionError("a font file was read again")

    from reportlab.pdfbase import ttfonts
    from xhtml2pdf import context

    monkeypatch.setattr(ttfonts.TTFont, "__init__", never)
    monkeypatch.setattr(context, "_file_digest", never)
    assert "后" in text_of(draw(PAGE % "<p>后</p>")[0])


def test_a_build_without_fonts_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "asset_path", lambda name: Path("/nowhere") / name)
    with pytest.raises(MissingFont, match="npm run build"):
        fonts.font_file("NotoSerifSC-Regular")


def test_streams_are_binary_and_text_is_measured_in_c(papers: dict[str, str]) -> None:
    assert b"ASCII85Decode" not in printed(papers, "<p>甲</p>")
    from reportlab.lib import rl_accel

    assert type(rl_accel.unicode2T1).__name__ == "builtin_function_or_method"
    assert type(rl_accel.instanceStringWidthTTF).__name__ == "builtin_function_or_method"


def test_a_cell_breaks_its_lines_by_the_rules(papers: dict[str, str]) -> None:
    words = "在《Journal of Structural Engineering》上发表论文，" * 3
    pdf = printed(papers, f'<table><tr><td style="width:5cm">{words}</td></tr></table>')
    import io

    import pypdf

    page = pypdf.PdfReader(io.BytesIO(pdf)).pages[0].extract_text().splitlines()
    broken = [line.strip() for line in page if line.strip()]
    assert len(broken) > 3
    assert not any(line[0] in "，。》" or line[-1] == "《" for line in broken)
    assert any("Structural" in line for line in broken)
    assert pages_of(pdf) == 1


def test_a_code_has_one_mask_a_quiet_zone_and_no_search_for_the_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import qrcode

    def never(_self: object) -> int:
        raise AssertionError("the best mask was searched")

    monkeypatch.setattr(qrcode.QRCode, "best_mask_pattern", never)
    first = qr_png("http://127.0.0.1:8000/v/abc#" + "A" * 112)
    assert first == qr_png("http://127.0.0.1:8000/v/abc#" + "A" * 112)
