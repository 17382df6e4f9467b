"""What the pages of certificates share: the blueprint and the certificate asked for."""

from flask import Blueprint
from flask_login import current_user

from app.certificates.models import Certificate
from app.core.clock import now
from app.core.db import db
from app.core.errors import NotFound
from app.core.permissions import authorize

bp = Blueprint("certificates", __name__)


def certificate_for(certificate_id: int, action: str = "certificate.show") -> Certificate:
    """Return a certificate that the person may see, or may do `action` with."""
    certificate = db.session.get(Certificate, certificate_id)
    if certificate is None:
        raise NotFound("证书不存在")
    authorize(action, current_user, certificate, now())
    return certificate
