"""What reviewers read of two claims of the same (重复申报提示的用语)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from app.core.storage import StoredFile
from app.core.uploads import MEDIA_TYPES
from app.portfolio.item_types import ItemType


class Same(IntEnum):
    """What two claims have in common, the plainest first."""

    ACHIEVEMENT = 0
    FILE = 1
    PICTURE = 2


WORDS = {Same.ACHIEVEMENT: "业绩相同", Same.FILE: "附件相同", Same.PICTURE: "图片相近"}


def word_of(same: Same, files: Sequence[StoredFile]) -> str:
    """Return what is the same in two files; of a PDF it is one of its pages."""
    is_page = same is Same.PICTURE and any(file.media_type == MEDIA_TYPES["pdf"] for file in files)
    return "页面相近" if is_page else WORDS[same]


def label_of(kind: ItemType, slot: str) -> str:
    """Return the name of a slot; the type as it was shown may not have it, or no longer."""
    labels = {each.name: each.label for each in kind.slots}
    return labels.get(slot, "附件") if slot else ""


@dataclass(frozen=True)
class Unseen:
    """An attachment whose pages could not be drawn yet, and whether that is tried again."""

    name: str
    is_tried_again: bool

    @property
    def words(self) -> str:
        """What the reviewer is told: that the machine has said nothing of it."""
        next_step = "平台稍后再试" if self.is_tried_again else "多次尝试未能读取页面，请人工核对"
        return f"附件“{self.name}”未能比对，{next_step}"


Place = tuple[int | None, int | None]


def clash_of(own: Place, theirs: Place) -> str:
    """Return in what two claims of one achievement contradict each other, or nothing.

    One place is held by one person, and as many took part whoever tells of it.
    """
    clashes = []
    if own[0] is not None and own[0] == theirs[0]:
        clashes.append(f"排名冲突：均为第 {own[0]} 名")
    if own[1] is not None and theirs[1] is not None and own[1] != theirs[1]:
        clashes.append(f"参与人数不一致：此处 {own[1]} 人，对方 {theirs[1]} 人")
    return "；".join(clashes)
