"""Uploads: nothing is stored as it came if it could do harm."""

import io
import zipfile

import pikepdf
import pytest
from PIL import Image

from app.core import uploads
from app.core.errors import Invalid, TooLarge
from app.core.uploads import PHOTO, Policy, clean, read_limited

POLICY = Policy()


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


def test_a_picture_keeps_its_upright_shape() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content, _ = clean(a_picture(size=(800, 400), exif=exif), POLICY)
    assert Image.open(io.BytesIO(content)).size == (400, 800)


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


def test_a_broken_picture_is_refused_in_words() -> None:
    with pytest.raises(Invalid, match="已损坏"):
        clean(a_picture()[:300], POLICY)


def test_a_picture_of_too_many_pixels_is_refused_before_it_fills_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uploads, "MAX_PIXELS", 1000)
    with pytest.raises(Invalid, match="像素过大"):
        clean(a_picture(), POLICY)


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


def test_a_plain_pdf_is_kept_as_it_is() -> None:
    content = a_pdf()
    assert clean(content, POLICY) == (content, "application/pdf")


def test_a_locked_pdf_is_refused() -> None:
    pdf, target = pikepdf.open(io.BytesIO(a_pdf())), io.BytesIO()
    pdf.save(target, encryption=pikepdf.Encryption(owner="a", user="b"))
    with pytest.raises(Invalid, match="已加密"):
        clean(target.getvalue(), POLICY)


def test_a_broken_pdf_is_refused() -> None:
    with pytest.raises(Invalid, match="已损坏"):
        clean(b"%PDF-1.7\n" + b"x" * 400, POLICY)


def test_a_pdf_that_swells_when_it_is_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_PDF_STREAM", 100_000)
    pdf, target = pikepdf.open(io.BytesIO(a_pdf())), io.BytesIO()
    pdf.Root.Blanks = pikepdf.Array([pikepdf.String("x" * 1000)] * 500)
    pdf.save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    assert len(target.getvalue()) < 10_000
    with pytest.raises(Invalid, match="无法"):
        clean(target.getvalue(), POLICY)


def test_a_pdf_of_too_many_pages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_PDF_PAGES", 0)
    with pytest.raises(Invalid, match="页"):
        clean(a_pdf(), POLICY)


def test_a_text_document_is_no_archive_of_anything() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("evil.exe", b"MZ")
    with pytest.raises(Invalid):
        clean(target.getvalue(), Policy(types=("docx",)))


def test_reading_stops_at_the_limit() -> None:
    small = Policy(max_bytes=10)
    assert read_limited(io.BytesIO(b"0123456789"), small) == b"0123456789"
    with pytest.raises(TooLarge, match="超过限制"):
        read_limited(io.BytesIO(b"0123456789x"), small)
    with pytest.raises(Invalid, match="空的"):
        read_limited(io.BytesIO(b""), small)


def test_a_certificate_photo_gets_its_size() -> None:
    content, media_type = clean(a_picture("PNG"), PHOTO)
    assert (Image.open(io.BytesIO(content)).size, media_type) == ((413, 579), "image/jpeg")


@pytest.mark.parametrize(
    ("size", "reason"), [((200, 280), "分辨率过低"), ((800, 800), "比例不符")]
)
def test_a_photo_that_does_not_fit_says_why(size: tuple[int, int], reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        clean(a_picture(size=size), PHOTO)


@pytest.mark.parametrize(
    ("policy", "words"), [(Policy(), "10MB"), (Policy(max_bytes=300 * 1024), "300KB")]
)
def test_a_policy_is_described_in_the_words_of_the_page(policy: Policy, words: str) -> None:
    assert words in policy.describe()
