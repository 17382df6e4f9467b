"""Without scripts files go with the form that they belong to, whichever room it is of."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.core import brought, children, receiving
from app.core.audit import AuditEvent
from app.core.db import db, transaction
from app.core.storage import StoredFile
from app.declarations import queries
from app.people.queries import corrections_of
from app.units import changing, evidence, posts
from tests.builders.declarations import a_declaration, a_draft, a_pdf
from tests.builders.flow import open_items
from tests.builders.people import a_person, a_unit, staff
from tests.builders.plans import a_draft_plan
from tests.builders.portfolio import a_picture, a_portrait
from tests.builders.unscripted import chosen, form_on

pytestmark = pytest.mark.usefixtures("app")
Clients = Callable[..., Any]
CORRECTION = "/account/correction"
NO_PICTURE = b"no picture"
TITLE = {
    "obtained_by": "评审",
    "unit": "云桥区青禾小学",
    "reviewer": "云桥区中级评委会",
    "reviewed_on": "2010-12-10",
    "issuer": "云桥区人社局",
    "issued_on": "2010-12-28",
}


def names_of(file_ids: Any) -> list[str]:
    return [db.session.get_one(StoredFile, file_id).name for file_id in file_ids]


def count_of(model: type[Any]) -> int:
    with transaction(write=False):
        return db.session.scalar(select(func.count(model.id))) or 0


def a_browser(client_for: Clients) -> tuple[int, Any]:
    with transaction():
        person = a_person("苏晓禾", unit=a_unit())
    return person.id, client_for(person)


def test_files_alone_are_taken_in_and_out_of_a_form(client_for: Clients) -> None:
    person_id, browser = a_browser(client_for)
    typed = {"name": "苏小禾", "reason": "录入时写错", "is_true": "yes"}
    form = form_on(browser, CORRECTION, "reason")
    both = [chosen("户口簿.png"), chosen("说明.txt", NO_PICTURE)]
    refused = form.press("上传佐证材料", browser, **typed, **{"file-evidence": both})
    assert refused.status_code == 422
    form = form_on(browser, CORRECTION, "reason", refused)
    assert form.page.xpath('//p[@id="evidence-refused"]')[0].text.startswith("说明.txt：")
    assert form.page.xpath('//*[@data-error-summary]//a[@href="#evidence"]')
    assert form.values["reason"] == ["录入时写错"]
    assert form.values["name"] == ["苏小禾"]
    sent = form.press("上传佐证材料", browser, **{"file-evidence": chosen("出生证.png")})
    assert sent.status_code == 200
    assert "附件已更新，本页尚未提交" in sent.text
    form = form_on(browser, CORRECTION, "reason", sent)
    assert len(form.values["evidence"]) == 2
    taken_out = form.press("移除户口簿.png", browser)
    assert taken_out.status_code == 200
    form = form_on(browser, CORRECTION, "reason", taken_out)
    assert len(form.values["evidence"]) == 1
    # Enter presses that button too.
    nothing = form.press("上传佐证材料", browser).text
    assert ("请先选择文件" in nothing, "附件已更新" in nothing) == (True, False)
    with transaction(write=False):
        assert not corrections_of(person_id)


def test_a_correction_brings_its_evidence_once(client_for: Clients) -> None:
    person_id, browser = a_browser(client_for)
    form = form_on(browser, CORRECTION, "reason")
    lacking = form.to(browser, {"file-evidence": chosen("派出所证明.png")}, reason="写错")
    assert lacking.status_code == 422
    assert "本人声明" in lacking.text
    form = form_on(browser, CORRECTION, "reason", lacking)

    def sent(content: bytes = b"") -> Any:
        proof = chosen("出生证.png", content)
        return form.to(browser, {"is_true": "yes", "name": "苏小禾", "file-evidence": proof})

    done = sent()
    assert done.status_code == 303
    # A second click sends everything again; with another file it is another form.
    assert sent().location == done.location
    assert sent(a_picture(kind="JPEG")).status_code == 409
    with transaction(write=False):
        [made] = corrections_of(person_id)
        assert names_of(file.file_id for file in made.files) == ["派出所证明.png", "出生证.png"]


def test_a_request_brings_as_many_files_as_can_be_looked_at_and_only_where_a_page_takes_them(
    client_for: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, browser = a_browser(client_for)
    form = form_on(browser, CORRECTION, "reason")
    read: list[str] = []

    def too_slow(sent: Any, _policy: Any) -> Any:
        read.append(sent.filename)
        raise children.TooSlow(f"{sent.filename}：处理时间过长")

    monkeypatch.setattr(receiving, "prepared", too_slow)
    few, many = ([chosen(f"{n}.png") for n in range(most)] for most in (2, brought.MOST + 1))
    stray = {"file-other": chosen("甲.png"), "policy-other": "photo"}
    for bringing, told, looked_at in (
        ({"file-other": chosen("甲.png")}, None, []),
        ({"file-evidence": many}, "一次最多上传 20 个文件", []),
        ({"file-evidence": few, **stray}, "其余文件没有处理", ["0.png"]),
    ):
        read.clear()
        refused = form.to(browser, bringing, reason="录入时写错")
        assert (refused.status_code, read) == (422, looked_at)
        assert told is None or told in refused.text
    assert count_of(StoredFile) == 0


def test_requests_of_units_bring_theirs(app: Flask, client_for: Clients) -> None:
    with transaction():
        bureau = a_unit("云桥区教体局", kind="机关", type_="主管部门")
        school = a_unit("青禾小学", parent=bureau)
        admin = a_person("敖正言", roles=[("unit_admin", "org", school.id)])
        a_person("本局管理员", roles=[("unit_admin", "org", bureau.id)])
        teacher = a_person("苏晓禾", roles=[("applicant", "all", None)])
    browser = client_for(admin)
    form = form_on(browser, "/unit/change", "reason")
    proof = {"file-evidence": chosen("更名批复.png")}
    assert form.to(browser, proof, name="青禾中学", reason="更名").status_code == 303
    form = form_on(browser, "/unit/posts", "approved_0")
    numbers = {name: "3" for name in form.values if name.startswith(("approved", "occupied"))}
    wrong = form.to(browser, {"file-file": chosen("旧表.png")}, approved_0="很多")
    assert wrong.status_code == 422
    form = form_on(browser, "/unit/posts", "approved_0", wrong)
    # Where one file stands, the new one takes its place.
    assert form.to(browser, {"file-file": chosen("新表.png")}, **numbers).status_code == 303
    form = form_on(client_for(teacher), "/binding?q=青禾小学", "note")
    proof = {"file-evidence": chosen("调动证明.png"), "unit_id": str(school.id)}
    assert form.to(client_for(teacher), proof, phone="13800000000").status_code == 303
    with transaction(write=False):
        asked = changing.open_change(school.id)
        assert asked is not None
        sheet = posts.sheet_in_force(school.id)
        assert sheet is not None
        assert names_of([sheet.file_id]) == ["新表.png"]
        assert [file.name for file in evidence.files_of(("unit_change", asked.id))] == [
            "更名批复.png"
        ]
    assert count_of(evidence.RequestFile) == 2


def test_a_plan_and_an_article_bring_theirs(app: Flask, client_for: Clients) -> None:
    with transaction():
        plan = a_draft_plan()
        slots = len(plan.slots)
        organiser = staff(plan.organiser_unit, "organiser")
    browser = client_for(organiser)
    edit, pdf = f"/plans/{plan.id}/edit", a_pdf()
    form = form_on(browser, edit, "file-files")
    listed = form.press("上传相关附件", browser, **{"file-files": chosen("通知.pdf", pdf)})
    form = form_on(browser, edit, "file-files", listed)
    assert form.to(browser, {"file-files": chosen("表.png")}).status_code == 303
    new = f"/plans/{plan.id}/slot/new"
    form = form_on(browser, new, "file-template")
    refused = form.to(browser, {"file-template": chosen("模板.png")}, name="承诺书")
    assert refused.status_code == 422
    form = form_on(browser, new, "file-template", refused)
    assert form.values["name"] == ["承诺书"]
    assert form.to(browser, {"file-template": chosen("模板.pdf", pdf)}).status_code == 303
    form = form_on(browser, "/articles/new/notice", "file-files")
    typed = {"title": "申报通知", "category": "申报通知", "body": "请按时提交。"}
    kept = form.to(browser, {"file-files": chosen("附表.pdf", pdf)}, **typed)
    assert kept.status_code == 303
    assert "附表.pdf" in browser.get(kept.location).text
    with transaction(write=False):
        plan = db.session.merge(plan)
        db.session.refresh(plan)
        assert [each.name for each in plan.attachments] == ["通知.pdf", "表.png"]
        assert len(plan.slots) == slots + 1
        assert plan.slots[-1].template_file.name == "模板.pdf"


def test_a_declaration_takes_in_what_a_link_opens_and_a_button_marks(client_for: Clients) -> None:
    found = a_draft(complete=True)
    browser, fill = client_for(found.person), f"/declarations/{found.id}/fill"
    for section in ("education", "merits", "basics"):
        page = browser.get(f"{fill}/{section}").text
        assert '<noscript><a class="btn' in page
    with transaction(write=False):
        [entry, *_] = queries.entries_of(found.id, "education")
    url = f"{fill}/education"
    form = form_on(browser, url, "highest")
    assert form.press(f"移除{_summary(form, entry.id)}", browser).status_code == 303
    form = form_on(browser, url, "item_id")
    assert form.to(browser, item_id=str(entry.item_id)).status_code == 303
    with transaction(write=False):
        taken = next(
            each
            for each in queries.entries_of(found.id, "education")
            if each.item_id == entry.item_id
        )
    form = form_on(browser, url, "highest")
    assert form.press("保存", browser, highest=str(taken.id)).status_code == 303
    form = form_on(browser, url, "highest")
    assert form.values["highest"] == [str(taken.id)]


def test_a_page_that_is_closed_takes_no_files_either(client_for: Clients) -> None:
    found = a_declaration(at="vet_declaration")
    browser = client_for(found.person)
    for page in ("fill/basics", "titles/new"):
        answer = browser.post(f"/declarations/{found.id}/{page}", {"files_alone": "1"})
        assert answer.status_code == 409
        assert "申报已提交，不能修改" in answer.text


def test_a_title_that_is_held_brings_its_papers(client_for: Clients) -> None:
    found, picture = a_draft(), a_picture(kind="JPEG")
    browser, new = client_for(found.person), f"/declarations/{found.id}/titles/new"
    form = form_on(browser, new, "file-files")
    # Where there are scripts, they are sent as they are chosen.
    [by_script] = form.form.xpath('.//input[@name="file-files"]/@data-upload')
    assert browser.post(by_script, {"file": chosen("批文.jpg", picture)}).status_code == 200
    lacking = form.to(browser, {"file-files": chosen("证书.jpg", picture)}, title="二级教师")
    assert lacking.status_code == 422
    form = form_on(browser, new, "file-files", lacking)
    assert form.values["title"] == ["二级教师"]
    assert (
        form.to(browser, {"file-files": chosen("聘书.jpg", picture)}, **TITLE).status_code == 303
    )
    with transaction(write=False):
        row = queries.prior_titles_of(found.id)[-1]
        assert row.data["title"] == "二级教师"
        assert names_of(file.file_id for file in row.files) == ["证书.jpg", "聘书.jpg"]


def test_a_photo_that_is_cropped_already_comes_with_the_form(client_for: Clients) -> None:
    found = a_draft()
    browser, url = client_for(found.person), f"/declarations/{found.id}/fill/basics"
    had = found.person.photo_file_id
    form = form_on(browser, url, "file-photo")
    wide = {"file-photo": chosen("风景.png")}
    refused = form.to(browser, wide, birth_place="安徽")
    assert refused.status_code == 422
    assert "风景.png：照片" in refused.text
    form = form_on(browser, url, "file-photo", refused)
    assert form.values["birth_place"] == ["安徽"]
    portrait = a_portrait()
    kept = form.to(browser, {"file-photo": chosen("证件照.jpg", portrait)})
    assert kept.status_code == 303
    form = form_on(browser, "/account", "file-photo")
    taken = form.values["photo"]
    assert taken != [str(had)]
    kept = form.to(browser, {"file-photo": chosen("证件照.jpg", portrait)})
    assert kept.status_code == 303
    assert form_on(browser, "/account", "file-photo").values["photo"] != taken


def _summary(form: Any, entry_id: int) -> str:
    [hidden] = form.form.xpath(
        f'.//button[contains(@formaction, "/entries/{entry_id}/remove")]/span'
    )
    return str(hidden.text)


def test_a_task_brings_the_proof_that_its_form_asks_for(client_for: Clients) -> None:
    found = a_declaration(at="vet_declaration")
    with transaction(write=False):
        clerk = staff(db.session.merge(found, load=False).unit, "unit_clerk")
        [item] = open_items(("declaration", found.id))
    browser, url = client_for(clerk), f"/tasks/{item.id}"
    form = form_on(browser, url, "recommendation")
    proof = {"file-publicity_proof": chosen("公示.txt", NO_PICTURE), "decision": "pass"}
    files = count_of(StoredFile)
    with transaction():
        stranger = a_person("卜文")
    bringing = {"file-publicity_proof": chosen("公示.png"), "policy-publicity_proof": ""}
    assert client_for(stranger).post(url, bringing).status_code == 403
    assert count_of(StoredFile) == files, "who may not do a task leaves nothing behind"
    events = count_of(AuditEvent)
    refused = form.to(browser, proof, recommendation="同意推荐")
    assert refused.status_code == 422
    assert "公示.txt：" in refused.text
    form = form_on(browser, url, "recommendation", refused)
    proof = {"file-publicity_proof": chosen("公示.png"), "decision": "pass"}
    lacking = form.to(browser, proof)
    assert lacking.status_code == 422
    form = form_on(browser, url, "recommendation", lacking)
    assert form.values["recommendation"] == ["同意推荐"]
    assert len(form.values["publicity_proof"]) == 1
    taken_out = form.press("移除公示.png", browser)
    form = form_on(browser, url, "recommendation", taken_out)
    assert "publicity_proof" not in form.values
    assert form.values["recommendation"] == ["同意推荐"]
    assert count_of(AuditEvent) == events
