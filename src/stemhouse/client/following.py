"""Following a job: what an event stream tells, and whether to listen on."""

from __future__ import annotations

import json
from http import HTTPStatus

from httpx2 import ServerSentEvent

from stemhouse.client.calls import fetch, path
from stemhouse.client.exchange import Ask, Pause, Plan, Reply, Retries, good, pause_after
from stemhouse.client.models import Job, JobEvent


def read_event(told: ServerSentEvent) -> JobEvent | None:
    """Return an event; None where it is one that this client cannot read."""
    try:
        data = json.loads(told.data)
    except ValueError:
        return None
    if not isinstance(data, dict):
        return None
    return JobEvent(
        kind=told.event,
        number=data.get("number"),
        status=str(data.get("status", "")),
        data=data,
    )


class Follower:
    """Remembers where a stream is, and decides what to do when it ends."""

    def __init__(self, job_id: str, after: int, retries: Retries) -> None:
        self.where = path("jobs", job_id, "events")
        self._job = path("jobs", job_id)
        self._retries = retries
        self._after = after
        self._failures = 0
        self._quiet = False
        self.over = False

    @property
    def headers(self) -> dict[str, str]:
        """What to ask with: only what has not been told yet."""
        return {"Last-Event-ID": str(self._after)} if self._after else {}

    def take(self, told: ServerSentEvent) -> JobEvent | None:
        """Take what the stream tells."""
        event = read_event(told)
        if event is None:
            return None
        self._failures, self._quiet = 0, False
        if event.number is not None:
            self._after = event.number
        self.over = self.over or event.last
        return event

    def ended(self, reply: Reply) -> Plan[None]:
        """Decide whether to listen again after a stream ended before the job did.

        Raises
        ------
        StemhouseError
            The server refuses, or cannot be reached.
        """
        if reply.failure is not None or reply.status >= HTTPStatus.BAD_REQUEST:
            request = Ask(method="GET", path=self.where)
            wait_s = pause_after(request, reply, self._failures, self._retries)
            if wait_s is None:
                good(reply)
        else:
            job = yield from fetch(Job, self._job, self._retries)
            # Its end may have been written between the stream and this look: ask once more.
            self.over = job.finished and self._quiet
            self._quiet = True
            wait_s = 0.0 if job.finished else self._retries.first_wait_s
        self._failures += 1
        if not self.over:
            yield Pause(wait_s or 0.0)
