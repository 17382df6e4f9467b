"""Pictures for the demonstration: portraits and papers, drawn so that nobody's are used."""

import io
from functools import cache
from hashlib import sha256

from PIL import Image, ImageDraw, ImageFont

from app.core.assets import asset_path

PAGE = (744, 1052)
PHOTO = (413, 579)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    path = asset_path("fonts/NotoSansSC-Regular.ttf")
    return ImageFont.truetype(str(path), size) if path.exists() else ImageFont.load_default(size)


def portrait(name: str, gender: str) -> bytes:
    """Draw a portrait of 413x579 pixels: same name, same picture."""
    seed = sha256(name.encode()).digest()
    skin = (226 + seed[0] % 20, 184 + seed[1] % 20, 156 + seed[2] % 16)
    image = Image.new("RGB", PHOTO, (67, 142, 219))
    draw = ImageDraw.Draw(image)
    hair = (24 + seed[3] % 24, 20 + seed[4] % 16, 20)
    coat = (36 + seed[5] % 50, 40 + seed[6] % 40, 60 + seed[7] % 50)
    if gender == "女":
        draw.rounded_rectangle((112, 110, 301, 400), 90, fill=hair)
    draw.polygon([(40, 579), (95, 440), (318, 440), (373, 579)], fill=coat)
    draw.polygon([(150, 430), (263, 430), (206, 520)], fill=(245, 245, 245))
    draw.rectangle((172, 350, 241, 450), fill=skin)
    draw.ellipse((122, 130, 291, 390), fill=skin)
    draw.pieslice((116, 105, 297, 330), 180, 360, fill=hair)
    for x in (165, 248):
        draw.ellipse((x - 9, 252, x + 9, 266), fill=(40, 30, 30))
    draw.arc((175, 300, 238, 345), 20, 160, fill=(150, 80, 80), width=4)
    return _jpeg(image)


def paper(title: str, lines: tuple[str, ...] = (), *, proof: str = "") -> bytes:
    """Draw a page that says what it stands for, with the pattern that proves these words."""
    image = Image.new("RGB", PAGE, (252, 252, 248))
    draw = ImageDraw.Draw(image)
    draw.rectangle((30, 30, PAGE[0] - 30, PAGE[1] - 30), outline=(150, 120, 60), width=3)
    draw.text((PAGE[0] // 2, 150), title, font=_font(36), fill=(120, 20, 20), anchor="mm")
    for row, line in enumerate(lines):
        draw.text((90, 260 + row * 56), line, font=_font(24), fill=(40, 40, 40))
    if proof:
        _pattern(draw, sha256(proof.encode()).digest())
    note = "演示材料，非真实证书"
    draw.text((PAGE[0] // 2, 960), note, font=_font(22), fill=(140, 140, 140), anchor="mm")
    return _jpeg(image)


def _pattern(draw: ImageDraw.ImageDraw, seed: bytes) -> None:
    """Draw squares as on a real certificate, by which pages of one template are told apart."""
    for place in range(len(seed) * 8):
        row, column = divmod(place, 16)
        if seed[place // 8] >> place % 8 & 1:
            left, top = 480 + column * 11, 700 + row * 11
            draw.rectangle((left, top, left + 10, top + 10), fill=(60, 60, 60))


def paper_pdf(title: str, lines: tuple[str, ...] = (), *, proof: str = "") -> bytes:
    """Make the same page a PDF."""
    target = io.BytesIO()
    Image.open(io.BytesIO(paper(title, lines, proof=proof))).save(target, "PDF", resolution=96)
    return target.getvalue()


def _jpeg(image: Image.Image) -> bytes:
    target = io.BytesIO()
    image.save(target, "JPEG", quality=86, dpi=(300, 300))
    return target.getvalue()
