"""What the machinery asks of papers: the jobs that print."""

from app.certificates.queries import RENDER_JOB
from app.core.jobs import notes_of_failure, register_job
from app.engine import incidents
from app.papers.certificate import make_certificate

register_job(RENDER_JOB)(make_certificate)
# A paper that cannot be made is an incident (异常) that admins find.
if incidents.record not in notes_of_failure:
    notes_of_failure.append(incidents.record)
