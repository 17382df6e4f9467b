"""Nobody decides on their own record: the shipped diagrams, with a task given to somebody else."""

import pytest
from lxml import etree

from app.engine.diagrams import Node
from app.engine.gate import Known
from app.engine.gate.inspection import inspect
from tests.bpmn.test_shipped import NATIONAL, USER_TASKS, known, name_of

__all__ = ["known"]
PROPERTY = "{http://spiffworkflow.org/bpmn/schema/1.0/core}property"
OWN = {
    "portfolio_audit": "item_owner",
    "portfolio_withdrawal": "item_owner",
    "unit_binding": "binding_person",
    "unit_registration": "registrant",
    "identity_correction": "correction_person",
    "certificate_issue": "certificate_holder",
    "certificate_replacement": "replacement_person",
    "unit_review": "declaration_applicant",
    "superior_review": "declaration_applicant",
    "declaration": "declaration_applicant",
}
"""By process, the scope of the person whom it is about."""
OFFICES = [
    node
    for node in USER_TASKS
    if node.process in OWN and node.properties["scope"] != OWN[node.process]
]


def said_of(node: Node, known: Known, **changes: str) -> set[str]:
    """The rules that a task breaks once some of its properties are changed."""
    root = etree.fromstring(NATIONAL[f"{node.process}.bpmn"])
    [task] = root.xpath("//*[@id=$id]", id=node.id)
    for each in task.iter(PROPERTY):
        each.set("value", changes.get(each.get("name"), each.get("value")))
    verdict = inspect({f"{node.process}.bpmn": etree.tostring(root)}, known=known)
    return {found.rule for found in verdict.findings if found.element == node.id}


@pytest.mark.parametrize("node", USER_TASKS, ids=name_of)
def test_a_task_is_not_given_to_who_has_no_business_there(node: Node, known: Known) -> None:
    assert said_of(node, known) == set()
    assert "task.role" in said_of(node, known, role="audit_admin")


@pytest.mark.parametrize("node", OFFICES, ids=name_of)
def test_a_decision_is_not_given_to_the_person_whom_it_is_about(node: Node, known: Known) -> None:
    own = OWN[node.process]
    assert "task.role" in said_of(node, known, role="applicant", scope=own)
    assert {"task.role", "task.scope"} & said_of(node, known, scope=own)


@pytest.mark.parametrize(
    ("save", "scope"),
    [
        ("vet_registration", "registrant"),
        ("vet_unit_change", "changing_unit"),
        ("vet_posts", "posts_unit"),
        ("mend_unit_change", "change_office"),
        ("mend_posts", "posts_office"),
    ],
)
def test_an_administrator_vets_for_their_own_office_only(
    save: str, scope: str, known: Known
) -> None:
    """Both sides are administrators of a unit: the role alone does not tell them apart."""
    [node] = [node for node in USER_TASKS if node.properties["save"] == save]
    # There it may also be who has vetted it before, which is asked about.
    assert said_of(node, known, scope=scope) - {"task.apart"} == {"task.scope"}


@pytest.mark.parametrize(
    ("save", "role"),
    [
        ("vet_item", "superior_clerk"),
        ("confirm_termination", "organiser"),
        ("vet_posts", "unit_clerk"),
    ],
)
def test_a_province_may_give_a_task_to_another_office(save: str, role: str, known: Known) -> None:
    node = next(node for node in USER_TASKS if node.properties["save"] == save)
    # Its lane is another's now; it may be who has judged before, and who holds no such role here.
    assert said_of(node, known, role=role) - {"task.nobody", "task.apart"} == {"user.role"}


def test_a_role_that_nobody_holds_at_a_place_is_asked_about(known: Known) -> None:
    [node] = [node for node in USER_TASKS if node.properties["save"] == "vet_item"]
    assert "task.nobody" in said_of(node, known, role="superior_clerk")
    assert "task.nobody" not in said_of(node, known, role="unit_leader")
