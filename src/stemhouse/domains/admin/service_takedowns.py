"""What operators do about requests for takedowns."""

from __future__ import annotations

from sqlalchemy.orm import Session

from stemhouse.domains.admin import queries, service_jobs
from stemhouse.domains.admin.operator import Deed, Operator, record
from stemhouse.domains.admin.schemas import DecisionRequest, RemovalRequest
from stemhouse.domains.separations import service as jobs
from stemhouse.domains.separations.lifecycle import Change
from stemhouse.domains.separations.states import UNFINISHED
from stemhouse.domains.separations.tables import Job
from stemhouse.domains.takedowns import service as takedowns
from stemhouse.domains.takedowns.service import Step
from stemhouse.domains.takedowns.tables import Takedown
from stemhouse.domains.uploads import service as uploads


def find(session: Session, operator: Operator, takedown_id: str) -> Takedown:
    """Return a request of the operator's sites, or raise `NotFound`."""
    return takedowns.find(session, operator.sites, takedown_id)


def decide(
    change: Change, operator: Operator, takedown_id: str, asked: DecisionRequest
) -> Takedown:
    """Move a request on, and write down why.

    Raises
    ------
    NotFound, Conflict
        There is none; it may not go there from where it is.
    """
    takedown = find(change.session, operator, takedown_id)
    step = Step(kind=asked.state, actor_id=operator.account_id, note=asked.reason)
    takedowns.decide(change.session, takedown, step, change.now)
    _record(change, operator, takedown, kind=f"takedown_{asked.state}", reason=asked.reason)
    return takedown


def remark(change: Change, operator: Operator, takedown_id: str, note: str) -> Takedown:
    """Write something down about a request."""
    takedown = find(change.session, operator, takedown_id)
    step = Step(kind="note", actor_id=operator.account_id, note=note)
    takedowns.write_down(change.session, takedown, step, change.now)
    return takedown


def remove(change: Change, operator: Operator, takedown_id: str, asked: RemovalRequest) -> Takedown:
    """Remove a song because of a request: of one account, or of all of the site and for ever.

    Jobs that wait or run are stopped and paid back, ended ones go with their stems, and so do the
    uploads of the recording.

    Raises
    ------
    NotFound
        There is no such request, or no such job on its site.
    """
    session = change.session
    takedown = find(session, operator, takedown_id)
    on_its_site = Operator(account_id=operator.account_id, sites=(takedown.site_id,))
    job = service_jobs.find(session, on_its_site, asked.job_id)
    site_id, recording = job.site_id, job.song_sha256
    found = [job]
    if asked.block:
        uploads.block_recording(session, site_id, recording, takedown.id, now=change.now)
        blocked = Step(kind="recording_blocked", note=asked.reason, data={"sha256": recording})
        _note(change, operator, takedown, blocked)
        found = list(session.scalars(queries.jobs_of_recording(site_id, recording)))
    for one in found:
        _remove_job(change, operator, takedown, one, reason=asked.reason)
    if asked.block:
        for upload in session.scalars(queries.uploads_of_recording(site_id, recording)).all():
            uploads.withdraw(session, upload, change.now)
    return takedown


def _remove_job(
    change: Change, operator: Operator, takedown: Takedown, job: Job, *, reason: str
) -> None:
    job_id = job.id
    if job.state in UNFINISHED:
        # One that runs ends within a second, cancelled: its stems are discarded then.
        jobs.cancel_job(change, job)
    if job.state not in UNFINISHED:
        jobs.delete_job(change, job)
    removed = Step(kind="song_removed", note=reason, data={"job_id": job_id})
    _note(change, operator, takedown, removed)
    _record(change, operator, takedown, kind="takedown_removal", reason=reason, job_id=job_id)


def _note(change: Change, operator: Operator, takedown: Takedown, step: Step) -> None:
    signed = Step(kind=step.kind, actor_id=operator.account_id, note=step.note, data=step.data)
    takedowns.write_down(change.session, takedown, signed, change.now)


def _record(
    change: Change, operator: Operator, takedown: Takedown, *, kind: str, reason: str, **data: str
) -> None:
    deed = Deed(
        kind=kind, site_id=takedown.site_id, target_id=takedown.id, reason=reason, data=data
    )
    record(change.session, operator, deed, change.now)
