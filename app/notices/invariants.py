"""Laws of articles."""

from sqlalchemy import select

from app.core.db import db
from app.core.invariants import invariant
from app.notices.models import Article


@invariant("公告和政策所示的版本存在且连续")
def versions_are_there() -> list[str]:
    """An article has every version from the first to the latest, and so the one it shows."""
    return [
        f"文章 {article.id} 的版本不连续"
        for article in db.session.scalars(select(Article))
        if sorted(version.no for version in article.versions)
        != list(range(1, article.latest_no + 1))
    ]
