"""What is uploaded on a page belongs there, or the verdict says where it does."""

from dataclasses import replace

from app.engine.gate import Finding, Verdict, check
from app.engine.gate.inspection import inspect_over
from tests.engine.gate_builder import KNOWN, Drawing
from tests.engine.gate_faults import SOUND, calling
from tests.engine.test_gate_decisions import DECIDING, table

HOMES = replace(KNOWN, homes={"other": "“材料评审”", "find_grade": "“申报”“评审”"})
OTHER = Drawing(process_id="other").bytes()
IN_FORCE = {"sample.bpmn": SOUND.bytes()}
CHANGED = SOUND.replacing('name="单位审核"', 'name="单位初审"').bytes()


def judged(files: dict[str, bytes], in_force: dict[str, bytes] = IN_FORCE) -> Verdict:
    return inspect_over(files, in_force, known=HOMES, key="sample")


def only(verdict: Verdict) -> Finding:
    [finding] = verdict.findings
    assert finding.rule == "bundle.stray"
    assert not verdict.ok
    return finding


def test_a_process_of_another_page_is_refused_by_name() -> None:
    finding = only(judged({"下载.bpmn": OTHER}))
    assert "文件里是流程“示例流程”（other），本页的流程不调用它" in finding.message
    assert finding.hint == "请到流程管理中“材料评审”的页面上传此文件"
    assert finding.file == "other.bpmn"


def test_a_stray_beside_the_right_file_is_not_taken_without_a_word() -> None:
    assert judged({"sample.bpmn": CHANGED}).ok
    assert only(judged({"sample.bpmn": CHANGED, "other.bpmn": OTHER})).element == "other"
    grades = only(judged({"sample.bpmn": CHANGED, "grades.dmn": table().encode()}))
    assert "（find_grade），本页的流程不使用它" in grades.message
    assert grades.hint == "请到流程管理中“申报”“评审”的页面上传此文件"


def test_a_process_that_has_no_page_is_called_or_left_out() -> None:
    unknown = only(judged({"new.bpmn": Drawing(process_id="new").bytes()}))
    assert unknown.hint == "请去掉此文件，或让流程调用它"


def test_what_a_stray_needs_itself_is_not_asked_for_here() -> None:
    caller = calling("elsewhere").replacing('id="sample"', 'id="other"')
    assert only(judged({"other.bpmn": caller.bytes()})).element == "other"


def test_what_the_process_or_its_called_one_needs_is_taken() -> None:
    inner = DECIDING.replacing('id="sample"', 'id="inner"').bytes()
    files = {"sample.bpmn": calling("inner").bytes(), "inner.bpmn": inner}
    strays = judged({**files, "grade.dmn": table().encode()}).findings
    assert "bundle.stray" not in {finding.rule for finding in strays}


def test_the_sandbox_says_it_too() -> None:
    verdict = check({"a.bpmn": OTHER}, known=HOMES, key="sample", in_force=IN_FORCE)
    assert only(verdict).element == "other"


def test_a_file_that_cannot_be_read_is_not_missed_besides() -> None:
    verdict = judged({"sample.bpmn": b"<half", "other.bpmn": OTHER}, {"sample.bpmn": b""})
    assert "process.id" not in {finding.rule for finding in verdict.findings}
