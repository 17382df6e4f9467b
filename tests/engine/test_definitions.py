"""Publishing: versions, bundles, overrides by jurisdiction, forms pinned with the process."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from app.core.db import db, transaction
from app.core.errors import NotFound
from app.engine import definitions
from app.engine.definitions import DefinitionError
from app.engine.incidents import StepFailed, describe
from app.engine.models import ProcessVersion, SpecBundle, WorkItem
from tests.engine.kit import (
    NOON,
    Office,
    call,
    diagram,
    end,
    line,
    reviewed,
    service,
    start,
    user,
)


def vetted(node: str = "vet") -> dict[str, bytes]:
    return diagram(
        "review", start("asked"), user(node), end("told"), line("asked", node, "told"),
        lanes={"单位经办人": [node]},
    )  # fmt: skip


def calling() -> dict[str, bytes]:
    return diagram(
        "declaration", start(), call("review_it", "review"), service("number", "give_number"),
        end(), line("begun", "review_it", "number", "ended"),
    )  # fmt: skip


def write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def versions() -> list[tuple[str, str, int, str]]:
    rows = db.session.scalars(sa.select(ProcessVersion).order_by(ProcessVersion.id))
    return [(v.key, v.jurisdiction, v.no, v.status) for v in rows]


def test_versions_are_numbered_and_equal_content_is_stored_once(office: Office) -> None:
    office.publish(reviewed(), key="case_review")
    office.publish(reviewed(), key="case_review", jurisdiction="anhui")
    office.publish(reviewed(), key="case_review")
    with transaction(write=False):
        assert [(j, no) for _, j, no, _ in versions()] == [("", 1), ("anhui", 1), ("", 2)]
        hashes = db.session.scalars(sa.select(ProcessVersion.bundle_hash)).all()
        assert len(set(hashes)) == len(db.session.scalars(sa.select(SpecBundle.hash)).all())
        assert definitions.current_version("case_review", "anhui").no == 1
        assert definitions.current_version("case_review", "fujian").no == 2


def test_an_instance_keeps_the_version_it_started_on(office: Office) -> None:
    office.publish(vetted(), key="review")
    instance_id = office.begin("review")
    office.publish(vetted("check"), key="review")
    office.do("vet")
    assert office.instance(instance_id).status == "completed"
    office.begin("review")
    assert office.open() == ["check"]


def test_called_processes_travel_in_the_bundle_and_strangers_stay_out(office: Office) -> None:
    office.publish(calling(), vetted(), reviewed(), key="declaration")
    with transaction(write=False):
        version = definitions.current_version("declaration", "")
        assert version.title == "流程declaration"
        assert set(definitions.bundle_of(version).files) == {"declaration.bpmn", "review.bpmn"}
        drawn = {node.id: node for node in definitions.nodes(version)}
    assert (drawn["vet"].process, drawn["vet"].lane) == ("review", "单位经办人")
    assert drawn["vet"].properties["form"] == "vet"
    assert drawn["vet"].outcomes == {"decision"}
    assert (drawn["number"].kind, drawn["number"].properties["handler"]) == (
        "serviceTask",
        "give_number",
    )


def test_the_diagram_of_an_instance_or_of_a_called_process_can_be_shown(office: Office) -> None:
    office.publish(calling(), vetted(), key="declaration")
    instance = office.instance(office.begin("declaration"))
    assert 'id="review_it"' in definitions.xml_for(instance)
    assert 'id="vet"' in definitions.xml_for(instance, "review")
    with pytest.raises(NotFound):
        definitions.xml_for(instance, "other")


@pytest.mark.parametrize(
    ("files", "key", "said"),
    [
        (calling(), "declaration", "review"),
        ({}, "declaration", "declaration"),
        ({"x.bpmn": b"<not-xml"}, "x", "XML"),
        ({"x.bpmn": b'<!DOCTYPE x [<!ENTITY a "b">]><x/>'}, "x", "DOCTYPE"),
    ],
)
def test_files_that_cannot_be_read_are_refused(
    office: Office, files: dict[str, bytes], key: str, said: str
) -> None:
    with pytest.raises(DefinitionError, match=said):
        office.publish(files, key=key)


def test_an_element_that_the_engine_refuses_is_named() -> None:
    many_ways = diagram(
        "p", start(), user("vet"), end("a"), end("b"), line("begun", "vet", "a"), line("vet", "b")
    )
    with pytest.raises(DefinitionError) as refused:
        definitions.parse(many_ways, "p")
    assert refused.value.element == "vet"


def test_shipped_files_are_published_once_and_again_when_they_change(
    office: Office, tmp_path: Path
) -> None:
    write(tmp_path / "bpmn", {**calling(), **vetted()})
    write(tmp_path / "forms", {"vet.yaml": "title: 审核".encode()})
    with transaction():
        assert len(definitions.load_shipped(NOON, tmp_path)) == 2
        assert definitions.load_shipped(NOON, tmp_path) == []
    write(tmp_path / "forms", {"vet.yaml": "title: 单位审核".encode()})
    with transaction():
        changed = definitions.load_shipped(NOON, tmp_path)
        assert [(v.key, v.no) for v in changed] == [("declaration", 2), ("review", 2)]


def test_a_jurisdiction_overrides_by_files_alone_and_may_give_it_up(
    office: Office, tmp_path: Path
) -> None:
    write(tmp_path / "bpmn", {**calling(), **vetted()})
    write(tmp_path / "forms", {"vet.yaml": "title: 审核".encode()})
    write(tmp_path / "bpmn" / "one", vetted("check"))
    write(tmp_path / "forms" / "two", {"vet.yaml": "title: 初审".encode()})
    write(tmp_path / "forms" / "portfolio", {"paper.yaml": b"title: x"})
    with transaction():
        definitions.load_shipped(NOON, tmp_path)
        assert {(key, where) for key, where, _, _ in versions()} == {
            (key, where) for key in ("declaration", "review") for where in ("", "one", "two")
        }
        own = definitions.bundle_of(definitions.current_version("declaration", "one"))
        assert own.node("review", "check") is not None
        forms = definitions.bundle_of(definitions.current_version("review", "two")).forms
        assert forms == {"vet": "title: 初审"}
    (tmp_path / "bpmn" / "one" / "review.bpmn").unlink()
    with transaction():
        definitions.load_shipped(NOON, tmp_path)
        assert definitions.current_version("declaration", "one").jurisdiction == ""


def test_a_version_by_an_admin_stands_until_the_shipped_file_changes(
    office: Office, tmp_path: Path
) -> None:
    write(tmp_path / "bpmn", vetted())
    with transaction():
        definitions.load_shipped(NOON, tmp_path)
        definitions.publish_version("review", "", vetted("check"), {}, actor_id=5, now=NOON)
        assert definitions.load_shipped(NOON, tmp_path) == []
        assert definitions.current_version("review", "").no == 2


def test_the_form_of_a_task_is_the_one_published_with_its_process(office: Office) -> None:
    with transaction():
        definitions.publish_version(
            "review", "", vetted(), {"vet": "title: 审核", "x": "y"}, actor_id=5, now=NOON
        )
    office.begin("review")
    with transaction(write=False):
        item = db.session.scalars(sa.select(WorkItem)).one()
        assert definitions.form_text(item) == "title: 审核"
        item.form = "x"
        with pytest.raises(StepFailed) as failed, db.session.no_autoflush:
            definitions.form_text(item)
        assert describe(failed.value) == "任务“办理vet”没有表单“x”"
        db.session.rollback()
