"""Laws of imports: broken by hand, they are told."""

from typing import Any

from flask import Flask
from sqlalchemy import delete

from app.core.db import db, transaction
from app.core.invariants import check_all
from app.imports.models import ImportBatch, ImportRow
from app.units.people_import import COLUMNS
from tests.builders.people import a_person, a_unit, an_id_number
from tests.builders.sheets import a_book, imported


def test_reports_add_up_and_rows_are_all_there(app: Flask, client_for: Any) -> None:
    with transaction():
        unit = a_unit()
        admin = a_person("敖正言", roles=[("unit_admin", "org", unit.id)])
    heads = [column.label for column in COLUMNS]
    imported(client_for(admin), "people", a_book(heads, ["林", an_id_number()]))
    with transaction(write=False):
        assert check_all() == []
    with transaction():
        batch = db.session.query(ImportBatch).one()
        batch.report = [["云桥区青禾小学", 2, 0, 0, 0]]
        db.session.execute(delete(ImportRow))
    with transaction(write=False):
        told = check_all()
    assert [text.partition("：")[0] for text in told] == [
        "导入的对账报告与文件行数相符",
        "导入的逐行结果齐全，或已到期删除",
    ]
