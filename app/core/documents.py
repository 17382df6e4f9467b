"""Documents that people upload are kept as they are, so those that would act are refused."""

import zipfile
from typing import IO, Any, BinaryIO, cast

from app.core.errors import Invalid

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
# A file of a few hundred kilobytes can hold gigabytes of blanks.
MAX_PDF_STREAM = 100 * 2**20
MAX_PARTS = 5000
MAX_UNPACKED = 200 * 2**20
MAX_LINKS = 2**20


def refuse_document(source: IO[bytes], ending: str) -> None:
    """Refuse a document that is broken, locked, swells, or would run or fetch something."""
    if ending == "pdf":
        refuse_active_pdf(source)
    else:
        refuse_active_office(source)


def refuse_active_pdf(source: IO[bytes]) -> None:
    """Refuse a PDF that is broken, locked, too long or that would run something."""
    import pikepdf  # noqa: PLC0415 - costs memory that most workers never need

    pikepdf.settings.set_qpdf_limits(
        flate_max_memory=MAX_PDF_STREAM, run_length_max_memory=MAX_PDF_STREAM
    )
    try:
        with pikepdf.open(cast("BinaryIO", source)) as pdf:
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


def refuse_active_office(source: IO[bytes]) -> None:
    """Refuse a text or a spreadsheet that is broken, swells, or brings programs with it."""
    try:
        with zipfile.ZipFile(source) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise Invalid("文件解压后过大，请减少图片后上传", field="file")
            if any(_runs(part.filename.lower()) for part in parts):
                raise Invalid("文件含有宏或控件，请另存为不含宏的文件后上传", field="file")
            links = [part for part in parts if part.filename.lower().endswith(".rels")]
            if any(_fetches(archive, part) for part in links):
                raise Invalid("文件引用了外部模板或对象，请另存为普通文件后上传", field="file")
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as error:
        raise Invalid("文件已损坏或已加密，无法打开，请重新导出后上传", field="file") from error


def _runs(name: str) -> bool:
    return name.endswith("vbaproject.bin") or "/activex/" in name


def _fetches(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """Tell whether opening the document fetches something from elsewhere, as a template does."""
    if part.file_size > MAX_LINKS:
        return True
    links = archive.read(part).replace(b"'", b'"').lower().split(b"<relationship ")
    return any(
        b'targetmode="external"' in link and (b"template" in link or b"/oleobject" in link)
        for link in links
    )
