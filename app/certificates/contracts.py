"""What the functions of issue and replacement do to certificates and requests (证书的约定)."""

from app.certificates.models import CertificateStatus, ReplacementStatus
from app.core.permissions import ISSUERS, VETTERS
from app.engine.contracts import YES_OR_NO, Contract, Life, moves, parting
from app.engine.handlers import matter

ISSUE_WORDS = {"issue": "同意发证", "return": "退回照片", "postpone": "暂缓发证"}
WORDS = {"pass": "通过", "return": "退回", "refuse": "不予换发"}
CONFIRMED = "confirmed"
"""The state of a result that has no certificate yet."""
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
        {CONFIRMED: "尚未备证", PHOTO: "待补照片", READY: "待发证", ACTIVE: "已发证"},
        ends=(ACTIVE,),
    ),
)
PENDING, RETURNED, REPLACED, REFUSED = (
    ReplacementStatus.PENDING,
    ReplacementStatus.RETURNED,
    ReplacementStatus.APPROVED,
    ReplacementStatus.REFUSED,
)
REPLACING = matter(
    "certificate_replacement",
    "证书补换",
    needs=("decide_replacement", "replace_certificate"),
    life=Life(
        {PENDING: "审核中", RETURNED: "已退回", REPLACED: "已换发", REFUSED: "不予换发"},
        ends=(REPLACED, REFUSED),
    ),
)
DECIDED = parting("decision", (PENDING,), {"pass": PENDING, "return": RETURNED, "refuse": REFUSED})


PREPARED = Contract(
    ISSUE,
    gives={"has_photo": YES_OR_NO},
    moves=(
        *parting("has_photo", (CONFIRMED,), {True: READY, False: PHOTO}),
        # It stays as it is when it is called again; a photo that was given back is one still.
        *moves((READY, ACTIVE), has_photo=True),
        *parting("has_photo", (PHOTO,), {True: PHOTO, False: PHOTO}),
    ),
)
MADE = Contract(
    ISSUE,
    after={"issue_certificate": {"decision": ("issue",)}},
    moves=moves((READY,), ACTIVE),
)
ISSUED = Contract(
    ISSUE,
    gives={"decision": ISSUE_WORDS, "issued_by": int},
    roles=ISSUERS,
    moves=parting("decision", (READY,), {"issue": READY, "return": PHOTO, "postpone": READY}),
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
    moves=DECIDED,
)
SETTLED = Contract(
    REPLACING, gives={"decision": WORDS, "decided_by": int}, roles=ISSUERS, moves=DECIDED
)
MENDED = Contract(
    REPLACING,
    roles=("applicant",),
    scopes=("replacement_person",),
    moves=moves((RETURNED,), PENDING),
)
REPLACES = Contract(
    REPLACING,
    after={"decide_replacement": {"decision": ("pass",)}},
    moves=moves((PENDING,), REPLACED),
)
