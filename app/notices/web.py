"""What the pages of articles share: the blueprint, the shelves, what an address asks for."""

from flask import Blueprint, request

from app.core.uploads import Policy, register_policy
from app.notices.models import Kind
from app.notices.queries import Filters
from forms import load

bp = Blueprint("notices", __name__)

SHELVES = {Kind.NOTICE: "notices", Kind.POLICY: "policies"}
KIND_OF = {shelf: kind for kind, shelf in SHELVES.items()}
FORMS = {Kind.NOTICE: "notices/notice", Kind.POLICY: "notices/policy"}
POLICIES = {
    "article": Policy(types=("pdf", "docx", "xlsx", "jpg", "png"), max_bytes=20 * 2**20),
}
register_policy(POLICIES.get)


def categories_of(kind: Kind) -> list[tuple[str, str]]:
    """Return the categories of a kind of articles, as its form offers them."""
    return list(load(FORMS[kind]).field("category").choices)


def filters() -> Filters:
    """Return what the address asks to see of a list of articles."""
    args = request.args
    return Filters(
        text=args.get("q", ""),
        category=args.get("category", ""),
        year=args.get("year", type=int),
        jurisdiction=args.get("place", ""),
        validity=args.get("validity", ""),
    )
