"""A process that others call (调用活动): who holds it, how many run, where a new version goes."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.core.clock import now
from app.core.db import db, transaction
from app.engine import definitions
from app.engine.definitions import bundle_of, current_version, publish_version
from app.engine.gate import Finding, Verdict
from app.engine.gate.findings import refusal
from app.engine.models import InstanceStatus, ProcessInstance, ProcessVersion, SpecBundle
from app.studio import judging, queries

CALLER, CALLED = "declaration", "unit_review"
ROOT = Path(__file__).resolve().parents[3]


def renamed(text: str) -> str:
    return text.replace('name="审核申报材料"', 'name="初审申报材料"')


def in_force(key: str) -> ProcessVersion:
    with transaction(write=False):
        return current_version(key, "")


def start(version: ProcessVersion, number: int, **values: Any) -> None:
    row = {"status": InstanceStatus.RUNNING, "ended_at": None, **values}
    db.session.add(
        ProcessInstance(
            version_id=version.id,
            process_key=version.key,
            bundle_hash=version.bundle_hash,
            business_type="declaration",
            business_id=number,
            jurisdiction="anhui",
            started_at=now(),
            **row,
        )
    )


def publish(key: str, jurisdiction: str = "", **more: str) -> ProcessVersion:
    """Publish a process with its unit review changed."""
    with transaction():
        bundle = bundle_of(current_version(key, jurisdiction))
        files = {name: renamed(text).encode() for name, text in bundle.files.items()}
        given = {"actor_id": None, "now": now(), **more}
        return publish_version(key, jurisdiction, files, bundle.forms, **given)


def without_leader(text: str) -> str:
    """The unit review in which nobody decides after the clerk."""
    drawn = text.replace('targetRef="endorse_declaration"', 'targetRef="unit_review_finished"')
    task = '<bpmn:userTask id="endorse_declaration".*?</bpmn:userTask>'
    lines = re.sub(task, "", drawn, flags=re.DOTALL).splitlines()
    return "\n".join(
        line for line in lines if not re.search("(?<!is_vetted_to_)endorse_declaration", line)
    )


def run_lint(app: Flask, *files: Path) -> list[dict[str, Any]]:
    made = app.test_cli_runner().invoke(args=["lint-process", *map(str, files)])
    return [json.loads(line) for line in made.stdout.splitlines()]


@pytest.fixture
def held(app: Any) -> ProcessVersion:
    """The unit review, called by the two declarations under way."""
    with transaction():
        caller = current_version(CALLER, "")
        start(caller, 1)
        start(caller, 2, status=InstanceStatus.SUSPENDED)
        start(caller, 3, status=InstanceStatus.COMPLETED, ended_at=now())
    return in_force(CALLED)


def row_of(page: str, words: str) -> str:
    table = page.partition("调用此流程的流程</h2>")[2]
    return table.partition(words)[2].partition("</tr>")[0]


def test_a_called_process_names_those_that_hold_it_with_their_number(
    browser: Any, held: ProcessVersion
) -> None:
    caller = in_force(CALLER)
    assert "含在主流程中在办 2 件" in browser.get("/studio/processes").text
    page = browser.get(f"/studio/processes/{held.id}").text
    assert "此流程由“职称申报”调用，随该流程的版本办理（在办 2 件）" in page
    row = row_of(page, "职称申报，第 1 版")
    assert f'/studio/instances?version={caller.id}&amp;state=living">2</a>' in row
    assert "不是最新版" not in row
    # What nobody calls says nothing of it.
    assert "调用此流程" not in browser.get(f"/studio/processes/{caller.id}").text


def test_a_new_version_leads_to_its_callers_and_to_moving_what_runs(
    browser: Any, held: ProcessVersion
) -> None:
    caller, newer = in_force(CALLER), publish(CALLED)
    row = row_of(browser.get(f"/studio/processes/{newer.id}").text, "职称申报，第 1 版")
    assert "不是最新版" in row
    assert f'/studio/processes/{caller.id}#upload-title">去上传新版本' in row
    again = publish(CALLER)
    page = browser.get(f"/studio/processes/{newer.id}").text
    assert "不是最新版" not in row_of(page, "职称申报，第 2 版")
    assert f"/studio/processes/{caller.id}/migrate" in row_of(page, "职称申报，第 1 版")
    assert f"/studio/processes/{again.id}/migrate" not in page


def test_a_jurisdiction_with_its_own_is_no_caller_of_the_national_one(
    app: Any, held: ProcessVersion
) -> None:
    with transaction():
        national = bundle_of(current_version(CALLER, ""))
        files = {name: renamed(text).encode() for name, text in national.files.items()}
        for key in (CALLER, CALLED):
            publish_version(key, "anhui", files, national.forms, actor_id=None, now=now())
    with transaction(write=False):
        own = current_version(CALLED, "anhui")
        assert {each.version.jurisdiction for each in queries.callers_of(held)} == {""}
        assert [each.version.jurisdiction for each in queries.callers_of(own)] == ["anhui"]


def test_publishing_says_where_the_new_version_goes(browser: Any, held: ProcessVersion) -> None:
    with transaction(write=False):
        text = renamed(bundle_of(held).files[f"{CALLED}.bpmn"])
    url = f"/studio/processes/{held.id}"
    sent = {"files": (io.BytesIO(text.encode()), f"{CALLED}.bpmn")}
    answer = browser.post(f"{url}/check", sent, content_type="multipart/form-data")
    assert answer.status_code == 303, answer.text
    page = browser.get(answer.location).text
    assert "其在办的 2 件和此后启动的都继续使用原来的内容" in page
    upload = answer.location.partition("upload=")[2].partition("&")[0]
    made = browser.post(f"{url}/publish", {"upload": upload, "note": "改名"})
    assert made.status_code == 303
    assert (
        "“职称申报”调用此流程，须在其页面上传同一文件后才使用新版"
        in browser.get(made.location).text
    )


def test_what_cannot_be_read_hides_no_page(
    browser: Any, held: ProcessVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(CALLED)
    newer, caller = publish(CALLED), in_force(CALLER)
    monkeypatch.setattr(definitions, "_bundles", {})
    with transaction():
        torn = sa.update(SpecBundle).where(SpecBundle.hash == held.bundle_hash)
        db.session.execute(torn.values(content=b"torn"))
    row = row_of(browser.get(f"/studio/processes/{newer.id}").text, "职称申报，第 1 版")
    assert "与各版本都不相同" in row
    monkeypatch.setattr(definitions, "_bundles", {})
    with transaction():
        torn = sa.update(SpecBundle).where(SpecBundle.hash == caller.bundle_hash)
        db.session.execute(torn.values(content=b"torn"))
    page = browser.get("/studio/processes")
    assert (page.status_code, "随调用它的流程" in page.text) == (200, False)
    # The command line judges a file that would take the place of such a one.
    monkeypatch.setattr(judging, "check", lambda *_, **__: Verdict())
    monkeypatch.setattr(judging, "published_in", lambda *_: {})
    assert judging.judge_files({f"{CALLER}.bpmn": b""}).ok


def test_a_part_is_judged_with_those_that_call_it(
    browser: Any, app: Flask, tmp_path: Path
) -> None:
    """A clerk's consent that goes on without the leader, whom the declaration waits for."""
    part, text = in_force(CALLED), (ROOT / "bpmn" / f"{CALLED}.bpmn").read_text("utf-8")
    unled = without_leader(text)
    url = f"/studio/processes/{part.id}/check"
    page = browser.post(url, {"files": (io.BytesIO(unled.encode()), f"{CALLED}.bpmn")},
                        content_type="multipart/form-data")  # fmt: skip
    assert page.status_code == 422
    assert "与调用它的“职称申报”合在一起不能办理" in page.text
    files = [tmp_path / f"{CALLED}.bpmn", ROOT / "bpmn" / f"{CALLER}.bpmn"]
    files[0].write_text(unled, "utf-8")
    [alone] = run_lint(app, files[0])
    assert not alone["ok"]
    assert "与调用它的“职称申报”" in alone["findings"][0]["message"]
    with transaction():  # as one came to be published that does not fit
        bundle = bundle_of(part)
        given = {"actor_id": None, "now": now()}
        publish_version(CALLED, "", {files[0].name: unled.encode()}, bundle.forms, **given)
    assert [row["ok"] for row in run_lint(app, files[1])] == [True]
    assert not all(row["ok"] for row in run_lint(app, *files))


def test_a_part_answers_for_what_is_new_about_its_callers(
    held: ProcessVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thing said of the same element is new; what could not be judged is told as it is."""
    callers = [queries.Caller(in_force(key), True, 0, None) for key in (CALLER, "unit_binding")]
    monkeypatch.setattr(judging, "callers_of", lambda _: callers)
    places: list[str] = []
    known = judging.known_here

    def knowing(*, jurisdiction: str, **given: Any) -> Any:
        places.append(jurisdiction)
        return known(jurisdiction=jurisdiction, **given)

    def said(*told: tuple[Finding, ...]) -> tuple[Finding, ...]:
        verdicts = iter(told)
        monkeypatch.setattr(judging, "check", lambda *_, **__: Verdict(next(verdicts)))
        with transaction(write=False):
            now_known = judging.known_for(held.jurisdiction, now())
            monkeypatch.setattr(judging, "known_here", knowing)
            return judging.verdict_on({}, [held], known=now_known, key=CALLED, now=now()).findings

    old = Finding("end.state", "ended", "结束", "已经有的问题", "")
    new, busy = replace(old, message="新的问题"), refusal("gate.busy", "服务器太忙", "").findings
    assert [each.message for each in said((), (old, new), (old,), (old,), (old,))] == [
        "与调用它的“职称申报”合在一起不能办理：新的问题"
    ]
    assert places == [""]
    assert said((), busy, (), (new,), busy) == busy
