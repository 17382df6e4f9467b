"""文献导入: bibliographies of every format become drafts, chosen first, none twice."""

import io
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import Person
from app.core import sweeping
from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid, TooLarge
from app.portfolio import literature, literature_child
from app.portfolio.literature import ALIKE, NO_TYPE, REPEATED, TAKEN, Bibliography, Candidate
from app.portfolio.models import PortfolioItem
from app.units.models import Unit
from tests.builders import portfolio as build
from tests.builders.people import a_person
from tests.builders.refusals import is_told_in_place
from tests.conftest import START

ENDNOTE = """%0 Journal Article
%A 邱晓岚
%A 林晓禾
%+ 某大学;
%T 基于流程的职称评审
%J 计算机学报
%D 2024
%V 47
%N 05
%P 12-18
%@ 0254-4164
%W CNKI

%0 Thesis
%A 林晓禾
%T 学位论文一篇
%D 2019
"""
REFWORKS = """RT Journal Article
SR 1
A1 邱晓岚;林晓禾;
T1 基于流程的职称评审
JF 计算机学报
YR 2024
FD 2024-05-12
vo 47
IS 05
SP 12
OP 18
SN 0254-4164
DS CNKI
"""
RIS = """TY  - JOUR
TI  - 基于流程的职称评审
AU  - 邱晓岚
AU  - 林晓禾
JO  - 计算机学报
SN  - 0254-4164
PY  - 2024
DA  - 2024/05/12
VL  - 47
IS  - 05
SP  - 12
EP  - 18
DO  - https://doi.org/10.1234/abc.5
ER  -
"""
BIBTEX = r"""@article{a,
  author={邱晓岚 and 林晓禾}, title={{基于}流程的职称评审}, journal={计算机学报},
  year=2024, month=may, volume=47, number={05}, pages={12--18},
  ISSN={0254-4164}, doi={10.1234/abc.5}}
@article{a, title={G{\"o}del 之后}, author={Others, An and others}, journal={刊}, year={2023}}
@article{bad, title={没有写完
@book{b, title="书", author={林晓禾}, publisher={人民出版社}, isbn={978-7-00-000000-1}, year=2020}
"""


@pytest.fixture
def author(school: Unit) -> Person:
    with transaction():
        return a_person("林晓禾", unit=school)


def found_in(text: str) -> Bibliography:
    """What the child reads, without its process."""
    said = literature_child.read(text)
    return Bibliography(said["entries"], said["lost"])


def would_be(person: Person, text: str) -> list[Candidate]:
    with transaction(write=False):
        me = db.session.get_one(Person, person.id)
        return literature.candidates(found_in(text), actor=me, now=now())


def taken(person: Person, text: str, *picked: int) -> list[PortfolioItem]:
    with transaction():
        me = db.session.get_one(Person, person.id)
        return literature.take(found_in(text), picked, actor=me, now=now())


@pytest.mark.parametrize("text", [ENDNOTE, REFWORKS, RIS, BIBTEX], ids=["enw", "rw", "ris", "bib"])
def test_every_format_tells_the_same_paper(author: Person, text: str) -> None:
    paper = would_be(author, text)[0]
    assert paper.kind is not None
    assert paper.kind.key == "paper"
    same = {"title": "基于流程的职称评审", "journal": "计算机学报", "issn": "0254-4164"}
    same |= {"issue": "2024年第47卷第05期", "pages": "12-18"}
    assert same.items() <= paper.data.items()
    assert (paper.data["position"], paper.data["participants"]) == (2, 2)
    assert paper.stands == ""


def test_one_export_below_another_is_read_and_the_rest_told_by_its_line(author: Person) -> None:
    other = REFWORKS.replace("基于流程的职称评审", "另一篇")
    text = f"{ENDNOTE}\n{other}\n参考文献：某某. 一本书[M]. 2020.\n\n{BIBTEX}"
    found = would_be(author, text)
    titles = [each.entry["title"] for each in found]
    assert titles[:3] == ["基于流程的职称评审", "学位论文一篇", "另一篇"]
    assert len(titles) == 3 + 3
    lines = text.split("\n")
    lost = [lines[number - 1] for number in found_in(text).lost]
    assert [line[:9] for line in lost] == ["参考文献：某某. ", "@article{b"[:9]]


def test_the_numbers_of_a_journal_are_both_taken(author: Person) -> None:
    told = {"%@": "%L 11-1826/TP\n%@", "%W": "%L TP3/12\n%W"}
    for tag, more in told.items():
        data = would_be(author, ENDNOTE.replace(tag, more, 1))[0].data
        assert data["issn"] == ("0254-4164 CN 11-1826/TP" if tag == "%@" else "0254-4164")
    assert literature.decoded(ENDNOTE.encode("utf-16")) == ENDNOTE


def test_a_year_is_no_month(author: Person) -> None:
    assert "发表年月" in would_be(author, ENDNOTE)[0].missing
    assert would_be(author, RIS)[0].data["published"] == "2024-05"
    assert "主办单位" in would_be(author, RIS)[0].missing


def test_a_doi_leads_to_the_paper(author: Person) -> None:
    for text in (RIS, BIBTEX):
        assert would_be(author, text)[0].data["verify_url"] == "https://doi.org/10.1234/abc.5"
        assert would_be(author, text)[0].data["doi"] == "10.1234/abc.5"


def test_what_stands_in_bibtex_is_read_beside_what_is_broken(author: Person) -> None:
    paper, second, book = would_be(author, BIBTEX)
    assert found_in(BIBTEX).lost == [6]
    assert second.data["title"] == "Gödel 之后"
    assert "participants" not in second.data
    assert "position" not in second.data
    assert book.kind is not None
    assert (book.kind.key, book.data["isbn"]) == ("book", "978-7-00-000000-1")
    assert paper.no == 0


def test_what_no_type_takes_is_told(author: Person) -> None:
    assert would_be(author, ENDNOTE)[1].stands == NO_TYPE
    assert not would_be(author, ENDNOTE)[1].can_be_taken


def test_what_the_form_refuses_is_left_out_and_told(author: Person) -> None:
    (book,) = would_be(author, "@book{b, title={书}, isbn={123}, year={2020}}")
    assert "isbn" not in book.data
    assert [label for label, _ in book.refused] == ["书号 ISBN"]
    (paper,) = would_be(author, "@article{a, title={%s}, year={2020}}" % ("长" * 101))
    assert "title" not in paper.data
    assert paper.refused[0][1].startswith("不能超过 100 个字")


def test_chosen_entries_become_drafts_and_none_twice(author: Person) -> None:
    (draft,) = taken(author, BIBTEX, 0)
    assert (draft.status, draft.type_key) == ("draft", "paper")
    assert [each.stands for each in would_be(author, BIBTEX)] == [TAKEN, "", ""]
    with pytest.raises(Invalid, match="业绩库都已有"):
        taken(author, BIBTEX, 0)
    with pytest.raises(Invalid, match="请先勾选"):
        taken(author, BIBTEX)
    # The same paper, told by another format and without its DOI.
    assert would_be(author, ENDNOTE)[0].stands == TAKEN


def test_doubles_in_one_file_and_namesakes_are_pointed_out(author: Person) -> None:
    first, second = would_be(author, RIS + RIS)
    assert (first.stands, second.stands) == ("", REPEATED)
    with transaction():
        data = {"title": "基于流程的职称评审", "issn": "1000-1239"}
        build.an_item(db.session.merge(author), "paper", data=data)
    (paper,) = would_be(author, RIS)
    assert (paper.stands, paper.can_be_taken) == (ALIKE, True)


def test_a_colleague_takes_the_same_paper(author: Person, school: Unit) -> None:
    taken(author, RIS, 0)
    with transaction():
        colleague = a_person("邱晓岚", unit=school)
    (draft,) = taken(colleague, RIS, 0)
    assert draft.data["position"] == 1


@pytest.mark.parametrize(
    "text", ["随便一段话", "@comment{x}", "{" * 5000, "TY - JOUR", "<html></html>", "[1] 张三[J]."]
)
def test_what_is_no_bibliography_is_refused(app: Flask, text: str) -> None:
    del app
    with pytest.raises(Invalid):
        literature_child.read(text)


def test_too_much_is_refused() -> None:
    with pytest.raises(Invalid, match="超过 200 条"):
        literature_child.read(RIS * 201)
    with pytest.raises(Invalid, match="超过 200 条"):
        literature_child.read("@article{a, title={x}}\n" * 401)
    with pytest.raises(TooLarge, match="500 KB"):
        literature.read_text("@" + "x" * 500_000)
    with pytest.raises(TooLarge, match="500 KB"):
        literature.decoded(b"x" * 500_001)
    with pytest.raises(Invalid, match="不是文本"):
        literature.decoded(b"PK\x03\x04\0\0")


def test_a_text_that_costs_too_much_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    nested = "@article{a, title={" + "{" * 200_000 + "}" * 200_000 + "}}"
    assert len(literature.read_text(nested).entries) <= 1
    for limit, value in (("MEMORY", 24 * 2**20), ("PATIENCE", 0.001)):
        with monkeypatch.context() as scarce:
            scarce.setattr(literature, limit, value)
            with pytest.raises(TooLarge, match="超过限度，请分批导入"):
                literature.read_text(nested)


def test_empty_lines_cost_next_to_nothing() -> None:
    many = "\n" * 200_000
    with pytest.raises(Invalid, match="无法识别"):
        literature.read_text(f"{many}x", seconds=2)
    between = f"@article{{a, title={{x}}}}{many}@article{{b, title={{y}}}}"
    assert len(literature.read_text(between, seconds=4).entries) == 2


@pytest.mark.parametrize("key", ["", "Alan D. Sokal_2011", "张三2024", "a:b/c"])
def test_a_key_may_be_anything(author: Person, key: str) -> None:
    (paper,) = would_be(author, f"@article{{{key}, title={{流程, 与=规则}}, year=2024}}")
    assert paper.data["title"] == "流程, 与=规则"


def test_files_of_older_programs_are_read() -> None:
    assert literature.decoded(RIS.encode("gb18030")) == RIS
    assert literature.decoded(b"\xef\xbb\xbf" + RIS.encode()) == RIS


def test_the_pages_lead_from_the_text_to_drafts(author: Person, client_for: Any) -> None:
    browser = client_for(author)
    assert "文献导入" in browser.get("/portfolio").text
    assert "粘贴或上传题录" in browser.get("/portfolio/literature").text
    file = {"text": "", "file": (io.BytesIO(BIBTEX.encode()), "mine.bib")}
    cut = "@article{bad, title={没有写完\n"
    bad = browser.post("/portfolio/literature", {"text": cut}).location
    nothing = browser.get(bad).text
    assert ("第 1 行起的内容无法识别" in nothing, "其余文献" in nothing) == (True, False)
    url = browser.post("/portfolio/literature", file).location
    for _ in range(2):
        page = browser.get(url).text
        assert ("第 6 行起的内容无法识别" in page, "生成草稿" in page) == (True, True)
        assert "其余文献可以先导入" in page
    unpicked = browser.post(url, {})
    assert is_told_in_place(unpicked, "请先勾选要导入的文献", "基于流程的职称评审")
    sent = {"pick": ["0", "2"]}
    answer = browser.post(url, sent)
    assert answer.status_code == 303
    assert "已生成 2 项草稿" in browser.get(answer.location).text
    assert browser.post(url, sent).status_code == 422
    assert "业绩库已有" in browser.get(url).text
    with transaction(write=False):
        mine = select(PortfolioItem.type_key).filter_by(person_id=author.id)
        assert sorted(db.session.scalars(mine)) == ["book", "paper"]


def test_one_paper_is_typed_by_its_doi(author: Person, client_for: Any) -> None:
    browser, url = client_for(author), "/portfolio/literature/one"
    typed = {
        "doi": "10.1234/abc.5",
        "title": "流程",
        "authors": "邱晓岚，林晓禾",
        "date": "2024-05",
    }
    answer = browser.post(url, typed)
    assert answer.status_code == 303
    page = browser.get(answer.location)
    assert ("https://doi.org/10.1234/abc.5" in page.text, "2024-05" in page.text) == (True, True)
    wrong = browser.post(url, {**typed, "doi": "abc", "title": "", "date": "2024-13"})
    told = ("DOI 应如 10.1000/xyz123", "请填写论文名称", "请填写年份或年月", "邱晓岚，林晓禾")
    assert is_told_in_place(wrong, *told)


def test_what_is_refused_comes_back_as_it_was_pasted(author: Person, client_for: Any) -> None:
    browser = client_for(author)
    refused = browser.post("/portfolio/literature", {"text": "随便一段话"})
    assert is_told_in_place(refused, "无法识别文献格式", "随便一段话")
    large = {"file": (io.BytesIO(b"x" * 500_001), "mine.bib")}
    assert browser.post("/portfolio/literature", large).status_code == 413


def test_a_preview_is_its_senders_own_and_ends_with_what_was_sent(
    author: Person, teacher: Person, client_for: Any, at: Any
) -> None:
    browser = client_for(author)
    url = browser.post("/portfolio/literature", {"text": RIS}).location
    with transaction():
        picture = build.an_upload(db.session.merge(author)).id
    for reader, address in (
        (client_for(teacher), url),
        (browser, f"/portfolio/literature/{picture}"),
        (browser, "/portfolio/literature/987654"),
    ):
        for answer in (reader.get(address), reader.post(address, {"pick": "0"})):
            assert answer.status_code == 404
            assert "预览已过期，请重新粘贴或上传题录" in answer.text
    at(START + sweeping.STAGED_FOR + timedelta(hours=1))
    with transaction():
        assert sweeping.sweep_staged(now())
    assert client_for(author).get(url).status_code == 404


def test_what_is_refused_of_a_preview_leads_back_to_the_form_and_nothing_is_read_ahead(
    author: Person, client_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = client_for(author)
    url = browser.post("/portfolio/literature", {"text": RIS}).location
    held: list[bool] = []
    real = literature.run_child

    def watched(*given: Any, **more: Any) -> Any:
        held.append(db.session().in_transaction())
        return real(*given, **more)

    monkeypatch.setattr(literature, "run_child", watched)
    ahead = browser.client.get(url, headers={"Sec-Purpose": "prefetch"})
    assert (ahead.status_code, held) == (404, [])
    assert browser.get(url).status_code == 200
    assert held == [False], "the child holds no connection"

    def refuse(*_given: Any, **_more: Any) -> Any:
        raise Invalid("已有太多草稿")

    monkeypatch.setattr(literature, "take", refuse)
    refused = browser.post(url, {"pick": ["0"]})
    assert is_told_in_place(refused, "已有太多草稿", "粘贴或上传题录")
    monkeypatch.setattr(literature, "read_text", refuse)
    assert is_told_in_place(browser.get(url), "已有太多草稿", "粘贴或上传题录")
