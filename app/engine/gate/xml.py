"""From bytes to a tree: hostile files (恶意文件) are refused before any tree is built.

A streaming scan with small limits comes first; it stops at the first violation, so that a file
of any kind costs at most MAX_BYTES of reading.
"""

import re
from typing import Any
from xml.parsers import expat

from app.engine.diagrams import DefinitionError, read_xml
from app.engine.gate.findings import Finding, Refused

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 40
MAX_ELEMENTS = 10_000
MAX_ATTRIBUTES = 40
MAX_ATTRIBUTE_LENGTH = 4_000
_CHUNK = 64 * 1024
_DECLARED_ENCODING = re.compile(rb"""^<\?xml[^>]*?encoding\s*=\s*["']([\w.-]+)["']""")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_ENCODINGS = (b"utf-8", b"utf8", b"us-ascii")


def read_tree(file: str, data: bytes) -> Any:
    """Return the root element of a file that passed every limit.

    Raises Refused with one finding for any other file.
    """
    _refuse_bytes(file, data)
    _Scan(file).run(data)
    try:
        return read_xml(data, file)
    except DefinitionError as error:
        raise _refusal(file, "xml.malformed", f"文件不是完整的 XML：{error}", _REDRAW) from error


_REDRAW = "请用流程设计器重新打开并保存后再上传"


def _refusal(file: str, rule: str, message: str, hint: str) -> Refused:
    return Refused(Finding(rule, "", file, message, hint, file=file))


def _refuse_bytes(file: str, data: bytes) -> None:
    """Guard memory and the parsers: size, emptiness, binary content and encoding."""
    if len(data) > MAX_BYTES:
        limit = MAX_BYTES // (1024 * 1024)
        raise _refusal(file, "file.size", f"文件超过 {limit} MB", "请拆分流程或去掉多余内容")
    if data.startswith(_UTF_16):
        raise _refusal(file, "file.encoding", "文件编码不是 UTF-8", "请以 UTF-8 编码另存")
    body = data.removeprefix(b"\xef\xbb\xbf")
    if not body.strip():
        raise _refusal(file, "file.empty", "文件是空的", "请上传流程设计器导出的文件")
    if b"\x00" in body:
        raise _refusal(file, "file.binary", "文件不是文本", "请上传 .bpmn 或 .dmn 文件")
    declared = _DECLARED_ENCODING.match(body[:4000])
    if declared and declared[1].lower() not in _ENCODINGS:
        raise _refusal(file, "file.encoding", "文件编码不是 UTF-8", "请以 UTF-8 编码另存")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refusal(
            file, "file.encoding", "文件编码不是 UTF-8", "请以 UTF-8 编码另存"
        ) from error


class _Scan:
    """Counts elements, depth and attributes while the bytes stream past."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.depth = 0
        self.elements = 0

    def run(self, data: bytes) -> None:
        """Read the file piece by piece; raises Refused at the first violation."""
        parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        try:
            for offset in range(0, len(data), _CHUNK):
                parser.Parse(data[offset : offset + _CHUNK], False)  # noqa: FBT003
            parser.Parse(b"", True)  # noqa: FBT003
        except expat.ExpatError as error:
            where = f"第 {error.lineno} 行第 {error.offset + 1} 列"
            message = f"文件不是完整的 XML（{where}）"
            raise _refusal(self.file, "xml.malformed", message, _REDRAW) from error

    def _doctype(self, *_ignored: object) -> None:
        raise _refusal(
            self.file, "xml.doctype", "文件含有 DOCTYPE 或实体声明", "请删去 <!DOCTYPE …> 一段"
        )

    def _start(self, _name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self.elements += 1
        if self.depth > MAX_DEPTH:
            self._too_much("xml.depth", f"元素嵌套超过 {MAX_DEPTH} 层", "请减少嵌套")
        if self.elements > MAX_ELEMENTS:
            self._too_much("xml.elements", f"元素超过 {MAX_ELEMENTS} 个", "请拆分流程")
        if len(attributes) > MAX_ATTRIBUTES:
            self._too_much("xml.attributes", f"属性超过 {MAX_ATTRIBUTES} 个", "请删去多余属性")
        if any(len(value) > MAX_ATTRIBUTE_LENGTH for value in attributes.values()):
            message = f"属性值超过 {MAX_ATTRIBUTE_LENGTH} 个字符"
            self._too_much("xml.attributes", message, "请缩短属性值")

    def _end(self, _name: str) -> None:
        self.depth -= 1

    def _too_much(self, rule: str, message: str, hint: str) -> None:
        raise _refusal(self.file, rule, message, hint)
