"""Judging files of the command line (命令行检查): one row a file, whatever the file is."""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from app.engine.gate.bundle import MAX_FILES
from app.engine.gate.findings import Finding, Verdict
from app.engine.gate.xml import MAX_BYTES

_REASONS = {
    errno.ENOENT: "没有这个文件",
    errno.ENOTDIR: "路径中有一段不是文件夹",
    errno.EISDIR: "这是文件夹，不是文件",
    errno.EACCES: "没有读取的权限",
    errno.EPERM: "没有读取的权限",
    errno.ELOOP: "链接绕成了圈",
    errno.ENAMETOOLONG: "路径太长",
    errno.EMFILE: "打开的文件太多",
    errno.EIO: "磁盘读取出错",
    errno.ENODEV: "不是普通文件",
    errno.ENXIO: "不是普通文件",
}
"""Why a file cannot be opened, in words."""


def lint_files(
    paths: Iterable[Path], *, judge: Callable[[Mapping[str, bytes]], Verdict]
) -> list[dict[str, object]]:
    """Let files be judged together as one bundle; returns one row a file for the command line.

    What is wrong with a file that was not given, such as a caller in force, stands in each row.
    """
    names = {_printable(path): path for path in paths}
    files: dict[str, bytes] = {}
    findings: list[Finding] = []
    for name, path in names.items():
        try:
            # A bundle of too many files is refused unread.
            files[name] = b"" if len(files) > MAX_FILES else _read(path)
        except OSError as error:
            message = f"文件打不开：{_in_words(error)}"
            hint = "请检查路径和权限"
            findings.append(Finding("file.unreadable", "", name, message, hint, file=name))
    if files:
        findings.extend(judge(files).findings)
    given = names.keys()
    return [
        _row(name, [each for each in findings if each.file == name or each.file not in given])
        for name in names
    ]


def _in_words(error: OSError) -> str:
    return _REASONS.get(error.errno or 0, "系统拒绝读取")


def _row(name: str, about: list[Finding]) -> dict[str, object]:
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
            raise OSError(errno.ENODEV, path.name)
        return stream.read(MAX_BYTES + 1)
