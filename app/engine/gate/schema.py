"""Validation against the BPMN 2.0 and DMN schemas that come with the engine (结构校验)."""

import copy
from functools import cache
from typing import Any

from lxml import etree
from SpiffWorkflow.bpmn.parser.BpmnParser import XSD_PATH
from SpiffWorkflow.dmn.parser.BpmnDmnParser import SCHEMAS

from app.engine.gate.diagram import BPMN, SPIFF, local
from app.engine.gate.findings import Finding


@cache
def _schema(path: str) -> Any:
    try:
        return etree.XMLSchema(etree.parse(path))
    except etree.LxmlError as error:
        # The schemas are sound: nothing but want of memory keeps them from being read.
        raise MemoryError from error


def check_schema(file: str, root: Any) -> Finding | None:
    """Guard the parser against structures it was not written for; returns the first fault."""
    namespace = str(root.tag)[1:].partition("}")[0]
    path = SCHEMAS.get(namespace, XSD_PATH)
    schema = _schema(path)
    tree = _without_extensions(root)
    if schema.validate(tree):
        return None
    fault = schema.error_log.last_error
    message = f"第 {fault.line} 行不符合规范：{_plain(fault.message)}"
    hint = "请用流程设计器重新打开并保存后再上传"
    return Finding("xml.schema", local(root), file, message, hint, file=file)


def _plain(message: str) -> str:
    return message.replace(BPMN, "bpmn:")[:300]


def _without_extensions(root: Any) -> Any:
    """Return a copy without what the designers are known to write differently.

    Our own rules read the extensions.
    """
    tree = copy.deepcopy(root)
    for holder in tree.iter(f"{BPMN}extensionElements"):
        for child in holder.findall(f"{SPIFF}*"):
            holder.remove(child)
    return tree
