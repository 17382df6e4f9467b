"""Cleaning what people upload: nothing is stored as it came if it could do harm."""

import io
import struct
from dataclasses import dataclass
from typing import IO, Any

import filetype
from PIL import Image, ImageOps

from app.core.errors import Invalid, TooLarge

MEDIA_TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MAX_PIXELS = 40_000_000
MAX_SIDE = 4000
MAX_PDF_PAGES = 500
FORBIDDEN_PDF_KEYS = {
    "/JavaScript",
    "/JS",
    "/Launch",
    "/EmbeddedFile",
    "/EmbeddedFiles",
    "/AA",
    "/RichMedia",
    "/XFA",
    "/SubmitForm",
    "/ImportData",
    "/GoToR",
    "/GoToE",
}
# Pixels are counted below: a warning, which the library gives, refuses nothing.
Image.MAX_IMAGE_PIXELS = None
# A PDF of a few hundred kilobytes can hold gigabytes of blanks.
MAX_PDF_STREAM = 100 * 2**20


@dataclass(frozen=True)
class Policy:
    """What a slot accepts: endings, bytes a file, and how many files."""

    types: tuple[str, ...] = ("jpg", "png", "pdf")
    max_bytes: int = 10 * 2**20
    max_count: int = 10
    photo: bool = False

    def describe(self) -> str:
        """Return the policy in the words of the page."""
        size = (
            f"{self.max_bytes // 2**20}MB"
            if self.max_bytes >= 2**20
            else f"{self.max_bytes // 1024}KB"
        )
        return f"支持 {'、'.join(self.types)}，单个不超过 {size}，最多 {self.max_count} 个"


PHOTO = Policy(types=("jpg", "png"), max_bytes=5 * 2**20, max_count=1, photo=True)
PHOTO_WIDTH, PHOTO_HEIGHT = 413, 579


def read_limited(stream: IO[bytes], policy: Policy) -> bytes:
    """Read at most what the policy allows; TooLarge beyond, Invalid when empty."""
    content = stream.read(policy.max_bytes + 1)
    if len(content) > policy.max_bytes:
        raise TooLarge(f"文件超过限制：{policy.describe()}")
    if not content:
        raise Invalid("文件是空的，请重新选择", field="file")
    return content


def sniff(content: bytes, policy: Policy) -> str:
    """Return the ending that the content itself shows; Invalid when the policy lacks it."""
    kind = filetype.guess(content)
    ending = kind.extension if kind else ""
    if ending not in policy.types:
        raise Invalid(f"文件类型不符（按内容识别）：{policy.describe()}", field="file")
    return ending


def clean(content: bytes, policy: Policy) -> tuple[bytes, str]:
    """Return harmless content and its media type; Invalid with the reason otherwise."""
    ending = sniff(content, policy)
    if ending in {"jpg", "png"}:
        return (clean_photo(content) if policy.photo else clean_image(content, ending)), (
            "image/jpeg" if policy.photo else MEDIA_TYPES[ending]
        )
    if ending == "pdf":
        refuse_active_pdf(content)
    return content, MEDIA_TYPES[ending]


def _open_image(content: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(content), formats=("JPEG", "PNG"))
        # Only the head has been read so far.
        if image.width * image.height > MAX_PIXELS:
            raise Invalid("图片像素过大，请压缩后上传", field="file")
        image.load()
        upright = ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise Invalid("图片已损坏，无法打开，请重新导出后上传", field="file") from error
    return upright if upright is not None else image


def clean_image(content: bytes, ending: str) -> bytes:
    """Re-encode an image upright and without hidden data (EXIF, appended programs)."""
    image = _open_image(content)
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    plain = image.convert("RGBA" if ending == "png" else "RGB")
    bare = Image.new(plain.mode, plain.size)
    bare.paste(plain)
    target = io.BytesIO()
    if ending == "png":
        bare.save(target, "PNG", optimize=False)
    else:
        bare.save(target, "JPEG", quality=88)
    return target.getvalue()


def clean_photo(content: bytes) -> bytes:
    """Return a certificate photo of 413x579 pixels; Invalid names what is wrong with it."""
    image = _open_image(content).convert("RGB")
    width, height = image.size
    if width < 295 or height < 413:
        raise Invalid(f"照片分辨率过低（{width}×{height}），应不小于 295×413 像素", field="file")
    if abs(width / height - 5 / 7) > 0.04:
        raise Invalid(
            f"照片比例不符（{width}×{height}），应为 5:7 的证件照，请裁剪后上传", field="file"
        )
    fitted = ImageOps.fit(image, (PHOTO_WIDTH, PHOTO_HEIGHT), Image.Resampling.LANCZOS)
    bare = Image.new("RGB", fitted.size)
    bare.paste(fitted)
    target = io.BytesIO()
    bare.save(target, "JPEG", quality=90, dpi=(300, 300))
    return target.getvalue()


def is_photo(content: bytes) -> bool:
    """Tell whether these bytes are what `clean_photo` makes: no other upload can pass for one."""
    try:
        image = Image.open(io.BytesIO(content), formats=("JPEG",))
    except OSError:
        return False
    return image.size == (PHOTO_WIDTH, PHOTO_HEIGHT)


def refuse_active_pdf(content: bytes) -> None:
    """Refuse a PDF that is broken, locked, too long or that would run something."""
    import pikepdf  # noqa: PLC0415 - costs memory that most workers never need

    pikepdf.settings.set_qpdf_limits(
        flate_max_memory=MAX_PDF_STREAM, run_length_max_memory=MAX_PDF_STREAM
    )
    try:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            if len(pdf.pages) > MAX_PDF_PAGES:
                raise Invalid(f"PDF 超过 {MAX_PDF_PAGES} 页，请拆分后上传", field="file")
            if _forbidden_keys(pdf):
                raise Invalid("PDF 含有脚本或自动动作，请另存为普通 PDF 后上传", field="file")
            # What could not be read could not be judged either.
            if any("error decoding" in str(warning) for warning in pdf.get_warnings()):
                raise Invalid("PDF 有无法读取的内容，请重新导出后上传", field="file")
    except pikepdf.PasswordError as error:
        raise Invalid("PDF 已加密，请取消密码后上传", field="file") from error
    except pikepdf.PdfError as error:
        raise Invalid("PDF 已损坏，无法打开，请重新导出后上传", field="file") from error


def _forbidden_keys(pdf: object) -> bool:
    """Look into every object, and into what is written inside it instead of beside it."""
    import pikepdf  # noqa: PLC0415

    waiting = list(pdf.objects)  # type: ignore[attr-defined]
    while waiting:
        item = waiting.pop()
        if isinstance(item, pikepdf.Array):
            parts = list(item)
        elif isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
            if _acts(item):
                return True
            parts = [value for _, value in item.items()]
        else:
            continue
        # What lies beside is in pdf.objects itself; following it would never end.
        waiting += [p for p in parts if isinstance(p, pikepdf.Object) and not p.is_indirect]
    return False


def _acts(item: Any) -> bool:
    import pikepdf  # noqa: PLC0415

    if FORBIDDEN_PDF_KEYS & set(item.keys()) or str(item.get("/S", "")) in FORBIDDEN_PDF_KEYS:
        return True
    # Office programs write which page to open first; anything else that opens by itself acts.
    opening = item.get("/OpenAction")
    return isinstance(opening, pikepdf.Dictionary) and str(opening.get("/S", "")) != "/GoTo"
