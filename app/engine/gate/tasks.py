"""What tasks must say about themselves: form, save, role, scope, handler (任务属性)."""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from app.engine.contracts import UNDECLARED, Contract
from app.engine.diagrams import PROPERTIES
from app.engine.gate.diagram import BPMN, SPIFF, Diagram, Node, local
from app.engine.gate.elements import Rule
from app.engine.gate.findings import Finding, quoted
from app.engine.gate.known import Known
from app.engine.gate.matters import fitting
from app.engine.gate.words import MAX_LISTED, instead, nearest

MAX_DUE = 200
_NO_PROPERTIES = "请删除：这种元素不读取属性"
PEOPLES = ("userTask", "manualTask")
"""Tasks of people: a manual task (手工任务) is done elsewhere, and reported in its form."""


def user_tasks_show_something(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard the inbox: a task shows either a form or a page, and the platform must have it."""
    for node in diagram.of_kind(*PEOPLES):
        form, page = node.properties.get("form", ""), node.properties.get("page", "")
        if bool(form) == bool(page):
            message = "form 与 page 要填且只填一个"
            yield diagram.find("user.form", node, message, "请在属性里填写表单或页面")
        elif form and form not in known.forms:
            yield _unknown(diagram, node, "user.form", "表单", form, known.forms)
        elif page and page not in known.pages:
            yield _unknown(diagram, node, "user.page", "页面", page, known.pages)


def user_tasks_save(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard completion: the answers go to a registered save handler."""
    yield from _registered(diagram, known, "user.save", known.saves, "保存处理")


def user_tasks_have_scope(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard the inbox: the scope says whose unit, meeting or person the task belongs to."""
    yield from _registered(diagram, known, "user.scope", known.scopes, "范围")


def _registered(
    diagram: Diagram, known: Known, rule: str, names: Mapping[str, Contract], word: str
) -> Iterator[Finding]:
    key = rule.removeprefix("user.")
    for node in diagram.of_kind(*PEOPLES):
        name = node.properties.get(key, "")
        if not name:
            message = f"没有填写 {key}（{word}）"
            offered = "、".join(fitting(diagram, known, names)[:MAX_LISTED])
            hint = f"请在属性里填写 {key}" + (f"，本流程可用：{offered}" if offered else "")
            yield diagram.find(rule, node, message, hint)
        elif name not in names:
            # Where nothing is written alike, what was made for the business is listed.
            ours = [] if nearest(name, names) else fitting(diagram, known, names)
            yield _unknown(diagram, node, rule, word, name, ours or names)


def _unknown(
    diagram: Diagram, node: Node, rule: str, word: str, name: str, names: Collection[str]
) -> Finding:
    message = f"平台没有名为“{quoted(name)}”的{word}"
    return diagram.find(rule, node, message, instead(name, names, word))


def user_tasks_in_role_lanes(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard who acts: the lane people see and the role the inbox asks for are the same."""
    names = set(known.roles.values())
    for node in diagram.of_kind(*PEOPLES):
        lane, role = diagram.lane_of(node), node.properties.get("role", "")
        if node.id in diagram.torn:
            message = "同时放在几个泳道里"
            yield diagram.find("user.lane", node, message, "请只放进办理角色的泳道")
        if lane is None:
            word = known.roles.get(role)
            lanes = f"“{word}”" if word else _roles_for(node, known)
            hint = f"请放进办理角色的泳道：{lanes}"
            yield diagram.find("user.lane", node, "不在任何泳道里", hint)
        elif lane not in names:
            message = f"泳道“{lane}”不是平台的角色"
            yield diagram.find("user.lane", node, message, _lane_hint(lane, node, known))
        if role not in known.roles:
            message = f"role（角色）“{role}”不存在" if role else "没有填写 role（角色）"
            yield diagram.find("user.role", node, message, _role_hint(lane, node, known))
        elif lane in names and known.roles[role] != lane:
            message = f"角色“{known.roles[role]}”与泳道“{lane}”不一致"
            of_lane = next(name for name, word in known.roles.items() if word == lane)
            hint = f"请把 role 改成 {of_lane}，或把任务移到泳道“{known.roles[role]}”里"
            yield diagram.find("user.role", node, message, hint)


def _roles_for(node: Node, known: Known, *, with_ids: bool = False) -> str:
    """Return the roles that may do a task, as its scope and its save say; else all there are."""
    scope = known.scopes.get(node.properties.get("scope", ""), UNDECLARED)
    save = known.saves.get(node.properties.get("save", ""), UNDECLARED)
    may = [set(of) for of in (save.roles, scope.usual or scope.roles) if of]
    some = {each for each in known.roles if all(each in of for of in may)} or known.roles.keys()
    words = {name: word for name, word in known.roles.items() if name in some}
    return "、".join(f"{name}（{word}）" if with_ids else word for name, word in words.items())


def _lane_hint(lane: str, node: Node, known: Known) -> str:
    """Return the lane that was meant: that of the role, or the one that is written most alike."""
    role, words = node.properties.get("role", ""), set(known.roles.values())
    if role in known.roles:
        return f"请把泳道改名为“{known.roles[role]}”"
    if nearest(lane, words):
        return instead(lane, words, "角色名称")
    return f"请把泳道改名为可以办理这项任务的角色：{_roles_for(node, known)}"


def _role_hint(lane: str | None, node: Node, known: Known) -> str:
    """Return the role that was meant: that of the lane, or the one that is written most alike."""
    of_lane = [name for name, word in known.roles.items() if word == lane]
    role = node.properties.get("role", "")
    if of_lane:
        return f"请把 role 改成 {of_lane[0]}"
    if nearest(role, known.roles):
        return instead(role, known.roles, "角色")
    return f"请填写可以办理这项任务的角色：{_roles_for(node, known, with_ids=True)}"


def user_tasks_due(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the deadline: working days, a whole number from 1 to MAX_DUE."""
    for node in diagram.of_kind(*PEOPLES):
        due = node.properties.get("due")
        if due is None:
            continue
        if not (due.isascii() and due.isdigit() and 1 <= int(due[:9]) <= MAX_DUE):
            message = f"due（办理时限）要是 1 到 {MAX_DUE} 的整数工作日"
            yield diagram.find("user.due", node, message, "请填写工作日天数，或删去 due")


def service_tasks(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard the run: the runtime calls the handler of the property, nothing else (defect 13)."""
    for node in diagram.of_kind("serviceTask"):
        operator = node.element.find(f".//{SPIFF}serviceTaskOperator")
        operation = "" if operator is None else operator.get("id", "")
        handler = node.properties.get("handler", "")
        if not handler:
            message = "没有填写 handler（处理）"
            yield diagram.find("service.handler", node, message, "请在属性里填写 handler")
        elif handler not in known.services:
            yield _unknown(diagram, node, "service.handler", "处理", handler, known.services)
        if operation not in {"", handler}:
            message = "serviceTaskOperator 的编号与 handler 不一致"
            yield diagram.find("service.handler", node, message, "请填写同一个处理名称")
        if operator is not None and operator.get("resultVariable"):
            message = "服务任务不能把结果写入变量"
            hint = "请清空 resultVariable，用 outcomes 声明结果"
            yield diagram.find("service.result", node, message, hint)


def call_activities(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard the run: an unknown process is noticed by the engine only when it is called."""
    for node in diagram.of_kind("callActivity"):
        called = node.element.get("calledElement", "")
        if called not in known.processes:
            message = f"没有名为“{called}”的流程" if called else "没有填写调用的流程"
            near = nearest(called, known.processes)
            hint = f"最接近的是“{near}”；" if near else ""
            hint += "请填写已发布流程的编号，或一并上传该流程"
            yield diagram.find("call.target", node, message, hint)


def known_properties(diagram: Diagram, _known: Known) -> Iterator[Finding]:
    """Guard the run: of a misspelt property nothing is read, of a repeated one the last value."""
    seen: set[tuple[Any, str]] = set()
    for item in diagram.root.iter(f"{SPIFF}property"):
        owner, name = _owner_of(item), item.get("name", "")
        kind = "" if owner is None else local(owner)
        if name not in PROPERTIES.get(kind, ()):
            message = f"属性“{quoted(name)}”在这里没有作用"
            listed = "、".join(sorted(PROPERTIES.get(kind, ())))
            near = nearest(name, PROPERTIES.get(kind, ()))
            meant = f"最接近的是“{near}”；" if near else ""
            hint = f"{meant}请改成 {listed} 之一，或删除" if listed else _NO_PROPERTIES
            yield diagram.find("property.unknown", item, message, hint)
        elif (owner, name) in seen:
            message = f"属性“{name}”写了几次"
            yield diagram.find("property.repeated", item, message, "请只保留一个")
        seen.add((owner, name))


def _owner_of(item: Any) -> Any:
    """Return the element whose property this is, or None where properties are not read."""
    holders = list(islice(item.iterancestors(), 3))
    tags = [holder.tag for holder in holders[:2]]
    read = tags == [f"{SPIFF}properties", f"{BPMN}extensionElements"]
    return holders[2] if read and len(holders) == 3 else None


RULES: tuple[Rule, ...] = (
    user_tasks_show_something,
    user_tasks_save,
    user_tasks_have_scope,
    user_tasks_in_role_lanes,
    user_tasks_due,
    service_tasks,
    call_activities,
    known_properties,
)
