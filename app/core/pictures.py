"""Pictures that people upload: encoded anew, upright, without what hides in them, and small."""

import os
import struct
from dataclasses import dataclass
from typing import IO

from PIL import Image, ImageOps, ImageStat, JpegImagePlugin

from app.core.errors import Invalid, TooLarge
from app.core.likeness import ink_of
from app.core.uploads import Policy

MAX_PIXELS = 40_000_000
# Longest side and quality, until the picture is as small as its place asks: a page of A4 stays
# legible at 2400 pixels.
STEPS = ((4000, 88), (4000, 75), (3000, 80), (2400, 75), (1800, 70), (1200, 65))
# How much coarser than it came a JPEG is written that would grow: as coarse is mostly enough.
COARSER = (1, 1.1, 1.5, 2)
PHOTO_WIDTH, PHOTO_HEIGHT = 413, 579
# A border is this wide at least, in the stored photo, and darker than any background of a studio.
BORDER, BLACK = 6, 24
BROKEN = "图片已损坏，无法打开，请重新导出后上传"
# Pixels are counted below: a warning, which the library gives, refuses nothing.
Image.MAX_IMAGE_PIXELS = None
_PALETTES = {"1": "L", "P": "RGBA"}
_FORMATS = {"jpg": "JPEG", "png": "PNG"}
_FAULTS = (OSError, SyntaxError, ValueError, struct.error)


def _begun(source: IO[bytes]) -> Image.Image:
    """Read the head of a picture only; Invalid for a broken one or too many pixels."""
    try:
        image: Image.Image = Image.open(source, formats=("JPEG", "PNG"))
    except _FAULTS as error:
        raise Invalid(BROKEN, field="file") from error
    if image.width * image.height > MAX_PIXELS:
        raise Invalid("图片像素过大，请压缩后上传", field="file")
    return image


def pixels_of(source: IO[bytes]) -> int:
    """Return how many pixels a picture says it has; Invalid for a broken one or too many."""
    image = _begun(source)
    return image.width * image.height


def _opened(source: IO[bytes]) -> Image.Image:
    """Return a picture upright, no larger than is kept; what is larger is decoded smaller."""
    image = _begun(source)
    try:
        side = STEPS[0][0]
        if image.mode in _PALETTES:
            # Made smaller as they are, they would lose lines and letters.
            image = image.convert(_PALETTES[image.mode])
        image.thumbnail((side, side))
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
    except _FAULTS as error:
        raise Invalid(BROKEN, field="file") from error
    return image


@dataclass(frozen=True)
class Cleaned:
    """The ending that a cleaned file has, and where the ink of its pictures lies."""

    ending: str
    inks: tuple[bytes, ...] = ()


def clean_picture(source: IO[bytes], target: IO[bytes], ending: str, policy: Policy) -> Cleaned:
    """Write a picture anew and say what it is now; Invalid or TooLarge says why not.

    Neither what its camera noted nor what was appended to it comes along. A large one without
    transparency becomes a JPEG where its place takes one. A JPEG does not grow.
    """
    image = _opened(source)
    if policy.photo:
        _write(_fitted(image), target, "jpg", quality=90, dpi=(300, 300))
        return Cleaned("jpg")
    is_clear = ending == "png" and image.has_transparency_data
    plain = image.convert("RGBA" if is_clear else "L" if image.mode == "L" else "RGB")
    plain.info.clear()
    ink = ink_of(plain)
    came = source.seek(0, os.SEEK_END)
    for side, quality in STEPS:
        plain.thumbnail((side, side))
        size = _write(plain, target, ending, quality=quality)
        if size > came and isinstance(image, JpegImagePlugin.JpegImageFile):
            size = _write_as_coarse(plain, target, image, came) or size
        if size <= policy.max_bytes:
            return Cleaned(ending, (ink,) if ink else ())
        if not is_clear and "jpg" in policy.types:
            ending = "jpg"
    raise TooLarge(f"图片压缩后仍超过限制：{policy.describe()}")


def _write(image: Image.Image, target: IO[bytes], ending: str, **how: object) -> int:
    target.seek(0)
    target.truncate()
    image.save(target, _FORMATS[ending], **how)
    return target.tell()


def _write_as_coarse(
    plain: Image.Image, target: IO[bytes], image: JpegImagePlugin.JpegImageFile, came: int
) -> int:
    """Write a JPEG as coarse as it came, coarser only where it would still grow.

    Returns 0 and writes nothing where its head does not tell how coarse it is.
    """
    layers = image.layer[: len(plain.getbands())]
    tables = [image.quantization[layer[3]] for layer in layers if layer[3] in image.quantization]
    while len(tables) > 1 and tables[-1] == tables[-2]:
        tables.pop()
    size = 0
    for coarser in COARSER if tables else ():
        size = _write(
            plain,
            target,
            "jpg",
            qtables=[[min(255, round(step * coarser)) for step in table] for table in tables],
            subsampling=JpegImagePlugin.get_sampling(image),
            optimize=True,
            progressive="progressive" in image.info,
        )
        if size <= came:
            break
    return size


def _fitted(image: Image.Image) -> Image.Image:
    """Return a certificate photo of 413x579 pixels; Invalid names what is wrong with it."""
    width, height = image.size
    wrong = []
    if abs(width / height - 5 / 7) > 0.04:
        wrong.append("比例不符，应为 5:7 的证件照，请裁剪后上传")
    if width < 295 or height < 413:
        wrong.append("分辨率过低，应不小于 295×413 像素")
    if wrong:
        raise Invalid(f"照片（{width}×{height}）{'；'.join(wrong)}", field="file")
    size = (PHOTO_WIDTH, PHOTO_HEIGHT)
    fitted = ImageOps.fit(image.convert("RGB"), size, Image.Resampling.LANCZOS)
    if _has_black_border(fitted):
        raise Invalid("照片边缘有黑边，请重新裁剪，选框不要超出照片", field="file")
    fitted.info.clear()
    return fitted


def _has_black_border(photo: Image.Image) -> bool:
    """Tell of a black strip along a side or the top; along the foot it may be a dark coat."""
    strips = (
        (0, 0, BORDER, photo.height),
        (photo.width - BORDER, 0, photo.width, photo.height),
        (0, 0, photo.width, BORDER),
    )
    grey = photo.convert("L")
    return any(ImageStat.Stat(grey.crop(each)).extrema[0][1] < BLACK for each in strips)


def is_photo(source: IO[bytes]) -> bool:
    """Tell whether this is what a photo's policy makes: no other upload can pass for one."""
    try:
        image = Image.open(source, formats=("JPEG",))
    except OSError:
        return False
    return image.size == (PHOTO_WIDTH, PHOTO_HEIGHT)
