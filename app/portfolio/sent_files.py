"""Files that come with the form of an item: a page without scripts sends them so (附件)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.accounts.models import Person
from app.core import brought, receiving, storage
from app.core.errors import Invalid, TooLarge
from app.core.storage import Kept
from app.portfolio import attachments, item_types
from app.portfolio.models import PortfolioItem

NOT_TAKEN = "所选文件还没有上传，请处理上述内容后重新选择"


@dataclass(frozen=True)
class Sent:
    """The files that a form brings by slot, cleaned, and why others are not taken."""

    kept: Mapping[str, Sequence[Kept]]
    faults: Mapping[str, list[str]]

    @property
    def lost(self) -> dict[str, list[str]]:
        """What is said where the form is not saved: no page can hand files back."""
        return {slot: [NOT_TAKEN] for slot in self.kept}


NONE = Sent({}, {})


def cleaned(item: PortfolioItem, *, actor: Person) -> Sent:
    """Clean what the form brings into each slot; this takes long, and comes before any writing."""
    kept: dict[str, list[Kept]] = {}
    faults: dict[str, list[str]] = {}
    for slot in item_types.get(item.type_key).slots if item.can_edit else ():
        for sent in receiving.sent_as(brought.NEW + slot.name):
            try:
                policy = attachments.room_for(item, slot.name, None, actor=actor)
                kept.setdefault(slot.name, []).append(receiving.prepared(sent, policy))
            except (Invalid, TooLarge) as error:
                faults.setdefault(slot.name, []).append(error.message)
    return Sent(kept, faults)


def attach(
    item: PortfolioItem, sent: Sent, *, actor: Person, now: datetime
) -> dict[str, list[str]]:
    """Put what came behind what the slots have, and return by slot what they do not take."""
    faults = {slot: list(texts) for slot, texts in sent.faults.items()}
    for slot, files in sent.kept.items():
        for kept in files:
            stored = storage.lay(kept, owner_id=actor.id, now=now)
            try:
                attachments.attach_file(item, slot, stored.id, actor=actor, now=now)
            except Invalid as error:
                faults.setdefault(slot, []).append(f"{kept.name}：{error.message}")
    return faults
