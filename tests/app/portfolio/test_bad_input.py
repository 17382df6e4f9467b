"""What people who mean harm, or have bad luck, send to a portfolio: nothing of it comes in."""

import base64
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from PIL import Image

from app.accounts.models import Person
from app.core.db import db, transaction
from app.core.parts import PART, PartialUpload
from app.core.storage import StoredFile
from app.portfolio.models import ItemFile, PortfolioItem
from tests.builders import portfolio as build
from tests.builders.people import a_person, a_unit, staff
from tests.conftest import Browser

JSON = {"Accept": "application/json"}
SLOT = next(slot for slot in build.item_types.get("honor").slots if slot.required)
NOBODYS = 987_654


@pytest.fixture
def owner(app: Flask) -> Person:
    del app
    with transaction():
        return a_person("苏晓禾", unit=a_unit())


@pytest.fixture
def sender(client_for: Callable[..., Browser], owner: Person) -> Browser:
    return client_for(owner)


@pytest.fixture
def item_id(owner: Person) -> int:
    with transaction():
        return build.an_item(db.session.merge(owner), "honor").id


def strangers(owner: Person) -> dict[str, Person]:
    """A colleague, an applicant elsewhere, and the offices of another unit."""
    with transaction():
        elsewhere = a_unit("岭南小学", superior=True)
        item = db.session.query(PortfolioItem).filter_by(person_id=owner.id).first()
        assert item is not None
        return {
            "colleague": a_person("柏小满", roles=[("applicant", "all", None)]),
            "applicant elsewhere": a_person("卜文", unit=elsewhere),
            "clerk elsewhere": staff(elsewhere, "unit_clerk"),
            "leader elsewhere": staff(elsewhere, "unit_leader"),
        }


def routes(app: Flask) -> Iterator[tuple[str, str]]:
    """Every address that names an item, with its method."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("portfolio.") and "item_id" in rule.arguments:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield method, rule.rule


def filled(rule: str, item_id: int) -> str:
    """An address for an item; its other parts are such as there are."""
    known = {"item_id": item_id, "slot": SLOT.name, "file_id": 1}
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda part: str(known.get(part[1], 1)), rule)


def told(answer: Any) -> tuple[int, str]:
    """The answer without what no two pages share: tokens and the number that was asked for."""
    text = re.sub(r'(?:value|content)="[^"]*"', "", answer.text)
    return answer.status_code, text.replace(str(NOBODYS), "#")


def test_a_foreign_item_cannot_be_told_from_one_that_is_not_there(
    app: Flask, client_for: Callable[..., Browser], owner: Person, item_id: int
) -> None:
    before = state(item_id)
    addresses = list(routes(app))
    assert len(addresses) >= 8
    for who, person in strangers(owner).items():
        browser = client_for(person)
        for method, rule in addresses:
            theirs, nobodys = (
                told(browser.send(method, filled(rule, number), data={"name": "post"}))
                for number in (item_id, NOBODYS)
            )
            assert theirs == nobodys, (who, method, rule)
            assert theirs[0] in {403, 404}, (who, method, rule, theirs[0])
    assert state(item_id) == before


def state(item_id: int) -> tuple[Any, ...]:
    with transaction(write=False):
        db.session.expire_all()
        item = db.session.get_one(PortfolioItem, item_id)
        files = [(file.file_id, file.name) for file in item.files]
        return item.status, dict(item.data), item.row_version, files


@pytest.mark.parametrize("number", ["0", "-1", "9" * 30, "1e3", "%00", "１"])
def test_a_number_that_no_item_has_is_not_found(sender: Browser, number: str) -> None:
    assert sender.get(f"/portfolio/{number}").status_code == 404
    assert sender.post(f"/portfolio/{number}/fields", {"name": "post"}).status_code == 404


def test_a_number_of_thousands_of_digits_is_nobodys(sender: Browser, item_id: int) -> None:
    number, before = "9" * 5000, state(item_id)
    data: dict[str, Any] = {"name": SLOT.name, "value": [number]}
    assert sender.post(f"/portfolio/{item_id}/fields", data, headers=JSON).status_code == 404
    form = {**before[1], SLOT.name: [number], "row_version": before[2]}
    assert sender.post(f"/portfolio/{item_id}", form).status_code in {404, 422}
    assert sender.post("/portfolio/carry", {"id": number, "year": 2026}).status_code < 500
    pasted = sender.post("/portfolio/literature", {"text": "@article{a, title={x}}"}).location
    assert sender.post(pasted, {"pick": number}).status_code == 422
    assert sender.get(f"/portfolio/literature/{number}").status_code == 404
    assert state(item_id) == before


def test_a_foreign_file_comes_into_no_item(
    sender: Browser, client_for: Callable[..., Browser], item_id: int
) -> None:
    with transaction():
        other = a_person("柏小满", roles=[("applicant", "all", None)])
        theirs = build.an_upload(other).id
        linked = build.an_item(other, "honor").files[0].file_id
    before = state(item_id)
    for number in (theirs, linked, NOBODYS, "9" * 30):
        data: dict[str, Any] = {"name": SLOT.name, "value": [str(number)]}
        refused = sender.post(f"/portfolio/{item_id}/fields", data, headers=JSON)
        assert refused.status_code == 404, number
        form = {**before[1], SLOT.name: [str(number)], "row_version": before[2]}
        refused = sender.post(f"/portfolio/{item_id}", form)
        assert refused.status_code in {404, 422}, number
        url = f"/portfolio/{item_id}/files/{SLOT.name}/{number}/name"
        assert sender.post(url, {"name": "奖状"}, headers=JSON).status_code == 404
        assert client_for(None).get(f"/files/{number}").status_code != 200
    assert sender.get(f"/files/{theirs}").status_code == 404
    assert sender.get(f"/files/{linked}").status_code == 404
    assert state(item_id) == before


def test_a_foreign_upload_is_not_taken_into_an_item(
    sender: Browser, client_for: Callable[..., Browser], item_id: int
) -> None:
    with transaction():
        somebody = a_person("柏小满", roles=[("applicant", "all", None)])
    other, picture = client_for(somebody), build.a_picture()
    place = announce(other, "/files", len(picture)).location
    assert part(other, place, picture).status_code == 204
    url = f"/portfolio/{item_id}/files/{SLOT.name}"
    refused = sender.post(url, {"upload": place.rpartition("/")[2]}, headers=JSON)
    assert refused.status_code == 404
    assert len(state(item_id)[3]) == 1


def announce(sender: Browser, url: str, length: int, name: str = "证书.png") -> Any:
    wrapped = base64.b64encode(name.encode()).decode()
    headers = {"Upload-Length": str(length), "Upload-Metadata": f"filename {wrapped}", **JSON}
    return sender.send("POST", url, headers=headers)


def part(sender: Browser, place: str, content: bytes) -> Any:
    return sender.send(
        "PATCH",
        place,
        headers={"Upload-Offset": "0", **JSON},
        data=content,
        content_type="application/offset+octet-stream",
    )


def a_gif() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (20, 20)).save(target, "GIF")
    return target.getvalue()


def an_archive(inside: str = "word/document.xml", size: int = 10) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("../../../etc/passwd", "root")
        archive.writestr(inside, b"\0" * size)
    return target.getvalue()


def a_png_of(width: int, height: int) -> bytes:
    """A picture whose head says more than anybody could hold; its body is as small as can be."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 10_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


LIES = {
    "a program as a picture": ("证书.jpg", b"MZ\x90\x00" + b"\0" * 500, "类型不符"),
    "a page as a paper": (
        "证书.pdf",
        b"<!DOCTYPE html><script>alert(1)</script>" * 20,
        "类型不符",
    ),
    "a drawing with a script": ("证书.png", b"<svg onload='alert(1)'/>" * 20, "类型不符"),
    "another kind of picture": ("证书.png", a_gif(), "类型不符"),
    "an archive as a paper": ("证书.pdf", an_archive(), "类型不符"),
    "a bomb of zeros as a paper": ("证书.pdf", an_archive(size=50 * 2**20), "类型不符"),
    "a head without a body": ("证书.jpg", b"\xff\xd8\xff\xe0" + b"\0" * 500, "图片"),
    "a paper of nothing": ("证书.pdf", b"%PDF-1.7\n" + b"\0" * 500, "损坏"),
    "a bomb of pixels": ("证书.png", a_png_of(60_000, 60_000), "像素"),
    "a long strip of pixels": ("证书.png", a_png_of(2**31 - 1, 1), "图片|像素"),
    "nothing": ("证书.png", b"", "空"),
}


@pytest.mark.parametrize(("name", "content", "reason"), LIES.values(), ids=LIES)
@pytest.mark.parametrize("in_parts", [False, True], ids=["whole", "in parts"])
def test_what_lies_or_swells_is_refused_in_words_and_leaves_nothing(
    sender: Browser, item_id: int, name: str, content: bytes, reason: str, in_parts: bool
) -> None:
    before = state(item_id), count(StoredFile)
    url = f"/portfolio/{item_id}/files/{SLOT.name}"
    if in_parts:
        refused = announce(sender, url, len(content), name)
        if refused.status_code == 201:
            place = refused.location
            refused = part(sender, place, content[:PART])
            if refused.status_code == 204:
                refused = sender.post(url, {"upload": place.rpartition("/")[2]}, headers=JSON)
    else:
        refused = sender.post(url, {"file": (io.BytesIO(content), name)}, headers=JSON)
    assert refused.status_code in {413, 422}, refused.text
    assert re.search(reason, refused.json["error"]), refused.json
    assert (state(item_id), count(StoredFile)) == before


def count(table: Any) -> int:
    with transaction(write=False):
        found: int = db.session.query(table).count()
        return found


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../../etc/passwd.png", "passwd.png"),
        ("C:\\Users\\苏晓禾\\桌面\\证书.png", "证书.png"),
        ("证" * 200 + ".png", "证" * 116 + ".png"),
        ("证书\u202egnp.exe", "证书gnp.exe.png"),
        ("证书\r\nX-Evil: 1.png", "证书X-Evil: 1.png"),
        ("...", "未命名.png"),
        ("证书", "证书.png"),
        ("<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
    ],
)
def test_an_odd_name_is_kept_harmless_and_goes_out_as_it_is_shown(
    sender: Browser, item_id: int, name: str, kept: str
) -> None:
    picture, url = build.a_picture((1, 2, 3)), f"/portfolio/{item_id}/files/{SLOT.name}"
    place = announce(sender, url, len(picture), name).location
    part(sender, place, picture)
    answer = sender.post(url, {"upload": place.rpartition("/")[2]}, headers=JSON)
    assert (answer.status_code, answer.json["name"]) == (200, kept)
    page = sender.get(f"/portfolio/{item_id}").text
    assert "<img src=x" not in page
    got = sender.get(answer.json["url"])
    assert got.status_code == 200
    assert "X-Evil" not in got.headers


def test_a_name_of_200_signs_typed_anew_is_refused_beside_its_field(
    sender: Browser, item_id: int
) -> None:
    number = state(item_id)[3][0][0]
    url = f"/portfolio/{item_id}/files/{SLOT.name}/{number}/name"
    for name, reason in (("证" * 200, "现有 200 个字"), ("..\\证书", "不能含有"), (" ", "请填写")):
        refused = sender.post(url, {"name": name}, headers=JSON)
        assert (refused.status_code, reason in refused.json["errors"]["name"][0]) == (422, True)


# The parser leaves what had come of a file to the garbage collector, which closes it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("path", ["", "/fields", "/files/" + SLOT.name])
def test_a_request_that_breaks_off_changes_nothing(
    sender: Browser, item_id: int, path: str
) -> None:
    """The connection is lost while a form or a file is sent: less comes than was announced."""
    before = state(item_id), count(StoredFile), count(ItemFile)
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + build.a_picture()
        if "files" in path
        else b"name=title&value=%E5%A5%96"
    )
    kind = "multipart/form-data; boundary=x" if "files" in path else None
    answer = sender.send(
        "POST",
        f"/portfolio/{item_id}{path}",
        input_stream=io.BytesIO(body),
        content_type=kind or "application/x-www-form-urlencoded",
        headers=JSON,
        environ_overrides={"CONTENT_LENGTH": str(len(body) + 5000)},
    )
    assert answer.status_code in {400, 413, 422}, answer.text
    assert answer.json["error"]
    assert (state(item_id), count(StoredFile), count(ItemFile)) == before


def test_what_was_sent_before_the_connection_broke_is_not_sent_again(
    sender: Browser, item_id: int
) -> None:
    """In parts: the slot judges at both ends, and an answer that was lost is given again."""
    picture = build.a_picture((4, 5, 6))
    url = f"/portfolio/{item_id}/files/{SLOT.name}"
    place = announce(sender, url, len(picture)).location
    assert part(sender, place, picture[:-10]).status_code == 422
    assert sender.post(url, {"upload": place.rpartition("/")[2]}, headers=JSON).status_code == 409
    assert part(sender, place, picture).status_code == 204
    first, again = (
        sender.post(url, {"upload": place.rpartition("/")[2]}, headers=JSON) for _ in range(2)
    )
    assert (first.status_code, again.json) == (200, first.json)
    assert len(state(item_id)[3]) == 2
    assert count(PartialUpload) == 1
