"""What the functions of issue and replacement do to certificates and requests (证书的约定)."""

from app.certificates.models import CertificateStatus, ReplacementStatus
from app.core.permissions import ISSUERS, VETTERS
from app.engine.contracts import YES_OR_NO, Contract, Life, moves, parting
from app.engine.handlers import matter

ISSUE_WORDS = {"issue": "同意发证", "return": "退回照片", "postpone": "暂缓发证"}
WORDS = {"pass": "通过", "return": "退回", "refuse": "不予换发"}
CONFIRMED, AGREED = "confirmed", "agreed"
"""States of the process alone: a result without a certificate yet, and the issuer's consent."""
PHOTO, READY, ACTIVE = (
    CertificateStatus.AWAITING_PHOTO,
    CertificateStatus.AWAITING_ISSUE,
    CertificateStatus.ACTIVE,
)
ISSUE = matter(
    "certificate_issue",
    "职称证书制发",
    needs=("prepare_certificate", "issue_certificate", "make_certificate"),
    life=Life(
        {
            CONFIRMED: "尚未备证",
            PHOTO: "待补照片",
            READY: "待发证",
            AGREED: "同意发证，尚未制证",
            ACTIVE: "已发证",
        },
        ends=(ACTIVE,),
        shown={
            AGREED: (READY,),
            ACTIVE: (ACTIVE, CertificateStatus.REPLACED, CertificateStatus.REVOKED),
        },
    ),
)
PENDING, RETURNED, REPLACED, REFUSED = (
    ReplacementStatus.PENDING,
    ReplacementStatus.RETURNED,
    ReplacementStatus.APPROVED,
    ReplacementStatus.REFUSED,
)
GRANTED = "granted"
REPLACING = matter(
    "certificate_replacement",
    "证书补换",
    needs=("decide_replacement", "replace_certificate"),
    life=Life(
        {
            PENDING: "审核中",
            RETURNED: "已退回",
            GRANTED: "同意换发，尚未换发",
            REPLACED: "已换发",
            REFUSED: "不予换发",
        },
        ends=(REPLACED, REFUSED),
        shown={GRANTED: (PENDING,)},
    ),
)
_NOT = {"return": RETURNED, "refuse": REFUSED}


PREPARED = Contract(
    ISSUE,
    gives={"has_photo": YES_OR_NO},
    moves=(
        *parting("has_photo", (CONFIRMED,), {True: READY, False: PHOTO}),
        # It stays as it is when it is called again; a photo that was given back is one still.
        *moves((READY, AGREED, ACTIVE), has_photo=True),
        *parting("has_photo", (PHOTO,), {True: PHOTO, False: PHOTO}),
    ),
)
MADE = Contract(ISSUE, moves=moves((AGREED,), ACTIVE))
ISSUED = Contract(
    ISSUE,
    gives={"decision": ISSUE_WORDS, "issued_by": int},
    roles=ISSUERS,
    moves=parting(
        "decision", (READY, AGREED), {"issue": AGREED, "return": PHOTO, "postpone": READY}
    ),
)
PHOTO_PROVIDED = Contract(
    ISSUE,
    roles=("applicant",),
    moves=moves((PHOTO,), READY),
)
VETTED = Contract(
    REPLACING,
    gives={"decision": WORDS},
    roles=(*VETTERS, *ISSUERS),
    scopes=("replacement_unit", "replacement_issuer"),
    moves=parting("decision", (PENDING,), {"pass": PENDING, **_NOT}),
)
SETTLED = Contract(
    REPLACING,
    gives={"decision": WORDS, "decided_by": int},
    roles=ISSUERS,
    moves=parting("decision", (PENDING, GRANTED), {"pass": GRANTED, **_NOT}),
)
MENDED = Contract(
    REPLACING,
    roles=("applicant",),
    scopes=("replacement_person",),
    moves=moves((RETURNED,), PENDING),
)
REPLACES = Contract(REPLACING, moves=moves((GRANTED,), REPLACED))
