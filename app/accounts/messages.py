"""Messages (消息) as a page shows them: many of one day about one matter are folded into one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

FOLDED_FROM, FOLDED_MOST = 3, 50
OTHER = "其他事项"
MATTERS = {
    "portfolio": "业绩档案",
    "declarations": "职称申报",
    "plans": "评审计划",
    "meetings": "评审会议",
    "publicity": "公示",
    "objections": "异议处理",
    "certificates": "证书",
    "replacements": "证书换发",
    "binding": "单位绑定",
    "tasks": "待办任务",
    "account": "个人账号",
}


@dataclass
class Bundle:
    """The messages of one day about one matter, no more of them than a page can show."""

    day: date
    matter: str
    items: list[Any] = field(default_factory=list)

    @property
    def unread(self) -> int:
        """How many of them were not opened."""
        return sum(item.read_at is None for item in self.items)

    @property
    def is_folded(self) -> bool:
        """Tell whether they are shown as one line that unfolds."""
        return len(self.items) >= FOLDED_FROM


def bundles(messages: Iterable[Any]) -> Sequence[Bundle]:
    """Group messages by day and matter, in the order in which each group first appears.

    As much of a message is enough as says when it was written and where it leads.
    """
    found: list[Bundle] = []
    latest: dict[tuple[date, str], Bundle] = {}
    for message in messages:
        matter = MATTERS.get(message.url.strip("/").split("/")[0], OTHER)
        place = (message.created_at.date(), matter)
        if place not in latest or len(latest[place].items) == FOLDED_MOST:
            latest[place] = Bundle(*place)
            found.append(latest[place])
        latest[place].items.append(message)
    return found
