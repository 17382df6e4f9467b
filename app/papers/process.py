"""What the machinery asks of papers: the jobs that print."""

from app.certificates.queries import RENDER_JOB
from app.core.jobs import register_job
from app.papers.certificate import make_certificate

register_job(RENDER_JOB)(make_certificate)
