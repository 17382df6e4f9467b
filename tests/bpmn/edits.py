"""Shipped diagrams as an office might edit them: a task twice, a gateway less, another word."""

from copy import deepcopy
from pathlib import Path
from typing import Any, Self

from lxml import etree

FOLDER = Path(__file__).resolve().parents[2] / "bpmn"
BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
_DI = "http://www.omg.org/spec/BPMN/20100524/DI"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"


class Edited:
    """A shipped diagram that is changed in place, its drawing with it."""

    def __init__(self, name: str) -> None:
        self.file = f"{name}.bpmn"
        self.root = etree.parse(FOLDER / self.file).getroot()
        self._process = self.root.find(f"{{{BPMN}}}process")

    def bytes(self) -> bytes:
        """The file that is uploaded."""
        return etree.tostring(self.root, xml_declaration=True, encoding="UTF-8")

    def node(self, ident: str) -> Any:
        """The element with this id."""
        return next(each for each in self.root.iter("*") if each.get("id") == ident)

    def copy(self, ident: str, new: str) -> Self:
        """Draw a node once more, in the same lane, without its flows."""
        node = deepcopy(self.node(ident))
        node.set("id", new)
        for part in [each for each in node if _local(each) in {"incoming", "outgoing"}]:
            node.remove(part)
        for part in node.iter("*"):
            if part is not node and part.get("id"):
                part.set("id", f"{new}_{_local(part)}")
        self._process.append(node)
        for each in list(self.root.iter(f"{{{BPMN}}}flowNodeRef")):
            if each.text == ident:
                etree.SubElement(each.getparent(), each.tag).text = new
        shape = deepcopy(self._shape(ident))
        shape.set("id", f"{new}_shape")
        shape.set("bpmnElement", new)
        for part in shape.iter("*"):
            if part is not shape and part.get("id"):
                part.set("id", f"{new}_label")
        self._shape(ident).getparent().append(shape)
        return self

    def draw(self, kind: str, new: str, like: str, **attributes: str) -> Self:
        """Draw a node of another kind where one like it stands, in its lane."""
        self.copy(like, new)
        node = self.node(new)
        for part in list(node):
            node.remove(part)
        node.tag = f"{{{BPMN}}}{kind}"
        node.attrib.pop("default", None)
        node.attrib.update(attributes)
        return self

    def lead(self, flow: str, *, source: str = "", target: str = "") -> Self:
        """Let a flow begin or end elsewhere."""
        for key, value in (("sourceRef", source), ("targetRef", target)):
            if value:
                self.node(flow).set(key, value)
        return self._named_anew()

    def join(self, source: str, target: str, condition: str = "") -> Self:
        """Draw a flow between two nodes."""
        ident = f"{source}_then_{target}"
        flow = etree.SubElement(self._process, f"{{{BPMN}}}sequenceFlow", id=ident)
        flow.attrib.update({"sourceRef": source, "targetRef": target})
        if condition:
            inner = etree.SubElement(flow, f"{{{BPMN}}}conditionExpression")
            inner.set(f"{{{_XSI}}}type", "bpmn:tFormalExpression")
            inner.text = condition
        edge = deepcopy(next(self.root.iter(f"{{{_DI}}}BPMNEdge")))
        edge.set("id", f"{ident}_edge")
        edge.set("bpmnElement", ident)
        for label in edge.findall(f"{{{_DI}}}BPMNLabel"):
            edge.remove(label)
        next(self.root.iter(f"{{{_DI}}}BPMNPlane")).append(edge)
        return self._named_anew()

    def drop(self, *idents: str) -> Self:
        """Rub out nodes, with their flows, or flows alone."""
        for ident in idents:
            node = self.node(ident)
            ends = ("sourceRef", "targetRef")
            flows = self._process.findall(f"{{{BPMN}}}sequenceFlow")
            touching = [each for each in flows if ident in [each.get(end) for end in ends]]
            for each in [*touching, node]:
                shape = self._shape(each.get("id"))
                shape.getparent().remove(shape)
                each.getparent().remove(each)
            for each in list(self.root.iter(f"{{{BPMN}}}flowNodeRef")):
                if each.text == ident:
                    each.getparent().remove(each)
        return self._named_anew()

    def skip(self, ident: str) -> Self:
        """Rub out a node and lead what came to it to what followed it."""
        flows = self._process.findall(f"{{{BPMN}}}sequenceFlow")
        follows = next(each.get("targetRef") for each in flows if each.get("sourceRef") == ident)
        for each in flows:
            if each.get("targetRef") == ident:
                each.set("targetRef", follows)
        return self.drop(ident)

    def enclose(self, new: str, *idents: str) -> Self:
        """Put nodes that follow each other into a subprocess."""
        inner = {*idents, f"{new}_start", f"{new}_end"}
        self.draw("subProcess", new, idents[0]).draw("startEvent", f"{new}_start", idents[0])
        self.draw("endEvent", f"{new}_end", idents[-1])
        for each in self._process.findall(f"{{{BPMN}}}sequenceFlow"):
            if {each.get("sourceRef"), each.get("targetRef")} & inner:
                end = "targetRef" if each.get("targetRef") == idents[0] else "sourceRef"
                is_within = {each.get("sourceRef"), each.get("targetRef")} <= inner
                each.set(end, each.get(end) if is_within else new)
        self.join(f"{new}_start", idents[0]).join(idents[-1], f"{new}_end")
        for each in list(self._process):
            if each.get("id") in inner or each.get("sourceRef") in inner:
                self.node(new).append(each)
        for each in list(self.root.iter(f"{{{BPMN}}}flowNodeRef")):
            if each.text in inner:
                each.getparent().remove(each)
        return self._named_anew()

    def calling(self, ident: str, process: str) -> Self:
        """Let a node call a process in place of what it does."""
        self.node(ident).tag = f"{{{BPMN}}}callActivity"
        self.node(ident).set("calledElement", process)
        for part in list(self.node(ident)):
            self.node(ident).remove(part)
        return self._named_anew()

    def renamed(self, name: str) -> Self:
        """Make it another process, in a file of its name."""
        for each in self.root.iter(f"{{{BPMN}}}participant"):
            each.set("processRef", name)
        self._process.set("id", name)
        self.file = f"{name}.bpmn"
        return self

    def awaiting(self, new: str, message: str, flow: str, target: str) -> Self:
        """Let a flow wait for a message before it comes to its target."""
        source = self.node(flow).get("sourceRef")
        self.draw("intermediateCatchEvent", new, source, name="等待")
        event = etree.SubElement(self.node(new), f"{{{BPMN}}}messageEventDefinition")
        event.attrib.update({"id": f"{new}_event", "messageRef": f"{new}_message"})
        drawn = etree.Element(f"{{{BPMN}}}message", {"id": f"{new}_message", "name": message})
        self._process.addnext(drawn)
        return self.lead(flow, target=new).join(new, target)

    def timed(self, new: str, host: str, text: str, target: str, **attributes: str) -> Self:
        """Let a time at the border of a task lead from there to its target."""
        self.draw("boundaryEvent", new, host, name="到时", attachedToRef=host, **attributes)
        event = etree.SubElement(self.node(new), f"{{{BPMN}}}timerEventDefinition")
        kind = "timeCycle" if text.startswith("R") else "timeDuration"
        drawn = etree.SubElement(event, f"{{{BPMN}}}{kind}", id=f"{new}_time")
        event.set("id", f"{new}_event")
        drawn.set(f"{{{_XSI}}}type", "bpmn:tFormalExpression")
        drawn.text = f'"{text}"'
        return self.join(new, target)

    def say(self, ident: str, name: str, value: str) -> Self:
        """Change a property of a task, or add it."""
        said = list(self.node(ident).iter("{*}property"))
        if name not in [each.get("name") for each in said]:
            said.append(etree.SubElement(said[0].getparent(), said[0].tag, name=name))
        for each in said:
            if each.get("name") == name:
                each.set("value", value)
        return self

    def write(self, ident: str, kind: str, text: str, new: str = "") -> Self:
        """Change the text of an expression, and perhaps what it is of."""
        each = next(self.node(ident).iter(f"{{{BPMN}}}{kind}"))
        each.text = text
        each.tag = f"{{{BPMN}}}{new or kind}"
        return self

    def _shape(self, ident: str) -> Any:
        shapes = (each for each in self.root.iter("*") if each.get("bpmnElement") == ident)
        return next(shapes)

    def _named_anew(self) -> Self:
        """Let nodes name their flows, as the designer does."""
        for kind in ("incoming", "outgoing"):
            for each in list(self._process.iter(f"{{{BPMN}}}{kind}")):
                each.getparent().remove(each)
        return self


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]
