"""Judging files of the command line (命令行检查): one row a file, whatever the file is."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from app.engine.gate.bundle import MAX_FILES
from app.engine.gate.findings import Finding
from app.engine.gate.known import Known
from app.engine.gate.platform import known_here
from app.engine.gate.sandbox import check
from app.engine.gate.xml import MAX_BYTES


def lint_files(paths: Iterable[Path], *, known: Known | None = None) -> list[dict[str, object]]:
    """Check files together as one bundle; returns one row a file for the command line."""
    names = {_printable(path): path for path in paths}
    files: dict[str, bytes] = {}
    findings: list[Finding] = []
    for name, path in names.items():
        try:
            # A bundle of too many files is refused unread.
            files[name] = b"" if len(files) > MAX_FILES else _read(path)
        except OSError as error:
            message = f"文件打不开：{error.strerror or '不是普通文件'}"
            hint = "请检查路径和权限"
            findings.append(Finding("file.unreadable", "", name, message, hint, file=name))
    if files:
        findings.extend(check(files, known=known or known_here()).findings)
    return [_row(name, findings) for name in names]


def _row(name: str, findings: list[Finding]) -> dict[str, object]:
    about = [finding for finding in findings if finding.file in {name, ""}]
    ok = all(finding.severity != "error" for finding in about)
    return {"file": name, "ok": ok, "findings": [finding.as_dict() for finding in about]}


def _printable(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "replace")


def _read(path: Path) -> bytes:
    """Read no more of a file than what shows that it is too large. Raises OSError."""
    # A pipe would keep us waiting for its writer.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError
        return stream.read(MAX_BYTES + 1)
