"""Laws of certificates."""

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import select

from app.catalogue import jurisdictions
from app.certificates.models import (
    Certificate,
    CertificateStatus,
    NumberSeries,
    Revocation,
    RevocationStatus,
)
from app.core.db import db
from app.core.invariants import invariant
from app.results.models import Result, ResultStatus
from rules.numbering import certificate_number


def _given(series: NumberSeries) -> Iterator[str]:
    settings = jurisdictions.get(series.jurisdiction).certificate
    for serial in range(1, series.last + 1):
        yield certificate_number(
            settings.number_pattern,
            region=settings.region,
            year=series.year,
            code=series.code,
            serial=serial,
        )


@invariant("证书编号唯一且连续")
def numbers_are_distinct_and_gapless() -> list[str]:
    """Every serial that was given stands on one certificate, and no review's number is foreign."""
    numbered = select(Certificate.number, Certificate.result_id)
    rows = db.session.execute(numbered.where(Certificate.number.is_not(None)))
    issued: dict[str, int | None] = {str(number): result for number, result in rows}
    given = [number for series in db.session.scalars(select(NumberSeries)) for number in
             _given(series)]  # fmt: skip
    broken = [f"编号 {number} 缺号" for number in given if number not in issued]
    broken += [f"编号 {number} 重复" for number, times in Counter(given).items() if times > 1]
    known = set(given)
    foreign = {n for n, result in issued.items() if result is not None and n not in known}
    return broken + [f"编号 {number} 不在号段内" for number in sorted(foreign)]


@invariant("撤销的证书有复核同意的撤销，其评审结果也已撤销")
def revoked_certificates_were_confirmed_by_two() -> list[str]:
    """A certificate is revoked just when its revocation is confirmed; so is its result."""
    revoked = Certificate.status == CertificateStatus.REVOKED
    confirmed = (
        select(Revocation.id)
        .where(
            Revocation.certificate_id == Certificate.id,
            Revocation.status == RevocationStatus.CONFIRMED,
        )
        .exists()
    )
    torn = select(Certificate.number).where(revoked != confirmed)
    kept = select(Certificate.number).join(Certificate.result)
    kept = kept.where(revoked, Result.status != ResultStatus.REVOKED)
    broken = [f"证书 {number} 的撤销不一致" for number in db.session.scalars(torn)]
    return broken + [f"证书 {number} 的结果未撤销" for number in db.session.scalars(kept)]
