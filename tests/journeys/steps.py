"""The steps of the main job, each as its people do it by HTTP and as the next ones see it."""

import re
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.certificates.models import Certificate
from app.core.clock import ZONE
from app.core.db import db, transaction
from app.results.models import Publicity
from tests.builders.golden_case import (
    CLOSES,
    ITEMS,
    LATER,
    PASS,
    PERSONAL,
    PRIOR_TITLE,
    PUBLICITY,
    TEACHING,
    VET_PASS,
    VETTED,
)
from tests.journeys.kit import Actor, Company

MEETS = datetime(2026, 12, 9, 8, 45, tzinfo=ZONE)
SECTIONS = ("work", "education", "training", "assessment")
DEFECTS = {
    "decision": "return",
    "opinion": "请修改",
    "defects-0-section": "basics",
    "defects-0-text": "身体状况与体检不符",
    "defects-0-remedy": "按体检结果修改",
    "defects-1-section": "files",
    "defects-1-text": "身份证背面不清晰",
    "defects-1-remedy": "重新扫描上传",
}


def enter_portfolio(company: Company) -> dict[str, int]:
    """The teacher enters every item; the clerk vets one in the inbox and the others at once."""
    teacher, clerk = company["teacher"], company["unit_clerk"]
    items = {into: teacher.enter_item(*row) for into, row in {**ITEMS, **LATER}.items()}
    teacher.read("/portfolio", "待审核")
    clerk.do("业绩审核", {"decision": "pass", "opinion": "与原件一致"}, "苏晓禾", "证明")
    while waiting := clerk.tasks("业绩审核"):
        answer = clerk.send("/tasks/batch", {"id": waiting, "decision": "pass", "opinion": "属实"})
        assert answer.location == "/tasks"
    teacher.read("/portfolio", "已通过")
    return items


def give_photo(teacher: Actor) -> None:
    photo = teacher.upload("/files?policy=photo", "jpg")
    teacher.send("/account/photo", {"photo": photo})


def begin(company: Company) -> str:
    """Choose 小学数学, pledge, begin; the declaration's address."""
    teacher = company["teacher"]
    plans = teacher.read("/plans", "2026年度淮城市中小学教师系列高级职称评审")
    plan = re.findall(r'href="(/plans/\d+)"', plans)[0]
    teacher.read(plan, "马上申报")
    offered = teacher.read(f"{plan}/declare")
    found = re.search(r'value="(\d+)"[^>]*>[^<]*小学数学', offered)
    assert found, offered
    choice = {"kind": "常规申报", "specialty_id": found[1]}
    assert "请核对后勾选确认无误" in teacher.send(f"{plan}/declare", choice, status=422).text
    pledge = teacher.send(f"{plan}/declare", {**choice, "sure": "1"}).location
    teacher.read(pledge, "我已阅读并承诺")
    teacher.send(f"{plan}/pledge", choice, status=422)
    begun = teacher.send(f"{plan}/pledge", {**choice, "pledged": "1"}).location
    return str(begun.removesuffix("/fill"))


def autosave(teacher: Actor, address: str, name: str, value: str) -> None:
    saved = teacher.send(f"{address}/autosave", {"name": name, "value": value}, status=200)
    assert saved.json["saved"] is True


def take(teacher: Actor, address: str, into: str, item_id: int) -> None:
    """Import an item where it belongs, as the dialog of that place offers it."""
    if into in SECTIONS:
        teacher.read(f"{address}/fill/{into}", f'value="{item_id}"')
        teacher.send(f"{address}/imports", {"section": into, "item_id": item_id})
        return
    page = teacher.read(f"{address}/fill/merits")
    place = re.search(
        rf'id="item-(\d+)">\s*(?:<div[^>]*>\s*)+<h3[^>]*>\d+、{re.escape(into)}', page
    )
    assert place, into
    chosen = {"standard_item_id": place[1], "item_id": item_id}
    teacher.send(f"{address}/imports", chosen)


def entry_of(teacher: Actor, address: str, section: str) -> str:
    return re.findall(r'id="entry-(\d+)"', teacher.read(f"{address}/fill/{section}"))[0]


def fill(company: Company, address: str, items: dict[str, int]) -> None:
    """Fill what the golden case has at first: rows 5 and 9 of the check still fail."""
    teacher = company["teacher"]
    give_photo(teacher)
    for name, value in {**PERSONAL, **TEACHING}.items():
        autosave(teacher, address, name, value)
    teacher.read(f"{address}/fill/basics", 'value="专技八级"')
    teacher.send(f"{address}/titles/new", {"unit": "云桥区青禾小学"}, status=422)
    teacher.send(f"{address}/titles/new", _title_form())
    for into in ITEMS:
        take(teacher, address, into, items[into])
    studied = entry_of(teacher, address, "education")
    for flag in ("highest", "qualifying"):
        autosave(teacher, address, flag, studied)
    files = teacher.read(f"{address}/fill/files")
    for slot in dict.fromkeys(re.findall(rf"{address}/files/(\d+)", files)):
        teacher.upload(f"{address}/files/{slot}")


def _title_form() -> dict[str, Any]:
    form = {name: value for name, value in PRIOR_TITLE.items() if name != "appointments"}
    for place, row in enumerate(PRIOR_TITLE["appointments"]):
        form.update({f"appointments-{place}-{name}": value or "" for name, value in row.items()})
    return form


def check(company: Company, address: str) -> list[int]:
    """Run 开始检测; the numbers of the rows that fail."""
    page = company["teacher"].read(f"{address}/fill/submit?checked=1", "重新检测")
    rows = re.findall(r"<td>(\d+)</td><td>[^<]*</td><td[^>]*>[^<]*</td>\s*<td>.*?([✓✗])", page)
    assert [int(number) for number, _ in rows] == list(range(1, 12))
    failing = [int(number) for number, mark in rows if mark == "✗"]
    assert ("申报信息不完善,无法提交" in page) == bool(failing)
    return failing


def complete(company: Company, address: str, items: dict[str, int]) -> None:
    """Do what the first check missed."""
    teacher = company["teacher"]
    autosave(teacher, address, f"result-{entry_of(teacher, address, 'assessment')}", "合格")
    for into in LATER:
        take(teacher, address, into, items[into])


def submit(company: Company, address: str) -> None:
    answer = company["teacher"].send(f"{address}/submit")
    assert answer.location == address


def a_submitted_one(company: Company) -> str:
    """A declaration that the teacher has submitted some days ago; its address."""
    items = enter_portfolio(company)
    address = begin(company)
    fill(company, address, items)
    complete(company, address, items)
    submit(company, address)
    company.at(VETTED)
    return address


def recommend(company: Company) -> None:
    """The unit: the clerk recommends after the publicity inside, the leader agrees."""
    company.at(VETTED)
    clerk = company["unit_clerk"]
    task = clerk.task("审核申报材料", "苏晓禾", "小学数学说理课堂", "专技八级")
    clerk.send(f"/tasks/{task}", {"decision": "pass", "opinion": "属实"}, status=422)
    short = {**VET_PASS, **PUBLICITY, "publicity_from": "2026-11-18"}
    assert clerk.send(f"/tasks/{task}", short, status=422).text
    clerk.send(f"/tasks/{task}", VET_PASS)
    company["unit_leader"].do("单位领导审定", PASS, "同意推荐", "苏晓禾")


def forward(company: Company) -> None:
    """The district's office and the city's, each with its clerk and leader."""
    for office in ("district", "city"):
        company[f"{office}_clerk"].do("复核上报材料", PASS, "苏晓禾")
        company[f"{office}_leader"].do("上级领导审定", PASS, "苏晓禾")


def accept(company: Company, address: str) -> None:
    company["organiser"].do("受理申报材料", PASS, "苏晓禾")
    company["teacher"].read(address, "已受理")


def pass_the_deadline(company: Company) -> None:
    company.at(CLOSES + timedelta(days=6))


def call_meeting(company: Company) -> str:
    """Call the meeting and send its scheme up."""
    meeting = set_up_meeting(company)
    scheme = {"scheme": "主审副审分别审阅，全体委员无记名投票。"}
    company["meeting_clerk"].send(f"{meeting}/set-up", scheme)
    return meeting


def set_up_meeting(company: Company) -> str:
    """Call the meeting and enter groups, experts, material and score sheet; its address."""
    clerk = company["meeting_clerk"]
    form = clerk.read("/meetings/new", "2026年度淮城市中小学教师系列高级职称评审")
    plan, committee = (
        re.findall(rf'name="{name}"[^>]*?value="(\d+)"', form)
        or re.findall(rf'name="{name}".*?<option[^>]*value="(\d+)"', form, re.DOTALL)
        for name in ("plan_id", "committees")
    )
    facts = {
        "plan_id": plan[0],
        "committees": committee[0],
        "name": "2026年高级评审会议",
        "place": "淮城市教师发展中心",
        "starts_on": "2026-12-09",
        "starts_time": "08:30",
        "ends_on": "2026-12-11",
        "ends_time": "18:00",
    }
    clerk.send("/meetings/new", {**facts, "place": ""}, status=422)
    meeting = clerk.send("/meetings/new", facts).location.removesuffix("/set-up")
    early = clerk.send(f"{meeting}/set-up", {"scheme": "按方案评审"}, status=422).text
    assert "尚未设置会议分组" in early
    clerk.send(f"{meeting}/groups", {"name": "小学组", "size": "5"})
    pool = clerk.read(f"{meeting}/set-up?part=members", "专家01")
    group = re.findall(r'<option value="(\d+)"', pool)[0]
    experts = re.findall(r'name="id"[^>]*?value="(\d+)"', pool)
    clerk.send(f"{meeting}/members", {"id": experts, "group_id": group})
    accepted = clerk.read(f"{meeting}/set-up?part=cases", "苏晓禾")
    declarations = re.findall(r'name="id"[^>]*?value="(\d+)"', accepted)
    clerk.send(f"{meeting}/cases", {"id": declarations})
    cases = re.findall(r'name="id"[^>]*?value="(\d+)"', clerk.read(f"{meeting}/set-up?part=cases"))
    clerk.send(f"{meeting}/cases/group", {"do": "group", "group_id": group, "id": cases})
    for name, weight in (("师德与育人", "0"), ("教育教学工作", "60"), ("教研科研", "40")):
        clerk.send(f"{meeting}/indicators", {"name": name, "weight": weight, "max_score": weight})
    return str(meeting)


def prepare_review(company: Company, meeting: str) -> None:
    """Scheme approved, director and leader appointed, standard confirmed, reviewers assigned."""
    clerk = company["meeting_clerk"]
    company["organiser_leader"].do("方案审核", PASS, "2026年高级评审会议", "小学组")
    director, leader = company["expert1"], company["expert2"]
    chosen = {"director_id": director.id, "deputy_id": company["expert5"].id}
    clerk.send(f"{meeting}/directors", chosen)
    director.do("确认评分标准", PASS, "教育教学工作")
    group = re.findall(r'name="leader-(\d+)"', director.read(f"{meeting}/leaders"))[0]
    director.send(f"{meeting}/leaders", {f"leader-{group}": leader.id})
    leader.read(f"{meeting}/assign", "苏晓禾")
    leader.send(f"{meeting}/assign", {"do": "evenly"})
    page = leader.read(f"{meeting}/assign")
    rows = re.findall(
        r'name="((?:main|deputy)-\d+)".*?<option value="(\d+)" selected', page, re.DOTALL
    )
    assert len(rows) == 2
    leader.send(f"{meeting}/assign", {"do": "finish", **dict(rows)})


def score(company: Company) -> None:
    """Main reviewer, deputy, leader, director: each sees what was said before."""
    experts = [company[f"expert{number}"] for number in range(1, 6)]
    main = next(each for each in experts if each.waits("主审打分"))
    task = main.task("主审打分", "评分表", "小学数学说理课堂")
    sheet = main.read(f"/tasks/{task}")
    lines = re.findall(r'name="scores-(\d)-indicator" value="(\d+)"', sheet)
    values = ("0", "52", "34")
    answers: dict[str, Any] = {"decision": "pass", "opinion": "教学实绩突出"}
    for (place, indicator), value in zip(lines, values, strict=True):
        answers[f"scores-{place}-indicator"] = indicator
        answers[f"scores-{place}-value"] = value
        answers[f"scores-{place}-comment"] = ""
    main.send(f"/tasks/{task}", {**answers, "scores-1-value": "61"}, status=422)
    main.send(f"/tasks/{task}", answers)
    deputy = next(each for each in experts if each.waits("副审确认"))
    assert deputy.id != main.id
    deputy.do("副审确认", PASS, "教学实绩突出", "86")
    company["expert2"].do("组长确认", PASS, "86")
    company["expert1"].do("主任确认", PASS, "86")


def convene(company: Company, meeting: str) -> None:
    """Nobody signs in before the day of the meeting; it comes."""
    clerk = company["meeting_clerk"]
    everybody = {"do": "all", "present": "1"}
    early = clerk.send(f"{meeting}/check-in", everybody, status=409).text
    assert "会议定于 2026-12-09 08:30 开始，当天起方可签到" in early
    company.at(MEETS)


def vote(company: Company, meeting: str, choices: str = "yyyyy") -> None:
    """Check in, make the roll, hand out the keys, open, cast, close with two of three codes."""
    clerk, director = company["meeting_clerk"], company["expert1"]
    clerk.read(f"{meeting}/roll", "专家签到")
    clerk.send(f"{meeting}/check-in", {"do": "all", "present": "1"})
    clerk.send(f"{meeting}/roll", {"supervisor_id": company["supervisor"].id})
    holders = (clerk, director, company["supervisor"])
    codes = {holder.id: _collect_code(holder, meeting) for holder in holders}
    company["expert3"].read(f"{meeting}/ballot", "投票尚未发起", status=409)
    director.do("发起投票", PASS)
    case = re.findall(
        r'name="case-(\d+)"', company["expert3"].read(f"{meeting}/ballot", "苏晓禾")
    )[0]
    for number, choice in enumerate(choices, 1):
        company[f"expert{number}"].send(f"{meeting}/ballot", {f"case-{case}": choice})
    company["expert3"].send(f"{meeting}/ballot", {f"case-{case}": "n"}, status=409)
    clerk.read(f"{meeting}/results", status=409)
    two = {f"code-{holder}": codes[holder] for holder in list(codes)[:2]}
    clerk.send(f"{meeting}/close", {f"code-{clerk.id}": codes[clerk.id]}, status=422)
    clerk.send(f"{meeting}/close", two)
    director.do("投票结果确认", {"decision": "pass", "opinion": "经计票，结果有效"}, "苏晓禾")


def _collect_code(holder: Actor, meeting: str) -> str:
    holder.read(f"{meeting}/key", "领取密钥码")
    page = holder.send(f"{meeting}/key", status=200).text
    found = re.search(r"data-code>([^<]+)<", page)
    assert found, page
    return found[1].strip()


def publicise(company: Company) -> None:
    """The public reads the list for five working days; then the leader confirms."""
    visitor = company.visitor()
    page = visitor.read("/publicity", "评审结果公示", "公示中")
    address = re.findall(r'href="(/publicity/\d+)"', page)[0]
    page = visitor.read(address, "苏晓禾", "云桥区青禾小学", "提出异议")
    assert "340000" not in page
    assert not company["organiser_leader"].waits("公示结果确认")
    with transaction(write=False):
        ends = db.session.scalars(select(Publicity.ends_at)).one()
    company.at(ends + timedelta(hours=9))
    visitor.read(address, "公示期已结束")
    company["organiser_leader"].do("公示结果确认", {"decision": "confirm"}, "苏晓禾")


def send_up(company: Company) -> None:
    """The clerk sends the results up; the issuer approves them under a number."""
    assert not company["issuer"].waits("发证")
    company["meeting_clerk"].do("上报评审结果", {"decision": "pass", "opinion": "公示期间无异议"})
    approval = {"decision": "pass", "approval_no": "核准〔2026〕18号"}
    company["issuer"].do("评审结果审核", approval, "苏晓禾")


def issue(company: Company) -> str:
    """The issuer issues; the teacher reads and downloads; the certificate's address."""
    company["issuer"].do("发证", {"decision": "issue"}, "苏晓禾", "高级教师")
    teacher = company["teacher"]
    page = teacher.read("/certificates", "有效", "电子证书")
    address = re.findall(r'href="(/certificates/\d+)"', page)[0]
    teacher.read(address, "下载电子证书")
    paper = teacher.browser.get(f"{address}/file")
    assert (paper.status_code, paper.data[:5]) == (200, b"%PDF-")
    return address


def numbers() -> list[str]:
    with transaction(write=False):
        found = select(Certificate.number).order_by(Certificate.id)
        return [str(number) for number in db.session.scalars(found)]


def verify(company: Company, number: str, word: str) -> None:
    """Anybody verifies a certificate by name and number."""
    visitor = company.visitor()
    wrong = visitor.browser.post("/verify", {"name": "苏小禾", "number": number})
    assert (wrong.status_code, "没有查到" in wrong.text) == (404, True)
    found = visitor.browser.post("/verify", {"name": "苏晓禾", "number": number})
    assert found.status_code == 303
    visitor.read(found.location, f"<strong>{word}</strong>", number)


def replace(company: Company, address: str) -> None:
    """The teacher asks for the right employer; the unit and the issuer agree."""
    teacher, new = company["teacher"], "云桥区青禾小学（本部）"
    form = {"changes": ["employer"], "employer": new, "reason": "单位更名", "is_true": "yes"}
    missing = teacher.send(f"{address}/replace", form, status=422).text
    assert "请上传佐证材料" in missing
    assert new in missing
    evidence = teacher.upload("/files")
    request = teacher.send(f"{address}/replace", {**form, "evidence": [evidence]}).location
    teacher.read(request, "审核中")
    company["unit_clerk"].do("单位审核", {"decision": "pass", "opinion": "属实"}, new)
    company["issuer"].do("发证机关办理", {"decision": "pass"}, new)
    teacher.read(request, "已换发")
