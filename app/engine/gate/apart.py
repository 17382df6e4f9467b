"""Whether who judges one after the other are two persons (他人办理)."""

from collections.abc import Iterator

from app.engine.contracts import UNDECLARED
from app.engine.gate.diagram import Diagram, Node
from app.engine.gate.elements import Rule
from app.engine.gate.findings import Finding, quoted
from app.engine.gate.graph import edges_of, reach, starts_of
from app.engine.gate.known import Known, Published
from app.engine.gate.tasks import PEOPLES
from app.engine.gate.values import deal_of


def user_tasks_apart(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Guard the second person: of no task, or one that comes later, nobody would be kept off."""
    edges = edges_of(diagram)
    for node in diagram.of_kind(*PEOPLES):
        other = node.properties.get("apart")
        if other is None:
            continue
        first = diagram.nodes.get(other)
        if first is None or first.kind not in PEOPLES or first is node:
            message = f"apart（须由他人办理的环节）填的“{quoted(other)}”不是本流程的另一个用户任务"
        elif node.id not in reach(edges[other], edges):
            message = (
                f"apart 填的“{quoted(first.name or other)}”走不到这里，起不到由他人办理的作用"
            )
        elif _is_one_persons(node, known):
            message = "这里的范围只有一个人（scope），填了 apart 就可能没有人能办理"
        else:
            continue
        hint = "请填写前面一个用户任务的编号，由它的办理人以外的人办理这里，或删去 apart"
        yield diagram.find("user.apart", node, message, hint)


def judged_by_two(diagram: Diagram, known: Known) -> Iterator[Finding]:
    """Ask who looks once more at what was judged: of one role it may be who has judged it.

    Where one person alone can do a task nobody else could be asked for.
    """
    judging = [
        node
        for node in diagram.of_kind(*PEOPLES)
        if _judges(node, known) and not _is_one_persons(node, known)
    ]
    edges = edges_of(diagram)
    straight = {
        each: [] if _is_peoples(diagram, each, known) else to for each, to in edges.items()
    }
    for second in judging:
        place = _place(second)
        alike = [each for each in judging if each is not second and _place(each) == place]
        firsts = [each for each in alike if _follows(diagram, each, second, edges, straight)]
        if firsts and second.properties.get("apart") not in {each.id for each in firsts}:
            own = "、".join(f"“{quoted(each.name or each.id)}”" for each in firsts)
            message = f"{own}之后由同一范围的同一角色再作决定，两次可能是同一个人办理"
            named = " 或 ".join(each.id for each in firsts)
            hint = f"要由另一个人办理的，请把 apart 填为 {named}；可以是同一个人的不必改"
            yield diagram.find("task.apart", second, message, hint, severity="warning")


def _place(node: Node) -> tuple[str, str]:
    return node.properties.get("role", ""), node.properties.get("scope", "")


def _judges(node: Node, known: Known) -> bool:
    """Whether people decide on something at a task, one of them by themselves."""
    deal = deal_of(node, known)
    if deal is None or node.loop is not None:
        return False
    is_asked = deal.asked is None or len(deal.asked) > 1
    gives = (deal.gives or {}).values()
    return is_asked and any(v is None or (isinstance(v, tuple) and len(v) > 1) for v in gives)


def _is_one_persons(node: Node, known: Known) -> bool:
    """Whether a task is placed with one person, whoever has the role."""
    return known.scopes.get(node.properties.get("scope", ""), UNDECLARED).one_person


def _is_peoples(diagram: Diagram, ident: str, known: Known) -> bool:
    """Whether people act at a node, or in the part or process that it holds."""
    node = diagram.nodes.get(ident)
    if node is None:
        return False
    called = known.processes.get(node.element.get("calledElement", ""), Published())
    within = (each.id for each in diagram.inside(ident))
    is_own = node.kind in PEOPLES or bool(called.saves)
    return is_own or any(_is_peoples(diagram, each, known) for each in within)


def _follows(
    diagram: Diagram,
    first: Node,
    second: Node,
    edges: dict[str, list[str]],
    straight: dict[str, list[str]],
) -> bool:
    """Whether a task comes behind another with nobody to act between, and not before it."""
    starts = starts_of(diagram, first.scope)
    around = {**edges, second.id: list[str]()}
    return second.id in reach(edges[first.id], straight) and first.id in reach(starts, around)


RULES: tuple[Rule, ...] = (user_tasks_apart, judged_by_two)
