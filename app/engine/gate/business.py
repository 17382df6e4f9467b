"""Whether tasks and what they name belong together (业务约定): process, form, save and outcomes.

Forms, pages and handlers exist for a business; each says so where it is registered. What fits
nothing would fail at every click, or be kept where nobody looks.
"""

from collections.abc import Collection, Iterator, Mapping

from app.engine.contracts import Answered, Contract, Scalar
from app.engine.gate.diagram import GATEWAYS, Diagram, Node
from app.engine.gate.elements import Rule
from app.engine.gate.findings import Finding, quoted
from app.engine.gate.graph import reach
from app.engine.gate.known import Asking, Known
from app.engine.gate.matters import fitting, matters_of
from app.engine.gate.tasks import PEOPLES
from app.engine.gate.values import deal_of, worded
from app.engine.gate.words import MAX_LISTED, nearest

_NAMED = {
    "save": ("保存处理", "saves"),
    "page": ("页面", "pages"),
    "scope": ("范围", "scopes"),
    "handler": ("处理", "services"),
}


def _named_by(node: Node, known: Known) -> Iterator[tuple[str, str, Mapping[str, Contract]]]:
    """Yield what a node names, in words, with all that it could name."""
    keys = ("handler",) if node.kind == "serviceTask" else ("save", "page", "scope")
    for key in keys if node.kind in {"serviceTask", *PEOPLES} else ():
        word, table = _NAMED[key]
        if node.properties.get(key):
            yield word, node.properties[key], getattr(known, table)


def one_business(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard the records: a handler of another process does not find what it works on."""
    ours = matters_of(diagram, known)
    for node in diagram.nodes.values():
        for word, name, table in _named_by(node, known) if ours else ():
            serves = table[name].serves if name in table else ()
            if serves and not ours.intersection(serves):
                message = (
                    f"{word}“{name}”用于{_words(serves, known)}，本流程是{_words(ours, known)}"
                )
                mine = "、".join(fitting(diagram, known, table)) or "（没有）"
                hint = f"请改用本流程的{word}：{mine}"
                yield diagram.find("task.business", node, message, hint)


def calls_of_one_business(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard the records: what is called works on the caller's record, as if it were its own."""
    ours = matters_of(diagram, known)
    for node in diagram.of_kind("callActivity") if ours else ():
        called = known.processes.get(node.element.get("calledElement", ""))
        for name in sorted(called.services | called.saves) if called else ():
            contract = known.services.get(name) or known.saves.get(name)
            serves = contract.serves if contract else ()
            if serves and not ours.intersection(serves):
                theirs, own = _words(serves, known), _words(ours, known)
                message = f"被调用的流程用到“{name}”，它办理的是{theirs}，本流程是{own}"
                yield diagram.find("call.business", node, message, "请改为调用本业务的流程")
                break


def starts_with_what_is_given(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard the run: the platform starts a process with these data; others would be missing."""
    matter = known.matters.get(diagram.id)
    strange = [name for name in diagram.inputs if matter and name not in matter.gives]
    if matter and strange:
        message = f"平台启动本流程时不会给出“{quoted('、'.join(strange))}”，用到它的条件会出错"
        hint = f"请从 inputs 里删去，只写 {','.join(matter.gives)}" if matter.gives else ""
        hint = hint or "请删去 inputs，由前面节点的 outcomes 声明"
        yield diagram.find("process.inputs", diagram.process, message, hint)


def _words(keys: frozenset[str] | tuple[str, ...], known: Known) -> str:
    words = [known.matters[key].word if key in known.matters else key for key in sorted(keys)]
    return "".join(f"“{word}”" for word in words)


def answers_reach_their_handler(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard completion: a save handler reads the answers that its own form or page sends."""
    for node in diagram.of_kind(*PEOPLES):
        contract = known.saves.get(node.properties.get("save", ""))
        name = node.properties.get("save", "")
        if contract is None:
            continue
        wanted, shown = _wanted(node, known)
        # What nobody else reads may be kept as it came.
        is_kept = Answered in (contract.gives or {}).values() and wanted not in known.saves
        if wanted and wanted != name and not is_kept:
            message = f"{shown}的内容由保存处理“{wanted}”读取，这里填的是“{name}”"
            hint = f"请把 save 改成“{wanted}”，或换成“{name}”的表单或页面"
            yield diagram.find("task.answers", node, message, hint)
        elif node.properties.get("form"):
            yield from _decisions(diagram, node, known, contract)


def _wanted(node: Node, known: Known) -> tuple[str, str]:
    """Return the save handler that a task's form or page is made for, and what that is."""
    form, page = node.properties.get("form", ""), node.properties.get("page", "")
    if form in known.forms:
        return known.forms[form].save, f"表单“{form}”"
    contract = known.pages.get(page)
    if contract is None or contract.gives is None:
        return "", ""
    return contract.save or page, f"页面“{page}”"


def _decisions(
    diagram: Diagram, node: Node, known: Known, contract: Contract
) -> Iterator[Finding]:
    """Guard completion: a decision that the handler does not know ends in an error."""
    form = known.forms.get(node.properties.get("form", ""))
    takes = contract.decisions
    if form is None or takes is None or isinstance(takes, type):
        return
    said = _misfit(form, takes)
    if said:
        taken = worded(tuple(takes), form.words)
        message = f"表单{said}，保存处理“{node.properties['save']}”只接受{taken}"
        yield diagram.find("task.decision", node, message, "请改用与保存处理配套的表单")


def _misfit(form: Asking, takes: Collection[Scalar]) -> str:
    """Return what a form lets people decide that its handler does not take, in words."""
    asked = form.decisions
    if asked is None:
        return "的 decision 可以任意填写，或选项随业务而定" if takes else ""
    odd = tuple(value for value in asked if value not in takes)
    if odd:
        return f"可以选{worded(odd, form.words)}"
    return "没有可选的决定" if len(takes) > 1 and not asked else ""


def outcomes_as_given(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard completion: the runtime refuses each outcome of a handler that is not declared."""
    for node in diagram.of_kind("serviceTask", *PEOPLES):
        deal = deal_of(node, known)
        gives = None if deal is None else deal.gives
        if gives is None:
            continue
        for name in dict.fromkeys(node.outcomes):
            if name not in gives:
                message = f"outcomes 里的“{name}”，这里的处理不会给出"
                yield diagram.find("task.outcomes", node, message, _instead(name, gives))
        missing = [name for name in gives if name not in node.outcomes]
        if missing:
            message = f"这里的处理会给出“{'、'.join(missing)}”，outcomes 没有声明，办理时会出错"
            hint = f"请把 outcomes 写成 {','.join(gives)}"
            yield diagram.find("task.outcomes", node, message, hint)


def _instead(name: str, gives: Mapping[str, object]) -> str:
    if not gives:
        return "请删去 outcomes：这里的处理没有结果"
    near = nearest(name, gives)
    return f"请改成“{near}”" if near else f"请改成 {','.join(gives)}"


def roles_that_may_act(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard who acts: nobody decides on themselves, whether by the scope or by the save."""
    for node in diagram.of_kind(*PEOPLES):
        for key, word, table in (
            ("scope", "范围", known.scopes),
            ("save", "保存处理", known.saves),
        ):
            name, role = node.properties.get(key, ""), node.properties.get("role", "")
            contract = table.get(name)
            if contract and contract.roles and role in known.roles and role not in contract.roles:
                message = f"{word}“{name}”不能交给角色“{known.roles[role]}”办理"
                words = [known.roles[each] for each in contract.roles if each in known.roles]
                near = "、".join(words) if len(words) <= MAX_LISTED else "单位、机关的工作角色"
                yield diagram.find("task.role", node, message, f"这个{word}用于：{near}")


def _is_strange(role: str, place: Contract, saved: Contract | None) -> bool:
    """Whether a role may act at a place where people do not hold it."""
    may = [of for of in (place.roles, saved.roles if saved else ()) if of]
    return bool(place.usual) and role not in place.usual and all(role in of for of in may)


def places_that_fit(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard who acts: what is handed in is vetted elsewhere, and mended where it came from.

    A role that nobody holds there is asked about: the task would wait where nobody sees it.
    """
    for node in diagram.of_kind(*PEOPLES):
        save, role = node.properties.get("save", ""), node.properties.get("role", "")
        name = node.properties.get("scope", "")
        saved, place = known.saves.get(save), known.scopes.get(name)
        if saved and place and saved.scopes and name not in saved.scopes:
            message = f"保存处理“{save}”的任务不能放在范围“{name}”"
            hint = f"请改用范围：{'、'.join(sorted(saved.scopes))}"
            yield diagram.find("task.scope", node, message, hint)
        elif place and role in known.roles and _is_strange(role, place, saved):
            message = f"范围“{name}”里一般没有人担任“{known.roles[role]}”，任务可能没有人看到"
            held = "、".join(known.roles[each] for each in place.usual if each in known.roles)
            hint = f"这个范围里有：{held}；确有人担任的不必改"
            yield diagram.find("task.nobody", node, message, hint, severity="warning")


def handled_once(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard completion: what a handler has done to its record it cannot do again at once."""
    for node in diagram.of_kind("serviceTask"):
        name = _once(node, known)
        for ident in _next_tasks(diagram, node) - {node.id} if name else ():
            again = diagram.nodes[ident]
            if again.kind == "serviceTask" and again.properties.get("handler") == name:
                message = f"紧接着“{node.name or node.id}”又办理一次“{name}”，第二次会出错"
                yield diagram.find("task.twice", again, message, "请删去重复的服务任务")


def _next_tasks(diagram: Diagram, node: Node) -> set[str]:
    """Return the nodes that come next, whatever gateways stand between."""
    edges = {
        each.id: [flow.target for flow in diagram.outgoing[each.id]]
        for each in diagram.nodes.values()
        if each is node or each.kind in GATEWAYS
    }
    return reach(edges[node.id], edges) & diagram.nodes.keys()


def decided_once(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard completion: of several tasks that decide one record, all but the first fail."""
    for node in diagram.nodes.values():
        if node.loop is None:
            continue
        # One after the other, what they hold may lead from one state of the record to the next.
        together = [] if node.kind in {"subProcess", "callActivity"} else [node]
        if node.loop.get("isSequential") != "true":
            together = [node, *_inside(diagram, node)]
        for each in together:
            name = _once(each, known)
            if name:
                message = f"“{name}”对每条业务只能办理一次，不能多实例"
                yield diagram.find("loop.once", each, message, "请去掉多实例标记")


def _inside(diagram: Diagram, node: Node) -> list[Node]:
    found = diagram.inside(node.id) if node.kind == "subProcess" else []
    return [inner for each in found for inner in (each, *_inside(diagram, each))]


def _once(node: Node, known: Known) -> str:
    """Return the handler of a node, or of what it calls, that works on its record once."""
    if node.kind == "callActivity":
        called = known.processes.get(node.element.get("calledElement", ""))
        names = () if called is None else sorted(called.saves)
        return next((n for n in names if n in known.saves and not known.saves[n].repeats), "")
    key = "handler" if node.kind == "serviceTask" else "save"
    deal = deal_of(node, known)
    return "" if deal is None or deal.contract.repeats else node.properties.get(key, "")


def finishes_its_record(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard the records: without these handlers one stays as it was, or goes on unapproved."""
    matter, own = known.matters.get(diagram.id), known.processes.get(diagram.id)
    if matter is None or own is None:
        return
    for name in matter.needs:
        if name not in own.services | own.saves:
            kind, key = ("用户", "save") if name in known.saves else ("服务", "handler")
            message = f"没有用到“{name}”的{kind}任务，“{matter.word}”缺了必经的一步，不能算办结"
            hint = f"请补画{kind}任务，{key} 填 {name}"
            yield diagram.find("process.needs", diagram.process, message, hint)


RULES: tuple[Rule, ...] = (
    one_business,
    calls_of_one_business,
    starts_with_what_is_given,
    answers_reach_their_handler,
    outcomes_as_given,
    roles_that_may_act,
    places_that_fit,
    decided_once,
    handled_once,
    finishes_its_record,
)
