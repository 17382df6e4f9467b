"""What people may upload: kinds, sizes and numbers, judged by content and never by a name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

import filetype

from app.core.errors import Invalid, TooLarge

MEDIA_TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
PICTURES = frozenset({"jpg", "png"})
# What a camera may make of a page; it is compressed to what its place takes.
MAX_PICTURE_BYTES = 30 * 2**20
# As much of a file as tells its kind.
HEAD = 8192


@dataclass(frozen=True)
class Policy:
    """What a slot accepts: endings, bytes a file, and how many files."""

    types: tuple[str, ...] = ("jpg", "png", "pdf")
    max_bytes: int = 10 * 2**20
    max_count: int = 10
    photo: bool = False

    @property
    def most_bytes(self) -> int:
        """Return what may be sent: pictures are compressed, so more of them may come."""
        takes_pictures = not PICTURES.isdisjoint(self.types)
        return max(self.max_bytes, MAX_PICTURE_BYTES) if takes_pictures else self.max_bytes

    def describe(self) -> str:
        """Return the policy in the words of the page."""
        size = (
            f"{self.max_bytes // 2**20} MB"
            if self.max_bytes >= 2**20
            else f"{self.max_bytes // 1024} KB"
        )
        kinds = "、".join(self.types)
        if self.max_count == 1:
            return f"支持 {kinds}，一个文件，不超过 {size}"
        return f"支持 {kinds}，单个不超过 {size}，最多 {self.max_count} 个"


HEIC = frozenset({"heic", "heif"})
"""What phones take photos as, and few programs read."""
PHOTO = Policy(types=("jpg", "png"), max_bytes=5 * 2**20, max_count=1, photo=True)

PolicyFinder = Callable[[str], Policy | None]
_policies: list[PolicyFinder] = [{"photo": PHOTO}.get]


def register_policy(finder: PolicyFinder) -> PolicyFinder:
    """Register where an upload policy is found by its name, such as plan_notice."""
    _policies.append(finder)
    return finder


def upload_policy(name: str) -> Policy:
    """Return the policy that a room has registered under a name; without one, the common one."""
    if not name:
        return Policy()
    found = next((policy for finder in _policies if (policy := finder(name))), None)
    if found is None:
        raise Invalid("未知的附件类别", field="file")
    return found


def read_limited(stream: IO[bytes], policy: Policy) -> bytes:
    """Read at most what the policy allows; TooLarge beyond, Invalid when empty."""
    content = stream.read(policy.max_bytes + 1)
    if len(content) > policy.max_bytes:
        raise TooLarge(f"文件超过限制：{policy.describe()}")
    if not content:
        raise Invalid("文件是空的，请重新选择", field="file")
    return content


def sniff(head: bytes, size: int, policy: Policy) -> str:
    """Return the ending that the beginning of a file shows.

    Invalid when the policy lacks it or the file is empty, TooLarge when it is longer than that.
    """
    if not size:
        raise Invalid("文件是空的，请重新选择", field="file")
    kind = filetype.guess(head[:HEAD])
    ending = kind.extension if kind else ""
    if size > (policy.most_bytes if ending in PICTURES else policy.max_bytes):
        raise TooLarge(f"文件超过限制：{policy.describe()}")
    if ending in HEIC and "jpg" in policy.types:
        raise Invalid("HEIC 照片请先在看图软件中另存为 JPG，再上传", field="file")
    if ending not in policy.types:
        raise Invalid(f"文件类型不符（按内容识别）：{policy.describe()}", field="file")
    return ending
