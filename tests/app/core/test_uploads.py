"""Uploads: nothing is stored as it came if it could do harm."""

import contextlib
import hashlib
import io
import zipfile
from typing import Any

import pikepdf
import pytest
from flask import Flask
from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageStat

from app.core import children, cleaning, documents, sheets
from app.core.blobs import StoreUnavailable
from app.core.children import Busy, TooSlow
from app.core.errors import Invalid, TooLarge
from app.core.http import refuse
from app.core.uploads import PHOTO, Policy, read_limited
from app.portfolio import literature

POLICY = Policy()


@pytest.fixture(params=["here", "apart"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where uploads are cleaned: small ones here; all of them in a child process."""
    if request.param == "apart":
        monkeypatch.setattr(cleaning, "LIGHT_BYTES", dict.fromkeys(cleaning.LIGHT_BYTES, 0))
    return str(request.param)


both_places = pytest.mark.usefixtures("place")


def clean(content: bytes, policy: Policy) -> tuple[bytes, str]:
    with cleaning.cleaned(io.BytesIO(content), policy) as found:
        kept = found.content.read()
    assert len(kept) == found.size
    assert hashlib.sha256(kept).hexdigest() == found.sha256
    return kept, found.media_type


def a_picture(kind: str = "JPEG", size: tuple[int, int] = (600, 840), **more: object) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(target, kind, **more)
    return target.getvalue()


def a_pdf(**root: object) -> bytes:
    pdf = pikepdf.new()
    pdf.add_blank_page()
    for key, value in root.items():
        pdf.Root[f"/{key}"] = value
    target = io.BytesIO()
    pdf.save(target)
    return target.getvalue()


@both_places
def test_a_picture_loses_the_program_behind_it() -> None:
    content, media_type = clean(a_picture() + b"<?php system($_GET['c']); ?>", POLICY)
    assert media_type == "image/jpeg"
    assert b"php" not in content


def test_a_picture_loses_what_its_camera_noted() -> None:
    exif = Image.Exif()
    exif[0x010E] = "31.23,121.47 home"
    content, _ = clean(a_picture(exif=exif), POLICY)
    assert b"home" not in content
    assert not Image.open(io.BytesIO(content)).getexif()


CORNERS = {1: "red", 2: "lime", 3: "blue", 4: "white", 5: "red", 6: "white", 7: "blue", 8: "lime"}
"""What stands at the upper left of the upright picture, whose corners are red, lime (to the
right), white (below) and blue, as a camera stores it with each orientation."""


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright_however_the_camera_was_held(orientation: int) -> None:
    stored = Image.new("RGB", (80, 40))
    for box, colour in (
        ((0, 0, 40, 20), "red"),
        ((40, 0, 80, 20), "lime"),
        ((0, 20, 40, 40), "white"),
        ((40, 20, 80, 40), "blue"),
    ):
        stored.paste(colour, box)
    exif, target = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    stored.save(target, "JPEG", exif=exif, quality=95)
    content, _ = clean(target.getvalue(), POLICY)
    upright = Image.open(io.BytesIO(content))
    assert upright.size == ((80, 40) if orientation < 5 else (40, 80))
    wanted = ImageColor.getrgb(CORNERS[orientation])
    found = upright.getpixel((5, 5))
    assert all(abs(a - b) < 60 for a, b in zip(found, wanted, strict=True)), (found, wanted)
    assert 0x0112 not in upright.getexif()


def a_page(quality: int, **how: object) -> bytes:
    """What a scanner makes of a page: lines of letters on paper with some grain."""
    page = Image.effect_noise((700, 900), 14).convert("RGB")
    draw = ImageDraw.Draw(page)
    for y in range(20, 880, 14):
        draw.text((20, y), "zhiping " * 14, fill=(20, 20, 90))
    target = io.BytesIO()
    page.save(target, "JPEG", quality=quality, **how)
    return target.getvalue()


@pytest.mark.parametrize(
    "how",
    [{}, {"optimize": True}, {"progressive": True, "optimize": True}, {"subsampling": 0}],
    ids=["plain", "packed", "progressive", "full colour"],
)
@pytest.mark.parametrize("quality", [20, 50, 75, 87])
def test_a_jpeg_does_not_grow_and_looks_as_it_came(quality: int, how: dict[str, Any]) -> None:
    came = a_page(quality, **how)
    content, _ = clean(came, POLICY)
    assert len(content) <= len(came)
    before, after = (Image.open(io.BytesIO(each)).convert("L") for each in (came, content))
    assert ImageStat.Stat(ImageChops.difference(before, after)).rms[0] < 2


def test_a_grey_jpeg_stays_grey_and_does_not_grow() -> None:
    target = io.BytesIO()
    Image.open(io.BytesIO(a_page(60))).convert("L").save(target, "JPEG", quality=60)
    content, _ = clean(target.getvalue(), POLICY)
    assert len(content) <= len(target.getvalue())
    assert Image.open(io.BytesIO(content)).mode == "L"


def test_a_jpeg_that_is_turned_does_not_grow_either() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    came = a_page(60, exif=exif)
    content, _ = clean(came, POLICY)
    assert (len(content) <= len(came), Image.open(io.BytesIO(content)).size) == (True, (900, 700))


def a_jpeg_with_secrets() -> bytes:
    """A JPEG whose camera noted where it was, with words in every other place for them."""
    exif = Image.Exif()
    exif[0x010E] = "SECRET camera"
    exif.get_ifd(0x8825).update({1: "N", 2: (31.0, 51.0, 0.0), 29: "SECRET day"})
    came = a_page(50, exif=exif, comment=b"SECRET comment", icc_profile=b"SECRET profile")
    more = b"".join(
        b"\xff" + bytes([marker]) + (len(words) + 2).to_bytes(2, "big") + words
        for marker in (0xE1, 0xE2, 0xEB, 0xED, 0xEF, 0xFE)
        for words in (b"SECRET in %02x" % marker,)
    )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("SECRET.php", "<?php SECRET ?>")
    return came[:2] + more + came[2:] + target.getvalue()


@both_places
def test_a_jpeg_that_keeps_its_coarseness_keeps_nothing_else() -> None:
    came = a_jpeg_with_secrets()
    assert came.count(b"SECRET") >= 10
    content, _ = clean(came, POLICY)
    assert len(content) < len(came)
    assert (b"SECRET" in content, b"PK\x03\x04" in content) == (False, False)
    assert not zipfile.is_zipfile(io.BytesIO(content))
    assert content.endswith(b"\xff\xd9")
    kept = Image.open(io.BytesIO(content))
    assert (dict(kept.getexif()), "comment" in kept.info, "icc_profile" in kept.info) == (
        {},
        False,
        False,
    )


def segments(content: bytes) -> list[tuple[int, bytes]]:
    """The segments of a JPEG before its first scan."""
    found, at = [], 2
    while content[at + 1] != 0xDA:
        length = int.from_bytes(content[at + 2 : at + 4], "big") + 2
        found.append((content[at + 1], content[at : at + length]))
        at += length
    return [*found, (0xDA, content[at:])]


def a_table(place: int, step: int, *, wide: bool = False) -> bytes:
    """A table of how coarse a JPEG is, as its head may give one."""
    steps = (step.to_bytes(2, "big") if wide else bytes([step])) * 64
    return b"\xff\xdb" + (len(steps) + 3).to_bytes(2, "big") + bytes([wide << 4 | place]) + steps


def test_hostile_tables_of_a_jpeg_are_written_anew_or_refused() -> None:
    parts = segments(a_page(50))
    whole = b"".join(part for _, part in parts)
    for tables in (a_table(0, 0), a_table(2, 1) + a_table(3, 255), a_table(0, 65535, wide=True)):
        content, _ = clean(b"\xff\xd8" + tables + whole, POLICY)
        assert Image.open(io.BytesIO(content)).size == (700, 900)
    bare = b"".join(part for marker, part in parts if marker != 0xDB)
    late = b"".join(part for marker, part in parts if marker not in {0xDB, 0xDA})
    scan = parts[-1][1]
    for hostile in (
        bare,
        a_table(0, 0) + bare,
        a_table(0, 0) + a_table(1, 0) + bare,
        a_table(0, 65535, wide=True) + a_table(1, 65535, wide=True) + bare,
        a_table(7, 1) + whole,
        late + scan[:14] + a_table(0, 9) + scan[14:],
    ):
        with contextlib.suppress(Invalid):
            clean(b"\xff\xd8" + hostile, POLICY)


def a_photo(side: int = 2000) -> bytes:
    """What a camera makes of a page full of detail: noise, which compresses badly."""
    target = io.BytesIO()
    Image.effect_noise((side, side * 3 // 4), 90).convert("RGB").save(target, "JPEG", quality=92)
    return target.getvalue()


def test_a_photo_from_a_camera_is_compressed_to_what_its_place_takes() -> None:
    small = Policy(types=("jpg",), max_bytes=400 * 1024)
    photo = a_photo()
    assert len(photo) > 4 * small.max_bytes
    content, _ = clean(photo, small)
    assert len(content) <= small.max_bytes
    assert max(Image.open(io.BytesIO(content)).size) >= 1200


def test_a_photo_as_png_becomes_a_jpeg_where_its_place_takes_one() -> None:
    target = io.BytesIO()
    Image.effect_noise((1300, 1300), 90).save(target, "PNG")
    small = Policy(types=("jpg", "png"), max_bytes=900 * 1024)
    content, media_type = clean(target.getvalue(), small)
    assert (media_type, len(content) <= small.max_bytes) == ("image/jpeg", True)
    content, media_type = clean(target.getvalue(), Policy(types=("png",), max_bytes=4 * 2**20))
    assert (media_type, Image.open(io.BytesIO(content)).format) == ("image/png", "PNG")


def test_a_photo_that_cannot_be_made_small_enough_is_refused() -> None:
    with pytest.raises(TooLarge, match="压缩后仍超过"):
        clean(a_photo(1500), Policy(types=("jpg",), max_bytes=20 * 1024))


def a_blank_png(width: int, height: int) -> bytes:
    """A picture of a few kilobytes that swells when it is decoded."""
    target = io.BytesIO()
    Image.new("1", (width, height)).save(target, "PNG")
    return target.getvalue()


def test_a_bomb_of_pixels_is_refused_by_its_head() -> None:
    bomb = a_blank_png(8000, 6000)
    assert len(bomb) < 100_000
    with pytest.raises(Invalid, match="像素过大"):
        clean(bomb, POLICY)


def test_what_swells_is_decoded_by_a_child_and_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "clean_into", None)
    content, _ = clean(a_blank_png(5000, 3000), POLICY)
    assert max(Image.open(io.BytesIO(content)).size) == 4000


def test_what_costs_a_child_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "MEMORY", 64 * 2**20)
    with pytest.raises(TooLarge, match="超过限度"):
        clean(a_blank_png(8000, 5000), POLICY)


def test_a_server_without_room_for_a_child_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children.sys, "executable", "/nowhere/python")
    with pytest.raises(Busy, match="太忙"):
        clean(a_blank_png(5000, 3000), POLICY)


def test_a_file_that_takes_too_long_is_not_asked_for_again(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleaning, "PATIENCE", 0.001)
    with pytest.raises(TooSlow, match="压缩") as refused:
        clean(a_blank_png(5000, 3000), POLICY)
    asked = {"Accept": "application/json"}
    with app.test_request_context(headers=asked):
        told = [refuse(each) for each in (refused.value, StoreUnavailable(), Busy())]
    assert [(status, headers) for _, status, headers in told] == [
        (413, {}),
        (503, {}),
        (503, {"Retry-After": "5"}),
    ]
    monkeypatch.setattr(cleaning, "LOOKING_PATIENCE", 0.001)
    assert not cleaning.pages_of(io.BytesIO(a_pdf()), 1).are_all, "it is looked at again later"


def test_whatever_children_work_on_they_share_two_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "TURN_SECONDS", 0.01)
    with children._our_turn(), children._our_turn():
        with pytest.raises(Busy, match="读取文献"):
            literature.read_text("@article{a, title={x}}")
        with pytest.raises(Busy):
            sheets.read_sheet(b"a,b\n1,2\n")
    assert len(literature.read_text("@article{a, title={x}}").entries) == 1


def test_nobody_waits_long_for_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "TURN_SECONDS", 0.01)
    with children._our_turn(), children._our_turn(), pytest.raises(Busy, match="太忙"):
        clean(a_blank_png(5000, 3000), POLICY)
    assert clean(a_blank_png(5000, 3000), POLICY)[1] == "image/png"


@both_places
def test_a_png_keeps_its_transparency() -> None:
    target = io.BytesIO()
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(target, "PNG")
    content, media_type = clean(target.getvalue(), POLICY)
    assert media_type == "image/png"
    assert Image.open(io.BytesIO(content)).getpixel((1, 1))[3] == 0


@pytest.mark.parametrize(
    "content",
    [b"<?php echo 1;", b"MZ\x90\x00" + b"\0" * 300, b"<svg onload='x'/>", b"GIF89a" + b"\0" * 50],
    ids=["script", "program", "svg", "gif"],
)
def test_a_file_is_judged_by_its_content_not_its_name(content: bytes) -> None:
    with pytest.raises(Invalid, match="按内容识别"):
        clean(content, POLICY)


@both_places
def test_a_broken_picture_is_refused_in_words() -> None:
    with pytest.raises(Invalid, match="已损坏"):
        clean(a_picture()[:300], POLICY)


@pytest.mark.parametrize(
    "root",
    [
        {"OpenAction": pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")},
        {"AA": pikepdf.Dictionary(WC=pikepdf.Dictionary(S=pikepdf.Name.Launch))},
        {"AcroForm": pikepdf.Dictionary(XFA="x", Fields=pikepdf.Array())},
        {"Names": pikepdf.Dictionary(EmbeddedFiles=pikepdf.Dictionary())},
        {"OpenAction": pikepdf.Dictionary(S=pikepdf.Name.URI, URI="http://a.example/")},
        {"Notes": pikepdf.Array([pikepdf.Dictionary(A=pikepdf.Dictionary(JS="app.alert(1)"))])},
    ],
    ids=["script", "program", "dynamic form", "carries files", "calls home", "inside an array"],
)
def test_a_pdf_that_would_act_is_refused(root: dict[str, object]) -> None:
    with pytest.raises(Invalid, match="脚本或自动动作"):
        clean(a_pdf(**root), POLICY)


@pytest.mark.parametrize(
    "opening",
    [
        pikepdf.Array([0, pikepdf.Name.Fit]),
        pikepdf.Dictionary(S=pikepdf.Name.GoTo, D=pikepdf.Array([0, pikepdf.Name.Fit])),
    ],
    ids=["a place", "an action that goes to a place"],
)
def test_a_pdf_may_say_which_page_to_open(opening: object) -> None:
    content = a_pdf(OpenAction=opening)
    assert clean(content, POLICY) == (content, "application/pdf")


@both_places
def test_a_plain_pdf_is_kept_as_it_is() -> None:
    content = a_pdf()
    assert clean(content, POLICY) == (content, "application/pdf")


@both_places
def test_a_locked_pdf_is_refused() -> None:
    pdf, target = pikepdf.open(io.BytesIO(a_pdf())), io.BytesIO()
    pdf.save(target, encryption=pikepdf.Encryption(owner="a", user="b"))
    with pytest.raises(Invalid, match="已加密"):
        clean(target.getvalue(), POLICY)


def test_a_broken_pdf_is_refused() -> None:
    with pytest.raises(Invalid, match="已损坏"):
        clean(b"%PDF-1.7\n" + b"x" * 400, POLICY)


def test_a_pdf_that_swells_when_it_is_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_PDF_STREAM", 100_000)
    pdf, target = pikepdf.open(io.BytesIO(a_pdf())), io.BytesIO()
    pdf.Root.Blanks = pikepdf.Array([pikepdf.String("x" * 1000)] * 500)
    pdf.save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    assert len(target.getvalue()) < 10_000
    with pytest.raises(Invalid, match="无法"):
        clean(target.getvalue(), POLICY)


def test_a_pdf_of_too_many_pages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_PDF_PAGES", 0)
    with pytest.raises(Invalid, match="页"):
        clean(a_pdf(), POLICY)


def a_text(**parts: bytes) -> bytes:
    """A document of Word's kind with further parts."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b"<Types/>")
        archive.writestr("_rels/.rels", b"<Relationships/>")
        archive.writestr("word/document.xml", b"<document/>")
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


WORD = Policy(types=("docx",), max_bytes=2**20)
AWAY = (
    b'<Relationship Id="r" Type="http://x/%s" Target="http://a.example/x" TargetMode="External"/>'
)


def test_a_plain_text_is_kept_as_it_is() -> None:
    content = a_text(**{"word/_rels/document.xml.rels": AWAY % b"hyperlink"})
    assert clean(content, WORD)[0] == content


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"word/vbaProject.bin": b"x"}, "宏"),
        ({"word/activeX/activeX1.bin": b"x"}, "控件"),
        ({"word/_rels/settings.xml.rels": AWAY % b"attachedTemplate"}, "外部模板"),
        ({"word/media/blank.bin": b"\0" * 2 * 2**20}, "解压后过大"),
    ],
    ids=["macros", "controls", "a template from elsewhere", "a bomb"],
)
def test_a_text_that_would_act_or_swell_is_refused(
    parts: dict[str, bytes], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_UNPACKED", 2**20)
    with pytest.raises(Invalid, match=reason):
        clean(a_text(**parts), WORD)


def test_a_text_that_was_cut_off_is_refused() -> None:
    with pytest.raises(Invalid, match="已损坏"):
        clean(a_text()[:-30], WORD)


def test_any_archive_is_no_text_document() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("evil.exe", b"MZ")
    with pytest.raises(Invalid, match="类型不符"):
        clean(target.getvalue(), WORD)


@pytest.mark.parametrize(("content", "wrong"), [(b"", Invalid), (b"%PDF-" + b"0" * 99, TooLarge)])
def test_an_empty_and_a_long_file_are_refused(content: bytes, wrong: type[Exception]) -> None:
    with pytest.raises(wrong):
        clean(content, Policy(max_bytes=100))


def test_reading_stops_at_the_limit() -> None:
    small = Policy(max_bytes=10)
    assert read_limited(io.BytesIO(b"0123456789"), small) == b"0123456789"
    with pytest.raises(TooLarge, match="超过限制"):
        read_limited(io.BytesIO(b"0123456789x"), small)
    with pytest.raises(Invalid, match="空的"):
        read_limited(io.BytesIO(b""), small)


@both_places
def test_a_certificate_photo_gets_its_size() -> None:
    content, media_type = clean(a_picture("PNG"), PHOTO)
    assert (Image.open(io.BytesIO(content)).size, media_type) == ((413, 579), "image/jpeg")


@pytest.mark.parametrize(
    ("policy", "words"), [(Policy(), "10 MB"), (Policy(max_bytes=300 * 1024), "300 KB")]
)
def test_a_policy_is_described_in_the_words_of_the_page(policy: Policy, words: str) -> None:
    assert words in policy.describe()


def test_a_slot_of_one_file_does_not_speak_of_several() -> None:
    assert Policy(max_count=1).describe() == "支持 jpg、png、pdf，一个文件，不超过 10 MB"
