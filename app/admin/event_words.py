"""What audit events kept, in words (审计日志的内容)."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from app.accounts.event_words import FACTORS, WHY
from app.admin.forms import ProviderForm
from app.catalogue import jurisdictions
from app.certificates.facts import CHANGEABLE
from app.certificates.models import Ground
from app.core.permissions import ROLES
from app.imports.kinds import kind_called
from app.inbox.queries import Scope
from app.notices.models import WORDS as ARTICLES
from app.people.queries import PROFILE
from app.review.exports import LISTS
from app.units.areas import names as area_names
from app.units.forms import OwnDataForm
from forms import FormSpec, load
from forms.items import item_types

SCOPES = {"org": "单位", "meeting": "会议", "jurisdiction": "地区", "person": "人员"}
DATA = {
    "after": "修改后",
    "area_code": "属地",
    "basis": "依据",
    "before": "修改前",
    "broken": "不符",
    "by": "新证书编号",
    "case": "参评材料编号",
    "cases": "参评材料数",
    "cause": "原因",
    "changes": "变更项",
    "committee_id": "评委会编号",
    "count": "数量",
    "credit_code": "统一社会信用代码",
    "decision": "结论",
    "declaration": "申报编号",
    "defects": "问题数",
    "deputies": "副主任",
    "digest": "文件摘要",
    "director": "主任",
    "due": "新时限",
    "due_before": "原时限",
    "factor": "第二重验证",
    "fields": "修改的内容",
    "file": "附件编号",
    "files": "附件顺序",
    "filing_no": "备案文号",
    "former": "原主审、副审",
    "from_version": "原版本",
    "given_by": "原办理",
    "given_to": "转给",
    "ground": "撤销情形",
    "group": "小组编号",
    "groups": "分组（参评材料编号：小组编号）",
    "has_leader": "设单位领导",
    "indicator": "指标",
    "item": "业绩编号",
    "items": "业绩编号",
    "job_key": "后台作业",
    "jurisdiction": "地区",
    "kind": "类别",
    "leaders": "组长（小组编号：人员编号）",
    "list": "名单",
    "login": "登录名",
    "meeting": "评审会议",
    "member": "评委",
    "members": "评委人数",
    "mended_by": "补正截止时间",
    "name": "名称",
    "names": "名称",
    "no": "第几次提交",
    "node": "环节",
    "note": "说明",
    "number": "编号",
    "office": "岗位",
    "opinion": "意见",
    "outcome": "结果",
    "parent_id": "上级单位",
    "passed": "通过数",
    "plan": "计划编号",
    "posts": "岗位（已聘/核定）",
    "present": "到会人数",
    "provider": "统一身份认证",
    "publish_at": "发布时间",
    "queue_row_id": "队列编号",
    "readers": "主审、副审（参评材料编号：人员编号）",
    "reason": "理由",
    "recused": "回避人员",
    "reports_to_id": "上报单位",
    "request": "申请编号",
    "revocation": "撤销编号",
    "person": "人员",
    "role": "角色",
    "roles": "角色",
    "root": "票箱摘要",
    "rows": "行数",
    "scope": "范围",
    "sealed": "已封印",
    "seat": "席位",
    "slot": "附件项",
    "source": "来源编号",
    "specialty": "专业",
    "specialty_id": "专业编号",
    "stage": "审核环节",
    "successor": "接任人",
    "summary": "摘要",
    "tasks": "任务编号",
    "to_version": "新版本",
    "total": "总分",
    "tried": "填写的账号",
    "type": "业绩类型",
    "unit": "单位",
    "unit_name": "工作单位",
    "units": "单位",
    "until": "截止",
    "version": "版本",
    "voted": "投票人数",
    "what": "查看的材料",
    "why": "失败原因",
}
VALUES = {
    "factor": FACTORS,
    "decision": {
        "pass": "通过",
        "return": "退回",
        "terminate": "终止",
        "reject": "不同意",
        "refuse": "不予同意",
        "withdraw": "撤回",
        "confirm": "同意",
    },
    "ground": {ground.value: ground.label for ground in Ground},
    "list": LISTS,
    "outcome": {"passed": "通过", "failed": "未通过"},
    "seat": {"main": "主审", "deputy": "副审"},
    "why": WHY,
    "stage": {"main": "主审", "deputy": "副审", "leader": "组长", "director": "主任"},
}


PLACES = {
    "meeting": "meeting",
    **dict.fromkeys(("unit", "units", "parent_id", "reports_to_id"), "org"),
    **dict.fromkeys(
        (
            "person",
            "member",
            "former",
            "successor",
            "director",
            "deputies",
            "recused",
            "leaders",
            "readers",
        ),
        "person",
    ),
}
"""Whose id stands under a key, or under the numbers that stand below it: a unit's, a person's."""
SCOPED = frozenset({"scope", "given_by", "given_to"})
FIELDS = frozenset({"fields", "changes"})
"""Names of fields: what they are called stands in the form of the event's room."""


def said(tag: str, data: Mapping[str, Any], names: Mapping[Scope, str]) -> dict[str, str]:
    """Return what an event kept, in words where there are any, and with these names."""
    told = {key: _words(key, value, names) for key, value in data.items()}
    for key in FIELDS & data.keys():
        labels = _labels(tag.partition(":")[0], str(data.get("type", "")))
        told[key] = "、".join(labels.get(name, name) for name in data[key]) or "无"
    return {DATA.get(key, key): words for key, words in told.items()}


def places_in(data: Mapping[str, Any]) -> Iterator[Scope]:
    """Yield whom an event speaks of by their ids: units, people, meetings, areas."""
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from places_in({_inner(key, k): v for k, v in value.items()})
            continue
        for each in value if isinstance(value, list) else [value]:
            place = _place(key, each)
            if place:
                yield place


def _place(key: str, value: Any) -> Scope | None:
    if key in PLACES and isinstance(value, int) and not isinstance(value, bool):
        return PLACES[key], value
    kind, _, number = str(value).partition(":")
    return (kind, int(number)) if key in SCOPED and number.isdecimal() else None


PLAIN = {None: "无", True: "是", False: "否"}


def _inner(key: str, inner: str) -> str:
    """Return under which key a value within a value is read: a number is of what stands above."""
    return key if inner.isdecimal() else inner


def _words(key: str, value: Any, names: Mapping[Scope, str]) -> str:
    if isinstance(value, Mapping):
        told = ((DATA.get(k, k), _words(_inner(key, k), v, names)) for k, v in value.items())
        return "，".join(f"{name} {words}" for name, words in told)
    if isinstance(value, list):
        return "、".join(_words(key, each, names) for each in value) or "无"
    if isinstance(value, bool | None):
        return PLAIN[value]
    place = _place(key, value)
    return called(place, names) if place else _told(key, str(value))


def _told(key: str, text: str) -> str:
    if key == "kind":
        return _kind(text)
    return _known(key).get(text) or _moment(text)


def _kind(text: str) -> str:
    """Return what an article, or what is imported, is called; other kinds are words already."""
    imported, articles = kind_called(text), {str(key): word for key, word in ARTICLES.items()}
    return imported.label if imported else articles.get(text, text)


def _moment(text: str) -> str:
    """Return a moment as people write it, anything else as it is."""
    try:
        at = datetime.fromisoformat(text) if "T" in text else None
    except ValueError:
        at = None
    return f"{at:%Y-%m-%d %H:%M}" if at else text


def called(place: Scope, names: Mapping[Scope, str]) -> str:
    """Return what a unit, person, meeting or area is called, with the number it is found by."""
    kind, number = place
    told = f"{SCOPES.get(kind, kind)} {number}"
    return f"{names[place]}（{told}）" if place in names else told


def _known(key: str) -> Mapping[str, str]:
    if key in SCOPED:
        return {"all:None": "全平台"}
    titles = {
        "area_code": area_names(),
        "jurisdiction": _jurisdictions(),
        "role": ROLES,
        "roles": ROLES,
        "slot": _slots(),
        "type": _types(),
    }
    return titles.get(key) or VALUES.get(key, {})


@cache
def _types() -> dict[str, str]:
    return {kind.key: kind.title for kind in item_types().values()}


@cache
def _jurisdictions() -> dict[str, str]:
    return {key: jurisdictions.get(key).name for key in jurisdictions.all_ids()}


@cache
def _labels(room: str, item_type: str) -> Mapping[str, str]:
    """Return what fields are called on the page of a room, or of a type of portfolio items.

    Forms use the same names for other things: no other form's label stands for a field.
    """
    if room == "portfolio":
        return _called(item_types()[item_type].form) if item_type in item_types() else {}
    forms: dict[str, Callable[[], Mapping[str, str]]] = {
        "certificate": lambda: CHANGEABLE,
        "person": lambda: {"name": "姓名", "id_number": "证件号码", **_called(load(PROFILE))},
        "plan": lambda: _called(load("plan/basics")),
        "provider": lambda: {field.name: str(field.label.text) for field in ProviderForm()},
        "unit": lambda: {field.name: str(field.label.text) for field in OwnDataForm()},
    }
    return forms[room]() if room in forms else {}


def _called(form: FormSpec) -> dict[str, str]:
    return {field.name: field.label for field in form.fields}


@cache
def _slots() -> dict[str, str]:
    slots = [slot for kind in item_types().values() for slot in kind.slots]
    return {slot.name: slot.label for slot in reversed(slots)}
