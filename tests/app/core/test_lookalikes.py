"""Pictures that look nearly the same are found when they come in, in a bounded number of rows."""

import io
import random
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import func, select

from app.core import cleaning, lookalikes, looking, storage, sweeping
from app.core.children import Busy
from app.core.clock import now
from app.core.db import db, transaction
from app.core.likeness import Likeness
from app.core.lookalikes import (
    MOST_TRIES,
    PAUSE,
    PictureBand,
    PictureLook,
    PictureTwin,
    UnseenPaper,
    lookalikes_of,
)
from app.core.uploads import PHOTO, Policy
from tests.builders.locks import locks_on
from tests.builders.portfolio import a_picture
from tests.builders.scanned import as_scanned
from tests.builders.scans import RESCANS, honour, record
from tests.builders.statements import statements_sent
from tests.conftest import START

pytestmark = pytest.mark.usefixtures("app")


def as_png(sheet: Image.Image) -> bytes:
    target = io.BytesIO()
    sheet.save(target, "PNG")
    return target.getvalue()


def kept(content: bytes, *, photo: bool = False) -> str:
    policy = PHOTO if photo else Policy()
    with transaction():
        file = storage.stage(io.BytesIO(content), "证书.png", policy, owner_id=None, now=now())
        return file.sha256


def again(seed: int, how: str) -> bytes:
    chance = random.Random(seed)
    return as_png(RESCANS[how](honour(chance), chance))


def counted(table: type[Any]) -> int:
    with transaction(write=False):
        return db.session.scalar(select(func.count()).select_from(table)) or 0


def near(*hashes: str) -> set[tuple[str, str]]:
    with transaction(write=False):
        return set(lookalikes_of(hashes))


def test_a_later_scan_is_paired_with_the_earlier_both_ways_round() -> None:
    first, later, other = kept(again(1, "double")), kept(again(1, "grey")), kept(again(2, "grey"))
    assert near(first) == {(first, later)}
    assert near(later) == {(later, first)}
    assert near(other) == set()


def test_a_large_picture_is_looked_at_by_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    small = kept(again(1, "compressed"))
    monkeypatch.setattr(cleaning, "LIGHT_PIXELS", 1000)
    monkeypatch.setattr(cleaning, "clean_into", None)
    large = kept(again(1, "smaller"))
    assert near(large) == {(large, small)}


def test_the_same_bytes_are_kept_once_and_photos_and_blanks_not_at_all() -> None:
    sheet = again(1, "grey")
    assert kept(sheet) == kept(sheet)
    kept(a_picture((250, 250, 250)))
    kept(as_png(record(random.Random(1)).resize((413, 579))), photo=True)
    assert counted(PictureLook) == 1
    assert counted(PictureTwin) == 0


def test_what_is_swept_is_forgotten_unless_another_file_has_its_bytes() -> None:
    sheet = again(1, "grey")
    kept(sheet)
    kept(again(1, "double"))
    with transaction():
        twin = storage.stage(io.BytesIO(sheet), "另存.png", Policy(), owner_id=None, now=now())
        storage.link(twin)
    with transaction():
        sweeping.sweep_staged(now() + timedelta(hours=49))
    assert (counted(PictureLook), counted(PictureTwin)) == (1, 0)
    with transaction(write=False):
        left = db.session.scalars(select(PictureBand.look_id).distinct()).all()
        assert left == list(db.session.scalars(select(PictureLook.id)))


def test_what_a_record_has_no_more_is_forgotten_unless_another_file_has_its_bytes() -> None:
    sheet = again(1, "grey")
    with transaction():
        first, second = (
            storage.stage(io.BytesIO(sheet), name, Policy(), owner_id=None, now=now())
            for name in ("身份证.png", "另存.png")
        )
        storage.link(first)
        storage.link(second)
        ids = [first.id, second.id]
    for file_id, left in zip(ids, (1, 0), strict=True):
        with transaction():
            sweeping.forget_files([file_id])
        assert counted(PictureLook) == left


def test_a_twin_cannot_be_swept_while_its_pair_is_written() -> None:
    kept(again(1, "double"))
    with locks_on("picture_look") as locks:
        later = kept(again(1, "grey"))
    assert locks == ["KEY SHARE"]
    assert len(near(later)) == 1


def test_each_page_of_a_short_pdf_has_a_look() -> None:
    pages = [honour(random.Random(seed)) for seed in (1, 2)]
    paper = kept(as_scanned(*pages))
    assert counted(PictureLook) == 2
    picture = kept(again(2, "smaller"))
    assert near(picture) == {(picture, paper)}


def test_the_search_reads_so_many_rows_however_many_share_a_template(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookalikes, "NEWEST", 3)
    monkeypatch.setattr(lookalikes, "MOST_COMPARED", 3)
    compared: list[bytes] = []

    class Counted(Likeness):
        def is_like(self, other: bytes) -> bool:
            compared.append(other)
            return super().is_like(other)

    monkeypatch.setattr(lookalikes, "Likeness", Counted)
    reads: list[int] = []
    for seed in range(1, 8):
        compared.clear()
        with statements_sent() as sent:
            kept(again(seed, "grey"))
        assert len(compared) <= 3
        reads.append(sum(text.startswith("SELECT") for text in sent))
    assert len(set(reads[1:])) == 1


def test_a_pdf_that_could_not_be_drawn_is_tried_again_so_often_and_no_more(
    monkeypatch: pytest.MonkeyPatch, at: Any
) -> None:
    real = cleaning.run_child

    def busy(module: str, *words: str, **more: Any) -> Any:
        if module == cleaning.LOOKER:
            raise Busy
        return real(module, *words, **more)

    scan, moment = kept(again(1, "smaller")), START
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(cleaning, "run_child", busy)
        drawn, never = (kept(as_scanned(honour(random.Random(seed)))) for seed in (1, 2))
        assert looking.look_again() == 0, "not before it has rested"
        at(moment := moment + 2 * PAUSE)
        assert looking.look_again() == 2
        assert looking.look_again() == 0
    assert (near(scan), counted(UnseenPaper)) == (set(), 2)
    with transaction():
        last = db.session.get_one(UnseenPaper, never)
        last.tries, last.due_at = MOST_TRIES - 1, moment + 9 * PAUSE
    at(moment := moment + 4 * PAUSE)
    assert looking.look_again() == 1
    assert near(scan) == {(scan, drawn)}
    at(moment := moment + 9 * PAUSE)
    monkeypatch.setattr(cleaning, "run_child", busy)
    assert looking.look_again() == 1
    at(moment + 99 * PAUSE)
    assert looking.look_again() == 0
    with transaction(write=False):
        left = db.session.scalars(select(UnseenPaper)).all()
        assert [(each.sha256, each.due_at) for each in left] == [(never, None)]
    with transaction():
        sweeping.sweep_staged(moment + 999 * PAUSE)
    assert (counted(UnseenPaper), counted(PictureLook)) == (0, 0)


def test_a_pdf_that_was_given_up_and_comes_again_is_compared_once_it_was_drawn_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scan, paper = kept(again(1, "smaller")), as_scanned(honour(random.Random(1)))
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(cleaning, "LOOKER", "app.core.nowhere")
        first = kept(paper)
    with transaction():
        db.session.get_one(UnseenPaper, first).due_at = None
    assert kept(paper) == first
    assert (counted(UnseenPaper), counted(PictureLook)) == (0, 2)
    assert near(scan) == {(scan, first)}
