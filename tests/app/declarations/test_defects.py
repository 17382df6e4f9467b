"""A defect points at the field, the import or the attachment that is to be mended."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.core.clock import now
from app.core.db import db, transaction
from app.core.errors import Invalid
from app.declarations import operations, queries
from app.declarations.models import Declaration
from app.declarations.overview import material_of
from tests.builders.declarations import a_declaration, approved_item
from tests.builders.flow import do, open_items
from tests.builders.people import staff

Clients = Callable[..., Any]


def places(declaration: Declaration) -> tuple[int, int]:
    """The portfolio item of the first merit, and the first slot of the plan."""
    with transaction(write=False):
        found = queries.get_declaration(declaration.id)
        return queries.entries_of(found.id, "item")[0].item_id, found.plan.slots[0].id


def returned(declaration: Declaration, *rows: tuple[str, str]) -> None:
    defects = [{"section": place, "text": text, "remedy": "请修改"} for place, text in rows]
    answers = {"decision": "return", "opinion": "", "defects": defects}
    do(("declaration", declaration.id), "vet_declaration", answers)


def test_the_form_offers_every_field_import_and_slot(app: Flask, client_for: Clients) -> None:
    declaration = a_declaration()
    item_id, _slot = places(declaration)
    with transaction(write=False):
        clerk = staff(db.session.merge(declaration.unit, load=False), "unit_clerk")
        task = open_items(("declaration", declaration.id))[0]
    page = client_for(clerk).get(f"/tasks/{task.id}").text
    for place in ("basics", "basics:health", "files:", f"merits:{item_id}", "other"):
        assert f'<option value="{place}' in page, place
    assert "个人信息：身体状况" in page


def test_a_defect_keeps_its_field_its_import_and_its_slot(app: Flask) -> None:
    declaration = a_declaration()
    item_id, _slot = places(declaration)
    returned(declaration, ("basics:health", "与体检不符"), (f"merits:{item_id}", "证书不清"))
    with transaction(write=False):
        found = queries.open_defects(declaration.id)
        assert [(d.section, d.field, d.item_id) for d in found] == [
            ("basics", "health", None),
            ("merits", "", item_id),
        ]


def test_a_place_of_another_declaration_is_refused(app: Flask) -> None:
    declaration = a_declaration()
    with pytest.raises(Invalid, match="所选位置不在该申报中"):
        returned(declaration, ("merits:99999", "证书不清"))


def test_the_applicant_reads_a_defect_beside_what_is_wrong(
    app: Flask, client_for: Clients
) -> None:
    declaration = a_declaration()
    item_id, slot_id = places(declaration)
    with transaction(write=False):
        slot = queries.get_declaration(declaration.id).plan.slots[0].key
    returned(
        declaration,
        ("basics:health", "与体检不符"),
        ("basics:photo-place", "照片不是近期的"),
        (f"merits:{item_id}", "证书不清"),
        (f"files:{slot}", "没有签名"),
    )
    client = client_for(declaration.person)
    base = f"/declarations/{declaration.id}/fill"
    basics = client.get(f"{base}/basics").text
    for link in (
        f"{base}/basics#health",
        f"{base}/basics#photo-place",
        f"{base}/merits#item-entry-{item_id}",
        f"{base}/files#slot-{slot_id}",
    ):
        assert f'href="{link}"' in basics, link
    assert "个人信息：身体状况" in basics
    told = "云桥区青禾小学：与体检不符（请修改）"
    assert told in basics
    assert told not in client.get(f"{base}/work").text
    assert 'id="photo-place"' in basics
    assert "云桥区青禾小学：照片不是近期的（请修改）" in basics
    assert basics.count("（有待修改的退回问题）") == 3
    merits = client.get(f"{base}/merits").text
    assert f'id="item-entry-{item_id}" class="table-warning"' in merits
    assert f'id="item-entry-{item_id}"' in merits
    assert "云桥区青禾小学：证书不清（请修改）" in merits
    assert "云桥区青禾小学：没有签名（请修改）" in client.get(f"{base}/files").text


def with_half_of_it_mended() -> Declaration:
    """Return a declaration that came back with eight defects and was sent with four untouched."""
    declaration = a_declaration()
    item_id, _slot_id = places(declaration)
    with transaction(write=False):
        slots = [slot.key for slot in queries.get_declaration(declaration.id).plan.slots]
    returned(
        declaration,
        ("basics:health", "与体检不符"),
        ("basics:birth_place", "与户口簿不符"),
        (f"merits:{item_id}", "证书不清"),
        (f"files:{slots[0]}", "没有签名"),
        (f"files:{slots[1]}", "背面不清"),
        ("titles", "缺少聘书"),
        ("education", "学历不符"),
        ("other", "请核对全文"),
    )
    with transaction():
        found = queries.get_declaration(declaration.id)
        operations.save_field(found, "birth_place", ["安徽宁国"], now=now())
        kept = next(f for f in queries.files_of(found.id) if f.slot.key == slots[0])
        operations.rename_file(found, kept.id, "承诺书第一页", now=now())
        taken = next(e for e in queries.entries_of(found.id) if e.item_id == item_id)
        place = taken.standard_item_id
        operations.remove_entry(found, taken.id, now=now())
        honour = {"name": "区优秀教师", "date": "2023-09"}
        approved = approved_item(found.person, "honor", honour)
        operations.import_items(found, "item", [approved], standard_item_id=place, now=now())
    do(("declaration", declaration.id), "fill_declaration")
    return declaration


def test_what_was_not_touched_is_shown_as_such_to_the_offices(
    app: Flask, client_for: Clients
) -> None:
    declaration = with_half_of_it_mended()
    with transaction(write=False):
        found = queries.get_declaration(declaration.id)
        clerk = staff(found.unit, "unit_clerk")
        record = material_of(found, reader=clerk, now=now())
        states = {
            each.defect.text: each.defect.id in record["touched"] for each in record["defects"]
        }
        task = open_items(("declaration", declaration.id))[0]
    assert states == {
        "与体检不符": False,
        "与户口簿不符": True,
        "证书不清": True,
        "没有签名": True,
        "背面不清": False,
        "缺少聘书": False,
        "学历不符": False,
        "请核对全文": True,
    }
    page = client_for(clerk).get(f"/tasks/{task.id}").text
    assert page.count("未修改</span>") == 4
    assert page.count("已修改</span>") == 4
