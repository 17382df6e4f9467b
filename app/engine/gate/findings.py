"""What the publish gate says: findings (问题) and the verdict (检查结论)."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Literal

Severity = Literal["error", "warning"]
MAX_FINDINGS = 200
MAX_QUOTE = 60
MAX_MESSAGE = 400
MAX_ELEMENT = 120


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one element, and what to do about it."""

    rule: str
    element: str
    name: str
    message: str
    hint: str
    severity: Severity = "error"
    file: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the fields by name, for JSON and the command line."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's answer about a bundle; a bundle without errors may be published."""

    findings: tuple[Finding, ...] = ()
    process_ids: tuple[str, ...] = ()
    # Each uploaded file with the name it was judged under, where uploads replace files in force.
    names: tuple[tuple[str, str], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing forbids publishing; warnings do not."""
        return all(finding.severity != "error" for finding in self.findings)


class Refused(Exception):
    """A file that cannot be looked at any further; carries its one finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def quoted(text: str) -> str:
    """Return a piece of the file short enough for a message."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_QUOTE else f"{line[:MAX_QUOTE]}…"


def refusal(rule: str, message: str, hint: str) -> Verdict:
    """Return the verdict on uploads that are refused as a whole."""
    return Verdict((Finding(rule, "", "上传的文件", message, hint),))


def verdict_of(findings: Iterable[Finding], process_ids: Iterable[str]) -> Verdict:
    """Return the verdict: each finding once, errors first, at most MAX_FINDINGS, none long."""
    once = list(dict.fromkeys(map(_clipped, findings)))
    once.sort(key=lambda finding: finding.severity != "error")
    return Verdict(tuple(once[:MAX_FINDINGS]), tuple(process_ids))


def _clipped(finding: Finding) -> Finding:
    """Return a finding without the long texts that a file may put into its names."""
    message, element = finding.message[:MAX_MESSAGE], finding.element[:MAX_ELEMENT]
    return replace(finding, message=message, element=element, name=quoted(finding.name))
