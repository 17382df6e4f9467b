"""What the public home page lists: plans, results in publicity, and whatever rooms add."""

from collections.abc import Callable
from datetime import datetime

from app.core.panels import Panel

Block = Callable[[datetime], Panel | None]
_blocks: list[tuple[int, Block]] = []


def register_block(order: int) -> Callable[[Block], Block]:
    """Register a box of the public home page; lower orders come first."""

    def keep(block: Block) -> Block:
        if block not in [known for _, known in _blocks]:
            _blocks.append((order, block))
            _blocks.sort(key=lambda pair: pair[0])
        return block

    return keep


def public_blocks(now: datetime) -> list[Panel]:
    """Return the boxes of the public home page."""
    return [panel for _, block in _blocks if (panel := block(now)) is not None]
