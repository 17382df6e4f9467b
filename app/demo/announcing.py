"""What the offices of the demonstration have published, each at its day."""

from collections.abc import Mapping
from typing import Any

from app.accounts.models import Person
from app.core.clock import now
from app.core.db import db, transaction
from app.core.storage import StoredFile
from app.demo.paperwork import upload
from app.demo.stage import Stage, read_data
from app.notices import operations
from app.notices.access import kept_jurisdictions
from app.notices.models import Kind


def publish_articles(stage: Stage) -> None:
    """Enter notices and policies, dated by their days before the day of the demonstration."""
    with transaction():
        for row in read_data("articles")["article"]:
            _publish(stage, row)


def _publish(stage: Stage, row: Mapping[str, Any]) -> None:
    by, moment = stage.person(row["by"]), stage.moment(row)
    place = (kept_jurisdictions(by.id, now()) or [""])[0]
    days = {f"effective_{word}": stage.day(row[word]) for word in ("from", "until") if word in row}
    files = [_file(by, title) for title in row.get("files", ())]
    values = {**row, **days, "body": row["body"].strip()}
    article = operations.write_article(
        Kind(row["kind"]), place, values, files, actor=by, now=moment
    )
    if not row.get("draft"):
        operations.publish_article(article, at=None, actor=by, now=moment)
    if row.get("pinned"):
        operations.pin_article(article, pinned=True, actor=by, now=moment)


def _file(by: Person, title: str) -> StoredFile:
    lines = ("本附件为演示材料", "正式文件以主管部门发布的为准")
    return db.session.get_one(StoredFile, upload(by, title, types=("pdf",), lines=lines))
