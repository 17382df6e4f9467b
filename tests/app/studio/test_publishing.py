"""Process admins look at processes and publish new versions; the gate stands in between."""

import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from app.core.clock import now
from app.core.db import current_transaction, db, transaction
from app.engine.definitions import publish_version
from app.engine.gate import bundle, check
from app.engine.gate.xml import read_tree
from app.engine.models import InstanceStatus, ProcessInstance, ProcessVersion
from app.studio import judging, operations, queries
from tests.builders.people import a_person
from tests.engine.gate_builder import KNOWN, Drawing, service

FIRST = Drawing(process_id="sample")
SECOND = FIRST.replacing('name="单位审核"', 'name="单位初审"')


@pytest.fixture(autouse=True)
def small_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform that offers what the sample diagram names."""
    monkeypatch.setattr(judging, "known_here", lambda homes, **_: replace(KNOWN, homes=homes))
    monkeypatch.setattr(operations, "source", lambda key, _jurisdiction: f"title: {key}")


@pytest.fixture
def version(app: Any) -> ProcessVersion:
    with transaction():
        files = {"sample.bpmn": FIRST.bytes()}
        made = publish_version("sample", "", files, {}, actor_id=None, now=now())
        instance = ProcessInstance(
            version_id=made.id,
            process_key="sample",
            bundle_hash=made.bundle_hash,
            business_type="declaration",
            business_id=1,
            jurisdiction="",
            status=InstanceStatus.RUNNING,
            started_at=now(),
        )
        db.session.add(instance)
    return made


def upload(browser: Any, version: ProcessVersion, content: bytes, name: str = "x.bpmn") -> Any:
    files = {"files": (io.BytesIO(content), name)}
    url = f"/studio/processes/{version.id}/check"
    return browser.post(url, files, content_type="multipart/form-data")


class _Drawings(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if xml := given.get("data-xml"):
            self.found.append((xml, json.loads(given["data-state"] or "")))


def drawings_in(page: str) -> list[tuple[str, Any]]:
    """The uploaded diagrams that a page draws, each with its marks."""
    parser = _Drawings()
    parser.feed(page)
    return parser.found


def test_the_list_shows_every_process_in_force(browser: Any, version: ProcessVersion) -> None:
    page = browser.get("/studio/processes").text
    assert "示例流程" in page
    assert "第 1 版" in page


def test_a_process_shows_its_diagram_and_what_runs(browser: Any, version: ProcessVersion) -> None:
    page = browser.get(f"/studio/processes/{version.id}").text
    assert f"/studio/processes/{version.id}/diagram.bpmn" in page
    assert "当前在办 1 件" in page


def test_the_diagram_can_be_downloaded(browser: Any, version: ProcessVersion) -> None:
    response = browser.get(f"/studio/processes/{version.id}/diagram.bpmn")
    assert response.data == FIRST.bytes()
    assert "sample-v1.bpmn" in response.headers["Content-Disposition"]
    other = f"/studio/processes/{version.id}/diagram.bpmn?process=nothing"
    assert browser.get(other).status_code == 404


def test_a_faulty_upload_is_refused_with_names_and_hints(
    browser: Any, version: ProcessVersion
) -> None:
    spoiled = FIRST.with_(publish=service("publish", "nothing"))
    response = upload(browser, version, spoiled.bytes())
    assert response.status_code == 422
    assert "平台没有名为“nothing”的处理" in response.text.replace("&#34;", '"')
    assert "请改成平台已有的处理" in response.text
    [drawn] = drawings_in(response.text)
    assert drawn == (spoiled.text(), {"faulty": ["publish"]})


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\x00", b"<!DOCTYPE a><a/>"])
def test_what_is_no_diagram_is_refused(
    browser: Any, version: ProcessVersion, content: bytes
) -> None:
    response = upload(browser, version, content)
    assert response.status_code == 422
    assert drawings_in(response.text) == []


def test_no_file_at_all_is_refused(browser: Any, version: ProcessVersion) -> None:
    response = browser.post(f"/studio/processes/{version.id}/check")
    assert response.status_code == 422
    assert "没有上传文件" in response.text


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("改名.bpmn", "原样.bpmn"), "“原样.bpmn”和“改名.bpmn”是同一个流程，只能有一个"),
        (("x.bpmn", "x.bpmn"), "上传的文件有重名"),
    ],
)
def test_two_files_of_one_process_are_refused_by_their_names(
    browser: Any, version: ProcessVersion, names: tuple[str, str], told: str
) -> None:
    contents = (SECOND.bytes(), FIRST.bytes())
    files = [(io.BytesIO(each), name) for each, name in zip(contents, names, strict=True)]
    url = f"/studio/processes/{version.id}/check"
    answer = browser.post(url, {"files": files}, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert told in answer.text


def test_what_is_wrong_with_an_upload_is_said_at_its_field(
    browser: Any, version: ProcessVersion
) -> None:
    url = f"/studio/processes/{version.id}/check"
    twice = [(io.BytesIO(FIRST.bytes()), "x.bpmn") for _ in range(2)]
    many = [(io.BytesIO(b"x"), f"{number}.bpmn") for number in range(31)]
    for files, status, said in ((twice, 422, "上传的文件有重名"), (many, 413, "一次最多上传")):
        answer = browser.post(url, {"files": files}, content_type="multipart/form-data")
        assert answer.status_code == status
        assert f'id="files-error">{said}' in answer.text
        assert 'aria-describedby="files-said files-error"' in answer.text


def checked(browser: Any, version: ProcessVersion, content: bytes, name: str = "x.bpmn") -> Any:
    """Upload what passes the gate; returns the address of the page that asks for a note."""
    response = upload(browser, version, content, name)
    assert response.status_code == 303
    return response.location


def staged(address: str) -> dict[str, Any]:
    """Return the hidden fields that carry the staged files."""
    return {"upload": parse_qs(urlsplit(address).query)["upload"]}


def test_a_sound_upload_shows_what_changes_and_is_published_after_a_note(
    browser: Any, version: ProcessVersion
) -> None:
    address = checked(browser, version, SECOND.bytes(), "下载 (1).bpmn")
    page = browser.get(address).text
    assert "单位初审" in page
    assert "在办的 1 件继续使用各自的版本" in page
    url = f"/studio/processes/{version.id}/publish"
    published = browser.post(url, {**staged(address), "note": "改名"})
    assert published.status_code == 303
    page = browser.get(published.headers["Location"]).text
    assert "第 2 版" in page
    assert "改名" in page
    with transaction(write=False):
        running = db.session.query(ProcessInstance).one()
        assert running.version_id == version.id


@pytest.mark.parametrize(
    ("note", "said"), [(" ", "请填写版本说明"), ("长" * 501, "不能超过 500 字")]
)
def test_a_faulty_note_is_said_at_its_field_and_nothing_is_lost(
    browser: Any, version: ProcessVersion, note: str, said: str
) -> None:
    address = checked(browser, version, SECOND.bytes())
    url = f"/studio/processes/{version.id}/publish"
    refused = browser.post(url, {**staged(address), "note": note})
    assert refused.status_code == 422
    field = refused.text.split('data-field="note"')[1].split("</div>")[0:2]
    assert said in "".join(field)
    assert "单位初审" in refused.text
    assert f'name="upload" value="{staged(address)["upload"][0]}"' in refused.text
    assert note.strip() in refused.text
    assert browser.post(url, {**staged(address), "note": "改名"}).status_code == 303


def test_a_large_diagram_is_published_too(browser: Any, version: ProcessVersion) -> None:
    comment = f"<!--{'注' * 900}-->".encode() * 600
    large = SECOND.bytes().replace(b"</bpmn:definitions>", comment + b"</bpmn:definitions>")
    files = {"files": FileStorage(io.BytesIO(large), "x.bpmn"), "csrf_token": browser.token()}
    boundary, body = encode_multipart(files)
    kind = f"multipart/form-data; boundary={boundary}"
    browser.forget()
    url = f"/studio/processes/{version.id}"
    response = browser.client.post(f"{url}/check", data=body, content_type=kind)
    assert response.status_code == 303
    answer = {**staged(response.location), "note": "改名"}
    published = browser.post(f"{url}/publish", answer)
    assert published.status_code == 303
    assert browser.get(f"{published.location}/diagram.bpmn").data == large


def test_what_somebody_else_uploaded_cannot_be_published(
    app: Any, browser: Any, client_for: Callable[..., Any], version: ProcessVersion
) -> None:
    address = checked(browser, version, SECOND.bytes())
    with transaction():
        colleague = a_person("卜文", roles=[("process_admin", "all", None)])
    other = client_for(colleague)
    assert other.get(address).status_code == 404
    url = f"/studio/processes/{version.id}/publish"
    assert other.post(url, {**staged(address), "note": "改名"}).status_code == 404
    assert other.get(url).status_code == 404


def test_what_the_gate_refuses_cannot_be_published_past_it(
    app: Any, client_for: Callable[..., Any], version: ProcessVersion
) -> None:
    with transaction():
        admin = a_person("晏如初", roles=[("process_admin", "all", None)])
        files = operations.store_uploads({"a.bpmn": b"<a/>"})
        kept = operations.stage_uploads(files, owner_id=admin.id, now=now())
        answer = {"upload": kept[0].id, "note": "绕过"}
    response = client_for(admin).post(f"/studio/processes/{version.id}/publish", answer)
    assert response.status_code == 422
    with transaction(write=False):
        assert len(queries.versions_of(queries.version(version.id))) == 1


@pytest.mark.parametrize("role", ["system_admin", "organiser", "applicant"])
def test_only_process_admins_come_in(
    app: Any, client_for: Callable[..., Any], version: ProcessVersion, role: str
) -> None:
    with transaction():
        person = a_person(roles=[(role, "all", None)])
    other = client_for(person)
    for path in ("", f"/{version.id}", f"/{version.id}/diagram.bpmn"):
        assert other.get(f"/studio/processes{path}").status_code in {403, 404}
    assert upload(other, version, SECOND.bytes()).status_code in {403, 404}


def test_a_version_that_came_in_between_is_not_undone(
    browser: Any, version: ProcessVersion
) -> None:
    url = f"/studio/processes/{version.id}/publish"
    first, second = (checked(browser, version, each.bytes()) for each in (SECOND, FIRST))
    assert browser.post(url, {**staged(first), "note": "改名"}).status_code == 303
    refused = browser.post(url, {**staged(second), "note": "又改"})
    assert refused.status_code == 409
    assert "已有更新的版本" in refused.text
    assert "从流程管理打开此流程，就是最新的版本" in refused.text
    assert "可能已有他人办理" not in refused.text
    # The page of the older version takes no files, and leads to the one that does.
    assert upload(browser, version, FIRST.bytes()).status_code == 409
    page = browser.get(f"/studio/processes/{version.id}").text
    assert 'type="file"' not in page
    assert "到第 2 版的页面上传" in page


def test_nothing_waits_for_the_gate(
    browser: Any, version: ProcessVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing: list[bool] = []

    def watched(*args: Any, **more: Any) -> Any:
        writing.append(current_transaction().write)
        return check(*args, **more)

    monkeypatch.setattr("app.studio.judging.check", watched)
    address = checked(browser, version, SECOND.bytes())
    url = f"/studio/processes/{version.id}/publish"
    assert browser.post(url, {**staged(address), "note": "改名"}).status_code == 303
    assert writing == [False, False]


@pytest.mark.parametrize(
    ("key", "said"), [("sample", "已有更新的版本"), ("other", "有其他流程发布了新版本")]
)
def test_what_is_published_while_the_gate_looks_is_not_undone(
    browser: Any,
    version: ProcessVersion,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    said: str,
) -> None:
    address = checked(browser, version, SECOND.bytes())
    drawing = Drawing(process_id=key)

    def overtaken(*args: Any, **more: Any) -> Any:
        verdict = check(*args, **more)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(publish_at_once, browser.client.application, drawing).result(20)
        return verdict

    monkeypatch.setattr("app.studio.judging.check", overtaken)
    url = f"/studio/processes/{version.id}/publish"
    refused = browser.post(url, {**staged(address), "note": "改名"})
    assert refused.status_code == 409
    assert said in refused.text


def publish_at_once(app: Any, drawing: Drawing) -> None:
    """Publish as another request does meanwhile."""
    key = drawing.process_id
    with app.app_context(), transaction():
        publish_version(key, "", {f"{key}.bpmn": drawing.bytes()}, {}, actor_id=None, now=now())
        db.session.flush()


def test_nothing_uploaded_is_read_outside_the_sandbox(
    browser: Any, version: ProcessVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def noted(file: str, content: bytes) -> Any:
        read.append(file)
        return read_tree(file, content)

    monkeypatch.setattr(bundle, "read_tree", noted)
    assert upload(browser, version, SECOND.bytes()).status_code == 303
    assert upload(browser, version, b"<!DOCTYPE a><a/>").status_code == 422
    assert read == []


def test_the_list_counts_what_runs_on_every_version(browser: Any, version: ProcessVersion) -> None:
    with transaction():
        files = {"sample.bpmn": SECOND.bytes()}
        publish_version("sample", "", files, {}, actor_id=None, now=now())
    row = browser.get("/studio/processes").text.split("示例流程")[1].split("</tr>")[0]
    assert "第 2 版" in row
    assert '<td class="text-end">1</td>' in row


def test_the_same_files_once_more_are_refused(browser: Any, version: ProcessVersion) -> None:
    url = f"/studio/processes/{version.id}/publish"
    address = checked(browser, version, SECOND.bytes())
    made = browser.post(url, {**staged(address), "note": "改名"}).location
    files = {"files": (io.BytesIO(SECOND.bytes()), "x.bpmn")}
    refused = browser.post(f"{made}/check", files, content_type="multipart/form-data")
    assert refused.status_code == 422
    assert operations.UNCHANGED in refused.text
    past_the_check = browser.post(f"{made}/publish", {**staged(address), "note": "再来一次"})
    assert past_the_check.status_code == 422
    assert operations.UNCHANGED in past_the_check.text
    with transaction(write=False):
        assert len(queries.versions_of(queries.version(version.id))) == 2


def test_a_definition_has_no_legend_of_progress(browser: Any, version: ProcessVersion) -> None:
    page = browser.get(f"/studio/processes/{version.id}").text
    assert "data-diagram=" in page
    assert "legend-done" not in page
    assert "未到达" not in page


def test_a_finding_names_the_file_as_it_was_uploaded(
    browser: Any, version: ProcessVersion
) -> None:
    spoiled = FIRST.with_(publish=service("publish", "nothing"))
    page = upload(browser, version, spoiled.bytes(), "草稿 (1).bpmn").text
    assert "<td>草稿 (1).bpmn</td>" in page
    assert "<td>sample.bpmn</td>" not in page


def test_a_file_of_another_page_is_sent_there(browser: Any, version: ProcessVersion) -> None:
    other = Drawing(process_id="other").replacing("示例流程", "材料评审")
    publish_at_once(browser.client.application, other)
    alone = upload(browser, version, other.bytes(), "评审.bpmn")
    assert alone.status_code == 422
    assert operations.UNCHANGED not in alone.text
    assert "请到流程管理中“材料评审”的页面上传此文件" in alone.text
    assert "<td>评审.bpmn</td>" in alone.text
    files = [(io.BytesIO(each.bytes()), f"{n}.bpmn") for n, each in enumerate((SECOND, other))]
    url = f"/studio/processes/{version.id}/check"
    both = browser.post(url, {"files": files}, content_type="multipart/form-data")
    assert both.status_code == 422
    assert "“材料评审”（other），本页的流程不调用它" in both.text


def test_a_page_reads_what_a_version_holds_once(
    browser: Any, version: ProcessVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_at_once(browser.client.application, SECOND)
    with transaction(write=False):
        second = queries.versions_of(queries.version(version.id))[0]
    read: list[int] = []
    bare = queries.contents_of
    monkeypatch.setattr(queries, "contents_of", lambda each: read.append(each.no) or bare(each))
    page = browser.get(f"/studio/processes/{second.id}").text
    assert "单位初审" in page
    assert sorted(read) == [1, 2]
