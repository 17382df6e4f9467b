"""Exports of one's own data: asked for, made by the worker, kept a week (导出我的信息)."""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import select

from app.accounts.models import Person
from app.accounts.operations import notify
from app.core import audit, jobs, storage, sweeping
from app.core.clock import now as clock_now
from app.core.db import db, transaction
from app.core.errors import Conflict, NotFound
from app.core.storage import StoredFile
from app.people.known import everything_of, files_of
from app.people.models import DataExport, ExportStatus
from app.people.sight import sights_of, told

JOB = "export_person"
KEPT = timedelta(days=7)
AT_ONCE = 10
# What a single file may weigh; later files are named in it and left out.
MOST_BYTES = 300 * 2**20
ZIP = "application/zip"


def job_key(export: DataExport) -> str:
    """Return the key of the job that makes an export."""
    return f"{JOB}:{export.id}"


def exports_of(person_id: int) -> list[DataExport]:
    """Return a person's exports, the newest first."""
    mine = select(DataExport).where(DataExport.person_id == person_id)
    return list(db.session.scalars(mine.order_by(DataExport.id.desc()).limit(10)))


def has_failed(export: DataExport) -> bool:
    """Tell whether the worker gave an export up."""
    key = job_key(export)
    return export.status == ExportStatus.WAITING and key in jobs.failed_of([key])


def request_export(person: Person, *, now: datetime) -> DataExport:
    """Ask for everything as one file; a job that failed is tried again, Conflict while it runs."""
    waiting = next((e for e in exports_of(person.id) if e.status == ExportStatus.WAITING), None)
    if waiting is not None:
        if not jobs.ask_again(job_key(waiting), now=now):
            raise Conflict("正在生成，完成后会通知您")
        return waiting
    export = DataExport(person_id=person.id, asked_at=now, done=0, total=0, left_out=0)
    db.session.add(export)
    db.session.flush()
    jobs.enqueue(JOB, {"export": export.id}, key=job_key(export), now=now)
    audit.record(
        "person:data_exported", subject=("person", person.id), actor_id=person.id, now=now
    )
    return export


@jobs.register_job(JOB)
def make_export(payload: Mapping[str, Any]) -> None:
    """Gather the records, then the files a few at a time; what was made before stays as it is."""
    export_id = int(payload["export"])
    with transaction():
        export = db.session.get(DataExport, export_id)
        if export is None or export.status != ExportStatus.WAITING:
            return
        person = db.session.get_one(Person, export.person_id)
        files = list(db.session.scalars(files_of(person.id)))
        chosen = _within(files)
        told_all = _records(person, {file.id for file in files} - {file.id for file in chosen})
        page = _page(person, told_all)
        export.done, export.total = 0, len(chosen) + 1
        export.left_out = len(files) - len(chosen)
        ids = [file.id for file in chosen]
        name = f"我的信息-{clock_now():%Y%m%d%H%M}.zip"
    with tempfile.TemporaryFile() as target:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("我的信息.html", page)
            archive.writestr("我的信息.json", json.dumps(told_all, ensure_ascii=False, indent=1))
            for start in range(0, len(ids), AT_ONCE):
                _pack(archive, export_id, ids[start : start + AT_ONCE])
        kept = storage.store_known(target, name, ZIP)
    _finish(export_id, kept)


def _within(files: list[StoredFile]) -> list[StoredFile]:
    chosen, weight = [], 0
    for file in files:
        weight += file.size
        if weight <= MOST_BYTES:
            chosen.append(file)
    return chosen


def _page(person: Person, everything: Mapping[str, Any]) -> str:
    """Return the records as a page that people read; the JSON beside it is for programs."""
    template = current_app.jinja_env.get_template("documents/my_data.html")
    return template.render(told=everything, name=person.name)


def _records(person: Person, left_out: set[int]) -> dict[str, Any]:
    seen = told(list(db.session.scalars(sights_of(person.id))))
    return {
        "说明": "本平台所存的您的个人信息；证件号码以掩码显示",
        "导出时间": f"{clock_now():%Y-%m-%d %H:%M}",
        **everything_of(person),
        "查看记录": [
            {"日期": each.on.isoformat(), "查看人": each.office, "材料": each.file}
            for each in seen
        ],
        "文件过大未包含的文件编号": sorted(left_out),
    }


def _entry(file: StoredFile) -> str:
    return f"文件/{file.id}-{file.name}"


def _pack(archive: zipfile.ZipFile, export_id: int, ids: list[int]) -> None:
    with transaction(write=False):
        files = list(db.session.scalars(select(StoredFile).where(StoredFile.id.in_(ids))))
    for file in files:
        try:
            with storage.open_file(file) as content, archive.open(_entry(file), "w") as entry:
                shutil.copyfileobj(content, entry, 2**20)
        except NotFound as lost:
            archive.writestr(f"{_entry(file)}.缺失.txt", lost.message)
    with transaction():
        export = db.session.get_one(DataExport, export_id)
        export.done = min(export.total, export.done + len(ids))


def _finish(export_id: int, kept: storage.Kept) -> None:
    with transaction():
        export, moment = db.session.get_one(DataExport, export_id), clock_now()
        if export.status != ExportStatus.WAITING:
            return
        file = storage.lay(kept, owner_id=export.person_id, now=moment)
        export.status, export.file_id, export.done = ExportStatus.READY, file.id, export.total
        export.expires_at = moment + KEPT
        storage.link(file)
        text = f"您的个人信息已导出，请在 {export.expires_at:%Y-%m-%d %H:%M} 前下载"
        notify(export.person_id, text, url="/account/data", now=moment)


def sweep_exports(now: datetime) -> list[str]:
    """Forget the files of exports after a week; returns the hashes of their bytes."""
    over = select(DataExport).where(
        DataExport.status == ExportStatus.READY, DataExport.expires_at <= now
    )
    ids = []
    for export in db.session.scalars(over.limit(200)):
        ids.append(export.file_id or 0)
        export.status, export.file_id = ExportStatus.EXPIRED, None
    db.session.flush()
    return sweeping.forget_files(ids)
