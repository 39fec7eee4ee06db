"""Waiting for a job to end."""

from __future__ import annotations

import time
from collections.abc import Callable

from stemhouse.client.calls import fetch, path
from stemhouse.client.exchange import Pause, Plan, Retries
from stemhouse.client.models import Job
from stemhouse.errors import Timeout

FIRST_LOOK_S, LONGEST_LOOK_S = 0.1, 2.0
_SLOWER = 1.3

Watch = Callable[[Job], None]
"""Shown the job at every look; what it raises ends the waiting."""


def wait_for_job(
    job_id: str, retries: Retries, *, timeout_s: float | None, watch: Watch | None
) -> Plan[Job]:
    """Look at a job until it has ended.

    Raises
    ------
    Timeout
        It takes longer than `timeout_s`; the job goes on.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    look_s = FIRST_LOOK_S
    while True:
        job = yield from fetch(Job, path("jobs", job_id), retries)
        if watch is not None:
            watch(job)
        if job.finished:
            return job
        if deadline is not None and time.monotonic() + look_s > deadline:
            raise Timeout(f"the job is still {job.status} after {timeout_s:g} s", job_id=job_id)
        yield Pause(look_s)
        look_s = min(LONGEST_LOOK_S, look_s * _SLOWER)
